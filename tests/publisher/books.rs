//! A book of the test's own with events in it, and a publisher for it.

use chrono::{SubsecRound as _, Utc};
use eventstore::publisher::{Mode, PublishError, Publisher, PublisherConfig};
use eventstore::{Book, Head, NewEvent, RecordedEvent, StreamId, Writer};
use support::Database;
use support::append::AppendAfter;
use uuid::Uuid;

pub(super) const CATEGORIES: [&str; 3] = ["cart", "order", "payment"];

/// As many streams in each category, so that every one gets several events.
const STREAMS: u128 = 20;

pub(super) struct TestBook {
    pub(super) database: Database,
    pub(super) book: Book,
    writer: Writer,
    head: Head,
    written: usize,
}

impl TestBook {
    pub(super) async fn with_events(events: usize) -> Self {
        Self::in_database(Database::fresh().await, events).await
    }

    /// The others are copies of one template, down to their title pages.
    pub(super) async fn of_its_own(events: usize) -> Self {
        let database = Database::empty().await;
        eventstore::MIGRATOR.run(&database.owner).await.unwrap();
        Self::in_database(database, events).await
    }

    async fn in_database(database: Database, events: usize) -> Self {
        let mut writer = Writer::connect(database.app_options()).await.unwrap();
        let head = writer.head().await.unwrap();
        let book = Book::new(database.app.clone());
        let mut test_book = Self { database, book, writer, head, written: 0 };
        test_book.append(events).await;
        test_book
    }

    /// In batches of many sizes, over all categories and streams in turn.
    pub(super) async fn append(&mut self, events: usize) {
        let mut left = events;
        while left > 0 {
            let size = (self.written % 97 + 1).min(left);
            let batch: Vec<_> = (self.written..self.written + size).map(nth_event).collect();
            self.append_batch(&batch).await;
            left -= size;
        }
    }

    pub(super) async fn append_batch(&mut self, events: &[NewEvent]) {
        let now = Utc::now().trunc_subsecs(6).max(self.head.recorded_at);
        self.head = self.writer.append_after(&self.head, now, events, &[]).await.unwrap().head();
        self.written += events.len();
    }

    pub(super) async fn events(&self) -> Vec<RecordedEvent> {
        self.book.page(eventstore::Position::TITLE, i64::MAX).await.unwrap()
    }

    /// What a restore from an old backup does: the book ends earlier, and goes on from there.
    pub(super) async fn go_back_to(&mut self, position: i64) {
        let statement = format!(
            "ALTER TABLE book.events DISABLE TRIGGER events_append_only;
             DELETE FROM book.events WHERE position > {position};
             ALTER TABLE book.events ENABLE ALWAYS TRIGGER events_append_only;"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&self.database.owner).await.unwrap();
        self.head = self.writer.head().await.unwrap();
        self.written = usize::try_from(position).unwrap();
    }
}

/// Text that is not ASCII, blanks and key orders that a JSON parser would not give back.
fn nth_event(n: usize) -> NewEvent {
    let category = CATEGORIES[n % CATEGORIES.len()];
    let turn = n / CATEGORIES.len();
    let stream = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + turn as u128 % STREAMS);
    NewEvent {
        stream: StreamId::new(category, stream),
        stream_version: i64::try_from(turn as u128 / STREAMS).unwrap() + 1,
        event_type: format!("{category}.happened").into(),
        schema_version: 1,
        payload: format!(r#"{{"z": {n}, "a":"Zoë"}}"#),
        metadata: format!(r#"{{"correlation_id":"{n}",  "actor":"ツ"}}"#),
    }
}

pub(super) fn config(brokers: &str, prefix: &str) -> PublisherConfig {
    PublisherConfig {
        brokers: brokers.to_owned(),
        prefix: prefix.to_owned(),
        partitions: 4,
        replication: 1,
        categories: CATEGORIES.to_vec(),
        mode: Mode::ExactlyOnce,
    }
}

/// Publishes to the end of the book and says how many events that were.
pub(super) async fn drain(publisher: &mut Publisher) -> Result<usize, PublishError> {
    let mut published = 0;
    loop {
        match publisher.run_once().await? {
            0 => return Ok(published),
            events => published += events,
        }
    }
}
