//! The list of orders against the accepted invoices: every order, its end, and what became of each of its lines. Pure: what was
//! read comes in as values.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use uuid::Uuid;

use super::super::account::Accepted;
use super::super::aftermath::{ADDRESSED_TO, MOVED_TO};
use super::super::chaos::draws::Units;
use super::super::check::Check;
use super::super::numbers::{grouped, pounds};
use super::super::plan::Plan;
use super::read_models::{CURRENCY, Differences, Money};

/// An order as the list shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: Uuid,
    pub(crate) status: Box<str>,
    pub(crate) payment_status: Box<str>,
    pub(crate) fulfillment_status: Box<str>,
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) total: Money,
    pub(crate) shipments: Vec<Shipment>,
    pub(crate) returns: Vec<Return>,
    pub(crate) shipping_address: Address,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OrderLine {
    pub(crate) sku: Box<str>,
    pub(crate) quantity: u64,
    pub(crate) shipped: u64,
    pub(crate) delivered: u64,
    pub(crate) cancelled: u64,
    pub(crate) returned: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Shipment {
    pub(crate) status: Box<str>,
    pub(crate) lines: Vec<UnitsOf>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Return {
    pub(crate) status: Box<str>,
    pub(crate) lines: Vec<UnitsOf>,
    pub(crate) received: Vec<UnitsOf>,
    /// What was due for what came.
    pub(crate) amount: Option<Money>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct UnitsOf {
    pub(crate) sku: Box<str>,
    pub(crate) quantity: u64,
    #[serde(default)]
    pub(crate) restock: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Address {
    pub(crate) line1: Box<str>,
}

/// The list of orders, a page at a time, against the accepted invoices.
pub(crate) struct Orders<'a> {
    plan: &'a Plan,
    /// The invoices whose order has not been seen.
    awaited: HashMap<Uuid, &'a Accepted>,
    expected: (u64, i128),
    found: (u64, i128),
    differences: Differences,
}

impl<'a> Orders<'a> {
    pub(crate) fn new(plan: &'a Plan, accepted: &'a [Accepted]) -> Self {
        let awaited: HashMap<_, _> = accepted.iter().map(|order| (order.order_id, order)).collect();
        let revenue = accepted.iter().map(|order| plan.total_of(&plan.invoices()[order.invoice])).sum();
        let mut differences = Differences::default();
        if awaited.len() != accepted.len() {
            differences.add(|| format!("{} invoices share an order", accepted.len() - awaited.len()));
        }
        Self { plan, awaited, expected: (accepted.len() as u64, revenue), found: (0, 0), differences }
    }

    pub(crate) fn see(&mut self, order: &Order) {
        self.found = (self.found.0 + 1, self.found.1 + i128::from(order.total.amount));
        let Some(accepted) = self.awaited.remove(&order.id) else {
            self.differences.add(|| format!("order {} is of no accepted invoice, or shown twice", order.id));
            return;
        };
        let invoice = &self.plan.invoices()[accepted.invoice];
        let wanted = self.plan.total_of(invoice);
        if i128::from(order.total.amount) != wanted || &*order.total.currency != CURRENCY {
            let shown = pounds(order.total.amount.into());
            self.differences
                .add(|| format!("invoice {} comes to {shown}, expected {}", invoice.number, pounds(wanted)));
        }
        if !self.has_lines_of(order, accepted) {
            self.differences.add(|| format!("invoice {} has other lines than in the file", invoice.number));
        }
        self.compare_words(order, accepted);
        self.compare_parcels(order, accepted);
        self.compare_returns(order, accepted);
    }

    /// Each line, and what became of its units.
    fn has_lines_of(&self, order: &Order, accepted: &Accepted) -> bool {
        let plan = self.plan;
        let (sent, received) = (accepted.sent(plan), accepted.received());
        let of = |units: &Units, product| units.get(&product).copied().unwrap_or_default();
        let wanted = plan.units_of(&plan.invoices()[accepted.invoice]).into_iter().map(|(product, quantity)| {
            let (sent, cancelled) = (of(&sent, product), of(&accepted.cancelled, product));
            (&*plan.product(product).sku, [quantity, sent, sent, cancelled, of(&received, product)])
        });
        let shown = |line: &OrderLine| [line.quantity, line.shipped, line.delivered, line.cancelled, line.returned];
        let lines: BTreeMap<&str, [u64; 5]> = order.lines.iter().map(|line| (&*line.sku, shown(line))).collect();
        lines.len() == order.lines.len() && lines == wanted.collect()
    }

    fn compare_words(&mut self, order: &Order, accepted: &Accepted) {
        let number = &self.plan.invoices()[accepted.invoice].number;
        let (ended, sent_to) = (accepted.status(), if accepted.is_moved { MOVED_TO } else { ADDRESSED_TO });
        for (found, wanted) in [
            (&*order.status, &[ended][..]),
            (&*order.fulfillment_status, &[accepted.fulfillment_status(self.plan)]),
            (&*order.payment_status, accepted.payment_statuses(self.plan)),
            (&*order.shipping_address.line1, &[sent_to]),
        ] {
            if !wanted.contains(&found) {
                self.differences.add(|| format!("invoice {number} is {found}, not {}", wanted.join(" or ")));
            }
        }
    }

    fn compare_parcels(&mut self, order: &Order, accepted: &Accepted) {
        let plan = self.plan;
        let mut wanted: Vec<_> = accepted.parcels_sent(plan).iter().map(|parcel| named(plan, parcel)).collect();
        let mut found: Vec<_> = order.shipments.iter().map(|shipment| by_sku(&shipment.lines)).collect();
        wanted.sort();
        found.sort();
        if found != wanted || order.shipments.iter().any(|shipment| &*shipment.status != "delivered") {
            let number = &plan.invoices()[accepted.invoice].number;
            self.differences.add(|| format!("invoice {number} left in the parcels {found:?}, not {wanted:?}"));
        }
    }

    fn compare_returns(&mut self, order: &Order, accepted: &Accepted) {
        let plan = self.plan;
        let found = order.returns.iter().map(|back| {
            (
                &*back.status,
                by_sku(&back.lines),
                by_sku(&back.received),
                by_sku(back.received.iter().filter(|units| units.restock)),
                back.amount.as_ref().map(|amount| i128::from(amount.amount)),
            )
        });
        let wanted = accepted.returned.as_ref().map(|back| {
            (
                if back.is_rejected() { "rejected" } else { "received" },
                named(plan, &back.asked),
                named(plan, &back.received),
                named(plan, &back.restocked),
                (!back.is_rejected()).then(|| plan.value_of(&back.received)),
            )
        });
        let (found, wanted): (Vec<_>, Vec<_>) = (found.collect(), wanted.into_iter().collect());
        if found != wanted {
            let number = &plan.invoices()[accepted.invoice].number;
            self.differences.add(|| format!("invoice {number} has the returns {found:?}, not {wanted:?}"));
        }
    }

    pub(crate) fn check(mut self) -> Check {
        let mut missing: Vec<_> = self.awaited.iter().map(|(order, accepted)| (*order, accepted.invoice)).collect();
        missing.sort_unstable();
        for (order, invoice) in missing {
            let number = &self.plan.invoices()[invoice].number;
            self.differences.add(|| format!("order {order} of invoice {number} is missing"));
        }
        let words = |(orders, pence): (u64, i128)| format!("{} orders, {}", grouped(orders), pounds(pence));
        let numbers = format!("{}, expected {}", words(self.found), words(self.expected));
        self.differences.check("orders", numbers)
    }
}

fn by_sku<'a>(lines: impl IntoIterator<Item = &'a UnitsOf>) -> BTreeMap<&'a str, u64> {
    let mut units = BTreeMap::new();
    for line in lines {
        *units.entry(&*line.sku).or_default() += line.quantity;
    }
    units
}

fn named<'a>(plan: &'a Plan, units: &Units) -> BTreeMap<&'a str, u64> {
    units.iter().map(|(&product, &count)| (&*plan.product(product).sku, count)).collect()
}

#[cfg(test)]
mod tests;
