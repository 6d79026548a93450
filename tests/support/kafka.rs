//! One real Apache Kafka a test run, and a topic prefix a test.
//!
//! A test starts with `let Some(kafka) = support::kafka().await else { return };`. Where there is no Kafka to be had,
//! the test is listed as not run; under CI=true that is a failure.

use crate::{jars, scratch};
use api::servers::{
    folder::Folder,
    supervise::{self, Stop, Supervised},
};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use std::{
    env, fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Nothing in a scratch broker is worth a long goodbye.
const STOP: Stop = Stop { signals: "TERM KILL", grace: Duration::from_secs(10) };
/// As a machine stops that loses its power, but for the page cache.
const KILL: Stop = Stop { signals: "KILL", grace: Duration::from_secs(10) };
/// Two Java starts on a machine that is busy with tests.
const READY_WITHIN: Duration = Duration::from_secs(120);
const ASK_WITHIN: Duration = Duration::from_secs(1);
const HEAP: &str = "-Xmx512m";
/// Any cluster id will do, and a fixed one tells a reader of a log where it came from.
const CLUSTER_ID: &str = "RGF5Ym9va1Rlc3RzMDAwMA";

/// A Kafka that is there for the tests, ours or the one of KAFKA_BROKERS.
pub struct Kafka {
    brokers: String,
    class_path: Option<PathBuf>,
    _ours: Option<Broker>,
}

/// The Kafka of this run.
pub async fn kafka() -> Option<&'static Kafka> {
    static KAFKA: OnceCell<Result<Kafka, String>> = OnceCell::const_new();
    match KAFKA.get_or_init(Kafka::find).await {
        Ok(kafka) => Some(kafka),
        Err(reason) => {
            not_run(reason);
            None
        }
    }
}

/// A broker for one test alone, which may kill it.
pub async fn mortal_broker() -> Option<Broker> {
    match program() {
        Ok(class_path) => Some(Broker::start_with(scratch::folder("kafka"), &class_path, KILL).await),
        Err(reason) => {
            not_run(&reason);
            None
        }
    }
}

/// What Java takes to run Kafka, where there is a Java.
fn program() -> Result<PathBuf, String> {
    let class_path = jars::class_path()?;
    Command::new("java").arg("-version").output().map_err(|error| format!("java cannot be run: {error}"))?;
    Ok(class_path)
}

/// Lists the calling test as not run, past the capture of its output; under CI=true it fails.
fn not_run(reason: &str) {
    assert!(env::var("CI").as_deref() != Ok("true"), "under CI=true the tests need a Kafka: {reason}");
    let thread = std::thread::current();
    let _closed = writeln!(std::io::stderr(), "NOT RUN: {}: {reason}", thread.name().unwrap_or("a test"));
}

impl Kafka {
    async fn find() -> Result<Self, String> {
        if let Ok(brokers) = env::var("KAFKA_BROKERS") {
            return Ok(Self { brokers, class_path: jars::class_path().ok(), _ours: None });
        }
        let class_path = program()?;
        let broker = Broker::start(scratch::folder("kafka"), &class_path).await;
        Ok(Self { brokers: broker.address.clone(), class_path: Some(class_path), _ours: Some(broker) })
    }

    /// What clients take as `bootstrap.servers`.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// A prefix for the topics of one test: no other test and no other run has it.
    pub fn topic_prefix(&self) -> String {
        format!("test-{}", Uuid::new_v4().simple())
    }

    /// Kafka's own console consumer, a reader that is not ours: prints `partition offset headers key value`, separated
    /// by tabs, until it has read `messages` records. None where KAFKA_BROKERS came without jars.
    pub fn console_consumer(&self, topic: &str, messages: usize) -> Option<Command> {
        let mut command = java(self.class_path.as_deref()?);
        command.arg("org.apache.kafka.tools.consumer.ConsoleConsumer");
        command.args(["--bootstrap-server", &self.brokers, "--topic", topic, "--from-beginning"]);
        command.args(["--max-messages", &messages.to_string(), "--timeout-ms", "60000"]);
        command.args(["--isolation-level", "read_committed"]);
        for shown in ["partition", "offset", "headers", "key", "value"] {
            command.args(["--formatter-property", &format!("print.{shown}=true")]);
        }
        Some(command)
    }
}

