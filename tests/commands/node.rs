//! A node as a test has it: an executor on a database of the test's own.

use chrono::Utc;
use commands::{
    command::{Actor, Answer, Causation, CommandError, Envelope, Key},
    executor::{Commands, Executor, Health, Settings},
    use_case::UseCase,
};
use eventstore::{Book, HeadWatch, Position, RecordedEvent, Writer};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::{Duration, Instant};
use support::Database;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Longer than anything that is waited for takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running executor. It stops when the last handle to its commands is gone.
pub(crate) struct Node {
    pub(crate) commands: Commands,
    pub(crate) book: Book,
    pub(crate) heads: HeadWatch,
    running: JoinHandle<()>,
}

/// An executor that has not begun: what is sent to it waits, and is then taken as one batch.
pub(crate) struct Prepared {
    pub(crate) commands: Commands,
    pub(crate) book: Book,
    heads: HeadWatch,
    executor: Executor,
}

/// Connections for reading, as a node has them.
const READING_CONNECTIONS: u32 = 4;

pub(crate) fn book(options: PgConnectOptions) -> Book {
    reading(options, READING_CONNECTIONS)
}

pub(crate) fn reading(options: PgConnectOptions, connections_max: u32) -> Book {
    let options = eventstore::session::reading(options);
    Book::new(PgPoolOptions::new().max_connections(connections_max).connect_lazy_with(options))
}

impl Prepared {
    pub(crate) async fn on(options: PgConnectOptions, settings: Settings) -> Self {
        Self::reading_through(book(options.clone()), options, settings).await
    }

    /// With another way to the streams that are loaded.
    pub(crate) async fn reading_through(book: Book, options: PgConnectOptions, settings: Settings) -> Self {
        let mut writer = Writer::connect(options).await.unwrap();
        let head = writer.head().await.unwrap();
        let heads = HeadWatch::new();
        heads.publish(head.point.position);
        let (commands, executor) = Executor::with(settings, writer, head, book.clone(), heads.clone());
        Self { commands, book, heads, executor }
    }

    pub(crate) fn start(self) -> Node {
        let Self { commands, book, heads, executor } = self;
        Node { commands, book, heads, running: tokio::spawn(executor.run()) }
    }
}

impl Node {
    pub(crate) async fn start(database: &Database) -> Self {
        Self::with(database, Settings::default()).await
    }

    pub(crate) async fn with(database: &Database, settings: Settings) -> Self {
        Prepared::on(database.app_options(), settings).await.start()
    }

    /// Runs a command that has to be accepted.
    #[track_caller]
    pub(crate) fn accept<U: UseCase>(&self, use_case: U) -> impl Future<Output = Answer<U::Outcome>> + use<'_, U> {
        accepted(self.commands.run(use_case, envelope()))
    }

    pub(crate) async fn run<U: UseCase>(&self, use_case: U) -> Result<Answer<U::Outcome>, CommandError> {
        self.commands.run(use_case, envelope()).await
    }

    /// Drops the handle to the commands and waits until everything that was accepted is done.
    pub(crate) async fn stop(self) {
        let Self { commands, running, .. } = self;
        drop(commands);
        tokio::time::timeout(PATIENCE, running).await.expect("the executor ends").unwrap();
    }

    /// Ends at once, as a process does that is killed.
    pub(crate) async fn kill(self) {
        self.running.abort();
        let _aborted = self.running.await;
    }

    pub(crate) async fn until_health(&self, expected: Health) {
        let mut health = self.commands.health();
        let reached = tokio::time::timeout(PATIENCE, health.wait_for(|health| *health == expected)).await;
        reached.unwrap_or_else(|_| panic!("the health is not {expected:?}")).unwrap();
    }

    pub(crate) fn health(&self) -> Health {
        *self.commands.health().borrow()
    }

    pub(crate) async fn events(&self) -> Vec<RecordedEvent> {
        all_events(&self.book).await
    }

    pub(crate) async fn head(&self) -> Position {
        self.book.head().await.unwrap().point.position
    }
}

pub(crate) async fn all_events(book: &Book) -> Vec<RecordedEvent> {
    book.page(Position::TITLE, i64::MAX).await.unwrap()
}

/// Dense, chained, and every stream's versions without a gap.
pub(crate) async fn check_whole(book: &Book) -> i64 {
    eventstore::verify(book, eventstore::Extent::default(), |_| ()).await.unwrap().events
}

#[track_caller]
pub(crate) fn accepted<O, F>(answer: F) -> impl Future<Output = Answer<O>>
where
    F: Future<Output = Result<Answer<O>, CommandError>>,
{
    let caller = std::panic::Location::caller();
    async move { answer.await.unwrap_or_else(|error| panic!("refused at {caller}: {error:?}")) }
}

pub(crate) fn envelope() -> Envelope {
    let id = Uuid::now_v7();
    Envelope {
        actor: Actor::Staff { id },
        correlation_id: id,
        causation: Causation::Request(id.to_string()),
        traceparent: None,
        key: None,
        expected: None,
    }
}

/// With a key, for the request with this number.
pub(crate) fn keyed(key: &str, request: u8) -> Envelope {
    let expires_at = Some(Utc::now() + chrono::TimeDelta::days(7));
    let key = Key { scope: "tester".to_owned(), key: key.to_owned(), fingerprint: [request; 32], expires_at };
    Envelope { key: Some(key), ..envelope() }
}

pub(crate) async fn superuser(database: &Database) -> PgConnection {
    support::postgres::postgres().await.superuser(database.name()).connect().await.unwrap()
}

/// Runs statements as the superuser, past the trigger that keeps the book append-only.
pub(crate) async fn tamper(database: &Database, statements: &str) {
    let tampering = format!(
        "ALTER TABLE book.events DISABLE TRIGGER events_append_only; {statements};
         ALTER TABLE book.events ENABLE ALWAYS TRIGGER events_append_only"
    );
    sqlx::raw_sql(AssertSqlSafe(tampering)).execute(&mut superuser(database).await).await.unwrap();
}

/// Waits for what is done elsewhere, by looking again until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "still not so: {what}");
        tokio::task::yield_now().await;
    }
}
