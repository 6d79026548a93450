//! The carrying out of an order, broken off at every step: everything stops, a new node starts on the same book, and the
//! order comes to the end that it would have come to. What is held and what is kept adds up.

mod cancelled;
mod delivered;
mod taken;
mod unpaid;

use chrono::TimeDelta;
use domain::{ids::PaymentId, order::Order, payment::Void};

use super::{
    fate::Fate,
    node::check_whole,
    running::{Premises, Running},
    shop::{Sale, cart_of, check_out, stocked},
};

const UNITS: i64 = 10_000;
const UNITS_A_SALE: i64 = 2;
/// More steps than any sale has: after as many it goes in circles.
const STEPS_MAX: usize = 200;

/// What is done about one order, from outside.
#[derive(Debug, Clone, Copy)]
enum Act {
    CheckOut,
    /// The processes read on, and no call is made.
    Follow,
    /// Every call is made, the provider does what it is asked for, and its answers are lost.
    CallInVain,
    Settle,
    Ship,
    Deliver,
    Cancel,
    /// So many units of what is unsent.
    CancelUnits {
        units: i64,
    },
    /// Staff takes everything that is held, ahead of any parcel.
    Capture,
    /// One unit leaves.
    ShipOne,
    /// Another try, with a good card.
    Retry,
    /// Staff gives back so much.
    Refund {
        amount: i64,
    },
    Pass {
        minutes: i64,
    },
    /// Another buyer takes everything that can be had.
    SellOut,
}

/// A way that an order goes, and where it ends.
struct Way {
    token: &'static str,
    acts: &'static [Act],
    end: (&'static str, &'static str),
    /// What it changes of the stock: on hand, reserved, allocated.
    stock: (i64, i64, i64),
    /// What the provider did, in the order of the alphabet.
    done: &'static [&'static str],
    captured: i64,
    refunded: i64,
    /// At least so many places at which it can be broken off.
    steps_min: usize,
}

/// A way on which nothing is sent, held or taken; the ways of the tests say what is otherwise on theirs.
const NOTHING: Way = Way {
    token: "tok_ok",
    acts: &[],
    end: ("cancelled", "voided"),
    stock: (0, 0, 0),
    done: &[],
    captured: 0,
    refunded: 0,
    steps_min: 1,
};

async fn act(act: Act, sale: &Sale, premises: &Premises, running: &mut Running) {
    match act {
        Act::CheckOut => sale.open(&running.node).await,
        Act::Follow => drop(running.follow().await),
        Act::CallInVain => {
            premises.provider.loses_answers(true);
            running.make_calls().await;
            premises.provider.loses_answers(false);
        }
        Act::Settle => running.settle().await,
        Act::Ship => drop(running.node.accept(sale.ship()).await),
        Act::Deliver => drop(running.node.accept(sale.deliver()).await),
        Act::Cancel => drop(running.node.accept(sale.cancel()).await),
        Act::CancelUnits { units } => drop(running.node.accept(sale.cancel_units(units)).await),
        Act::Capture => drop(running.node.accept(sale.capture()).await),
        Act::ShipOne => drop(running.node.accept(sale.ship_one()).await),
        Act::Retry => drop(running.node.accept(sale.retry()).await),
        Act::Refund { amount } => drop(running.node.accept(sale.refund(amount)).await),
        Act::Pass { minutes } => premises.clock.pass(TimeDelta::minutes(minutes)),
        Act::SellOut => {
            let (on_hand, _, allocated) = premises.stock("MUG").await;
            let cart_id = cart_of(&running.node, &[("MUG", on_hand - allocated)]).await;
            running.node.accept(check_out(cart_id, "tok_declined")).await;
        }
    }
}

/// The acts from this one on, each a step too: what it changed stands in the book, and nobody has reacted to it.
async fn go_on(way: &Way, from: &mut usize, sale: &Sale, fate: &Fate, premises: &Premises, running: &mut Running) {
    while let Some(next) = way.acts.get(*from) {
        act(*next, sale, premises, running).await;
        *from += 1;
        fate.step().await;
    }
    running.settle().await;
}

