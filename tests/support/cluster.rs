//! A Postgres of one test's own, which may be killed, followed by a standby, archived and restored: what the cluster of the run,
//! which all tests share, must not be.

use crate::{postgres::pg_bin, scratch};
use api::servers::{
    folder::Folder,
    postgres::{DATABASE, Durability, Postgres},
};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgConnection},
};
use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, lchown},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Longer than anything here takes on a machine that is busy with tests.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

const SECRETS: [&str; 3] = ["postgres.superuser.password", "postgres.owner.password", "postgres.server.password"];

/// A running server with the database `daybook`. Stops when dropped.
pub struct Cluster {
    pub postgres: Postgres,
    folder: Folder,
}

/// The files of a cluster, in a folder of their own, before a server is started on them.
pub struct Files {
    folder: Folder,
}

impl Cluster {
    /// A server of its own, with all roles and an empty database.
    pub async fn new() -> Self {
        let folder = scratch::folder("cluster");
        let postgres = start(&folder).await;
        Self { postgres, folder }
    }

    /// The same, migrated. What it writes is archived beside it if `archived`, for a [restore](Files::recover_to).
    pub async fn migrated(archived: bool) -> Self {
        let cluster = Self::new().await;
        api::migrate::run(&cluster.owner()).await.expect("the migrations run on an empty database");
        // A standby that finds nobody looks again soon.
        cluster.set("wal_retrieve_retry_interval", "100ms").await;
        if !archived {
            return cluster;
        }
        fs::DirBuilder::new().mode(0o700).create(cluster.archive()).expect("the scratch folder is writable");
        give_to_server(&cluster.archive(), &cluster.site());
        cluster.set("archive_mode", "on").await;
        // A server's programs stand in the folder of its cluster.
        cluster.set("archive_command", "cp %p ../archive/%f").await;
        cluster.restart().await
    }

    /// Stops the server in order, and starts it again on the same files, at another port.
    pub async fn restart(self) -> Self {
        let Self { postgres, folder } = self;
        postgres.stop().expect("a server can be waited for");
        Files { folder }.start().await
    }

    pub fn owner(&self) -> PgConnectOptions {
        self.postgres.owner(DATABASE)
    }

    pub fn app(&self) -> PgConnectOptions {
        self.postgres.app(DATABASE)
    }

    pub async fn superuser(&self) -> PgConnection {
        self.postgres.superuser(DATABASE).connect().await.expect("the superuser may log in")
    }

