//! What providers tell us unasked: kept, answered, and worked off in peace.
//!
//! A webhook is taken for a hint. What has happened to the payment is asked of the provider, and what the ledger does not
//! know of it is recorded: so it does not matter whether a webhook comes before the answer to the call that it is about,
//! after it, twice, or in another order. P7: one about a payment that is not known here is parked, looked at again and
//! again, and told of once it is old; it is never dropped.

mod workers;

use std::sync::Arc;

use domain::payment::{Provider, ProviderReference};
use eventstore::failpoint;
use hyper::HeaderMap;
use sqlx::PgPool;

pub use self::workers::WebhookWorkers;
use crate::clock::Clock;
use crate::gateway::Gateways;
use crate::gateway::webhook::WebhookError;

/// Takes webhooks in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Webhooks {
    pool: PgPool,
    gateways: Arc<Gateways>,
    clock: Clock,
}

/// Why a webhook was not taken in. Nothing is left of it but a metric.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    #[error("there is no such provider")]
    UnknownProvider,
    #[error("the webhook is refused")]
    Refused(#[from] WebhookError),
    #[error("the webhook cannot be kept")]
    Database(#[from] sqlx::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    Kept,
    /// It had come before.
    Repeated,
}

impl Webhooks {
    pub fn new(pool: PgPool, gateways: Arc<Gateways>, clock: Clock) -> Self {
        Self { pool, gateways, clock }
    }

    /// Once this has returned, the webhook is on the disk.
    pub async fn receive(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<Received, ReceiveError> {
        let named = Provider::new(provider).ok();
        let gateway = named.and_then(|named| self.gateways.get(&named)).ok_or(ReceiveError::UnknownProvider)?;
        let received = self.keep(gateway.name(), gateway.read_webhook(headers, body)).await;
        let result = match &received {
            Ok(Received::Kept) => "kept",
            Ok(Received::Repeated) => "repeated",
            Err(ReceiveError::Refused(error)) => error.label(),
            Err(_) => "failed",
        };
        metrics::counter!("daybook_webhooks_total", "provider" => gateway.name(), "result" => result).increment(1);
        received
    }

    async fn keep(
        &self,
        provider: &'static str,
        notice: Result<crate::gateway::webhook::Notice, WebhookError>,
    ) -> Result<Received, ReceiveError> {
        let notice = notice?;
        let reference = notice.payment.as_ref().map(ProviderReference::as_str);
        let event_id = notice.event_id.as_str();
        let (event_type, now) = (notice.event_type, self.clock.now());
        failpoint::reached("webhook.before_keep");
        let kept = sqlx::query_file!("src/sql/keep_webhook.sql", provider, event_id, event_type, reference, now)
            .execute(&self.pool)
            .await?;
        failpoint::reached("webhook.after_keep");
        Ok(if kept.rows_affected() > 0 { Received::Kept } else { Received::Repeated })
    }
}
