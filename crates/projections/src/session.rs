//! Connections of the projections: the settings of the pool that queries read through, and of each runner's own
//! connection, which is made again when it breaks.

use std::time::Duration;

use eventstore::session;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use crate::projection::Definition;

/// A server that does not answer to a connection attempt for this long is not there.
const CONNECT_S: u64 = 3;

/// A batch takes a fraction of a second. A statement that takes longer than this waits for something that may never
/// come.
const STATEMENT_TIMEOUT: &str = "60s";

/// A runner that was stopped in the middle of a batch holds its checkpoint; after this long another one may take over.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "30s";

/// Settings for a pool that queries the read models. Tables have names of their own over all projections, so that one
/// path finds every one and one statement may read several in one snapshot.
#[must_use]
pub fn reading(options: PgConnectOptions) -> PgConnectOptions {
    let schemas: Vec<&str> = crate::ALL.iter().map(|projection| projection.definition().schema_name).collect();
    session::reading(options).options([
        ("search_path", schemas.join(",")),
        // Which index serves a list is for its filters to say.
        ("plan_cache_mode", "auto".to_owned()),
    ])
}

/// The connection of one runner, when there is one.
pub(crate) struct Session {
    options: PgConnectOptions,
    open: Option<PgConnection>,
}

impl Session {
    pub(crate) fn new(options: PgConnectOptions, definition: &Definition) -> Self {
        let options = session::reading(options)
            .application_name(&format!("daybook {}", definition.name))
            .options([
                ("search_path", definition.schema_name),
                // Rows and checkpoint are lost together in a crash of Postgres, and posted again.
                ("synchronous_commit", "off"),
                ("statement_timeout", STATEMENT_TIMEOUT),
                ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT),
            ])
            .disable_statement_logging();
        Self { options, open: None }
    }

    pub(crate) async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        if self.open.is_none() {
            let connection = timeout(Duration::from_secs(CONNECT_S), self.options.connect())
                .await
                .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))??;
            self.open = Some(connection);
        }
        Ok(self.open.as_mut().expect("opened above"))
    }

    /// Closes the socket without a word: the other side may be the reason.
    pub(crate) fn drop_connection(&mut self) {
        self.open = None;
    }
}
