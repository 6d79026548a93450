//! A private Postgres in a data folder: created at the first start, recovered at every other, stopped with us.
//!
//! The server's files lie in `FOLDER/postgres/`: `cluster` is PGDATA, the socket is beside it, `../postgres.log` is its
//! log. That folder is locked until the server's last process is gone, so a start that follows a SIGKILL waits for the
//! old server to finish and may then take away what it left behind.
//!
//! Started by root, the server runs under another account, which often cannot walk the path to the folder (`/root` is
//! closed to it). It need not: the open folder is handed down as a descriptor and entered through /proc/self/fd.

mod account;
mod installed;
mod settings;
mod site;

use super::{
    folder::{Folder, FolderError},
    supervise::Supervised,
};
use installed::Binaries;
pub use installed::MissingError;
pub use settings::Durability;
use site::Site;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// The database of `daybook dev`.
pub const DATABASE: &str = "daybook";
const OWNER: &str = "daybook_owner";
const SERVER: &str = "daybook_server";
const SUPERUSER: &str = "postgres";

/// The length of the longest socket path that every system takes.
const SOCKET_PATH_BYTES_MAX: usize = 103;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Missing(#[from] MissingError),
    #[error("the earlier Postgres of {} is still running", .0.display())]
    PredecessorRuns(PathBuf),
    #[error("{program} failed; {} ends with:\n{tail}", .log.display())]
    Ended { program: &'static str, log: PathBuf, tail: String },
    #[error("Postgres was not ready within {} s; its log is {}", site::READY_WITHIN.as_secs(), .log.display())]
    NotReady { log: PathBuf },
    #[error("Postgres could not be started in {}", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the private Postgres could not be set up")]
    SetUp(#[source] sqlx::Error),
}

/// A running private Postgres with Daybook's roles and an empty or earlier database `daybook`. Stops when dropped.
#[derive(Debug)]
pub struct Postgres {
    server: Supervised,
    folder: PathBuf,
    port: u16,
    passwords: Passwords,
}

/// Kept in the data folder, each in a file of its own.
#[derive(Debug)]
struct Passwords {
    superuser: String,
    owner: String,
    server: String,
}

impl Postgres {
    /// Starts the cluster of this data folder, made first if there is none. `bin`: a folder with the server's binaries,
    /// where the installed ones are not to be used.
    pub async fn start(folder: &Folder, durability: Durability, bin: Option<&Path>) -> Result<Self, StartError> {
        let passwords = Passwords::of(folder)?;
        let site = Site::open(folder).await?;
        let binaries = Binaries::find(bin, site.cluster_version())?;
        if site.cluster_version().is_none() {
            site.create_cluster(&binaries, durability, &passwords.superuser).await?;
        }
        let (server, port) = site.start_server(&binaries, durability).await?;
        let postgres = Self { server, folder: site.into_path(), port, passwords };
        postgres.set_up().await.map_err(StartError::SetUp)?;
        Ok(postgres)
    }

    /// Removes the cluster of this data folder with all that is in it, once an earlier server has finished stopping.
    pub async fn remove(folder: &Folder) -> Result<(), StartError> {
        Site::open(folder).await?.remove()
    }

    /// Logs in as the role that owns the database: migrations, and nothing else.
    pub fn owner(&self, database: &str) -> PgConnectOptions {
        self.connect(OWNER, &self.passwords.owner, database)
    }

    /// Logs in as the role of the running server, which owns nothing.
    pub fn app(&self, database: &str) -> PgConnectOptions {
        self.connect(SERVER, &self.passwords.server, database)
    }

    /// Logs in as the superuser: for tests that create databases or break things on purpose.
    pub fn superuser(&self, database: &str) -> PgConnectOptions {
        self.connect(SUPERUSER, &self.passwords.superuser, database)
    }

    /// What `psql` takes, as the owner.
    pub fn owner_url(&self, database: &str) -> String {
        self.url(OWNER, &self.passwords.owner, database)
    }

    /// What `psql` and DATABASE_URL take, as the server's role.
    pub fn app_url(&self, database: &str) -> String {
        self.url(SERVER, &self.passwords.server, database)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process, for tests that kill it.
    pub fn pid(&self) -> Option<u32> {
        site::postmaster_line(&self.folder, 0)?.parse().ok()
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.folder.with_file_name("postgres.log")
    }

    /// Whether the server has ended by itself.
    pub fn ended(&mut self) -> bool {
        !matches!(self.server.ended(), Ok(None))
    }

    /// Stops the server and waits until it is gone; dropping does the same.
    pub fn stop(mut self) -> io::Result<()> {
        self.server.stop().map(drop)
    }

    /// Creates a database of the owner's that only Daybook's roles may enter, empty or as a copy of another one.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), sqlx::Error> {
        let mut connection = self.superuser("postgres").connect().await?;
        create_database(&mut connection, name, template).await?;
        connection.close().await
    }

    async fn set_up(&self) -> Result<(), sqlx::Error> {
        let mut connection = self.superuser("postgres").connect().await?;
        sqlx::query(
            "SELECT set_config('daybook.owner_password', $1, false), set_config('daybook.server_password', $2, false)",
        )
        .bind(&self.passwords.owner)
        .bind(&self.passwords.server)
        .execute(&mut connection)
        .await?;
        sqlx::raw_sql(include_str!("../sql/create_roles.sql")).execute(&mut connection).await?;
        let exists = sqlx::query("SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut connection)
            .await?;
        if !exists.try_get::<bool, _>(0)? {
            create_database(&mut connection, DATABASE, None).await?;
        }
        connection.close().await
    }

    fn connect(&self, role: &str, password: &str, database: &str) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(role)
            .password(password)
            .database(database)
            .ssl_mode(PgSslMode::Disable);
        // The socket saves a tenth of a round trip; a folder deep down in the tree has too long a path for one.
        let socket = self.folder.join(format!(".s.PGSQL.{}", self.port));
        if socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX { options.socket(&self.folder) } else { options }
    }

    fn url(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

/// The names are Daybook's own, never a user's: an identifier cannot be a parameter.
async fn create_database(connection: &mut PgConnection, name: &str, template: Option<&str>) -> Result<(), sqlx::Error> {
    let template = template.unwrap_or("template0");
    let create = format!(r#"CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{template}""#);
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *connection).await?;
    let close =
        format!(r#"REVOKE ALL ON DATABASE "{name}" FROM PUBLIC; GRANT CONNECT ON DATABASE "{name}" TO daybook_app"#);
    sqlx::raw_sql(AssertSqlSafe(close)).execute(connection).await?;
    Ok(())
}

impl Passwords {
    fn of(folder: &Folder) -> Result<Self, FolderError> {
        let make = || Uuid::new_v4().simple().to_string();
        Ok(Self {
            superuser: folder.secret("postgres.superuser.password", make)?,
            owner: folder.secret("postgres.owner.password", make)?,
            server: folder.secret("postgres.server.password", make)?,
        })
    }
}
