//! Stripe, by its API of payment intents: money is set aside by an intent that is captured by hand, once.
//!
//! P3: every request that changes something carries the hash of its *requested* event as `Idempotency-Key`, and our id of
//! the payment as metadata. [`find`] says how a lost answer is asked about; [`answers`] what each answer is taken for.
//! P8: what is sent of a card is its token, and nothing that describes a card is read from an answer.

mod accounts;
mod amount;
mod answers;
mod find;
mod form;
mod http;
mod objects;
mod signature;
mod tls;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::payment::ProviderReference;
use hyper::HeaderMap;

use self::form::{Form, step};
use self::http::Client;
use self::signature::WebhookSecret;
use super::account::{Cursor, Page, Period, ProviderPayment};
use super::webhook::{Notice, WebhookError};
use super::{
    AuthorizeRequest, CaptureRequest, GatewayError, Operation, PaymentGateway, Receipt, RefundRequest, VoidRequest,
};
use crate::clock::Clock;

pub const NAME: &str = "stripe";
/// Where Stripe answers for everybody.
pub const BASE_URL: &str = "https://api.stripe.com";

/// What is kept to ourselves: a key, the secret of a webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[derive(Debug, Clone)]
pub struct StripeConfig {
    pub base_url: String,
    pub secret_key: Secret,
    /// Of the endpoint that webhooks are sent to. More than one while it is rolled; none, and webhooks are refused.
    pub webhook_secrets: Vec<Secret>,
    /// Where a buyer comes back to who had to confirm a payment. Without it, a payment that needs that is declined.
    pub return_url: Option<String>,
    /// Certificates (PEM) that are trusted beside those that the machine trusts: of a proxy of one's own.
    pub authorities: Option<Vec<u8>>,
}

#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    #[error("Stripe's base URL is http:// or https:// with a host, and no query")]
    BaseUrl,
    #[error("Stripe's secret key is not one line of visible characters")]
    SecretKey,
    #[error("a secret of Stripe's webhooks is empty")]
    WebhookSecret,
    #[error("this machine trusts no certificate, so that nobody can be spoken to over TLS")]
    NoRoots,
    #[error("the file of certificates to trust holds none, or one that cannot be read")]
    Authorities,
    #[error("TLS cannot be spoken")]
    Tls(#[source] rustls::Error),
}

#[derive(Debug)]
pub struct Stripe {
    client: Client,
    webhook_secrets: Vec<WebhookSecret>,
    return_url: Option<String>,
    clock: Clock,
}

impl Stripe {
    /// Connects to nobody yet.
    pub fn new(config: StripeConfig, clock: Clock) -> Result<Self, StripeError> {
        let StripeConfig { base_url, secret_key, webhook_secrets, return_url, authorities } = config;
        if webhook_secrets.iter().any(|secret| secret.expose().is_empty()) {
            return Err(StripeError::WebhookSecret);
        }
        Ok(Self {
            client: Client::new(&base_url, &secret_key, authorities.as_deref())?,
            webhook_secrets: webhook_secrets.iter().map(WebhookSecret::new).collect(),
            return_url,
            clock,
        })
    }
}

/// What our ids stand under, in the metadata of an intent.
const PAYMENT_ID: &str = "payment_id";
const CAPTURE_ID: &str = "capture_id";
const REFUND_ID: &str = "refund_id";
/// Of a refund, since one that failed is asked for again by the same id of ours: which request it came of, by its key.
const REQUEST: &str = "request";

/// The amount as Stripe writes it.
fn written(money: domain::money::Money) -> Result<(i64, String), GatewayError> {
    amount::to_stripe(money)
        .ok_or_else(|| GatewayError::Refused { reason: format!("Stripe takes no amount such as {money}") })
}

#[async_trait]
impl PaymentGateway for Stripe {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Not unless a contract with Stripe says so.
    fn captures_more_than_once(&self) -> bool {
        false
    }

    async fn authorize(&self, request: &AuthorizeRequest) -> Result<Receipt, GatewayError> {
        let (amount, currency) = written(request.amount)?;
        let form = Form::default()
            .with("amount", amount)
            .with("currency", currency)
            .with("payment_method", request.token.as_str())
            .with("payment_method_types[]", "card")
            .with("capture_method", "manual")
            .with("confirm", true)
            .with(&format!("metadata[{PAYMENT_ID}]"), request.payment_id);
        let form = match &self.return_url {
            Some(url) => form.with("return_url", url),
            // Nobody could be sent anywhere, so a bank that wants it says no.
            None => form.with("error_on_requires_action", true),
        };
        let reply = self.client.post("/v1/payment_intents", &form, &request.idempotency_key).await?;
        answers::authorization(reply, request.payment_id, request.amount)
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Receipt, GatewayError> {
        let (amount, _) = written(request.amount)?;
        let form = Form::default()
            .with("amount_to_capture", amount)
            .with(&format!("metadata[{CAPTURE_ID}]"), request.capture_id);
        let path = format!("/v1/payment_intents/{}/capture", step(request.authorization.as_str()));
        let reply = self.client.post(&path, &form, &request.idempotency_key).await?;
        answers::capture(reply, request)
    }

    async fn void(&self, request: &VoidRequest) -> Result<Receipt, GatewayError> {
        let path = format!("/v1/payment_intents/{}/cancel", step(request.authorization.as_str()));
        let reply = self.client.post(&path, &Form::default(), &request.idempotency_key).await?;
        answers::void(reply, request)
    }

    async fn refund(&self, request: &RefundRequest) -> Result<Receipt, GatewayError> {
        let (amount, _) = written(request.amount)?;
        let form = Form::default()
            .with("payment_intent", &request.authorization)
            .with("amount", amount)
            .with(&format!("metadata[{PAYMENT_ID}]"), request.payment_id)
            .with(&format!("metadata[{REFUND_ID}]"), request.refund_id)
            .with(&format!("metadata[{REQUEST}]"), &request.idempotency_key);
        let reply = self.client.post("/v1/refunds", &form, &request.idempotency_key).await?;
        answers::refund(reply, request)
    }

    async fn find(&self, operation: &Operation) -> Result<Option<Receipt>, GatewayError> {
        match operation {
            Operation::Authorize(request) => find::authorization(&self.client, request, self.clock.now()).await,
            Operation::Capture(request) => find::capture(&self.client, request).await,
            Operation::Void(request) => find::void(&self.client, request).await,
            Operation::Refund(request) => find::refund(&self.client, request).await,
        }
    }

    fn keeps_accounts(&self) -> bool {
        true
    }

    async fn look_up(&self, reference: &ProviderReference) -> Result<Option<ProviderPayment>, GatewayError> {
        accounts::look_up(&self.client, reference).await
    }

    async fn list(&self, opened: &Period, after: Option<&Cursor>) -> Result<Page, GatewayError> {
        accounts::list(&self.client, opened, after).await
    }

    fn read_webhook(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notice, WebhookError> {
        signature::verify(&self.webhook_secrets, headers, body, self.clock.now())?;
        objects::notice(body).ok_or(WebhookError::Unreadable)
    }
}
