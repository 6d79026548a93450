//! What each answer to a request is taken for. A clear yes and a clear no are results; all else is unknown.

use domain::ids::PaymentId;
use domain::money::Money;
use hyper::StatusCode;

use super::http::{Reply, unknown};
use super::objects::{self, Fault, Intent, Refund, intent, read, word_of};
use crate::gateway::{CaptureRequest, GatewayError, Receipt, RefundRequest, VoidRequest};

pub(super) fn authorization(reply: Reply, payment_id: PaymentId, amount: Money) -> Result<Receipt, GatewayError> {
    let intent = success(reply)?;
    if intent.payment_id() != Some(payment_id) || intent.money(intent.amount) != Some(amount) {
        return Err(unknown("the answer is about another payment"));
    }
    authorization_of(&intent)
}

/// How an intent that was confirmed when it was made stands.
pub(super) fn authorization_of(intent: &Intent) -> Result<Receipt, GatewayError> {
    let reference = intent.reference().ok_or_else(|| unknown("the intent has no usable id"))?;
    match intent.status.as_str() {
        "requires_capture" | "succeeded" => Ok(Receipt { reference }),
        "requires_action" => match intent.action_url() {
            Some(url) => Err(GatewayError::ActionRequired { reference, url }),
            None => Err(GatewayError::Declined { code: word_of("authentication_required") }),
        },
        "requires_payment_method" => Err(GatewayError::Declined { code: intent.failure() }),
        "canceled" => Err(GatewayError::Declined { code: word_of("canceled") }),
        "processing" => Err(GatewayError::Pending { reason: "the intent is processing".to_owned() }),
        // `requires_confirmation`, and whatever comes one day.
        status => Err(unknown(format!("the intent is {status}"))),
    }
}

pub(super) fn capture(reply: Reply, request: &CaptureRequest) -> Result<Receipt, GatewayError> {
    let intent = success(reply)?;
    match capture_of(&intent, request)? {
        Some(receipt) => Ok(receipt),
        None => Err(unknown(format!("the intent is {} after a capture", intent.status))),
    }
}

/// What was taken of an intent; `None` if it can still be taken.
pub(super) fn capture_of(intent: &Intent, request: &CaptureRequest) -> Result<Option<Receipt>, GatewayError> {
    require_same(intent, request.authorization.as_str())?;
    match intent.status.as_str() {
        "requires_capture" => Ok(None),
        "canceled" => Err(GatewayError::Declined { code: word_of("canceled") }),
        "succeeded" => {
            let taken = intent.money(intent.amount_received);
            if taken != Some(request.amount) {
                let (taken, asked) = (intent.amount_received, request.amount);
                return Err(unknown(format!("{taken} minor units were taken, where {asked} were asked for")));
            }
            let reference = intent.charge_id().ok_or_else(|| unknown("the intent names no charge"))?;
            Ok(Some(Receipt { reference }))
        }
        status => Err(unknown(format!("the intent is {status}"))),
    }
}

pub(super) fn void(reply: Reply, request: &VoidRequest) -> Result<Receipt, GatewayError> {
    let intent = success(reply)?;
    match void_of(&intent, request)? {
        Some(receipt) => Ok(receipt),
        None => Err(unknown(format!("the intent is {} after it was cancelled", intent.status))),
    }
}

/// Whether nothing is held of an intent any more; `None` if something is.
pub(super) fn void_of(intent: &Intent, request: &VoidRequest) -> Result<Option<Receipt>, GatewayError> {
    require_same(intent, request.authorization.as_str())?;
    let receipt = Receipt { reference: request.authorization.clone() };
    match intent.status.as_str() {
        "canceled" => Ok(Some(receipt)),
        // A capture of a part gives back the rest by itself.
        "succeeded" if intent.amount_received < intent.amount => Ok(Some(receipt)),
        "succeeded" => Err(GatewayError::Declined { code: word_of("captured") }),
        "processing" => Err(GatewayError::Pending { reason: "the intent is processing".to_owned() }),
        _ => Ok(None),
    }
}

pub(super) fn refund(reply: Reply, request: &RefundRequest) -> Result<Receipt, GatewayError> {
    if !reply.status.is_success() {
        return Err(refusal(&reply));
    }
    let refund = objects::refund(&reply.body).ok_or_else(|| unknown("the answer is not a refund"))?;
    refund_of(&refund, request)
}

/// What has become of a refund that came of this request.
pub(super) fn refund_of(refund: &Refund, request: &RefundRequest) -> Result<Receipt, GatewayError> {
    if refund.request() != Some(request.idempotency_key.as_str()) || refund.money() != Some(request.amount) {
        return Err(unknown("the answer is about another refund"));
    }
    let reference = refund.reference().ok_or_else(|| unknown("the refund has no usable id"))?;
    match refund.status.as_deref() {
        Some("succeeded") => Ok(Receipt { reference }),
        Some("failed" | "canceled") => Err(GatewayError::Declined { code: refund.failure() }),
        // The bank takes its time, or wants something of the buyer.
        Some(status @ ("pending" | "requires_action")) => {
            Err(GatewayError::Pending { reason: format!("the refund is {status}") })
        }
        _ => Err(unknown("the refund is in a state that is not known")),
    }
}

fn require_same(intent: &Intent, reference: &str) -> Result<(), GatewayError> {
    if intent.id == reference { Ok(()) } else { Err(unknown("the answer is about another payment")) }
}

fn success(reply: Reply) -> Result<Intent, GatewayError> {
    if reply.status.is_success() {
        return intent(&reply.body).ok_or_else(|| unknown("the answer is not a payment intent"));
    }
    Err(refusal(&reply))
}

/// What a 400, a 402 or a 404 means.
pub(super) fn refusal(reply: &Reply) -> GatewayError {
    let fault: Fault = read(&reply.body["error"]).unwrap_or_default();
    match fault.kind.as_deref() {
        Some("card_error") if reply.status == StatusCode::PAYMENT_REQUIRED => {
            GatewayError::Declined { code: fault.failure() }
        }
        // Our key has come with another request before: what became of that one is to be found out.
        Some("idempotency_error") => unknown("the idempotency key came with another request"),
        // It is in another state than we think, maybe by an answer of its own that was lost: the next attempt looks. It is a
        // clear answer, and no sign that Stripe is away.
        Some("invalid_request_error") if fault.code.as_deref() == Some("payment_intent_unexpected_state") => {
            GatewayError::Pending { reason: "the intent is in another state".to_owned() }
        }
        Some("invalid_request_error" | "card_error") => {
            let code = fault.code.as_deref().unwrap_or("invalid_request_error");
            GatewayError::Refused {
                reason: format!("{code}: {}", fault.message.as_deref().unwrap_or("no reason given")),
            }
        }
        _ => unknown(format!("the answer is {}", reply.status)),
    }
}
