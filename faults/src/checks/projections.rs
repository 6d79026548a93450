//! I7: every read model equals a replay of the book from position 0. Its schema is set aside, made anew, posted by the same
//! runner, and compared row by row, both ways.

use eventstore::{Book, Feed};
use projections::{Definition, Progress, Projection, Round, Runner};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool};

use crate::{
    cluster::Cluster,
    error::{Error, chain},
};

pub(super) async fn equal_a_replay(cluster: &Cluster, database: &str, pool: &PgPool) -> Vec<String> {
    let mut violations = Vec::new();
    for projection in projections::ALL {
        let name = projection.definition().name;
        match compare(cluster, database, pool, projection).await {
            Ok(found) => violations.extend(found),
            Err(error) => violations.push(format!("{name} cannot be replayed: {}", chain(&error))),
        }
    }
    violations
}

#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Harness(#[from] Error),
    #[error("the tables cannot be made")]
    Install(#[from] projections::InstallError),
    #[error("the runner stops")]
    Run(#[from] projections::RunError),
    #[error("the tables cannot be compared")]
    Database(#[from] sqlx::Error),
}

async fn compare(
    cluster: &Cluster,
    database: &str,
    pool: &PgPool,
    projection: &'static dyn Projection,
) -> Result<Vec<String>, ReplayError> {
    let definition = projection.definition();
    let schema = definition.schema_name;
    let mut owner = cluster.owner(database)?.connect().await?;
    let parked: i64 = sqlx::query_scalar("SELECT count(*) FROM projection.parked").fetch_one(&mut owner).await?;
    // Names cannot be parameters; these are the program's own constants.
    let set_aside = format!(
        "ALTER SCHEMA {schema} RENAME TO {schema}_before; DELETE FROM projection.checkpoints WHERE schema_name = '{schema}'"
    );
    for statement in set_aside.split("; ") {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut owner).await?;
    }
    projections::install(&mut owner, &[definition]).await?;
    let mut runner =
        Runner::new(projection, cluster.app(database)?, Feed::new(Book::new(pool.clone())), Progress::default());
    while runner.run_once().await? != Round::Idle {}
    let mut violations = Vec::new();
    if parked > 0 {
        violations.push(format!("{parked} streams are parked"));
    }
    for table in tables(&mut owner, definition).await? {
        let differing = differing(&mut owner, schema, &table).await?;
        if differing > 0 {
            violations.push(format!("{schema}.{table}: {differing} rows differ from a replay"));
        }
    }
    owner.close().await?;
    Ok(violations)
}

async fn tables(owner: &mut PgConnection, definition: &Definition) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1")
        .bind(definition.schema_name)
        .fetch_all(owner)
        .await
}

/// Rows that only one of the two has; as text, because json has no equality.
async fn differing(owner: &mut PgConnection, schema: &str, table: &str) -> Result<i64, sqlx::Error> {
    let rows = |schema: &str| format!("SELECT {table}::text FROM {schema}.{table}");
    let (one, other) = (rows(schema), rows(&format!("{schema}_before")));
    let query =
        format!("SELECT count(*) FROM (({one} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {one})) AS differing");
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(owner).await
}
