//! Snapshots: whatever is done to them, a state is what the events say; and a long stream loads as fast as a short one.

use std::time::{Duration, Instant};

use commands::{executor::Settings, snapshots::SNAPSHOT_EVERY, world::Held};
use domain::{
    aggregate::{Aggregate, EventKind as _},
    cart::Cart,
    ids::{Location, inventory_stream},
    inventory::{self, Inventory},
    order::Order,
    payment::Payment,
    product::Product,
};
use eventstore::{
    NewEvent, Position, StreamId, Writer,
    snapshot::{Nearest, Snapshot, Snapshots, Wanted},
};
use sqlx::Connection as _;
use support::Database;
use support::append::AppendAfter;
use uuid::Uuid;

use super::{
    Chance,
    node::{Node, all_events, book, check_whole, envelope, keyed, superuser, tamper, until},
    shop::{create_product, pounds, receive, sku, stocked, units},
    use_cases::Look,
    world::{Came, check_equals_a_replay, shopping},
};

/// A snapshot at every event, and no state that is not loaded from one.
fn at_every_event() -> Settings {
    Settings { world_bytes_max: 0, snapshot_every: 1, ..Settings::default() }
}

/// Takes none, and holds nothing: every state is loaded.
fn takes_none() -> Settings {
    Settings { world_bytes_max: 0, snapshot_every: i64::MAX, ..Settings::default() }
}

/// A book of some shopping, with a snapshot of every stream as of its last event.
async fn shopped(seed: u64) -> (Database, Vec<Came>) {
    let database = Database::fresh().await;
    let node = Node::with(&database, at_every_event()).await;
    let came_to = shopping(&node, seed).await;
    node.stop().await;
    (database, came_to)
}

async fn count(database: &Database, of: &'static str) -> i64 {
    sqlx::query_scalar(of).fetch_one(&database.app).await.unwrap()
}

const SNAPSHOTS: &str = "SELECT count(*) FROM book.snapshots";
const STREAMS: &str = "SELECT count(DISTINCT (category, stream_id)) FROM book.events WHERE position > 0";

/// What was decided, without the times and the ids made by chance.
async fn decided(database: &Database) -> Vec<(Position, String, i64, String)> {
    let events = all_events(&book(database.app_options())).await;
    let told = |event: eventstore::RecordedEvent| {
        (event.position, event.stream.to_string(), event.stream_version, event.event_type)
    };
    events.into_iter().map(told).collect()
}

/// A node that loads every stream finds the states that the events come to, and leaves no snapshot that does not hold.
async fn check_states(database: &Database, what: &str) {
    let node = Node::with(database, takes_none()).await;
    check_equals_a_replay(&node).await;
    node.stop().await;
    let book = book(database.app_options());
    let mut wanted: Vec<Wanted> = Vec::new();
    for event in all_events(&book).await {
        if event.stream_version == 1 {
            let state_version = Some(state_version(&event.stream));
            wanted.push(Wanted { stream: event.stream, state_version, after: 0 });
        }
    }
    let head = book.head().await.unwrap().point.position;
    for history in book.histories(&wanted, head, 1).await.unwrap() {
        assert!(!matches!(history.snapshot, Nearest::Fails { .. }), "{what}: {:?}", history.snapshot);
    }
}

/// The form in which this program writes the state of a stream.
fn state_version(stream: &StreamId) -> i32 {
    match stream.category.as_ref() {
        Product::CATEGORY => Product::STATE_VERSION,
        Cart::CATEGORY => Cart::STATE_VERSION,
        Inventory::CATEGORY => Inventory::STATE_VERSION,
        Order::CATEGORY => Order::STATE_VERSION,
        Payment::CATEGORY => Payment::STATE_VERSION,
        other => panic!("{other} is no category"),
    }
}

