//! How the projections stand, for readiness and for whoever asks.

use chrono::{DateTime, Utc};
use eventstore::Position;
use serde::Serialize;

use crate::{
    checkpoint::State,
    projection::Definition,
    read_models::{QueryError, ReadModels},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub name: &'static str,
    pub schema_name: &'static str,
    pub state: State,
    /// Why it does not go on: written down by whoever met it, or met by this process in its last round.
    pub reason: Option<String>,
    pub position: Position,
    pub lag_events: i64,
    pub lag_ms: i64,
    /// Streams whose events could not be posted.
    pub parked_streams: i64,
    pub updated_at: Option<DateTime<Utc>>,
}

impl Status {
    fn not_installed(definition: &'static Definition) -> Self {
        let schema_name = definition.schema_name;
        Self {
            name: definition.name,
            schema_name,
            state: State::Stopped,
            reason: Some(QueryError::NotInstalled { schema_name }.to_string()),
            position: Position::TITLE,
            lag_events: 0,
            lag_ms: 0,
            parked_streams: 0,
            updated_at: None,
        }
    }
}

impl ReadModels {
    /// One of each of the projections, in their order.
    pub async fn status(&self, definitions: &[&'static Definition]) -> Result<Vec<Status>, QueryError> {
        let rows = sqlx::query_file!("src/sql/list_checkpoints.sql").fetch_all(self.pool()).await?;
        let status = |definition: &'static Definition| {
            let Some(row) = rows.iter().find(|row| row.schema_name == definition.schema_name) else {
                return Status::not_installed(definition);
            };
            let failing = self.progress.watch(definition).borrow().failing.clone();
            Status {
                name: definition.name,
                schema_name: definition.schema_name,
                state: State::from_column(&row.state),
                reason: row.reason.clone().or(failing),
                position: Position(row.position),
                lag_events: row.lag_events,
                lag_ms: row.lag_ms,
                parked_streams: row.parked_streams,
                updated_at: Some(row.updated_at),
            }
        };
        Ok(definitions.iter().copied().map(status).collect())
    }
}
