//! The checkpoint: the point in history that a read model reflects. It commits with the rows, and its row is the lock
//! that makes one runner of a projection at a time.

use eventstore::{Hash, Point, Position};
use sqlx::PgConnection;

use crate::projection::Definition;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    pub(crate) point: Point,
    pub(crate) has_parked: bool,
}

/// Why a projection does not go on, as the checkpoint's row keeps it for every node to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    /// It met an event that it cannot post and may not step over.
    Stopped,
    /// The point that it has reached is no page of the book.
    Refused,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn from_column(text: &str) -> Self {
        match text {
            "running" => Self::Running,
            "refused" => Self::Refused,
            _ => Self::Stopped,
        }
    }
}

struct CheckpointRow {
    position: i64,
    hash: [u8; 32],
    has_parked: bool,
}

impl From<CheckpointRow> for Checkpoint {
    fn from(row: CheckpointRow) -> Self {
        let point = Point { position: Position(row.position), hash: Hash(row.hash) };
        Self { point, has_parked: row.has_parked }
    }
}

/// `None`: the projection is not installed.
pub(crate) async fn read(
    connection: &mut PgConnection,
    definition: &Definition,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    sqlx::query_file_as!(CheckpointRow, "src/sql/read_checkpoint.sql", definition.schema_name)
        .map(Checkpoint::from)
        .fetch_optional(connection)
        .await
}

/// `None`: another runner holds it.
pub(crate) async fn lock_in_tx(
    tx: &mut PgConnection,
    definition: &Definition,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    sqlx::query_file_as!(CheckpointRow, "src/sql/lock_checkpoint.sql", definition.schema_name)
        .map(Checkpoint::from)
        .fetch_optional(tx)
        .await
}

/// A compare-and-set, so that it also serves where nothing is locked. `false`: the checkpoint is not at `from` any
/// more, or the book of this database has no such page as `to`.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    definition: &Definition,
    from: Point,
    to: Point,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query_file!(
        "src/sql/advance_checkpoint.sql",
        definition.schema_name,
        from.position.0,
        &from.hash.0[..],
        to.position.0,
        &to.hash.0[..]
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Tells every node why the projection stands still, unless it has moved on meanwhile.
pub(crate) async fn halt(
    connection: &mut PgConnection,
    definition: &Definition,
    at: Point,
    state: State,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "src/sql/halt_checkpoint.sql",
        definition.schema_name,
        at.position.0,
        &at.hash.0[..],
        state.as_str(),
        reason
    )
    .execute(connection)
    .await?;
    Ok(())
}
