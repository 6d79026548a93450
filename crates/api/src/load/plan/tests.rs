//! The arithmetic of what the taken invoices need and come to.

use super::{Plan, StockFactor, Sums};
use crate::load::baskets::tests::excerpt;
use crate::online_retail::Month;

fn plan(limit: Option<usize>, factor: &str) -> Plan {
    Plan::new(excerpt(), limit, factor.parse().unwrap())
}

fn stock(plan: &Plan) -> Vec<(&str, u64)> {
    plan.stock().iter().map(|&(product, units)| (&*plan.product(product).sku, units)).collect()
}

#[test]
fn the_stock_is_what_the_taken_invoices_need() {
    let first = plan(Some(2), "1");
    assert_eq!(stock(&first), [("10001A", 9), ("10001a", 4), ("10002", 3), ("10003", 12)]);
    assert_eq!((first.invoices().len(), first.lines_taken()), (2, 6));
    let whole = plan(None, "1");
    assert_eq!(stock(&whole).iter().map(|(_, units)| units).sum::<u64>(), whole.baskets.counts.units);
    assert_eq!(whole.lines_taken(), whole.baskets.counts.good);
    assert_eq!(plan(Some(usize::MAX), "1").invoices().len(), whole.invoices().len());
}

#[test]
fn the_stock_is_multiplied_exactly_and_rounded_down() {
    assert_eq!(stock(&plan(Some(2), "0.9")), [("10001A", 8), ("10001a", 3), ("10002", 2), ("10003", 10)]);
    assert_eq!(stock(&plan(Some(1), "0")), [("10001A", 0), ("10001a", 0), ("10002", 0)]);
    let of = |factor: &str, units| factor.parse::<StockFactor>().unwrap().of(units);
    assert_eq!((of("0.9", 10), of("0.29", 100), of("1.1", 30), of("0.000001", 999_999)), (9, 29, 33, 0));
}

#[test]
fn a_factor_that_is_no_plain_decimal_is_refused() {
    for text in ["", ".", "1.", ".5", "-1", "1e3", "nan", "1000.1", "1001", "0.1234567", "99999999999999999999999"] {
        assert!(text.parse::<StockFactor>().is_err(), "{text:?}");
    }
    assert_eq!("1.0".parse::<StockFactor>().unwrap(), StockFactor::ONE);
}

#[test]
fn a_customer_is_the_same_person_in_every_run() {
    let (one, two) = (plan(None, "1"), plan(Some(1), "1"));
    assert_eq!(one.customer_id(0), two.customer_id(0));
    assert_eq!(one.customer_id(0).to_string(), "5cb2bac3-db02-5faa-a271-de7ea403ff12");
    assert_ne!(one.customer_id(0), one.customer_id(1));
}

#[test]
fn lines_of_one_product_add_up_in_an_invoice() {
    let plan = plan(None, "1");
    let units = plan.units_of(&plan.invoices()[0]);
    assert_eq!(units.into_values().collect::<Vec<_>>(), [9, 4, 2]);
    assert_eq!(plan.total_of(&plan.invoices()[0]), 9 * 255 + 4 * 339 + 2 * 120);
}

#[test]
fn sums_are_at_the_catalogues_prices_and_not_at_the_invoices() {
    let plan = plan(None, "1");
    // Invoice 600002 paid 1.25 for a tin box, which costs 1.20 since its first line.
    let sums = plan.sums([&plan.invoices()[1]]);
    assert_eq!((sums.orders, sums.units, sums.revenue), (1, 13, 12 * 85 + 120));
    assert_eq!(sums.by_product.into_values().collect::<Vec<_>>(), [1, 12]);
}

#[test]
fn sums_by_month_and_by_product_add_up_to_the_whole() {
    let plan = plan(None, "1");
    let sums = plan.sums(plan.invoices());
    assert_eq!((sums.orders, sums.units), (12, plan.baskets.counts.units));
    let months: Vec<_> = sums.by_month.keys().copied().collect();
    let month = |year, month| Month { year, month };
    assert_eq!(months, [month(2010, 12), month(2011, 1), month(2011, 6), month(2011, 12)]);
    assert_eq!(sums.by_month.values().map(|month| month.2).sum::<i128>(), sums.revenue);
    assert_eq!(sums.by_product.values().sum::<u64>(), sums.units);
    assert_eq!(plan.sums([]), Sums::default());
}
