//! The provider that is built in: it moves no money, and what it answers is fixed by the token.
//!
//! It has no storage. What it must not forget stands in the references it hands out (an authorisation's reference
//! names the behaviour of its token), and what became of a request follows from the request itself: asked after a
//! restart of the process, it answers as if every request had arrived. That is consistent, since the reference of an
//! operation is made from its idempotency key. Only `tok_error_once` needs a memory; one that has forgotten errs once
//! more.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use domain::payment::{ActionUrl, FailureCode, ProviderReference};
use hashlink::LruCache;

use super::{
    AuthorizeRequest, CaptureRequest, GatewayError, IdempotencyKey, Operation, PaymentGateway, Receipt, RefundRequest,
    VoidRequest,
};

pub const NAME: &str = "simulated";

/// How long `tok_slow` takes to answer.
const SLOW: Duration = Duration::from_secs(3);
/// Requests remembered, the youngest: a provider forgets keys too.
const REMEMBERED_MAX: usize = 10_000;
/// Hex digits of the idempotency key that make a reference unique.
const REFERENCE_DIGITS: usize = 32;
const AUTHORIZATION: &str = "sim_auth_";
const AUTHORIZATION_WITHOUT_CAPTURE: &str = "sim_auth_capture_fails_";

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Accept,
    Decline(&'static str),
    RequireAction,
    AnswerSlowly,
    NeverAnswer,
    FailCapture,
    ErrOnce,
}

impl Behaviour {
    fn of(token: &str) -> Self {
        match token {
            "tok_ok" => Self::Accept,
            "tok_declined" => Self::Decline("card_declined"),
            "tok_insufficient_funds" => Self::Decline("insufficient_funds"),
            "tok_requires_action" => Self::RequireAction,
            "tok_slow" => Self::AnswerSlowly,
            "tok_timeout" => Self::NeverAnswer,
            "tok_capture_fails" => Self::FailCapture,
            "tok_error_once" => Self::ErrOnce,
            _ => Self::Decline("invalid_token"),
        }
    }
}

#[derive(Debug)]
pub struct Simulated {
    slow: Duration,
    /// The requests that have arrived, by their key.
    arrived: Mutex<LruCache<IdempotencyKey, Operation>>,
}

impl Default for Simulated {
    fn default() -> Self {
        Self::answering_slowly_after(SLOW)
    }
}

impl Simulated {
    /// With another patience for `tok_slow`.
    pub fn answering_slowly_after(slow: Duration) -> Self {
        Self { slow, arrived: Mutex::new(LruCache::new(REMEMBERED_MAX)) }
    }

    /// Whether the request comes for the first time. A key that comes with another request is refused, as providers do.
    fn arrives(&self, operation: Operation) -> Result<bool, GatewayError> {
        let mut arrived = self.arrived.lock().expect("no code panics while it holds the lock");
        match arrived.get(operation.idempotency_key()) {
            Some(before) if *before == operation => Ok(false),
            Some(_) => Err(GatewayError::Refused { reason: "the idempotency key came with another request".into() }),
            None => {
                arrived.insert(operation.idempotency_key().clone(), operation);
                Ok(true)
            }
        }
    }
}

#[async_trait]
impl PaymentGateway for Simulated {
    fn name(&self) -> &'static str {
        NAME
    }

    fn captures_more_than_once(&self) -> bool {
        true
    }

    async fn authorize(&self, request: &AuthorizeRequest) -> Result<Receipt, GatewayError> {
        let is_first = self.arrives(Operation::Authorize(request.clone()))?;
        match Behaviour::of(request.token.as_str()) {
            Behaviour::NeverAnswer => std::future::pending().await,
            Behaviour::ErrOnce if is_first => {
                return Err(GatewayError::Unknown { reason: "the provider answered 500".into() });
            }
            Behaviour::AnswerSlowly => tokio::time::sleep(self.slow).await,
            _ => {}
        }
        authorized(request)
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Receipt, GatewayError> {
        self.arrives(Operation::Capture(request.clone()))?;
        captured(request)
    }

    async fn void(&self, request: &VoidRequest) -> Result<Receipt, GatewayError> {
        self.arrives(Operation::Void(request.clone()))?;
        Ok(voided(request))
    }

    async fn refund(&self, request: &RefundRequest) -> Result<Receipt, GatewayError> {
        self.arrives(Operation::Refund(request.clone()))?;
        refunded(request)
    }

    async fn find(&self, operation: &Operation) -> Result<Option<Receipt>, GatewayError> {
        match operation {
            // The error left nothing behind, and a request that succeeded has been answered.
            Operation::Authorize(request) if Behaviour::of(request.token.as_str()) == Behaviour::ErrOnce => Ok(None),
            Operation::Authorize(request) => authorized(request).map(Some),
            Operation::Capture(request) => captured(request).map(Some),
            Operation::Void(request) => Ok(Some(voided(request))),
            Operation::Refund(request) => refunded(request).map(Some),
        }
    }
}

fn authorized(request: &AuthorizeRequest) -> Result<Receipt, GatewayError> {
    match Behaviour::of(request.token.as_str()) {
        Behaviour::Decline(code) => Err(declined(code)),
        Behaviour::RequireAction => {
            let url = ActionUrl::new(&format!("https://pay.example/confirm/{}", request.payment_id));
            Err(GatewayError::ActionRequired {
                reference: receipt(AUTHORIZATION, &request.idempotency_key).reference,
                url: url.expect("an address with an id is one line of text"),
            })
        }
        Behaviour::FailCapture => Ok(receipt(AUTHORIZATION_WITHOUT_CAPTURE, &request.idempotency_key)),
        Behaviour::Accept | Behaviour::AnswerSlowly | Behaviour::NeverAnswer | Behaviour::ErrOnce => {
            Ok(receipt(AUTHORIZATION, &request.idempotency_key))
        }
    }
}

fn captured(request: &CaptureRequest) -> Result<Receipt, GatewayError> {
    let authorization = require_authorization(&request.authorization)?;
    if authorization.starts_with(AUTHORIZATION_WITHOUT_CAPTURE) {
        return Err(declined("capture_declined"));
    }
    Ok(receipt("sim_capture_", &request.idempotency_key))
}

fn voided(request: &VoidRequest) -> Receipt {
    receipt("sim_void_", &request.idempotency_key)
}

/// Of what was never captured nothing is given back.
fn refunded(request: &RefundRequest) -> Result<Receipt, GatewayError> {
    if require_authorization(&request.authorization)?.starts_with(AUTHORIZATION_WITHOUT_CAPTURE) {
        return Err(GatewayError::Refused { reason: "nothing was captured".into() });
    }
    Ok(receipt("sim_refund_", &request.idempotency_key))
}

fn require_authorization(reference: &ProviderReference) -> Result<&str, GatewayError> {
    let authorization = reference.as_str();
    if authorization.starts_with(AUTHORIZATION) {
        return Ok(authorization);
    }
    Err(GatewayError::Refused { reason: format!("there is no authorisation {authorization}") })
}

fn declined(code: &str) -> GatewayError {
    GatewayError::Declined { code: FailureCode::new(code).expect("a short word is a code") }
}

fn receipt(kind: &str, key: &IdempotencyKey) -> Receipt {
    let digits: String = key.as_str().chars().take(REFERENCE_DIGITS).collect();
    let reference = ProviderReference::new(&format!("{kind}{digits}"));
    Receipt { reference: reference.expect("a prefix and hex digits are a reference") }
}

#[cfg(test)]
mod tests;
