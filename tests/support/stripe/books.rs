//! What stands in the stand-in's books, and what its requests do to it.

use std::collections::{BTreeMap, HashMap};

use commands::clock::Clock;
use serde_json::{Value, json};

use super::form::Form;
use super::webhooks::Webhook;

type Answer = (u16, Value);

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) is_post: bool,
    pub(super) path: String,
    pub(super) form: Form,
    pub(super) key: Option<String>,
}

#[derive(Debug)]
pub(super) struct Books {
    clock: Clock,
    shapes: Value,
    number: u64,
    /// By id, oldest first.
    pub(super) intents: BTreeMap<String, Value>,
    charges: BTreeMap<String, Value>,
    disputes: BTreeMap<String, Value>,
    pub(super) refunds: BTreeMap<String, Value>,
    /// What becomes of the next refund, if it is not to succeed at once.
    pub(super) next_refund: Option<&'static str>,
    /// The first answer to each key, and what it was an answer to.
    pub(super) keys: HashMap<String, (String, Form, Answer)>,
    pub(super) searches_lag: bool,
    webhooks: Vec<Webhook>,
}

pub(super) fn fault(status: u16, kind: &str, code: &str, message: &str) -> Answer {
    (status, json!({"error": {"type": kind, "code": code, "message": message}}))
}

fn missing(what: &str, id: &str) -> Answer {
    fault(404, "invalid_request_error", "resource_missing", &format!("No such {what}: '{id}'"))
}

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_else(|| panic!("{field} is a number"))
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is text")).to_owned()
}

