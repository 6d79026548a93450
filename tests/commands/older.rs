//! A book that is older than a rule: what was written before it comes under it once the release that has it is started, without
//! anybody touching it, once, and whatever is broken off.

use chrono::TimeDelta;
use commands::{
    carts::{DiscardCart, OpenCart},
    command::CommandError,
};
use domain::ids::{self, CartId, Location, Sku};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{
    fate::Fate,
    node::{Node, check_whole},
    running::{Premises, Running},
    shop::{Sale, add, check_out, create_product, new_cart, pounds, sku, stocked, units},
    use_cases::{ReceiveUnlisted, at_main},
};

/// The processes of a release that knew neither carts that expire nor a list of locations.
const BEFORE: [&str; 4] = ["payment", "fulfilment", "expiry", "coverage"];

/// At the head of a book, which it leaves to the release after it.
async fn release_before(premises: &Premises) -> Running {
    let mut running = premises.run_those(&BEFORE).await;
    running.follow().await;
    running
}

async fn open(node: &Node, guest: bool) -> CartId {
    node.accept(OpenCart { guest, ..new_cart() }).await.outcome.cart_id
}

async fn status(premises: &Premises, cart_id: CartId) -> &'static str {
    premises.cart(cart_id).await.status()
}

/// A product that lies nowhere but at a location that no list names.
async fn stocked_unlisted(node: &Node, code: &str, quantity: i64) {
    node.accept(create_product(code, pounds(10))).await;
    node.accept(unlisted(code, "LEEDS", quantity)).await;
}

fn unlisted(code: &str, location: &str, quantity: i64) -> ReceiveUnlisted {
    ReceiveUnlisted { sku: sku(code), location: Location::new(location).unwrap(), quantity: units(quantity) }
}

/// What stands at `main` about other locations.
async fn listed(premises: &Premises, sku: &Sku) -> Vec<String> {
    let history = premises.history("inventory", at_main(sku)).await;
    history.into_iter().filter(|event_type| event_type == "inventory.location_opened").collect()
}

#[tokio::test]
async fn c9_carts_that_were_opened_before_carts_expired_expire_untouched_when_their_time_is_up() {
    let premises = Premises::open().await;
    let before = premises.run_those(&BEFORE).await;
    let node = &before.node;
    stocked(node, "MUG", 100).await;
    let (forgotten, of_a_customer, discarded) =
        (open(node, true).await, open(node, false).await, open(node, true).await);
    let (bought, touched) = (open(node, true).await, open(node, true).await);
    node.accept(add(bought, "MUG", 1)).await;
    node.accept(check_out(bought, "tok_ok")).await;
    node.accept(DiscardCart { cart_id: discarded, owner: None }).await;
    premises.clock.pass(TimeDelta::days(20));
    node.accept(add(touched, "MUG", 1)).await;
    before.kill().await;
    release_before(&premises).await.kill().await;
    assert_eq!(carts_with_deadlines(&premises).await, NONE, "nobody waits for them");

    premises.clock.pass(TimeDelta::days(15));
    let mut after = premises.run().await;
    after.settle().await;
    assert_eq!(status(&premises, forgotten).await, "expired");
    for (cart_id, expected) in
        [(touched, "open"), (of_a_customer, "open"), (bought, "checked_out"), (discarded, "discarded")]
    {
        assert_eq!(status(&premises, cart_id).await, expected);
    }
    let mut waiting = [touched.as_uuid(), of_a_customer.as_uuid()];
    waiting.sort();
    assert_eq!(carts_with_deadlines(&premises).await, waiting);
    for (days, of_the_touched, of_the_customer) in
        [(14, "open", "open"), (1, "expired", "open"), (40, "expired", "expired")]
    {
        premises.clock.pass(TimeDelta::days(days));
        after.settle().await;
        let found = (status(&premises, touched).await, status(&premises, of_a_customer).await);
        assert_eq!(found, (of_the_touched, of_the_customer), "{days} days later");
    }
    assert_eq!(carts_with_deadlines(&premises).await, NONE);
}

const NONE: [Uuid; 0] = [];

