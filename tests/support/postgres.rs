//! One Postgres a test run and one database a test, copied from a template that is migrated once.

use crate::scratch;
use api::servers::{
    folder::Folder,
    postgres::{Durability, Postgres},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    path::PathBuf,
    sync::{LazyLock, mpsc},
    thread,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

const TEMPLATE: &str = "daybook_template";
/// A test holds two pools, and as many tests run at once as there are cores.
const POOL_CONNECTIONS_MAX: u32 = 8;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

struct Cluster {
    postgres: Postgres,
    _folder: Folder,
}

/// The Postgres of this run, with a migrated template database.
pub async fn postgres() -> &'static Postgres {
    let start = || async {
        let folder = scratch::folder("postgres");
        let postgres = Postgres::start(&folder, Durability::Scratch, pg_bin().as_deref()).await;
        let postgres = postgres.expect("a Postgres server is installed: see scripts/install-dev");
        postgres.create_database(TEMPLATE, None).await.expect("a new cluster takes a database");
        migrate(postgres.owner(TEMPLATE)).await;
        Cluster { postgres, _folder: folder }
    };
    &CLUSTER.get_or_init(start).await.postgres
}

/// The server binaries to use instead of the installed ones.
pub fn pg_bin() -> Option<PathBuf> {
    std::env::var_os("PG_BIN").map(PathBuf::from)
}

async fn migrate(owner: PgConnectOptions) {
    let mut connection = owner.connect().await.expect("the owner may log in");
    eventstore::MIGRATOR.run(&mut connection).await.expect("the migrations run on an empty database");
    let read_models = projections::ALL.map(|projection| projection.definition());
    projections::install(&mut connection, &read_models).await.expect("the read models' tables can be made");
    connection.close().await.expect("nobody copies a database in use");
}

/// A migrated database of this test's own, dropped with it.
pub struct Database {
    name: String,
    /// As the role that owns everything in it.
    pub owner: PgPool,
    /// As the role of the running server.
    pub app: PgPool,
}

impl Database {
    /// A database with the book's tables and nothing in them.
    pub async fn fresh() -> Self {
        Self::copy_of(Some(TEMPLATE)).await
    }

    /// A database in which no migration has run.
    pub async fn empty() -> Self {
        Self::copy_of(None).await
    }

    async fn copy_of(template: Option<&str>) -> Self {
        let postgres = postgres().await;
        let name = format!("test_{}", Uuid::new_v4().simple());
        postgres.create_database(&name, template).await.expect("the template is not in use");
        let pool = |options| PgPoolOptions::new().max_connections(POOL_CONNECTIONS_MAX).connect_lazy_with(options);
        Self { owner: pool(postgres.owner(&name)), app: pool(postgres.app(&name)), name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Logs in as the role that owns everything in it.
    pub fn owner_options(&self) -> PgConnectOptions {
        started().owner(&self.name)
    }

    /// Logs in as the role of the running server.
    pub fn app_options(&self) -> PgConnectOptions {
        started().app(&self.name)
    }

    /// DATABASE_URL for a `daybook` that runs as a process of its own, as the role of the running server.
    pub fn app_url(&self) -> String {
        started().app_url(&self.name)
    }

    /// The same as the owner, for `daybook migrate`.
    pub fn owner_url(&self) -> String {
        started().owner_url(&self.name)
    }
}

/// A test may panic with its connections open, and its runtime ends with it: the drop is another thread's work.
impl Drop for Database {
    fn drop(&mut self) {
        static DROPPING: LazyLock<mpsc::Sender<String>> = LazyLock::new(|| {
            let (names, dropped) = mpsc::channel();
            thread::spawn(move || drop_databases(&dropped));
            names
        });
        // The thread ends with the process alone, and the cluster with it.
        let _unless_at_the_end = DROPPING.send(std::mem::take(&mut self.name));
    }
}

fn drop_databases(names: &mpsc::Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime needs no more");
    for name in names {
        let dropped: Result<(), sqlx::Error> = runtime.block_on(async {
            let mut connection = started().superuser("postgres").connect().await?;
            let statement = format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#);
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
            connection.close().await
        });
        if let Err(error) = dropped {
            eprintln!("the database {name} stays until the end of the run: {error}");
        }
    }
}

fn started() -> &'static Postgres {
    &CLUSTER.get().expect("a database is made by a started cluster").postgres
}
