//! Why the harness itself could not go on: none of these is a finding about Daybook.

use std::{io, path::PathBuf, time::Duration};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the folder of the run cannot be used")]
    Folder(#[from] api::servers::folder::FolderError),
    #[error("{} cannot be used", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the private Postgres cannot be started")]
    Postgres(#[from] api::servers::postgres::StartError),
    #[error("the private Postgres is not running at this moment")]
    PostgresDown,
    #[error("the schema cannot be made")]
    Migrate(#[from] api::migrate::MigrateError),
    #[error("the database cannot be asked")]
    Database(#[from] sqlx::Error),
    #[error("the book cannot be read")]
    Book(#[from] eventstore::ReadError),
    #[error("a key for tokens cannot be made")]
    Key(#[from] api::auth::signing::SigningKeyError),
    #[error("no local port can be had")]
    Port(#[source] io::Error),
    #[error("the program cannot be started")]
    Start(#[source] io::Error),
    #[error("the program {} is not there: scripts/faults builds it", .0.display())]
    NoProgram(PathBuf),
    #[error("a process cannot be signalled")]
    Signal(#[source] io::Error),
    #[error("{what} did not happen within {within:?}")]
    TooLate { what: String, within: Duration },
    #[error("a fault cannot be made: {0}")]
    Impossible(String),
}

/// An error with what led to it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
