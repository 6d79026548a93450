//! The checkers against made-up evidence: a history and a book that fit, made by the pure model, and one planted violation at
//! a time.

use chrono::{DateTime, Utc};
use commands::{
    carts::{AddItem, OpenCart},
    checkout::{CheckOut, PaymentDetails},
    inventory::ReceiveStock,
    model::Model,
    orders::CancelOrder,
    payments::{RequestAuthorization, record::RecordAuthorization},
    products::CreateProduct,
    use_case::UseCase,
};
use domain::{
    aggregate::EventKind as _,
    ids::{CartId, CustomerId, Location, OrderId, PaymentId, Quantity, Reason, Sku},
    inventory::{Event, Reserved},
    money::{Currency, Money},
    product::{Attributes, Name},
    sealed::Sealed,
};
use eventstore::{Hash, NewEvent, Position, RecordedEvent, StreamId};
use serde_json::json;
use uuid::Uuid;

use super::{Verdict, of_evidence};
use crate::{
    evidence::{Evidence, KeptWebhook, Stopping, StoredKey},
    history::{Answer, Command, Kind, Outcome, Record},
};

const CUSTOMER: Uuid = Uuid::from_u128(0xc0);
const CART: Uuid = Uuid::from_u128(0xca);
const ORDER: Uuid = Uuid::from_u128(0x0d);
const PAYMENT: Uuid = Uuid::from_u128(0x9a);

struct Made {
    model: Model,
    evidence: Evidence,
    now: DateTime<Utc>,
}

impl Made {
    /// A product, its stock, a cart with two of it, the order, and what the payment process does about it.
    fn new() -> Self {
        let now = DateTime::from_timestamp_micros(1_767_225_600_000_000).unwrap();
        let mut made = Self { model: Model::default(), evidence: Evidence::default(), now };
        let title = NewEvent {
            stream: StreamId::new("book", Uuid::from_u128(1)),
            stream_version: 1,
            event_type: "book.opened".into(),
            schema_version: 1,
            payload: "{}".to_owned(),
            metadata: "{}".to_owned(),
        };
        made.append(vec![title], "{}");
        let (sku, quantity) = (Sku::new("MUG").unwrap(), |units| Quantity::new(units).unwrap());
        let create = CreateProduct {
            sku: sku.clone(),
            name: Name::new("Mug").unwrap(),
            description: None,
            category: None,
            price: Money::new(500, Currency::GBP),
            attributes: Attributes::default(),
            parent_sku: None,
            publish: true,
        };
        made.asked(Kind::CreateProduct, "/v1/products", json!({}), &create);
        let receive = ReceiveStock { sku: sku.clone(), location: Location::main(), quantity: quantity(3) };
        made.asked(Kind::Receive, "/v1/inventory/MUG/receipts", json!({ "quantity": 3 }), &receive);
        let (cart_id, owner) = (CartId::from_uuid(CART), Some(CustomerId::from_uuid(CUSTOMER)));
        let customer_id = CustomerId::from_uuid(CUSTOMER);
        let open = OpenCart { cart_id, customer_id, guest: false, currency: Currency::GBP };
        made.asked(Kind::OpenCart, "/v1/carts", json!({}), &open);
        let add = AddItem { cart_id, owner, sku, quantity: quantity(2) };
        made.asked(Kind::AddItem, &format!("/v1/carts/{CART}/items"), json!({ "sku": "MUG", "quantity": 2 }), &add);
        let check_out = CheckOut {
            cart_id,
            owner,
            order_id: OrderId::from_uuid(ORDER),
            payment_id: PaymentId::from_uuid(PAYMENT),
            payment: PaymentDetails {
                provider: "simulated".parse().unwrap(),
                method: "card".parse().unwrap(),
                token: "tok_ok".parse().unwrap(),
            },
            shipping_address: Sealed::new(CUSTOMER, "sealed").unwrap(),
            email: None,
            country: None,
            expected_total: None,
        };
        made.asked(Kind::CheckOut, &format!("/v1/carts/{CART}/checkout"), json!({}), &check_out);
        made.evidence.history.last_mut().unwrap().answer.location = Some(format!("/v1/orders/{ORDER}"));
        made.reacted();
        let tail = made.evidence.book.iter().map(RecordedEvent::point).collect();
        made.evidence.tails = vec![tail];
        made
    }

