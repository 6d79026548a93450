//! The list of orders as it must be, and with one thing wrong at a time.

use uuid::Uuid;

use super::*;
use crate::load::account::{Ended, Refund, Returned};
use crate::load::baskets::tests::excerpt;
use crate::load::chaos::ReturnEnds;
use crate::load::check::Verdict;
use crate::load::plan::StockFactor;

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

fn as_ordered(sku: &str, quantity: u64) -> OrderLine {
    OrderLine { sku: sku.into(), quantity, shipped: quantity, delivered: quantity, cancelled: 0, returned: 0 }
}

fn units(sku: &str, quantity: u64, restock: bool) -> UnitsOf {
    UnitsOf { sku: sku.into(), quantity, restock }
}

/// Bought, paid for and delivered.
fn order(plan: &Plan, accepted: &Accepted) -> Order {
    let invoice = &plan.invoices()[accepted.invoice];
    let bought: Vec<(&str, u64)> =
        plan.units_of(invoice).into_iter().map(|(product, units)| (&*plan.product(product).sku, units)).collect();
    let parcel = bought.iter().map(|(sku, quantity)| units(sku, *quantity, false)).collect();
    Order {
        id: accepted.order_id,
        status: "delivered".into(),
        payment_status: "paid".into(),
        fulfillment_status: "delivered".into(),
        lines: bought.iter().map(|(sku, quantity)| as_ordered(sku, *quantity)).collect(),
        total: pence(plan.total_of(invoice) as i64),
        shipments: vec![Shipment { status: "delivered".into(), lines: parcel }],
        returns: Vec::new(),
        shipping_address: Address { line1: ADDRESSED_TO.into() },
    }
}

