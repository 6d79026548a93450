//! The payment process: carries a payment from its opening to the confirmation of its order, and every request of the
//! ledger to the provider.

use chrono::TimeDelta;
use domain::aggregate::{EventKind, UnreadableEvent};
use domain::ids::PaymentId;
use domain::payment::{Event, Operation};
use eventstore::event::RecordedEvent;

use super::{Call, CallKind, Deadline, Effect, Process, Runnable, runnable};
use crate::orders::settle::ConfirmOrder;
use crate::payments::excess::GiveBackExcess;
use crate::payments::{CaptureBeforeLapse, CapturingOnce, LapseAuthorization, RequestAuthorization};

pub(crate) const NAME: &str = "payment";

/// How long before it lapses an authorisation is captured, whatever has been shipped.
const CAPTURE_AHEAD: TimeDelta = TimeDelta::days(1);
/// The subject of both is the payment: a day before it lapses, and when it does.
const AUTHORIZATION_LAPSE: &str = "authorization_lapse";
const AUTHORIZATION_END: &str = "authorization_end";

/// A provider that would not give money back is asked again for what nobody owes: on another day, for it has said no.
const GIVE_BACK_AGAIN: &str = "give_back_again";
const GIVE_BACK_PAUSE: TimeDelta = TimeDelta::days(1);

/// Those it reacts to. The others of the category are results that need no further step.
const TYPES: [&str; 12] = [
    "payment.initiated",
    "payment.authorization_requested",
    "payment.authorized",
    "payment.capture_requested",
    "payment.captured",
    "payment.failed",
    "payment.refund_failed",
    "payment.void_requested",
    "payment.refund_requested",
    "payment.completed",
    "payment.voided",
    "payment.expired",
];

#[derive(Debug, Default)]
pub struct PaymentProcess {
    capturing_once: CapturingOnce,
}

impl PaymentProcess {
    pub fn new(capturing_once: CapturingOnce) -> Self {
        Self { capturing_once }
    }

    fn give_back_excess(&self, payment_id: PaymentId) -> GiveBackExcess {
        GiveBackExcess { payment_id, capturing_once: CapturingOnce::clone(&self.capturing_once) }
    }
}

impl Process for PaymentProcess {
    fn name(&self) -> &'static str {
        NAME
    }

    fn waits_for(&self) -> &'static str {
        "payments that are opened, to ask the provider; its answers, to confirm the order or to give back what it does not owe; \
         authorisations about to lapse"
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
        let clear = |kind| Effect::ClearDeadline { kind, subject: id };
        let settled = || vec![clear(AUTHORIZATION_LAPSE), clear(AUTHORIZATION_END)];
        let set = |kind: &'static str, due_at| Effect::SetDeadline(Deadline { kind: kind.into(), subject: id, due_at });
        Ok(match Event::from_payload(&event.event_type, event.schema_version, &event.payload)? {
            Event::Initiated(initiated) => {
                vec![Effect::run(RequestAuthorization { payment_id, order_id: initiated.order_id })]
            }
            Event::AuthorizationRequested(requested) => call(CallKind::Authorize, requested.order_id),
            Event::Authorized(authorized) => vec![
                Effect::run(ConfirmOrder { order_id: authorized.order_id, payment_id }),
                set(AUTHORIZATION_LAPSE, authorized.expires_at - CAPTURE_AHEAD),
                set(AUTHORIZATION_END, authorized.expires_at),
            ],
            Event::CaptureRequested(requested) => call(CallKind::Capture, requested.order_id),
            Event::Captured(_) => vec![Effect::run(self.give_back_excess(payment_id))],
            Event::Failed(failed) => match failed.operation {
                // The order stays pending, to be paid by another method.
                Operation::Authorization => Vec::new(),
                // Of an order that was cancelled meanwhile it is held, and nobody has asked for it back.
                Operation::Capture { .. } => vec![Effect::run(self.give_back_excess(payment_id))],
                Operation::Void => vec![set(GIVE_BACK_AGAIN, event.recorded_at + GIVE_BACK_PAUSE)],
            },
            Event::RefundFailed(_) => vec![set(GIVE_BACK_AGAIN, event.recorded_at + GIVE_BACK_PAUSE)],
            Event::VoidRequested(requested) => call(CallKind::Void, requested.order_id),
            Event::RefundRequested(requested) => call(CallKind::Refund, requested.order_id),
            Event::Completed(_) | Event::Voided(_) | Event::Expired(_) => settled(),
            Event::ActionRequired(_)
            | Event::RefundSucceeded(_)
            | Event::Refunded(_)
            | Event::Disputed(_)
            | Event::ChargedBack(_)
            | Event::DisputeWon(_)
            | Event::Reconciled(_)
            | Event::DiscrepancyFound(_) => Vec::new(),
        })
    }

    fn fire(&self, deadline: &Deadline) -> Option<Box<dyn Runnable>> {
        let payment_id = PaymentId::from_uuid(deadline.subject);
        match deadline.kind.as_ref() {
            AUTHORIZATION_LAPSE => Some(runnable(CaptureBeforeLapse { payment_id })),
            GIVE_BACK_AGAIN => Some(runnable(self.give_back_excess(payment_id))),
            AUTHORIZATION_END => Some(runnable(LapseAuthorization { payment_id })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
