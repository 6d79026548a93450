//! The append statement: the arrays it is sent with, and what each of its answers means. One attempt is made here; what
//! to do about an answer is the writer's to decide (`book.rs`).

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    draft::Draft,
    failpoint,
    session::{Session, SessionError},
};

/// When a statement is given up. Beyond the server's own limit of 5 s, so that it tells of the network or of a stopped
/// server.
const ANSWER_LIMIT: Duration = Duration::from_secs(7);

pub(crate) const STREAM_VERSION_KEY: &str = "events_stream_version_key";

/// A draft laid out in columns. It is sent again unchanged as often as it takes to learn what became of it.
pub(crate) struct Statement<'a> {
    draft: &'a Draft,
    events: EventColumns<'a>,
    keys: KeyColumns<'a>,
}

#[derive(Default)]
struct EventColumns<'a> {
    categories: Vec<&'a str>,
    stream_ids: Vec<Uuid>,
    stream_versions: Vec<i64>,
    event_types: Vec<&'a str>,
    schema_versions: Vec<i32>,
    payloads: Vec<&'a str>,
    metadata: Vec<&'a str>,
    hashes: Vec<[u8; 32]>,
}

#[derive(Default)]
struct KeyColumns<'a> {
    scopes: Vec<&'a str>,
    keys: Vec<&'a str>,
    fingerprints: Vec<[u8; 32]>,
    outcomes: Vec<&'a str>,
    positions: Vec<i64>,
    expire_at: Vec<Option<DateTime<Utc>>>,
}

/// The rows of DESIGN.md's answer table.
#[derive(Debug)]
pub(crate) enum Answer {
    Committed,
    /// The page we chained to is not there.
    PageMissing,
    ClockAhead,
    /// Another writer was first, or an attempt of ours that was thought lost.
    PositionTaken,
    StreamVersionTaken,
    KeyTaken,
    Deadlock,
    Refused {
        sqlstate: String,
        constraint: Option<String>,
    },
    /// Anything else: the statement may yet commit.
    Unknown(SessionError),
}

impl Statement<'_> {
    pub(crate) fn of(draft: &Draft) -> Statement<'_> {
        Statement { draft, events: EventColumns::of(draft), keys: KeyColumns::of(draft) }
    }

    /// Sends the statement once. `in_turn` makes it wait for a writer that has claimed the next turn.
    pub(crate) async fn send(&self, session: &mut Session, in_turn: bool) -> Answer {
        match self.try_send(session, in_turn).await {
            Ok(Inserted { appended: 1.., .. }) => Answer::Committed,
            Ok(Inserted { in_time: true, .. }) => Answer::PageMissing,
            Ok(Inserted { in_time: false, .. }) => Answer::ClockAhead,
            Err(error) => Answer::from(error),
        }
    }

    async fn try_send(&self, session: &mut Session, in_turn: bool) -> Result<Inserted, SessionError> {
        let connection = session.connection().await?;
        let outcome = timeout(ANSWER_LIMIT, self.insert(connection, in_turn)).await;
        failpoint::reached("append.after_commit");
        session.judge(outcome)
    }

    async fn insert(&self, connection: &mut PgConnection, in_turn: bool) -> Result<Inserted, sqlx::Error> {
        let Self { draft, events, keys } = self;
        let seen = draft.seen();
        failpoint::reached("append.before_insert");
        // sqlx reads on to ReadyForQuery before it returns the row, so a row in hand is a commit, not the promise of
        // one.
        sqlx::query_file_as!(
            Inserted,
            "src/sql/append.sql",
            seen.position.0,
            &seen.hash.0[..],
            draft.recorded_at(),
            in_turn,
            &events.categories as &[&str],
            &events.stream_ids,
            &events.stream_versions,
            &events.event_types as &[&str],
            &events.schema_versions,
            &events.payloads as &[&str],
            &events.metadata as &[&str],
            &events.hashes as &[[u8; 32]],
            &keys.scopes as &[&str],
            &keys.keys as &[&str],
            &keys.fingerprints as &[[u8; 32]],
            &keys.outcomes as &[&str],
            &keys.positions,
            &keys.expire_at as &[Option<DateTime<Utc>>],
        )
        .fetch_one(connection)
        .await
    }

    /// For a draft without events: keeps the keys, if the head is still the page that was seen.
    pub(crate) async fn remember(&self, session: &mut Session) -> Result<Remembered, SessionError> {
        let Self { draft, keys, .. } = self;
        let seen = draft.seen();
        let connection = session.connection().await?;
        let query = sqlx::query_file_as!(
            Remembered,
            "src/sql/remember.sql",
            seen.position.0,
            &seen.hash.0[..],
            &keys.scopes as &[&str],
            &keys.keys as &[&str],
            &keys.fingerprints as &[[u8; 32]],
            &keys.outcomes as &[&str],
            &keys.positions,
            &keys.expire_at as &[Option<DateTime<Utc>>],
            draft.recorded_at(),
        );
        failpoint::reached("idempotency.before_save");
        let outcome = timeout(ANSWER_LIMIT, query.fetch_one(connection)).await;
        failpoint::reached("idempotency.after_save");
        session.judge(outcome)
    }

    /// Who holds the positions of this draft. Where it is ours it is answered as an append is: once the standbys have it. The
    /// session that wrote it may have ended before they had.
    pub(crate) async fn read_back(&self, session: &mut Session) -> Result<ReadBack, SessionError> {
        let first = self.draft.seen().position.next();
        let last = self.draft.head().point;
        let connection = session.connection().await?;
        let query =
            sqlx::query_file_as!(ReadBack, "src/sql/read_after_append.sql", first.0, last.position.0, &last.hash.0[..]);
        let outcome = timeout(ANSWER_LIMIT, query.fetch_one(connection)).await;
        let found = session.judge(outcome)?;
        if found.last_is_ours {
            session.await_standbys().await?;
        }
        Ok(found)
    }
}

