//! What becomes of a pending order: confirmed once it is paid, failed when it was not in time or its stock is gone.
//! The processes ask for it, so a state that has moved on is no error: what is already so decides nothing.

use chrono::{DateTime, Utc};
use domain::ids::{OrderId, PaymentId, Reason};
use domain::inventory;
use domain::order::{self, Command, Contents, Failure, Order};
use domain::payment::{Ledger, Payment};
use eventstore::event::StreamId;

use super::{OrderOutcome, payments_of, require_order, set_stock_free, with_stock};
use crate::payments::excess::give_back;
use crate::payments::require_payment;
use crate::rejection::Rejection;
use crate::stock;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

/// A payment was authorised. The order takes it: reservations become allocations. Where the order cannot take it any
/// more (it ended, another payment was first, its stock is gone), the payment is given back.
#[derive(Debug, Clone)]
pub struct ConfirmOrder {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
}

impl UseCase for ConfirmOrder {
    type Outcome = OrderOutcome;

    const NAME: &'static str = "confirm_order";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_stock(self.order_id, view).read::<Payment>(self.payment_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<OrderOutcome>, Rejection> {
        let order = require_order(view, self.order_id, None)?;
        let payment = require_payment(view, self.payment_id)?;
        let mut events = Events::default();
        match view.state::<Order>(self.order_id.as_uuid())? {
            order::State::Pending(order) if payment.covers_shipping() => {
                events = self.confirm(view, order, now)?;
            }
            order::State::Confirmed(order) if order.confirmed_by == Some(self.payment_id) => {}
            _ if payment.authorization.is_some() => {
                give_back(&mut events, view, self.payment_id, &reason("the order cannot take the payment any more"))?;
            }
            _ => {}
        }
        Ok(events.answer(OrderOutcome::of(self.order_id, order)))
    }

    fn shows(outcome: &OrderOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

impl ConfirmOrder {
    /// N3: what a reservation that expired meanwhile had held is asked for anew.
    fn confirm(&self, view: &View<'_>, order: &Contents, now: DateTime<Utc>) -> Result<Events, Rejection> {
        let Self { order_id, payment_id } = *self;
        let mut events = Events::default();
        if !stock::allocate(&mut events, view, order_id, order.demand(), now)? {
            return self.fail_for_stock(view);
        }
        events.decide::<Order>(view, order_id.as_uuid(), Command::Confirm { payment_id, at: now })?;
        let awaited = stock::promised_and_missing(&events, order_id);
        if !awaited.is_empty() {
            events.decide_next::<Order>(view, order_id.as_uuid(), Command::NoteCoverage { awaited })?;
        }
        Ok(events)
    }

    fn fail_for_stock(&self, view: &View<'_>) -> Result<Events, Rejection> {
        let mut events = Events::default();
        events.decide::<Order>(view, self.order_id.as_uuid(), Command::Fail { reason: Failure::OutOfStock })?;
        set_stock_free(&mut events, view, self.order_id)?;
        give_back(&mut events, view, self.payment_id, &reason("the order failed: out of stock"))?;
        Ok(events)
    }
}

/// An order was not paid in time. One that is paid, and only waits to be confirmed, is left to [`ConfirmOrder`].
#[derive(Debug, Clone)]
pub struct FailPendingOrder {
    pub order_id: OrderId,
}

impl UseCase for FailPendingOrder {
    type Outcome = OrderOutcome;

    const NAME: &'static str = "fail_pending_order";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_stock(self.order_id, view)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<OrderOutcome>, Rejection> {
        let order = require_order(view, self.order_id, None)?;
        let is_pending = matches!(view.state::<Order>(self.order_id.as_uuid())?, order::State::Pending(_));
        let mut events = Events::default();
        let tries: Vec<&Ledger> =
            payments_of(order).map(|payment_id| require_payment(view, payment_id)).collect::<Result<_, _>>()?;
        if is_pending && !tries.iter().any(|payment| payment.covers_shipping()) {
            let fail = Command::Fail { reason: failure_of(&tries) };
            events.decide::<Order>(view, self.order_id.as_uuid(), fail)?;
            set_stock_free(&mut events, view, self.order_id)?;
            for payment_id in payments_of(order) {
                give_back(&mut events, view, payment_id, &reason("the order was not paid in time"))?;
            }
        }
        Ok(events.answer(OrderOutcome::of(self.order_id, order)))
    }

    fn shows(outcome: &OrderOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// The last try says why.
fn failure_of(tries: &[&Ledger]) -> Failure {
    let has_failed = tries.last().is_some_and(|payment| payment.failure.is_some());
    if has_failed { Failure::PaymentFailed } else { Failure::PaymentExpired }
}

/// Sets free what the order's expired reservations held. The order stays pending: paid late, it asks for stock anew.
#[derive(Debug, Clone)]
pub struct ExpireReservations {
    pub order_id: OrderId,
}

impl UseCase for ExpireReservations {
    type Outcome = OrderOutcome;

    const NAME: &'static str = "expire_reservations";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_stock(self.order_id, view)
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<OrderOutcome>, Rejection> {
        let order_id = self.order_id;
        let order = require_order(view, order_id, None)?;
        let mut events = Events::default();
        if let order::State::Pending(order) = view.state::<Order>(order_id.as_uuid())? {
            let expire = inventory::Command::ExpireReservation { order_id, now };
            stock::everywhere_decide(&mut events, view, order.demand().into_keys(), &expire)?;
        }
        Ok(events.answer(OrderOutcome::of(order_id, order)))
    }

    fn shows(outcome: &OrderOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

pub(crate) fn reason(text: &'static str) -> Reason {
    Reason::new(text).expect("a short line of text is a reason")
}

#[cfg(test)]
mod tests;
