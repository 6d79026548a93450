//! I5: an order's total is the sum of its parts, a payment is of that total, no more is taken than was authorised and sent,
//! and nothing is kept for an order that came to nothing.

use std::collections::HashMap;

use commands::{model::Model, world::AnyState};
use domain::{ids::OrderId, order, payment};
use eventstore::Position;

use crate::evidence::Evidence;

pub(super) fn money_is_conserved(evidence: &Evidence) -> Vec<String> {
    let mut model = Model::default();
    for event in evidence.book.iter().filter(|event| event.position > Position::TITLE) {
        model.absorb(event);
    }
    let mut violations = Vec::new();
    let mut orders = HashMap::new();
    for (stream, _, state) in model.streams() {
        if let AnyState::Order(order) = state {
            violations.extend(wrong_total(order).map(|why| format!("{stream}: {why}")));
            orders.insert(OrderId::from_uuid(stream.id), order);
        }
    }
    for (stream, _, state) in model.streams() {
        if let AnyState::Payment(payment) = state
            && let Some(ledger) = payment.ledger()
        {
            let order = orders.get(&ledger.order_id).map(AsRef::as_ref);
            violations.extend(wrong_ledger(ledger, order).map(|why| format!("{stream}: {why}")));
        }
    }
    violations
}

fn wrong_total(order: &order::State) -> Option<String> {
    let contents = order.contents()?;
    let order::Totals { subtotal, shipping, tax, discount, total } = contents.totals;
    let lines: i64 = contents.lines.iter().map(|line| line.line_total.amount()).sum();
    let each =
        contents.lines.iter().all(|line| line.unit_price.amount() * line.quantity.get() == line.line_total.amount());
    let parts = subtotal.amount() + shipping.amount() + tax.amount() - discount.amount();
    (!each || lines != subtotal.amount() || parts != total.amount())
        .then(|| format!("lines of {lines}, a subtotal of {subtotal:?}, a total of {total:?}"))
}

fn wrong_ledger(ledger: &payment::Ledger, order: Option<&order::State>) -> Option<String> {
    let (amount, authorized) = (ledger.amount.amount(), ledger.authorized().amount());
    let (captured, pending) = (ledger.captured().amount(), ledger.capture_pending().amount());
    let refunded = ledger.refunded().amount();
    if captured < 0 || pending < 0 || captured + pending > authorized || authorized > amount || refunded > captured {
        return Some(format!("of {amount}: {authorized} authorised, {captured} captured, {pending} being captured"));
    }
    let Some(contents) = order.and_then(order::State::contents) else { return Some("is of no order".to_owned()) };
    if contents.totals.total != ledger.amount {
        return Some(format!("is of {amount}, its order of {:?}", contents.totals.total));
    }
    // Whatever goes out is paid for, and nothing else is.
    let sent: i64 = contents.lines.iter().map(|line| line.unit_price.amount() * line.shipped).sum();
    let kept = captured - refunded - ledger.refund_pending().amount();
    (kept + pending > sent).then(|| format!("{kept} kept and {pending} asked for, {sent} sent"))
}
