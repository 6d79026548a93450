//! Read models as they must be, and each with one thing wrong.

use super::{Money, Sale, Stock, Stocks, lines, sales};
use crate::load::baskets::tests::excerpt;
use crate::load::chaos::draws::Units;
use crate::load::check::{Check, Verdict};
use crate::load::plan::{Plan, StockFactor, Sums};

fn plan() -> Plan {
    Plan::new(excerpt(), None, StockFactor::ONE)
}

fn pence(amount: i64) -> Money {
    Money { amount, currency: "GBP".into() }
}

/// The report as it must be, over two days.
fn report(plan: &Plan, sums: &Sums) -> Vec<Sale> {
    let mut report = Vec::new();
    for (&product, &units) in &sums.by_product {
        let product = plan.product(product);
        let first = units / 2;
        for units in [first, units - first].into_iter().filter(|units| *units > 0) {
            let units = units as i64;
            report.push(Sale { sku: product.sku.clone(), units, revenue: pence(units * product.price) });
        }
    }
    report
}

#[track_caller]
fn check(check: &Check, verdict: Verdict, detail: &str) {
    assert_eq!(check.verdict, verdict, "{check}");
    assert!(check.detail.contains(detail), "{check}");
}

#[track_caller]
fn check_sales(change: impl FnOnce(&mut Vec<Sale>), verdict: Verdict, detail: &str) {
    let plan = plan();
    let sums = plan.sums(plan.invoices());
    let mut report = report(&plan, &sums);
    change(&mut report);
    check(&sales(&plan, &sums, &report), verdict, detail);
}

#[track_caller]
fn check_stock(change: impl FnOnce(&mut Vec<(u32, u64, Stock)>), verdict: Verdict, detail: &str) {
    let plan = plan();
    let sold = plan.sums(&plan.invoices()[1..]);
    let stock = |&(product, received): &(u32, u64)| {
        let shipped = sold.by_product.get(&product).copied().unwrap_or_default();
        (product, received, Stock { on_hand: (received - shipped) as i64, reserved: 0, allocated: 0 })
    };
    let mut list: Vec<_> = plan.stock().iter().map(stock).collect();
    // Three units of the first product came back, and can be sold again.
    list[0].2.on_hand += 3;
    change(&mut list);
    let restocked = Units::from([(list[0].0, 3)]);
    let mut stocks = Stocks::new(&plan, &sold, &restocked);
    for (product, received, stock) in list {
        stocks.see(product, received, stock);
    }
    check(&stocks.check(), verdict, detail);
}

#[test]
fn every_line_is_good_or_left_out() {
    check(&lines(&plan()), Verdict::Ok, "24 good + 14 left out = 38 of the file");
    let limited = Plan::new(excerpt(), Some(1), StockFactor::ONE);
    check(&lines(&limited), Verdict::Ok, "of the good, 20 are beyond --limit");
    let mut wrong = excerpt();
    wrong.counts.lines += 1;
    check(&lines(&Plan::new(wrong, None, StockFactor::ONE)), Verdict::Fail, "24 good + 14 left out = 39");
}

#[test]
fn sales_that_add_up_to_the_accepted_invoices_pass() {
    check_sales(|_| {}, Verdict::Ok, "60,229 units for £2,749.19, expected 60,229 units for £2,749.19");
}

#[test]
fn a_sales_row_that_is_missing_fails() {
    check_sales(|report| drop(report.pop()), Verdict::Fail, "1 differences: ");
    check_sales(Vec::clear, Verdict::Fail, "13 differences: ");
}

#[test]
fn a_penny_or_a_unit_too_many_fails() {
    check_sales(
        |report| report[0].revenue.amount += 1,
        Verdict::Fail,
        "10001A 10 units for £25.51, expected 10 units for £25.50",
    );
    check_sales(|report| report[0].units += 1, Verdict::Fail, "10001A 11 units");
}

#[test]
fn errors_that_cancel_out_in_the_total_fail() {
    let swap = |report: &mut Vec<Sale>| {
        report[0].revenue.amount += 1;
        report[2].revenue.amount -= 1;
    };
    check_sales(swap, Verdict::Fail, "£2,749.19, expected 60,229 units for £2,749.19; 2 differences");
}

#[test]
fn sales_of_another_sku_or_currency_fail() {
    let foreign = |report: &mut Vec<Sale>| report.push(Sale { sku: "X".into(), units: 1, revenue: pence(1) });
    check_sales(foreign, Verdict::Fail, "X 1 units for £0.01, expected none");
    check_sales(|report| report[0].revenue.currency = "EUR".into(), Verdict::Fail, "10001A has revenue in EUR");
}

#[test]
fn stock_that_was_shipped_or_is_there_passes() {
    check_stock(
        |_| {},
        Verdict::Ok,
        "received 60,229 - shipped 60,214 + restocked 3 = on hand 18; reserved and allocated 0",
    );
}

#[test]
fn stock_that_is_lost_oversold_or_held_fails() {
    check_stock(|list| list[0].2.on_hand += 1, Verdict::Fail, "10001A received 10, shipped 1, restocked 3, on hand 13");
    check_stock(|list| list[0].2.on_hand -= 1, Verdict::Fail, "10001A received 10, shipped 1, restocked 3, on hand 11");
    check_stock(|list| list[0].2.on_hand = -1, Verdict::Fail, "10001A is oversold: on hand -1");
    check_stock(|list| list[0].2.reserved = 2, Verdict::Fail, "10001A has 2 reserved, 0 allocated");
    check_stock(|list| list[0].2.allocated = 3, Verdict::Fail, "10001A has 0 reserved, 3 allocated");
}

#[test]
fn of_many_differences_the_first_are_named() {
    check_sales(Vec::clear, Verdict::Fail, "10002 0 units for £0.00, expected 51 units for £61.20; …");
}
