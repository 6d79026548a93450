//! The payment process: carries a payment from its opening to the confirmation of its order, and every request of the
//! ledger to the provider.

use chrono::TimeDelta;
use domain::aggregate::{EventKind, UnreadableEvent};
use domain::ids::PaymentId;
use domain::payment::Event;
use eventstore::event::RecordedEvent;

use super::{Call, CallKind, Deadline, Effect, Process, Runnable, runnable};
use crate::orders::settle::ConfirmOrder;
use crate::payments::{CaptureBeforeLapse, RequestAuthorization};

pub(crate) const NAME: &str = "payment";

/// How long before it lapses an authorisation is captured, whatever has been shipped.
const CAPTURE_AHEAD: TimeDelta = TimeDelta::days(1);
/// The subject is the payment.
const AUTHORIZATION_LAPSE: &str = "authorization_lapse";

/// Those it reacts to. The others of the category are results that need no further step.
const TYPES: [&str; 9] = [
    "payment.initiated",
    "payment.authorization_requested",
    "payment.authorized",
    "payment.capture_requested",
    "payment.void_requested",
    "payment.refund_requested",
    "payment.completed",
    "payment.voided",
    "payment.expired",
];

#[derive(Debug)]
pub struct PaymentProcess;

impl Process for PaymentProcess {
    fn name(&self) -> &'static str {
        NAME
    }

    fn waits_for(&self) -> &'static str {
        "payments that are opened, to ask the provider; its answers, to confirm the order; authorisations about to lapse"
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        if !TYPES.contains(&event.event_type.as_str()) {
            return Ok(Vec::new());
        }
        let id = event.stream.id;
        let payment_id = PaymentId::from_uuid(id);
        let call = |kind, order_id: domain::ids::OrderId| {
            vec![Effect::Call(Call { kind, payment_id: id, order_id: order_id.as_uuid() })]
        };
        let settled = || vec![Effect::ClearDeadline { kind: AUTHORIZATION_LAPSE, subject: id }];
        Ok(match Event::from_payload(&event.event_type, event.schema_version, &event.payload)? {
            Event::Initiated(initiated) => {
                vec![Effect::run(RequestAuthorization { payment_id, order_id: initiated.order_id })]
            }
            Event::AuthorizationRequested(requested) => call(CallKind::Authorize, requested.order_id),
            Event::Authorized(authorized) => vec![
                Effect::run(ConfirmOrder { order_id: authorized.order_id, payment_id }),
                Effect::SetDeadline(Deadline {
                    kind: AUTHORIZATION_LAPSE.into(),
                    subject: id,
                    due_at: authorized.expires_at - CAPTURE_AHEAD,
                }),
            ],
            Event::CaptureRequested(requested) => call(CallKind::Capture, requested.order_id),
            Event::VoidRequested(requested) => call(CallKind::Void, requested.order_id),
            Event::RefundRequested(requested) => call(CallKind::Refund, requested.order_id),
            Event::Completed(_) | Event::Voided(_) | Event::Expired(_) => settled(),
            // A failure leaves the order pending, to be paid by another method; what is captured, or given back, has nothing to
            // follow.
            Event::ActionRequired(_)
            | Event::Failed(_)
            | Event::Captured(_)
            | Event::RefundSucceeded(_)
            | Event::Refunded(_)
            | Event::Disputed(_)
            | Event::ChargedBack(_)
            | Event::DisputeWon(_)
            | Event::Reconciled(_)
            | Event::DiscrepancyFound(_)
            | Event::RefundFailed(_) => Vec::new(),
        })
    }

    fn fire(&self, deadline: &Deadline) -> Option<Box<dyn Runnable>> {
        let payment_id = PaymentId::from_uuid(deadline.subject);
        (deadline.kind == AUTHORIZATION_LAPSE).then(|| runnable(CaptureBeforeLapse { payment_id }))
    }
}

#[cfg(test)]
mod tests;
