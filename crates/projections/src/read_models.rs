//! What every query stands on: the pool, the position that an answer reflects, and waiting for a position.

use std::time::Duration;

use eventstore::Position;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use crate::{progress::Progress, projection::Definition};

/// How soon a waiting query looks at the checkpoint itself, whose runner may be in another process: at first, and at
/// the longest.
const POLL_MIN: Duration = Duration::from_millis(10);
const POLL_MAX: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("the read model cannot be read")]
    Database(#[source] sqlx::Error),
    /// It is of a type that Postgres has, but not a value that Postgres takes: a text with NUL, a time before all
    /// calendars.
    #[error("a value of the query is not one that can be stored, so nothing can be found by it")]
    UnusableValue(#[source] sqlx::Error),
    /// Nothing short is shown as if it were whole.
    #[error("what {projection} shows here is incomplete: some of its events could not be posted")]
    Incomplete { projection: &'static str },
    #[error("{projection} has reached position {reached}, not yet {wanted}")]
    Behind { projection: &'static str, wanted: Position, reached: Position },
    #[error("the tables of {schema_name} are not there: run `daybook migrate`")]
    NotInstalled { schema_name: &'static str },
    #[error("the cursor is not one of this collection with these filters")]
    InvalidCursor,
}

/// The point in the book's history that an answer shows, read in the same snapshot as the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reflects {
    pub position: Position,
    /// For how long the next event has been waiting to be posted; 0 when there is none.
    pub lag_ms: i64,
}

impl Reflects {
    /// Of an answer that is shown as whole, which it must be.
    pub(crate) fn whole(
        definition: &'static Definition,
        position: i64,
        lag_ms: i64,
        is_incomplete: bool,
    ) -> Result<Self, QueryError> {
        if is_incomplete {
            return Err(QueryError::Incomplete { projection: definition.name });
        }
        Ok(Self { position: Position(position), lag_ms })
    }
}

impl From<sqlx::Error> for QueryError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        if code.is_some_and(|code| code.starts_with("22")) { Self::UnusableValue(error) } else { Self::Database(error) }
    }
}

impl QueryError {
    pub(crate) fn not_installed(definition: &'static Definition) -> Self {
        Self::NotInstalled { schema_name: definition.schema_name }
    }
}

/// The read models, for the queries over them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReadModels {
    pool: PgPool,
    pub(crate) progress: Progress,
}

impl ReadModels {
    /// The pool's connections must be made with [`reading`](crate::reading). The progress is the one that the runners
    /// of this process share, if it has any.
    #[must_use]
    pub fn new(pool: PgPool, progress: Progress) -> Self {
        Self { pool, progress }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Until the projections reflect a position. Whoever then queries still compares it with what the answer reflects:
    /// after a crash of Postgres a projection posts its last moments anew.
    pub async fn wait_for(
        &self,
        projections: &[&'static Definition],
        position: Position,
        patience: Duration,
    ) -> Result<(), QueryError> {
        #[cfg(feature = "planted-bugs")]
        self.leave_a_transaction_open().await;
        let give_up_at = Instant::now() + patience;
        for projection in projections {
            self.wait_for_one(projection, position, give_up_at).await?;
        }
        Ok(())
    }

    /// The planted bug `leaked-transaction`: once a process, a connection goes back to the pool inside a transaction.
    #[cfg(feature = "planted-bugs")]
    async fn leave_a_transaction_open(&self) {
        static LEFT: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
        if eventstore::planted::is("leaked-transaction")
            && let Ok(mut connection) = self.pool.acquire().await
            && !LEFT.swap(true, std::sync::atomic::Ordering::Relaxed)
        {
            let _begun = sqlx::raw_sql("BEGIN").execute(&mut *connection).await;
            // Nobody takes it again, so that it stays as it is.
            let _held = connection.leak();
            std::mem::forget(_held);
        }
    }

    async fn wait_for_one(
        &self,
        definition: &'static Definition,
        wanted: Position,
        give_up_at: Instant,
    ) -> Result<(), QueryError> {
        let mut standing = self.progress.watch(definition);
        let mut pause = POLL_MIN;
        // Where no runner of this process tells how far it is, the checkpoint is asked at once.
        let mut ask = standing.borrow().position.is_none();
        loop {
            if standing.borrow_and_update().position.is_some_and(|reached| reached >= wanted) {
                return Ok(());
            }
            if ask {
                let reached = self.reached(definition).await?;
                if reached >= wanted {
                    return Ok(());
                }
                if Instant::now() >= give_up_at {
                    return Err(QueryError::Behind { projection: definition.name, wanted, reached });
                }
            }
            let until_next = pause.min(give_up_at.saturating_duration_since(Instant::now()));
            ask = tokio::select! {
                _ = standing.changed() => false,
                () = sleep(until_next) => true,
            };
            if ask {
                pause = (pause * 2).min(POLL_MAX);
            }
        }
    }

    async fn reached(&self, definition: &'static Definition) -> Result<Position, QueryError> {
        let position = sqlx::query_file_scalar!("src/sql/read_position.sql", definition.schema_name)
            .fetch_optional(self.pool())
            .await?;
        position.map(Position).ok_or(QueryError::not_installed(definition))
    }
}
