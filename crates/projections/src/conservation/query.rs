//! What does not balance, for readiness and for whoever looks after it.

use chrono::{DateTime, TimeDelta, Utc};
use eventstore::Position;
use sqlx::PgPool;

use crate::read_models::{QueryError, ReadModels};

/// How long an order that has ended, or arrived, may hold stock or keep money that it should not: a provider that does not
/// answer is asked again and again meanwhile. Longer than that takes with any provider that is at work.
pub const SETTLED_WITHIN: TimeDelta = TimeDelta::hours(1);
/// How many are shown.
const SHOWN_MAX: i64 = 20;

/// Something that is not conserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Of the event that broke it; `None` for what was not settled in time.
    pub position: Option<Position>,
    pub rule: String,
    /// The stream.
    pub subject: String,
    pub detail: String,
    pub since: DateTime<Utc>,
}

/// What is open: how many there are, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Open {
    pub count: i64,
    pub first: Vec<Violation>,
}

/// One round trip.
pub async fn open(models: &ReadModels, now: DateTime<Utc>) -> Result<Open, QueryError> {
    let rows = sqlx::query_file!("src/conservation/sql/list_open.sql", now - SETTLED_WITHIN, SHOWN_MAX)
        .fetch_all(models.pool())
        .await?;
    let count = rows.first().map_or(0, |row| row.count);
    let violation = |position: i64| (position > 0).then_some(Position(position));
    let first = rows.into_iter().map(|row| Violation {
        position: violation(row.position),
        rule: row.rule,
        subject: row.subject,
        detail: row.detail,
        since: row.since,
    });
    Ok(Open { count, first: first.collect() })
}

/// Somebody has seen to what the event at this position broke. False if nothing of it is open. The pool is one of
/// [`reading`](crate::reading).
pub async fn acknowledge(pool: &PgPool, position: Position) -> Result<bool, QueryError> {
    let done = sqlx::query_file!("src/conservation/sql/acknowledge.sql", position.0).execute(pool).await?;
    Ok(done.rows_affected() > 0)
}