impl Books {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            shapes: serde_json::from_str(include_str!("shapes.json")).expect("the shapes are JSON"),
            number: 0,
            intents: BTreeMap::new(),
            charges: BTreeMap::new(),
            disputes: BTreeMap::new(),
            refunds: BTreeMap::new(),
            next_refund: None,
            keys: HashMap::new(),
            searches_lag: false,
            webhooks: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, request: &Request) -> Answer {
        if let Some(key) = &request.key
            && let Some((path, form, answer)) = self.keys.get(key)
        {
            if *path == request.path && *form == request.form {
                return answer.clone();
            }
            return fault(400, "idempotency_error", "idempotency", "Keys can only be used with the same parameters");
        }
        let answer = self.carry_out(request);
        self.answer_from_now_on(request, answer.clone());
        answer
    }

    /// The first answer to a key is the answer to it for a day, whatever it was.
    pub(super) fn answer_from_now_on(&mut self, request: &Request, answer: Answer) {
        if let Some(key) = &request.key {
            self.keys.insert(key.clone(), (request.path.clone(), request.form.clone(), answer));
        }
    }

    fn carry_out(&mut self, request: &Request) -> Answer {
        let steps: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
        match (request.is_post, &steps[..]) {
            (true, ["payment_intents"]) => self.open(&request.form),
            (true, ["payment_intents", id, "capture"]) => self.capture(id, &request.form),
            (true, ["payment_intents", id, "cancel"]) => self.cancel(id),
            (false, ["payment_intents"]) => self.list(&request.form),
            (false, ["payment_intents", "search"]) => self.search(&request.form),
            (false, ["payment_intents", id]) => match self.intents.get(*id) {
                Some(intent) => (200, self.expanded(intent.clone(), request.form.contains_key("expand[]"))),
                None => missing("payment_intent", id),
            },
            (true, ["refunds"]) => self.refund(&request.form),
            (false, ["refunds"]) => {
                let of = &request.form["payment_intent"];
                let refunds = self.refunds.values().rev().filter(|refund| refund["payment_intent"] == **of);
                (200, list_of(refunds.cloned().collect(), false, "/v1/refunds"))
            }
            (false, ["disputes"]) => {
                let of = &request.form["payment_intent"];
                let disputes = self.disputes.values().rev().filter(|dispute| dispute["payment_intent"] == **of);
                (200, list_of(disputes.cloned().collect(), false, "/v1/disputes"))
            }
            _ => fault(404, "invalid_request_error", "url_invalid", "Unrecognized request URL"),
        }
    }

    fn id(&mut self, prefix: &str) -> String {
        self.number += 1;
        format!("{prefix}_standin{:06}", self.number)
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    fn open(&mut self, form: &Form) -> Answer {
        for name in form.keys() {
            let known = [
                "amount",
                "currency",
                "payment_method",
                "payment_method_types[]",
                "capture_method",
                "confirm",
                "return_url",
                "error_on_requires_action",
            ];
            if !known.contains(&name.as_str()) && !name.starts_with("metadata[") {
                return fault(
                    400,
                    "invalid_request_error",
                    "parameter_unknown",
                    &format!("Received unknown parameter: {name}"),
                );
            }
        }
        let Ok(amount) = form["amount"].parse::<i64>() else {
            return fault(400, "invalid_request_error", "parameter_invalid_integer", "Invalid integer");
        };
        assert_eq!((form["capture_method"].as_str(), form["confirm"].as_str()), ("manual", "true"));
        let (id, charge) = (self.id("pi"), self.id("ch"));
        let mut intent = self.shapes["payment_intent"].clone();
        intent["id"] = id.clone().into();
        intent["amount"] = amount.into();
        intent["currency"] = form["currency"].clone().into();
        intent["capture_method"] = "manual".into();
        intent["created"] = self.now().into();
        for (name, value) in form {
            if let Some(name) = name.strip_prefix("metadata[").and_then(|name| name.strip_suffix(']')) {
                intent["metadata"][name] = value.clone().into();
            }
        }
        self.tell("payment_intent.created", &intent);
        let asks = form.get("error_on_requires_action").is_none_or(|wanted| wanted != "true");
        match form["payment_method"].as_str() {
            "pm_card_visa" => self.hold(intent, &charge),
            "pm_card_authenticationRequired" if asks => {
                let url = format!("https://hooks.stripe.com/redirect/{id}");
                intent["status"] = "requires_action".into();
                let redirect = json!({"url": url, "return_url": form["return_url"]});
                intent["next_action"] = json!({"type": "redirect_to_url", "redirect_to_url": redirect});
                self.tell("payment_intent.requires_action", &intent);
                self.intents.insert(id, intent.clone());
                (200, intent)
            }
            "pm_card_authenticationRequired" => self.decline(intent, "authentication_required", None),
            "pm_card_chargeDeclined" => self.decline(intent, "card_declined", Some("generic_decline")),
            "pm_card_chargeDeclinedInsufficientFunds" => {
                self.decline(intent, "card_declined", Some("insufficient_funds"))
            }
            other => missing("PaymentMethod", other),
        }
    }

    fn hold(&mut self, mut intent: Value, charge_id: &str) -> Answer {
        let mut charge = self.shapes["charge"].clone();
        for (field, value) in [("id", charge_id.into()), ("amount", intent["amount"].clone())] {
            charge[field] = value;
        }
        charge["currency"] = intent["currency"].clone();
        charge["payment_intent"] = intent["id"].clone();
        charge["metadata"] = intent["metadata"].clone();
        intent["status"] = "requires_capture".into();
        intent["next_action"] = Value::Null;
        intent["amount_capturable"] = intent["amount"].clone();
        intent["latest_charge"] = charge_id.into();
        self.tell("charge.succeeded", &charge);
        self.tell("payment_intent.amount_capturable_updated", &intent);
        self.charges.insert(charge_id.to_owned(), charge);
        self.intents.insert(text(&intent, "id"), intent.clone());
        (200, intent)
    }

    fn decline(&mut self, mut intent: Value, code: &str, decline_code: Option<&str>) -> Answer {
        let error = json!({"type": "card_error", "code": code, "decline_code": decline_code, "message": "Declined."});
        intent["status"] = "requires_payment_method".into();
        intent["last_payment_error"] = error.clone();
        self.tell("payment_intent.payment_failed", &intent);
        self.intents.insert(text(&intent, "id"), intent.clone());
        let mut error = error;
        error["payment_intent"] = intent;
        (402, json!({"error": error}))
    }

    pub(super) fn buyer_confirms(&mut self, id: &str) {
        let (intent, charge) = (self.intents[id].clone(), self.id("ch"));
        assert_eq!(intent["status"], "requires_action");
        self.hold(intent, &charge);
    }

    pub(super) fn open_by_hand(&mut self, payment_id: &str, amount: i64) -> String {
        let fields = [
            ("amount", amount.to_string()),
            ("currency", "gbp".to_owned()),
            ("payment_method", "pm_card_visa".to_owned()),
            ("capture_method", "manual".to_owned()),
            ("confirm", "true".to_owned()),
            ("metadata[payment_id]", payment_id.to_owned()),
        ];
        let form = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (status, intent) = self.open(&form);
        assert_eq!(status, 200);
        text(&intent, "id")
    }

    pub(super) fn by_hand(&mut self, what: &str, id: &str, amount: Option<i64>) -> Value {
        let amount = amount.map(|amount| ("amount_to_capture".to_owned(), amount.to_string()));
        let (status, answer) = match what {
            "capture" => self.capture(id, &amount.into_iter().collect()),
            "cancel" => self.cancel(id),
            "refund" => {
                let amount = amount.map(|(_, amount)| ("amount".to_owned(), amount));
                self.refund(&amount.into_iter().chain([("payment_intent".to_owned(), id.to_owned())]).collect())
            }
            other => panic!("nobody does {other}"),
        };
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn capture(&mut self, id: &str, form: &Form) -> Answer {
        let Some(mut intent) = self.intents.get(id).cloned() else { return missing("payment_intent", id) };
        if intent["status"] != "requires_capture" {
            return unexpected(&intent, "captured");
        }
        let whole = number(&intent, "amount_capturable");
        let taken = form.get("amount_to_capture").map_or(whole, |amount| parsed(amount));
        if taken > whole || taken <= 0 {
            return fault(400, "invalid_request_error", "amount_too_large", "Amount is greater than can be captured");
        }
        for (name, value) in form {
            if let Some(name) = name.strip_prefix("metadata[").and_then(|name| name.strip_suffix(']')) {
                intent["metadata"][name] = value.clone().into();
            }
        }
        intent["status"] = "succeeded".into();
        intent["amount_capturable"] = 0.into();
        intent["amount_received"] = taken.into();
        let charge = self.charges.get_mut(&text(&intent, "latest_charge")).expect("it was made with it");
        charge["captured"] = true.into();
        charge["amount_captured"] = taken.into();
        let charge = charge.clone();
        self.tell("charge.captured", &charge);
        self.tell("payment_intent.succeeded", &intent);
        self.intents.insert(id.to_owned(), intent.clone());
        (200, intent)
    }

    fn cancel(&mut self, id: &str) -> Answer {
        let Some(mut intent) = self.intents.get(id).cloned() else { return missing("payment_intent", id) };
        if matches!(intent["status"].as_str(), Some("succeeded" | "canceled")) {
            return unexpected(&intent, "canceled");
        }
        intent["status"] = "canceled".into();
        intent["amount_capturable"] = 0.into();
        intent["canceled_at"] = self.now().into();
        self.tell("payment_intent.canceled", &intent);
        self.intents.insert(id.to_owned(), intent.clone());
        (200, intent)
    }

    fn refund(&mut self, form: &Form) -> Answer {
        let Some(intent) = self.intents.get(&form["payment_intent"]).cloned() else {
            return missing("payment_intent", &form["payment_intent"]);
        };
        let Some(charge) = self.charges.get(intent["latest_charge"].as_str().unwrap_or_default()).cloned() else {
            return fault(400, "invalid_request_error", "charge_not_found", "There is no charge to refund");
        };
        let left = number(&charge, "amount_captured") - number(&charge, "amount_refunded");
        let amount: i64 = form.get("amount").map_or(left, |amount| parsed(amount));
        if amount > left {
            return fault(
                400,
                "invalid_request_error",
                "charge_already_refunded",
                "Refund amount is greater than unrefunded",
            );
        }
        let id = self.id("re");
        let mut refund = self.shapes["refund"].clone();
        for (field, value) in [
            ("id", id.clone().into()),
            ("amount", amount.into()),
            ("currency", intent["currency"].clone()),
            ("charge", charge["id"].clone()),
            ("payment_intent", intent["id"].clone()),
            ("created", self.now().into()),
        ] {
            refund[field] = value;
        }
        for (name, value) in form {
            if let Some(name) = name.strip_prefix("metadata[").and_then(|name| name.strip_suffix(']')) {
                refund["metadata"][name] = value.clone().into();
            }
        }
        self.tell("refund.created", &refund);
        self.refunds.insert(id.clone(), refund);
        self.settle_refund(&id, self.next_refund.unwrap_or("succeeded"));
        self.next_refund = None;
        (200, self.refunds[&id].clone())
    }

    pub(super) fn settle_refund(&mut self, id: &str, status: &str) {
        let refund = self.refunds.get_mut(id).expect("the test names one that is there");
        refund["status"] = status.into();
        if status == "failed" {
            refund["failure_reason"] = "lost_or_stolen_card".into();
        }
        let refund = refund.clone();
        let of_charge = self.refunds.values().filter(|other| {
            other["charge"] == refund["charge"] && matches!(other["status"].as_str(), Some("succeeded" | "pending"))
        });
        let refunded: i64 = of_charge.map(|refund| number(refund, "amount")).sum();
        let charge = self.charges.get_mut(&text(&refund, "charge")).expect("it is of a charge");
        charge["amount_refunded"] = refunded.into();
        charge["refunded"] = (charge["amount_captured"] == refunded).into();
        let charge = charge.clone();
        match status {
            "failed" => self.tell("refund.failed", &refund),
            "succeeded" => self.tell("charge.refunded", &charge),
            _ => {}
        }
    }

    pub(super) fn dispute(&mut self, intent: &str, amount: i64) -> String {
        let (id, intent) = (self.id("dp"), self.intents[intent].clone());
        let charge_id = text(&intent, "latest_charge");
        let mut dispute = self.shapes["dispute"].clone();
        for (field, value) in [
            ("id", id.clone().into()),
            ("amount", amount.into()),
            ("currency", intent["currency"].clone()),
            ("charge", charge_id.clone().into()),
            ("payment_intent", intent["id"].clone()),
            ("reason", "fraudulent".into()),
            ("status", "needs_response".into()),
        ] {
            dispute[field] = value;
        }
        self.charges.get_mut(&charge_id).expect("it was made with it")["disputed"] = true.into();
        self.tell("charge.dispute.created", &dispute);
        self.disputes.insert(id.clone(), dispute);
        id
    }

    pub(super) fn close_dispute(&mut self, id: &str, status: &str) {
        let dispute = self.disputes.get_mut(id).expect("the test names one that is there");
        dispute["status"] = status.into();
        let dispute = dispute.clone();
        self.tell("charge.dispute.closed", &dispute);
    }

    fn list(&self, form: &Form) -> Answer {
        let bound = |name: &str| form.get(name).map(|bound| parsed::<i64>(bound));
        let within = |intent: &&Value| {
            let created = number(intent, "created");
            bound("created[gte]").is_none_or(|from| created >= from)
                && bound("created[lt]").is_none_or(|until| created < until)
        };
        let newest_first = self.intents.values().rev().filter(within);
        let rest: Vec<Value> = match form.get("starting_after") {
            Some(after) => newest_first.skip_while(|intent| intent["id"] != **after).skip(1).cloned().collect(),
            None => newest_first.cloned().collect(),
        };
        let limit = form.get("limit").map_or(10, |limit| parsed(limit)).min(100);
        let has_more = rest.len() > limit;
        let expand = form.get("expand[]").is_some_and(|wanted| wanted == "data.latest_charge");
        let page = rest.into_iter().take(limit).map(|intent| self.expanded(intent, expand)).collect();
        (200, list_of(page, has_more, "/v1/payment_intents"))
    }

    fn search(&self, form: &Form) -> Answer {
        let wanted = form["query"].strip_prefix("metadata['payment_id']:'").and_then(|query| query.strip_suffix('\''));
        let wanted = wanted.unwrap_or_else(|| panic!("{} is not understood", form["query"]));
        let found = if self.searches_lag { Vec::new() } else { self.intents_of(wanted) };
        let mut found = list_of(found, false, "/v1/payment_intents/search");
        found["object"] = "search_result".into();
        (200, found)
    }

    fn expanded(&self, mut intent: Value, expand: bool) -> Value {
        if let Some(charge) = intent["latest_charge"].as_str().filter(|_| expand) {
            intent["latest_charge"] = self.charges[charge].clone();
        }
        intent
    }

    pub(super) fn intents_of(&self, payment_id: &str) -> Vec<Value> {
        self.intents.values().filter(|intent| intent["metadata"]["payment_id"] == *payment_id).cloned().collect()
    }

    fn tell(&mut self, event_type: &str, object: &Value) {
        let mut event = self.shapes["event"].clone();
        event["id"] = self.id("evt").into();
        event["type"] = event_type.into();
        event["created"] = self.now().into();
        event["data"] = json!({"object": object});
        let webhook = Webhook { event_type: event_type.to_owned(), body: event.to_string().into(), at: self.now() };
        self.webhooks.push(webhook);
    }

    pub(super) fn take_webhooks(&mut self) -> Vec<Webhook> {
        std::mem::take(&mut self.webhooks)
    }
}

fn unexpected(intent: &Value, what: &str) -> Answer {
    let message = format!("This PaymentIntent could not be {what} because it has a status of {}", intent["status"]);
    let mut answer = fault(400, "invalid_request_error", "payment_intent_unexpected_state", &message);
    answer.1["error"]["payment_intent"] = intent.clone();
    answer
}

fn list_of(data: Vec<Value>, has_more: bool, url: &str) -> Value {
    json!({"object": "list", "data": data, "has_more": has_more, "url": url})
}
