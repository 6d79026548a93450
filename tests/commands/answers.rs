//! What an answer says, and what it does not: the version expected, panics, refused data, bounds.

use commands::{
    carts::{DiscardCart, OpenCart},
    command::{CommandError, Envelope},
    executor::{Health, Settings},
    rejection::Rejection,
    world::Held as _,
};
use domain::{
    cart::Cart,
    ids::{CartId, Quantity},
};
use eventstore::Position;
use std::time::Duration;
use support::Database;
use support::append::AppendAfter;
use tokio::{task::JoinSet, time::timeout};
use uuid::Uuid;

use super::{
    node::{Node, Prepared, accepted, book, check_whole, envelope, keyed},
    shop::{add, cart_of, new_cart, stocked},
    use_cases::{Panics, Take, ThreeSteps, Unnamed},
};

fn expecting(cart_id: CartId, version: i64) -> Envelope {
    Envelope { expected: Some((Cart::stream(cart_id.as_uuid()), version)), ..envelope() }
}

#[tokio::test]
async fn a_command_that_expects_another_version_is_refused_and_told_the_current_one() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    stocked(&node, "MUG", 10).await;
    let cart_id = cart_of(&node, &[("MUG", 1)]).await;
    let stale = node.commands.run(add(cart_id, "MUG", 1), expecting(cart_id, 1)).await.unwrap_err();
    let mismatch = Rejection::VersionMismatch { expected: 1, current: 2 };
    assert!(matches!(&stale, CommandError::Rejected(rejection) if *rejection == mismatch), "{stale:?}");
    let answer = accepted(node.commands.run(add(cart_id, "MUG", 1), expecting(cart_id, 2))).await;
    assert_eq!(answer.version, 3);
}

#[tokio::test]
async fn the_version_of_a_stream_that_the_use_case_does_not_name_is_looked_up() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    stocked(&node, "MUG", 10).await;
    let cart_id = cart_of(&node, &[("MUG", 1)]).await;
    node.stop().await;
    let node = Node::start(&database).await;
    let take = Take { sku: super::shop::sku("MUG"), quantity: 1 };
    let stale = node.commands.run(take.clone(), expecting(cart_id, 0)).await.unwrap_err();
    let mismatch = Rejection::VersionMismatch { expected: 0, current: 2 };
    assert!(matches!(&stale, CommandError::Rejected(rejection) if *rejection == mismatch), "{stale:?}");
    accepted(node.commands.run(take, expecting(cart_id, 2))).await;
}

#[tokio::test]
async fn a_panic_is_answered_as_a_failure_and_costs_nobody_else_anything() {
    let database = Database::fresh().await;
    let prepared = Prepared::on(database.app_options(), Settings::default()).await;
    let commands = prepared.commands.clone();
    let mut failing = JoinSet::new();
    let mut opening = JoinSet::new();
    for number in 0..20 {
        let (failing_commands, commands) = (commands.clone(), commands.clone());
        opening.spawn(async move { commands.run(new_cart(), envelope()).await });
        failing.spawn(async move {
            match number % 3 {
                0 => failing_commands.run(Panics::InStreams, envelope()).await.err(),
                1 => failing_commands.run(Panics::InDecide, envelope()).await.err(),
                _ => failing_commands.run(Unnamed(CartId::from_uuid(Uuid::now_v7())), envelope()).await.err(),
            }
        });
    }
    let node = prepared.start();
    for error in failing.join_all().await {
        assert!(matches!(error, Some(CommandError::Failed(_))), "{error:?}");
    }
    for answer in opening.join_all().await {
        assert_eq!(answer.unwrap().version, 1);
    }
    assert_eq!(check_whole(&node.book).await, 20);
    node.accept(new_cart()).await;
}

/// A key that the database refuses.
fn unstorable() -> Envelope {
    keyed(&"k".repeat(300), 1)
}

#[tokio::test]
async fn of_many_commands_those_that_the_database_refuses_fail_and_all_others_stand() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    let discarded = node.accept(new_cart()).await.outcome.cart_id;
    node.accept(DiscardCart { cart_id: discarded, owner: None }).await;
    node.stop().await;

    let prepared = Prepared::on(database.app_options(), Settings::default()).await;
    let mut running = JoinSet::new();
    for number in 0..100 {
        let commands = prepared.commands.clone();
        // The second kind changes nothing, so that its key is all there is to be stored.
        let discard = DiscardCart { cart_id: discarded, owner: None };
        running.spawn(async move {
            match number {
                17 | 18 | 99 => (true, commands.run(new_cart(), unstorable()).await.err()),
                40 => (true, commands.run(discard, unstorable()).await.err()),
                _ => (false, commands.run(new_cart(), keyed(&number.to_string(), 1)).await.err()),
            }
        });
    }
    let node = prepared.start();
    for (is_refused, error) in running.join_all().await {
        match error {
            Some(CommandError::Failed(_)) => assert!(is_refused),
            None => assert!(!is_refused),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(check_whole(&node.book).await, 2 + 96);
    assert_eq!(node.health(), Health::Writing);
}

#[tokio::test]
async fn a_refused_stream_does_no_harm_to_the_commands_after_it() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    let OpenCart { cart_id, .. } = new_cart();
    let open = || OpenCart { cart_id, ..new_cart() };
    node.accept(open()).await;
    node.stop().await;
    // To another executor the cart is new: that it is not, only the database knows.
    let node = Node::start(&database).await;
    let refused = node.run(open()).await.unwrap_err();
    assert!(matches!(refused, CommandError::Failed(_)), "{refused:?}");
    stocked(&node, "MUG", 1).await;
    assert_eq!(node.accept(add(cart_id, "MUG", 1)).await.version, 2);
}

