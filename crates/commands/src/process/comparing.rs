//! One payment compared with the provider's books, whoever asks for it.
//!
//! What the provider says was said a moment ago, and the ledger may have moved since: an answer to a call of ours can have
//! come between. So a difference is believed only if it is there still when the provider is asked again, and the ledger
//! has not moved meanwhile.

use domain::ids::PaymentId;
use domain::payment::{Payment, ProviderReference};
use eventstore::event::StreamId;

use crate::command::{CommandError, Envelope};
use crate::executor::Commands;
use crate::gateway::account::ProviderPayment;
use crate::gateway::{GatewayError, PaymentGateway};
use crate::payments::reconcile::{Comparison, ReconcileOutcome, ReconcilePayment};
use crate::rejection::Rejection;
use crate::world::Held;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareError {
    #[error("the provider's books cannot be read")]
    Provider(#[from] GatewayError),
    #[error("what they say cannot be recorded")]
    Command(#[from] CommandError),
}

/// A payment of ours, and what the provider calls it.
pub(crate) struct Compared<'a> {
    pub(crate) commands: &'a Commands,
    pub(crate) gateway: &'a dyn PaymentGateway,
    pub(crate) payment_id: PaymentId,
    pub(crate) reference: &'a ProviderReference,
    pub(crate) attests: bool,
}

impl Compared<'_> {
    pub(crate) async fn run(
        &self,
        theirs: Option<ProviderPayment>,
        envelope: Envelope,
    ) -> Result<ReconcileOutcome, CompareError> {
        let Self { payment_id, attests, .. } = *self;
        let first = ReconcilePayment { payment_id, theirs, attests, finds: false };
        let first = self.commands.run(first, envelope.clone()).await?;
        if !matches!(first.outcome.comparison, Comparison::Differs(_)) {
            return Ok(first.outcome);
        }
        let theirs = self.gateway.look_up(self.reference).await?;
        let again = ReconcilePayment { payment_id, theirs, attests, finds: true };
        let stream: StreamId = Payment::stream(payment_id.as_uuid());
        let expected = Envelope { expected: Some((stream, first.version)), ..envelope };
        let recorded = first.outcome.recorded;
        match self.commands.run(again, expected).await {
            Ok(again) => Ok(ReconcileOutcome { recorded: recorded || again.outcome.recorded, ..again.outcome }),
            Err(CommandError::Rejected(Rejection::VersionMismatch { .. })) => {
                Ok(ReconcileOutcome { payment_id, recorded, comparison: Comparison::Open })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Somebody has to look, and a webhook or an answer was the first to show it.
pub(crate) fn tell_difference(provider: &'static str, payment_id: PaymentId, detail: &str) {
    tracing::error!(provider, payment.id = %payment_id, detail, "money is not where the ledger and the provider should have it");
    metrics::counter!("daybook_payment_discrepancies_total", "provider" => provider).increment(1);
}
