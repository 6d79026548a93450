//! The Postgres of `daybook dev`: a private one in the data folder, or the one that was named.

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::DevConfig;
use crate::cli::Failure;
use crate::config::NodeConfigError;
use crate::servers::folder::Folder;
use crate::servers::postgres::{DATABASE, Durability, Postgres};

/// How often the private Postgres is looked after.
const LOOK: Duration = Duration::from_millis(250);

/// Where the book is, and who may do what with it.
pub(super) struct Database {
    /// Migrates.
    pub(super) owner: PgConnectOptions,
    /// Everything else.
    pub(super) server: PgConnectOptions,
    /// What psql takes.
    pub(super) url: String,
    pub(super) private: Option<Postgres>,
}

#[derive(Debug, thiserror::Error)]
#[error("--fresh begins a new private Postgres, and this book is in one of yours: make it empty yourself")]
struct NotOurs;

#[derive(Debug, thiserror::Error)]
#[error("the private Postgres ended by itself; its log is {}", log.display())]
struct Ended {
    log: PathBuf,
}

impl Database {
    pub(super) async fn start(config: &DevConfig, folder: &Folder) -> Result<Self, Failure> {
        if let Some(url) = &config.database_url {
            if config.fresh {
                return Err(Failure::usage(&NotOurs));
            }
            let options: PgConnectOptions =
                url.expose().parse().map_err(|error| Failure::usage(&NodeConfigError::Database(error)))?;
            tracing::warn!("the server logs in as the owner of the named database: good for development alone");
            let url = url.expose().to_owned();
            return Ok(Self { owner: options.clone(), server: options, url, private: None });
        }
        let bin = config.postgres_bin.as_deref();
        if config.fresh {
            Postgres::remove(folder).await.map_err(|error| Failure::usage(&error))?;
        }
        let postgres =
            Postgres::start(folder, Durability::Durable, bin).await.map_err(|error| Failure::usage(&error))?;
        Ok(Self {
            owner: postgres.owner(DATABASE),
            server: postgres.app(DATABASE),
            url: postgres.app_url(DATABASE),
            private: Some(postgres),
        })
    }
}

/// Looks after a private Postgres. Returns when it has ended by itself, which nothing can be done without.
pub(super) async fn ended(private: &mut Option<Postgres>) -> Failure {
    let Some(postgres) = private else { return pending().await };
    while !postgres.ended() {
        tokio::time::sleep(LOOK).await;
    }
    Failure::fault(&Ended { log: postgres.log() })
}
