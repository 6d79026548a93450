//! An append whose outcome is not known: it is sent again until it is, and takes effect once.

use std::time::{Duration, Instant};

use chrono::Utc;
use eventstore::{AppendError, Head, Position};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgConnection;
use support::Database;

use support::append::AppendAfter;

use super::{
    append, book, cart, check_whole, event, events, insert_by_hand, key, proxy::Proxy, superuser, until_a_writer_waits,
    writer,
};

/// A rival that has inserted the next position and does not come to an end.
async fn stalled_rival(database: &Database, seen: &Head) -> PgConnection {
    let mut rival = superuser(database).await;
    sqlx::raw_sql("BEGIN").execute(&mut rival).await.unwrap();
    insert_by_hand(&mut rival, seen, &event(&cart(9), 1), seen.recorded_at).await;
    rival
}

async fn end(rival: &mut PgConnection, how: &'static str) {
    sqlx::raw_sql(how).execute(rival).await.unwrap();
}

/// Until the writer has given up waiting once (55P03) and waits again.
async fn until_a_lock_timed_out(database: &Database) {
    let mut connection = superuser(database).await;
    let mut first = None;
    loop {
        let started: Option<chrono::DateTime<Utc>> = sqlx::query_scalar(
            "SELECT query_start FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'daybook writer' AND wait_event_type = 'Lock'",
        )
        .fetch_optional(&mut connection)
        .await
        .unwrap();
        match (started, first) {
            (Some(started), Some(first)) if started > first => return,
            (Some(_), None) => first = started,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_rival_that_stalls_past_the_lock_timeout_and_rolls_back_costs_time_and_nothing_else() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let mut rival = stalled_rival(&database, &seen).await;
    let batch = events(2);
    let (appended, ()) = tokio::join!(writer.append_after(&seen, seen.recorded_at, &batch, &[]), async {
        until_a_lock_timed_out(&database).await;
        end(&mut rival, "ROLLBACK").await;
    });
    appended.unwrap();
    check_whole(&book(&database), 2).await;
}

#[tokio::test]
async fn a_rival_that_stalls_past_the_lock_timeout_and_commits_wins_the_race() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let mut rival = stalled_rival(&database, &seen).await;
    let batch = events(2);
    let (lost, ()) = tokio::join!(writer.append_after(&seen, seen.recorded_at, &batch, &[]), async {
        until_a_lock_timed_out(&database).await;
        end(&mut rival, "COMMIT").await;
    });
    assert!(matches!(lost, Err(AppendError::LostRace)), "{lost:?}");
    check_whole(&book(&database), 1).await;
}

#[tokio::test]
async fn a_writer_whose_backend_is_terminated_connects_again_and_appends_once() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let mut rival = stalled_rival(&database, &seen).await;
    let batch = events(2);
    let (appended, ()) = tokio::join!(writer.append_after(&seen, seen.recorded_at, &batch, &[]), async {
        let first = until_a_writer_waits(&database).await;
        sqlx::query("SELECT pg_terminate_backend($1)").bind(first).execute(&mut rival).await.unwrap();
        while until_a_writer_waits(&database).await == first {}
        end(&mut rival, "ROLLBACK").await;
    });
    appended.unwrap();
    check_whole(&book(&database), 2).await;
}

#[tokio::test]
async fn a_statement_that_is_cancelled_is_sent_again() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let mut rival = stalled_rival(&database, &seen).await;
    let batch = events(2);
    let (appended, ()) = tokio::join!(writer.append_after(&seen, seen.recorded_at, &batch, &[]), async {
        let pid = until_a_writer_waits(&database).await;
        sqlx::query("SELECT pg_cancel_backend($1)").bind(pid).execute(&mut rival).await.unwrap();
        end(&mut rival, "ROLLBACK").await;
    });
    appended.unwrap();
    check_whole(&book(&database), 2).await;
}

