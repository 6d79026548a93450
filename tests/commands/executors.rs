//! Several executors on one book: everybody gets an answer, and nobody's answer is wrong.

use std::collections::HashMap;

use commands::{
    carts::{ChangeQuantity, DiscardCart, RemoveItem},
    command::CommandError,
    inventory::ReceiveStock,
    rejection::Rejection,
};
use domain::{
    aggregate::Aggregate as _,
    ids::{CartId, Location, Sku},
    inventory::Inventory,
};
use eventstore::{Position, RecordedEvent};
use support::Database;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    Chance,
    node::{Node, all_events, book, check_whole, envelope, keyed},
    shop::{add, cart_of, check_out, new_cart, open_cart, receive, sku, stocked, units},
    use_cases::Take,
};

const NODES: usize = 3;
const TASKS_A_NODE: usize = 6;
const COMMANDS_A_TASK: usize = 40;
const SKUS: [&str; 4] = ["MUG", "TEAPOT", "TRAY", "VASE"];

/// What a task was told of one command.
#[derive(Debug)]
enum Told {
    Accepted(Position),
    Refused,
}

/// One command of a shopper or of staff, chosen by chance.
async fn any_command(node: &Node, chance: &mut Chance, carts: &[CartId]) -> Told {
    let cart_id = carts[chance.below(carts.len())];
    let code = SKUS[chance.below(SKUS.len())];
    let envelope = if chance.below(2) == 0 { envelope() } else { keyed(&Uuid::now_v7().to_string(), 1) };
    let commands = &node.commands;
    let told = match chance.below(10) {
        0 => commands.run(open_cart(CartId::from_uuid(Uuid::now_v7())), envelope).await.map(|answer| answer.position),
        1..=3 => commands.run(add(cart_id, code, 1), envelope).await.map(|answer| answer.position),
        4 => {
            let change = ChangeQuantity { cart_id, owner: None, sku: sku(code), quantity: units(3) };
            commands.run(change, envelope).await.map(|answer| answer.position)
        }
        5 => {
            let remove = RemoveItem { cart_id, owner: None, sku: sku(code) };
            commands.run(remove, envelope).await.map(|answer| answer.position)
        }
        6 => commands.run(check_out(cart_id, "tok_ok"), envelope).await.map(|answer| answer.position),
        7 => commands.run(DiscardCart { cart_id, owner: None }, envelope).await.map(|answer| answer.position),
        _ => {
            let take = Take { sku: sku(code), quantity: 1 + chance.below(3) as i64 };
            commands.run(take, envelope).await.map(|answer| answer.position)
        }
    };
    match told {
        Ok(position) => Told::Accepted(position),
        Err(CommandError::Rejected(_)) => Told::Refused,
        Err(error) => panic!("{error:?}"),
    }
}

