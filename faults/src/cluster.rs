//! The Postgres of the harness: its own, real, and restarted as often as a fault ends it. One migrated template, from which
//! every run gets a database of its own.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use api::servers::{
    folder::Folder,
    postgres::{Durability, Postgres},
};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{sleep, timeout};

use crate::error::Error;

const TEMPLATE: &str = "daybook_template";
/// A crash recovery on a busy machine.
const BACK_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

pub(crate) struct Cluster {
    folder: Folder,
    server: Mutex<Option<Postgres>>,
}

impl Cluster {
    pub(crate) async fn start(path: &Path) -> Result<Self, Error> {
        let folder = Folder::open(path)?;
        // Nothing waits for the disk: these faults end processes, and what a process wrote outlives it.
        let server = Postgres::start(&folder, Durability::Scratch, binaries().as_deref()).await?;
        server.create_database(TEMPLATE, None).await?;
        api::migrate::run(&server.owner(TEMPLATE)).await?;
        Ok(Self { folder, server: Mutex::new(Some(server)) })
    }

    fn server(&self) -> MutexGuard<'_, Option<Postgres>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, ask: impl FnOnce(&Postgres) -> T) -> Result<T, Error> {
        self.server().as_ref().map(ask).ok_or(Error::PostgresDown)
    }

    pub(crate) fn port(&self) -> Result<u16, Error> {
        self.with(Postgres::port)
    }

    pub(crate) fn superuser(&self, database: &str) -> Result<PgConnectOptions, Error> {
        self.with(|server| server.superuser(database))
    }

    pub(crate) fn owner(&self, database: &str) -> Result<PgConnectOptions, Error> {
        self.with(|server| server.owner(database))
    }

    pub(crate) fn app(&self, database: &str) -> Result<PgConnectOptions, Error> {
        self.with(|server| server.app(database))
    }

    /// DATABASE_URL of a node that comes in through a proxy.
    pub(crate) fn app_url_through(&self, database: &str, port: u16) -> Result<String, Error> {
        self.with(|server| {
            let own = format!(":{}/", server.port());
            server.app_url(database).replace(&own, &format!(":{port}/"))
        })
    }

    /// A connection beside the proxy, as the superuser.
    pub(crate) async fn connect(&self, database: &str) -> Result<PgConnection, Error> {
        let connecting =
            timeout(CONNECT_WITHIN, async { self.superuser(database)?.connect().await.map_err(Error::from) });
        connecting.await.unwrap_or(Err(Error::TooLate { what: "a connection".to_owned(), within: CONNECT_WITHIN }))
    }

    /// A database of a run's own, with the book's tables and nothing in them; or a copy of another one.
    pub(crate) async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        let mut connection = self.connect("postgres").await?;
        let template = template.unwrap_or(TEMPLATE);
        // Whoever has just hung up may still have a session, and a database in use cannot be copied.
        let began = Instant::now();
        while sqlx::query_scalar::<_, i64>(include_str!("sql/end_sessions.sql"))
            .bind(template)
            .fetch_one(&mut connection)
            .await?
            > 0
            && began.elapsed() < BACK_WITHIN
        {
            sleep(LOOK_AGAIN).await;
        }
        let create = format!(
            r#"CREATE DATABASE "{name}" OWNER daybook_owner TEMPLATE "{template}"; GRANT CONNECT ON DATABASE "{name}" TO daybook_app"#
        );
        for statement in create.split("; ") {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }

    pub(crate) async fn drop_database(&self, name: &str) -> Result<(), Error> {
        let mut connection = self.connect("postgres").await?;
        let drop = format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#);
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Error> {
        let pid = self.with(Postgres::pid)?.ok_or(Error::PostgresDown)?;
        signal_process(pid, signal)
    }

    /// The postmaster and every process of it.
    pub(crate) fn processes(&self) -> Result<Vec<u32>, Error> {
        let postmaster = self.with(Postgres::pid)?.ok_or(Error::PostgresDown)?;
        Ok(std::iter::once(postmaster).chain(children_of(postmaster)).collect())
    }

    /// Once the server has ended, or ended itself: starts it again. Its port is another one then.
    pub(crate) async fn restart(&self) -> Result<(), Error> {
        let old = self.server().take();
        // It waits for the processes of the old server.
        let dropped = tokio::task::spawn_blocking(move || drop(old)).await;
        dropped.map_err(|error| Error::Impossible(error.to_string()))?;
        let server = Postgres::start(&self.folder, Durability::Scratch, binaries().as_deref()).await?;
        *self.server() = Some(server);
        self.answers().await
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.server().as_mut().is_none_or(Postgres::ended)
    }

    /// Waits until it takes connections.
    pub(crate) async fn answers(&self) -> Result<(), Error> {
        let began = Instant::now();
        while self.connect("postgres").await.is_err() {
            if began.elapsed() > BACK_WITHIN {
                return Err(Error::TooLate { what: "Postgres".to_owned(), within: BACK_WITHIN });
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    pub(crate) fn log(&self) -> Result<PathBuf, Error> {
        self.with(Postgres::log)
    }
}

fn binaries() -> Option<PathBuf> {
    std::env::var_os("PG_BIN").map(PathBuf::from)
}

pub(crate) fn signal_process(pid: u32, signal: Signal) -> Result<(), Error> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Error::PostgresDown)?;
    kill_process(pid, signal).map_err(|error| Error::Signal(error.into()))
}

fn children_of(parent: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// From /proc/PID/stat, whose second field, in brackets, may hold anything.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}
