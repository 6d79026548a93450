//! Which book a subcommand is about: the one that is named, or the one of a `daybook dev` on this machine.

use std::path::PathBuf;

use clap::Args;
use eventstore::session;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::Failure;
use crate::config::{NodeConfigError, Secret};
use crate::dev;

/// A subcommand asks one thing after another.
const CONNECTIONS_MAX: u32 = 2;

#[derive(Debug, Args)]
pub(super) struct BookArgs {
    /// The Postgres that holds the book [default: the one of the `daybook dev` that runs in the data folder]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<Secret>,
    /// The data folder of `daybook dev`
    #[arg(long, env = "DAYBOOK_DATA", default_value = ".daybook", value_name = "DIR")]
    data: PathBuf,
}

impl BookArgs {
    /// Connected, so that a wrong address is said at once.
    pub(super) async fn pool(&self) -> Result<PgPool, Failure> {
        self.pool_of(session::reading).await
    }

    /// The same, with other settings of its connections.
    pub(super) async fn pool_of(
        &self,
        settings: impl FnOnce(PgConnectOptions) -> PgConnectOptions,
    ) -> Result<PgPool, Failure> {
        let options = settings(self.options()?);
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).connect_with(options).await;
        pool.map_err(|error| Failure::usage(&Unreachable(error)))
    }

    pub(super) fn options(&self) -> Result<PgConnectOptions, Failure> {
        let url = match &self.database_url {
            Some(url) => url.expose().to_owned(),
            None => dev::postgres_of(&self.data).map_err(|error| Failure::usage(&error))?,
        };
        url.parse().map_err(|error| Failure::usage(&NodeConfigError::Database(error)))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the database cannot be reached")]
struct Unreachable(#[source] sqlx::Error);