struct Inserted {
    appended: i64,
    in_time: bool,
}

pub(crate) struct Remembered {
    pub(crate) is_head: bool,
    pub(crate) in_time: bool,
}

pub(crate) struct ReadBack {
    pub(crate) first_is_taken: bool,
    /// The hash of the last page stands for the whole batch.
    pub(crate) last_is_ours: bool,
}

impl<'a> EventColumns<'a> {
    fn of(draft: &'a Draft) -> Self {
        let mut columns = Self::default();
        for (event, hash) in draft.events().iter().zip(draft.hashes()) {
            columns.categories.push(&event.stream.category);
            columns.stream_ids.push(event.stream.id);
            columns.stream_versions.push(event.stream_version);
            columns.event_types.push(&event.event_type);
            columns.schema_versions.push(event.schema_version);
            columns.payloads.push(&event.payload);
            columns.metadata.push(&event.metadata);
            columns.hashes.push(hash.0);
        }
        columns
    }
}

impl<'a> KeyColumns<'a> {
    fn of(draft: &'a Draft) -> Self {
        let mut columns = Self::default();
        for key in draft.keys() {
            columns.scopes.push(&key.scope);
            columns.keys.push(&key.key);
            columns.fingerprints.push(key.fingerprint);
            columns.outcomes.push(&key.outcome);
            columns.positions.push(key.position.0);
            columns.expire_at.push(key.expires_at);
        }
        columns
    }
}

impl From<SessionError> for Answer {
    fn from(error: SessionError) -> Self {
        let SessionError::Failed(failure) = &error else { return Self::Unknown(error) };
        let Some(refusal) = failure.as_database_error() else {
            // What cannot be encoded is never sent. Everything else here is a connection that broke.
            let unsendable = matches!(failure, sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_));
            return if unsendable { Self::refused("", None) } else { Self::Unknown(error) };
        };
        match (refusal.code().unwrap_or_default().as_ref(), refusal.constraint()) {
            ("23505", Some("events_position_key")) => Self::PositionTaken,
            ("23505", Some(STREAM_VERSION_KEY)) => Self::StreamVersionTaken,
            ("23505", Some("idempotency_key_key")) => Self::KeyTaken,
            ("40P01", _) => Self::Deadlock,
            (sqlstate, constraint) if is_about_the_values(sqlstate) => Self::refused(sqlstate, constraint),
            _ => Self::Unknown(error),
        }
    }
}

impl Answer {
    fn refused(sqlstate: &str, constraint: Option<&str>) -> Self {
        Self::Refused { sqlstate: sqlstate.to_owned(), constraint: constraint.map(str::to_owned) }
    }
}

/// Data exceptions, broken constraints, and values beyond a limit of Postgres (a field, a row of an index): however
/// often they are sent, they will be refused.
pub(crate) fn is_about_the_values(sqlstate: &str) -> bool {
    ["22", "23", "54"].iter().any(|class| sqlstate.starts_with(class))
}
