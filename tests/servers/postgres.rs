//! A private Postgres: created, restarted, recovered, one at a time in a folder, gone with its starter.

use api::servers::{
    folder::{Folder, FolderError},
    postgres::{DATABASE, Durability, Postgres},
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use support::{Database, postgres::pg_bin, scratch};

/// The supervisor's own bound is 10 s a signal; an idle server needs a tenth of a second.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// A folder that nobody else can walk into, as root's home is, with a path longer than a socket's may be.
struct Closed(PathBuf);

impl Closed {
    fn new() -> Self {
        let path = scratch::build().join("scratch").join(format!("closed-{}", uuid::Uuid::new_v4().simple()));
        let deep = path.join("a".repeat(60)).join("b".repeat(60));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(deep).unwrap();
        Self(path)
    }

    fn deep(&self) -> PathBuf {
        self.0.join("a".repeat(60)).join("b".repeat(60)).join("data")
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

async fn start(path: &Path) -> (Folder, Postgres) {
    let folder = Folder::open(path).unwrap();
    let postgres = Postgres::start(&folder, Durability::Durable, pg_bin().as_deref()).await.unwrap();
    (folder, postgres)
}

async fn owner(postgres: &Postgres) -> PgConnection {
    postgres.owner(DATABASE).connect().await.unwrap()
}

async fn setting(connection: &mut PgConnection, name: &str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(connection).await.unwrap()
}

/// A program that holds a Postgres, and the pid of that server.
fn holder(path: &Path) -> (Child, Pid) {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_postgres"))
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = line.trim().strip_prefix("pid: ").unwrap().parse().unwrap();
    (holder, Pid::from_raw(pid).unwrap())
}

#[track_caller]
fn check_gone(server: Pid) {
    let asked = Instant::now();
    while test_kill_process(server).is_ok() {
        assert!(asked.elapsed() < GONE_WITHIN, "the server still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_and_the_passwords_are_the_same() {
    let closed = Closed::new();
    let (folder, postgres) = start(&closed.data()).await;
    let mut connection = owner(&postgres).await;
    sqlx::query("CREATE TABLE kept AS SELECT 42 AS answer").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    postgres.stop().unwrap();
    drop(folder);

    let asked = Instant::now();
    let (_folder, postgres) = start(&closed.data()).await;
    assert!(asked.elapsed() < Duration::from_secs(5), "a start on an existing folder took {:?}", asked.elapsed());
    let mut connection = owner(&postgres).await;
    let answer: i32 = sqlx::query_scalar("SELECT answer FROM kept").fetch_one(&mut connection).await.unwrap();
    assert_eq!(answer, 42);
    assert_eq!(setting(&mut connection, "synchronous_commit").await, "on");
    assert_eq!(setting(&mut connection, "fsync").await, "on");
}

#[tokio::test]
async fn a_folder_too_deep_for_a_socket_is_reached_over_loopback() {
    let closed = Closed::new();
    let (_folder, postgres) = start(&closed.deep()).await;
    let mut connection = owner(&postgres).await;
    let user: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&mut connection).await.unwrap();
    assert_eq!(user, "daybook_owner");
}

#[tokio::test]
async fn two_servers_run_at_once_and_a_folder_in_use_is_refused() {
    let closed = Closed::new();
    let (_first_folder, first) = start(&closed.data()).await;
    let (_second_folder, second) = start(&closed.deep()).await;
    assert_ne!(first.port(), second.port());
    assert!(matches!(Folder::open(&closed.data()), Err(FolderError::InUse(_))));
}

#[tokio::test]
async fn a_server_does_not_outlive_a_starter_that_is_killed() {
    let closed = Closed::new();
    let (mut holder, server) = holder(&closed.data());
    holder.kill().unwrap();
    holder.wait().unwrap();
    check_gone(server);
}

#[tokio::test]
async fn a_start_right_after_a_kill_waits_for_the_old_server_to_finish() {
    let closed = Closed::new();
    let (mut killed, old) = holder(&closed.data());
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (_folder, postgres) = start(&closed.data()).await;
    check_gone(old);
    owner(&postgres).await;
}

#[tokio::test]
async fn a_server_that_was_killed_itself_recovers_at_the_next_start() {
    let closed = Closed::new();
    let (mut holder, server) = holder(&closed.data());
    kill_process(server, Signal::KILL).unwrap();
    check_gone(server);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert!(closed.data().join("postgres/cluster/postmaster.pid").exists(), "a killed server leaves its pid file");
    // The worst case: the pid belongs to a living program by now.
    let stale = format!("{}\n", std::process::id());
    fs::write(closed.data().join("postgres/cluster/postmaster.pid"), stale).unwrap();

    let (_folder, postgres) = start(&closed.data()).await;
    owner(&postgres).await;
}

#[tokio::test]
async fn a_cluster_whose_making_was_cut_short_is_made_anew() {
    let closed = Closed::new();
    let folder = Folder::open(&closed.data()).unwrap();
    fs::create_dir_all(closed.data().join("postgres/cluster.new/base")).unwrap();
    let postgres = Postgres::start(&folder, Durability::Durable, pg_bin().as_deref()).await.unwrap();
    owner(&postgres).await;
}

#[tokio::test]
async fn after_a_removal_the_next_start_is_the_first_one() {
    let closed = Closed::new();
    let (mut killed, _) = holder(&closed.data());
    killed.kill().unwrap();
    killed.wait().unwrap();

    let folder = Folder::open(&closed.data()).unwrap();
    Postgres::remove(&folder).await.unwrap();
    folder.clear().unwrap();
    assert_eq!(fs::read_dir(closed.data()).unwrap().count(), 1, "only the lock is left");
    let postgres = Postgres::start(&folder, Durability::Durable, pg_bin().as_deref()).await.unwrap();
    owner(&postgres).await;
}

#[tokio::test]
async fn the_passwords_are_for_the_owner_of_the_folder_alone() {
    let closed = Closed::new();
    let (_folder, _postgres) = start(&closed.data()).await;
    let passwords = fs::read_dir(closed.data()).unwrap().flatten();
    let passwords: Vec<_> =
        passwords.filter(|entry| entry.path().extension().is_some_and(|e| e == "password")).collect();
    assert_eq!(passwords.len(), 3);
    for password in passwords {
        assert_eq!(password.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!closed.data().join("postgres/superuser.password").exists());
}

#[tokio::test]
async fn the_servers_role_owns_nothing_and_may_create_nothing() {
    let database = Database::fresh().await;
    let owned: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_shdepend WHERE refobjid = 'daybook_server'::regrole AND deptype = 'o'",
    )
    .fetch_one(&database.owner)
    .await
    .unwrap();
    assert_eq!(owned, 0);
    for statement in ["CREATE TABLE mine (id int)", "CREATE TEMPORARY TABLE mine (id int)", "CREATE SCHEMA mine"] {
        let refused = sqlx::query(statement).execute(&database.app).await.unwrap_err();
        let code = refused.as_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(code, "42501", "{statement}");
    }
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_with_durable_commits() {
    let (first, second) = (Database::fresh().await, Database::fresh().await);
    sqlx::query("CREATE TABLE mine (id int)").execute(&first.owner).await.unwrap();
    sqlx::query("CREATE TABLE mine (id int)").execute(&second.owner).await.unwrap();
    let setting: String =
        sqlx::query_scalar("SELECT current_setting('synchronous_commit')").fetch_one(&first.app).await.unwrap();
    assert_eq!(setting, "on");
}
