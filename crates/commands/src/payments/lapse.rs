//! Money that is held is held for some days. What is owed is taken while it can be; then the rest is gone.

use chrono::{DateTime, Utc};
use domain::ids::{CaptureId, PaymentId};
use domain::money::Money;
use domain::order::{self, Contents, Order};
use domain::payment::{self, Command, Ledger, Payment};
use eventstore::event::StreamId;
use uuid::Uuid;

use super::{PaymentOutcome, least, require_payment};
use crate::orders::settle::reason;
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

/// The authorisation lapses soon, and not everything has been shipped: what is still owed is taken while it can be.
#[derive(Debug, Clone)]
pub struct CaptureBeforeLapse {
    pub payment_id: PaymentId,
}

impl UseCase for CaptureBeforeLapse {
    type Outcome = PaymentOutcome;

    const NAME: &'static str = "capture_before_lapse";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_order(self.payment_id, view)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<PaymentOutcome>, Rejection> {
        let payment = require_payment(view, self.payment_id)?;
        let mut events = Events::default();
        let amount = match view.state::<Order>(payment.order_id.as_uuid())? {
            order::State::Confirmed(order) if order.confirmed_by == Some(self.payment_id) => {
                least(missing(order, payment), payment.uncaptured())
            }
            _ => Money::zero(payment.amount.currency()),
        };
        if payment.covers_shipping() && amount.is_positive() {
            let capture_id = CaptureId::from_uuid(Uuid::new_v5(&self.payment_id.as_uuid(), b"lapse"));
            let command = Command::RequestCapture { capture_id, amount, for_shipment: None };
            events.decide::<Payment>(view, self.payment_id.as_uuid(), command)?;
        }
        Ok(events.answer(PaymentOutcome { payment_id: self.payment_id }))
    }

    fn shows(outcome: &PaymentOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// The authorisation has lapsed: nothing more can be taken. An order that was counting on it is held, for whoever runs the shop
/// to see: its buyer has to pay anew, or it is cancelled.
#[derive(Debug, Clone)]
pub struct LapseAuthorization {
    pub payment_id: PaymentId,
}

impl UseCase for LapseAuthorization {
    type Outcome = PaymentOutcome;

    const NAME: &'static str = "lapse_authorization";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_order(self.payment_id, view)
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<PaymentOutcome>, Rejection> {
        let payment = require_payment(view, self.payment_id)?;
        let mut events = Events::default();
        let has_lapsed = payment.authorization.is_some_and(|authorization| authorization.expires_at <= now);
        if has_lapsed {
            events.decide::<Payment>(view, self.payment_id.as_uuid(), Command::Expire)?;
        }
        if !events.is_empty()
            && let order::State::Confirmed(order) = view.state::<Order>(payment.order_id.as_uuid())?
            && order.confirmed_by == Some(self.payment_id)
            && !order.is_shipped()
            && order.hold.is_none()
            && missing(order, payment).is_positive()
        {
            let hold =
                order::Command::Hold { reason: reason("the authorisation lapsed before everything was captured") };
            events.decide::<Order>(view, payment.order_id.as_uuid(), hold)?;
        }
        Ok(events.answer(PaymentOutcome { payment_id: self.payment_id }))
    }

    fn shows(outcome: &PaymentOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// The payment, and then its order.
pub(super) fn with_order(payment_id: PaymentId, view: &View<'_>) -> Streams {
    let streams = Streams::default().read::<Payment>(payment_id.as_uuid());
    match view.seen::<Payment>(payment_id.as_uuid()).and_then(payment::State::ledger) {
        Some(payment) => streams.read::<Order>(payment.order_id.as_uuid()),
        None => streams,
    }
}

/// What is owed and neither captured nor being captured.
fn missing(order: &Contents, payment: &Ledger) -> Money {
    let taken = payment.captured().checked_add(payment.capture_pending()).expect("no sum is above what is authorised");
    order.owed().checked_sub(taken).expect("both are in the payment's currency")
}

#[cfg(test)]
mod tests;