async fn snapshot_of(database: &Database, stream: &StreamId) -> Option<Snapshot> {
    let wanted = [Wanted { stream: stream.clone(), state_version: Some(state_version(stream)), after: 0 }];
    let read = book(database.app_options()).histories(&wanted, Position(i64::MAX), 1).await.unwrap();
    match read.into_iter().next()?.snapshot {
        Nearest::Holds { snapshot, .. } => Some(snapshot),
        _ => None,
    }
}

fn mugs() -> StreamId {
    Inventory::stream(mugs_id())
}

fn mugs_id() -> Uuid {
    inventory_stream(&sku("MUG"), &Location::main())
}

async fn on_hand(node: &Node) -> i64 {
    let states = node.accept(Look(vec![mugs()])).await.states;
    states.get::<Inventory>(mugs_id()).unwrap().0.on_hand()
}

#[tokio::test]
async fn the_same_commands_come_to_the_same_events_with_a_snapshot_at_every_event_and_with_none() {
    let seed = Chance::seed();
    let without = Database::fresh().await;
    let node = Node::with(&without, takes_none()).await;
    let came_to = shopping(&node, seed).await;
    node.stop().await;
    let (with, came_to_with) = shopped(seed).await;
    assert_eq!(came_to_with, came_to, "SEED={seed}");
    assert_eq!(decided(&with).await, decided(&without).await, "SEED={seed}");
    assert_eq!(count(&without, SNAPSHOTS).await, 0);
    assert!(count(&with, SNAPSHOTS).await >= count(&with, STREAMS).await / 2, "SEED={seed}");
    check_states(&with, "untouched").await;
}

#[tokio::test]
async fn whatever_is_done_to_the_snapshots_the_states_are_those_of_the_events() {
    let seed = Chance::seed();
    let (database, _) = shopped(seed).await;
    for what in [
        "UPDATE book.snapshots SET state = set_byte(state, octet_length(state) / 2, get_byte(state, octet_length(state) / 2) # 1)",
        "UPDATE book.snapshots SET checksum = set_byte(checksum, 0, get_byte(checksum, 0) # 255)",
        "UPDATE book.snapshots SET state_version = state_version + 1",
        "UPDATE book.snapshots SET hash = set_byte(hash, 7, get_byte(hash, 7) # 4)",
        "UPDATE book.snapshots SET position = greatest(1, position - 1)",
        "UPDATE book.snapshots SET stream_version = stream_version + 1",
        "UPDATE book.snapshots SET stream_version = greatest(1, stream_version - 1)",
        "UPDATE book.snapshots AS one SET state = other.state FROM book.snapshots AS other
         WHERE one.category = other.category AND one.stream_id < other.stream_id",
        "UPDATE book.snapshots SET state = ''",
        "DELETE FROM book.snapshots",
    ] {
        // Whatever was discarded is there again, of every stream that is looked at.
        let node = Node::with(&database, at_every_event()).await;
        check_equals_a_replay(&node).await;
        node.stop().await;
        let taken = count(&database, SNAPSHOTS).await;
        assert_eq!(taken, count(&database, STREAMS).await, "SEED={seed}: not of every stream a snapshot");
        let changed = sqlx::query(what).execute(&database.app).await.unwrap();
        assert!(changed.rows_affected() > 0, "{what}");
        check_states(&database, what).await;
    }
}

#[tokio::test]
async fn snapshots_of_a_history_that_was_lost_do_not_outlive_it() {
    let seed = Chance::seed();
    let (database, _) = shopped(seed).await;
    let head = book(database.app_options()).head().await.unwrap().point.position;
    let lost = format!("DELETE FROM book.events WHERE position > {}", head.0 / 2);
    tamper(&database, &lost).await;
    let ahead = count(
        &database,
        "SELECT count(*) FROM book.snapshots WHERE position > (SELECT max(position) FROM book.events)",
    )
    .await;
    assert!(ahead > 0, "SEED={seed}: no snapshot is ahead of the book");
    check_states(&database, "ahead of the book").await;

    // The positions are used again, by the same streams and others, until the book is past all that was lost.
    let node = Node::with(&database, at_every_event()).await;
    while node.head().await <= head {
        shopping_again(&node).await;
    }
    check_equals_a_replay(&node).await;
    node.stop().await;
    check_states(&database, "of another history").await;
    check_whole(&book(database.app_options())).await;
}

