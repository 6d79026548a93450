//! A synchronous standby: whatever was answered is on it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use commands::{
    command::CommandError,
    executor::{Commands, Settings},
};
use domain::ids::CartId;
use eventstore::{Position, Writer};
use serde_json::json;
use support::Cluster;
use tokio::task::JoinSet;

use super::{events, followers, node::WholeNode, open_shop, publisher, through, verified};
use crate::{
    commands::{
        gate::Gate,
        node::{Prepared, accepted, envelope, keyed, until},
        shop::{add, new_cart, stocked},
    },
    publisher::topics::check_book,
};

const CARTS: usize = 3;
/// Before the primary is lost, and again after.
const ANSWERS: usize = 60;
/// Shorter than what clients are told, so that there is something to see.
const RETRY_AFTER: Duration = Duration::from_millis(5);

/// What was answered: this cart has this version, and it was made at this position.
type Answered = Arc<Mutex<Vec<(CartId, i64, Position)>>>;

/// Puts mugs into a cart, each under a key until it is known what became of it, as a good client does.
async fn fill(commands: Commands, cart_id: CartId, answered: Answered, done: Arc<AtomicBool>) {
    let mut number = 0;
    while !done.load(Ordering::SeqCst) {
        match commands.run(add(cart_id, "MUG", 1), keyed(&format!("{cart_id}/{number}"), 1)).await {
            Ok(answer) => {
                answered.lock().unwrap().push((cart_id, answer.version, answer.position));
                number += 1;
            }
            Err(CommandError::Unavailable | CommandError::Overloaded) => tokio::time::sleep(RETRY_AFTER).await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_that_takes_over_has_all_that_was_answered_and_nothing_of_ours_is_restarted() {
    let Some(kafka) = support::kafka().await else { return };
    let primary = Cluster::migrated(false).await;
    let standby = primary.standby(primary.postgres.port()).await;
    primary.wait_for_standbys().await;
    let gate = Gate::to(primary.postgres.port()).await;
    let config = publisher(kafka.brokers(), &kafka.topic_prefix());
    let node = WholeNode::start(through(&gate, &primary), Some(config.clone())).await;
    node.until_ready().await;
    open_shop(node.commands()).await;

    let (answered, done) = (Answered::default(), Arc::new(AtomicBool::new(false)));
    let mut filling = JoinSet::new();
    for _ in 0..CARTS {
        let cart_id = accepted(node.commands().run(new_cart(), envelope())).await.outcome.cart_id;
        filling.spawn(fill(node.commands().clone(), cart_id, Arc::clone(&answered), Arc::clone(&done)));
    }
    let count = || answered.lock().unwrap().len();
    until("some commands are answered", async || count() > ANSWERS).await;
    primary.kill();
    gate.shut();
    let before = count();
    standby.promote().await;
    gate.open_to(standby.postgres.port());
    until("commands go on", async || count() > before + ANSWERS).await;
    done.store(true, Ordering::SeqCst);
    filling.join_all().await;

    node.until_ready().await;
    // Had anything of what it saw been lost, it would say so for a minute.
    assert_eq!(node.check("book").await.1, "commands are decided and appended");
    let head = verified(node.book()).await;
    let events = events(node.book()).await;
    for (cart_id, version, position) in answered.lock().unwrap().iter() {
        let event = &events[usize::try_from(position.0).unwrap() - 1];
        assert_eq!((event.stream.id, event.stream_version), (cart_id.as_uuid(), *version), "at {position}");
    }
    node.until_at(head.position).await;
    let mut rest = eventstore::publisher::Publisher::new(config.clone(), node.book().clone());
    followers::publish_all(&mut rest).await.unwrap();
    check_book(kafka.brokers(), &config.prefix, node.book()).await;
    node.stop().await;
    followers::check_read_models(&standby.owner(), &standby.app()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_synchronous_standby_is_away_commands_are_refused_at_once_and_queries_are_answered() {
    let primary = Cluster::migrated(false).await;
    let lines = Gate::to(primary.postgres.port()).await;
    let _standby = primary.standby(lines.port()).await;
    primary.wait_for_standbys().await;
    let node = WholeNode::start(primary.app(), None).await;
    open_shop(node.commands()).await;
    let head = verified(node.book()).await;
    node.until_at(head.position).await;
    lines.shut();
    primary.until("SELECT NOT EXISTS (SELECT FROM pg_stat_replication)").await;

    let commands = node.commands().clone();
    let waiting = tokio::spawn(async move { commands.run(new_cart(), keyed("waiting", 1)).await });
    node.until_check("book", false, "cannot be written").await;
    let asked = Instant::now();
    let product = json!({ "sku": "TEAPOT", "name": "Teapot", "price": { "amount": 1250, "currency": "GBP" } });
    let refused = node.post("/v1/products", &product).await;
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true), "{}", refused.body);
    assert!(asked.elapsed() < Duration::from_millis(500), "the refusal took {:?}", asked.elapsed());
    let shown = node.get("/v1/products/MUG").await;
    assert_eq!((shown.status, &shown.body["sku"]), (200, &json!("MUG")), "{}", shown.body);

    assert!(!waiting.is_finished(), "nothing is answered that the standby does not have");
    lines.open();
    accepted(async { waiting.await.unwrap() }).await;
    node.until_check("book", true, "").await;
    assert_eq!(node.post("/v1/products", &product).await.status, 201);
    node.stop().await;
}

/// The writer's session waits for the standby with a commit that is on the primary's disk. When that session ends, everybody
/// there sees the events, and the standby has not got them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_found_in_the_book_after_a_lost_answer_is_not_answered_before_the_standby_has_it_too() {
    let primary = Cluster::migrated(false).await;
    let lines = Gate::to(primary.postgres.port()).await;
    let standby = primary.standby(lines.port()).await;
    primary.wait_for_standbys().await;
    let node = Prepared::on(primary.app(), Settings::default()).await.start();
    stocked(&node, "MUG", 10).await;
    lines.shut();
    primary.until("SELECT NOT EXISTS (SELECT FROM pg_stat_replication)").await;

    let commands = node.commands.clone();
    let opening = tokio::spawn(async move { commands.run(new_cart(), keyed("open", 1)).await });
    let first = until_a_writer_waits_for_the_standby(&primary, None).await;
    sqlx::query("SELECT pg_terminate_backend($1)").bind(first).execute(&mut primary.superuser().await).await.unwrap();
    let found = async { until_a_writer_waits_for_the_standby(&primary, Some(first)).await };
    let answered = async { until("it is answered", async || opening.is_finished()).await };
    tokio::select! {
        _ = found => {}
        () = answered => panic!("answered before the standby has it"),
    }
    lines.open();
    let answer = accepted(async { opening.await.unwrap() }).await;
    primary.kill();
    standby.promote().await;
    let book = crate::commands::node::book(standby.app());
    assert_eq!(verified(&book).await.position, answer.position);
}

/// The server's process that waits; not this one.
async fn until_a_writer_waits_for_the_standby(primary: &Cluster, but: Option<i32>) -> i32 {
    let mut superuser = primary.superuser().await;
    let mut found = None;
    until("a writer waits for the standby", async || {
        found = sqlx::query_scalar::<_, i32>(
            "SELECT pid FROM pg_stat_activity
             WHERE application_name = 'daybook writer' AND wait_event = 'SyncRep' AND pid IS DISTINCT FROM $1",
        )
        .bind(but)
        .fetch_optional(&mut superuser)
        .await
        .unwrap();
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// Every attempt of a writer that gives up leaves a session behind that waits: an hour's attempts would take every connection that
/// the server has, those of the queries too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_second_session_of_a_writer_is_added_to_one_that_waits_for_the_standby() {
    let primary = Cluster::migrated(false).await;
    let lines = Gate::to(primary.postgres.port()).await;
    let _standby = primary.standby(lines.port()).await;
    primary.wait_for_standbys().await;
    let node = Prepared::on(primary.app(), Settings::default()).await.start();
    lines.shut();
    primary.until("SELECT NOT EXISTS (SELECT FROM pg_stat_replication)").await;
    let commands = node.commands.clone();
    let opening = tokio::spawn(async move { commands.run(new_cart(), keyed("open", 1)).await });
    primary
        .until(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'
             AND query_start < clock_timestamp() - interval '3 seconds')",
        )
        .await;
    let asked = Instant::now();
    let refused = Writer::connect(primary.app()).await.map(drop);
    assert!(refused.is_err() && asked.elapsed() < Duration::from_secs(2), "{refused:?} after {:?}", asked.elapsed());
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut primary.superuser().await).await.unwrap();
    assert_eq!(waiting, 1);
    lines.open();
    accepted(async { opening.await.unwrap() }).await;
    Writer::connect(primary.app()).await.unwrap();
}
