//! What the process managers remember, in SQL: checkpoints, deadlines, call requests.

use chrono::{DateTime, Utc};
use eventstore::event::{Hash, Point, Position, RecordedEvent};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Call, Deadline};

/// A new process manager begins at the title page.
pub(super) async fn begin(pool: &PgPool, process: &str, from: Point) -> Result<(), sqlx::Error> {
    sqlx::query_file!("src/sql/begin_process.sql", process, from.position.0, &from.hash.0[..]).execute(pool).await?;
    Ok(())
}

/// How long a runner may hold the checkpoint without a word: longer than a round takes. A node that was cut off, or that
/// stands still, loses it to another one then; its own round ends in an error, and is repeated without a second effect.
const SILENCE_MAX: &str = "30s";

/// The checkpoint, locked; `None` if another runner holds it.
pub(super) async fn lock_in_tx(tx: &mut PgConnection, process: &str) -> Result<Option<Point>, sqlx::Error> {
    let row = sqlx::query_file!("src/sql/lock_process.sql", process, SILENCE_MAX).fetch_optional(tx).await?;
    Ok(row.map(|row| Point {
        position: Position(row.position),
        hash: Hash(row.hash.try_into().expect("checkpoints_hash keeps it at 32 bytes")),
    }))
}

pub(super) async fn save_in_tx(tx: &mut PgConnection, process: &str, point: Point) -> Result<(), sqlx::Error> {
    sqlx::query_file!("src/sql/save_process.sql", process, point.position.0, &point.hash.0[..]).execute(tx).await?;
    Ok(())
}

/// Why a process does not go on, or that it does.
pub(super) async fn note(pool: &PgPool, process: &str, failing: Option<&str>) -> Result<(), sqlx::Error> {
    sqlx::query_file!("src/sql/note_failing.sql", process, failing).execute(pool).await?;
    Ok(())
}

/// What a page of events asked to be remembered. The last word on a deadline counts.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    deadlines: Vec<(String, Uuid, Option<DateTime<Utc>>)>,
    calls: Vec<(Call, Position, Hash, Uuid, DateTime<Utc>)>,
}

impl Remembered {
    pub(super) fn is_empty(&self) -> bool {
        self.deadlines.is_empty() && self.calls.is_empty()
    }

    pub(super) fn set(&mut self, deadline: Deadline) {
        self.put(deadline.kind.into_owned(), deadline.subject, Some(deadline.due_at));
    }

    pub(super) fn clear(&mut self, kind: &str, subject: Uuid) {
        self.put(kind.to_owned(), subject, None);
    }

    fn put(&mut self, kind: String, subject: Uuid, due_at: Option<DateTime<Utc>>) {
        self.deadlines.retain(|known| known.0 != kind || known.1 != subject);
        self.deadlines.push((kind, subject, due_at));
    }

    pub(super) fn call(&mut self, call: Call, event: &RecordedEvent, correlation_id: Uuid) {
        self.calls.push((call, event.position, event.hash, correlation_id, event.recorded_at));
    }

    pub(super) async fn write_in_tx(self, tx: &mut PgConnection, process: &str) -> Result<(), sqlx::Error> {
        let (set, cleared): (Vec<_>, Vec<_>) = self.deadlines.into_iter().partition(|deadline| deadline.2.is_some());
        if !set.is_empty() {
            let kinds: Vec<_> = set.iter().map(|deadline| deadline.0.clone()).collect();
            let subjects: Vec<_> = set.iter().map(|deadline| deadline.1).collect();
            let due: Vec<_> = set.iter().filter_map(|deadline| deadline.2).collect();
            sqlx::query_file!("src/sql/set_deadlines.sql", process, &kinds, &subjects, &due).execute(&mut *tx).await?;
        }
        if !cleared.is_empty() {
            let (kinds, subjects): (Vec<_>, Vec<_>) =
                cleared.into_iter().map(|(kind, subject, _)| (kind, subject)).unzip();
            sqlx::query_file!("src/sql/clear_deadlines.sql", process, &kinds, &subjects).execute(&mut *tx).await?;
        }
        if !self.calls.is_empty() {
            request_calls_in_tx(tx, process, &self.calls).await?;
        }
        Ok(())
    }
}

async fn request_calls_in_tx(
    tx: &mut PgConnection,
    process: &str,
    calls: &[(Call, Position, Hash, Uuid, DateTime<Utc>)],
) -> Result<(), sqlx::Error> {
    let positions: Vec<_> = calls.iter().map(|(_, position, ..)| position.0).collect();
    let keys: Vec<_> = calls.iter().map(|(_, _, hash, ..)| hash.to_string()).collect();
    let kinds: Vec<_> = calls.iter().map(|(call, ..)| call.kind.name().to_owned()).collect();
    let subjects: Vec<_> = calls.iter().map(|(call, ..)| call.order_id).collect();
    let payments: Vec<_> = calls.iter().map(|(call, ..)| call.payment_id).collect();
    let correlations: Vec<_> = calls.iter().map(|(_, _, _, correlation_id, _)| *correlation_id).collect();
    let requested: Vec<_> = calls.iter().map(|(.., requested_at)| *requested_at).collect();
    sqlx::query_file!(
        "src/sql/request_calls.sql",
        process,
        &positions,
        &keys,
        &kinds,
        &subjects,
        &payments,
        &correlations,
        &requested
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What is due by `now` for a process that has read up to `read`, once those in `after` have read on to that time too.
pub(super) async fn due_in_tx(
    tx: &mut PgConnection,
    process: &str,
    now: DateTime<Utc>,
    read: Position,
    after: &[&str],
    limit: i64,
) -> Result<Vec<Deadline>, sqlx::Error> {
    let rows =
        sqlx::query_file!("src/sql/due_deadlines.sql", process, now, after as &[&str], read.0, limit).fetch_all(tx);
    Ok(rows
        .await?
        .into_iter()
        .map(|row| Deadline { kind: row.kind.into(), subject: row.subject, due_at: row.due_at })
        .collect())
}
