//! What the read models must say, computed from the file, and how far they do. Pure: what was read comes in as values.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use uuid::Uuid;

use super::super::check::Check;
use super::super::numbers::{grouped, pounds};
use super::super::plan::{Plan, Sums};
use super::super::shopper::{Accepted, Ended};

/// The currency of the file.
pub(super) const CURRENCY: &str = "GBP";
/// Of many differences a line names the first.
const NAMED_MAX: usize = 3;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Money {
    pub(crate) amount: i64,
    pub(crate) currency: Box<str>,
}

/// A line of the sales report. Days are the server's own; the file's are older.
#[derive(Debug, Deserialize)]
pub(crate) struct Sale {
    pub(crate) sku: Box<str>,
    pub(crate) units: i64,
    pub(crate) revenue: Money,
}

/// An order as the list shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: Uuid,
    pub(crate) status: Box<str>,
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) total: Money,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OrderLine {
    pub(crate) sku: Box<str>,
    pub(crate) quantity: u64,
}

/// What the stock of a SKU shows; a SKU that never received anything has none.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Stock {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) allocated: i64,
}

/// Differences, the first few of them in words.
#[derive(Default)]
pub(super) struct Differences {
    count: u64,
    named: Vec<String>,
}

impl Differences {
    pub(super) fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(words());
        }
    }

    pub(super) fn check(self, name: &'static str, numbers: String) -> Check {
        if self.count == 0 {
            return Check::ok(name, numbers);
        }
        let more = if self.count as usize > self.named.len() { "; …" } else { "" };
        Check::fail(name, format!("{numbers}; {} differences: {}{more}", grouped(self.count), self.named.join("; ")))
    }
}

/// Every line of the file is good or left out.
pub(crate) fn lines(plan: &Plan) -> Check {
    let counts = &plan.baskets.counts;
    let (taken, good, left_out) = (plan.lines_taken(), counts.good, counts.left_out_total());
    let beyond = good.saturating_sub(taken);
    let words = |number| grouped(number);
    let mut numbers =
        format!("{} good + {} left out = {} of the file", words(good), words(left_out), words(counts.lines));
    if beyond > 0 {
        numbers.push_str(&format!("; of the good, {} are beyond --limit", words(beyond)));
    }
    let mut differences = Differences::default();
    if good + left_out != counts.lines || taken > good {
        differences.add(|| format!("{} taken + {} beyond + {}", words(taken), words(beyond), words(left_out)));
    }
    differences.check("lines", numbers)
}

/// The report's units and revenue, by SKU and in all.
pub(crate) fn sales(plan: &Plan, expected: &Sums, report: &[Sale]) -> Check {
    let mut found: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
    let mut differences = Differences::default();
    // Without a SKU is what was given back for no goods in particular: neither units nor revenue.
    for sale in report.iter().filter(|sale| !sale.sku.is_empty()) {
        if &*sale.revenue.currency != CURRENCY {
            differences.add(|| format!("{} has revenue in {}", sale.sku, sale.revenue.currency));
        }
        let sum = found.entry(&sale.sku).or_default();
        *sum = (sum.0 + i128::from(sale.units), sum.1 + i128::from(sale.revenue.amount));
    }
    let total = found.values().fold((0, 0), |sum, sku| (sum.0 + sku.0, sum.1 + sku.1));
    for (&product, &units) in &expected.by_product {
        let product = plan.product(product);
        let wanted = (i128::from(units), i128::from(units) * i128::from(product.price));
        let shown = found.remove(&*product.sku).unwrap_or_default();
        if shown != wanted {
            differences.add(|| format!("{} {}, expected {}", product.sku, sold(shown), sold(wanted)));
        }
    }
    for (sku, shown) in found {
        differences.add(|| format!("{sku} {}, expected none", sold(shown)));
    }
    differences.check("sales", format!("{}, expected {}", sold(total), sold((expected.units.into(), expected.revenue))))
}

fn sold((units, pence): (i128, i128)) -> String {
    format!("{} units for {}", grouped(units), pounds(pence))
}

/// The list of orders, a page at a time, against the accepted invoices.
pub(crate) struct Orders<'a> {
    plan: &'a Plan,
    /// The invoices whose order has not been seen.
    awaited: HashMap<Uuid, Accepted>,
    expected: (u64, i128),
    found: (u64, i128),
    differences: Differences,
}

impl<'a> Orders<'a> {
    pub(crate) fn new(plan: &'a Plan, accepted: &[Accepted]) -> Self {
        let awaited: HashMap<_, _> = accepted.iter().map(|order| (order.order_id, *order)).collect();
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
        let plan = self.plan;
        let invoice = &plan.invoices()[accepted.invoice];
        let wanted = plan.total_of(invoice);
        if i128::from(order.total.amount) != wanted || &*order.total.currency != CURRENCY {
            let shown = pounds(order.total.amount.into());
            self.differences
                .add(|| format!("invoice {} comes to {shown}, expected {}", invoice.number, pounds(wanted)));
        }
        let lines: BTreeMap<&str, u64> = order.lines.iter().map(|line| (&*line.sku, line.quantity)).collect();
        let units = plan.units_of(invoice);
        let as_ordered = units.iter().map(|(&product, &units)| (&*plan.product(product).sku, units));
        if lines.len() != order.lines.len() || lines != as_ordered.collect() {
            self.differences.add(|| format!("invoice {} has other lines than in the file", invoice.number));
        }
        let ended = match accepted.ended {
            Ended::Delivered => "delivered",
            Ended::Cancelled => "cancelled",
        };
        if &*order.status != ended {
            self.differences.add(|| format!("invoice {} is {}, not {ended}", invoice.number, order.status));
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

/// The stock of every SKU: what was received was shipped or is there, and nothing is held.
pub(crate) struct Stocks<'a> {
    plan: &'a Plan,
    sold: &'a Sums,
    received: u64,
    shipped: u64,
    on_hand: i64,
    held: i64,
    differences: Differences,
}

impl<'a> Stocks<'a> {
    pub(crate) fn new(plan: &'a Plan, sold: &'a Sums) -> Self {
        Self { plan, sold, received: 0, shipped: 0, on_hand: 0, held: 0, differences: Differences::default() }
    }

    pub(crate) fn see(&mut self, product: u32, received: u64, stock: Stock) {
        let shipped = self.sold.by_product.get(&product).copied().unwrap_or_default();
        self.received += received;
        self.shipped += shipped;
        self.on_hand += stock.on_hand;
        self.held += stock.reserved + stock.allocated;
        let sku = &self.plan.product(product).sku;
        if i128::from(received) != i128::from(shipped) + i128::from(stock.on_hand) {
            self.differences.add(|| format!("{sku} received {received}, shipped {shipped}, on hand {}", stock.on_hand));
        }
        if stock.on_hand < 0 {
            self.differences.add(|| format!("{sku} is oversold: on hand {}", stock.on_hand));
        }
        if (stock.reserved, stock.allocated) != (0, 0) {
            self.differences.add(|| format!("{sku} has {} reserved, {} allocated", stock.reserved, stock.allocated));
        }
    }

    pub(crate) fn check(self) -> Check {
        let (received, shipped) = (grouped(self.received), grouped(self.shipped));
        let (on_hand, held) = (grouped(self.on_hand), grouped(self.held));
        let numbers =
            format!("received {received} = shipped {shipped} + on hand {on_hand}; reserved and allocated {held}");
        self.differences.check("stock", numbers)
    }
}

#[cfg(test)]
mod tests;
