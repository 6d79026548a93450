//! How the process managers stand, read from what they remember: for whoever asks from outside of the program that runs them.

use chrono::{DateTime, Utc};
use eventstore::event::Position;
use sqlx::PgPool;

use crate::gateway::Gateways;

/// One process manager, and what it has open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub process: &'static str,
    pub waits_for: &'static str,
    /// `None`: no node has run it yet.
    pub progress: Option<Progress>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The last event that it has reacted to, and how many have come since.
    pub position: Position,
    pub behind: i64,
    /// Why it does not go on, if it does not.
    pub failing: Option<String>,
    pub deadlines: i64,
    pub next_due_at: Option<DateTime<Utc>>,
    /// Requests to the outside that are not settled, and why the oldest that failed did.
    pub calls: i64,
    pub call_error: Option<String>,
}

/// Every process manager of this release, in its order.
pub async fn standings(pool: &PgPool) -> Result<Vec<Standing>, sqlx::Error> {
    let mut rows = sqlx::query_file!("src/sql/list_processes.sql").fetch_all(pool).await?;
    let mut progress_of = |process: &str| {
        let row = rows.swap_remove(rows.iter().position(|row| row.process == process)?);
        Some(Progress {
            position: Position(row.position),
            behind: row.behind,
            failing: row.failing,
            deadlines: row.deadlines,
            next_due_at: row.next_due_at,
            calls: row.calls,
            call_error: row.call_error,
        })
    };
    let standing = |process: Box<dyn super::Process>| Standing {
        process: process.name(),
        waits_for: process.waits_for(),
        progress: progress_of(process.name()),
    };
    Ok(super::all(&Gateways::default()).into_iter().map(standing).collect())
}
