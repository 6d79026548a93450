//! What the read models must say, computed from the file, and how far they do. Pure: what was read comes in as values.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::chaos::draws::{Units, total};
use super::super::check::Check;
use super::super::numbers::{grouped, pounds};
use super::super::plan::{Plan, Sums};

/// The currency of the file.
pub(crate) const CURRENCY: &str = "GBP";
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

/// The stock of every SKU: what was received was shipped or is there, what came back and is fit to be sold is there too, and
/// nothing is held.
pub(crate) struct Stocks<'a> {
    plan: &'a Plan,
    sold: &'a Sums,
    restocked: &'a Units,
    received: u64,
    shipped: u64,
    on_hand: i64,
    held: i64,
    differences: Differences,
}

impl<'a> Stocks<'a> {
    pub(crate) fn new(plan: &'a Plan, sold: &'a Sums, restocked: &'a Units) -> Self {
        let differences = Differences::default();
        Self { plan, sold, restocked, received: 0, shipped: 0, on_hand: 0, held: 0, differences }
    }

    pub(crate) fn see(&mut self, product: u32, received: u64, stock: Stock) {
        let of = |units: &Units| units.get(&product).copied().unwrap_or_default();
        let (shipped, restocked) = (of(&self.sold.by_product), of(self.restocked));
        self.received += received;
        self.shipped += shipped;
        self.on_hand += stock.on_hand;
        self.held += stock.reserved + stock.allocated;
        let sku = &self.plan.product(product).sku;
        if i128::from(received) + i128::from(restocked) != i128::from(shipped) + i128::from(stock.on_hand) {
            let of = format!("{sku} received {received}, shipped {shipped}, restocked {restocked}");
            self.differences.add(|| format!("{of}, on hand {}", stock.on_hand));
        }
        if stock.on_hand < 0 {
            self.differences.add(|| format!("{sku} is oversold: on hand {}", stock.on_hand));
        }
        if (stock.reserved, stock.allocated) != (0, 0) {
            self.differences.add(|| format!("{sku} has {} reserved, {} allocated", stock.reserved, stock.allocated));
        }
    }

    pub(crate) fn check(self) -> Check {
        let (received, shipped, restocked) =
            (grouped(self.received), grouped(self.shipped), grouped(total(self.restocked)));
        let (on_hand, held) = (grouped(self.on_hand), grouped(self.held));
        let gone = format!("received {received} - shipped {shipped} + restocked {restocked}");
        self.differences.check("stock", format!("{gone} = on hand {on_hand}; reserved and allocated {held}"))
    }
}

#[cfg(test)]
mod tests;
