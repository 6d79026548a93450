//! Several processes on one book, each with an executor of its own: 64 clients in all, shared out among them. The
//! compare-and-set lets one of them append at a time; the others read what it wrote and decide again.

use std::process::Stdio;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use sqlx::postgres::PgConnectOptions;
use tokio::process::{Child, Command};

use crate::bench::Bench;
use crate::catalogue::Catalogue;
use crate::daybook::{Daybook, World};
use crate::failure::Failure;
use crate::measure::{Sample, Series, Time, closed_loop};
use crate::picture;
use crate::report::{Aim, Section, Unit};

const CLIENTS: usize = 64;
const PROCESSES: [usize; 3] = [1, 2, 3];
const NAMES: [&str; 3] = ["1 process", "2 processes", "3 processes"];
const SHARE_OF_ONE: f64 = 0.5;
/// For the processes to start and to connect, before the warm-up ends.
const START: Duration = Duration::from_millis(750);

/// `bench writer`: one of the processes. The book's address comes by DATABASE_URL, so that no list of processes shows it.
#[derive(Debug, Args)]
pub(crate) struct Writer {
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[arg(long)]
    clients: usize,
    /// When the measurement begins, in milliseconds since 1970
    #[arg(long)]
    begins_at_ms: u64,
    #[arg(long)]
    measured_ms: u64,
}

impl Writer {
    /// Prints commands a second, then p50, p99 and p999 in microseconds.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let database = PgConnectOptions::from_str(&self.database_url)?;
        let daybook = Daybook::open(&database, World::Warm).await?;
        let begins_at = UNIX_EPOCH + Duration::from_millis(self.begins_at_ms);
        let warm_up = begins_at.duration_since(SystemTime::now()).unwrap_or_default();
        let time = Time { warm_up, measured: Duration::from_millis(self.measured_ms) };
        let sample = closed_loop(daybook.buyers(self.clients, &Catalogue::new(), false), time).await?;
        daybook.stop().await?;
        let times = [sample.p50, sample.p99, sample.p999].map(|time| time.as_micros().to_string());
        println!("{} {}", sample.per_second, times.join(" "));
        Ok(())
    }
}

pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let database = bench.cluster.book("writers").await?;
    let daybook = Daybook::open(&database, World::Warm).await?;
    bench.catalogue.publish(&daybook.commands).await?;
    daybook.stop().await?;
    let mut series = NAMES.map(|name| Series::new(name, CLIENTS));
    for _ in 0..bench.plan.rounds {
        for (processes, series) in PROCESSES.into_iter().zip(&mut series) {
            bench.cluster.checkpoint().await?;
            series.samples.push(together(processes, &bench.cluster.app_url("writers"), bench.plan.time).await?);
        }
    }
    let (heads, rows) = Section::rates(&series);
    let bars: Vec<(String, f64)> =
        series.iter().map(|series| (series.system.to_owned(), series.median().per_second)).collect();
    let [one, _, three] = &series;
    Ok(Section {
        work: "writers",
        title: "Several writers on one book",
        about: "1, 2 and 3 processes append to one book, 64 clients shared out among them. Rates are added up; of the latencies \
                the worst process is shown."
            .to_owned(),
        heads,
        rows,
        picture: Some(picture::bars("Processes that write one book", "commands/s together", &bars)?),
        aims: vec![Aim {
            what: "of one process, three together".to_owned(),
            wanted: SHARE_OF_ONE,
            found: three.times(one),
            unit: Unit::Times,
            if_missed: "a batch that lost its race is read past and decided again, and the processes share two cores",
        }],
    })
}

/// What so many processes do at the same time.
async fn together(processes: usize, url: &str, time: Time) -> Result<Sample, Failure> {
    let begins_at = SystemTime::now() + START + time.warm_up;
    let mut running = Vec::new();
    for number in 0..processes {
        // Those that are left over go to the first.
        let clients = CLIENTS / processes + usize::from(number < CLIENTS % processes);
        running.push(start(clients, begins_at, time.measured, url)?);
    }
    let mut all = Sample::of(0.0, Vec::new());
    for process in running {
        let sample = said(process).await?;
        all.per_second += sample.per_second;
        all.p50 = all.p50.max(sample.p50);
        all.p99 = all.p99.max(sample.p99);
        all.p999 = all.p999.max(sample.p999);
    }
    Ok(all)
}

fn start(clients: usize, begins_at: SystemTime, measured: Duration, url: &str) -> Result<Child, Failure> {
    let failed = |source| Failure::Program { program: "bench writer".to_owned(), source };
    let begins_at_ms = begins_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["writer", "--clients", &clients.to_string(), "--begins-at-ms", &begins_at_ms.to_string()]);
    command.args(["--measured-ms", &measured.as_millis().to_string()]);
    command.env("DATABASE_URL", url).stdout(Stdio::piped()).kill_on_drop(true).spawn().map_err(failed)
}

async fn said(process: Child) -> Result<Sample, Failure> {
    let program = "bench writer".to_owned();
    let output = process.wait_with_output().await;
    let output = output.map_err(|source| Failure::Program { program: program.clone(), source })?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let figures: Vec<f64> = said.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [per_second, p50, p99, p999] = figures[..] else { return Err(Failure::Said { program, said }) };
    let [p50, p99, p999] = [p50, p99, p999].map(|microseconds| Duration::from_secs_f64(microseconds / 1e6));
    Ok(Sample { per_second, p50, p99, p999 })
}
