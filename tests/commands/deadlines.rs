//! Deadlines: remembered over every end of a node, fired once, and not before what was recorded meanwhile is known.

use chrono::TimeDelta;
use commands::{
    carts::{DiscardCart, OpenCart},
    process::runner::{EFFECTS_A_ROUND, ProcessRunner, Round},
};

use uuid::Uuid;

use super::{
    fate::Fate,
    running::{Premises, Running},
    shop::{Sale, add, new_cart, sku, stocked},
    taking::{DUE_AFTER, TAKEN_A_CART, TAKEN_WHEN_DUE, checkpoint, deadlines, drain, open_carts, runner, shop, taken},
    use_cases::at_main,
};

#[tokio::test]
async fn deadlines_survive_a_restart_and_fire_when_they_are_due_and_not_before() {
    let (premises, node) = shop().await;
    open_carts(&node, 3).await;
    drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
    node.kill().await;
    let node = premises.node().await;
    let mut restarted = runner(&premises, &node, &Fate::spared()).await;
    premises.clock.pass(DUE_AFTER - TimeDelta::minutes(1));
    assert_eq!(restarted.run_once().await.unwrap(), Round::Idle);
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (3 * TAKEN_A_CART, 3));
    premises.clock.pass(TimeDelta::minutes(2));
    drain(&mut restarted).await;
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (3 * TAKEN_A_CART + 3 * TAKEN_WHEN_DUE, 0));
    premises.clock.pass(TimeDelta::days(1));
    drain(&mut restarted).await;
    assert_eq!(taken(&premises).await, 3 * TAKEN_A_CART + 3 * TAKEN_WHEN_DUE);
}

#[tokio::test]
async fn a_node_that_dies_before_or_after_any_deadline_has_fired_fires_none_twice() {
    let (premises, node) = shop().await;
    let (mut fired, mut died) = (0, 0);
    loop {
        open_carts(&node, 2).await;
        drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
        premises.clock.pass(DUE_AFTER + TimeDelta::minutes(1));
        let fate = Fate::at(died);
        let mut mortal = runner(&premises, &node, &fate).await;
        let round = fate.so_far(mortal.run_once()).await;
        drop(mortal);
        if let Some(round) = round {
            assert_eq!(round.unwrap(), Round::Worked);
            break;
        }
        assert_eq!(deadlines(&premises).await, 2, "step {died}");
        drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
        fired += 2;
        assert_eq!(taken(&premises).await, fired * (TAKEN_A_CART + TAKEN_WHEN_DUE), "step {died}");
        assert_eq!(deadlines(&premises).await, 0, "step {died}");
        died += 1;
    }
    assert_eq!(died, 4, "two deadlines, before and after each");
}

#[tokio::test]
async fn an_overdue_deadline_that_a_later_event_settles_does_not_fire_though_rounds_lie_between() {
    let (premises, node) = shop().await;
    let cart_id = open_carts(&node, 1).await[0];
    let mut patient = runner(&premises, &node, &Fate::spared()).await;
    drain(&mut patient).await;
    premises.clock.pass(DUE_AFTER * 2);
    // More than one round can take, and what settles it after that.
    let carts = EFFECTS_A_ROUND * 3 / 4;
    open_carts(&node, carts).await;
    node.accept(DiscardCart { cart_id, owner: None }).await;
    assert_eq!(patient.run_once().await.unwrap(), Round::Worked);
    assert!(checkpoint(&premises).await.position < node.head().await, "one round took everything");
    drain(&mut patient).await;
    assert_eq!(taken(&premises).await, (carts as i64 + 1) * TAKEN_A_CART);
    assert_eq!(deadlines(&premises).await, carts as i64);
}

async fn shop_with_processes() -> (Premises, Running) {
    let premises = Premises::open().await;
    let running = premises.run().await;
    stocked(&running.node, "MUG", 100).await;
    (premises, running)
}

fn process<'a>(running: &'a mut Running, name: &str) -> &'a mut ProcessRunner {
    running.runners.iter_mut().find(|runner| runner.name() == name).unwrap()
}

#[tokio::test]
async fn no_deadline_of_an_order_fires_while_a_call_for_it_is_open_and_those_of_others_do() {
    let (premises, mut running) = shop_with_processes().await;
    let declined = Sale::check_out(&running.node, "MUG", 3, "tok_declined").await;
    running.settle().await;
    let open = Sale::check_out(&running.node, "MUG", 2, "tok_ok").await;
    running.follow().await;
    assert_eq!(premises.open_calls().await, 1);
    premises.clock.pass(TimeDelta::minutes(61));
    running.follow().await;
    assert_eq!(premises.status(declined.order_id, declined.payment_id).await, ("failed", "failed"));
    assert_eq!(premises.order(open.order_id).await.status(), "pending");
    assert_eq!(premises.stock("MUG").await, (100, 2, 0));
    // The provider has said yes meanwhile.
    running.settle().await;
    assert_eq!(premises.status(open.order_id, open.payment_id).await, ("confirmed", "authorized"));
    assert_eq!(premises.stock("MUG").await, (100, 0, 2));
}

