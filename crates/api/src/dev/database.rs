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

/// The one that was named, as its owner; checked before anything is begun.
pub(super) struct Named {
    options: PgConnectOptions,
    url: String,
}

impl Named {
    pub(super) fn of(config: &DevConfig) -> Result<Option<Self>, Failure> {
        let Some(url) = &config.database_url else { return Ok(None) };
        if config.fresh {
            return Err(Failure::usage(&NotOurs));
        }
        let options = url.expose().parse().map_err(|error| Failure::usage(&NodeConfigError::Database(error)))?;
        Ok(Some(Self { options, url: url.expose().to_owned() }))
    }
}

impl Database {
    pub(super) async fn start(named: Option<Named>, config: &DevConfig, folder: &Folder) -> Result<Self, Failure> {
        if let Some(Named { options, url }) = named {
            tracing::warn!("the server logs in as the owner of the named database: good for development alone");
            return Ok(Self { owner: options.clone(), server: options, url, private: None });
        }
        if config.fresh {
            Postgres::remove(folder).await.map_err(|error| Failure::usage(&error))?;
        }
        let bin = config.postgres_bin.as_deref();
        let started = Postgres::start(folder, Durability::Durable, bin).await;
        let postgres = started.map_err(|error| Failure::usage(&error))?;
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
