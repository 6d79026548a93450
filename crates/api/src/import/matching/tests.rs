//! Cancellations against the orders that they may be of.

use chrono::TimeDelta;
use domain::ids::{self, CartId};
use domain::order::{NewLine, Source};
use proptest::prelude::*;

use super::*;

fn day(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_291_190_400, 0).unwrap() + TimeDelta::days(day)
}

fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(CartId::from_uuid(uuid::Uuid::from_u128(number)).as_uuid())
}

fn gbp(pence: i64) -> Money {
    Money::new(pence, Currency::GBP)
}

/// Lines of SKU, units and price.
fn order(reference: &str, buyer: u128, at: i64, lines: &[(&str, i64, i64)]) -> Import {
    let order_id = ids::imported_order("test", reference);
    let line = |(place, (sku, units, pence)): (usize, &(&str, i64, i64))| NewLine {
        id: ids::imported_line(order_id, place),
        sku: Sku::new(sku).unwrap(),
        name: sku.parse().unwrap(),
        quantity: Quantity::new(*units).unwrap(),
        unit_price: gbp(*pence),
    };
    Import {
        order_id,
        source: Source::new("test").unwrap(),
        reference: Reference::new(reference).unwrap(),
        customer_id: Some(customer(buyer)),
        currency: Currency::GBP,
        lines: lines.iter().enumerate().map(line).collect(),
        country: None,
        occurred_at: day(at),
    }
}

fn cancelled(reference: &str, buyer: u128, at: i64, (sku, units, pence): (&str, i64, i64)) -> Cancellation {
    let (reference, sku) = (Reference::new(reference).unwrap(), Sku::new(sku).unwrap());
    Cancellation { reference, customer_id: customer(buyer), sku, units, pence, at: day(at) }
}

/// The refunds by cancellation, order, place of the line, units and pence.
fn shown(orders: &[Import], matched: &Matched) -> Vec<(String, String, usize, i64, i64)> {
    let of_one = |(order_id, refund): &(OrderId, ImportRefund)| {
        let order = orders.iter().find(|order| order.order_id == *order_id).unwrap();
        let place = |line: &LineRefund| order.lines.iter().position(|sold| sold.id == line.line_id).unwrap();
        let names = (refund.reference.to_string(), order.reference.to_string());
        let line = |line: &LineRefund| {
            (names.0.clone(), names.1.clone(), place(line), line.quantity.get(), line.amount.amount())
        };
        refund.lines.iter().map(line).collect::<Vec<_>>()
    };
    matched.refunds.iter().flat_map(of_one).collect()
}

#[track_caller]
fn check(
    orders: &[Import],
    cancellations: &[Cancellation],
    refunds: &[(&str, &str, usize, i64, i64)],
    verdicts: &[Result<(), LeftOut>],
) {
    let matched = matched(orders, cancellations);
    let taken: Vec<_> =
        matched.verdicts.iter().map(|verdict| verdict.as_ref().map(drop).map_err(|reason| *reason)).collect();
    assert_eq!(taken, verdicts);
    let found = shown(orders, &matched);
    let found: Vec<_> =
        found.iter().map(|(by, of, place, units, pence)| (by.as_str(), of.as_str(), *place, *units, *pence)).collect();
    assert_eq!(found, refunds);
}

#[test]
fn a_cancellation_is_of_the_latest_order_before_it_of_that_customer_and_sku() {
    let orders = [
        order("1", 1, 0, &[("A", 5, 100)]),
        order("2", 1, 1, &[("B", 5, 100), ("A", 5, 100)]),
        order("3", 2, 2, &[("A", 5, 100)]),
        order("4", 1, 4, &[("A", 5, 100)]),
    ];
    check(&orders, &[cancelled("C5", 1, 3, ("A", 2, 100))], &[("C5", "2", 1, 2, 200)], &[Ok(())]);
    check(&orders, &[cancelled("C5", 3, 3, ("A", 2, 100))], &[], &[Err(LeftOut::NotReturnable)]);
    check(&orders, &[cancelled("C5", 2, 1, ("A", 2, 100))], &[], &[Err(LeftOut::NotReturnable)]);
    check(&orders, &[cancelled("C5", 1, 3, ("a", 2, 100))], &[], &[Err(LeftOut::NotReturnable)]);
}

#[test]
fn one_cancellation_may_be_of_several_orders_and_none_is_taken_in_part() {
    let orders = [order("1", 1, 0, &[("A", 5, 100)]), order("2", 1, 1, &[("A", 3, 100)])];
    let all = [("C3", "1", 0, 5, 500), ("C3", "2", 0, 3, 300)];
    check(&orders, &[cancelled("C3", 1, 2, ("A", 8, 100))], &all, &[Ok(())]);
    check(&orders, &[cancelled("C3", 1, 2, ("A", 9, 100))], &[], &[Err(LeftOut::NotReturnable)]);
    let twice = [cancelled("C3", 1, 2, ("A", 9, 100)), cancelled("C4", 1, 3, ("A", 8, 100))];
    let after = [("C4", "1", 0, 5, 500), ("C4", "2", 0, 3, 300)];
    check(&orders, &twice, &after, &[Err(LeftOut::NotReturnable), Ok(())]);
}