async fn carts_with_deadlines(premises: &Premises) -> Vec<Uuid> {
    let read = "SELECT subject FROM process.deadlines WHERE kind = 'untouched_cart' ORDER BY subject";
    sqlx::query_scalar(read).fetch_all(&premises.database.owner).await.unwrap()
}

#[tokio::test]
async fn a_deadline_of_a_cart_that_a_release_before_has_left_ends_nothing_twice() {
    let premises = Premises::open().await;
    let before = release_before(&premises).await;
    let cart_id = open(&before.node, true).await;
    before.kill().await;
    let left = format!(
        "INSERT INTO process.deadlines (process, kind, subject, due_at)
         SELECT 'expiry', 'untouched_cart', stream_id, recorded_at + interval '30 days'
         FROM book.events WHERE stream_id = '{}'",
        cart_id.as_uuid()
    );
    sqlx::raw_sql(AssertSqlSafe(left)).execute(&premises.database.owner).await.unwrap();
    premises.clock.pass(TimeDelta::days(31));
    premises.run().await.settle().await;
    assert_eq!(premises.history("cart", cart_id.as_uuid()).await, ["cart.opened", "cart.expired"]);
    assert_eq!(carts_with_deadlines(&premises).await, NONE);
}

#[tokio::test]
async fn orders_are_served_from_a_location_of_before_the_list_of_locations_though_nobody_touches_it() {
    let premises = Premises::open().await;
    let before = release_before(&premises).await;
    stocked_unlisted(&before.node, "MUG", 5).await;
    let sale = Sale::of("MUG", 2, "tok_ok");
    before.node.accept(sale.open_cart()).await;
    before.node.accept(sale.add()).await;
    let refused = before.node.run(sale.check_out_cart()).await;
    assert!(matches!(refused, Err(CommandError::Rejected(_))), "{refused:?}");
    before.kill().await;
    release_before(&premises).await.kill().await;

    let mut after = premises.run().await;
    after.settle().await;
    assert_eq!(listed(&premises, &sku("MUG")).await.len(), 1);
    after.node.accept(sale.check_out_cart()).await;
    after.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
    let leeds = ids::inventory_stream(&sku("MUG"), &Location::new("LEEDS").unwrap());
    let held = premises.history("inventory", leeds).await;
    assert_eq!(held, ["inventory.received", "inventory.reserved", "inventory.allocated"]);
}

#[tokio::test]
async fn a_node_that_dies_while_it_reads_an_older_book_does_nothing_twice() {
    let premises = Premises::open().await;
    release_before(&premises).await.kill().await;
    let mut died = 0;
    loop {
        let before = release_before(&premises).await;
        let carts = [open(&before.node, true).await, open(&before.node, true).await];
        let code = format!("MUG-{died}");
        stocked_unlisted(&before.node, &code, 5).await;
        before.node.accept(unlisted(&code, "YORK", 5)).await;
        before.kill().await;
        release_before(&premises).await.kill().await;
        premises.clock.pass(TimeDelta::days(31));

        let fate = Fate::at(died);
        let mut mortal = premises.run_until(&fate).await;
        let settled = fate.so_far(mortal.settle()).await;
        mortal.kill().await;
        let mut after = premises.run().await;
        after.settle().await;
        after.kill().await;
        for cart_id in carts {
            let history = premises.history("cart", cart_id.as_uuid()).await;
            assert_eq!(history, ["cart.opened", "cart.expired"], "step {died}");
        }
        assert_eq!(listed(&premises, &sku(&code)).await.len(), 2, "step {died}");
        assert_eq!(carts_with_deadlines(&premises).await, NONE, "step {died}");
        if settled.is_some() {
            break;
        }
        died += 1;
    }
    assert_eq!(died, 8, "two carts and two locations, before and after each");

    let events = check_whole(&premises.book).await;
    let begin_anew = "DELETE FROM process.checkpoints WHERE process IN ('carts', 'locations')";
    sqlx::query(begin_anew).execute(&premises.database.owner).await.unwrap();
    premises.run().await.settle().await;
    assert_eq!(check_whole(&premises.book).await, events, "whoever reads it all once more adds nothing");
    assert_eq!(carts_with_deadlines(&premises).await, NONE);
}