#[track_caller]
fn check(check: &Check, verdict: Verdict, detail: &str) {
    assert_eq!(check.verdict, verdict, "{check}");
    assert!(check.detail.contains(detail), "{check}");
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
    check_orders(|list| list[1].payment_status = "refunded".into(), Verdict::Fail, "600002 is refunded, not paid");
    check_orders(|list| list[1].fulfillment_status = "shipped".into(), Verdict::Fail, "600002 is shipped, not deliv");
    check_orders(|list| list[1].lines[0].shipped -= 1, Verdict::Fail, "invoice 600002 has other lines");
    check_orders(|list| list[1].lines[0].delivered -= 1, Verdict::Fail, "invoice 600002 has other lines");
    check_orders(|list| list[1].lines[0].cancelled += 1, Verdict::Fail, "invoice 600002 has other lines");
    check_orders(|list| list[1].lines[0].returned += 1, Verdict::Fail, "invoice 600002 has other lines");
    check_orders(|list| list[1].lines[0].quantity += 1, Verdict::Fail, "invoice 600002 has other lines");
    check_orders(|list| drop(list[1].lines.pop()), Verdict::Fail, "invoice 600002 has other lines");
    let twice = |list: &mut Vec<Order>| {
        let line = as_ordered(&list[1].lines[0].sku, list[1].lines[0].quantity);
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

/// Of 9 lanterns at 2.55, 4 at 3.39 and 2 tin boxes at 1.20 one lantern was cancelled; the rest went to another address in two
/// parcels, and of two tin boxes that came back one is sold again.
fn otherwise(plan: &Plan) -> (Accepted, Order) {
    let mut accepted = accepted(plan).remove(0);
    let mut order = order(plan, &accepted);
    accepted.is_moved = true;
    order.shipping_address.line1 = MOVED_TO.into();
    accepted.cancelled = Units::from([(0, 1)]);
    (order.lines[0].cancelled, order.lines[0].shipped, order.lines[0].delivered) = (1, 8, 8);
    accepted.parcels = vec![Units::from([(0, 3)]), Units::from([(0, 5), (1, 4), (2, 2)])];
    let parcel = |lines| Shipment { status: "delivered".into(), lines };
    let rest = vec![units("10001A", 5, false), units("10001a", 4, false), units("10002", 2, false)];
    order.shipments = vec![parcel(rest), parcel(vec![units("10001A", 3, false)])];
    let two = Units::from([(2, 2)]);
    let (ends, restocked) = (ReturnEnds::Received { short: false }, Units::from([(2, 1)]));
    accepted.returned = Some(Returned { ends, asked: two.clone(), received: two, restocked });
    order.lines[2].returned = 2;
    order.fulfillment_status = "partially_returned".into();
    order.returns = vec![Return {
        status: "received".into(),
        lines: vec![units("10002", 2, false)],
        received: vec![units("10002", 1, true), units("10002", 1, false)],
        amount: Some(pence(240)),
    }];
    accepted.refunds = vec![Refund { amount: 240, of_order: true }];
    order.payment_status = "partially_refunded".into();
    (accepted, order)
}

#[track_caller]
fn check_otherwise(change: impl FnOnce(&mut Accepted, &mut Order), verdict: Verdict, detail: &str) {
    let plan = plan();
    let (mut accepted, mut order) = otherwise(&plan);
    change(&mut accepted, &mut order);
    let accepted = [accepted];
    let mut orders = Orders::new(&plan, &accepted);
    orders.see(&order);
    check(&orders.check(), verdict, detail);
}

#[test]
fn an_order_of_which_everything_went_otherwise_passes_as_it_went() {
    check_otherwise(|_, _| {}, Verdict::Ok, "1 orders");
}

#[test]
fn o1_lines_parcels_and_returns_that_went_in_another_way_fail() {
    check_otherwise(|_, order| order.lines[0].cancelled = 0, Verdict::Fail, "has other lines");
    check_otherwise(|_, order| order.lines[2].returned = 1, Verdict::Fail, "has other lines");
    check_otherwise(|accepted, _| accepted.cancelled.clear(), Verdict::Fail, "has other lines");
    check_otherwise(|_, order| drop(order.shipments.pop()), Verdict::Fail, "left in the parcels");
    check_otherwise(|_, order| order.shipments[0].lines[0].quantity = 6, Verdict::Fail, "left in the parcels");
    check_otherwise(|_, order| order.shipments[0].status = "dispatched".into(), Verdict::Fail, "left in the parcels");
    check_otherwise(|_, order| order.returns[0].status = "approved".into(), Verdict::Fail, "has the returns");
    check_otherwise(|_, order| order.returns[0].amount = Some(pence(239)), Verdict::Fail, "has the returns");
    check_otherwise(|_, order| order.returns[0].received[1].restock = true, Verdict::Fail, "has the returns");
    check_otherwise(|accepted, _| accepted.returned = None, Verdict::Fail, "has the returns");
    check_otherwise(|accepted, _| accepted.refunds.clear(), Verdict::Fail, "partially_refunded, not partially_paid");
    check_otherwise(|accepted, _| accepted.is_moved = false, Verdict::Fail, "2 Corrected Lane, not 1 Made-up Road");
}

#[test]
fn a_cancelled_order_is_unfulfilled_and_let_go() {
    let cancel = |accepted: &mut Accepted, order: &mut Order| {
        let plan = plan();
        (*accepted, *order) = (self::accepted(&plan).remove(0), self::order(&plan, &self::accepted(&plan)[0]));
        accepted.ended = Ended::Cancelled;
        order.status = "cancelled".into();
        order.fulfillment_status = "unfulfilled".into();
        order.payment_status = "voided".into();
        order.shipments.clear();
        order.lines.iter_mut().for_each(|line| (line.shipped, line.delivered) = (0, 0));
    };
    check_otherwise(cancel, Verdict::Ok, "1 orders");
    let declined = |accepted: &mut Accepted, order: &mut Order| {
        cancel(accepted, order);
        order.payment_status = "declined".into();
    };
    check_otherwise(declined, Verdict::Fail, "invoice 600001 is declined, not voided");
    let after_it_was_declined = |accepted: &mut Accepted, order: &mut Order| {
        declined(accepted, order);
        accepted.may_be_declined = true;
    };
    check_otherwise(after_it_was_declined, Verdict::Ok, "1 orders");
}
