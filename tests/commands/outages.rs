//! A database that is away, breaks off, or answers too late: every command is answered, and none takes effect twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use api::servers::postgres::{DATABASE, Durability, Postgres};
use chrono::TimeDelta;
use commands::{
    carts::DiscardCart,
    clock::Clock,
    command::CommandError,
    executor::{Health, Settings},
};
use domain::cart::Cart;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions as _, Connection as _};
use support::{Database, postgres::pg_bin, scratch};
use tokio::task::JoinSet;

use super::{
    gate::Gate,
    node::{Node, Prepared, accepted, check_whole, envelope, keyed, superuser, until},
    shop::{add, cart_of, new_cart, stocked},
    world::check_equals_a_replay,
};

/// Runs a command under a key until it is known what became of it, as a good client does.
async fn until_definite(node: &Node, cart_id: domain::ids::CartId, key: &str) -> bool {
    loop {
        match node.commands.run(add(cart_id, "MUG", 1), keyed(key, 1)).await {
            Ok(answer) => return answer.replayed,
            Err(CommandError::Unavailable | CommandError::Overloaded) => tokio::time::sleep(RETRY_AFTER).await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Shorter than what clients are told, so that there is something to see.
const RETRY_AFTER: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_ended_all_the_time_lose_nothing_and_repeat_nothing() {
    let database = Database::fresh().await;
    // Everything is loaded anew for every batch, so that loads are broken off as well.
    let settings = Settings { world_bytes_max: 0, ..Settings::default() };
    let node = Arc::new(Node::with(&database, settings).await);
    stocked(&node, "MUG", 10).await;
    let mut carts = Vec::new();
    for _ in 0..4 {
        carts.push(cart_of(&node, &[]).await);
    }
    let done = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    for cart_id in carts.clone() {
        let node = Arc::clone(&node);
        running.spawn(async move {
            for number in 0..40 {
                until_definite(&node, cart_id, &format!("{cart_id}/{number}")).await;
            }
        });
    }
    let mut killer = superuser(&database).await;
    let is_done = Arc::clone(&done);
    let killing = tokio::spawn(async move {
        let mut killed = 0_i64;
        while !is_done.load(Ordering::SeqCst) {
            killed += sqlx::query_scalar::<_, i64>(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .fetch_one(&mut killer)
            .await
            .unwrap();
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        killed
    });
    running.join_all().await;
    done.store(true, Ordering::SeqCst);
    assert!(killing.await.unwrap() > 10, "too few connections were ended to show anything");
    for cart_id in carts {
        assert_eq!(node.accept(add(cart_id, "MUG", 1)).await.version, 42);
    }
    check_whole(&node.book).await;
    check_equals_a_replay(&node).await;
}

/// A node whose every connection goes through the gate.
async fn behind(gate: &Gate, database: &Database) -> Node {
    let settings = Settings { ride_out: Duration::from_secs(3), ..Settings::default() };
    Prepared::on(gate.options(&database.app_url()), settings).await.start()
}

/// With mugs to sell.
async fn selling_behind_a_gate() -> (Database, Gate, Node) {
    let (database, gate) = (Database::fresh().await, Gate::to_shared().await);
    let node = behind(&gate, &database).await;
    stocked(&node, "MUG", 10).await;
    (database, gate, node)
}

#[tokio::test]
async fn an_answer_that_is_lost_on_the_way_is_found_out() {
    let (_database, gate, node) = selling_behind_a_gate().await;
    gate.shut_before_the_next_reply();
    let commands = node.commands.clone();
    let opening = tokio::spawn(async move { commands.run(new_cart(), keyed("open", 1)).await });
    gate.until_shut().await;
    gate.open();
    let answer = opening.await.unwrap().unwrap();
    assert_eq!((answer.version, answer.replayed), (1, false));
    assert_eq!(node.head().await, answer.position);
    assert_eq!(node.health(), Health::Writing);
    check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn refusals_repeats_and_cold_commands_ride_out_a_short_outage_as_well() {
    let (database, gate, node) = selling_behind_a_gate().await;
    let cart_id = cart_of(&node, &[]).await;
    accepted(node.commands.run(add(cart_id, "MUG", 1), keyed("add", 1))).await;
    node.stop().await;
    let node = behind(&gate, &database).await;
    node.accept(new_cart()).await;
    let discarded = node.accept(new_cart()).await.outcome.cart_id;
    let discard = DiscardCart { cart_id: discarded, owner: None };
    node.accept(discard.clone()).await;
    gate.shut();
    let mut running = JoinSet::new();
    for number in 0..8 {
        let (commands, discard) = (node.commands.clone(), discard.clone());
        running.spawn(async move {
            match number % 4 {
                // Cold.
                0 => commands.run(add(cart_id, "TEAPOT", 1), envelope()).await.is_err_and(is_rejection),
                1 => commands.run(add(cart_id, "MUG", 1), keyed("add", 1)).await.unwrap().replayed,
                // Warm, and nothing to append.
                2 => commands.run(discard, envelope()).await.is_ok(),
                _ => commands.run(add(discarded, "MUG", 1), keyed("closed", 1)).await.is_err_and(is_rejection),
            }
        });
    }
    node.until_health(Health::Unavailable).await;
    gate.until_turned_away(5).await;
    gate.open();
    assert!(running.join_all().await.into_iter().all(|is_so| is_so));
    node.until_health(Health::Writing).await;
    check_equals_a_replay(&node).await;
}

fn is_rejection(error: CommandError) -> bool {
    matches!(error, CommandError::Rejected(_))
}

#[tokio::test]
async fn a_long_outage_is_told_at_once_and_ends_by_itself_and_the_key_tells_what_became_of_a_command() {
    let (_database, gate, node) = selling_behind_a_gate().await;
    let cart_id = cart_of(&node, &[("MUG", 1)]).await;
    // This one is in the book, and nobody can know.
    gate.shut_before_the_next_reply();
    let unknown = node.commands.run(add(cart_id, "MUG", 1), keyed("unknown", 1)).await.unwrap_err();
    assert!(matches!(unknown, CommandError::Unavailable), "{unknown:?}");
    assert_eq!(node.health(), Health::Unavailable);
    let asked = Instant::now();
    for _ in 0..20 {
        let refused = node.run(new_cart()).await.unwrap_err();
        assert!(matches!(refused, CommandError::Unavailable), "{refused:?}");
    }
    assert!(asked.elapsed() < Duration::from_secs(2), "refusals took {:?}", asked.elapsed());
    gate.open();
    // No command is sent meanwhile: a node that is not ready gets none.
    node.until_health(Health::Writing).await;
    let repeated = accepted(node.commands.run(add(cart_id, "MUG", 1), keyed("unknown", 1))).await;
    assert!(repeated.replayed);
    let (cart, version) = repeated.states.get::<Cart>(cart_id.as_uuid()).unwrap();
    assert_eq!((version, cart.lines().iter().next().unwrap().quantity.get()), (3, 2));
    check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn who_comes_while_an_append_is_not_answered_is_refused_at_once_and_who_was_there_before_is_not() {
    let (_database, gate, node) = selling_behind_a_gate().await;
    gate.shut_before_the_next_reply();
    let commands = node.commands.clone();
    let before = tokio::spawn(async move { commands.run(new_cart(), keyed("before", 1)).await });
    node.until_health(Health::Unavailable).await;
    assert!(!before.is_finished());
    let asked = Instant::now();
    let refused = node.run(new_cart()).await.unwrap_err();
    assert!(matches!(refused, CommandError::Unavailable), "{refused:?}");
    assert!(asked.elapsed() < Duration::from_millis(500), "the refusal took {:?}", asked.elapsed());
    gate.open();
    assert_eq!(before.await.unwrap().unwrap().version, 1);
    node.until_health(Health::Writing).await;
    check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn a_stop_waits_no_longer_for_a_book_that_is_away_than_a_command_does() {
    let database = Database::fresh().await;
    let gate = Gate::to_shared().await;
    let node = behind(&gate, &database).await;
    let discard = DiscardCart { cart_id: node.accept(new_cart()).await.outcome.cart_id, owner: None };
    node.accept(discard.clone()).await;
    gate.shut();
    let commands = node.commands.clone();
    let refused = tokio::spawn(async move { commands.run(discard, envelope()).await });
    node.until_health(Health::Unavailable).await;
    node.stop().await;
    assert!(matches!(refused.await.unwrap(), Err(CommandError::Unavailable)));
}

fn cart() -> domain::ids::CartId {
    new_cart().cart_id
}

#[tokio::test]
async fn a_clock_that_is_ahead_refuses_everything_until_it_is_right_again() {
    let database = Database::fresh().await;
    let clock = Clock::default();
    let node = Node::with(&database, Settings { clock: clock.clone(), ..Settings::default() }).await;
    stocked(&node, "MUG", 10).await;
    clock.pass(TimeDelta::hours(1));
    for _ in 0..2 {
        let refused = node.run(new_cart()).await.unwrap_err();
        assert!(matches!(refused, CommandError::Unavailable), "{refused:?}");
        // A refusal rests on the time as well.
        let refused = node.run(add(cart(), "MUG", 1)).await.unwrap_err();
        assert!(matches!(refused, CommandError::Unavailable), "{refused:?}");
    }
    assert_eq!(node.health(), Health::Unavailable);
    clock.pass(TimeDelta::hours(-1));
    node.until_health(Health::Writing).await;
    node.accept(new_cart()).await;
}

#[tokio::test]
async fn an_executor_that_is_gone_is_not_said_to_write() {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    let (commands, health) = (node.commands.clone(), node.commands.health());
    node.kill().await;
    assert_eq!(*health.borrow(), Health::Unavailable);
    let refused = commands.run(new_cart(), envelope()).await.unwrap_err();
    assert!(matches!(refused, CommandError::Unavailable), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_and_recovers_is_ridden_out() {
    let folder = scratch::folder("commands");
    let start = async || Postgres::start(&folder, Durability::Durable, pg_bin().as_deref()).await.unwrap();
    let postgres = start().await;
    let mut owner = postgres.owner(DATABASE).connect().await.unwrap();
    eventstore::MIGRATOR.run(&mut owner).await.unwrap();
    owner.close().await.unwrap();
    let gate = Gate::to(postgres.port()).await;
    let options = gate.options(&postgres.app_url(DATABASE));
    let node = Arc::new(Prepared::on(options, Settings::default()).await.start());
    stocked(&node, "MUG", 10).await;
    let cart_id = cart_of(&node, &[]).await;

    let sent = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let (writing, count) = (Arc::clone(&node), Arc::clone(&sent));
    let writer = tokio::spawn(async move {
        for number in 0..300 {
            until_definite(&writing, cart_id, &number.to_string()).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    until("some commands are done", async || sent.load(Ordering::SeqCst) > 20).await;
    let server = Pid::from_raw(postgres.pid().unwrap().try_into().unwrap()).unwrap();
    kill_process(server, Signal::QUIT).unwrap();
    gate.shut();
    postgres.stop().unwrap();
    let before = sent.load(Ordering::SeqCst);
    assert!(before < 300, "the server crashed too late to show anything");
    let postgres = start().await;
    gate.open_to(postgres.port());
    writer.await.unwrap();
    assert_eq!(node.accept(add(cart_id, "MUG", 1)).await.version, 302);
    assert_eq!(node.health(), Health::Writing);
    check_whole(&node.book).await;
    check_equals_a_replay(&node).await;
}
