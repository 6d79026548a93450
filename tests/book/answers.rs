//! The answers to an append that settle it at once, each with nothing left behind.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use eventstore::{AppendError, Head, NewEvent, NewKey, Position, Writer};
use support::Database;

use support::append::AppendAfter;

use super::{append, book, cart, check_whole, event, events, insert_by_hand, key, superuser, writer};

const UNSEEN: [u8; 32] = [9; 32];

/// Appends, expects this refusal, and sees that nothing was written: no event, no key.
async fn check_refused(
    database: &Database,
    writer: &mut Writer,
    seen: &Head,
    events: &[NewEvent],
    keys: &[NewKey],
    expected: fn(&AppendError) -> bool,
) {
    let before = book(database).head().await.unwrap();
    let refused = writer.append_after(seen, Utc::now(), events, keys).await.unwrap_err();
    assert!(expected(&refused), "{refused:?}");
    assert_eq!(book(database).head().await.unwrap(), before);
    check_whole(&book(database), before.point.position.0).await;
}

async fn stored_keys(writer: &mut Writer, name: &str) -> usize {
    writer.keys(&[("test".to_owned(), name.to_owned())]).await.unwrap().len()
}

#[tokio::test]
async fn a_position_that_another_writer_took_is_a_lost_race() {
    let database = Database::fresh().await;
    let (mut first, mut second) = (writer(&database).await, writer(&database).await);
    let seen = second.head().await.unwrap();
    append(&mut first, &events(1)).await;
    let keys = [key("loser", Position(1))];
    check_refused(&database, &mut second, &seen, &[event(&cart(2), 1)], &keys, |error| {
        matches!(error, AppendError::LostRace)
    })
    .await;
    assert_eq!(stored_keys(&mut second, "loser").await, 0);

    let since = second.events_since(seen.point.position, 10).await.unwrap();
    assert_eq!(since.len(), 1);
    append(&mut second, &[event(&cart(2), 1)]).await;
    check_whole(&book(&database), 2).await;
}

#[tokio::test]
async fn a_key_that_exists_refuses_the_whole_batch() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let appended = writer.append_after(&seen, Utc::now(), &events(1), &[key("once", Position(1))]).await.unwrap();
    let keys = [key("new", Position(2)), key("once", Position(2))];
    check_refused(&database, &mut writer, &appended.head(), &[event(&cart(1), 2)], &keys, |error| {
        matches!(error, AppendError::KeyTaken)
    })
    .await;
    assert_eq!(stored_keys(&mut writer, "new").await, 0);
}

#[tokio::test]
async fn a_page_that_is_not_there_means_that_the_book_went_back_and_stores_no_key() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let head = append(&mut writer, &events(2)).await.head();

    let mut rewritten = head;
    rewritten.point.hash.0 = UNSEEN;
    let mut cut_off = head;
    cut_off.point.position = Position(5);
    for seen in [rewritten, cut_off] {
        let keys = [key("orphan", seen.point.position.next())];
        check_refused(&database, &mut writer, &seen, &[event(&cart(1), 3)], &keys, |error| {
            matches!(error, AppendError::BookWentBack)
        })
        .await;
        assert_eq!(stored_keys(&mut writer, "orphan").await, 0);
    }
}

#[tokio::test]
async fn a_time_ahead_of_the_databases_clock_is_refused_and_a_little_ahead_is_not() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let refused = writer.append_after(&seen, Utc::now() + TimeDelta::seconds(60), &events(1), &[]).await.unwrap_err();
    assert!(matches!(refused, AppendError::ClockAhead), "{refused:?}");
    writer.append_after(&seen, Utc::now() + TimeDelta::seconds(1), &events(1), &[]).await.unwrap();
    check_whole(&book(&database), 1).await;
}

#[tokio::test]
async fn a_stream_version_that_its_stream_had_before_is_refused_by_name() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = append(&mut writer, &events(2)).await.head();
    check_refused(&database, &mut writer, &seen, &[event(&cart(1), 2)], &[], |error| {
        matches!(error, AppendError::Refused { sqlstate, constraint: Some(constraint) }
            if sqlstate == "23505" && constraint == "events_stream_version_key")
    })
    .await;
}

/// A rebuilt index has a higher number than its siblings, and is checked after them: the stream version conflicts first
/// then.
#[tokio::test]
async fn after_a_reindex_a_lost_race_may_show_as_a_stream_version_and_is_one_still() {
    let database = Database::fresh().await;
    let (mut first, mut second) = (writer(&database).await, writer(&database).await);
    sqlx::query("REINDEX INDEX CONCURRENTLY book.events_position_key").execute(&database.owner).await.unwrap();
    let seen = second.head().await.unwrap();
    append(&mut first, &events(1)).await;
    let mut connection = superuser(&database).await;
    let shown: String = shown_constraint(&mut connection, &seen).await;
    assert_eq!(
        shown, "events_stream_version_key",
        "the order of the checks was not turned round: the test tests nothing"
    );
    check_refused(&database, &mut second, &seen, &events(1), &[], |error| matches!(error, AppendError::LostRace)).await;
}

