//! Everything that follows a book, driven by hand: as in three nodes with a role each, whose parts share one reading.

use std::sync::Arc;

use ::commands::{
    executor::Commands,
    gateway::{Gateways, simulated::Simulated},
    process::{
        self,
        runner::{ProcessError, ProcessRunner, Round as ProcessRound},
    },
};
use ::projections::{ApplyError, Progress, Projection, Round, RunError, Runner};
use eventstore::{
    Book, Feed, FollowError,
    publisher::{PublishError, Publisher, PublisherConfig},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// One for each process, and one to spare.
const PROCESS_CONNECTIONS: u32 = 4;

pub(super) struct Followers {
    publishing: Feed,
    /// In the order of [`projections::ALL`].
    pub(super) projections: Vec<Runner>,
    /// payment, fulfilment, expiry
    pub(super) processes: Vec<ProcessRunner>,
}

impl Followers {
    pub(super) async fn of(book: Book, options: &PgConnectOptions, commands: &Commands) -> Self {
        let (publishing, feed, progress) = (Feed::new(book.clone()), Feed::new(book.clone()), Progress::default());
        let runner = |projection| Runner::new(projection, options.clone(), feed.clone(), Progress::clone(&progress));
        let projections = ::projections::ALL.into_iter().map(runner).collect();
        let pool = PgPoolOptions::new().max_connections(PROCESS_CONNECTIONS).connect_lazy_with(options.clone());
        let gateways = Gateways::default().with(Arc::new(Simulated::default()));
        let (mut processes, feed) = (Vec::new(), Feed::new(book));
        for process in process::all(&gateways) {
            let runner = ProcessRunner::new(process, pool.clone(), feed.clone(), commands.clone());
            processes.push(runner.await.unwrap());
        }
        Self { publishing, projections, processes }
    }

    pub(super) fn publisher(&self, config: PublisherConfig) -> Publisher {
        Publisher::new(config, self.publishing.clone())
    }

    /// Everybody reads to the head, and does what there is to do.
    pub(super) async fn catch_up(&mut self) {
        let head = async || self.publishing.book().head().await.unwrap();
        loop {
            let before = head().await;
            for process in &mut self.processes {
                react_to_all(process).await.unwrap();
            }
            // What one has added may be for another to react to.
            if head().await == before {
                break;
            }
        }
        for runner in &mut self.projections {
            post_all(runner).await.unwrap();
        }
    }
}

pub(super) async fn post_all(runner: &mut Runner) -> Result<(), RunError> {
    loop {
        match runner.run_once().await? {
            Round::Idle => return Ok(()),
            Round::Advanced { .. } | Round::Elsewhere => {}
        }
    }
}

pub(super) async fn react_to_all(process: &mut ProcessRunner) -> Result<(), ProcessError> {
    loop {
        match process.run_once().await? {
            ProcessRound::Idle => return Ok(()),
            ProcessRound::Worked | ProcessRound::Elsewhere => {}
        }
    }
}

pub(super) async fn publish_all(publisher: &mut Publisher) -> Result<(), PublishError> {
    while publisher.run_once().await? > 0 {}
    Ok(())
}

/// Finds that its connection is gone, and then that the book went back.
pub(super) async fn check_told_by_a_projection(runner: &mut Runner) {
    let mut round = post_all(runner).await;
    if matches!(round, Err(RunError::Database(_) | RunError::Apply(ApplyError::Database(_)))) {
        round = post_all(runner).await;
    }
    let name = runner.name();
    let told = matches!(round, Err(RunError::Refused(FollowError::BookWentBack { .. })));
    assert!(told, "{name} does not say that the book went back: {round:?}");
}

pub(super) async fn check_told_by_a_process(process: &mut ProcessRunner) {
    let (name, round) = (process.name(), react_to_all(process).await);
    let told = matches!(round, Err(ProcessError::Follow(FollowError::BookWentBack { .. })));
    assert!(told, "{name} does not say that the book went back: {round:?}");
}

/// The tables of every read model are those that a replay of this book from its first page makes.
pub(super) async fn check_read_models(owner: &PgConnectOptions, app: &PgConnectOptions) {
    let pool = PgPool::connect_lazy_with(owner.clone());
    let book = Book::new(PgPool::connect_lazy_with(eventstore::session::reading(app.clone())));
    let mut rows = 0;
    for projection in ::projections::ALL {
        let schema = projection.definition().schema_name;
        post_anew(owner, app, projection, book.clone()).await;
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY tablename")
                .bind(schema)
                .fetch_all(&pool)
                .await
                .unwrap();
        for table in tables {
            let of = |schema: &str| format!("SELECT {table}::text FROM {schema}.{table}");
            let (anew, before) = (of(schema), of(&format!("{schema}_before")));
            let query = format!(
                "SELECT (SELECT count(*) FROM (({anew} EXCEPT ALL {before}) UNION ALL ({before} EXCEPT ALL {anew})) AS d),
                    (SELECT count(*) FROM {schema}.{table})"
            );
            let (differing, of): (i64, i64) = sqlx::query_as(AssertSqlSafe(query)).fetch_one(&pool).await.unwrap();
            assert_eq!(differing, 0, "{schema}.{table} is not what a replay makes");
            rows += of;
        }
    }
    assert!(rows > 0, "the read models are empty, so nothing was compared");
}

/// Sets the tables aside and makes them anew.
async fn post_anew(owner: &PgConnectOptions, app: &PgConnectOptions, projection: &'static dyn Projection, book: Book) {
    let definition = projection.definition();
    let schema = definition.schema_name;
    let set_aside = format!(
        "ALTER SCHEMA {schema} RENAME TO {schema}_before;
         DELETE FROM projection.checkpoints WHERE schema_name = '{schema}';"
    );
    let mut owner = owner.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(set_aside)).execute(&mut owner).await.unwrap();
    ::projections::install(&mut owner, &[definition]).await.unwrap();
    post_all(&mut Runner::new(projection, app.clone(), book, Progress::default())).await.unwrap();
}
