//! The book on a real Postgres: what an append may answer, who may change what, and how a change is found.

mod answers;
mod append;
mod append_only;
mod following;
mod machine;
mod plans;
mod proxy;
mod python;
mod snapshots;
mod unknown;
mod verifying;
mod writers;

use chrono::{DateTime, Utc};
use eventstore::{Book, Draft, Head, NewEvent, NewKey, Position, RecordedEvent, StreamId, Writer};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, PgPool};
use support::Database;
use support::append::AppendAfter;
use uuid::Uuid;

fn cart(number: u128) -> StreamId {
    StreamId::new("cart", Uuid::from_u128(number))
}

fn event(stream: &StreamId, stream_version: i64) -> NewEvent {
    NewEvent {
        stream: stream.clone(),
        stream_version,
        event_type: "cart.item_added".into(),
        schema_version: 1,
        payload: format!(r#"{{"sku": "85123A", "quantity": {stream_version}, "name": "Café"}}"#),
        metadata: r#"{"actor":"test"}"#.to_owned(),
    }
}

/// The first `count` events of one cart.
fn events(count: i64) -> Vec<NewEvent> {
    (1..=count).map(|version| event(&cart(1), version)).collect()
}

fn key(name: &str, position: Position) -> NewKey {
    NewKey {
        scope: "test".to_owned(),
        key: name.to_owned(),
        fingerprint: [7; 32],
        outcome: r#"{"status": 201}"#.to_owned(),
        position,
        expires_at: None,
    }
}

async fn writer(database: &Database) -> Writer {
    Writer::connect(database.app_options()).await.unwrap()
}

/// The reading side, as the server has it.
fn book(database: &Database) -> Book {
    Book::new(PgPool::connect_lazy_with(eventstore::session::reading(database.app_options())))
}

/// Appends after the present head and returns where the book ends then.
async fn append(writer: &mut Writer, events: &[NewEvent]) -> Draft {
    let seen = writer.head().await.unwrap();
    writer.append_after(&seen, Utc::now(), events, &[]).await.unwrap()
}

/// A book with this many events of one cart.
async fn book_of(count: i64) -> (Database, Book) {
    let database = Database::fresh().await;
    append(&mut writer(&database).await, &events(count)).await;
    let book = book(&database);
    (database, book)
}

async fn all(book: &Book) -> Vec<RecordedEvent> {
    book.page(Position::TITLE, i64::MAX).await.unwrap()
}

/// The book is whole and has this many events.
async fn check_whole(book: &Book, events: i64) {
    let verified = eventstore::verify(book, eventstore::Extent::default(), |_| ()).await.unwrap();
    assert_eq!(verified.events, events);
    assert_eq!(verified.head, book.head().await.unwrap().point);
}

async fn superuser(database: &Database) -> PgConnection {
    support::postgres::postgres().await.superuser(database.name()).connect().await.unwrap()
}

/// Runs statements as the superuser, past the trigger that keeps the book append-only.
async fn tamper(database: &Database, statements: &str) {
    let tampering = format!(
        "ALTER TABLE book.events DISABLE TRIGGER events_append_only; {statements};
         ALTER TABLE book.events ENABLE ALWAYS TRIGGER events_append_only"
    );
    let mut connection = superuser(database).await;
    sqlx::raw_sql(AssertSqlSafe(tampering)).execute(&mut connection).await.unwrap();
}

/// Inserts one event with its right hash, but without the checks of the append statement.
pub(crate) async fn insert_by_hand(
    connection: &mut PgConnection,
    seen: &Head,
    event: &NewEvent,
    recorded_at: DateTime<Utc>,
) {
    let position = seen.point.position.next();
    let hash = event.hash_after(seen.point.hash, position, recorded_at);
    sqlx::query(
        "INSERT INTO book.events (
            position, recorded_at, stream_version, schema_version, stream_id, category, event_type, hash, payload,
            metadata
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::json, $10::json)",
    )
    .bind(position.0)
    .bind(recorded_at)
    .bind(event.stream_version)
    .bind(event.schema_version)
    .bind(event.stream.id)
    .bind(event.stream.category.as_ref())
    .bind(event.event_type.as_ref())
    .bind(hash.0)
    .bind(&event.payload)
    .bind(&event.metadata)
    .execute(connection)
    .await
    .unwrap();
}

/// Until a writer of this database waits for a lock; the process of the server that waits.
async fn until_a_writer_waits(database: &Database) -> i32 {
    let mut connection = superuser(database).await;
    loop {
        let waiting: Option<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'daybook writer' AND wait_event_type = 'Lock'",
        )
        .fetch_optional(&mut connection)
        .await
        .unwrap();
        if let Some(pid) = waiting {
            return pid;
        }
    }
}
