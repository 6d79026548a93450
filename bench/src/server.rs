//! A `daybook serve` as its users start it, on a book of the bench: the release build that lies beside this program.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use api::auth::signing::{DEV_ISSUER, DEV_KEY_FILE, TokenSigner, open_or_create_dev_key};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::bench::Bench;
use crate::cluster::build_folder;
use crate::failure::Failure;
use crate::http_client::Connection;

/// Read models of a million events are built meanwhile.
const READY_WITHIN: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// 64 hexadecimal digits: nothing is sealed in these books.
const MASTER_KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707\n";

/// Killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Started, and no more than that; `only` as the command line has it.
    pub(crate) fn start(bench: &Bench, database: &str, only: &str) -> Result<Self, Failure> {
        let program = build_folder().join("daybook");
        let failed = |source| Failure::Program { program: program.display().to_string(), source };
        let folder = bench.cluster.folder();
        signer(bench)?;
        let master_key = folder.join("bench-master.key");
        write_secret(&master_key).map_err(|source| Failure::File { path: master_key.clone(), source })?;
        let address = free_address().map_err(failed)?;
        let log = log(folder).map_err(failed)?;
        let mut command = Command::new(&program);
        command.args(["serve", "--only", only, "--listen", &address.to_string(), "--admin-listen", "127.0.0.1:0"]);
        command.args(["--log", "warn", "--signing-issuer", DEV_ISSUER]);
        command.arg("--signing-key").arg(folder.join(DEV_KEY_FILE)).arg("--master-key").arg(&master_key);
        command.env("DATABASE_URL", bench.cluster.app_url(database));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        Ok(Self { process: command.spawn().map_err(failed)?, address })
    }

    /// Until a health check is answered with 200; says how long that took.
    pub(crate) async fn until(&self, check: &str) -> Result<Duration, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < READY_WITHIN {
            // Until it listens, and until it is ready, this is refused.
            if let Ok(mut connection) = Connection::open(self.address).await
                && connection.get(check).await.is_ok()
            {
                return Ok(begun.elapsed());
            }
            sleep(LOOK_EVERY).await;
        }
        Err(Failure::NotReady)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// As a power cut would.
    pub(crate) async fn kill(mut self) -> Result<(), Failure> {
        self.process.kill().await.map_err(|source| Failure::Program { program: "daybook".to_owned(), source })
    }
}

/// Signs what the server takes: with the key of a development data folder, as `daybook token` does.
pub(crate) fn signer(bench: &Bench) -> Result<TokenSigner, Failure> {
    Ok(open_or_create_dev_key(bench.cluster.folder())?)
}

fn write_secret(path: &PathBuf) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(MASTER_KEY.as_bytes())
}

fn log(folder: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(folder.join("daybook.log"))
}

/// Free a moment ago, and as a rule still.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}
