//! The table at the end of a load: what was read, what was sent, how fast, and what was sold.

use std::fmt::{self, Write};
use std::time::Duration;

use super::chaos::kinds::Kind;
use super::line::LeftOut;
use super::memory;
use super::numbers::{grouped, pounds};
use super::plan::{Plan, Sums};
use super::shopper::Shopped;
use super::tally::Tally;

/// How many of the SKUs that ran short are named.
const SHORT_NAMED_MAX: usize = 10;
const LABEL_WIDTH: usize = 42;

/// One part of the load, with the wall clock it took.
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) tally: Tally,
    pub(super) took: Duration,
}

impl Phase {
    /// Definite answers a second.
    pub(super) fn rate(&self) -> f64 {
        (self.tally.accepted + self.tally.refused_total()) as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

pub(super) struct Report<'a> {
    pub(super) setup: &'a Phase,
    pub(super) sales: &'a Phase,
    pub(super) shopped: &'a Shopped,
    pub(super) sums: &'a Sums,
    pub(super) delivered: u64,
    /// Much went otherwise than it should.
    pub(super) is_chaotic: bool,
}

/// Rows of a label and a value, under headings.
#[derive(Default)]
pub(super) struct Table(pub(super) String);

impl Table {
    pub(super) fn heading(&mut self, text: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{gap}{text}");
    }

    pub(super) fn row(&mut self, label: impl fmt::Display, value: impl fmt::Display) {
        let label = label.to_string();
        let _ = writeln!(self.0, "  {label:<LABEL_WIDTH$} {value:>16}");
    }

    fn note(&mut self, text: impl fmt::Display) {
        let _ = writeln!(self.0, "  {text}");
    }
}

/// What the server took of the machine, from its start to the end of the reconciliation.
pub(super) fn server(peak_resident_kib: Option<u64>) -> String {
    let mut table = Table::default();
    table.heading("\nThe server");
    let label = format!("peak resident memory (limit {} MiB)", memory::LIMIT_KIB / 1024);
    match peak_resident_kib {
        None => table.row(label, "not ours"),
        Some(kib) => {
            table.row(label, format!("{} MiB", grouped(kib / 1024)));
            if kib > memory::LIMIT_KIB {
                table.note("that is more than it may use");
            }
        }
    }
    table.0
}

/// What the file holds.
pub(super) fn file(plan: &Plan) -> String {
    let (baskets, counts) = (&plan.baskets, &plan.baskets.counts);
    let mut table = Table::default();
    table.heading("The file");
    table.row("lines", grouped(counts.lines));
    table.row("good", grouped(counts.good));
    for reason in LeftOut::ALL {
        table.row(format!("left out: {reason}"), grouped(counts.left_out(reason)));
    }
    table.row("invoices", grouped(baskets.invoices.len()));
    table.row("invoices without a customer", grouped(baskets.guests()));
    table.row("customers", grouped(baskets.customers.len()));
    table.row("products", grouped(baskets.products.len()));
    table.row("units", grouped(counts.units));
    if plan.invoices().len() < baskets.invoices.len() {
        table.row("invoices taken (--limit)", grouped(plan.invoices().len()));
        table.row("their products", grouped(plan.stock().len()));
        table.row("their lines", grouped(plan.lines_taken()));
    }
    table.0
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::default();
        self.commands(&mut table, self.setup);
        self.commands(&mut table, self.sales);
        self.outcome(&mut table);
        self.otherwise(&mut table);
        self.months(&mut table);
        f.write_str(&table.0)
    }
}

impl Report<'_> {
    fn commands(&self, table: &mut Table, phase: &Phase) {
        let Phase { name, tally, took } = phase;
        table.heading(&format!("{name}, {:.1} s", took.as_secs_f64()));
        table.row("commands sent", grouped(tally.sent()));
        table.row("accepted", grouped(tally.accepted));
        for (code, count) in &tally.refused {
            table.row(format!("refused: {code}"), grouped(count));
        }
        if tally.unknown > 0 {
            table.row("outcome unknown", grouped(tally.unknown));
        }
        if tally.repeats > 0 {
            table.row("sent again", grouped(tally.repeats));
        }
        table.row("commands/s", grouped(phase.rate().round() as u64));
        table.row("p50", millis(tally.latency(500)));
        table.row("p99", millis(tally.latency(990)));
    }

    fn outcome(&self, table: &mut Table) {
        table.heading("Sold");
        table.row("orders", grouped(self.sums.orders));
        table.row("delivered", grouped(self.delivered));
        table.row("units", grouped(self.sums.units));
        table.row("revenue", pounds(self.sums.revenue));
        for (code, count) in &self.shopped.refused {
            table.row(format!("invoices refused: {code}"), grouped(count));
        }
        if self.shopped.carts_left > 0 {
            table.row("carts left half-filled", grouped(self.shopped.carts_left));
        }
        if self.shopped.short.is_empty() {
            return;
        }
        let mut short: Vec<_> = self.shopped.short.iter().collect();
        short.sort_by_key(|(sku, count)| (std::cmp::Reverse(**count), (*sku).clone()));
        table.heading("Short of stock, by checkouts refused");
        for (sku, count) in short.iter().take(SHORT_NAMED_MAX) {
            table.row(sku, grouped(count));
        }
        if let Some(rest) = short.get(SHORT_NAMED_MAX..).filter(|rest| !rest.is_empty()) {
            let refusals: u64 = rest.iter().map(|(_, count)| **count).sum();
            table.row(format!("{} more SKUs", grouped(rest.len())), grouped(refusals));
        }
    }

    fn otherwise(&self, table: &mut Table) {
        if !self.is_chaotic {
            return;
        }
        table.heading("Went otherwise");
        for &kind in Kind::ALL {
            table.row(kind.words(), grouped(self.shopped.happened.count(kind)));
        }
    }

    fn months(&self, table: &mut Table) {
        table.heading("By month of the file                       orders        units          revenue");
        for (month, (orders, units, revenue)) in &self.sums.by_month {
            let (orders, units, revenue) = (grouped(orders), grouped(units), pounds(*revenue));
            table.note(format!("{month:<38} {orders:>9} {units:>12} {revenue:>16}"));
        }
    }
}

pub(super) fn millis(latency: Duration) -> String {
    format!("{:.2} ms", latency.as_secs_f64() * 1000.0)
}
