//! Makes the tables of the projections that are not there yet. Run as the owner, after the migrations.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::projection::Definition;

/// Two installers at once would make one schema twice. The number is arbitrary, and ours.
const INSTALL_LOCK: i64 = 0x6461_7962_6f6f_6b04;

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("the tables of {schema_name} were made by other statements: what changes them must come as a new version")]
    Changed { schema_name: &'static str },
    #[error("the tables of {schema_name} cannot be made")]
    Tables { schema_name: &'static str, source: sqlx::Error },
    #[error("the installed projections cannot be read")]
    Database(#[from] sqlx::Error),
}

/// Each projection's schema, tables and rights, and a checkpoint at the title page: all of it or nothing.
pub async fn install(owner: &mut PgConnection, definitions: &[&'static Definition]) -> Result<(), InstallError> {
    let mut tx = owner.begin().await?;
    sqlx::query_file!("src/sql/lock_installation.sql", INSTALL_LOCK).execute(&mut *tx).await?;
    for definition in definitions {
        install_in_tx(&mut tx, definition).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Empties read models: their tables as they are made at first, and the checkpoint at the title page, from where whoever runs
/// the projection posts the book anew. For tables that hold what the book does not, or that cannot be trusted any more.
pub async fn begin_anew(owner: &mut PgConnection, definitions: &[&'static Definition]) -> Result<(), InstallError> {
    for definition in definitions {
        let schema_name = definition.schema_name;
        // One at a time: each waits for the batch that its runner is posting, and keeps no other one waiting for that.
        let mut tx = owner.begin().await?;
        sqlx::query_file!("src/sql/lock_installation.sql", INSTALL_LOCK).execute(&mut *tx).await?;
        // The row first and then the tables, as a runner takes them.
        sqlx::query_file!("src/sql/delete_checkpoint.sql", schema_name).execute(&mut *tx).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {schema_name} CASCADE")))
            .execute(&mut *tx)
            .await
            .map_err(|source| InstallError::Tables { schema_name, source })?;
        install_in_tx(&mut tx, definition).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn install_in_tx(tx: &mut PgConnection, definition: &'static Definition) -> Result<(), InstallError> {
    let schema_name = definition.schema_name;
    let essence = essence(definition.tables);
    let installed =
        sqlx::query_file_scalar!("src/sql/find_installed.sql", schema_name, essence).fetch_optional(&mut *tx).await?;
    match installed {
        Some(true) => return Ok(()),
        Some(false) => return Err(InstallError::Changed { schema_name }),
        None => {}
    }
    // Names cannot be parameters; these are our own constants. The path is set back, so that no later statement of the
    // caller's transaction lands here.
    let statements = format!(
        "CREATE SCHEMA {schema_name};
        SET LOCAL search_path = {schema_name};
        {tables}
        SET LOCAL search_path = DEFAULT;
        GRANT USAGE ON SCHEMA {schema_name} TO daybook_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema_name} TO daybook_app;",
        tables = definition.tables,
    );
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut *tx)
        .await
        .map_err(|source| InstallError::Tables { schema_name, source })?;
    sqlx::query_file!("src/sql/insert_checkpoint.sql", schema_name, essence).execute(&mut *tx).await?;
    Ok(())
}

/// What of the statements makes the tables what they are: neither comments nor empty lines do.
fn essence(tables: &str) -> String {
    let lines = tables.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}