/// The statement has committed and its answer is lost: the same statement conflicts with itself, and its hash is in the
/// book.
async fn check_a_lost_reply(database: &Database) {
    let proxy = Proxy::start().await;
    let mut writer = proxy.writer(database).await;
    // Prepares the statement: what is lost below is an answer to its execution.
    let seen = append(&mut writer, &events(1)).await.head();
    let batch = [event(&cart(1), 2), event(&cart(1), 3)];
    proxy.lose_the_next_reply();
    let appended = writer.append_after(&seen, Utc::now(), &batch, &[key("once", Position(3))]).await.unwrap();
    assert!(proxy.has_lost());
    assert_eq!(appended.head().point.position, Position(3));
    assert_eq!(appended.head(), book(database).head().await.unwrap());
    check_whole(&book(database), 3).await;
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_found_to_be_in_the_book() {
    check_a_lost_reply(&Database::fresh().await).await;
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_found_after_a_reindex_too() {
    let database = Database::fresh().await;
    sqlx::query("REINDEX INDEX CONCURRENTLY book.events_position_key").execute(&database.owner).await.unwrap();
    check_a_lost_reply(&database).await;
}

#[tokio::test]
async fn an_append_that_never_arrived_is_sent_again() {
    let database = Database::fresh().await;
    let proxy = Proxy::start().await;
    let mut writer = proxy.writer(&database).await;
    let seen = append(&mut writer, &events(1)).await.head();
    proxy.lose_the_next_request();
    writer.append_after(&seen, Utc::now(), &[event(&cart(1), 2)], &[]).await.unwrap();
    assert!(proxy.has_lost());
    check_whole(&book(&database), 2).await;
}

#[tokio::test]
async fn an_append_that_never_arrived_loses_when_the_position_is_taken() {
    let database = Database::fresh().await;
    let proxy = Proxy::start().await;
    let (mut writer, mut other) = (proxy.writer(&database).await, writer(&database).await);
    let seen = append(&mut writer, &events(1)).await.head();
    append(&mut other, &[event(&cart(2), 1)]).await;
    proxy.lose_the_next_request();
    let lost = writer.append_after(&seen, Utc::now(), &[event(&cart(1), 2)], &[]).await;
    assert!(proxy.has_lost());
    assert!(matches!(lost, Err(AppendError::LostRace)), "{lost:?}");
    check_whole(&book(&database), 2).await;
}

#[tokio::test]
async fn a_lost_connection_between_two_statements_is_not_noticed_by_a_read() {
    let database = Database::fresh().await;
    let proxy = Proxy::start().await;
    let mut writer = proxy.writer(&database).await;
    let head = append(&mut writer, &events(1)).await.head();
    proxy.lose_the_next_request();
    assert_eq!(writer.head().await.unwrap(), head);
    proxy.lose_the_next_reply();
    assert_eq!(writer.events_since(Position::TITLE, 10).await.unwrap().len(), 1);
    assert!(proxy.has_lost());
}

/// The statement lies in the stopped server's socket. It is sent again on another connection, and what the first one
/// does when it wakes up has no effect.
#[tokio::test]
async fn a_stopped_server_process_that_wakes_up_later_appends_nothing_twice() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = append(&mut writer, &events(1)).await.head();
    let mut connection = superuser(&database).await;
    let backend: i32 = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'daybook writer'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let backend = Pid::from_raw(backend).unwrap();
    kill_process(backend, Signal::STOP).unwrap();
    let appended = writer.append_after(&seen, Utc::now(), &[event(&cart(1), 2)], &[]).await;
    kill_process(backend, Signal::CONT).unwrap();
    appended.unwrap();

    let deadline = Instant::now() + Duration::from_secs(10);
    while rustix::process::test_kill_process(backend).is_ok() {
        assert!(Instant::now() < deadline, "the server process was to end with its connection");
        tokio::task::yield_now().await;
    }
    check_whole(&book(&database), 2).await;
}

#[tokio::test]
async fn a_database_that_stays_away_is_told_when_the_time_for_it_is_up() {
    let database = Database::fresh().await;
    let proxy = Proxy::start().await;
    let mut writer = proxy.writer(&database).await;
    let seen = writer.head().await.unwrap();
    drop(proxy);
    let asked = Instant::now();
    let refused = writer.append_after(&seen, Utc::now(), &events(1), &[]).await.unwrap_err();
    // The first attempt went out on the old connection, and nobody can say how far it came.
    assert!(matches!(refused, AppendError::Unavailable { may_commit: true, .. }), "{refused:?}");
    assert!(asked.elapsed() < Duration::from_secs(25), "took {:?}", asked.elapsed());
    assert!(writer.head().await.is_err());
    check_whole(&book(&database), 0).await;
}
