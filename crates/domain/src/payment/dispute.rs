//! Money that a buyer's bank wants back: a payment that was taken may be disputed, and is then charged back or won.

use serde::{Deserialize, Serialize};

use super::{
    ChargedBack, DisputeWon, Disputed, Error, Event, FailureCode, Ledger, ProviderReference, State,
    reconciliation::found_twice, require_same_currency,
};
use crate::money::Money;

/// Disputes of one payment: banks open one, rarely a second.
pub const DISPUTES_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dispute {
    /// The provider's: nobody here asked for it.
    pub id: ProviderReference,
    pub amount: Money,
    pub outcome: DisputeOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisputeOutcome {
    Open,
    ChargedBack,
    Won,
}

/// What a provider tells of a dispute. One whose beginning was not heard of begins with its end.
pub(super) fn record(
    state: &State,
    dispute_id: ProviderReference,
    amount: Money,
    reason: FailureCode,
    outcome: DisputeOutcome,
) -> Result<Vec<Event>, Error> {
    let ledger = state.opened()?;
    let order_id = ledger.order_id;
    let mut events = Vec::new();
    match ledger.dispute(&dispute_id) {
        // P4: the first end that is told of stands.
        Some(known) if known.outcome != DisputeOutcome::Open || outcome == DisputeOutcome::Open => return Ok(vec![]),
        Some(_) => {}
        None => {
            require_disputable(ledger, amount)?;
            events.push(Event::Disputed(Disputed { order_id, dispute_id: dispute_id.clone(), amount, reason }));
        }
    }
    match outcome {
        DisputeOutcome::Open => {}
        DisputeOutcome::ChargedBack => {
            let amount = ledger.dispute(&dispute_id).map_or(amount, |known| known.amount);
            events.push(Event::ChargedBack(ChargedBack { order_id, dispute_id, amount }));
        }
        DisputeOutcome::Won => events.push(Event::DisputeWon(DisputeWon { order_id, dispute_id })),
    }
    Ok(found_twice(state, events))
}

/// Only what was taken can be wanted back, and no more than that: P5, and a part of P2.
fn require_disputable(ledger: &Ledger, amount: Money) -> Result<(), Error> {
    if !ledger.captured().is_positive() {
        return Err(ledger.illegal());
    }
    if ledger.disputes.len() >= DISPUTES_MAX {
        return Err(Error::TooManyDisputes { max: DISPUTES_MAX });
    }
    require_same_currency(ledger, amount)?;
    if !amount.is_positive() {
        return Err(Error::AmountNotPositive { amount });
    }
    let remaining = ledger.captured().saturating_sub(ledger.disputed().saturating_add(ledger.charged_back()));
    if amount > remaining {
        return Err(Error::AmountExceedsRemaining { requested: amount, remaining });
    }
    Ok(())
}
