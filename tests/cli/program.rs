//! Starts `daybook`, the program beside the tests' own, and waits for it within bounds.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use support::scratch;
use uuid::Uuid;

/// Longer than anything takes that goes well, on a machine with much else to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What would be taken for the settings of the program under test.
const SETTINGS: [&str; 12] = [
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "KAFKA_BROKERS",
    "DAYBOOK_DATA",
    "DAYBOOK_LISTEN",
    "DAYBOOK_ADMIN_LISTEN",
    "DAYBOOK_ONLY",
    "DAYBOOK_LOG",
    "DAYBOOK_LOG_FORMAT",
    "DAYBOOK_MASTER_KEY",
    "DAYBOOK_AUTH_KEYS",
    "DAYBOOK_SIGNING_KEY",
];

pub(super) fn program() -> PathBuf {
    let program = scratch::build().join("daybook");
    assert!(program.exists(), "{} is not there: cargo build --bin daybook", program.display());
    program
}

/// `daybook` with these arguments and with no settings of whoever runs the tests.
pub(super) fn daybook(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::null());
    for setting in SETTINGS {
        command.env_remove(setting);
    }
    command
}

/// What the program did, once it has ended by itself.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

pub(super) fn run(command: &mut Command) -> Done {
    command.output().unwrap().into()
}

/// A folder of one test, gone with it. Below the target folder, or where another account can reach it.
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new() -> Self {
        Self::at(&scratch::build().join("scratch"))
    }

    pub(super) fn for_everybody() -> Self {
        Self::at(&std::env::temp_dir())
    }

    fn at(parent: &Path) -> Self {
        let path = parent.join(format!("cli-{}", Uuid::new_v4().simple()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The data folder that a `daybook dev` started here takes.
    pub(super) fn data(&self) -> PathBuf {
        self.0.join(".daybook")
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A server that is just ending may still take away a file of its own.
        let given_up_at = Instant::now() + PATIENCE;
        while fs::remove_dir_all(&self.0).is_err() && self.0.exists() && Instant::now() < given_up_at {
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// A program that runs until it is told to stop: `daybook dev` or `daybook serve`. Killed when dropped.
pub(super) struct Running {
    child: Child,
    stderr: Option<JoinHandle<String>>,
    /// What `daybook dev` said, in its order.
    pub(super) lines: Vec<(String, String)>,
}

impl Running {
    /// `daybook dev` on free ports, in this place, once it has said where it is.
    pub(super) fn dev(place: &Place, flags: &[&str]) -> Self {
        Self::dev_of(daybook(&["dev", "--listen", "127.0.0.1:0"]).args(flags).current_dir(place.path()))
    }

    pub(super) fn dev_of(command: &mut Command) -> Self {
        let mut dev = Self::start(command);
        let stdout = dev.child.stdout.take().unwrap();
        for line in BufReader::new(stdout).lines() {
            let line = line.unwrap();
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?} is not `name: value`"));
            dev.lines.push((name.to_owned(), value.to_owned()));
            if name == "kcat" {
                return dev;
            }
        }
        let (status, stderr) = dev.ended();
        panic!("daybook dev did not become ready, {status}: {stderr}");
    }

    /// The program just started.
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, stderr: Some(stderr), lines: Vec::new() }
    }

    #[track_caller]
    pub(super) fn value(&self, name: &str) -> &str {
        let found = self.lines.iter().find(|(found, _)| found == name);
        &found.unwrap_or_else(|| panic!("no line {name:?}")).1
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ended, and all that it wrote to standard error.
    pub(super) fn ended(&mut self) -> (ExitStatus, String) {
        let given_up_at = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < given_up_at, "it does not end");
            thread::sleep(LOOK_AGAIN);
        };
        (status, self.stderr.take().unwrap().join().unwrap())
    }

    pub(super) fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let (status, stderr) = self.ended();
        assert_eq!(status.code(), Some(0), "{stderr}");
        stderr
    }

    /// Nobody reads what it prints any more.
    pub(super) fn close_stdout(&mut self) {
        drop(self.child.stdout.take());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// The private Postgres of a data folder.
pub(super) fn postgres_of(data: &Path) -> Pid {
    let pid_file = fs::read_to_string(data.join("postgres/cluster/postmaster.pid")).unwrap();
    Pid::from_raw(pid_file.lines().next().unwrap().parse().unwrap()).unwrap()
}

#[track_caller]
pub(super) fn check_gone(process: Pid) {
    until("the server is gone", || test_kill_process(process).is_err());
}

#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let given_up_at = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < given_up_at, "not within {PATIENCE:?}: {what}");
        thread::sleep(LOOK_AGAIN);
    }
}

/// Asks over HTTP with curl, as the documents do: the status and the body.
pub(super) fn ask(url: &str, arguments: &[&str]) -> (u16, String) {
    let mut curl = Command::new("curl");
    let output = curl.args(["-sS", "-w", "\n%{http_code}"]).args(arguments).arg(url).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

pub(super) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// What psql answers, unaligned and without headings.
#[track_caller]
pub(super) fn psql(url: &str, statement: &str) -> String {
    let psql = support::postgres::pg_bin().map_or_else(|| PathBuf::from("psql"), |bin| bin.join("psql"));
    let done = run(Command::new(psql).args([url, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-Atc", statement]));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    done.stdout.trim_end().to_owned()
}

/// What stands in `name=value` lines of a file for shells, as a shell reads it.
pub(super) fn variables(file: &Path, names: &[&str]) -> BTreeMap<String, String> {
    let echo: String = names.iter().map(|name| format!("echo \"${name}\"; ")).collect();
    let done = run(Command::new("sh").args(["-euc", &format!(". \"$0\"; {echo}")]).arg(file));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    names.iter().map(|name| (*name).to_owned()).zip(done.stdout.lines().map(str::to_owned)).collect()
}
