//! Money given back for an order, by decision of staff. What was captured for it, and is left, bounds it over all of the
//! order's payments: the grant and what each payment is asked for are one append, so that two who grant at the same time
//! cannot give more than there is.

use chrono::{DateTime, Utc};
use domain::ids::{OrderId, PaymentId, Quantity, Reason, RefundId, Sku};
use domain::money::{self, Money};
use domain::order::{self, Contents, GrantRefund, Order, RefundPart};
use domain::payment::{self, Payment};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use super::{OrderOutcome, payments_of, require_order, with_payments};
use crate::payments::require_payment;
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

#[derive(Debug, Clone)]
pub struct RefundOrder {
    pub order_id: OrderId,
    /// Made just now; names the refund, so that it is granted once.
    pub refund_id: RefundId,
    pub amount: Money,
    pub reason: Reason,
    /// The goods it is for, by SKU, if it is for goods.
    pub lines: Vec<(Sku, Quantity)>,
}

/// The refund, beside the order that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundOutcome {
    pub refund_id: RefundId,
    #[serde(flatten)]
    pub order: OrderOutcome,
}

impl UseCase for RefundOrder {
    type Outcome = RefundOutcome;

    const NAME: &'static str = "refund_order";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_payments(self.order_id, view)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<RefundOutcome>, Rejection> {
        let Self { order_id, refund_id, .. } = *self;
        let order = require_order(view, order_id, None)?;
        let outcome = RefundOutcome { refund_id, order: OrderOutcome::of(order_id, order) };
        let mut events = Events::default();
        if order.refund(refund_id).is_some() {
            return Ok(events.answer(outcome));
        }
        let payments = split(view, order, self.amount)?;
        let (reason, lines) = (self.reason.clone(), order.ordered_lines_of(&self.lines)?);
        let grant = GrantRefund { refund_id, reason, lines, payments: payments.clone() };
        events.decide::<Order>(view, order_id.as_uuid(), order::Command::GrantRefund(grant))?;
        for RefundPart { payment_id, amount } in payments {
            let reason = Some(self.reason.clone());
            let request = payment::Command::RequestRefund { refund_id, amount, reason };
            events.decide::<Payment>(view, payment_id.as_uuid(), request)?;
        }
        Ok(events.answer(outcome))
    }

    fn shows(outcome: &RefundOutcome) -> Vec<StreamId> {
        outcome.order.shows()
    }
}

/// What each payment gives: the one that covers the order as much as it has, the others what is missing.
fn split(view: &View<'_>, order: &Contents, amount: Money) -> Result<Vec<RefundPart>, Rejection> {
    let (expected, found) = (order.currency(), amount.currency());
    if found != expected {
        return Err(order::Error::CurrencyMismatch { expected, found }.into());
    }
    if !amount.is_positive() {
        return Err(order::Error::AmountNotPositive { amount }.into());
    }
    let too_large = |_: money::Error| order::Error::AmountTooLarge;
    let (mut parts, mut missing, mut there_is) = (Vec::new(), amount, Money::zero(expected));
    for payment_id in covering_first(order) {
        let refundable = require_payment(view, payment_id)?.refundable();
        there_is = there_is.checked_add(refundable).map_err(too_large)?;
        let part = if refundable < missing { refundable } else { missing };
        if part.is_positive() {
            missing = missing.checked_sub(part).map_err(too_large)?;
            parts.push(RefundPart { payment_id, amount: part });
        }
    }
    if missing.is_positive() {
        return Err(payment::Error::AmountExceedsRemaining { requested: amount, remaining: there_is }.into());
    }
    Ok(parts)
}

fn covering_first(order: &Contents) -> Vec<PaymentId> {
    let mut payments: Vec<PaymentId> = payments_of(order).collect();
    payments.sort_by_key(|payment_id| order.confirmed_by != Some(*payment_id));
    payments
}

#[cfg(test)]
mod tests;
