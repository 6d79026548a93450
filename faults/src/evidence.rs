//! What a run left behind, once everything has stopped: the history, the book with what each event says of its origin, the
//! stored keys, and what the readers of the tail saw.

use std::{collections::HashMap, str::FromStr as _};

use commands::gateway::account::ProviderPayment;
use eventstore::{Book, Point, Position, RecordedEvent};
use serde::Deserialize;
use sqlx::{
    PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use crate::{error::Error, history::Record};

const PAGE: i64 = 5_000;
const CONNECTIONS: u32 = 2;

/// What an event names as what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    Request(Uuid),
    Deadline(String),
    Position(i64),
    /// The provider told of it, or its books did.
    Provider(String),
    /// Of none of these forms, which no event but the title page may be.
    Other(String),
}

/// The events of one command, which follow one another in the book.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) command_id: Uuid,
    pub(crate) cause: Cause,
    /// The process manager that acted, if it was one.
    pub(crate) process: Option<String>,
    /// Of its first and of its last event.
    pub(crate) first: i64,
    pub(crate) last: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredKey {
    pub(crate) scope: String,
    pub(crate) key: String,
    pub(crate) position: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptWebhook {
    pub(crate) event_id: String,
    pub(crate) state: String,
    /// Why it is not settled.
    pub(crate) reason: String,
}

/// While a node was told to stop and had not ended: microseconds of the history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopping {
    pub(crate) node: usize,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) history: Vec<Record>,
    /// From the title page on.
    pub(crate) book: Vec<RecordedEvent>,
    pub(crate) done: Vec<Done>,
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) tails: Vec<Vec<Point>>,
    pub(crate) stops: Vec<Stopping>,
    /// Every order has had its hour.
    pub(crate) deadlines_have_passed: bool,
    pub(crate) webhooks: Vec<KeptWebhook>,
    /// Calls that nobody has settled, though everything had its time.
    pub(crate) open_calls: i64,
    /// What the provider's books say, if there is one that keeps them.
    pub(crate) provider: Vec<ProviderPayment>,
    /// Payments whose buyers have paid at the bank, of which webhooks alone tell.
    pub(crate) paid_at_the_bank: Vec<Uuid>,
}

impl Evidence {
    /// Sorted out, so that every checker may look things up.
    pub(crate) fn new(history: Vec<Record>, book: Vec<RecordedEvent>) -> Self {
        let done = commands_of(&book);
        Self { history, book, done, ..Self::default() }
    }

    /// By the id of their request.
    pub(crate) fn by_op(&self) -> HashMap<Uuid, &Record> {
        self.history.iter().map(|record| (record.op, record)).collect()
    }

    /// Commands that clients asked for, by the key of the request that led to them.
    pub(crate) fn done_by_key(&self) -> HashMap<&str, Vec<&Done>> {
        let by_op = self.by_op();
        let mut found: HashMap<&str, Vec<&Done>> = HashMap::new();
        for done in &self.done {
            if let Cause::Request(op) = done.cause
                && let Some(key) = by_op.get(&op).and_then(|record| record.key.as_deref())
            {
                found.entry(key).or_default().push(done);
            }
        }
        found
    }

    pub(crate) fn event(&self, position: i64) -> Option<&RecordedEvent> {
        let index = usize::try_from(position).ok()?;
        self.book.get(index).filter(|event| event.position == Position(position))
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    actor: Actor,
    causation: Causation,
    command_id: Uuid,
}

#[derive(Debug, Deserialize)]
struct Actor {
    kind: String,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Causation {
    Request(String),
    Position(i64),
}

/// What of a provider leads to events, as they name it.
const PROVIDERS: [&str; 2] = ["webhook ", "reconciliation of "];

fn commands_of(book: &[RecordedEvent]) -> Vec<Done> {
    let mut done: Vec<Done> = Vec::new();
    for event in book.iter().filter(|event| event.position > Position::TITLE) {
        let position = event.position.0;
        let Ok(metadata) = serde_json::from_str::<Metadata>(&event.metadata) else {
            let cause = Cause::Other(event.metadata.clone());
            done.push(Done { command_id: Uuid::nil(), cause, process: None, first: position, last: position });
            continue;
        };
        if let Some(last) = done.last_mut()
            && last.command_id == metadata.command_id
        {
            last.last = position;
            continue;
        }
        let cause = match metadata.causation {
            Causation::Position(position) => Cause::Position(position),
            Causation::Request(text) => match (Uuid::from_str(&text), text.strip_prefix("deadline ")) {
                (Ok(op), _) => Cause::Request(op),
                (_, Some(name)) => Cause::Deadline(name.to_owned()),
                _ if PROVIDERS.iter().any(|prefix| text.starts_with(prefix)) => Cause::Provider(text),
                _ => Cause::Other(text),
            },
        };
        let process = metadata.actor.name.filter(|_| metadata.actor.kind == "process");
        done.push(Done { command_id: metadata.command_id, cause, process, first: position, last: position });
    }
    done
}

/// A pool that reads the book, beside every proxy.
pub(crate) async fn pool(options: PgConnectOptions) -> Result<PgPool, Error> {
    let options = eventstore::session::reading(options);
    Ok(PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?)
}

pub(crate) async fn read_book(pool: &PgPool) -> Result<Vec<RecordedEvent>, Error> {
    let book = Book::new(pool.clone());
    let (mut events, mut after) = (Vec::new(), Position(-1));
    loop {
        let page = book.page(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(events) };
        after = last.position;
        events.extend(page);
    }
}

pub(crate) async fn read_keys(pool: &PgPool) -> Result<Vec<StoredKey>, Error> {
    let rows = sqlx::query(include_str!("sql/read_keys.sql")).fetch_all(pool).await?;
    let key = |row: &sqlx::postgres::PgRow| {
        Ok(StoredKey { scope: row.try_get(0)?, key: row.try_get(1)?, position: row.try_get(2)? })
    };
    rows.iter().map(key).collect()
}

pub(crate) async fn read_webhooks(pool: &PgPool) -> Result<Vec<KeptWebhook>, Error> {
    let rows = sqlx::query(include_str!("sql/read_webhooks.sql")).fetch_all(pool).await?;
    let webhook = |row: &sqlx::postgres::PgRow| {
        Ok(KeptWebhook { event_id: row.try_get(0)?, state: row.try_get(1)?, reason: row.try_get(2)? })
    };
    rows.iter().map(webhook).collect()
}

pub(crate) async fn count_open_calls(pool: &PgPool) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM process.calls").fetch_one(pool).await?)
}
