//! Payment providers behind one trait: what is asked of them, and what they may answer.
//!
//! A gateway keeps no state of ours and knows no stream: whoever calls it has a *requested* event in the book, and the
//! hash of that event is the idempotency key.

pub mod account;
pub mod simulated;
pub mod stripe;
pub mod webhook;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{CaptureId, PaymentId, RefundId};
use domain::money::Money;
use domain::payment::{ActionUrl, FailureCode, PaymentToken, Provider, ProviderReference};
use hyper::HeaderMap;

use self::account::{Cursor, Page, Period, ProviderPayment};
use self::webhook::{Notice, WebhookError};

/// A provider that has not answered by then is asked later what became of the request. Authorisations mostly take less
/// than 5 s.
pub const CALL_DEADLINE_SECONDS: u32 = 10;

/// P3: providers forget a key after a day. An hour before that it is not relied on any more.
pub const KEY_LIFETIME: TimeDelta = TimeDelta::hours(23);

/// Makes a repeated request recognisable to the provider: the hash of the event that led to it, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    hash: String,
    /// When that event was recorded: nothing was sent under the key before.
    made_at: DateTime<Utc>,
}

impl IdempotencyKey {
    pub fn new(hash: String, made_at: DateTime<Utc>) -> Self {
        Self { hash, made_at }
    }

    pub fn as_str(&self) -> &str {
        &self.hash
    }

    pub fn made_at(&self) -> DateTime<Utc> {
        self.made_at
    }

    /// Whether the provider may have forgotten what was sent under the key.
    pub fn may_be_forgotten(&self, now: DateTime<Utc>) -> bool {
        now - self.made_at >= KEY_LIFETIME
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hash)
    }
}

/// Set money aside on the buyer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeRequest {
    pub idempotency_key: IdempotencyKey,
    pub payment_id: PaymentId,
    pub amount: Money,
    pub token: PaymentToken,
}

/// Take money that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureRequest {
    pub idempotency_key: IdempotencyKey,
    pub payment_id: PaymentId,
    pub capture_id: CaptureId,
    pub amount: Money,
    /// What the provider called the authorisation.
    pub authorization: ProviderReference,
}

/// Give back what is set aside and not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidRequest {
    pub idempotency_key: IdempotencyKey,
    pub payment_id: PaymentId,
    pub authorization: ProviderReference,
}

/// Give back money that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    pub idempotency_key: IdempotencyKey,
    pub payment_id: PaymentId,
    pub refund_id: RefundId,
    pub amount: Money,
    /// What the provider called the authorisation that was captured from.
    pub authorization: ProviderReference,
}

/// One request as a value: to be sent or, where its answer was lost, to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Authorize(AuthorizeRequest),
    Capture(CaptureRequest),
    Void(VoidRequest),
    Refund(RefundRequest),
}

impl Operation {
    pub fn idempotency_key(&self) -> &IdempotencyKey {
        match self {
            Self::Authorize(request) => &request.idempotency_key,
            Self::Capture(request) => &request.idempotency_key,
            Self::Void(request) => &request.idempotency_key,
            Self::Refund(request) => &request.idempotency_key,
        }
    }

    /// The label of metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Authorize(_) => "authorize",
            Self::Capture(_) => "capture",
            Self::Void(_) => "void",
            Self::Refund(_) => "refund",
        }
    }
}

/// The provider did it, and this is what it calls what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub reference: ProviderReference,
}

/// Why there is no receipt. Each is another thing to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// A definite no of the bank or the provider.
    #[error("the provider declined: {code}")]
    Declined { code: FailureCode },
    /// The buyer has to go somewhere first. The reference is that of the authorisation that follows.
    #[error("the buyer has to act at {url}")]
    ActionRequired { reference: ProviderReference, url: ActionUrl },
    /// A timeout, a 5xx, nonsense: it may or may not have happened. Asked about later, never repeated blindly.
    #[error("what became of the request is unknown: {reason}")]
    Unknown { reason: String },
    /// The provider has taken the request and has no result yet. Asked about later.
    #[error("the provider has no result yet: {reason}")]
    Pending { reason: String },
    /// The provider did not take the request: wrong credentials, an unknown reference. Nothing happened, and a repeat
    /// changes nothing; somebody has to look.
    #[error("the provider refused the request: {reason}")]
    Refused { reason: String },
}

/// A payment provider.
#[async_trait]
pub trait PaymentGateway: Send + Sync + fmt::Debug {
    fn name(&self) -> &'static str;

    /// Where not, everything is captured when the first parcel leaves.
    fn captures_more_than_once(&self) -> bool;

    async fn authorize(&self, request: &AuthorizeRequest) -> Result<Receipt, GatewayError>;

    async fn capture(&self, request: &CaptureRequest) -> Result<Receipt, GatewayError>;

    async fn void(&self, request: &VoidRequest) -> Result<Receipt, GatewayError>;

    async fn refund(&self, request: &RefundRequest) -> Result<Receipt, GatewayError>;

    /// What became of a request whose answer was lost: by its key or, where the provider has forgotten that, by the
    /// payment's id. `None` if it never arrived, so that it may be sent again under the same key.
    async fn find(&self, operation: &Operation) -> Result<Option<Receipt>, GatewayError>;

    /// Whether it can be asked what stands in its own books, which is what the three below do. One that keeps none is
    /// never asked.
    fn keeps_accounts(&self) -> bool {
        false
    }

    /// What the provider says of a payment now. `None` if it knows none by this reference.
    async fn look_up(&self, reference: &ProviderReference) -> Result<Option<ProviderPayment>, GatewayError> {
        Err(GatewayError::Refused { reason: format!("{} knows no {reference}: it keeps no accounts", self.name()) })
    }

    /// The payments that were opened within a time, a page of them.
    async fn list(&self, opened: &Period, after: Option<&Cursor>) -> Result<Page, GatewayError> {
        let _ = (opened, after);
        Ok(Page::default())
    }

    /// What a webhook is about, once its signature over the raw body has been verified. It is taken for a hint only: what
    /// happened is then asked for.
    fn read_webhook(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notice, WebhookError> {
        let _ = (headers, body);
        Err(WebhookError::NotExpected)
    }
}

/// The gateways of this deployment, by the name that stands in a payment.
#[derive(Debug, Clone, Default)]
pub struct Gateways(BTreeMap<&'static str, Arc<dyn PaymentGateway>>);

impl Gateways {
    #[must_use]
    pub fn with(mut self, gateway: Arc<dyn PaymentGateway>) -> Self {
        self.0.insert(gateway.name(), gateway);
        self
    }

    pub fn get(&self, provider: &Provider) -> Option<&Arc<dyn PaymentGateway>> {
        self.0.get(provider.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn PaymentGateway>> {
        self.0.values()
    }

    /// Those that capture once and no more.
    pub fn capturing_once(&self) -> Arc<[Provider]> {
        let once = self.0.values().filter(|gateway| !gateway.captures_more_than_once());
        once.map(|gateway| Provider::new(gateway.name()).expect("a gateway is named as a provider")).collect()
    }
}
