//! Payments: what is asked of a provider, by the processes and by staff. [`record`] holds what came of it, [`excess`] gives back
//! what is kept and not owed. Amounts are computed from the order and the ledger; none comes from a buyer.

mod ahead;
pub mod excess;
mod lapse;
pub mod reconcile;
pub mod record;
mod retry;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{CaptureId, OrderId, PaymentId, Reason, RefundId, ShipmentId};
use domain::money::Money;
use domain::order::{self, Contents, Order};
use domain::payment::{Command, Ledger, Payment, Provider};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

pub use self::ahead::CapturePayment;
pub use self::lapse::{CaptureBeforeLapse, LapseAuthorization};
pub use self::retry::{RetryOutcome, RetryPayment};
use crate::gateway::CALL_DEADLINE_SECONDS;
use crate::orders::require_order;
use crate::orders::settle::reason;
use crate::payments::excess::give_back;
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
            give_back(&mut events, view, self.payment_id, &reason("the order has ended"))?;
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
            return if taken.is_zero() { least(order.owed(), uncaptured) } else { nothing };
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

/// Staff gives back what is held and not taken.
#[derive(Debug, Clone)]
pub struct VoidPayment {
    pub payment_id: PaymentId,
    pub reason: Reason,
}

/// Staff gives back what was taken.
#[derive(Debug, Clone)]
pub struct RefundPayment {
    pub payment_id: PaymentId,
    /// Made just now; names the refund, so that it can be asked for once.
    pub refund_id: RefundId,
    /// `None` is everything that is left.
    pub amount: Option<Money>,
    pub reason: Option<Reason>,
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
    VoidPayment = "void_payment", |self, _, _| Command::RequestVoid { reason: self.reason.clone() };
    RefundPayment = "refund_payment", |self, payment, _| Command::RequestRefund {
        refund_id: self.refund_id,
        amount: self.amount.unwrap_or_else(|| payment.refundable()),
        reason: self.reason.clone(),
    };
}

/// The payment, if there is one with this id.
pub(crate) fn require_payment<'a>(view: &View<'a>, payment_id: PaymentId) -> Result<&'a Ledger, Rejection> {
    let state = view.state::<Payment>(payment_id.as_uuid())?;
    state.ledger().ok_or_else(|| Rejection::NotFound { what: "payment", id: payment_id.to_string() })
}

#[cfg(test)]
mod tests;
