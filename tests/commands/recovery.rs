//! A book that went back: nothing of the lost history is left in any answer, and it is told.

use std::time::Duration;

use commands::{
    command::CommandError,
    executor::{Health, Settings},
    rejection::Rejection,
};
use domain::cart::Cart;
use eventstore::Position;
use support::Database;

use super::{
    node::{Node, Prepared, accepted, check_whole, keyed, tamper},
    shop::{add, cart_of, new_cart, stocked},
    use_cases::Take,
    world::check_equals_a_replay,
};

/// A failover to a server that had not got everything: these pages, and the keys that came with them.
pub(super) async fn lose_all_after(database: &Database, position: Position) {
    let statements = format!(
        "DELETE FROM book.events WHERE position > {position}; DELETE FROM book.idempotency WHERE position > {position}"
    );
    tamper(database, &statements).await;
}

fn shown_for(went_back_shown: Duration) -> Settings {
    Settings { went_back_shown, ..Settings::default() }
}

#[tokio::test]
async fn a_lost_tail_is_noticed_by_the_next_command_and_told() {
    let database = Database::fresh().await;
    let node = Node::with(&database, shown_for(Duration::from_secs(3_600))).await;
    stocked(&node, "MUG", 10).await;
    let kept = cart_of(&node, &[("MUG", 1)]).await;
    let head = node.head().await;
    let lost = accepted(node.commands.run(new_cart(), keyed("lost", 1))).await.outcome.cart_id;
    node.accept(add(kept, "MUG", 4)).await;
    lose_all_after(&database, head).await;

    let answer = node.accept(add(kept, "MUG", 1)).await;
    assert_eq!((answer.position, answer.version), (head.next(), 3));
    let (cart, _) = answer.states.get::<Cart>(kept.as_uuid()).unwrap();
    assert_eq!(cart.lines().iter().next().unwrap().quantity.get(), 2);
    let refused = node.run(add(lost, "MUG", 1)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(Rejection::NotFound { .. })), "{refused:?}");
    // Its key went with it, so the command can be sent again.
    assert!(!accepted(node.commands.run(new_cart(), keyed("lost", 1))).await.replayed);
    // It works on, and goes on telling what happened.
    assert_eq!(node.health(), Health::BookWentBack);
    assert_eq!(node.heads.newest(), node.head().await);
    check_whole(&node.book).await;
    check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn a_refusal_that_rested_on_what_is_lost_is_decided_again() {
    let database = Database::fresh().await;
    let node = Node::with(&database, shown_for(Duration::ZERO)).await;
    stocked(&node, "MUG", 10).await;
    let head = node.head().await;
    let take = Take { sku: super::shop::sku("MUG"), quantity: 10 };
    node.accept(take.clone()).await;
    lose_all_after(&database, head).await;
    // The executor believes that all are gone.
    assert_eq!(node.accept(take).await.outcome.left, 0);
    node.until_health(Health::Writing).await;
    check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn pages_that_were_written_over_and_continued_by_another_are_not_taken_for_the_old_ones() {
    let database = Database::fresh().await;
    let node = Node::with(&database, shown_for(Duration::ZERO)).await;
    stocked(&node, "MUG", 10).await;
    let cart_id = cart_of(&node, &[]).await;
    let head = node.head().await;
    for _ in 0..3 {
        node.accept(add(cart_id, "MUG", 1)).await;
    }
    lose_all_after(&database, head).await;
    let other = Node::start(&database).await;
    for _ in 0..5 {
        other.accept(add(cart_id, "MUG", 10)).await;
    }
    // The book is longer than the one this node knows, and another one.
    let refused = node.run(add(cart_id, "TEAPOT", 1)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(Rejection::UnknownSku { .. })), "{refused:?}");
    let answer = node.accept(add(cart_id, "MUG", 1)).await;
    let (cart, version) = answer.states.get::<Cart>(cart_id.as_uuid()).unwrap();
    assert_eq!((version, cart.lines().iter().next().unwrap().quantity.get()), (7, 51));
    node.until_health(Health::Writing).await;
    check_whole(&node.book).await;
    check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn what_was_being_loaded_when_the_book_went_back_is_loaded_again() {
    let database = Database::fresh().await;
    let filling = Node::start(&database).await;
    stocked(&filling, "MUG", 10).await;
    let cart_id = cart_of(&filling, &[("MUG", 1)]).await;
    let head = filling.head().await;
    filling.accept(add(cart_id, "MUG", 1)).await;
    filling.stop().await;

    let prepared = Prepared::on(database.app_options(), shown_for(Duration::ZERO)).await;
    let commands = prepared.commands.clone();
    let cold = tokio::spawn(async move { commands.run(add(cart_id, "MUG", 5), super::node::envelope()).await });
    lose_all_after(&database, head).await;
    let node = prepared.start();
    let (_, answer) = tokio::join!(node.accept(new_cart()), cold);
    let answer = answer.unwrap().unwrap();
    let (cart, version) = answer.states.get::<Cart>(cart_id.as_uuid()).unwrap();
    assert_eq!((version, cart.lines().iter().next().unwrap().quantity.get()), (3, 6));
    check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn a_node_that_is_sent_nothing_finds_out_by_itself_that_it_can_write() {
    let database = Database::fresh().await;
    let node = Node::with(&database, shown_for(Duration::from_millis(200))).await;
    node.accept(new_cart()).await;
    lose_all_after(&database, Position::TITLE).await;
    node.accept(new_cart()).await;
    assert_eq!(node.health(), Health::BookWentBack);
    let head = node.head().await;
    node.until_health(Health::Writing).await;
    assert_eq!(node.head().await, head, "it found out without an event");
}