#[test]
fn units_come_back_once() {
    let orders = [order("1", 1, 0, &[("A", 5, 100)])];
    let three = [
        cancelled("C2", 1, 1, ("A", 3, 100)),
        cancelled("C3", 1, 2, ("A", 3, 100)),
        cancelled("C4", 1, 3, ("A", 2, 100)),
    ];
    let refunds = [("C2", "1", 0, 3, 300), ("C4", "1", 0, 2, 200)];
    check(&orders, &three, &refunds, &[Ok(()), Err(LeftOut::NotReturnable), Ok(())]);
}

#[test]
fn lines_of_the_same_price_come_first_and_cheaper_ones_never() {
    let orders =
        [order("1", 1, 0, &[("A", 5, 100)]), order("2", 1, 1, &[("A", 5, 120)]), order("3", 1, 2, &[("A", 5, 80)])];
    check(&orders, &[cancelled("C4", 1, 3, ("A", 5, 100))], &[("C4", "1", 0, 5, 500)], &[Ok(())]);
    let more = [("C4", "1", 0, 5, 500), ("C4", "2", 0, 1, 100)];
    check(&orders, &[cancelled("C4", 1, 3, ("A", 6, 100))], &more, &[Ok(())]);
    check(&orders, &[cancelled("C4", 1, 3, ("A", 11, 100))], &[], &[Err(LeftOut::MoreThanCharged)]);
    check(&orders, &[cancelled("C4", 1, 3, ("A", 1, 121))], &[], &[Err(LeftOut::MoreThanCharged)]);
}

#[test]
fn a_sku_that_a_cancellation_names_twice_is_one_line_of_the_refund() {
    let orders = [order("1", 1, 0, &[("A", 5, 100), ("B", 1, 30)])];
    let lines = [
        cancelled("C2", 1, 1, ("A", 1, 100)),
        cancelled("C2", 1, 1, ("B", 1, 30)),
        cancelled("C2", 1, 1, ("A", 2, 90)),
    ];
    check(&orders, &lines, &[("C2", "1", 0, 3, 280), ("C2", "1", 1, 1, 30)], &[Ok(()), Ok(()), Ok(())]);
}

proptest! {
    /// What is matched is exactly what was not left out, and the rules accept all of it.
    #[test]
    fn refunds_add_up_to_the_cancellations_and_the_rules_take_them(
        sold in proptest::collection::vec((1..3_u128, 0..20_i64, 1..3_usize, 1..6_i64, 1..4_i64), 1..12),
        back in proptest::collection::vec((1..3_u128, 0..25_i64, 1..3_usize, 1..8_i64, 1..5_i64), 1..20),
    ) {
        use domain::aggregate::{Aggregate, fold};
        use domain::order::{Command, Order, State};
        const SKUS: [&str; 3] = ["A", "B", "C"];
        let orders: Vec<Import> = (1..).zip(&sold).map(|(number, (buyer, at, sku, units, pence))| {
            order(&number.to_string(), *buyer, *at, &[(SKUS[*sku], *units, *pence), (SKUS[0], *units, *pence)])
        }).collect();
        let cancellations: Vec<_> = (1..).zip(&back).map(|(number, (buyer, at, sku, units, pence))| {
            cancelled(&format!("C{}", number / 2), *buyer, *at, (SKUS[*sku - 1], *units, *pence))
        }).collect();
        let matched = matched(&orders, &cancellations);
        let taken = cancellations.iter().zip(&matched.verdicts).filter(|(_, verdict)| verdict.is_ok());
        let wanted: i64 = taken.map(|(cancellation, _)| cancellation.units * cancellation.pence).sum();
        let refunded = matched.refunds.iter().flat_map(|(_, refund)| &refund.lines);
        prop_assert_eq!(refunded.map(|line| line.amount.amount()).sum::<i64>(), wanted);
        for order in orders {
            let order_id = order.order_id;
            let imported = Order::decide(&State::Absent, Command::Import(Box::new(order))).unwrap();
            let mut state = fold::<Order>(State::Absent, &imported);
            for (_, refund) in matched.refunds.iter().filter(|(of, _)| *of == order_id) {
                let events = Order::decide(&state, Command::ImportRefund(refund.clone()));
                prop_assert!(events.is_ok(), "{:?}", events);
                state = fold::<Order>(state, &events.unwrap());
            }
        }
    }
}
