//! Payments: what is asked of a provider, by the processes and by staff. [`record`] holds what came of it. Amounts are
//! computed from the order and the ledger; none comes from a buyer.

pub mod record;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{CaptureId, CustomerId, OrderId, PaymentId, Reason, ShipmentId};
use domain::inventory::{self, Inventory};
use domain::money::Money;
use domain::order::{self, Contents, Order};
use domain::payment::{self, Command, Ledger, Payment, Provider};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::checkout::{PaymentDetails, RESERVATION_LIFETIME, reserve, stock_at_main};
use crate::gateway::CALL_DEADLINE_SECONDS;
use crate::orders::settle::reason;
use crate::orders::{give_back, require_order, with_stock};
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// The payment that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentOutcome {
    pub payment_id: PaymentId,
}

impl PaymentOutcome {
    fn shows(&self) -> Vec<StreamId> {
        vec![Payment::stream(self.payment_id.as_uuid())]
    }
}

/// Asks for the money of an order that is pending. Where the order ended before anybody was asked, nobody is.
#[derive(Debug, Clone)]
pub struct RequestAuthorization {
    pub payment_id: PaymentId,
    pub order_id: OrderId,
}

impl UseCase for RequestAuthorization {
    type Outcome = PaymentOutcome;

    const NAME: &'static str = "request_authorization";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Payment>(self.payment_id.as_uuid()).read::<Order>(self.order_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<PaymentOutcome>, Rejection> {
        let payment = require_payment(view, self.payment_id)?;
        let is_pending = matches!(view.state::<Order>(self.order_id.as_uuid())?, order::State::Pending(_));
        let mut events = Events::default();
        if !is_pending {
            give_back(&mut events, view, self.payment_id, reason("the order has ended"))?;
        } else if !payment.void_wanted && !payment.expired {
            let deadline = now + TimeDelta::seconds(CALL_DEADLINE_SECONDS as i64);
            events.decide::<Payment>(view, self.payment_id.as_uuid(), Command::RequestAuthorization { deadline })?;
        }
        Ok(events.answer(PaymentOutcome { payment_id: self.payment_id }))
    }

    fn shows(outcome: &PaymentOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// The providers that capture once and no more: they are asked for everything when the first parcel leaves.
pub type CapturingOnce = Arc<[Provider]>;

/// A parcel has left: what is due for it is taken.
#[derive(Debug, Clone)]
pub struct RequestCapture {
    pub order_id: OrderId,
    pub shipment_id: ShipmentId,
    pub capturing_once: CapturingOnce,
}

impl UseCase for RequestCapture {
    type Outcome = PaymentOutcome;

    const NAME: &'static str = "request_capture";

    fn streams(&self, view: &View<'_>) -> Streams {
        let streams = Streams::default().read::<Order>(self.order_id.as_uuid());
        match view.seen::<Order>(self.order_id.as_uuid()).and_then(order::State::contents) {
            Some(order) => streams.read::<Payment>(covering_payment(order).as_uuid()),
            None => streams,
        }
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<PaymentOutcome>, Rejection> {
        let order = require_order(view, self.order_id, None)?;
        let payment_id = covering_payment(order);
        let amount = self.amount(order, require_payment(view, payment_id)?);
        let mut events = Events::default();
        if amount.is_positive() {
            let (capture_id, for_shipment) = (CaptureId::of_shipment(self.shipment_id), Some(self.shipment_id));
            let command = Command::RequestCapture { capture_id, amount, for_shipment };
            events.decide::<Payment>(view, payment_id.as_uuid(), command)?;
        }
        Ok(events.answer(PaymentOutcome { payment_id }))
    }

    fn shows(outcome: &PaymentOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

impl RequestCapture {
    /// What is due for the parcel, less what was captured ahead of any: never more than all parcels so far come to.
    fn amount(&self, order: &Contents, payment: &Ledger) -> Money {
        let uncaptured = payment.uncaptured();
        let nothing = Money::zero(uncaptured.currency());
        let sum = |amounts: &[Money]| {
            Money::total(nothing.currency(), amounts.iter().copied()).expect("no sum is above the order's total")
        };
        let taken = sum(&[payment.captured(), payment.capture_pending()]);
        if self.capturing_once.contains(&payment.provider) {
            return if taken.is_zero() { uncaptured } else { nothing };
        }
        let Some(shipment) = order.shipment(self.shipment_id) else { return nothing };
        let due: Vec<Money> = order.shipments.iter().map(|shipment| shipment.amount).collect();
        let open = sum(&due).checked_sub(taken).expect("both are in the payment's currency");
        least(least(shipment.amount, open), uncaptured)
    }
}

fn least(one: Money, other: Money) -> Money {
    if other < one { other } else { one }
}

/// The payment that confirmed the order; before that, the one it was created with.
fn covering_payment(order: &Contents) -> PaymentId {
    order.confirmed_by.unwrap_or(order.payment_id)
}

/// The authorisation lapses soon, and not everything has been shipped: what is left is taken while it can be.
#[derive(Debug, Clone)]
pub struct CaptureBeforeLapse {
    pub payment_id: PaymentId,
}

impl UseCase for CaptureBeforeLapse {
    type Outcome = PaymentOutcome;

    const NAME: &'static str = "capture_before_lapse";

    fn streams(&self, view: &View<'_>) -> Streams {
        let streams = Streams::default().read::<Payment>(self.payment_id.as_uuid());
        match view.seen::<Payment>(self.payment_id.as_uuid()).and_then(payment::State::ledger) {
            Some(payment) => streams.read::<Order>(payment.order_id.as_uuid()),
            None => streams,
        }
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<PaymentOutcome>, Rejection> {
        let payment = require_payment(view, self.payment_id)?;
        let mut events = Events::default();
        let wanted = match view.state::<Order>(payment.order_id.as_uuid())? {
            order::State::Confirmed(order) => order.confirmed_by == Some(self.payment_id),
            _ => false,
        };
        let amount = payment.uncaptured();
        if wanted && payment.covers_shipping() && amount.is_positive() {
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
        give_up_on(&mut events, view, order.payment_id)?;
        hold_stock(&mut events, view, order_id, order, now)?;
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
    match require_payment(view, payment_id)?.status() {
        "failed" | "voided" | "expired" => Ok(()),
        "action_required" => give_back(events, view, payment_id, reason("paid by another method")),
        state => Err(Rejection::PaymentInProgress { payment_id: payment_id.to_string(), state }),
    }
}

/// N8: reservations that live are extended, the others are asked for anew; all or nothing.
fn hold_stock(
    events: &mut Events,
    view: &View<'_>,
    order_id: OrderId,
    order: &Contents,
    now: DateTime<Utc>,
) -> Result<(), Rejection> {
    let expires_at = now + RESERVATION_LIFETIME;
    let mut lapsed = Vec::new();
    for (sku, quantity) in order.demand() {
        let reservation = view.state::<Inventory>(stock_at_main(&sku))?.reservation(order_id);
        if reservation.is_some_and(|reservation| reservation.is_live(now)) {
            let extend = inventory::Command::ExtendReservation { order_id, expires_at, now };
            events.decide::<Inventory>(view, stock_at_main(&sku), extend)?;
        } else {
            lapsed.push((sku, quantity));
        }
    }
    reserve(events, view, order_id, lapsed.iter().map(|(sku, quantity)| (sku, *quantity)), now)
}

/// Staff takes money that is held, ahead of any parcel.
#[derive(Debug, Clone)]
pub struct CapturePayment {
    pub payment_id: PaymentId,
    /// Made just now; names the capture, so that it can be asked for once.
    pub capture_id: CaptureId,
    /// `None` is everything that is left.
    pub amount: Option<Money>,
}

/// Staff gives back what is held and not taken.
#[derive(Debug, Clone)]
pub struct VoidPayment {
    pub payment_id: PaymentId,
    pub reason: Reason,
}

/// Use cases that are one command to a payment and need nothing else.
macro_rules! changes_a_payment {
    ($($use_case:ident = $name:literal, |$self:ident, $payment:pat_param, $now:pat_param| $command:expr;)+) => {$(
        impl $crate::use_case::UseCase for $use_case {
            type Outcome = $crate::payments::PaymentOutcome;

            const NAME: &'static str = $name;

            fn streams(&self, _: &$crate::use_case::View<'_>) -> $crate::use_case::Streams {
                $crate::use_case::Streams::default().read::<domain::payment::Payment>(self.payment_id.as_uuid())
            }

            fn decide(
                &$self,
                view: &$crate::use_case::View<'_>,
                $now: chrono::DateTime<chrono::Utc>,
            ) -> Result<$crate::use_case::Decision<Self::Outcome>, $crate::rejection::Rejection> {
                let $payment = $crate::payments::require_payment(view, $self.payment_id)?;
                let mut events = $crate::use_case::Events::default();
                events.decide::<domain::payment::Payment>(view, $self.payment_id.as_uuid(), $command)?;
                Ok(events.answer($crate::payments::PaymentOutcome { payment_id: $self.payment_id }))
            }

            fn shows(outcome: &Self::Outcome) -> Vec<eventstore::event::StreamId> {
                outcome.shows()
            }
        }
    )+};
}

pub(crate) use changes_a_payment;

changes_a_payment! {
    CapturePayment = "capture_payment", |self, payment, _| Command::RequestCapture {
        capture_id: self.capture_id,
        amount: self.amount.unwrap_or_else(|| payment.uncaptured()),
        for_shipment: None,
    };
    VoidPayment = "void_payment", |self, _, _| Command::RequestVoid { reason: self.reason.clone() };
}

/// The payment, if there is one with this id.
pub(crate) fn require_payment<'a>(view: &View<'a>, payment_id: PaymentId) -> Result<&'a Ledger, Rejection> {
    let state = view.state::<Payment>(payment_id.as_uuid())?;
    state.ledger().ok_or_else(|| Rejection::NotFound { what: "payment", id: payment_id.to_string() })
}

#[cfg(test)]
mod tests;
