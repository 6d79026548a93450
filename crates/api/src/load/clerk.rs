//! What follows the delivery in a chaotic load: goods come back, or do not, and money is given back for them or for nothing in
//! particular. Each answer is held against what it has to be.

use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::account::{Accepted, Refund, Returned};
use super::chaos::draws::{Units, less, total};
use super::chaos::kinds::{Happened, Kind};
use super::chaos::{Fate, GoodsBack, ReturnEnds};
use super::client::{Ask, Client, Failure, Repeat};
use super::endpoint::Endpoint;
use super::handover::{Chaotic, Sold};
use super::parcels::{ILLEGAL, TOO_MANY};
use super::reconcile::CURRENCY;
use super::shopper::{id_in_location, new_key};
use super::tokens::Tokens;

/// There is less money than that.
const TOO_MUCH: &str = "amount_exceeded";
/// A capture is made by a process and a provider: within moments, and as late as this.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// One connection of staff, for one order after another.
pub(super) struct Clerk {
    pub(super) client: Client,
    pub(super) happened: Happened,
    chaotic: Chaotic,
    staff: HeaderValue,
}

/// An order, as far as it says which payment has been taken.
#[derive(Deserialize)]
struct Paid {
    payments: Vec<PaymentOf>,
}

#[derive(Deserialize)]
struct PaymentOf {
    id: Uuid,
    status: Box<str>,
}

impl Clerk {
    pub(super) fn new(endpoint: &Endpoint, tokens: &Tokens, chaotic: &Chaotic) -> Self {
        let (client, staff) = (Client::new(endpoint), tokens.staff().clone());
        Self { client, happened: Happened::default(), chaotic: chaotic.clone(), staff }
    }

    /// The order as it is in the end.
    pub(super) async fn settle(&mut self, sold: Sold) -> Accepted {
        let Sold { mut accepted, bearer } = sold;
        let fate = self.chaotic.fate(accepted.invoice);
        if let Some(goods) = fate.returns
            && let Err(failure) = self.take_back(&mut accepted, &bearer, fate, goods).await
        {
            self.happened.wrong.push(format!("a return of order {} failed: {failure}", accepted.order_id));
        }
        if fate.refund_per_mille.is_some()
            && let Err(failure) = self.give_back(&mut accepted, fate).await
        {
            self.happened.wrong.push(format!("a refund of order {} failed: {failure}", accepted.order_id));
        }
        accepted
    }

    async fn take_back(
        &mut self,
        accepted: &mut Accepted,
        customer: &HeaderValue,
        fate: Fate,
        goods: GoodsBack,
    ) -> Result<(), Failure> {
        let delivered = accepted.sent(&self.chaotic.plan);
        let asked = fate.returned(goods, &delivered);
        let returns = format!("/v1/orders/{}/returns", accepted.order_id);
        let body =
            |units: &Units| json!({ "reason": "not as described", "lines": self.chaotic.plan.lines_json(units) });
        let (body, too_many) = (body(&asked), body(&one_too_many(&delivered)));
        if fate.repeats {
            let answer = self.create(&returns, customer, &too_many).await;
            self.refused(TOO_MANY, &returns, answer);
        }
        let return_id = self.twice(&returns, customer, &body, fate.staff_repeats).await?;
        let is_whole = total(&asked) == total(&delivered);
        self.happened.note(if is_whole { Kind::ReturnedWhole } else { Kind::ReturnedInPart });
        self.happened.note_if(fate.staff_repeats, Kind::ReturnRepeated);

        let of_return = format!("{returns}/{return_id}");
        let mut returned =
            Returned { ends: goods.ends, asked: asked.clone(), received: Units::new(), restocked: Units::new() };
        match goods.ends {
            ReturnEnds::Rejected => {
                self.say(&of_return, "rejection", &json!({ "reason": "used" }), fate).await?;
                self.happened.note(Kind::ReturnRejected);
            }
            ReturnEnds::NeverCame => {
                self.say(&of_return, "approval", &Value::Null, fate).await?;
                self.say(&of_return, "rejection", &json!({}), fate).await?;
                let answer = self.change(&format!("{of_return}/approval"), &Value::Null).await;
                self.refused(ILLEGAL, &of_return, answer);
                self.happened.note(Kind::ReturnNeverCame);
            }
            ReturnEnds::Received { short } => {
                returned.received = fate.received(short, &asked);
                returned.restocked = fate.restocked(&returned.received);
                self.say(&of_return, "approval", &Value::Null, fate).await?;
                self.receive(&of_return, &returned, fate).await?;
            }
        }
        let received = returned.received.clone();
        accepted.returned = Some(returned);
        if !received.is_empty() && accepted.is_captured {
            self.pay_for(accepted, &received, fate).await?;
        }
        Ok(())
    }

    /// Each product on a line for what is sold again, and on one for what is not.
    async fn receive(&mut self, of_return: &str, returned: &Returned, fate: Fate) -> Result<(), Failure> {
        let mut spoiled = returned.received.clone();
        less(&mut spoiled, returned.restocked.clone());
        let plan = &self.chaotic.plan;
        let line = |restock: bool| {
            move |(&product, &quantity): (&u32, &u64)| {
                let sku = &plan.product(product).sku;
                json!({ "sku": sku, "quantity": quantity, "restock": restock })
            }
        };
        let lines: Vec<Value> =
            returned.restocked.iter().map(line(true)).chain(spoiled.iter().map(line(false))).collect();
        self.say(of_return, "receipt", &json!({ "lines": lines }), fate).await?;
        self.happened.note_if(total(&returned.received) < total(&returned.asked), Kind::ReceivedShort);
        self.happened.note_if(!returned.restocked.is_empty(), Kind::Restocked);
        self.happened.note_if(!spoiled.is_empty(), Kind::WrittenOff);
        Ok(())
    }