/// Folds the stock of every SKU, and sees after every event that nothing was taken that was not there.
fn check_stock(events: &[RecordedEvent]) {
    let mut stock: HashMap<Uuid, domain::inventory::State> = HashMap::new();
    for event in events.iter().filter(|event| event.stream.category == Inventory::CATEGORY) {
        let fact = domain::aggregate::EventKind::from_payload(&event.event_type, event.schema_version, &event.payload);
        let before = stock.remove(&event.stream.id).unwrap_or_else(Inventory::initial);
        let state = Inventory::evolve(before, &fact.unwrap());
        assert!(state.unpromised() >= 0, "{} is oversold by the event at {}", event.stream, event.position);
        stock.insert(event.stream.id, state);
    }
    assert_eq!(stock.len(), SKUS.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_executors_on_one_book_answer_everything_and_sell_nothing_twice() {
    let seed = Chance::seed();
    let database = Database::fresh().await;
    let first = Node::start(&database).await;
    for code in SKUS {
        stocked(&first, code, 40).await;
    }
    let mut carts = Vec::new();
    for _ in 0..6 {
        carts.push(cart_of(&first, &[]).await);
    }
    first.stop().await;

    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(std::sync::Arc::new(Node::start(&database).await));
    }
    let mut running = JoinSet::new();
    for (number, node) in nodes.iter().flat_map(|node| (0..TASKS_A_NODE).map(move |_| node)).enumerate() {
        let (node, carts) = (node.clone(), carts.clone());
        let mut chance = Chance(seed.wrapping_add(number as u64));
        running.spawn(async move {
            let mut told = Vec::new();
            for _ in 0..COMMANDS_A_TASK {
                told.push(any_command(&node, &mut chance, &carts).await);
            }
            told
        });
    }
    let told: Vec<Told> = running.join_all().await.into_iter().flatten().collect();
    assert_eq!(told.len(), NODES * TASKS_A_NODE * COMMANDS_A_TASK, "SEED={seed}");
    let refused = told.iter().filter(|told| matches!(told, Told::Refused)).count();
    assert!(refused > 0 && refused < told.len(), "SEED={seed}: {refused} refused");

    let events = nodes[0].events().await;
    check_whole(&nodes[0].book).await;
    let head = events.last().unwrap().position;
    assert!(told.iter().all(|told| !matches!(told, Told::Accepted(position) if *position > head)), "SEED={seed}");
    check_stock(&events);
    super::world::check_equals_a_replay(&nodes[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_unit_is_sold_once_however_many_nodes_sell_it() {
    let database = Database::fresh().await;
    let first = Node::start(&database).await;
    stocked(&first, "MUG", 1).await;
    let mut carts = Vec::new();
    for _ in 0..30 {
        carts.push(cart_of(&first, &[("MUG", 1)]).await);
    }
    let second = Node::start(&database).await;
    let mut running = JoinSet::new();
    for (number, cart_id) in carts.into_iter().enumerate() {
        let commands = if number % 2 == 0 { first.commands.clone() } else { second.commands.clone() };
        running.spawn(async move { commands.run(check_out(cart_id, "tok_ok"), envelope()).await });
    }
    let mut sold = 0;
    for answer in running.join_all().await {
        match answer {
            Ok(_) => sold += 1,
            Err(CommandError::Rejected(Rejection::OutOfStock { skus })) => assert_eq!(skus[0].available, 0),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(sold, 1);
    check_whole(&first.book).await;
}

/// A node whose rivals write without a pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_few_commands_is_not_starved_by_one_with_many() {
    let database = Database::fresh().await;
    let (busy, quiet) = (Node::start(&database).await, Node::start(&database).await);
    stocked(&quiet, "MUG", 1_000).await;
    let commands = busy.commands.clone();
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let commands = commands.clone();
            tokio::spawn(async move {
                loop {
                    commands.run(new_cart(), envelope()).await.unwrap();
                }
            })
        })
        .collect();
    let take = Take { sku: Sku::new("MUG").unwrap(), quantity: 1 };
    for left in (0..30).map(|taken| 999 - taken) {
        let answer = quiet.accept(take.clone()).await;
        assert_eq!(answer.outcome.left, left);
        // One that appends nothing must be let through as well.
        quiet.run(add(CartId::from_uuid(Uuid::now_v7()), "MUG", 1)).await.unwrap_err();
    }
    for writer in writers {
        writer.abort();
    }
    check_whole(&quiet.book).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n1_n6_two_nodes_sell_the_last_units_of_two_locations_and_not_one_more() {
    let database = Database::fresh().await;
    let nodes = [std::sync::Arc::new(Node::start(&database).await), std::sync::Arc::new(Node::start(&database).await)];
    stocked(&nodes[0], "MUG", 5).await;
    let north = Location::new("north").unwrap();
    nodes[1].accept(ReceiveStock { location: north, ..receive("MUG", 8) }).await;
    let mut carts = Vec::new();
    for _ in 0..24 {
        carts.push(cart_of(&nodes[0], &[("MUG", 1)]).await);
    }
    let mut running = JoinSet::new();
    for (number, cart_id) in carts.into_iter().enumerate() {
        let node = nodes[number % 2].clone();
        running.spawn(async move { node.commands.run(check_out(cart_id, "tok_ok"), envelope()).await });
    }
    let told = running.join_all().await;
    for refused in told.iter().filter_map(|told| told.as_ref().err()) {
        assert!(matches!(refused, CommandError::Rejected(Rejection::OutOfStock { .. })), "{refused:?}");
    }
    assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 13);
    let book = book(database.app_options());
    check_whole(&book).await;
    let events = all_events(&book).await;
    let reserved = events.iter().filter(|event| event.event_type == "inventory.reserved").count();
    assert_eq!(reserved, 13);
    for node in nodes {
        std::sync::Arc::into_inner(node).unwrap().stop().await;
    }
}