#[tokio::test]
async fn a_full_queue_is_told_at_once_and_what_is_in_it_is_carried_out() {
    let database = Database::fresh().await;
    let settings = Settings { queue_commands_max: 3, ..Settings::default() };
    let prepared = Prepared::on(database.app_options(), settings).await;
    for _ in 0..3 {
        let queued = timeout(Duration::ZERO, prepared.commands.run(new_cart(), envelope())).await;
        assert!(queued.is_err(), "nobody is there to answer it");
    }
    let refused = timeout(Duration::ZERO, prepared.commands.run(new_cart(), envelope())).await;
    assert!(matches!(refused, Ok(Err(CommandError::Overloaded))), "{refused:?}");
    prepared.start().stop().await;
    assert_eq!(check_whole(&book(database.app_options())).await, 3);
}

#[tokio::test]
async fn a_stop_answers_everything_that_was_accepted() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    stocked(&node, "MUG", 1_000).await;
    let cart_id = cart_of(&node, &[("MUG", 1)]).await;
    node.stop().await;
    let prepared = Prepared::on(database.app_options(), Settings::default()).await;
    let mut running = JoinSet::new();
    for number in 0..200 {
        let commands = prepared.commands.clone();
        running.spawn(async move {
            match number % 2 {
                0 => commands.run(new_cart(), envelope()).await.map(|answer| answer.position),
                // Cold: it waits for a load.
                _ => commands.run(add(cart_id, "MUG", 1), envelope()).await.map(|answer| answer.position),
            }
        });
    }
    tokio::task::yield_now().await;
    // The callers have the only other handles, and drop them with their answers.
    prepared.start().stop().await;
    let mut positions: Vec<Position> = running.join_all().await.into_iter().map(Result::unwrap).collect();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!(positions.len(), 200, "each command has a position of its own");
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nothing_back() {
    let database = Database::fresh().await;
    let prepared = Prepared::on(database.app_options(), Settings::default()).await;
    let open = new_cart();
    let cart_id = open.cart_id;
    let abandoned = timeout(Duration::ZERO, prepared.commands.run(open, envelope())).await;
    assert!(abandoned.is_err());
    let node = prepared.start();
    let discarded = node.accept(DiscardCart { cart_id, owner: None }).await;
    assert_eq!(discarded.version, 2);
}

#[tokio::test]
async fn a_use_case_that_names_its_streams_in_three_steps_sees_them_all() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    stocked(&node, "MUG", 1).await;
    let cart_id = cart_of(&node, &[("MUG", 1)]).await;
    node.accept(super::shop::check_out(cart_id, "tok_ok")).await;
    node.stop().await;
    let node = Node::start(&database).await;
    let answer = node.accept(ThreeSteps(cart_id)).await;
    let (cart, version) = answer.states.get::<Cart>(cart_id.as_uuid()).unwrap();
    assert_eq!((cart.status(), version), ("checked_out", 3));
    assert_eq!(answer.version, 1, "the payment is shown first");
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_refuses_its_own_commands_alone() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    stocked(&node, "MUG", 1).await;
    let cart_id = cart_of(&node, &[]).await;
    node.stop().await;
    let id = cart_id.as_uuid();
    let mut writer = eventstore::Writer::connect(database.app_options()).await.unwrap();
    let head = writer.head().await.unwrap();
    let unknown = eventstore::NewEvent {
        stream: Cart::stream(id),
        stream_version: 2,
        event_type: "cart.from_the_future".into(),
        schema_version: 1,
        payload: "{}".to_owned(),
        metadata: "{}".to_owned(),
    };
    writer.append_after(&head, chrono::Utc::now(), &[unknown], &[]).await.unwrap();

    let node = Node::start(&database).await;
    let refused = node.run(add(cart_id, "MUG", 1)).await.unwrap_err();
    let is_unreadable = |rejection: &Rejection| matches!(rejection, Rejection::UnreadableStream { .. });
    assert!(matches!(&refused, CommandError::Rejected(rejection) if is_unreadable(rejection)), "{refused:?}");
    let other = cart_of(&node, &[("MUG", Quantity::MAX.get())]).await;
    assert_ne!(other, cart_id);
}
