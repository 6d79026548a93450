//! One `daybook serve` as a child process: started, signalled, watched, and never left behind, whatever ends the harness.

use std::{
    fs::{self, OpenOptions},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use api::servers::supervise::{self, Stop, Supervised};
use rustix::process::Signal;
use support::stripe;
use tokio::time::sleep;

use crate::{cluster::signal_process, error::Error};

const STOP: Stop = Stop { signals: "TERM KILL", grace: Duration::from_secs(5) };
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Between the start of the shell that supervises it and that of the program.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// What every node of a run is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) program: PathBuf,
    pub(crate) database_url: String,
    /// Of the run: logs and pid files.
    pub(crate) folder: PathBuf,
    /// Of the harness: keys.
    pub(crate) keys: PathBuf,
    pub(crate) planted_bug: Option<&'static str>,
    pub(crate) pool_connections: u32,
    /// Where Stripe is, if it carries payments.
    pub(crate) stripe_url: Option<String>,
}

pub(crate) struct Node {
    setting: Setting,
    number: usize,
    port: u16,
    admin_port: u16,
    running: Option<Running>,
}

struct Running {
    supervised: Supervised,
    pid: u32,
    has_failpoint: bool,
    base: Option<Usage>,
}

/// What a process takes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) resident_bytes: u64,
    pub(crate) descriptors: usize,
}

impl Node {
    pub(crate) fn new(setting: Setting, number: usize) -> Result<Self, Error> {
        // Both are held until both are known, so that they differ.
        let listeners = [listener()?, listener()?];
        let [port, admin_port] = listeners.map(|(_, port)| port);
        Ok(Self { setting, number, port, admin_port, running: None })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.setting.folder.join(format!("node-{}.log", self.number))
    }

    /// Starts the program; that it is ready is another matter.
    pub(crate) async fn start(&mut self, failpoint: Option<&str>) -> Result<(), Error> {
        let pid_file = self.setting.folder.join(format!("node-{}.pid", self.number));
        let failed = |source| Error::File { path: pid_file.clone(), source };
        match fs::remove_file(&pid_file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let log = OpenOptions::new().create(true).append(true).open(self.log()).map_err(failed)?;
        // The shell writes down its own id and then becomes the program: the one to signal is not the supervisor.
        let mut command = supervise::command("/bin/sh", STOP);
        command.args(["-c", r#"echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@""#]).arg(&pid_file);
        command.arg(&self.setting.program).args(["serve", "--only", "api,projector,processes"]);
        self.set_environment(&mut command, failpoint);
        command.stdout(Stdio::null()).stderr(log);
        let supervised = Supervised::start(command).map_err(Error::Start)?;
        let pid = pid_in(&pid_file).await?;
        self.running = Some(Running { supervised, pid, has_failpoint: failpoint.is_some(), base: None });
        Ok(())
    }

    fn set_environment(&self, command: &mut std::process::Command, failpoint: Option<&str>) {
        let Setting { database_url, keys, planted_bug, pool_connections, stripe_url, .. } = &self.setting;
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("DATABASE_URL", database_url).env("DAYBOOK_MASTER_KEY", keys.join("master.key"));
        command.env("DAYBOOK_LISTEN", format!("127.0.0.1:{}", self.port));
        command.env("DAYBOOK_ADMIN_LISTEN", format!("127.0.0.1:{}", self.admin_port));
        command.env("DAYBOOK_SIGNING_KEY", keys.join(api::auth::signing::DEV_KEY_FILE));
        command.env("DAYBOOK_SIGNING_ISSUER", api::auth::signing::DEV_ISSUER);
        command.env("DAYBOOK_POOL_CONNECTIONS", pool_connections.to_string());
        if let Some(url) = stripe_url {
            command.env("DAYBOOK_STRIPE_URL", url).env("DAYBOOK_STRIPE_SECRET_KEY", stripe::SECRET_KEY);
            command.env("DAYBOOK_STRIPE_WEBHOOK_SECRET", stripe::WEBHOOK_SECRET);
            command.env("DAYBOOK_STRIPE_RETURN_URL", "https://shop.example/paid");
        }
        command.envs(failpoint.map(|failpoint| ("DAYBOOK_FAILPOINT", failpoint)));
        command.envs(planted_bug.map(|bug| ("DAYBOOK_PLANTED_BUG", bug)));
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| matches!(running.supervised.ended(), Ok(None)))
    }

    pub(crate) fn has_failpoint(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.has_failpoint)
    }

    /// That it has just ended by itself is no failure.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            let _gone = signal_process(running.pid, signal);
        }
    }

    /// Its exit code once it has ended: 137 after SIGKILL. `None` if it has not within that time.
    pub(crate) async fn ends(&mut self, within: Duration) -> Option<i32> {
        let running = self.running.as_mut()?;
        let began = Instant::now();
        while began.elapsed() <= within {
            if let Ok(Some(status)) = running.supervised.ended() {
                self.running = None;
                return Some(status.code().unwrap_or(-1));
            }
            sleep(LOOK_AGAIN).await;
        }
        None
    }

    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ends(STARTS_WITHIN).await;
    }

    /// What it takes now is what it takes at rest.
    pub(crate) fn note_usage(&mut self) {
        if let Some(running) = &mut self.running {
            running.base = usage_of(running.pid);
        }
    }

    /// Of a process that has lived through the whole run: what it took at first, and what it takes now.
    pub(crate) fn usages(&self) -> Option<(Usage, Usage)> {
        let running = self.running.as_ref()?;
        Some((running.base?, usage_of(running.pid)?))
    }
}

fn listener() -> Result<(TcpListener, u16), Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Error::Port)?;
    let port = listener.local_addr().map_err(Error::Port)?.port();
    Ok((listener, port))
}

async fn pid_in(path: &Path) -> Result<u32, Error> {
    let began = Instant::now();
    while began.elapsed() < STARTS_WITHIN {
        if let Some(pid) = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()) {
            return Ok(pid);
        }
        sleep(LOOK_AGAIN).await;
    }
    Err(Error::TooLate { what: "the start of a node".to_owned(), within: STARTS_WITHIN })
}

fn usage_of(pid: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").trim().parse().ok()?;
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    Some(Usage { resident_bytes: kibibytes * 1024, descriptors })
}
