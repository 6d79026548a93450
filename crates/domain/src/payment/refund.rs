//! Giving back what was taken: what may be asked for, and what came of it.

use serde::{Deserialize, Serialize};

use super::{
    Error, Event, Ledger, Outcome, Payment, ProviderReference, RefundFailed, RefundRequested, RefundSucceeded,
    Refunded, State, reconciliation::found_twice, require_reference, require_within,
};
use crate::{
    aggregate::fold,
    ids::{PaymentId, Reason, RefundId},
    money::Money,
};

/// Refunds of one payment: far above what anyone grants, and a bound on what its state holds.
pub const REFUNDS_MAX: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    pub requested: Money,
    pub reason: Option<Reason>,
    pub outcome: Outcome,
}

/// Whether the rules demanded this refund of the payment, and nobody granted it. What people name is of another version of UUID.
pub fn is_demanded(refund_id: RefundId, payment_id: PaymentId) -> bool {
    refund_id.as_uuid().get_version_num() == 5
        && (0..REFUNDS_MAX).any(|refunds| refund_id == RefundId::next_of(payment_id, refunds))
}

/// P2. One that failed is asked for again under its own id.
pub(super) fn request(
    ledger: &Ledger,
    refund_id: RefundId,
    amount: Money,
    reason: Option<Reason>,
) -> Result<Vec<Event>, Error> {
    let known = ledger.refund(refund_id);
    if known.is_some_and(|refund| refund.outcome != Outcome::Failed) {
        return Ok(vec![]);
    }
    let is_everything_of_nothing = amount.is_zero() && ledger.refundable().is_zero();
    if !ledger.captured().is_positive() || is_everything_of_nothing {
        return Err(ledger.illegal());
    }
    if known.is_none() && ledger.refunds.len() >= REFUNDS_MAX {
        return Err(Error::TooManyRefunds { max: REFUNDS_MAX });
    }
    require_within(ledger, amount, ledger.refundable())?;
    let order_id = ledger.order_id;
    Ok(vec![Event::RefundRequested(RefundRequested { order_id, refund_id, amount, reason })])
}

/// A refund that was taken for failed may have succeeded after all, as long as nothing else took its place.
pub(super) fn record(
    state: &State,
    refund_id: RefundId,
    operation_id: ProviderReference,
    amount: Money,
) -> Result<Vec<Event>, Error> {
    let ledger = state.opened()?;
    let refund = ledger.refund(refund_id).ok_or(Error::RefundNotFound { refund_id })?;
    let remaining = match &refund.outcome {
        Outcome::Succeeded { operation_id: known, .. } => {
            return require_reference(Some(known), &operation_id).map(|()| vec![]);
        }
        Outcome::Pending => refund.requested,
        Outcome::Failed => refund.requested.at_most(ledger.refundable()),
    };
    require_within(ledger, amount, remaining)?;
    let order_id = ledger.order_id;
    let mut events = vec![Event::RefundSucceeded(RefundSucceeded { order_id, refund_id, operation_id, amount })];
    let after = fold::<Payment>(state.clone(), &events);
    let refunded = after.ledger().map(Ledger::refunded);
    if let Some(amount) = refunded.filter(|_| after.status() == "refunded") {
        events.push(Event::Refunded(Refunded { order_id, amount }));
    }
    Ok(found_twice(state, events))
}

/// P4: a failure that comes after the success is recorded and changes nothing.
pub(super) fn record_failed(ledger: &Ledger, failed: RefundFailed) -> Result<Vec<Event>, Error> {
    let refund_id = failed.refund_id;
    let refund = ledger.refund(refund_id).ok_or(Error::RefundNotFound { refund_id })?;
    let known = failed.operation_id.as_ref().map(|id| ledger.operations.contains(id));
    match (refund.outcome == Outcome::Pending, known) {
        (_, Some(true)) | (false, None) => Ok(vec![]),
        (true, _) | (false, Some(false)) => Ok(vec![Event::RefundFailed(failed)]),
    }
}
