//! The folder a private Postgres lives in: locked, cleared, filled with a cluster, and the server started on it.
//! Knows no role and no database.

use super::{
    Durability, SUPERUSER, StartError,
    account::{self, Account},
    installed::Binaries,
};
use crate::servers::{
    folder::Folder,
    supervise::{self, INHERITED_FOLDER, Stop, Supervised},
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    net::TcpListener,
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// SIGINT is a fast shutdown (clients are cut, all is written), SIGQUIT an immediate one (recovery at the next start).
const STOP: Stop = Stop { signals: "INT QUIT KILL", grace: Duration::from_secs(10) };
/// A start may have to replay the log since the last checkpoint: `max_wal_size` at most.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(120);
/// A server whose starter was killed ends within the graces of `STOP`.
const PREDECESSOR_GONE_WITHIN: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(10);
/// Another program may take the free port between our look and the server's bind.
const PORTS_TRIED_MAX: u32 = 3;
const LOG_TAIL_LINES: usize = 5;
/// A log longer than this is begun anew at the next start.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// The folder a server lives in, locked while no server runs in it.
pub(super) struct Site {
    path: PathBuf,
    log: PathBuf,
    lock: File,
    account: Option<Account>,
}

impl Site {
    /// Waits for a server that is still stopping, then clears what an untimely end has left.
    pub(super) async fn open(folder: &Folder) -> Result<Self, StartError> {
        let path = folder.path().join("postgres");
        let failed = |source| StartError::Io { path: path.clone(), source };
        let account = account::for_server(&path).map_err(failed)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
        if let Some(Account { uid, gid }) = account {
            chown(&path, Some(uid), Some(gid)).map_err(failed)?;
        }
        let lock = File::open(&path).map_err(failed)?;
        let waiting_since = Instant::now();
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::Error(source) => return Err(failed(source)),
                TryLockError::WouldBlock if waiting_since.elapsed() > PREDECESSOR_GONE_WITHIN => {
                    return Err(StartError::PredecessorRuns(path));
                }
                TryLockError::WouldBlock => tokio::time::sleep(POLL_EVERY).await,
            }
        }
        let site = Self { log: folder.path().join("postgres.log"), path, lock, account };
        site.clear_leftovers().map_err(|source| site.failed(source))?;
        Ok(site)
    }

    pub(super) fn into_path(self) -> PathBuf {
        self.path
    }

    pub(super) fn remove(self) -> Result<(), StartError> {
        fs::remove_dir_all(&self.path).map_err(|source| self.failed(source))
    }

    /// With the lock held, no process of an earlier server lives: its pid file and its sockets are stale. Postgres alone
    /// could not be sure of that, and would refuse to start if the pid in the file belonged to another program by now.
    fn clear_leftovers(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(".s.PGSQL.") {
                fs::remove_file(entry.path())?;
            }
        }
        match fs::remove_file(self.path.join("cluster/postmaster.pid")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match fs::remove_dir_all(self.path.join("cluster.new")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The major version of the cluster that is here.
    pub(super) fn cluster_version(&self) -> Option<u32> {
        fs::read_to_string(self.path.join("cluster/PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Made aside and renamed: a crash leaves a whole cluster or none.
    pub(super) async fn create_cluster(
        &self,
        binaries: &Binaries,
        durability: Durability,
        password: &str,
    ) -> Result<(), StartError> {
        let password_file = self.path.join("superuser.password");
        self.write_for_server(&password_file, password).map_err(|source| self.failed(source))?;
        let mut initdb = self.command(&binaries.program("initdb")).map_err(|source| self.failed(source))?;
        initdb.arg("--pgdata").arg(self.seen_by_server("cluster.new"));
        initdb.arg("--pwfile").arg(self.seen_by_server("superuser.password"));
        initdb.args(["--username", SUPERUSER, "--auth", durability.authentication(), "--data-checksums"]);
        // Sorted by bytes on every machine; letters are still told from digits beyond ASCII.
        initdb.args(["--encoding", "UTF8", "--lc-collate", "C", "--lc-ctype"]);
        initdb.arg(if cfg!(target_os = "linux") { "C.UTF-8" } else { "C" });
        if durability == Durability::Scratch {
            initdb.arg("--no-sync");
        }
        let mut initdb = Supervised::start(initdb).map_err(|source| self.failed(source))?;
        let status = loop {
            if let Some(status) = initdb.ended().map_err(|source| self.failed(source))? {
                break status;
            }
            tokio::time::sleep(POLL_EVERY).await;
        };
        let removed = fs::remove_file(password_file);
        if !status.success() {
            return Err(self.ended("initdb"));
        }
        let renamed = removed.and_then(|()| fs::rename(self.path.join("cluster.new"), self.path.join("cluster")));
        renamed.map_err(|source| self.failed(source))
    }

    pub(super) async fn start_server(
        &self,
        binaries: &Binaries,
        durability: Durability,
    ) -> Result<(Supervised, u16), StartError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let port = free_port().map_err(|source| self.failed(source))?;
            let mut postgres = self.command(&binaries.program("postgres")).map_err(|source| self.failed(source))?;
            postgres.arg("-D").arg(self.seen_by_server("cluster")).args(["-p", &port.to_string()]);
            for setting in durability.settings() {
                postgres.args(["-c", setting]);
            }
            let mut server = Supervised::start(postgres).map_err(|source| self.failed(source))?;
            match self.wait_until_ready(&mut server).await {
                Ok(()) => return Ok((server, port)),
                Err(StartError::Ended { .. }) if tried < PORTS_TRIED_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn wait_until_ready(&self, server: &mut Supervised) -> Result<(), StartError> {
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            if server.ended().map_err(|source| self.failed(source))?.is_some() {
                return Err(self.ended("postgres"));
            }
            // Asked of the pid file: a refused login would be a line in the log every time.
            // A standby, which a restored folder may hold, answers too.
            if matches!(postmaster_line(&self.path, 7).as_deref(), Some("ready" | "standby")) {
                return Ok(());
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        Err(StartError::NotReady { log: self.log.clone() })
    }

    /// A program of the server's: supervised, under its account, with the locked folder in hand and its log to write to.
    fn command(&self, program: &Path) -> io::Result<Command> {
        let grown = fs::metadata(&self.log).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX);
        let mut log = OpenOptions::new();
        if grown {
            File::create(&self.log)?;
        }
        let log = log.create(true).append(true).mode(0o600).open(&self.log)?;
        let mut command = supervise::command(program, STOP);
        // Nothing of our environment concerns the server, and it may hold secrets of ours.
        command.env_clear().envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")]);
        command.stdout(self.lock.try_clone()?).stderr(log);
        if let Some(Account { uid, gid }) = self.account {
            command.uid(uid).gid(gid);
        }
        Ok(command)
    }

    /// What lies in the folder, as a path that the server's account can walk.
    fn seen_by_server(&self, name: &str) -> PathBuf {
        if self.account.is_some() { Path::new(INHERITED_FOLDER).join(name) } else { self.path.join(name) }
    }

    fn write_for_server(&self, path: &Path, content: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(content.as_bytes())?;
        match self.account {
            Some(Account { uid, gid }) => chown(path, Some(uid), Some(gid)),
            None => Ok(()),
        }
    }

    fn failed(&self, source: io::Error) -> StartError {
        StartError::Io { path: self.path.clone(), source }
    }

    fn ended(&self, program: &'static str) -> StartError {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        StartError::Ended { program, log: self.log.clone(), tail }
    }
}

/// A line of the file a running server keeps: 0 its pid, 7 whether it takes connections.
pub(super) fn postmaster_line(folder: &Path, line: usize) -> Option<String> {
    let content = fs::read_to_string(folder.join("cluster/postmaster.pid")).ok()?;
    content.lines().nth(line).map(|line| line.trim().to_owned())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
