//! Connections to the book: their settings, and the writer's own one, which is made again when it breaks.

use std::{borrow::Cow, error::Error, time::Duration};

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::time::{error::Elapsed, timeout};

use crate::append;

/// A server that does not answer to a connection attempt for this long is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Longer than the longest stall of a disk that is still worth waiting for; the statement's answer is unknown then.
const STATEMENT_TIMEOUT: &str = "5s";

/// A rival holds a position for one commit. One that holds it longer is stopped, and we look again.
const LOCK_TIMEOUT: &str = "1s";

/// Seeing that the synchronous standbys have what is in the book. Longer than the longest stall of a disk.
const STANDBYS_LIMIT: Duration = Duration::from_secs(7);

/// Claiming a turn and giving it back. Beyond the lock timeout, so that it is the server that gives up waiting.
const TURN_LIMIT: Duration = Duration::from_secs(3);

/// Settings for a pool that reads the book. The plan of a statement is cached for the life of a connection; one that
/// was made while the book was small would scan the whole of it until the next ANALYZE. Every statement goes by an index
/// whatever it is asked for: a plan of its own for each array of streams costs more than the reading.
#[must_use]
pub fn reading(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("enable_seqscan", "off"), ("jit", "off"), ("plan_cache_mode", "force_generic_plan")])
}

/// Settings of the one connection that appends.
#[must_use]
pub fn writing(options: PgConnectOptions) -> PgConnectOptions {
    reading(options)
        .application_name("daybook writer")
        .options([("statement_timeout", STATEMENT_TIMEOUT), ("lock_timeout", LOCK_TIMEOUT)])
        .disable_statement_logging()
}

/// The connection of a writer, when there is one.
#[derive(Debug)]
pub(crate) struct Session {
    options: PgConnectOptions,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    connection: PgConnection,
    /// Whether this session keeps other writers waiting for their turn; the server forgets it with the connection.
    holds_turn: bool,
}

impl Session {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        Self { options: writing(options), open: None }
    }

    /// The connection, made if there is none. A server that has just come back shows commits that it had on its own disk when it
    /// fell: they are on the standbys too before anything is answered from here. And one that cannot commit is none.
    pub(crate) async fn connection(&mut self) -> Result<&mut PgConnection, SessionError> {
        if self.open.is_none() {
            let connection = match timeout(CONNECT_LIMIT, self.options.connect()).await {
                Ok(connected) => connected.map_err(SessionError::NotConnected)?,
                Err(_) => return Err(SessionError::NotConnectedInTime),
            };
            self.open = Some(Open { connection, holds_turn: false });
            if let Err(error) = self.await_standbys().await {
                self.open = None;
                return Err(match error {
                    SessionError::Failed(error) => SessionError::NotConnected(error),
                    SessionError::NotAnswered => SessionError::NotConnectedInTime,
                    error => error,
                });
            }
        }
        Ok(&mut self.open.as_mut().expect("opened above").connection)
    }

    /// Returns once the synchronous standbys, if there are any, have all that can be seen on this connection.
    pub(crate) async fn await_standbys(&mut self) -> Result<(), SessionError> {
        let Some(Open { connection, .. }) = self.open.as_mut() else { return Err(SessionError::NotConnectedInTime) };
        let query = sqlx::query_file!("src/sql/await_standbys.sql");
        let outcome = timeout(STANDBYS_LIMIT, query.fetch_one(connection)).await;
        match self.judge(outcome)?.written_to {
            Some(_) => Ok(()),
            None => Err(SessionError::StandbyAway),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.open.is_some()
    }

    /// What a statement on the connection came to. One that was not answered in time, or that failed in a way that says
    /// something about the connection, costs the connection.
    pub(crate) fn judge<T>(&mut self, outcome: Result<Result<T, sqlx::Error>, Elapsed>) -> Result<T, SessionError> {
        let failed = match outcome {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => SessionError::Failed(error),
            Err(_) => SessionError::NotAnswered,
        };
        if failed.costs_the_connection() {
            self.open = None;
        }
        Err(failed)
    }

    /// Keeps the other writers waiting, where that can be had within the lock timeout.
    pub(crate) async fn claim_turn(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.holds_turn) {
            return;
        }
        match self.try_claim_turn().await {
            Ok(()) => self.open.iter_mut().for_each(|open| open.holds_turn = true),
            Err(error) => tracing::debug!(error = &error as &dyn Error, "another writer has the turn"),
        }
    }

    async fn try_claim_turn(&mut self) -> Result<(), SessionError> {
        let connection = self.connection().await?;
        let claimed = timeout(TURN_LIMIT, sqlx::query_file!("src/sql/claim_turn.sql").fetch_one(connection)).await;
        self.judge(claimed).map(drop)
    }

    pub(crate) async fn release_turn(&mut self) {
        let Some(open) = self.open.as_mut().filter(|open| open.holds_turn) else { return };
        let release = sqlx::query_file!("src/sql/release_turn.sql").fetch_one(&mut open.connection);
        open.holds_turn = false;
        if !matches!(timeout(TURN_LIMIT, release).await, Ok(Ok(_))) {
            // The server lets go of the lock with the connection.
            self.open = None;
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("there is no connection to the database")]
    NotConnected(#[source] sqlx::Error),
    #[error("a connection to the database was not made in time")]
    NotConnectedInTime,
    #[error("the synchronous standby does not confirm an earlier commit")]
    StandbyAway,
    #[error("the statement failed")]
    Failed(#[source] sqlx::Error),
    #[error("the statement was not answered in time")]
    NotAnswered,
}

impl SessionError {
    /// Then no statement was sent, and none can commit.
    pub(crate) fn is_not_connected(&self) -> bool {
        matches!(self, Self::NotConnected(_) | Self::NotConnectedInTime | Self::StandbyAway)
    }

    pub(crate) fn is_lock_timeout(&self) -> bool {
        self.sqlstate().as_deref() == Some("55P03")
    }

    /// The server has said that it took nothing, and will not for a while.
    pub(crate) fn is_disk_full(&self) -> bool {
        self.sqlstate().as_deref() == Some("53100")
    }

    /// Most failures do: a new connection may reach the server that has taken over, and holds no plan of before a
    /// migration. But a lock or a statement that took too long, a lost race and refused values are the answers of a
    /// healthy one.
    fn costs_the_connection(&self) -> bool {
        !self.sqlstate().is_some_and(|code| {
            matches!(code.as_ref(), "55P03" | "57014" | "40P01") || append::is_about_the_values(&code)
        })
    }

    fn sqlstate(&self) -> Option<Cow<'_, str>> {
        let Self::Failed(error) = self else { return None };
        error.as_database_error()?.code()
    }
}
