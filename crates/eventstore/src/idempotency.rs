//! The keys of commands: written by the append in the same statement as the command's events, looked up before a
//! command is decided. A key is found here for as long as its row stands, expired or not, because until then it also
//! refuses an append.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{event::Position, raw_json::RawJson};

/// A key that is to be stored with the events of its command.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub scope: String,
    pub key: String,
    pub fingerprint: [u8; 32],
    /// JSON: what the answer is rendered from when the command is repeated; no personal data.
    pub outcome: String,
    /// The last event of the command.
    pub position: Position,
    /// `None` for the effects of process managers, which must never happen twice.
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    pub scope: String,
    pub key: String,
    pub fingerprint: [u8; 32],
    pub outcome: String,
    pub position: Position,
}

/// Of `(scope, key)` pairs those that are stored, in no particular order.
pub(crate) async fn read_keys(
    connection: &mut PgConnection,
    wanted: &[(String, String)],
) -> Result<Vec<StoredKey>, sqlx::Error> {
    let scopes: Vec<&str> = wanted.iter().map(|(scope, _)| scope.as_str()).collect();
    let keys: Vec<&str> = wanted.iter().map(|(_, key)| key.as_str()).collect();
    sqlx::query_file!("src/sql/read_keys.sql", &scopes as &[&str], &keys as &[&str])
        .map(|row| StoredKey {
            scope: row.scope,
            key: row.key,
            fingerprint: row.fingerprint,
            outcome: row.outcome.0,
            position: Position(row.position),
        })
        .fetch_all(connection)
        .await
}
