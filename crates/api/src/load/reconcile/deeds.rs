//! What the book itself says became of each order, event by event, against what the load brought about: each deed once, whatever
//! was sent twice, and each amount to the penny. Pure: events come in one by one.

use std::collections::HashMap;

use eventstore::RecordedEvent;
use serde::Deserialize;
use uuid::Uuid;

use super::super::account::{Accepted, Ended};
use super::super::chaos::ReturnEnds;
use super::super::check::Check;
use super::super::numbers::{grouped, pounds};
use super::super::plan::Plan;
use super::read_models::{Differences, Money};

/// What is counted of an order, in the order in which it is told.
const COUNTED: [&str; 9] = [
    "order.confirmed",
    "order.shipment_dispatched",
    "order.completed",
    "order.cancelled",
    "order.return_requested",
    "order.return_approved",
    "order.return_rejected",
    "order.return_received",
    "order.refund_granted",
];

/// What has become of one order.
#[derive(Debug, Default)]
struct Deeds {
    counts: [u64; COUNTED.len()],
    is_moved: bool,
    captured: Vec<i128>,
    refunded: Vec<i128>,
    /// By payment.
    payments: HashMap<Uuid, Held>,
}

/// What a provider holds for a payment.
#[derive(Debug, Default)]
struct Held {
    authorized: i128,
    captured: i128,
    voided: i128,
}

#[derive(Deserialize)]
struct OfPayment {
    order_id: Uuid,
    amount: Money,
}

pub(super) struct DeedsDone<'a> {
    plan: &'a Plan,
    accepted: &'a [Accepted],
    orders: HashMap<Uuid, Deeds>,
    differences: Differences,
}

impl<'a> DeedsDone<'a> {
    pub(super) fn new(plan: &'a Plan, accepted: &'a [Accepted]) -> Self {
        let orders = HashMap::with_capacity(accepted.len());
        Self { plan, accepted, orders, differences: Differences::default() }
    }

    pub(super) fn see(&mut self, event: &RecordedEvent) {
        self.see_event(&event.event_type, event.stream.id, &event.payload);
    }

    fn see_event(&mut self, event_type: &str, id: Uuid, payload: &str) {
        if let Some(place) = COUNTED.iter().position(|counted| *counted == event_type) {
            self.orders.entry(id).or_default().counts[place] += 1;
            return;
        }
        match event_type {
            "order.address_corrected" => self.orders.entry(id).or_default().is_moved = true,
            "payment.authorized" | "payment.captured" | "payment.voided" | "payment.refund_succeeded" => {
                match serde_json::from_str(payload) {
                    Ok(of_payment) => self.see_payment(event_type, id, &of_payment),
                    Err(error) => self.differences.add(|| format!("{event_type} of {id} cannot be read: {error}")),
                }
            }
            _ => {}
        }
    }

    fn see_payment(&mut self, event_type: &str, id: Uuid, OfPayment { order_id, amount }: &OfPayment) {
        let (deeds, amount) = (self.orders.entry(*order_id).or_default(), i128::from(amount.amount));
        let held = deeds.payments.entry(id).or_default();
        match event_type {
            "payment.authorized" => held.authorized += amount,
            "payment.captured" => {
                held.captured += amount;
                deeds.captured.push(amount);
            }
            "payment.voided" => held.voided += amount,
            _ => deeds.refunded.push(amount),
        }
    }

    pub(super) fn check(mut self) -> Check {
        let (mut captures, mut refunds) = (0, 0);
        for accepted in self.accepted {
            let found = self.orders.remove(&accepted.order_id).unwrap_or_default();
            captures += found.captured.len();
            refunds += found.refunded.len();
            self.compare(accepted, found);
        }
        for order in self.orders.keys().take(1) {
            self.differences.add(|| format!("{} more orders have events, such as {order}", self.orders.len()));
        }
        let (orders, captures, refunds) = (grouped(self.accepted.len()), grouped(captures), grouped(refunds));
        let numbers = format!("{orders} orders came to their end once, with {captures} captures and {refunds} refunds");
        self.differences.check("deeds", numbers)
    }

    fn compare(&mut self, accepted: &Accepted, mut found: Deeds) {
        let number = &self.plan.invoices()[accepted.invoice].number;
        for ((name, found), wanted) in COUNTED.iter().zip(found.counts).zip(self.counts(accepted, &found)) {
            if found != wanted {
                self.differences.add(|| format!("invoice {number} has {found} {name}, expected {wanted}"));
            }
        }
        if found.is_moved != accepted.is_moved {
            let words = if found.is_moved { "had its address corrected" } else { "lacks the corrected address" };
            self.differences.add(|| format!("invoice {number} {words}"));
        }
        let mut charged = accepted.charged(self.plan);
        let mut refunded: Vec<_> = accepted.refunds.iter().map(|refund| i128::from(refund.amount)).collect();
        for amounts in [&mut charged, &mut refunded, &mut found.captured, &mut found.refunded] {
            amounts.sort_unstable();
        }
        for (what, found, wanted) in [("captures", found.captured, charged), ("refunds", found.refunded, refunded)] {
            if found != wanted {
                let (found, wanted) = (listed(&found), listed(&wanted));
                self.differences.add(|| format!("invoice {number} has the {what} {found}, expected {wanted}"));
            }
        }
        // A provider that will not let anything be taken is not asked to let go of it.
        let held = |held: &&Held| held.authorized > 0 && held.authorized != held.captured + held.voided;
        if accepted.is_captured
            && let Some(Held { authorized, captured, voided }) = found.payments.values().find(held)
        {
            let of =
                format!("{} is held, {} taken, {} let go", pounds(*authorized), pounds(*captured), pounds(*voided));
            self.differences.add(|| format!("invoice {number}: {of}"));
        }
    }

    /// As many of each as there have to be. An order that was cancelled may have been confirmed before.
    fn counts(&self, accepted: &Accepted, found: &Deeds) -> [u64; COUNTED.len()] {
        if accepted.ended == Ended::Cancelled {
            return [found.counts[0].min(1), 0, 0, 1, 0, 0, 0, 0, 0];
        }
        let parcels = accepted.parcels_sent(self.plan).len() as u64;
        let refunds = accepted.refunds.iter().filter(|refund| refund.of_order).count() as u64;
        let [asked, approved, rejected, received] = match accepted.returned.as_ref().map(|back| back.ends) {
            None => [0, 0, 0, 0],
            Some(ReturnEnds::Rejected) => [1, 0, 1, 0],
            Some(ReturnEnds::NeverCame) => [1, 1, 1, 0],
            Some(ReturnEnds::Received { .. }) => [1, 1, 0, 1],
        };
        [1, parcels, 1, 0, asked, approved, rejected, received, refunds]
    }
}

fn listed(amounts: &[i128]) -> String {
    if amounts.is_empty() {
        return "none".to_owned();
    }
    amounts.iter().map(|amount| pounds(*amount)).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
