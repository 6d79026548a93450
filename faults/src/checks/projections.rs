//! I7: every read model equals a replay of the book from position 0. Its schema is set aside, made anew, posted by two
//! runners that take over from each other, and compared row by row, both ways.

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

/// Events that the second runner reads at once.
const SECOND_BATCH: usize = 97;

#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Harness(#[from] Error),
    #[error("the head of the book cannot be read")]
    Head(#[from] eventstore::ReadError),
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
    replay(cluster, database, pool, projection).await?;
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

/// In two halves, the second by another runner, as after a crash: it begins at the checkpoint that the first one left. The
/// first goes on beside it, so that every page may come twice.
async fn replay(
    cluster: &Cluster,
    database: &str,
    pool: &PgPool,
    projection: &'static dyn Projection,
) -> Result<(), ReplayError> {
    let book = Book::new(pool.clone());
    let events = usize::try_from(book.head().await?.point.position.0).unwrap_or_default();
    let runner = |batch| -> Result<Runner, Error> {
        let feed = Feed::new(book.clone());
        Ok(Runner::new(projection, cluster.app(database)?, feed, Progress::default()).in_batches_of(batch))
    };
    let mut first = runner(events.div_ceil(2).max(1))?;
    first.run_once().await?;
    // In steps that end elsewhere than the first one's.
    let mut second = runner(SECOND_BATCH)?;
    loop {
        let (one, other) = tokio::join!(first.run_once(), second.run_once());
        if [one?, other?].iter().all(|round| *round == Round::Idle) {
            return Ok(());
        }
    }
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