/// One order goes its way up to a step, and then on with another node. False if it came to its end before.
async fn broken_off_at(step: usize, way: &Way, sale: &Sale, premises: &Premises) -> bool {
    let fate = Fate::at(step);
    let mut running = premises.run_until(&fate).await;
    let mut from = 0;
    let ended = fate.so_far(go_on(way, &mut from, sale, &fate, premises, &mut running)).await;
    running.kill().await;
    if ended.is_some() {
        return false;
    }
    premises.leases_end().await;
    let mut running = premises.run().await;
    go_on(way, &mut from, sale, &Fate::spared(), premises, &mut running).await;
    running.kill().await;
    true
}

/// What happened to the order and to its payment.
async fn histories(sale: &Sale, premises: &Premises) -> (Vec<String>, Vec<String>) {
    let order = premises.history(<Order as domain::aggregate::Aggregate>::CATEGORY, sale.order_id.as_uuid()).await;
    (order, premises.payment_history(sale.payment_id).await)
}

async fn check_end(way: &Way, sale: &Sale, before: (i64, i64, i64), premises: &Premises, place: &str) {
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, way.end, "{place}");
    let after = premises.stock("MUG").await;
    let changed = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
    assert_eq!(changed, way.stock, "{place}");
    assert_eq!(premises.open_calls().await, 0, "{place}");
    assert_eq!(premises.provider.done_for(sale.payment_id), way.done, "{place}");
    let provider = &premises.provider;
    let (captured, refunded) = (provider.captured(sale.payment_id), provider.refunded(sale.payment_id));
    assert_eq!((captured, refunded), (way.captured, way.refunded), "{place}");
    if matches!(way.end.0, "cancelled" | "failed") {
        check_nothing_is_kept(sale.payment_id, premises, place).await;
        if premises.payment(sale.second_try()).await.exists() {
            check_nothing_is_kept(sale.second_try(), premises, place).await;
            assert_eq!(premises.provider.done_for(sale.second_try()), ["authorize", "void"], "{place}");
        }
        assert_eq!((changed.1, changed.2), (0, 0), "{place}");
    }
}

async fn check_nothing_is_kept(payment_id: PaymentId, premises: &Premises, place: &str) {
    let payment = premises.payment(payment_id).await;
    let ledger = payment.ledger().unwrap();
    let is_held = ledger.uncaptured().is_positive() && !matches!(ledger.void, Void::Voided(_));
    assert_eq!((ledger.captured(), is_held), (ledger.refunded(), false), "{place}");
    let done = premises.provider.done_for(payment_id);
    let count = |what: &str| done.iter().filter(|done| **done == what).count();
    let provider = &premises.provider;
    let (captured, refunded) = (provider.captured(payment_id), provider.refunded(payment_id));
    assert_eq!(captured, refunded, "{place}: {done:?}");
    // One that waits for its buyer is given back as well, though nothing was authorised yet. What was taken is refunded instead.
    assert!(count("void") + count("refund") >= count("authorize"), "{place}: {done:?}");
}

/// At every step there is, with an order of its own for each.
async fn broken_off_everywhere(way: Way) {
    let premises = Premises::open().await;
    let node = premises.node().await;
    stocked(&node, "MUG", UNITS).await;
    node.kill().await;
    let mut undisturbed = None;
    for step in (0..STEPS_MAX).map(|step| step.checked_sub(1)) {
        let place = step.map_or("undisturbed".to_owned(), |step| format!("broken off at step {step}"));
        let sale = Sale::of("MUG", UNITS_A_SALE, way.token);
        let before = premises.stock("MUG").await;
        let was_broken_off = broken_off_at(step.unwrap_or(usize::MAX), &way, &sale, &premises).await;
        check_end(&way, &sale, before, &premises, &place).await;
        let histories = histories(&sale, &premises).await;
        assert_eq!(*undisturbed.get_or_insert_with(|| histories.clone()), histories, "{place}");
        if let Some(step) = step.filter(|_| !was_broken_off) {
            assert!(step >= way.steps_min, "only {step} steps");
            check_whole(&premises.book).await;
            return;
        }
    }
    panic!("it never came to its end undisturbed");
}
