//! The world: whatever is loaded, evicted, or written by others, it is what a replay of the book gives.

use std::time::Duration;

use commands::{
    checkout::CheckOut,
    command::{Answer, CommandError},
    executor::Settings,
    model::Model,
    world::{AnyState, Held, States},
};
use domain::{
    aggregate::Aggregate as _,
    cart::Cart,
    ids::{CartId, OrderId, PaymentId},
    inventory::Inventory,
    order::Order,
    payment::Payment,
    product::Product,
};
use eventstore::{Position, StreamId};
use sqlx::postgres::PgPoolOptions;
use support::Database;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    Chance,
    node::{Node, Prepared, check_whole, envelope, until},
    shop::{add, cart_of, check_out, new_cart, open_cart, stocked},
    use_cases::{Look, ThreeSteps},
};

/// No entry outlives the batch that it was loaded for.
fn tiny() -> Settings {
    Settings { world_bytes_max: 0, ..Settings::default() }
}

/// A stream as an answer shows it: its version and its state.
fn shown(states: &States, stream: &StreamId) -> (i64, String) {
    fn of<A: Held>(states: &States, id: Uuid) -> (i64, String) {
        let (state, version) = states.get::<A>(id).expect("it was asked for");
        (version, format!("{state:?}"))
    }
    match stream.category.as_ref() {
        Product::CATEGORY => of::<Product>(states, stream.id),
        Cart::CATEGORY => of::<Cart>(states, stream.id),
        Inventory::CATEGORY => of::<Inventory>(states, stream.id),
        Order::CATEGORY => of::<Order>(states, stream.id),
        Payment::CATEGORY => of::<Payment>(states, stream.id),
        unknown => panic!("there is no category {unknown}"),
    }
}

fn replayed(state: &AnyState) -> String {
    match state {
        AnyState::Product(state) => format!("{state:?}"),
        AnyState::Cart(state) => format!("{state:?}"),
        AnyState::Inventory(state) => format!("{state:?}"),
        AnyState::Order(state) => format!("{state:?}"),
        AnyState::Payment(state) => format!("{state:?}"),
    }
}

/// Asks the node for every stream of the book and compares each with what its events fold to.
pub(super) async fn check_equals_a_replay(node: &Node) {
    let mut model = Model::default();
    for event in node.events().await {
        model.absorb(&event);
    }
    let expected: Vec<_> = model.streams().map(|(stream, version, state)| (stream, version, replayed(state))).collect();
    for chunk in expected.chunks(500) {
        let look = Look(chunk.iter().map(|(stream, ..)| (*stream).clone()).collect());
        let states = node.accept(look).await.states;
        for (stream, version, state) in chunk {
            assert_eq!(shown(&states, stream), (*version, state.clone()), "{stream}");
        }
    }
}

/// What one command came to, without the times.
pub(super) type Came = Result<(Position, i64), String>;

fn came<O>(answer: Result<Answer<O>, CommandError>) -> Came {
    match answer {
        Ok(answer) => Ok((answer.position, answer.version)),
        Err(CommandError::Rejected(rejection)) => Err(format!("{rejection:?}")),
        Err(error) => panic!("{error:?}"),
    }
}

/// Some shopping by chance, the same for the same seed.
pub(super) async fn shopping(node: &Node, seed: u64) -> Vec<Came> {
    let mut chance = Chance(seed);
    let codes = ["MUG", "TEAPOT", "TRAY"];
    for code in codes {
        stocked(node, code, 15).await;
    }
    let mut came_to = Vec::new();
    let mut carts = Vec::new();
    for number in 0..120_u128 {
        let cart_id = match chance.below(8) {
            0 => {
                let cart_id = CartId::from_uuid(Uuid::from_u128(number));
                carts.push(cart_id);
                came_to.push(came(node.run(open_cart(cart_id)).await));
                cart_id
            }
            choice if !carts.is_empty() => carts[(choice + number as usize) % carts.len()],
            _ => continue,
        };
        let code = codes[chance.below(codes.len())];
        came_to.push(came(node.run(add(cart_id, code, 1 + chance.below(3) as i64)).await));
        if chance.below(5) == 0 {
            let order_id = OrderId::from_uuid(Uuid::from_u128(1_000 + number));
            let payment_id = PaymentId::from_uuid(Uuid::from_u128(2_000 + number));
            let check_out = CheckOut { order_id, payment_id, ..check_out(cart_id, "tok_ok") };
            came_to.push(came(node.run(check_out).await));
        }
    }
    came_to
}

#[tokio::test]
async fn a_cache_that_holds_nothing_gives_the_same_answers_as_one_that_holds_everything() {
    let seed = Chance::seed();
    let (roomy, cramped) = (Database::fresh().await, Database::fresh().await);
    let (roomy, cramped) = (Node::start(&roomy).await, Node::with(&cramped, tiny()).await);
    let came_to = shopping(&roomy, seed).await;
    assert_eq!(shopping(&cramped, seed).await, came_to, "SEED={seed}");
    assert!(came_to.iter().any(Result::is_err) && came_to.iter().any(Result::is_ok), "SEED={seed}");
    check_equals_a_replay(&roomy).await;
    check_equals_a_replay(&cramped).await;
}

