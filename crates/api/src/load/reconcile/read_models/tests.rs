//! Read models as they must be, and each with one thing wrong.

use uuid::Uuid;

use super::{Money, Order, OrderLine, Orders, Sale, Stock, Stocks, lines, sales};
use crate::load::baskets::tests::excerpt;
use crate::load::check::{Check, Verdict};
use crate::load::plan::{Plan, StockFactor, Sums};
use crate::load::shopper::Accepted;

fn plan() -> Plan {
    Plan::new(excerpt(), None, StockFactor::ONE)
}

/// All invoices became orders.
fn accepted(plan: &Plan) -> Vec<Accepted> {
    let id = |kind: u128, index: usize| Uuid::from_u128(kind << 64 | index as u128);
    let order = |invoice| Accepted::delivered(invoice, id(1, invoice), id(2, invoice));
    (0..plan.invoices().len()).map(order).collect()
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

fn order(plan: &Plan, accepted: &Accepted) -> Order {
    let invoice = &plan.invoices()[accepted.invoice];
    let line = |(product, quantity): (u32, u64)| OrderLine { sku: plan.product(product).sku.clone(), quantity };
    Order {
        id: accepted.order_id,
        status: "delivered".into(),
        lines: plan.units_of(invoice).into_iter().map(line).collect(),
        total: pence(plan.total_of(invoice) as i64),
    }
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
fn check_orders(change: impl FnOnce(&mut Vec<Order>), verdict: Verdict, detail: &str) {
    let plan = plan();
    let accepted = accepted(&plan);
    let mut list: Vec<_> = accepted.iter().map(|accepted| order(&plan, accepted)).collect();
    change(&mut list);
    let mut orders = Orders::new(&plan, &accepted);
    list.iter().for_each(|order| orders.see(order));
    check(&orders.check(), verdict, detail);
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
    change(&mut list);
    let mut stocks = Stocks::new(&plan, &sold);
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
fn orders_that_are_the_accepted_invoices_pass() {
    check_orders(|_| {}, Verdict::Ok, "12 orders, £2,749.19, expected 12 orders, £2,749.19");
    check_orders(|list| list.reverse(), Verdict::Ok, "12 orders");
}

#[test]
fn an_order_that_is_missing_foreign_or_shown_twice_fails() {
    check_orders(|list| drop(list.remove(0)), Verdict::Fail, "of invoice 600001 is missing");
    check_orders(|list| list[0].id = Uuid::max(), Verdict::Fail, "is of no accepted invoice, or shown twice");
    check_orders(|list| list.push(order(&plan(), &accepted(&plan())[0])), Verdict::Fail, "shown twice");
}

#[test]
fn an_order_of_another_total_status_or_line_fails() {
    check_orders(|list| list[1].total.amount -= 1, Verdict::Fail, "invoice 600002 comes to £11.39, expected £11.40");
    check_orders(|list| list[1].total.currency = "EUR".into(), Verdict::Fail, "invoice 600002");
    check_orders(|list| list[1].status = "shipped".into(), Verdict::Fail, "invoice 600002 is shipped, not delivered");
    check_orders(|list| list[1].lines[0].quantity += 1, Verdict::Fail, "invoice 600002 has other lines");
    check_orders(|list| drop(list[1].lines.pop()), Verdict::Fail, "invoice 600002 has other lines");
    let twice = |list: &mut Vec<Order>| {
        let line = OrderLine { sku: list[1].lines[0].sku.clone(), quantity: list[1].lines[0].quantity };
        list[1].lines.push(line);
    };
    check_orders(twice, Verdict::Fail, "invoice 600002 has other lines");
}

#[test]
fn two_invoices_that_share_an_order_fail() {
    let plan = plan();
    let mut accepted = accepted(&plan);
    accepted[1].order_id = accepted[0].order_id;
    let orders = Orders::new(&plan, &accepted);
    check(&orders.check(), Verdict::Fail, "1 invoices share an order");
}

#[test]
fn stock_that_was_shipped_or_is_there_passes() {
    check_stock(|_| {}, Verdict::Ok, "received 60,229 = shipped 60,214 + on hand 15; reserved and allocated 0");
}

#[test]
fn stock_that_is_lost_oversold_or_held_fails() {
    check_stock(|list| list[0].2.on_hand -= 1, Verdict::Fail, "10001A received 10, shipped 1, on hand 8");
    check_stock(|list| list[0].2.on_hand = -1, Verdict::Fail, "10001A is oversold: on hand -1");
    check_stock(|list| list[0].2.reserved = 2, Verdict::Fail, "10001A has 2 reserved, 0 allocated");
    check_stock(|list| list[0].2.allocated = 3, Verdict::Fail, "10001A has 0 reserved, 3 allocated");
}

#[test]
fn of_many_differences_the_first_are_named() {
    check_sales(Vec::clear, Verdict::Fail, "10002 0 units for £0.00, expected 51 units for £61.20; …");
}
