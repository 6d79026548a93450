//! The database's schema: the one ordered history, then the tables of the projections. Run by the owner, never by the server.

use projections::{Definition, InstallError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("the database cannot be reached")]
    Connect(#[from] sqlx::Error),
    #[error("the migrations do not run")]
    Migrations(#[from] sqlx::migrate::MigrateError),
    #[error("the projections cannot be installed")]
    Projections(#[from] InstallError),
}

/// Does nothing where everything is there already.
pub async fn run(owner: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut connection = owner.connect().await?;
    eventstore::MIGRATOR.run_direct(None, &mut connection, false).await?;
    let definitions: Vec<_> = projections::ALL.iter().map(|projection| projection.definition()).collect();
    projections::install(&mut connection, &definitions).await?;
    connection.close().await?;
    Ok(())
}

/// Empties these read models, for the nodes to post them anew.
pub async fn begin_anew(owner: &PgConnectOptions, definitions: &[&'static Definition]) -> Result<(), MigrateError> {
    let mut connection = owner.connect().await?;
    projections::begin_anew(&mut connection, definitions).await?;
    connection.close().await?;
    Ok(())
}
