//! On what the figures were made: processor, memory, versions, settings, date.

use std::fs;
use std::process::Command;

use chrono::Utc;

use crate::cluster::{Cluster, POOL_CONNECTIONS_MAX};
use crate::failure::Failure;
use crate::plan::Plan;

/// Named in this package's own lock file.
const PEERS: [&str; 3] = ["cqrs-es", "postgres-es", "sqlx"];
const LOCK: &str = include_str!("../Cargo.lock");

pub(crate) struct Machine {
    date: String,
    commit: String,
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    rust: String,
    postgres: String,
    peers: String,
    settings: Vec<String>,
    plan: String,
    /// Of the minute before: what others did to the figures.
    load: String,
}

impl Machine {
    pub(crate) async fn look(cluster: &Cluster, plan: &Plan) -> Result<Self, Failure> {
        let (postgres, mut settings) = cluster.settings().await?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        settings.push(format!("connections a system = {POOL_CONNECTIONS_MAX}"));
        settings.push(format!("worker threads = {cores}"));
        Ok(Self {
            date: Utc::now().format("%Y-%m-%d").to_string(),
            commit: said("git", &["describe", "--always", "--dirty"]),
            processor: field("/proc/cpuinfo", "model name"),
            cores,
            memory_gib: field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0)
                / 1_048_576.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            rust: said("rustc", &["--version"]),
            postgres,
            peers: PEERS.map(versions).join(", "),
            settings,
            plan: plan.to_string(),
            load: fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// Below each part: parts of different runs may stand on one page.
    pub(crate) fn measured(&self) -> String {
        let Self { date, commit, processor, cores, plan, load, .. } = self;
        format!("Measured on {date} at commit {commit}, {cores} cores of {processor}, load before {load}; {plan}.")
    }

    pub(crate) fn markdown(&self) -> String {
        let Self { date, commit, processor, cores, memory_gib, kernel, rust, postgres, peers, settings, plan, load } =
            self;
        let settings = settings.join("\n    ");
        format!(
            "{date}, commit {commit}: {cores} cores of {processor}, {memory_gib:.0} GiB, Linux {kernel}. Postgres \
             {postgres}, {rust}, {peers}. {plan}. Clients, systems and Postgres share the \
             cores; the load average of the minute before was {load}.\n\n    {settings}\n\n\
             The first three settings are asserted as each system logs in; a CHECKPOINT stands before every sample, so that \
             none pays for the one before it."
        )
    }

    pub(crate) fn print(&self) {
        println!("{}", self.markdown());
    }
}

/// The value of the first line with this name.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
}

/// What a program says of itself; a machine without it may still measure.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if text.is_empty() { "unknown".to_owned() } else { text }
}

/// `sqlx 0.8.6 and 0.9.0`
fn versions(package: &str) -> String {
    let name = format!("name = \"{package}\"\nversion = \"");
    let found = LOCK.split(&name).skip(1).filter_map(|rest| rest.split('"').next());
    format!("{package} {}", found.collect::<Vec<_>>().join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_the_peers_are_those_that_are_built() {
        assert!(versions("sqlx").contains(" and "));
        assert!(versions("cqrs-es").starts_with("cqrs-es 0."));
    }
}
