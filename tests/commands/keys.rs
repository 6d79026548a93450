//! Idempotency keys: a command takes effect once however often it is sent, and every answer to it says the same.

use commands::{
    carts::{CartOutcome, DiscardCart, RemoveItem},
    command::{Answer, CommandError},
    executor::Settings,
    rejection::Rejection,
};
use domain::{cart::Cart, ids::CartId};
use eventstore::Position;
use support::Database;
use tokio::task::JoinSet;

use super::{
    node::{Node, Prepared, accepted, check_whole, keyed},
    shop::{add, cart_of, check_out, new_cart, sku, stocked},
};

/// Everything that an answer says, but for whether it is a repeat.
#[derive(Debug, PartialEq)]
struct Said {
    outcome: CartOutcome,
    position: Position,
    version: i64,
    state: String,
    state_version: i64,
}

fn said(answer: &Answer<CartOutcome>) -> Said {
    let (state, state_version) = answer.states.get::<Cart>(answer.outcome.cart_id.as_uuid()).unwrap();
    Said {
        outcome: answer.outcome.clone(),
        position: answer.position,
        version: answer.version,
        state: format!("{state:?}"),
        state_version,
    }
}

/// The events of `shop`: product created and published, stock received, cart opened.
const FILLED: i64 = 4;

/// A shop with one empty cart.
async fn shop(database: &Database) -> (Node, CartId) {
    let node = Node::start(database).await;
    stocked(&node, "MUG", 100).await;
    let cart_id = cart_of(&node, &[]).await;
    (node, cart_id)
}

#[tokio::test]
async fn of_fifty_equal_keys_in_one_batch_one_takes_effect_and_all_say_the_same() {
    let database = Database::fresh().await;
    let (node, cart_id) = shop(&database).await;
    node.stop().await;
    let prepared = Prepared::on(database.app_options(), Settings::default()).await;
    let mut running = JoinSet::new();
    for _ in 0..50 {
        let commands = prepared.commands.clone();
        running.spawn(async move { commands.run(add(cart_id, "MUG", 1), keyed("once", 1)).await });
    }
    tokio::task::yield_now().await;
    let node = prepared.start();
    let answers: Vec<_> = running.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| said(answer) == said(&answers[0])), "{answers:?}");
    assert_eq!(check_whole(&node.book).await, FILLED + 1);
}

#[tokio::test]
async fn a_key_that_comes_with_another_request_is_refused_in_the_same_batch_and_later() {
    let database = Database::fresh().await;
    let (node, cart_id) = shop(&database).await;
    node.stop().await;
    let prepared = Prepared::on(database.app_options(), Settings::default()).await;
    let mut running = JoinSet::new();
    for request in 0..10 {
        let commands = prepared.commands.clone();
        running.spawn(async move { commands.run(add(cart_id, "MUG", 1), keyed("once", request)).await });
    }
    let node = prepared.start();
    let refused = running.join_all().await.into_iter().filter_map(Result::err);
    let reused = |error: CommandError| matches!(error, CommandError::Rejected(Rejection::KeyReused));
    assert_eq!(refused.filter_map(|error| reused(error).then_some(())).count(), 9);
    assert_eq!(node.head().await, Position(FILLED + 1));
}

#[tokio::test]
async fn a_repeat_after_a_restart_and_many_changes_says_what_the_first_answer_said() {
    let database = Database::fresh().await;
    let (node, cart_id) = shop(&database).await;
    let first = accepted(node.commands.run(add(cart_id, "MUG", 2), keyed("add", 1))).await;
    node.accept(add(cart_id, "MUG", 5)).await;
    node.accept(check_out(cart_id, "tok_ok")).await;
    // Decided now it would be refused: the cart is closed.
    for _ in 0..2 {
        let repeated = accepted(node.commands.run(add(cart_id, "MUG", 2), keyed("add", 1))).await;
        assert!(repeated.replayed);
        assert_eq!(said(&repeated), said(&first));
    }
    node.kill().await;
    let node = Node::start(&database).await;
    let head = node.head().await;
    let repeated = accepted(node.commands.run(add(cart_id, "MUG", 2), keyed("add", 1))).await;
    assert_eq!(said(&repeated), said(&first));
    let reused = node.commands.run(add(cart_id, "MUG", 2), keyed("add", 2)).await.unwrap_err();
    assert!(matches!(reused, CommandError::Rejected(Rejection::KeyReused)), "{reused:?}");
    assert_eq!(node.head().await, head);
}