    /// What came back is worth what was charged for it.
    async fn pay_for(&mut self, accepted: &mut Accepted, received: &Units, fate: Fate) -> Result<(), Failure> {
        let plan = &self.chaotic.plan;
        let (amount, lines) = (pence(plan.value_of(received)), plan.lines_json(received));
        let path = format!("/v1/orders/{}/refunds", accepted.order_id);
        let body = json!({ "amount": money(amount), "reason": "goods returned", "lines": lines });
        self.refund(&path, &body, fate).await?;
        accepted.refunds.push(Refund { amount, of_order: true });
        self.happened.note(Kind::ReturnRefunded);
        Ok(())
    }

    /// A part of what is left, once, and never more than is left.
    async fn give_back(&mut self, accepted: &mut Accepted, fate: Fate) -> Result<(), Failure> {
        let charged: i128 = accepted.charged(&self.chaotic.plan).iter().sum();
        let left = charged - accepted.refunded();
        let amount = pence(left * i128::from(fate.refund_per_mille.unwrap_or_default()) / 1_000).max(1);
        let of_order = format!("/v1/orders/{}/refunds", accepted.order_id);
        if left > 0 {
            let path =
                if fate.refunds_by_payment { self.refunds_of_payment(accepted).await? } else { of_order.clone() };
            self.refund(&path, &json!({ "amount": money(amount), "reason": "arrived late" }), fate).await?;
            accepted.refunds.push(Refund { amount, of_order: !fate.refunds_by_payment });
            let kind = if fate.refunds_by_payment { Kind::RefundedByPayment } else { Kind::RefundedByOrder };
            self.happened.note(kind);
        }
        // One penny more than is left.
        let too_much = pence(charged - accepted.refunded()) + 1;
        let body = json!({ "amount": money(too_much), "reason": "asked for more" });
        let answer = self.create(&of_order, &self.staff.clone(), &body).await;
        self.refused(TOO_MUCH, &of_order, answer);
        Ok(())
    }

    /// Until what is due has been captured it is refused, and asked for again.
    async fn refund(&mut self, path: &str, body: &Value, fate: Fate) -> Result<(), Failure> {
        let (begun, staff) = (Instant::now(), self.staff.clone());
        loop {
            match self.twice(path, &staff, body, fate.staff_repeats).await {
                Ok(_) => return Ok(()),
                Err(failure) if failure.code() == TOO_MUCH && begun.elapsed() < PATIENCE => sleep(LOOK_AGAIN).await,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Of the payment that something was taken of; the others were declined or let go.
    async fn refunds_of_payment(&mut self, accepted: &Accepted) -> Result<String, Failure> {
        let (path, begun) = (format!("/v1/orders/{}", accepted.order_id), Instant::now());
        loop {
            let order: Paid = self.client.read(&path, &self.staff, self.client.tally.position).await?;
            let taken = ["completed", "partially_captured", "partially_refunded"];
            if let Some(payment) = order.payments.iter().find(|payment| taken.contains(&&*payment.status)) {
                return Ok(format!("/v1/payments/{}/refunds", payment.id));
            }
            if begun.elapsed() > PATIENCE {
                return Err(Failure::Unknown { path, source: None });
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Under one key, and once more where the fate says so: then it is the same that it names.
    async fn twice(&mut self, path: &str, bearer: &HeaderValue, body: &Value, again: bool) -> Result<Uuid, Failure> {
        let (key, text) = (new_key(), Bytes::from(body.to_string()));
        let ask = Ask { method: Method::POST, path, bearer: Some(bearer), body: text, repeat: Repeat::Keyed(&key) };
        let first = id_in_location(path, &self.client.command(&ask).await?)?;
        if again {
            let second = self.client.command(&ask).await.and_then(|answer| id_in_location(path, &answer));
            self.happened.require(second.as_ref().is_ok_and(|second| *second == first), || {
                format!("the repeat of {path} was answered {second:?}, not {first}")
            });
        }
        Ok(first)
    }

    async fn create(&mut self, path: &str, bearer: &HeaderValue, body: &Value) -> Result<(), Failure> {
        self.twice(path, bearer, body, false).await.map(drop)
    }

    /// Something of staff about a return, and once more where the fate says so: it is so already.
    async fn say(&mut self, of_return: &str, what: &str, body: &Value, fate: Fate) -> Result<(), Failure> {
        let path = format!("{of_return}/{what}");
        self.change(&path, body).await?;
        if fate.staff_repeats {
            let again = self.change(&path, body).await;
            self.happened.require(again.is_ok(), || format!("the repeat of {path} was answered {again:?}"));
        }
        Ok(())
    }

    async fn change(&mut self, path: &str, body: &Value) -> Result<(), Failure> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let (method, bearer, repeat) = (Method::POST, Some(&self.staff), Repeat::Harmless);
        self.client.command(&Ask { method, path, bearer, body, repeat }).await.map(drop)
    }

    fn refused(&mut self, code: &str, path: &str, answer: Result<(), Failure>) {
        let is_refused = matches!(&answer, Err(failure) if failure.code() == code);
        self.happened.note_if(is_refused && code != ILLEGAL, Kind::AskedTooMuch);
        self.happened.require(is_refused, || format!("{path} was answered {answer:?}, not {code}"));
    }
}

fn one_too_many(delivered: &Units) -> Units {
    let first = delivered.iter().next();
    first.map(|(&product, &units)| (product, units + 1)).into_iter().collect()
}

fn money(pence: i64) -> Value {
    json!({ "amount": pence, "currency": CURRENCY })
}

/// No amount of an order is too large for a body that names it.
fn pence(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