async fn shopping_again(node: &Node) {
    for code in ["MUG", "TEAPOT", "TRAY"] {
        node.accept(receive(code, 1)).await;
    }
}

#[tokio::test]
async fn two_nodes_that_snapshot_each_others_streams_hold_what_the_events_say() {
    let seed = Chance::seed();
    let database = Database::fresh().await;
    let one = Node::with(&database, at_every_event()).await;
    let other = Node::with(&database, Settings { snapshot_every: 1, ..Settings::default() }).await;
    shopping(&one, seed).await;
    for number in 0..60 {
        let node = if number % 3 == 0 { &one } else { &other };
        node.accept(receive(["MUG", "TEAPOT", "TRAY"][number % 3], 1 + number as i64)).await;
    }
    let together = tokio::join!(shopping_again(&one), shopping_again(&other));
    assert_eq!(together, ((), ()));
    check_equals_a_replay(&one).await;
    check_equals_a_replay(&other).await;
    one.stop().await;
    other.stop().await;
    check_states(&database, "of two nodes").await;
}

/// The one test that goes by a snapshot which is not true: only so is it seen that one is used.
#[tokio::test]
async fn a_snapshot_that_holds_is_used_and_one_whose_state_cannot_be_read_is_discarded() {
    let database = Database::fresh().await;
    let node = Node::with(&database, at_every_event()).await;
    stocked(&node, "MUG", 2).await;
    for _ in 0..4 {
        node.accept(receive("MUG", 2)).await;
    }
    node.stop().await;
    let taken = snapshot_of(&database, &mugs()).await.unwrap();
    assert_eq!((taken.stream_version, taken.point), (5, book(database.app_options()).head().await.unwrap().point));

    let snapshots = Snapshots::of(&book(database.app_options()));
    for (state, expected) in [
        (String::from_utf8(taken.state.clone()).unwrap().replace(r#""on_hand":10"#, r#""on_hand":11"#), 11),
        (r#"{"on_hand":12}"#.to_owned(), 10),
        ("no state".to_owned(), 10),
    ] {
        sqlx::query("DELETE FROM book.snapshots").execute(&database.app).await.unwrap();
        let planted = Snapshot { state: state.clone().into_bytes(), ..taken.clone() };
        assert!(snapshots.put(&planted).await.unwrap());
        let node = Node::with(&database, takes_none()).await;
        assert_eq!(on_hand(&node).await, expected, "{state}");
        node.stop().await;
        assert_eq!(snapshot_of(&database, &mugs()).await.is_some(), expected == 11, "{state}");
    }
}

#[tokio::test]
async fn a_node_that_has_not_read_on_uses_the_snapshot_of_one_that_has() {
    let database = Database::fresh().await;
    let idle = Node::with(&database, takes_none()).await;
    let busy = Node::with(&database, at_every_event()).await;
    stocked(&busy, "MUG", 1).await;
    busy.accept(receive("MUG", 2)).await;
    busy.stop().await;
    let taken = snapshot_of(&database, &mugs()).await.unwrap();
    // Not true, so that it is seen to be used.
    let state = String::from_utf8(taken.state.clone()).unwrap().replace(r#""on_hand":3"#, r#""on_hand":30"#);
    sqlx::query("DELETE FROM book.snapshots").execute(&database.app).await.unwrap();
    let planted = Snapshot { state: state.into_bytes(), ..taken };
    assert!(Snapshots::of(&book(database.app_options())).put(&planted).await.unwrap());
    assert_eq!(on_hand(&idle).await, 30);
    // What came before the snapshot is not folded over it when the node reads on.
    idle.accept(receive("MUG", 1)).await;
    assert_eq!(on_hand(&idle).await, 31);
    idle.stop().await;
}

#[tokio::test]
async fn a_repeat_shows_the_stream_as_it_was_whatever_snapshot_came_after() {
    let database = Database::fresh().await;
    let node = Node::with(&database, at_every_event()).await;
    stocked(&node, "MUG", 1).await;
    let first = node.commands.run(receive("MUG", 4), keyed("first", 1)).await.unwrap();
    node.accept(receive("MUG", 10)).await;
    until("there is a later snapshot", async || {
        snapshot_of(&database, &mugs()).await.is_some_and(|snapshot| snapshot.stream_version == 3)
    })
    .await;
    let again = node.commands.run(receive("MUG", 4), keyed("first", 1)).await.unwrap();
    assert!(again.replayed);
    assert_eq!((again.position, again.version), (first.position, 2));
    assert_eq!(again.states.get::<Inventory>(mugs_id()).unwrap().0.on_hand(), 5);
    assert_eq!(on_hand(&node).await, 15);
    node.stop().await;
}

#[tokio::test]
async fn a_state_of_a_later_release_is_not_read_and_not_taken_away() {
    let database = Database::fresh().await;
    let node = Node::with(&database, at_every_event()).await;
    stocked(&node, "MUG", 7).await;
    node.accept(receive("MUG", 2)).await;
    node.stop().await;
    let taken = snapshot_of(&database, &mugs()).await.unwrap();
    let later = Snapshot { state_version: Inventory::STATE_VERSION + 1, state: b"of another form".to_vec(), ..taken };
    assert!(Snapshots::of(&book(database.app_options())).put(&later).await.unwrap());
    let node = Node::with(&database, takes_none()).await;
    assert_eq!(on_hand(&node).await, 9);
    node.stop().await;
    let later = "SELECT count(*) FROM book.snapshots WHERE state = convert_to('of another form', 'UTF8')";
    assert_eq!(count(&database, later).await, 1);
}

#[tokio::test]
async fn a_stream_that_grows_while_it_is_held_is_snapshotted_as_it_grows() {
    let database = Database::fresh().await;
    let node = Node::with(&database, Settings { snapshot_every: 10, ..Settings::default() }).await;
    stocked(&node, "MUG", 1).await;
    for number in 2..=34_i64 {
        node.accept(receive("MUG", 1)).await;
        let expected = number / 10 * 10;
        let is_taken =
            async || snapshot_of(&database, &mugs()).await.map_or(0, |snapshot| snapshot.stream_version) == expected;
        until("the snapshot is taken", is_taken).await;
    }
    node.stop().await;
}

#[tokio::test]
async fn snapshots_that_cannot_be_written_hold_nobody_up() {
    let database = Database::fresh().await;
    let mut holder = superuser(&database).await;
    let mut tx = holder.begin().await.unwrap();
    // Whoever reads snapshots is let through, whoever writes waits.
    sqlx::query("LOCK TABLE book.snapshots IN SHARE MODE").execute(&mut *tx).await.unwrap();
    let node = Node::with(&database, at_every_event()).await;
    stocked(&node, "MUG", 1).await;
    // More than wait for their turn.
    for _ in 0..100 {
        node.accept(receive("MUG", 1)).await;
    }
    let stopping = Instant::now();
    node.stop().await;
    assert!(stopping.elapsed() < Duration::from_secs(10), "{:?}", stopping.elapsed());
    assert_eq!(count(&database, SNAPSHOTS).await, 0);
    tx.rollback().await.unwrap();
    check_states(&database, "none was written").await;
}

const LONG: i64 = 100_000;
const SHORT: i64 = 100;

/// Stock that was received so often, one unit at a time.
fn received(code: &str, versions: std::ops::RangeInclusive<i64>) -> Vec<NewEvent> {
    let event = inventory::Event::Received(inventory::Received {
        sku: sku(code),
        location: Location::main(),
        quantity: units(1),
    });
    let (payload, stream) = (event.to_payload(), Inventory::stream(inventory_stream(&sku(code), &Location::main())));
    let new_event = |stream_version| NewEvent {
        stream: stream.clone(),
        stream_version,
        event_type: event.event_type().into(),
        schema_version: event.schema_version(),
        payload: payload.clone(),
        metadata: r#"{"actor":"test"}"#.to_owned(),
    };
    versions.map(new_event).collect()
}

async fn fill(database: &Database, code: &str, events: i64) {
    let mut writer = Writer::connect(database.app_options()).await.unwrap();
    let mut head = writer.head().await.unwrap();
    let all = received(code, 1..=events);
    for batch in all.chunks(4_096) {
        head = writer.append_after(&head, chrono::Utc::now(), batch, &[]).await.unwrap().head();
    }
}

/// The fastest of many loads of this stock, and how many units it has.
async fn fastest_load(node: &Node, code: &str) -> (Duration, i64) {
    let id = inventory_stream(&sku(code), &Location::main());
    let mut fastest = Duration::MAX;
    let mut units = 0;
    for _ in 0..50 {
        let began = Instant::now();
        let answer = node.commands.run(Look(vec![Inventory::stream(id)]), envelope()).await.unwrap();
        fastest = fastest.min(began.elapsed());
        units = answer.states.get::<Inventory>(id).unwrap().0.on_hand();
    }
    (fastest, units)
}

#[tokio::test]
async fn a_stream_of_a_hundred_thousand_events_loads_as_one_of_a_hundred() {
    let database = Database::fresh().await;
    fill(&database, "SHORT", SHORT).await;
    fill(&database, "MUG", LONG).await;
    // The first load folds all of it, in pages, and has the snapshot taken.
    let node = Node::with(&database, Settings { world_bytes_max: 0, ..Settings::default() }).await;
    let began = Instant::now();
    assert_eq!(on_hand(&node).await, LONG);
    let first = began.elapsed();
    node.stop().await;
    assert_eq!(snapshot_of(&database, &mugs()).await.unwrap().stream_version, LONG);
    // It grows on, to just below the next one.
    let node = Node::with(&database, takes_none()).await;
    node.accept(create_product("MUG", pounds(10))).await;
    for _ in 1..SNAPSHOT_EVERY {
        node.accept(receive("MUG", 1)).await;
    }
    let wanted = [Wanted { stream: mugs(), state_version: Some(Inventory::STATE_VERSION), after: 0 }];
    let read = node.book.histories(&wanted, Position(i64::MAX), i64::MAX).await.unwrap();
    assert_eq!(read[0].events.len() as i64, SNAPSHOT_EVERY - 1, "rows read");

    let (short, units) = fastest_load(&node, "SHORT").await;
    assert_eq!(units, SHORT);
    let (long, units) = fastest_load(&node, "MUG").await;
    assert_eq!(units, LONG + SNAPSHOT_EVERY - 1);
    println!("loads: {LONG} events, the first time {first:?}, then {long:?}; {SHORT} events {short:?}");
    // 2.5 times as many events are folded; a fold of all would take a hundred times as long.
    assert!(long < short * 10, "{long:?} against {short:?}");
    check_equals_a_replay(&node).await;
    node.stop().await;

    // Without its snapshot it is what it was, and has one again.
    sqlx::query("DELETE FROM book.snapshots").execute(&database.app).await.unwrap();
    let node = Node::start(&database).await;
    assert_eq!(on_hand(&node).await, LONG + SNAPSHOT_EVERY - 1);
    node.stop().await;
    assert_eq!(snapshot_of(&database, &mugs()).await.unwrap().stream_version, LONG + SNAPSHOT_EVERY - 1);
}