    fn head(&self) -> i64 {
        self.evidence.book.last().map_or(-1, |event| event.position.0)
    }

    fn append(&mut self, events: Vec<NewEvent>, metadata: &str) {
        for event in events {
            let previous = self.evidence.book.last().map_or(Hash::ZERO, |event| event.hash);
            let position = Position(self.head() + 1);
            let mut recorded = RecordedEvent {
                position,
                stream: event.stream,
                stream_version: event.stream_version,
                event_type: event.event_type.into_owned(),
                schema_version: event.schema_version,
                payload: event.payload,
                metadata: metadata.to_owned(),
                recorded_at: self.now,
                hash: Hash::ZERO,
            };
            recorded.hash = recorded.hash_after(previous);
            if position > Position::TITLE {
                self.model.absorb(&recorded);
            }
            self.evidence.book.push(recorded);
        }
    }

    fn asked<U: UseCase>(&mut self, kind: Kind, path: &str, body: serde_json::Value, use_case: &U) {
        let (events, _) = self.model.decide(use_case, self.now).unwrap();
        let first = events.first().unwrap();
        let category = match kind {
            Kind::CheckOut => "order",
            _ => first.stream.category.as_ref(),
        };
        let version = events.iter().rfind(|event| event.stream.category == category).unwrap().stream_version;
        let number = u128::try_from(self.evidence.history.len()).unwrap();
        let (op, command_id) = (Uuid::from_u128(0x100 + number), Uuid::from_u128(0x200 + number));
        let metadata = json!({
            "actor": { "kind": "customer", "id": CUSTOMER }, "correlation_id": op,
            "causation": { "request": op.to_string() }, "command_id": command_id,
        });
        self.append(events, &metadata.to_string());
        let (position, key) = (self.head(), format!("key {number}"));
        self.evidence.keys.push(StoredKey { scope: CUSTOMER.to_string(), key: key.clone(), position });
        let customer = matches!(kind, Kind::OpenCart | Kind::AddItem | Kind::CheckOut).then_some(CUSTOMER);
        let command = Command {
            kind,
            method: "POST",
            path: path.to_owned(),
            body: body.to_string(),
            customer,
            min_position: None,
            min_version: None,
            signature: None,
        };
        let answer = Answer { position: Some(position), version: Some(version), ..Answer::default() };
        let (key, outcome, status) = (Some(key), Outcome::Ok, Some(201));
        let at = u64::try_from(number).unwrap() * 10;
        self.evidence.history.push(Record {
            op,
            key,
            command,
            t_invoke: at,
            t_return: at + 5,
            outcome,
            status,
            answer,
            node: 0,
        });
    }

    /// The process asks the provider, under a key made from the position of what it reacts to.
    fn reacted(&mut self) {
        let position = self.head();
        let ask =
            RequestAuthorization { payment_id: PaymentId::from_uuid(PAYMENT), order_id: OrderId::from_uuid(ORDER) };
        let (events, _) = self.model.decide(&ask, self.now).unwrap();
        let metadata = json!({
            "actor": { "kind": "process", "name": "payment" }, "correlation_id": ORDER,
            "causation": { "position": position }, "command_id": Uuid::from_u128(0x300),
        });
        self.append(events, &metadata.to_string());
        let (scope, key) = ("process:payment".to_owned(), format!("{position}/0"));
        self.evidence.keys.push(StoredKey { scope, key, position: self.head() });
    }