/// A broker with a folder of its own. Stops when dropped.
pub struct Broker {
    /// `127.0.0.1:PORT`
    pub address: String,
    properties: PathBuf,
    class_path: PathBuf,
    stop: Stop,
    /// Before the folder, so that it has stopped when the folder is unlocked.
    server: Option<Supervised>,
    folder: Folder,
}

impl Broker {
    /// Formats the folder and starts the broker in it; panics with the broker's log if it does not come up.
    pub async fn start(folder: Folder, class_path: &Path) -> Self {
        Self::start_with(folder, class_path, STOP).await
    }

    async fn start_with(folder: Folder, class_path: &Path, stop: Stop) -> Self {
        let (port, controller_port) = free_ports();
        let address = format!("127.0.0.1:{port}");
        let properties = write_properties(folder.path(), &address, controller_port);
        let format = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config"];
        let formatted = java(class_path).args(format).arg(&properties).output().expect("java can be run");
        assert!(formatted.status.success(), "Kafka did not format its folder: {formatted:?}");
        let mut broker = Self { address, properties, class_path: class_path.to_owned(), stop, server: None, folder };
        broker.start_again().await;
        broker
    }

    /// Ends it in its own way, at once for a mortal one, and waits until it is gone. Its folder and its port stay.
    pub fn end(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.stop().expect("a supervised server can be waited for");
        }
    }

    /// On the folder as it is.
    pub async fn start_again(&mut self) {
        let log = self.folder.path().join("kafka.log");
        let java = java(&self.class_path);
        let mut command = supervise::command(java.get_program(), self.stop);
        // Its native libraries are unpacked there, and stay after a kill.
        command.arg(format!("-Djava.io.tmpdir={}", self.folder.path().display()));
        command.args(java.get_args()).arg("kafka.Kafka").arg(&self.properties);
        command.stdout(Stdio::null()).stderr(fs::File::create(&log).expect("the scratch folder is writable"));
        let mut server = Supervised::start(command).expect("a shell and java can be run");
        wait_until_ready(&mut server, &self.address, &log).await;
        self.server = Some(server);
    }
}

async fn wait_until_ready(server: &mut Supervised, address: &str, log: &Path) {
    let started = Instant::now();
    loop {
        let read = || fs::read_to_string(log).unwrap_or_default();
        assert!(matches!(server.ended(), Ok(None)), "Kafka ended at its start: {}", read());
        let address = address.to_owned();
        if tokio::task::spawn_blocking(move || answers(&address)).await.expect("asking does not panic") {
            return;
        }
        assert!(started.elapsed() < READY_WITHIN, "Kafka was not ready within {READY_WITHIN:?}: {}", read());
    }
}

fn answers(address: &str) -> bool {
    let mut config = ClientConfig::new();
    // Until the broker listens, every refused connection would be a line on our standard error.
    config.set("bootstrap.servers", address).set("log_level", "0").set("reconnect.backoff.max.ms", "200");
    let consumer: BaseConsumer = config.create().expect("a consumer needs no more than an address");
    consumer.fetch_metadata(None, ASK_WITHIN).is_ok_and(|metadata| !metadata.brokers().is_empty())
}

fn write_properties(folder: &Path, address: &str, controller_port: u16) -> PathBuf {
    let fixed = include_str!("kafka/server.properties");
    let logs = folder.join("logs");
    let properties = format!(
        "{fixed}\nlisteners=PLAINTEXT://{address},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners=PLAINTEXT://{address}\ncontroller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         log.dirs={}\n",
        logs.display()
    );
    let path = folder.join("server.properties");
    fs::write(&path, properties).expect("the scratch folder is writable");
    path
}

fn java(class_path: &Path) -> Command {
    let mut command = Command::new("java");
    command.args([HEAP, "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Dlog4j2.level=WARN", "-cp"]).arg(class_path);
    command
}

/// Two ports that are free at the same time.
fn free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    let (one, other) = (bind(), bind());
    let port = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address").port();
    (port(&one), port(&other))
}
