//! I5: an order's total is the sum of its parts, a payment is of that total, no more is taken than was authorised and sent,
//! no more is given back than was taken, nothing is kept for an order that came to nothing, and the provider's books say the
//! same.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use commands::{
    gateway::account::ProviderPayment,
    model::Model,
    payments::reconcile::{Comparison, ReconcilePayment},
    world::AnyState,
};
use domain::{ids::OrderId, order, payment, payment::Void};
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
            violations.extend(kept(stream.id, ledger, order).map(|why| format!("{stream}: {why}")));
            if evidence.deadlines_have_passed && order.is_some_and(|order| order.status() == "pending") {
                violations.push(format!("{stream}: its order is pending still, after every deadline"));
            }
        }
    }
    let now = evidence.book.last().map(|event| event.recorded_at).unwrap_or_default();
    for theirs in &evidence.provider {
        violations.extend(differs(&mut model, theirs, now).map(|why| format!("{}: {why}", theirs.reference)));
    }
    if evidence.open_calls > 0 {
        violations.push(format!("{} calls to the provider are not settled", evidence.open_calls));
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
    let given_back = ledger.refunded().amount() + ledger.refund_pending().amount();
    if captured < 0 || pending < 0 || captured + pending > authorized || authorized > amount {
        return Some(format!("of {amount}: {authorized} authorised, {captured} captured, {pending} being captured"));
    }
    if given_back < 0 || given_back > captured {
        return Some(format!("of {captured} captured {given_back} is given back"));
    }
    let Some(contents) = order.and_then(order::State::contents) else { return Some("is of no order".to_owned()) };
    if contents.totals.total != ledger.amount {
        return Some(format!("is of {amount}, its order of {:?}", contents.totals.total));
    }
    // Whatever goes out is paid for, and nothing else is.
    let sent: i64 = contents.lines.iter().map(|line| line.unit_price.amount() * line.shipped).sum();
    let kept = captured - given_back;
    (kept + pending > sent).then(|| format!("{kept} kept and {pending} asked for, {sent} sent"))
}

/// For every order that ended other than confirmed, and of every payment that does not cover its order: nothing is kept, and
/// nothing is held.
fn kept(id: uuid::Uuid, ledger: &payment::Ledger, order: Option<&order::State>) -> Option<String> {
    let order = order.filter(|order| order.status() != "pending")?;
    let has_ended = matches!(order.status(), "cancelled" | "failed");
    let covers = order.contents()?.confirmed_by.is_some_and(|payment_id| payment_id.as_uuid() == id);
    if covers && !has_ended {
        return None;
    }
    let (captured, refunded) = (ledger.captured().amount(), ledger.refunded().amount());
    let is_let_go = ledger.expired || matches!(ledger.void, Void::Voided(_));
    let holds = ledger.authorization.is_some() && ledger.uncaptured().is_positive() && !is_let_go;
    (captured != refunded || holds || ledger.awaits_provider()).then(|| {
        let status = order.status();
        format!("of an order that is {status} {captured} was captured, {refunded} given back; held: {holds}")
    })
}

/// As the reconciler finds it, and by the bare sums.
fn differs(model: &mut Model, theirs: &ProviderPayment, now: DateTime<Utc>) -> Option<String> {
    let payment_id = theirs.payment_id?;
    let compare = ReconcilePayment { payment_id, theirs: Some(theirs.clone()), attests: false, finds: true };
    let found = match model.decide(&compare, now) {
        Err(rejection) => Some(format!("the provider has it, and it is not in the book: {rejection}")),
        Ok((events, outcome)) => match outcome.comparison {
            Comparison::Agrees if events.is_empty() => None,
            Comparison::Agrees => Some(format!("the provider tells of {} events that are not known", events.len())),
            Comparison::Open => Some("its result is still to come".to_owned()),
            Comparison::Differs(detail) => Some(detail),
        },
    };
    let ledger = model.streams().find_map(|(stream, _, state)| match state {
        AnyState::Payment(payment) if stream.id == payment_id.as_uuid() => payment.ledger(),
        _ => None,
    });
    let ours = ledger.map(|ledger| (ledger.captured().amount(), ledger.refunded().amount()));
    let captured = theirs.captured.as_ref().map_or(0, |taken| taken.amount.amount());
    let theirs = (captured, theirs.refunded.amount());
    found
        .or_else(|| (ours != Some(theirs)).then(|| format!("captured and given back: {ours:?} here, {theirs:?} there")))
}
