//! What follows a checkout in a chaotic load: requests that come twice, customers who cancel or pay again, and money that is
//! given back. Each answer is held against what it has to be.

use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::chaos::{Fate, Mishaps, Seed, Then};
use super::check::Check;
use super::client::{Ask, Client, Repeat};
use super::endpoint::Endpoint;
use super::plan::Plan;
use super::shopper::{Accepted, Ended, Shopped, Shopper, id_in_location, new_key};
use super::tokens::Tokens;

/// A payment is declined, and a capture made, by a process and a provider: within moments, and as late as this.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Of the answers that were wrong, as many are shown.
const SHOWN_MAX: usize = 3;

impl Shopper {
    /// The same request again is answered with the same order; the key with another request is refused.
    pub(super) async fn repeat(&mut self, checkout: &Ask<'_>, order_id: Uuid, fate: Fate) {
        if fate.repeats {
            self.shopped.mishaps.repeats += 1;
            let again = self.client.command(checkout).await.and_then(|answer| id_in_location(checkout.path, &answer));
            self.require(again.as_ref().is_ok_and(|again| *again == order_id), || {
                format!("the repeat of {} was answered {again:?}, not {order_id}", checkout.path)
            });
        }
        if fate.reuses_key {
            self.shopped.mishaps.reused_keys += 1;
            // A checkout as good as the other, to another town.
            let other = String::from_utf8_lossy(&checkout.body).replace("Anytown", "Othertown");
            let answer = self.client.command(&Ask { body: other.into(), ..checkout.clone() }).await;
            let refused = matches!(&answer, Err(failure) if failure.code() == "idempotency_key_reused");
            self.require(refused, || {
                format!("a key that was used for {} took another body: {answer:?}", checkout.path)
            });
        }
    }

    /// What becomes of the order, as its customer sees it.
    pub(super) async fn afterwards(&mut self, order_id: Uuid, bearer: &HeaderValue, fate: Fate) -> Ended {
        match fate.then {
            Then::Wait => Ended::Delivered,
            Then::Cancel => self.cancel(order_id, bearer).await,
            Then::PayAgain => {
                if self.pay_again(order_id, bearer).await {
                    return Ended::Delivered;
                }
                self.cancel(order_id, bearer).await
            }
        }
    }

    /// Too late, once it is shipped: then it is delivered.
    async fn cancel(&mut self, order_id: Uuid, bearer: &HeaderValue) -> Ended {
        let path = format!("/v1/orders/{order_id}/cancellation");
        let body = Bytes::from_static(br#"{"reason":"changed my mind"}"#);
        match self.post(&path, bearer, body, Repeat::Harmless).await {
            Ok(_) => {
                self.shopped.mishaps.cancelled += 1;
                Ended::Cancelled
            }
            Err(failure) => {
                self.shopped.mishaps.cancelled_too_late += 1;
                self.require(failure.code() == "illegal_transition", || format!("{path} was refused: {failure}"));
                Ended::Delivered
            }
        }
    }

    /// Once the payment before is declined: until then it may yet pay for the order.
    async fn pay_again(&mut self, order_id: Uuid, bearer: &HeaderValue) -> bool {
        let path = format!("/v1/orders/{order_id}/payments");
        let (key, begun) = (new_key(), Instant::now());
        loop {
            let body = Bytes::from_static(br#"{"method":"simulated","token":"tok_ok"}"#);
            match self.post(&path, bearer, body, Repeat::Keyed(&key)).await {
                Ok(_) => {
                    self.shopped.mishaps.paid_again += 1;
                    return true;
                }
                Err(failure) if failure.code() == "illegal_transition" && begun.elapsed() < PATIENCE => {
                    sleep(LOOK_AGAIN).await;
                }
                Err(failure) => {
                    self.require(false, || format!("{path} was refused: {failure}"));
                    return false;
                }
            }
        }
    }

    fn require(&mut self, is_so: bool, words: impl FnOnce() -> String) {
        if !is_so {
            self.shopped.mishaps.wrong.push(words());
        }
    }
}

/// Money given back after delivery, by staff: the part that the fate says, once, and never more than is left.
pub(super) async fn give_back(endpoint: &Endpoint, plan: &Plan, tokens: &Tokens, shopped: &mut Shopped, seed: Seed) {
    let mut client = Client::new(endpoint);
    for place in 0..shopped.accepted.len() {
        let accepted = shopped.accepted[place];
        let fate = Fate::of(seed, accepted.invoice);
        let Some(part) = fate.refund_per_mille.filter(|_| accepted.ended == Ended::Delivered && fate.is_captured())
        else {
            continue;
        };
        let total = i64::try_from(plan.total_of(&plan.invoices()[accepted.invoice])).unwrap_or(i64::MAX);
        let amount = (total / 1_000).saturating_mul(i64::try_from(part).unwrap_or(1)).max(1);
        match refund(&mut client, tokens.staff(), &accepted, amount, total).await {
            Ok(()) => {
                shopped.mishaps.refunds += 1;
                shopped.accepted[place].refunded = amount;
            }
            Err(wrong) => shopped.mishaps.wrong.push(wrong),
        }
    }
    shopped.tally.merge(&client.tally);
}

async fn refund(
    client: &mut Client,
    staff: &HeaderValue,
    accepted: &Accepted,
    amount: i64,
    total: i64,
) -> Result<(), String> {
    let path = format!("/v1/orders/{}/refunds", accepted.order_id);
    let (key, begun) = (new_key(), Instant::now());
    let body = |amount: i64| {
        let money = json!({ "amount": amount, "currency": "GBP" });
        Bytes::from(json!({ "amount": money, "reason": "arrived broken" }).to_string())
    };
    let ask = |key, amount| Ask {
        method: Method::POST,
        path: &path,
        bearer: Some(staff),
        body: body(amount),
        repeat: Repeat::Keyed(key),
    };
    let first = loop {
        match client.command(&ask(&key, amount)).await {
            Ok(answer) => break id_in_location(&path, &answer),
            // It is not captured yet.
            Err(failure) if failure.code() == "amount_exceeded" && begun.elapsed() < PATIENCE => {
                sleep(LOOK_AGAIN).await;
            }
            Err(failure) => return Err(format!("{path} was refused: {failure}")),
        }
    };
    let again = client.command(&ask(&key, amount)).await.and_then(|answer| id_in_location(&path, &answer));
    match (first, again) {
        (Ok(first), Ok(again)) if first == again => {}
        (first, again) => return Err(format!("{path} was answered {first:?} and then {again:?}")),
    }
    // One penny more than is left.
    let too_much = client.command(&ask(&new_key(), total - amount + 1)).await;
    match too_much {
        Err(failure) if failure.code() == "amount_exceeded" => Ok(()),
        other => Err(format!("{path} gave back more than was left: {other:?}")),
    }
}

/// Whether everything that went otherwise was answered as it has to be.
pub(super) fn check(mishaps: &Mishaps) -> Check {
    match mishaps.wrong.len() {
        0 => Check::ok("chaos", mishaps.to_string()),
        count => {
            let first = mishaps.wrong.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("; ");
            Check::fail("chaos", format!("{mishaps}; {count} answered wrongly: {first}"))
        }
    }
}
