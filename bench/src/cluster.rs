//! The one Postgres of a run, durable as that of `daybook dev`, and a database in it for each system. What durability
//! and speed hang on is asked of the server, not believed.

use std::path::{Path, PathBuf};

use api::servers::folder::Folder;
use api::servers::postgres::{Durability, Postgres};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Row};

use crate::failure::Failure;

/// Connections that a system may hold: what `postgres_es::default_postgress_pool` takes. On two cores more of them only wait
/// for each other in the server.
pub(crate) const POOL_CONNECTIONS_MAX: u32 = 10;

/// Without these nothing here is durable, and no figure worth anything.
const ASSERTED: [(&str, &str); 3] = [("synchronous_commit", "on"), ("fsync", "on"), ("full_page_writes", "on")];

/// Beside those, what the figures depend on.
const PRINTED: [&str; 8] = [
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "wal_compression",
    "wal_sync_method",
    "max_connections",
    "random_page_cost",
    "jit",
];

/// Fields are dropped in this order: the server stops before its folder is given up.
pub(crate) struct Cluster {
    postgres: Postgres,
    folder: Folder,
}

impl Cluster {
    /// A new one, in the folder that cargo builds into, so that it lies on a disk and goes with `cargo clean`.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let folder = Folder::open(&build_folder().join("bench-data"))?;
        Postgres::remove(&folder).await?;
        let pg_bin = std::env::var_os("PG_BIN").map(PathBuf::from);
        let postgres = Postgres::start(&folder, Durability::Durable, pg_bin.as_deref()).await?;
        Ok(Self { postgres, folder })
    }

    /// A new, empty book; logs in as the role of the running server.
    pub(crate) async fn book(&self, name: &str) -> Result<PgConnectOptions, Failure> {
        self.postgres.create_database(name, None).await?;
        api::migrate::run(&self.postgres.owner(name)).await?;
        let server = self.postgres.app(name);
        assert_durable(&server).await?;
        Ok(server)
    }

    /// A new database with the tables of a peer; logs in as their owner.
    pub(crate) async fn tables(&self, name: &str, schema: &'static str) -> Result<PgConnectOptions, Failure> {
        self.postgres.create_database(name, None).await?;
        let owner = self.postgres.owner(name);
        let mut connection = owner.connect().await?;
        sqlx::raw_sql(schema).execute(&mut connection).await?;
        connection.close().await?;
        assert_durable(&owner).await?;
        Ok(owner)
    }

    pub(crate) fn owner_url(&self, database: &str) -> String {
        self.postgres.owner_url(database)
    }

    pub(crate) fn app_url(&self, database: &str) -> String {
        self.postgres.app_url(database)
    }

    /// Where the programs that are started here may keep their keys.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// So that no system pays for the full pages, or meets the checkpoint, that another one has caused.
    pub(crate) async fn checkpoint(&self) -> Result<(), Failure> {
        let mut connection = self.postgres.superuser("postgres").connect().await?;
        sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// After a COPY: what autovacuum would do at a moment of its own choosing, in the middle of a measurement.
    pub(crate) async fn vacuum(&self, database: &str) -> Result<(), Failure> {
        let mut connection = self.postgres.superuser(database).connect().await?;
        sqlx::raw_sql("VACUUM (ANALYZE) book.events").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// `name = value` of everything that matters, and the server's version.
    pub(crate) async fn settings(&self) -> Result<(String, Vec<String>), Failure> {
        let mut connection = self.postgres.superuser("postgres").connect().await?;
        let mut settings = Vec::new();
        for name in ASSERTED.iter().map(|(name, _)| *name).chain(PRINTED) {
            settings.push(format!("{name} = {}", show(&mut connection, name).await?));
        }
        let version = show(&mut connection, "server_version").await?;
        connection.close().await?;
        Ok((version, settings))
    }

    /// Stops the server and removes all that was written.
    pub(crate) async fn remove(self) -> Result<(), Failure> {
        let Self { postgres, folder } = self;
        drop(postgres);
        Postgres::remove(&folder).await?;
        Ok(())
    }
}

/// Where this program lies, and `daybook` beside it.
pub(crate) fn build_folder() -> PathBuf {
    let program = std::env::current_exe().expect("Linux and macOS know the running program");
    program.parent().expect("a program lies in a folder").to_owned()
}

/// Asked as the system itself logs in: a role may have settings of its own.
async fn assert_durable(options: &PgConnectOptions) -> Result<(), Failure> {
    let mut connection = options.connect().await?;
    for (name, wanted) in ASSERTED {
        let found = show(&mut connection, name).await?;
        if found != wanted {
            return Err(Failure::Setting { name, wanted, found });
        }
    }
    Ok(connection.close().await?)
}

async fn show(connection: &mut sqlx::PgConnection, name: &str) -> Result<String, sqlx::Error> {
    sqlx::query("SELECT current_setting($1)").bind(name).fetch_one(connection).await?.try_get(0)
}
