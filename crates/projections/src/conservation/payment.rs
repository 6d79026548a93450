//! The ledger of one payment: P1, P2, P4, P5.

use std::collections::BTreeMap;

use domain::{
    money::Money,
    payment::{Event, Operation},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Broken, rules};

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Payment {
    currency: String,
    amount: i64,
    authorized: i64,
    /// Each as it was asked for, and as it was taken. Failed ones are gone.
    captures: BTreeMap<Uuid, Movement>,
    refunds: BTreeMap<Uuid, Movement>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Movement {
    asked: i64,
    done: Option<i64>,
}

/// By how much an event changes what is taken and given back for the order.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct OfOrder {
    pub(super) captured: i64,
    pub(super) refunded: i64,
    /// What the payment is opened with.
    pub(super) initiated: Option<i64>,
}

impl Payment {
    pub(super) fn see(&mut self, event: &Event) -> (OfOrder, Vec<Broken>) {
        let mut broken = Vec::new();
        let mut of_order = OfOrder::default();
        match event {
            Event::Initiated(it) => {
                (self.currency, self.amount) = (it.amount.currency().to_string(), it.amount.amount());
                of_order.initiated = Some(self.amount);
            }
            Event::Authorized(it) => {
                broken.extend(self.in_currency(it.amount));
                self.authorized = it.amount.amount();
                if self.authorized > self.amount {
                    broken.push((rules::AUTHORIZED, format!("{} authorised of {}", self.authorized, self.amount)));
                }
            }
            Event::CaptureRequested(it) => {
                broken.extend(self.in_currency(it.amount));
                let capture = self.captures.entry(it.capture_id.as_uuid()).or_default();
                capture.asked = it.amount.amount();
                broken.extend(self.beyond_authorized());
            }
            Event::Captured(it) => {
                broken.extend(self.in_currency(it.amount));
                let capture = self.captures.entry(it.capture_id.as_uuid()).or_default();
                let before = capture.done.replace(it.amount.amount());
                of_order.captured = it.amount.amount();
                broken.extend(twice(before, rules::CAPTURED));
                broken.extend(self.beyond_authorized());
                broken.extend(self.beyond_captured());
            }
            Event::RefundRequested(it) => {
                broken.extend(self.in_currency(it.amount));
                self.refunds.entry(it.refund_id.as_uuid()).or_default().asked = it.amount.amount();
                broken.extend(self.beyond_captured());
            }
            Event::RefundSucceeded(it) => {
                broken.extend(self.in_currency(it.amount));
                let refund = self.refunds.entry(it.refund_id.as_uuid()).or_default();
                let before = refund.done.replace(it.amount.amount());
                of_order.refunded = it.amount.amount();
                broken.extend(twice(before, rules::REFUNDED));
                broken.extend(self.beyond_captured());
            }
            Event::Failed(it) => {
                if let Operation::Capture { capture_id } = it.operation {
                    forget(&mut self.captures, capture_id.as_uuid());
                }
            }
            Event::RefundFailed(it) => forget(&mut self.refunds, it.refund_id.as_uuid()),
            // They move no money, or say again what the movements say.
            Event::AuthorizationRequested(_)
            | Event::ActionRequired(_)
            | Event::Completed(_)
            | Event::VoidRequested(_)
            | Event::Voided(_)
            | Event::Refunded(_)
            | Event::Expired(_) => {}
        }
        (of_order, broken)
    }

    /// P5.
    fn in_currency(&self, amount: Money) -> Option<Broken> {
        (amount.currency().as_str() != self.currency)
            .then(|| (rules::CAPTURED, format!("an amount in {} of a payment in {}", amount.currency(), self.currency)))
    }

    /// P1.
    fn beyond_authorized(&self) -> Option<Broken> {
        let (done, pending) = sums(&self.captures);
        (done + pending > self.authorized).then(|| {
            (rules::CAPTURED, format!("{done} captured and {pending} asked for, of {} authorised", self.authorized))
        })
    }

    /// P2.
    fn beyond_captured(&self) -> Option<Broken> {
        let ((refunded, pending), (captured, _)) = (sums(&self.refunds), sums(&self.captures));
        (refunded + pending > captured)
            .then(|| (rules::REFUNDED, format!("{refunded} refunded and {pending} asked for, of {captured} captured")))
    }
}

/// P4: the result of one operation counts once.
fn twice(before: Option<i64>, rule: &'static str) -> Option<Broken> {
    before.map(|before| (rule, format!("one operation twice, of {before} before")))
}

/// What fails after it has succeeded changes nothing.
fn forget(movements: &mut BTreeMap<Uuid, Movement>, id: Uuid) {
    if movements.get(&id).is_some_and(|movement| movement.done.is_none()) {
        movements.remove(&id);
    }
}

/// Done, and asked for only.
fn sums(movements: &BTreeMap<Uuid, Movement>) -> (i64, i64) {
    movements.values().fold((0, 0), |(done, pending), movement| match movement.done {
        Some(amount) => (done + amount, pending),
        None => (done, pending + movement.asked),
    })
}
