//! Money that is kept for an order and is not owed any more: the order ended, lines of it were cancelled, another payment was
//! first. What was taken is refunded, what is only held is let go.

use chrono::{DateTime, Utc};
use domain::ids::{PaymentId, Reason, RefundId};
use domain::money::Money;
use domain::order::{self, Order};
use domain::payment::{Command, Ledger, Outcome, Payment};
use eventstore::event::StreamId;

use super::lapse::with_order;
use super::{CapturingOnce, PaymentOutcome, least, require_payment};
use crate::orders::settle::reason;
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

/// A capture came through. If what it took is not owed any more, it is given back: nobody is charged for nothing, however late
/// the provider's answer was. A provider that captures once has let go of the rest with it, and the ledger says so.
#[derive(Debug, Clone)]
pub struct GiveBackExcess {
    pub payment_id: PaymentId,
    pub capturing_once: CapturingOnce,
}

impl UseCase for GiveBackExcess {
    type Outcome = PaymentOutcome;

    const NAME: &'static str = "give_back_excess";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_order(self.payment_id, view)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<PaymentOutcome>, Rejection> {
        let payment = require_payment(view, self.payment_id)?;
        let order = view.state::<Order>(payment.order_id.as_uuid())?;
        let mut events = Events::default();
        give_back_excess(&mut events, view, self.payment_id, order, &reason("the order does not owe it any more"))?;
        let is_over = payment.captured().is_positive() && payment.capture_pending().is_zero();
        if is_over && self.capturing_once.contains(&payment.provider) {
            let_go(&mut events, view, self.payment_id, &reason("the provider captures once, and lets go of the rest"))?;
        }
        Ok(events.answer(PaymentOutcome { payment_id: self.payment_id }))
    }

    fn shows(outcome: &PaymentOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// What the payment keeps beyond what its order, as it is by now, owes it.
pub(crate) fn give_back_excess(
    events: &mut Events,
    view: &View<'_>,
    payment_id: PaymentId,
    order: &order::State,
    reason: &Reason,
) -> Result<(), Rejection> {
    let payment = require_payment(view, payment_id)?;
    match order {
        // It may yet pay for the order; one of an earlier system has no payments.
        order::State::Absent | order::State::Imported(_) | order::State::Pending(_) => Ok(()),
        order::State::Confirmed(order) if order.confirmed_by == Some(payment_id) => {
            refund_beyond(events, view, payment_id, order.owed(), reason)?;
            let missing = order.owed().checked_sub(payment.captured()).expect("both are in the order's currency");
            let is_settled = order.is_shipped() && !missing.is_positive() && payment.capture_pending().is_zero();
            if is_settled { let_go(events, view, payment_id, reason) } else { Ok(()) }
        }
        order::State::Confirmed(_) | order::State::Cancelled(..) | order::State::Failed(..) => {
            give_back(events, view, payment_id, reason)
        }
    }
}

/// All of it: what is held is let go, what was taken is refunded. What is being captured is refunded once it has been.
pub(crate) fn give_back(
    events: &mut Events,
    view: &View<'_>,
    payment_id: PaymentId,
    reason: &Reason,
) -> Result<(), Rejection> {
    let owed = Money::zero(require_payment(view, payment_id)?.amount.currency());
    let_go(events, view, payment_id, reason)?;
    refund_beyond(events, view, payment_id, owed, reason)
}

/// What was never held needs nothing, and of what was or is being captured there is nothing to let go.
fn let_go(events: &mut Events, view: &View<'_>, payment_id: PaymentId, reason: &Reason) -> Result<(), Rejection> {
    let payment = require_payment(view, payment_id)?;
    if payment.authorization.is_some() && payment.uncaptured().is_zero() {
        return Ok(());
    }
    events.decide_next::<Payment>(view, payment_id.as_uuid(), Command::RequestVoid { reason: reason.clone() })
}

/// What was captured beyond what is owed, less what was given back for that already. What staff gave back is over and above it,
/// as far as there is money left.
fn refund_beyond(
    events: &mut Events,
    view: &View<'_>,
    payment_id: PaymentId,
    owed: Money,
    reason: &Reason,
) -> Result<(), Rejection> {
    let payment = require_payment(view, payment_id)?;
    let in_its_currency = "both are in the payment's currency";
    let beyond = payment.captured().checked_sub(owed).expect(in_its_currency);
    let missing = beyond.checked_sub(given_back(payment_id, payment)).expect(in_its_currency);
    let amount = least(missing, payment.refundable());
    if !amount.is_positive() {
        return Ok(());
    }
    let refund_id = RefundId::next_of(payment_id, payment.refunds.len());
    let request = Command::RequestRefund { refund_id, amount, reason: Some(reason.clone()) };
    events.decide_next::<Payment>(view, payment_id.as_uuid(), request)
}

/// The refunds that were not granted by anybody, but demanded by the rules: their ids say so.
pub(crate) fn given_back(payment_id: PaymentId, payment: &Ledger) -> Money {
    let refunds = payment.refunds.iter().enumerate();
    let amounts = refunds.filter(|(place, refund)| refund.id == RefundId::next_of(payment_id, *place)).filter_map(
        |(_, refund)| match &refund.outcome {
            Outcome::Pending => Some(refund.requested),
            Outcome::Succeeded { amount, .. } => Some(*amount),
            Outcome::Failed => None,
        },
    );
    Money::total(payment.amount.currency(), amounts).expect("no sum is above what was captured")
}

#[cfg(test)]
mod tests;
