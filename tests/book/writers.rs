//! Several writers on one book: one wins each position, and each gets its turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use eventstore::{AppendError, Head, NewEvent, Position, Writer};
use sqlx::{ConnectOptions as _, PgConnection};
use support::Database;
use tokio::sync::Barrier;

use support::append::{AppendAfter, draft};

use super::{append, book, cart, check_whole, event, superuser, until_a_writer_waits, writer};

const BATCHES: i64 = 40;
const EVENTS_A_BATCH: i64 = 3;

/// Reads on after a lost race and tries again, as an executor does. All have seen the same head before the first appends, so that
/// they do meet.
async fn append_all(mut writer: Writer, stream: u128, together: Arc<Barrier>) -> u32 {
    let stream = cart(stream);
    let mut losses = 0;
    let mut seen = writer.head().await.unwrap();
    together.wait().await;
    for batch in 0..BATCHES {
        let first = batch * EVENTS_A_BATCH + 1;
        let events: Vec<NewEvent> = (first..first + EVENTS_A_BATCH).map(|version| event(&stream, version)).collect();
        loop {
            match writer.append_after(&seen, Utc::now(), &events, &[]).await {
                Ok(appended) => {
                    seen = appended.head();
                    break;
                }
                Err(AppendError::LostRace) => {
                    losses += 1;
                    seen = read_on(&mut writer, seen).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    losses
}

async fn read_on(writer: &mut Writer, seen: Head) -> Head {
    let since = writer.events_since(seen.point.position, i64::MAX).await.unwrap();
    since.last().map_or(seen, |last| Head { point: last.point(), recorded_at: last.recorded_at })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn of_concurrent_writers_one_wins_each_position_and_all_get_done() {
    let database = Database::fresh().await;
    let together = Arc::new(Barrier::new(3));
    let mut running = Vec::new();
    for stream in 1..=3 {
        running.push(tokio::spawn(append_all(writer(&database).await, stream, Arc::clone(&together))));
    }
    let mut losses = 0;
    for writer in running {
        losses += writer.await.unwrap();
    }
    assert!(losses > 0, "the writers never met: the test tests nothing");
    check_whole(&book(&database), 3 * BATCHES * EVENTS_A_BATCH).await;
}

#[tokio::test]
async fn a_writer_that_keeps_losing_is_given_the_next_turn() {
    let database = Database::fresh().await;
    let (mut slow, mut fast) = (writer(&database).await, writer(&database).await);
    let mut seen = slow.head().await.unwrap();
    for version in 1..=3 {
        append(&mut fast, &[event(&cart(1), version)]).await;
        let lost = slow.append_after(&seen, Utc::now(), &[event(&cart(2), 1)], &[]).await;
        assert!(matches!(lost, Err(AppendError::LostRace)), "{lost:?}");
        seen = read_on(&mut slow, seen).await;
    }
    let fast_seen = fast.head().await.unwrap();
    let fourth = [event(&cart(1), 4)];
    let (lost, ()) = tokio::join!(fast.append_after(&fast_seen, Utc::now(), &fourth, &[]), async {
        until_a_writer_waits(&database).await;
        slow.append_after(&seen, Utc::now(), &[event(&cart(2), 1)], &[]).await.unwrap();
    });
    assert!(matches!(lost, Err(AppendError::LostRace)), "{lost:?}");
    append(&mut fast, &[event(&cart(1), 4)]).await;
    check_whole(&book(&database), 5).await;
}

/// Holds the turn as a writer does that was stopped with it.
async fn stopped_holder(database: &Database) -> PgConnection {
    let mut holder = database.app_options().connect().await.unwrap();
    sqlx::raw_sql(include_str!("../../crates/eventstore/src/sql/claim_turn.sql")).execute(&mut holder).await.unwrap();
    holder
}

#[tokio::test]
async fn a_writer_that_stopped_in_its_turn_costs_the_others_one_lock_timeout() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let _holder = stopped_holder(&database).await;
    append(&mut writer, &[event(&cart(1), 1)]).await;
    let asked = Instant::now();
    append(&mut writer, &[event(&cart(1), 2)]).await;
    assert!(asked.elapsed() < Duration::from_millis(900), "waited again: {:?}", asked.elapsed());
    check_whole(&book(&database), 2).await;
}

#[tokio::test]
async fn a_turn_is_given_back_by_a_writer_that_has_nothing_to_append_after_all() {
    let database = Database::fresh().await;
    let (mut slow, mut fast) = (writer(&database).await, writer(&database).await);
    let seen = slow.head().await.unwrap();
    append(&mut fast, &[event(&cart(1), 1)]).await;
    for _ in 0..3 {
        let lost = slow.append_after(&seen, Utc::now(), &[event(&cart(2), 1)], &[]).await;
        assert!(matches!(lost, Err(AppendError::LostRace)), "{lost:?}");
    }
    let mut connection = superuser(&database).await;
    assert_eq!(turns_held(&mut connection).await, 1);
    assert_eq!(slow.head().await.unwrap().point.position, Position(1));
    assert_eq!(turns_held(&mut connection).await, 0);
}

async fn turns_held(connection: &mut PgConnection) -> i64 {
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    sqlx::query_scalar(held).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn a_turn_is_given_back_by_a_writer_whose_commands_change_nothing_after_all() {
    let database = Database::fresh().await;
    let (mut slow, mut fast) = (writer(&database).await, writer(&database).await);
    let mut connection = superuser(&database).await;
    for version in [1, 2] {
        let stale = slow.head().await.unwrap();
        append(&mut fast, &[event(&cart(1), version)]).await;
        for _ in 0..3 {
            let lost = slow.remember(&draft(&stale, Utc::now(), &[], &[])).await;
            assert!(matches!(lost, Err(AppendError::LostRace)), "{lost:?}");
        }
        assert_eq!(turns_held(&mut connection).await, 1);
        let seen = read_on(&mut slow, stale).await;
        match version {
            1 => slow.remember(&draft(&seen, Utc::now(), &[], &[])).await.unwrap(),
            _ => slow.rest().await,
        }
        assert_eq!(turns_held(&mut connection).await, 0);
    }
}
