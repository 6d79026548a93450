//! What a projection is: which events it posts, into which tables, and what becomes of an event that it cannot post.

use std::sync::Arc;

use async_trait::async_trait;
use domain::aggregate::{EventKind, UnreadableEvent};
use eventstore::{Position, RecordedEvent};
use sqlx::PgConnection;

/// Posts events into its read model. The runner owns the transaction and the checkpoint; this is all that differs.
#[async_trait]
pub trait Projection: Send + Sync {
    fn definition(&self) -> &'static Definition;

    /// Folds the events in memory and writes set-wise: what a batch costs is a few statements, however many events it
    /// has. Gets only the events that the definition posts, in order. The connection's `search_path` is the
    /// projection's schema.
    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError>;
}

#[derive(Debug)]
pub struct Definition {
    pub name: &'static str,
    /// The Postgres schema of its tables: name and version (`orders_v1`). What changes a row or a table is a new
    /// version.
    pub schema_name: &'static str,
    /// The statements that make its tables, unqualified.
    pub tables: &'static str,
    /// Whose events it posts. Those of all other categories are not its business.
    pub posts: &'static [Category],
    pub rows: Rows,
}

/// A category that a projection posts.
#[derive(Debug)]
pub struct Category {
    pub name: &'static str,
    /// Event types that change nothing in the read model. They are passed over before their payload is parsed; a type
    /// that is neither here nor known to the projection is an error.
    pub ignored: &'static [&'static str],
}

/// What a projection's rows are keyed by, which decides how far an event that cannot be posted reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// A stream's events change only what is that stream's, or what is derived anew from it. The stream is parked, and
    /// the others go on.
    ByStream,
    /// Rows add up over streams. The projection stops: it would be short, and nobody could tell by how much.
    OverAll,
}

impl Definition {
    pub fn posts(&self, event: &RecordedEvent) -> bool {
        let category = self.posts.iter().find(|category| category.name == event.stream.category);
        category.is_some_and(|category| !category.ignored.contains(&event.event_type.as_str()))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("the event at {position} cannot be read")]
    Unreadable { position: Position, source: UnreadableEvent },
    /// The read model would be wrong from here on, quietly.
    #[error("the events do not follow from those before them: {reason}")]
    Contradiction { reason: String },
    #[error("the read model cannot be written")]
    Database(#[from] sqlx::Error),
}

impl ApplyError {
    /// Whether the events are the reason, so that trying again helps nothing. Of what the database says those are data
    /// exceptions, broken constraints and values beyond a limit; all else is about the database.
    pub(crate) fn is_about_the_events(&self) -> bool {
        match self {
            Self::Unreadable { .. } | Self::Contradiction { .. } => true,
            Self::Database(error) => {
                let code = error.as_database_error().and_then(|error| error.code());
                code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
            }
        }
    }
}

/// Reads an event's payload as one of its category's.
pub(crate) fn read<E: EventKind>(event: &RecordedEvent) -> Result<E, ApplyError> {
    E::from_payload(&event.event_type, event.schema_version, &event.payload)
        .map_err(|source| ApplyError::Unreadable { position: event.position, source })
}

/// Every row that a batch changes must have been there, or been made by it.
pub(crate) fn expect_rows(table: &str, expected: usize, changed: u64) -> Result<(), ApplyError> {
    if u64::try_from(expected).is_ok_and(|expected| expected == changed) {
        return Ok(());
    }
    Err(ApplyError::Contradiction { reason: format!("of {expected} rows to change in {table} there are {changed}") })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::registry;

    fn definitions() -> impl Iterator<Item = &'static super::Definition> {
        crate::ALL.into_iter().map(super::Projection::definition)
    }

    #[test]
    fn what_is_posted_and_ignored_is_in_the_registry_of_events() {
        for definition in definitions() {
            for category in definition.posts {
                assert!(registry::CATEGORIES.contains(&category.name), "{}", category.name);
                for ignored in category.ignored {
                    let mut known = registry::event_types().filter(|known| known.category == category.name);
                    assert!(known.any(|known| known.event_type == *ignored), "{ignored}");
                }
            }
        }
    }

    #[test]
    fn a_schema_is_named_for_the_projection_and_its_version() {
        for definition in definitions() {
            let version = definition.schema_name.strip_prefix(definition.name).and_then(|rest| rest.strip_prefix("_v"));
            assert!(version.is_some_and(|version| version.parse::<u32>().is_ok()), "{}", definition.schema_name);
        }
    }

    #[test]
    fn tables_have_names_of_their_own_over_all_projections() {
        let mut names = BTreeSet::new();
        for definition in definitions() {
            for line in definition.tables.lines() {
                let name = ["CREATE TABLE ", "CREATE VIEW "].iter().find_map(|create| line.strip_prefix(create));
                let Some(name) = name.and_then(|rest| rest.split_whitespace().next()) else { continue };
                assert!(names.insert(name), "{name} is there twice");
            }
        }
        assert!(names.contains("order_lines"));
    }
}
