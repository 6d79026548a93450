//! Another try to pay for an order that is pending.

use chrono::{DateTime, Utc};
use domain::ids::{CustomerId, OrderId, PaymentId};
use domain::order::{self, Order};
use domain::payment::Payment;
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use super::require_payment;
use crate::checkout::{PaymentDetails, RESERVATION_LIFETIME};
use crate::orders::settle::reason;
use crate::orders::{payments_of, require_order, with_stock};
use crate::payments::excess::give_back;
use crate::rejection::Rejection;
use crate::stock;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// Another try, by another method, while the order is pending. Its stock is held for this try too, or asked for anew.
#[derive(Debug, Clone)]
pub struct RetryPayment {
    pub order_id: OrderId,
    pub owner: Option<CustomerId>,
    /// Made just now: nobody has used it.
    pub payment_id: PaymentId,
    pub payment: PaymentDetails,
}

/// The new payment, and the order that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryOutcome {
    pub payment_id: PaymentId,
    pub order_id: OrderId,
}

impl UseCase for RetryPayment {
    type Outcome = RetryOutcome;

    const NAME: &'static str = "retry_payment";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_stock(self.order_id, view).fresh::<Payment>(self.payment_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<RetryOutcome>, Rejection> {
        let Self { order_id, payment_id, .. } = *self;
        let order = require_order(view, order_id, self.owner)?;
        let state = view.state::<Order>(order_id.as_uuid())?;
        if !matches!(state, order::State::Pending(_)) {
            return Err(state.illegal().into());
        }
        let mut events = Events::default();
        for payment_id in payments_of(order) {
            give_up_on(&mut events, view, payment_id)?;
        }
        events.decide::<Order>(view, order_id.as_uuid(), order::Command::RetryPayment { payment_id })?;
        stock::hold(&mut events, view, order_id, &order.demand(), (now + RESERVATION_LIFETIME, now))?;
        let initiate = self.payment.initiate(order_id, order.totals.total);
        events.decide::<Payment>(view, payment_id.as_uuid(), initiate)?;
        Ok(events.answer(RetryOutcome { payment_id, order_id }))
    }

    fn shows(outcome: &RetryOutcome) -> Vec<StreamId> {
        vec![Payment::stream(outcome.payment_id.as_uuid()), Order::stream(outcome.order_id.as_uuid())]
    }
}

/// A payment that was declined is over, and one that waits for its buyer is given up. One whose answer is still to come
/// may yet pay for the order.
fn give_up_on(events: &mut Events, view: &View<'_>, payment_id: PaymentId) -> Result<(), Rejection> {
    let payment = require_payment(view, payment_id)?;
    match payment.status() {
        "failed" | "voided" | "expired" => Ok(()),
        "action_required" => give_back(events, view, payment_id, &reason("paid by another method")),
        state => {
            let (payment_id, allowed) = (payment_id.to_string(), payment.allowed());
            Err(Rejection::PaymentInProgress { payment_id, state, allowed })
        }
    }
}