    /// As something does that has no key.
    fn done_by_itself<U: UseCase>(&mut self, use_case: &U) {
        let (events, _) = self.model.decide(use_case, self.now).unwrap();
        let metadata = json!({
            "actor": { "kind": "service", "id": CUSTOMER }, "causation": { "request": "deadline of a test" },
            "command_id": Uuid::from_u128(0x500 + u128::try_from(self.head()).unwrap()),
        });
        self.append(events, &metadata.to_string());
    }

    fn verdicts(self) -> Vec<Verdict> {
        let Evidence { done, .. } = Evidence::new(self.evidence.history.clone(), self.evidence.book.clone());
        of_evidence(&Evidence { done, ..self.evidence })
    }
}

/// Plants something, and expects these checkers, and no others, to find it.
#[track_caller]
fn check(expected: &[&str], plant: impl FnOnce(&mut Made)) {
    let mut made = Made::new();
    plant(&mut made);
    let verdicts = made.verdicts();
    let found: Vec<_> = verdicts.iter().filter(|verdict| !verdict.passed()).map(|verdict| verdict.check).collect();
    let shown: Vec<_> = verdicts.iter().filter(|verdict| !verdict.passed()).map(Verdict::shown).collect();
    assert_eq!(found, expected, "{shown:#?}");
}

/// The record of the command of this kind.
fn record(made: &mut Made, kind: Kind) -> &mut Record {
    made.evidence.history.iter_mut().find(|record| record.command.kind == kind).unwrap()
}

#[test]
fn a_history_that_fits_its_book_passes_every_checker() {
    check(&[], |_| {});
}

#[test]
fn an_acknowledged_event_that_is_not_in_the_book_is_found() {
    check(&["I1"], |made| {
        let lost =
            Record { op: Uuid::from_u128(7), key: Some("lost".to_owned()), ..record(made, Kind::AddItem).clone() };
        made.evidence.history.push(lost);
    });
}

#[test]
fn a_position_a_version_and_an_order_that_are_others_than_was_answered_are_found() {
    check(&["I1"], |made| *record(made, Kind::AddItem).answer.position.as_mut().unwrap() += 1);
    check(&["I1"], |made| *record(made, Kind::AddItem).answer.version.as_mut().unwrap() += 1);
    check(&["I1"], |made| {
        record(made, Kind::CheckOut).answer.location = Some(format!("/v1/orders/{}", Uuid::from_u128(5)));
    });
}

#[test]
fn an_event_that_nobody_asked_for_is_found() {
    check(&["I2"], |made| made.evidence.history.retain(|record| record.command.kind != Kind::AddItem));
}

#[test]
fn an_effect_of_a_command_that_was_refused_is_found() {
    check(&["I2"], |made| {
        let refused = record(made, Kind::AddItem);
        (refused.outcome, refused.status) = (Outcome::Fail, Some(422));
        refused.answer = Answer { content_type: Some("application/problem+json".to_owned()), ..Answer::default() };
    });
}

#[test]
fn an_unknown_outcome_may_have_an_effect_or_none() {
    check(&[], |made| {
        let unknown = record(made, Kind::AddItem);
        (unknown.outcome, unknown.status, unknown.answer) = (Outcome::Info, None, Answer::default());
        let never = Record { op: Uuid::from_u128(7), key: Some("never".to_owned()), ..unknown.clone() };
        made.evidence.history.push(never);
    });
}

#[test]
fn two_effects_of_one_key_are_found() {
    check(&["I1", "I3"], |made| {
        let first = record(made, Kind::OpenCart).key.clone();
        record(made, Kind::AddItem).key = first;
    });
}

#[test]
fn two_answers_to_one_key_are_found() {
    check(&["I1", "I3"], |made| {
        let mut repeat = record(made, Kind::AddItem).clone();
        *repeat.answer.position.as_mut().unwrap() -= 1;
        made.evidence.history.push(Record { op: Uuid::from_u128(7), ..repeat });
    });
}

#[test]
fn a_key_that_was_taken_for_another_request_as_well_is_found() {
    check(&["I3"], |made| {
        let mut other = record(made, Kind::AddItem).clone();
        other.command.body = json!({ "sku": "MUG", "quantity": 1 }).to_string();
        made.evidence.history.push(Record { op: Uuid::from_u128(7), ..other });
    });
}

