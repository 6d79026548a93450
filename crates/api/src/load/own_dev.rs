//! A `daybook dev` of the load's own: this same program, in a folder for the time being, gone when the load ends.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead, BufReader, PipeReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::instance::{Instance, InstanceError};
use crate::servers::supervise::{self, Stop, Supervised};

/// A cluster is created first, on a disk that may be slow.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// It finishes what it accepted, then stops its Postgres.
const STOP: Stop = Stop { signals: "TERM KILL", grace: Duration::from_secs(30) };
const READY: &str = "api: ";
/// How much of its output a message of failure repeats.
const TAIL_LINES: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum OwnDevError {
    #[error("`daybook dev` cannot be started")]
    Start(#[source] io::Error),
    #[error("`daybook dev` ended before it was ready:\n{tail}")]
    Ended { tail: String },
    #[error("`daybook dev` was not ready within {} s:\n{tail}", READY_WITHIN.as_secs())]
    NotReady { tail: String },
    #[error("`daybook dev` is ready, and cannot be used")]
    Addresses(#[source] InstanceError),
}

/// Dropping it stops the instance, then removes its folder.
#[derive(Debug)]
pub(super) struct OwnDev {
    pub(super) instance: Instance,
    /// The folder of the Postgres server's programs, where one was named.
    pub(super) postgres_bin: Option<PathBuf>,
    running: Running,
}

#[derive(Debug)]
struct Running {
    process: Option<Supervised>,
    folder: PathBuf,
    /// Not while it stops: what it says of that concerns nobody.
    serving: Arc<AtomicBool>,
}

impl OwnDev {
    pub(super) fn start(postgres_bin: Option<PathBuf>) -> Result<Self, OwnDevError> {
        // On a broker that is named, topics of an earlier load would be those of another book.
        let topic_prefix = format!("daybook-load-{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(&topic_prefix);
        let (output, writer) = io::pipe().map_err(OwnDevError::Start)?;
        let program = std::env::current_exe().map_err(OwnDevError::Start)?;
        let mut command = supervise::command(program, STOP);
        command.args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--no-demo", "--data"]);
        command.arg(&folder).args(["--topic-prefix", &topic_prefix]);
        // A database that is named stands for one that somebody works with; the book of a load goes with it.
        command.env_remove("DATABASE_URL");
        if let Some(postgres_bin) = &postgres_bin {
            command.env("PG_BIN", postgres_bin);
        }
        // What it says on its standard output comes out of the supervisor's standard error, between the lines of its log.
        command.stdout(Stdio::null()).stderr(writer);
        let process = Supervised::start(command).map_err(OwnDevError::Start)?;
        let (sender, lines) = mpsc::channel();
        let serving = Arc::new(AtomicBool::new(true));
        let running = Running { process: Some(process), folder, serving: Arc::clone(&serving) };
        thread::spawn(move || pass_on(output, sender, &serving));
        wait_until_ready(&lines)?;
        let instance = Instance::of(&running.folder).map_err(OwnDevError::Addresses)?;
        Ok(Self { instance, postgres_bin, running })
    }

    /// Leaves the folder as it is, until the end.
    pub(super) fn stop_serving(&mut self) {
        self.running.stop_serving();
    }
}

impl Running {
    fn stop_serving(&mut self) {
        self.serving.store(false, Ordering::Relaxed);
        drop(self.process.take());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_serving();
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a temporary folder could not be removed");
        }
    }
}

/// Reads to the end, so that the other side never waits for a full pipe. Once nobody waits for an address any more, what
/// is worth a warning goes to our own standard error.
fn pass_on(output: PipeReader, lines: Sender<String>, serving: &AtomicBool) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Err(unread) = lines.send(line)
            && serving.load(Ordering::Relaxed)
            && [" WARN ", " ERROR "].iter().any(|level| unread.0.contains(level))
        {
            eprintln!("{}", unread.0);
        }
    }
}

/// The first thing it says on its standard output, once it is ready, is the address of its API.
fn wait_until_ready(lines: &Receiver<String>) -> Result<(), OwnDevError> {
    let deadline = Instant::now() + READY_WITHIN;
    let mut tail = VecDeque::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) if line.starts_with(READY) => return Ok(()),
            Ok(line) => tail.push_back(line),
            Err(RecvTimeoutError::Timeout) => return Err(OwnDevError::NotReady { tail: joined(tail) }),
            Err(RecvTimeoutError::Disconnected) => return Err(OwnDevError::Ended { tail: joined(tail) }),
        }
        if tail.len() > TAIL_LINES {
            tail.pop_front();
        }
    }
}

fn joined(tail: VecDeque<String>) -> String {
    Vec::from(tail).join("\n")
}
