//! Staff takes money that is held, ahead of any parcel. A provider that captures once gives back what was not taken with it, so
//! there it is everything that the order owes, or nothing.

use chrono::{DateTime, Utc};
use domain::ids::{CaptureId, PaymentId};
use domain::money::Money;
use domain::order::{self, Order};
use domain::payment::{Command, Ledger, Payment};
use eventstore::event::StreamId;

use super::lapse::with_order;
use super::{CapturingOnce, PaymentOutcome, least, require_payment};
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

#[derive(Debug, Clone)]
pub struct CapturePayment {
    pub payment_id: PaymentId,
    /// Made just now; names the capture, so that it can be asked for once.
    pub capture_id: CaptureId,
    /// `None` is everything that is left.
    pub amount: Option<Money>,
    pub capturing_once: CapturingOnce,
}

impl UseCase for CapturePayment {
    type Outcome = PaymentOutcome;

    const NAME: &'static str = "capture_payment";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_order(self.payment_id, view)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<PaymentOutcome>, Rejection> {
        let Self { payment_id, capture_id, .. } = *self;
        let payment = require_payment(view, payment_id)?;
        let amount = self.amount.unwrap_or_else(|| payment.uncaptured());
        let mut events = Events::default();
        let command = Command::RequestCapture { capture_id, amount, for_shipment: None };
        events.decide::<Payment>(view, payment_id.as_uuid(), command)?;
        // A repeat asks for nothing.
        if !events.is_empty() && self.capturing_once.contains(&payment.provider) {
            require_all_at_once(payment, view.state::<Order>(payment.order_id.as_uuid())?, amount)?;
        }
        Ok(events.answer(PaymentOutcome { payment_id }))
    }

    fn shows(outcome: &PaymentOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// The rest of what is owed could never be taken: the goods would leave unpaid, or not at all.
fn require_all_at_once(payment: &Ledger, order: &order::State, amount: Money) -> Result<(), Rejection> {
    let provider = payment.provider.to_string();
    let taken = payment.captured().checked_add(payment.capture_pending()).expect("no sum is above what is authorised");
    if taken.is_positive() {
        return Err(Rejection::CapturedOnce { provider, taken });
    }
    let owed = order.contents().map_or(amount, |order| least(order.owed(), payment.uncaptured()));
    if amount < owed { Err(Rejection::CapturesOnce { provider, owed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