#[tokio::test]
async fn no_deadline_fires_before_the_process_that_may_ask_for_a_call_has_read_up_to_it() {
    let (premises, mut running) = shop_with_processes().await;
    running.settle().await;
    // Everything is down for two hours but the shop, and then the expiry comes up first.
    let sale = Sale::check_out(&running.node, "MUG", 2, "tok_ok").await;
    premises.clock.pass(TimeDelta::minutes(121));
    let expiry = process(&mut running, "expiry");
    assert_eq!(expiry.run_once().await.unwrap(), Round::Worked);
    for _ in 0..3 {
        assert_eq!(expiry.run_once().await.unwrap(), Round::Idle);
    }
    assert_eq!(premises.order(sale.order_id).await.status(), "pending");
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
    assert_eq!(premises.stock("MUG").await, (100, 0, 2));
}

#[tokio::test]
async fn n8_a_reservation_ends_after_15_minutes_and_its_order_fails_after_60_whatever_is_restarted() {
    let (premises, mut running) = shop_with_processes().await;
    let sale = Sale::check_out(&running.node, "MUG", 3, "tok_declined").await;
    running.settle().await;
    for (minutes, stock, status) in [
        (14, (100, 3, 0), "pending"),
        (2, (100, 0, 0), "pending"),
        (43, (100, 0, 0), "pending"),
        (2, (100, 0, 0), "failed"),
    ] {
        running = premises.run().await;
        premises.clock.pass(TimeDelta::minutes(minutes));
        running.settle().await;
        assert_eq!((premises.stock("MUG").await, premises.order(sale.order_id).await.status()), (stock, status));
    }
    let history = premises.history("inventory", at_main(&sku("MUG"))).await;
    assert_eq!(history.iter().filter(|event_type| *event_type == "inventory.reservation_expired").count(), 1);
    assert_eq!(left(&premises, sale.order_id.as_uuid()).await, NONE);
}

#[tokio::test]
async fn an_authorisation_is_captured_a_day_before_it_lapses_and_is_over_when_it_does() {
    let (premises, mut running) = shop_with_processes().await;
    let taken = Sale::check_out(&running.node, "MUG", 1, "tok_ok").await;
    let refused = Sale::check_out(&running.node, "MUG", 1, "tok_capture_fails").await;
    running.settle().await;
    let day = 24 * 60;
    for (minutes, of_the_taken, of_the_refused) in [
        (6 * day - 1, "authorized", "authorized"),
        (2, "completed", "failed"),
        (day - 2, "completed", "failed"),
        (2, "completed", "expired"),
    ] {
        running = premises.run().await;
        premises.clock.pass(TimeDelta::minutes(minutes));
        running.settle().await;
        let statuses =
            (premises.payment(taken.payment_id).await.status(), premises.payment(refused.payment_id).await.status());
        assert_eq!(statuses, (of_the_taken, of_the_refused), "{minutes} minutes later");
    }
    for sale in [taken, refused] {
        assert_eq!(left(&premises, sale.payment_id.as_uuid()).await, NONE);
        assert_eq!(premises.order(sale.order_id).await.status(), "confirmed");
    }
}

const NONE: [&str; 0] = [];

/// The deadlines that are left of a subject.
async fn left(premises: &Premises, subject: Uuid) -> Vec<String> {
    let read = "SELECT kind FROM process.deadlines WHERE subject = $1";
    sqlx::query_scalar(read).bind(subject).fetch_all(&premises.database.owner).await.unwrap()
}

#[tokio::test]
async fn c9_a_guests_cart_expires_30_days_after_it_was_last_touched_whatever_is_restarted() {
    let (premises, mut running) = shop_with_processes().await;
    let guest = OpenCart { guest: true, ..new_cart() };
    let cart_id = running.node.accept(guest).await.outcome.cart_id;
    running.settle().await;
    premises.clock.pass(TimeDelta::days(10));
    running.node.accept(add(cart_id, "MUG", 1)).await;
    for (days, status) in [(20, "open"), (9, "open"), (1, "expired")] {
        running = premises.run().await;
        premises.clock.pass(TimeDelta::days(days));
        running.settle().await;
        assert_eq!(premises.cart(cart_id).await.status(), status, "{days} days later");
    }
    assert_eq!(left(&premises, cart_id.as_uuid()).await, NONE);
}