#[tokio::test]
async fn commands_of_several_steps_get_through_while_others_evict_what_they_loaded() {
    let database = Database::fresh().await;
    let node = Node::with(&database, tiny()).await;
    stocked(&node, "MUG", 1_000).await;
    let cart_id = cart_of(&node, &[("MUG", 1)]).await;
    node.accept(check_out(cart_id, "tok_ok")).await;
    let mut running = JoinSet::new();
    for number in 0..60 {
        let commands = node.commands.clone();
        running.spawn(async move {
            match number % 3 {
                0 => came(commands.run(ThreeSteps(cart_id), envelope()).await),
                1 => came(commands.run(check_out(cart_id, "tok_ok"), envelope()).await),
                _ => {
                    for _ in 0..10 {
                        commands.run(new_cart(), envelope()).await.unwrap();
                    }
                    Ok((Position(0), 0))
                }
            }
        });
    }
    assert!(running.join_all().await.iter().all(Result::is_ok));
    check_equals_a_replay(&node).await;
}

/// A node whose loads wait for a connection that the test holds.
struct Stalled {
    node: Node,
    connection: sqlx::pool::PoolConnection<sqlx::Postgres>,
}

async fn held(database: &Database) -> Stalled {
    let options = eventstore::session::reading(database.app_options());
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    let connection = pool.acquire().await.unwrap();
    let book = eventstore::Book::new(pool);
    let node = Prepared::reading_through(book, database.app_options(), Settings::default()).await.start();
    Stalled { node, connection }
}

#[tokio::test]
async fn a_cold_command_does_not_stall_the_warm_ones() {
    let database = Database::fresh().await;
    let filling = Node::start(&database).await;
    stocked(&filling, "MUG", 10).await;
    let cart_id = cart_of(&filling, &[]).await;
    filling.stop().await;

    let Stalled { node, connection } = held(&database).await;
    let commands = node.commands.clone();
    let cold = tokio::spawn(async move { commands.run(add(cart_id, "MUG", 1), envelope()).await });
    for _ in 0..50 {
        node.accept(new_cart()).await;
    }
    assert!(!cold.is_finished());
    drop(connection);
    assert_eq!(cold.await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn what_others_append_while_a_stream_is_loaded_is_not_lost() {
    let database = Database::fresh().await;
    let other = Node::start(&database).await;
    stocked(&other, "MUG", 10).await;
    let cart_id = cart_of(&other, &[]).await;

    let Stalled { node, connection } = held(&database).await;
    let commands = node.commands.clone();
    let cold = tokio::spawn(async move { commands.run(add(cart_id, "MUG", 1), envelope()).await });
    tokio::task::yield_now().await;
    // The load is to bring the cart as of now. Then the other node changes it, and this one reads on.
    for _ in 0..3 {
        other.accept(add(cart_id, "MUG", 1)).await;
        node.accept(new_cart()).await;
    }
    drop(connection);
    let answer = cold.await.unwrap().unwrap();
    let (cart, version) = answer.states.get::<Cart>(cart_id.as_uuid()).unwrap();
    assert_eq!((version, cart.lines().iter().next().unwrap().quantity.get()), (5, 4));
    check_equals_a_replay(&other).await;
}

#[tokio::test]
async fn what_this_node_appends_while_a_stream_is_loaded_is_not_lost() {
    let database = Database::fresh().await;
    let filling = Node::start(&database).await;
    stocked(&filling, "MUG", 10).await;
    filling.stop().await;

    let Stalled { node, connection } = held(&database).await;
    let open = new_cart();
    let cart_id = open.cart_id;
    let (first, second) = (node.commands.clone(), node.commands.clone());
    // In one batch: the cart is looked for in the book before it is in it.
    let opened = tokio::spawn(async move { first.run(open, envelope()).await });
    let added = tokio::spawn(async move { second.run(add(cart_id, "MUG", 1), envelope()).await });
    assert_eq!(opened.await.unwrap().unwrap().version, 1);
    drop(connection);
    assert_eq!(added.await.unwrap().unwrap().version, 2);
    check_whole(&node.book).await;
}

#[tokio::test]
async fn more_cold_streams_than_one_load_takes_are_loaded_in_turn() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    let stream = |number: u128| Cart::stream(Uuid::from_u128(number));
    let mut running = JoinSet::new();
    for task in 0..60 {
        let look = Look((0..400).map(|number| stream(task * 1_000 + number)).collect());
        let commands = node.commands.clone();
        running.spawn(async move { commands.run(look, envelope()).await.map(|answer| answer.version) });
    }
    let all = tokio::time::timeout(Duration::from_secs(20), running.join_all()).await.unwrap();
    assert!(all.into_iter().all(|answer| matches!(answer, Ok(0))));
    until("everybody has been answered", async || node.run(new_cart()).await.is_ok()).await;
}
