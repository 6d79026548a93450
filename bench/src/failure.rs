//! Why a measurement could not be made. Whatever fails ends the run: half a table would be read as a whole one.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use api::auth::signing::SigningKeyError;
use api::migrate::MigrateError;
use api::servers::folder::FolderError;
use api::servers::postgres::StartError;
use commands::command::CommandError;
use eventstore::{AppendError, ReadError, VerifyError};
use projections::QueryError;
use tokio::task::JoinError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the folder of the bench cannot be used")]
    Folder(#[from] FolderError),
    #[error("the private Postgres does not start")]
    Postgres(#[from] StartError),
    #[error("a book cannot be made")]
    Migrate(#[from] MigrateError),
    #[error("a statement of the bench failed")]
    Sql(#[from] sqlx::Error),
    #[error("the setting {name} is {found:?} where {wanted:?} is measured")]
    Setting { name: &'static str, wanted: &'static str, found: String },
    #[error("a command did not succeed")]
    Command(#[from] CommandError),
    #[error("the book cannot be read")]
    Read(#[from] ReadError),
    #[error("the book cannot be appended to")]
    Append(#[from] AppendError),
    #[error("the book is not whole")]
    Verify(#[from] VerifyError),
    #[error("cqrs-es did not do what it was asked")]
    CqrsEs(#[source] Box<dyn Error + Send + Sync>),
    #[error("the plain baseline did not do what it was asked: {0}")]
    PlainInsert(String),
    #[error("a client ended before its time")]
    Client(#[from] JoinError),
    #[error("the read models cannot be asked")]
    Query(#[from] QueryError),
    #[error("the signing key cannot be used")]
    SigningKey(#[from] SigningKeyError),
    #[error("{program} cannot be run")]
    Program {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("{program} said what is not understood: {said}")]
    Said { program: String, said: String },
    #[error("the server was not ready within its time")]
    NotReady,
    #[error("the server does not answer")]
    Http(#[source] Box<dyn Error + Send + Sync>),
    #[error("the server answered {status} to {asked}")]
    Refused { asked: String, status: u16 },
    #[error("{} cannot be written", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("a picture cannot be drawn")]
    Picture(#[source] Box<dyn Error + Send + Sync>),
}