    /// What `psql` and `pg_restore` take, as the superuser.
    pub fn superuser_url(&self, database: &str) -> String {
        let password = fs::read_to_string(self.folder.path().join(SECRETS[0])).expect("it is the superuser's");
        format!("postgres://postgres:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.postgres.port())
    }

    /// Changes a setting that is not given on the server's command line. Some take effect with the next start alone.
    pub async fn set(&self, name: &str, value: &str) {
        let mut superuser = self.superuser().await;
        let set = format!("ALTER SYSTEM SET {name} = '{value}'");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut superuser).await.expect("the setting exists");
        sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut superuser).await.expect("the superuser may reload");
        superuser.close().await.expect("the server is there");
    }

    /// No commit is answered before a standby has it.
    pub async fn wait_for_standbys(&self) {
        self.set("synchronous_standby_names", "*").await;
        self.until("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')").await;
    }

    /// Until this question is answered with yes.
    pub async fn until(&self, question: &'static str) {
        let began = Instant::now();
        let mut superuser = self.superuser().await;
        while !sqlx::query_scalar::<_, bool>(question).fetch_one(&mut superuser).await.expect("it is a question") {
            assert!(began.elapsed() < PATIENCE, "still not so: {question}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Until a standby has replayed all that this server has written by now.
    pub async fn until_replayed_by(&self, standby: &Self) {
        let mut superuser = self.superuser().await;
        let written: String = sqlx::query_scalar("SELECT pg_current_wal_flush_lsn()::text")
            .fetch_one(&mut superuser)
            .await
            .expect("a primary knows how far it has written");
        let (began, mut superuser) = (Instant::now(), standby.superuser().await);
        let question = "SELECT COALESCE(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)";
        while !sqlx::query_scalar::<_, bool>(question)
            .bind(&written)
            .fetch_one(&mut superuser)
            .await
            .expect("a standby")
        {
            assert!(began.elapsed() < PATIENCE, "the standby does not follow");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Ends the server as the loss of its machine does.
    pub fn kill(self) {
        let pid = self.postgres.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)).expect("a server has a pid");
        kill_process(pid, Signal::KILL).expect("the server is ours");
    }

    pub async fn promote(&self) {
        let mut superuser = self.superuser().await;
        let promoted: bool =
            sqlx::query_scalar("SELECT pg_promote()").fetch_one(&mut superuser).await.expect("it is a standby");
        assert!(promoted, "the standby was not promoted in time");
    }

    /// A base backup, taken through a port that leads to this server.
    pub fn base_backup(&self, port: u16) -> Files {
        let files = Files { folder: scratch::folder("cluster") };
        for secret in SECRETS {
            fs::copy(self.folder.path().join(secret), files.folder.path().join(secret)).expect("both folders are ours");
        }
        let site = files.folder.path().join("postgres");
        fs::DirBuilder::new().mode(0o700).create(&site).expect("the scratch folder is writable");
        let password = fs::read_to_string(self.folder.path().join(SECRETS[0])).expect("it is the superuser's");
        let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres?sslmode=disable");
        let backup = program("pg_basebackup")
            .args(["--checkpoint=fast", "--no-sync", "--dbname", &url, "--pgdata"])
            .arg(site.join("cluster"))
            .output()
            .expect("pg_basebackup can be run");
        assert!(backup.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&backup.stderr));
        give_to_server(&site, &self.site());
        files
    }

    /// A standby that follows this server through a port that leads to it.
    pub async fn standby(&self, port: u16) -> Self {
        let password = fs::read_to_string(self.folder.path().join(SECRETS[0])).expect("it is the superuser's");
        let primary = format!("host=127.0.0.1 port={port} user=postgres password={password} sslmode=disable");
        let files = self.base_backup(port);
        files.set(&[("primary_conninfo", &primary)]);
        files.write("standby.signal", "");
        files.start().await
    }

    fn site(&self) -> PathBuf {
        self.folder.path().join("postgres")
    }

    /// Where the segments of its log are copied to.
    pub fn archive(&self) -> PathBuf {
        self.site().join("archive")
    }
}

impl Files {
    /// The state of this moment is what a server on these files comes up with, read from another's archive.
    pub fn recover_to(&self, name: &str, archive: &Path) {
        let site = self.folder.path().join("postgres");
        fs::create_dir(site.join("archive")).expect("the scratch folder is writable");
        for segment in fs::read_dir(archive).expect("there is an archive").flatten() {
            fs::copy(segment.path(), site.join("archive").join(segment.file_name())).expect("both folders are ours");
        }
        self.set(&[
            ("archive_mode", "off"),
            ("restore_command", "cp ../archive/%f %p"),
            ("recovery_target_name", name),
            ("recovery_target_action", "promote"),
        ]);
        self.write("recovery.signal", "");
        give_to_server(&site.join("archive"), &site);
    }

    pub async fn start(self) -> Cluster {
        let postgres = start(&self.folder).await;
        let cluster = Cluster { postgres, folder: self.folder };
        let is_standby = cluster.site().join("cluster/standby.signal").exists();
        if !is_standby {
            cluster.until("SELECT NOT pg_is_in_recovery()").await;
        }
        cluster
    }

    fn set(&self, settings: &[(&str, &str)]) {
        let path = self.folder.path().join("postgres/cluster/postgresql.auto.conf");
        let mut text = fs::read_to_string(&path).expect("every cluster has one");
        for (name, value) in settings {
            text.push_str(&format!("{name} = '{value}'\n"));
        }
        fs::write(path, text).expect("it is ours");
    }

    fn write(&self, name: &str, text: &str) {
        let site = self.folder.path().join("postgres");
        fs::write(site.join("cluster").join(name), text).expect("it is ours");
        give_to_server(&site.join("cluster").join(name), &site);
    }
}

async fn start(folder: &Folder) -> Postgres {
    let postgres = Postgres::start(folder, Durability::Scratch, pg_bin().as_deref()).await;
    postgres.expect("a Postgres server is installed: see scripts/install-dev")
}

/// A program that comes with the server.
pub fn program(name: &str) -> Command {
    let found = Command::new(scratch::repository().join("scripts/postgres-bin")).output().expect("a shell can be run");
    let mut command = Command::new(Path::new(String::from_utf8_lossy(&found.stdout).trim()).join(name));
    command.env("LC_ALL", "C");
    command
}

/// What root has laid down belongs to the account that the server runs under, as what is `like` it does.
fn give_to_server(path: &Path, like: &Path) {
    if !geteuid().is_root() {
        return;
    }
    let account = fs::metadata(like).expect("it is there");
    lchown(path, Some(account.uid()), Some(account.gid())).expect("root may");
    if fs::symlink_metadata(path).expect("it is there").is_dir() {
        for entry in fs::read_dir(path).expect("root may").flatten() {
            give_to_server(&entry.path(), like);
        }
    }
}