#[tokio::test]
async fn a_refusal_is_not_kept_and_its_key_may_succeed_later() {
    let database = Database::fresh().await;
    let (node, cart_id) = shop(&database).await;
    for _ in 0..2 {
        let refused = node.commands.run(add(cart_id, "TEAPOT", 1), keyed("add", 1)).await.unwrap_err();
        assert!(matches!(refused, CommandError::Rejected(Rejection::UnknownSku { .. })), "{refused:?}");
    }
    stocked(&node, "TEAPOT", 1).await;
    let answer = accepted(node.commands.run(add(cart_id, "TEAPOT", 1), keyed("add", 1))).await;
    assert!(!answer.replayed);
}

#[tokio::test]
async fn a_command_that_changed_nothing_is_repeated_with_the_same_position() {
    let database = Database::fresh().await;
    let (node, cart_id) = shop(&database).await;
    node.stop().await;
    // In one batch with commands before and after it that change something.
    let prepared = Prepared::on(database.app_options(), Settings::default()).await;
    let open = |commands: commands::executor::Commands| async move {
        commands.run(new_cart(), super::node::envelope()).await.map(drop)
    };
    let mut others = JoinSet::new();
    others.spawn(open(prepared.commands.clone()));
    tokio::task::yield_now().await;
    let commands = prepared.commands.clone();
    let unchanging = move || {
        let commands = commands.clone();
        async move { commands.run(RemoveItem { cart_id, owner: None, sku: sku("MUG") }, keyed("none", 1)).await }
    };
    let first = tokio::spawn(unchanging());
    tokio::task::yield_now().await;
    others.spawn(open(prepared.commands.clone()));
    tokio::task::yield_now().await;
    let _node = prepared.start();
    let first = first.await.unwrap().unwrap();
    others.join_all().await;
    let repeated = unchanging().await.unwrap();
    assert!(repeated.replayed && !first.replayed);
    assert_eq!(said(&repeated), said(&first));
}

#[tokio::test]
async fn a_key_that_another_node_used_meanwhile_takes_out_its_command_and_no_other() {
    let database = Database::fresh().await;
    let (first, cart_id) = shop(&database).await;
    let original = accepted(first.commands.run(add(cart_id, "MUG", 1), keyed("shared", 1))).await;
    let second = Prepared::on(database.app_options(), Settings::default()).await;
    let mut running = JoinSet::new();
    for number in 0..20 {
        let commands = second.commands.clone();
        let key = if number % 5 == 0 { "shared".to_owned() } else { format!("own {number}") };
        running.spawn(async move { commands.run(add(cart_id, "MUG", 1), keyed(&key, 1)).await });
    }
    let second = second.start();
    let answers: Vec<_> = running.join_all().await.into_iter().map(Result::unwrap).collect();
    let repeats: Vec<_> = answers.iter().filter(|answer| answer.replayed).collect();
    assert_eq!(repeats.len(), 4);
    assert!(repeats.iter().all(|answer| said(answer) == said(&original)));
    assert_eq!(check_whole(&second.book).await, FILLED + 1 + 16);
}

#[tokio::test]
async fn the_effects_of_a_process_are_kept_under_their_keys_for_ever() {
    let database = Database::fresh().await;
    let (node, cart_id) = shop(&database).await;
    let mut effect = keyed("17/0", 0);
    effect.key.as_mut().unwrap().expires_at = None;
    let discard = DiscardCart { cart_id, owner: None };
    accepted(node.commands.run(discard.clone(), effect.clone())).await;
    let later = chrono::Utc::now() + chrono::TimeDelta::days(36_500);
    node.book.delete_expired_keys(later, 1_000).await.unwrap();
    assert!(accepted(node.commands.run(discard, effect)).await.replayed);
}
