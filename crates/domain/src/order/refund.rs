//! Money given back for an order. How much there is to give, its payments know: whoever grants it asks them in the same append.

use super::{Error, Event, LineUnits, RefundGranted, RefundPart, State, named, too_large};
use crate::{
    ids::{Reason, RefundId},
    money::Money,
};

/// Refunds of one order: far above what anyone grants, and a bound on what its state holds.
pub const REFUNDS_MAX: usize = 1_000;

/// Whatever the order's state: money is also given back after its end.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantRefund {
    pub refund_id: RefundId,
    pub reason: Reason,
    /// The goods it is for, if it is for goods.
    pub lines: Vec<LineUnits>,
    /// What each payment gives. The whole is their sum.
    pub payments: Vec<RefundPart>,
}

impl GrantRefund {
    pub(super) fn decide(self, state: &State) -> Result<Vec<Event>, Error> {
        let Self { refund_id, reason, lines, payments } = self;
        let order = state.contents().ok_or_else(|| state.illegal())?;
        if order.refund(refund_id).is_some() {
            return Ok(vec![]);
        }
        if order.refunds.len() >= REFUNDS_MAX {
            return Err(Error::TooManyRefunds { max: REFUNDS_MAX });
        }
        for RefundPart { amount, .. } in &payments {
            if amount.currency() != order.currency() {
                return Err(Error::CurrencyMismatch { expected: order.currency(), found: amount.currency() });
            }
        }
        let parts = payments.iter().map(|part| part.amount);
        let amount = Money::total(order.currency(), parts).map_err(too_large)?;
        if let Some(amount) = payments.iter().map(|part| part.amount).chain([amount]).find(|part| !part.is_positive()) {
            return Err(Error::AmountNotPositive { amount });
        }
        let lines = if lines.is_empty() { lines } else { named(order, lines, |line| line.quantity.get())? };
        Ok(vec![Event::RefundGranted(RefundGranted { refund_id, amount, reason, lines, payments })])
    }
}
