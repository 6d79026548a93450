//! What follows a checkout in a chaotic load: requests that come twice, customers who move, cancel or pay again, webhooks of
//! nobody. Each answer is held against what it has to be.

use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::account::{Accepted, Ended};
use super::chaos::kinds::Kind;
use super::chaos::{Fate, Then};
use super::client::{Ask, Repeat};
use super::parcels::{ILLEGAL, TOO_MANY};
use super::shopper::{Shopper, id_in_location, new_key};

/// A payment is declined, and an order confirmed, by a process and a provider: within moments, and as late as this.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Shopper {
    /// The same request again is answered with the same order; the key with another request is refused.
    pub(super) async fn repeat(&mut self, checkout: &Ask<'_>, order_id: Uuid, fate: Fate) {
        if fate.repeats {
            self.happened().note(Kind::CheckoutRepeated);
            let again = self.client.command(checkout).await.and_then(|answer| id_in_location(checkout.path, &answer));
            self.happened().require(again.as_ref().is_ok_and(|again| *again == order_id), || {
                format!("the repeat of {} was answered {again:?}, not {order_id}", checkout.path)
            });
        }
        if fate.reuses_key {
            self.happened().note(Kind::KeyReused);
            // A checkout as good as the other, to another town.
            let other = String::from_utf8_lossy(&checkout.body).replace("Anytown", "Othertown");
            let answer = self.client.command(&Ask { body: other.into(), ..checkout.clone() }).await;
            let refused = matches!(&answer, Err(failure) if failure.code() == "idempotency_key_reused");
            self.happened().require(refused, || {
                format!("a key that was used for {} took another body: {answer:?}", checkout.path)
            });
        }
    }

    /// What the customer makes of the order.
    pub(super) async fn afterwards(&mut self, accepted: &mut Accepted, bearer: &HeaderValue, fate: Fate) {
        self.note_token(fate.token);
        if fate.forges {
            self.forge(accepted.order_id).await;
        }
        if fate.moves || matches!(fate.then, Then::Cancel | Then::CancelLines) {
            sleep(fate.hesitates).await;
        }
        if fate.moves {
            accepted.is_moved = self.correct_address(accepted, bearer).await;
        }
        match fate.then {
            Then::Wait => {}
            Then::Cancel => self.cancel(accepted, bearer, fate).await,
            Then::CancelLines => self.cancel_lines(accepted, bearer, fate).await,
            Then::PayAgain => {
                if !self.pay_again(accepted.order_id, bearer, fate).await {
                    self.cancel(accepted, bearer, fate).await;
                }
            }
        }
    }

    fn note_token(&mut self, token: &str) {
        let kind = match token {
            "tok_declined" | "tok_insufficient_funds" => Kind::Declined,
            "tok_requires_action" => Kind::ActionRequired,
            "tok_error_once" => Kind::ProviderErred,
            "tok_slow" => Kind::ProviderSlow,
            "tok_timeout" => Kind::ProviderSilent,
            "tok_capture_fails" => Kind::CaptureFailed,
            _ => return,
        };
        self.happened().note(kind);
    }

    /// The simulated provider sends no webhooks: whatever claims to be one of its is refused.
    async fn forge(&mut self, order_id: Uuid) {
        let body = json!({ "id": order_id, "type": "payment.captured" }).to_string().into();
        let (method, path) = (Method::POST, "/v1/webhooks/simulated");
        let answer = self.client.command(&Ask { method, path, bearer: None, body, repeat: Repeat::Harmless }).await;
        self.happened().note(Kind::WebhookForged);
        let refused = matches!(&answer, Err(failure) if failure.code() == "webhook_refused");
        self.happened().require(refused, || format!("a forged webhook was answered {answer:?}"));
    }

    /// Whether it goes there: not, once it is on its way.
    async fn correct_address(&mut self, accepted: &Accepted, bearer: &HeaderValue) -> bool {
        let path = format!("/v1/orders/{}/shipping-address", accepted.order_id);
        let body = self.address(accepted.invoice, MOVED_TO).to_string().into();
        let ask = Ask { method: Method::PUT, path: &path, bearer: Some(bearer), body, repeat: Repeat::Harmless };
        match self.client.command(&ask).await {
            Ok(_) => {
                self.happened().note(Kind::AddressCorrected);
                true
            }
            Err(failure) => {
                self.happened().note(Kind::AddressTooLate);
                self.happened().require(failure.code() == ILLEGAL, || format!("{path} was refused: {failure}"));
                false
            }
        }
    }

    /// Too late, once it is shipped: then it is delivered.
    async fn cancel(&mut self, accepted: &mut Accepted, bearer: &HeaderValue, fate: Fate) {
        let path = format!("/v1/orders/{}/cancellation", accepted.order_id);
        let body = Bytes::from_static(br#"{"reason":"changed my mind"}"#);
        for _ in 0..=u8::from(fate.repeats) {
            match self.post(&path, bearer, body.clone(), Repeat::Harmless).await {
                Ok(_) => accepted.ended = Ended::Cancelled,
                Err(failure) => {
                    // Cancelling what is cancelled changes nothing.
                    let is_late = failure.code() == ILLEGAL && accepted.ended == Ended::Delivered;
                    self.happened().require(is_late, || format!("{path} was refused: {failure}"));
                }
            }
        }
        if accepted.ended == Ended::Delivered {
            return self.happened().note(Kind::CancelledTooLate);
        }
        accepted.may_be_declined = matches!(fate.token, "tok_declined" | "tok_insufficient_funds");
        self.happened().note(Kind::Cancelled);
    }

    /// Once the order is confirmed, and unless it has left by then.
    async fn cancel_lines(&mut self, accepted: &mut Accepted, bearer: &HeaderValue, fate: Fate) {
        let units = fate.cancelled_by_customer(&self.units_of(accepted.invoice));
        if units.is_empty() {
            return;
        }
        let path = format!("/v1/orders/{}/cancellation", accepted.order_id);
        let body = json!({ "reason": "ordered too much", "lines": self.lines_json(&units) }).to_string();
        let (key, begun) = (new_key(), Instant::now());
        loop {
            match self.post(&path, bearer, body.clone().into(), Repeat::Keyed(&key)).await {
                Ok(_) => {
                    accepted.cancelled = units;
                    return self.happened().note(Kind::LinesCancelledByCustomer);
                }
                Err(failure) if failure.is_for_state("pending") && begun.elapsed() < PATIENCE => {
                    sleep(LOOK_AGAIN).await;
                }
                Err(failure) => {
                    self.happened().note(Kind::LinesCancelledTooLate);
                    let is_late = [ILLEGAL, TOO_MANY].contains(&failure.code()) && !failure.is_for_state("pending");
                    return self.happened().require(is_late, || format!("{path} was refused: {failure}"));
                }
            }
        }
    }

    /// Once the payment before is declined, or waits for the payer: until then it may yet pay for the order.
    async fn pay_again(&mut self, order_id: Uuid, bearer: &HeaderValue, fate: Fate) -> bool {
        let path = format!("/v1/orders/{order_id}/payments");
        let tokens: &[&str] = if fate.declines_again { &["tok_insufficient_funds", "tok_ok"] } else { &["tok_ok"] };
        for token in tokens {
            let (key, begun) = (new_key(), Instant::now());
            let body = Bytes::from(json!({ "method": "simulated", "token": token }).to_string());
            while let Err(failure) = self.post(&path, bearer, body.clone(), Repeat::Keyed(&key)).await {
                if failure.code() != ILLEGAL || begun.elapsed() > PATIENCE {
                    self.happened().require(false, || format!("{path} was refused: {failure}"));
                    return false;
                }
                sleep(LOOK_AGAIN).await;
            }
        }
        self.happened().note_if(fate.declines_again, Kind::DeclinedTwice);
        self.happened().note(Kind::PaidAgain);
        true
    }
}

/// The first line of every address, and of those that were corrected.
pub(super) const ADDRESSED_TO: &str = "1 Made-up Road";
pub(super) const MOVED_TO: &str = "2 Corrected Lane";