#[test]
fn an_effect_without_its_key_is_found_also_of_a_process() {
    check(&["I3"], |made| made.evidence.keys.retain(|key| key.key != "key 3"));
    check(&["I3"], |made| made.evidence.keys.retain(|key| !key.scope.starts_with("process:")));
}

#[test]
fn a_gap_a_version_twice_and_a_reader_that_saw_something_else_are_found() {
    check(&["I4"], |made| {
        let tail = made.evidence.tails.first_mut().unwrap();
        tail.remove(2);
    });
    check(&["I4"], |made| made.evidence.tails[0][3].hash = Hash([7; 32]));
    let with_a_version_twice = |made: &mut Made| {
        let last = made.evidence.book.last_mut().unwrap();
        last.stream_version -= 1;
        made.evidence.tails.clear();
    };
    check(&["I4", "I14"], with_a_version_twice);
}

#[test]
fn a_total_that_is_not_the_sum_of_its_parts_is_found() {
    check(&["I5", "I14"], |made| {
        let created = made.evidence.book.iter_mut().find(|event| event.event_type == "order.created").unwrap();
        created.payload = created.payload.replace(r#""total":{"amount":1000"#, r#""total":{"amount":999"#);
        assert!(created.payload.contains("999"), "{}", created.payload);
    });
}

#[test]
fn stock_that_is_promised_twice_is_found() {
    check(&["I6"], |made| {
        let stock = made.evidence.book.iter().rfind(|event| event.stream.category == "inventory").unwrap().clone();
        let reserved = Event::Reserved(Reserved {
            sku: Sku::new("MUG").unwrap(),
            location: Location::main(),
            order_id: OrderId::from_uuid(Uuid::from_u128(0x0e)),
            quantity: Quantity::new(2).unwrap(),
            expires_at: made.now + chrono::TimeDelta::minutes(15),
        });
        let event = NewEvent {
            stream: stock.stream,
            stream_version: stock.stream_version + 1,
            event_type: reserved.event_type().into(),
            schema_version: 1,
            payload: reserved.to_payload(),
            metadata: String::new(),
        };
        let deadline = json!({
            "actor": { "kind": "service", "id": CUSTOMER }, "causation": { "request": "deadline of a test" },
            "command_id": Uuid::from_u128(0x400),
        });
        made.append(vec![event], &deadline.to_string());
    });
}

#[test]
fn a_decision_that_the_rules_would_not_make_is_found() {
    check(&["I14"], |made| {
        let added = made.evidence.book.iter_mut().find(|event| event.event_type == "cart.item_added").unwrap();
        added.payload = added.payload.replace(r#""quantity":2"#, r#""quantity":1"#);
    });
}

#[test]
fn an_answer_that_is_no_problem_document_or_tells_too_much_is_found() {
    let refused = |made: &mut Made, status, content_type: &str, body: &str| {
        let command = record(made, Kind::AddItem).command.clone();
        let (content_type, body) = (Some(content_type.to_owned()), body.to_owned());
        let answer = Answer { content_type, body, retry_after: true, ..Answer::default() };
        let (key, outcome, status) = (None, Outcome::Info, Some(status));
        let record =
            Record { op: Uuid::from_u128(7), key, command, t_invoke: 0, t_return: 1, outcome, status, answer, node: 0 };
        made.evidence.history.push(record);
    };
    check(&[], |made| refused(made, 503, "application/problem+json", "{}"));
    check(&["I11"], |made| refused(made, 500, "application/problem+json", "{}"));
    check(&["I11"], |made| refused(made, 503, "text/plain", "down"));
    check(&["I11"], |made| refused(made, 503, "application/problem+json", "could not SELECT 1"));
    check(&["I11"], |made| {
        refused(made, 503, "application/problem+json", "{}");
        made.evidence.history.last_mut().unwrap().answer.retry_after = false;
    });
}

#[test]
fn a_stale_answer_and_a_false_404_are_found() {
    let read = |made: &mut Made, outcome, status, position| {
        let path = format!("/v1/carts/{CART}");
        let written = record(made, Kind::AddItem).clone();
        let min_position = written.answer.position;
        let command = Command { kind: Kind::ReadCart, method: "GET", path, min_position, ..written.command };
        let content_type = Some("application/problem+json".to_owned());
        let answer = Answer { position, version: Some(2), content_type, ..Answer::default() };
        let record =
            Record { op: Uuid::from_u128(7), key: None, command, outcome, status: Some(status), answer, ..written };
        made.evidence.history.push(record);
    };
    check(&[], |made| read(made, Outcome::Ok, 200, Some(99)));
    check(&["I12"], |made| read(made, Outcome::Ok, 200, Some(1)));
    check(&["I12"], |made| read(made, Outcome::Fail, 404, None));
}

#[test]
fn a_request_that_was_carried_out_and_cut_by_a_stop_is_found() {
    check(&["F28"], |made| {
        let cut = record(made, Kind::AddItem);
        (cut.outcome, cut.status, cut.answer) = (Outcome::Info, None, Answer::default());
        let (from, to) = (cut.t_invoke, cut.t_return);
        made.evidence.stops.push(Stopping { node: 0, from, to });
    });
}

fn webhook(made: &mut Made, outcome: Outcome, status: u16) {
    let command = Command {
        kind: Kind::Webhook,
        body: json!({ "id": "evt_1" }).to_string(),
        ..record(made, Kind::AddItem).command.clone()
    };
    let answer = Answer { content_type: Some("application/problem+json".to_owned()), ..Answer::default() };
    let (op, key, status) = (Uuid::from_u128(7), None, Some(status));
    made.evidence.history.push(Record { op, key, command, t_invoke: 0, t_return: 1, outcome, status, answer, node: 0 });
}

fn kept_webhook(made: &mut Made, state: &str, reason: &str) {
    let (event_id, state, reason) = ("evt_1".to_owned(), state.to_owned(), reason.to_owned());
    made.evidence.webhooks.push(KeptWebhook { event_id, state, reason });
}

#[test]
fn a_webhook_that_was_answered_and_is_lost_or_refused_or_came_to_nothing_is_found() {
    let answered = |made: &mut Made| webhook(made, Outcome::Ok, 202);
    check(&["I1"], answered);
    check(&["I1"], |made| webhook(made, Outcome::Fail, 400));
    for (state, reason, found) in [
        ("settled", "", &[][..]),
        ("parked", "pi_1 was not opened by us", &[]),
        ("parked", "there is no payment", &["I1"]),
        ("received", "", &["I1"]),
    ] {
        check(found, |made| {
            answered(made);
            kept_webhook(made, state, reason);
        });
    }
    check(&["I1"], |made| made.evidence.paid_at_the_bank.push(PAYMENT));
}

#[test]
fn a_call_that_stays_open_and_an_order_that_stays_pending_are_found() {
    check(&["I5"], |made| made.evidence.open_calls = 1);
    check(&["I5"], |made| made.evidence.deadlines_have_passed = true);
}

#[test]
fn money_that_is_kept_for_an_order_that_has_ended_is_found() {
    let authorize = |made: &mut Made| {
        let (payment_id, provider_reference) = (PaymentId::from_uuid(PAYMENT), "sim_auth_1".parse().unwrap());
        made.done_by_itself(&RecordAuthorization { payment_id, provider_reference });
    };
    check(&[], authorize);
    check(&["I5"], |made| {
        authorize(made);
        let reason = Reason::new("changed my mind").unwrap();
        let cancel = CancelOrder { order_id: OrderId::from_uuid(ORDER), owner: None, reason, lines: None };
        made.done_by_itself(&cancel);
        // All of it but what is asked of the provider.
        let asked = made.evidence.book.pop().unwrap();
        assert_eq!(asked.event_type, "payment.void_requested");
    });
}