/// Which constraint a row that breaks both is told to break.
async fn shown_constraint(connection: &mut sqlx::PgConnection, seen: &Head) -> String {
    let breaking_both = sqlx::query(
        "INSERT INTO book.events (
            position, recorded_at, stream_version, schema_version, stream_id, category, event_type, hash, payload,
            metadata
        )
        SELECT position, recorded_at, stream_version, schema_version, stream_id, category, event_type, hash, payload,
            metadata
        FROM book.events
        WHERE position = $1",
    )
    .bind(seen.point.position.next().0)
    .execute(connection)
    .await
    .unwrap_err();
    breaking_both.as_database_error().unwrap().constraint().unwrap().to_owned()
}

#[tokio::test]
async fn data_that_postgres_refuses_is_told_apart_and_leaves_the_writer_fit_for_work() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let with = |change: fn(&mut NewEvent)| {
        let mut event = event(&cart(1), 1);
        change(&mut event);
        event
    };
    let cases: [(&str, Option<&str>, NewEvent); 5] = [
        ("22021", None, with(|event| event.payload = "\"\0\"".to_owned())),
        ("22P02", None, with(|event| event.payload = "{".to_owned())),
        ("23514", Some("events_stream_version_check"), with(|event| event.stream_version = 0)),
        ("23514", Some("events_category_check"), with(|event| event.stream.category = "".into())),
        ("23514", Some("events_event_type_check"), with(|event| event.event_type = "x".repeat(129).into())),
    ];
    for (sqlstate, constraint, event) in cases {
        let refused = writer.append_after(&seen, Utc::now(), &[event], &[]).await.unwrap_err();
        let AppendError::Refused { sqlstate: found, constraint: by } = &refused else { panic!("{refused:?}") };
        assert_eq!((found.as_str(), by.as_deref()), (sqlstate, constraint));
    }
    append(&mut writer, &events(1)).await;
    check_whole(&book(&database), 1).await;
}

/// The server says so as it says anything else, by a code, which is all that is made here.
#[tokio::test]
async fn a_full_disk_is_told_at_once_and_nothing_is_in_the_book() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    sqlx::raw_sql(
        "CREATE FUNCTION refuse_to_grow() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
         CREATE TRIGGER disk_full BEFORE INSERT ON book.events FOR EACH ROW EXECUTE FUNCTION refuse_to_grow()",
    )
    .execute(&database.owner)
    .await
    .unwrap();
    let seen = writer.head().await.unwrap();
    let asked = Instant::now();
    let refused = writer.append_after(&seen, Utc::now(), &events(1), &[]).await.unwrap_err();
    assert!(matches!(refused, AppendError::Unavailable { may_commit: false, .. }), "{refused:?}");
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    sqlx::raw_sql("DROP TRIGGER disk_full ON book.events").execute(&database.owner).await.unwrap();
    append(&mut writer, &events(1)).await;
    check_whole(&book(&database), 1).await;
}

/// Postgres sends the row before it commits. Whoever answers on the row promises what may not happen.
#[tokio::test]
async fn an_append_is_answered_after_its_commit_and_not_before() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    sqlx::raw_sql(
        "CREATE FUNCTION refuse_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'at commit' USING ERRCODE = '23514'; END $$;
         CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON book.events
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_at_commit()",
    )
    .execute(&database.owner)
    .await
    .unwrap();
    let seen = writer.head().await.unwrap();
    check_refused(
        &database,
        &mut writer,
        &seen,
        &events(1),
        &[],
        |error| matches!(error, AppendError::Refused { sqlstate, .. } if sqlstate == "23514"),
    )
    .await;
}

/// The rival holds the second position of a batch and then wants the first, which the batch holds.
#[tokio::test]
async fn a_deadlock_is_a_lost_race() {
    let database = Database::fresh().await;
    let mut rival = superuser(&database).await;
    // Ours finds the deadlock, and does so before its own lock timeout of 1 s.
    sqlx::raw_sql("SET deadlock_timeout = '60s'").execute(&mut rival).await.unwrap();
    let name = database.name();
    let statement = format!("ALTER DATABASE {name} SET deadlock_timeout = '700ms'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut rival).await.unwrap();

    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let mut second = seen;
    second.point.position = Position(1);
    sqlx::raw_sql("BEGIN").execute(&mut rival).await.unwrap();
    insert_by_hand(&mut rival, &second, &event(&cart(3), 2), seen.recorded_at).await;
    let batch = events(2);
    let (lost, ()) = tokio::join!(writer.append_after(&seen, seen.recorded_at, &batch, &[]), async {
        super::until_a_writer_waits(&database).await;
        insert_by_hand(&mut rival, &seen, &event(&cart(3), 1), seen.recorded_at).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut rival).await.unwrap();
    });
    assert!(matches!(lost, Err(AppendError::LostRace)), "{lost:?}");
    append(&mut writer, &batch).await;
    check_whole(&book(&database), 2).await;
}
