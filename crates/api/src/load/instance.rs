//! The Daybook that is loaded: where its API, its book and its broker are, as `daybook dev` says it in `name: value` lines.
//!
//! A running one has the same lines in a file of its data folder; one of our own says them on its standard output.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::endpoint::{Endpoint, EndpointError};

/// The lines of the `daybook dev` that uses this data folder.
pub const ADDRESSES_FILE: &str = "addresses";

/// What marks a broker inside the serving process: it forgets, so that nothing can be proved by it.
const IN_PROCESS: &str = "in-process";

#[derive(Debug, Clone)]
pub struct Instance {
    pub api: Endpoint,
    /// Where the signing key lies.
    pub data: PathBuf,
    /// A URL that `psql` takes.
    pub postgres: String,
    pub kafka: Broker,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broker {
    InProcess,
    At { address: String, topic_prefix: String },
}

#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    #[error("cannot read {path}: is this the data folder of a running `daybook dev`?")]
    File { path: PathBuf, source: io::Error },
    #[error("`daybook dev` names no {0}")]
    Missing(&'static str),
    #[error("`daybook dev` names an API at {value:?}")]
    Api { value: String, source: EndpointError },
}

/// `name: value` lines, gathered until those that are needed are there.
#[derive(Debug, Default)]
pub(super) struct Addresses(BTreeMap<Box<str>, String>);

/// The names that are needed of an instance.
const NEEDED: [&str; 3] = ["api", "postgres", "kafka"];
const TOPIC_PREFIX: &str = "topic-prefix";
const DEFAULT_TOPIC_PREFIX: &str = "daybook";

impl Addresses {
    /// Takes a line if it is one of the kind; a line of a log is not.
    pub(super) fn take(&mut self, line: &str) {
        if let Some((name, value)) = line.split_once(": ")
            && (NEEDED.contains(&name) || name == TOPIC_PREFIX)
        {
            self.0.insert(name.into(), value.trim().to_owned());
        }
    }

    pub(super) fn complete(&self) -> bool {
        NEEDED.iter().all(|name| self.0.contains_key(*name))
    }

    pub(super) fn instance(&self, data: &Path) -> Result<Instance, InstanceError> {
        let value = |name: &'static str| self.0.get(name).ok_or(InstanceError::Missing(name));
        let api = value("api")?;
        let kafka = value("kafka")?;
        let topic_prefix = self.0.get(TOPIC_PREFIX).map_or(DEFAULT_TOPIC_PREFIX, |prefix| prefix).to_owned();
        let (address, remark) = kafka.split_once(' ').unwrap_or((kafka, ""));
        let kafka = if remark.contains(IN_PROCESS) {
            Broker::InProcess
        } else {
            Broker::At { address: address.to_owned(), topic_prefix }
        };
        Ok(Instance {
            api: api.parse().map_err(|source| InstanceError::Api { value: api.clone(), source })?,
            data: data.to_owned(),
            postgres: value("postgres")?.clone(),
            kafka,
        })
    }
}

impl Instance {
    /// The instance that runs on this data folder, reached at this address.
    pub fn running(api: Endpoint, data: &Path) -> Result<Self, InstanceError> {
        let path = data.join(ADDRESSES_FILE);
        let lines = fs::read_to_string(&path).map_err(|source| InstanceError::File { path, source })?;
        let mut addresses = Addresses::default();
        lines.lines().for_each(|line| addresses.take(line));
        Ok(Self { api, ..addresses.instance(data)? })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Addresses, Broker, InstanceError};

    fn addresses(lines: &[&str]) -> Addresses {
        let mut addresses = Addresses::default();
        lines.iter().for_each(|line| addresses.take(line));
        addresses
    }

    #[test]
    fn the_lines_of_dev_are_found_among_those_of_its_log() {
        let found = addresses(&[
            "2026-11-21T11:00:00Z  INFO daybook: starting",
            "api: http://127.0.0.1:8080",
            "docs: http://127.0.0.1:8080/docs",
            "postgres: postgres://daybook_owner:x@127.0.0.1:5433/daybook?sslmode=disable",
            "kafka: 127.0.0.1:9092",
        ]);
        assert!(found.complete());
        let instance = found.instance(Path::new("/data")).unwrap();
        assert_eq!(instance.api.authority(), "127.0.0.1:8080");
        assert!(instance.postgres.ends_with("/daybook?sslmode=disable"));
        let broker = Broker::At { address: "127.0.0.1:9092".to_owned(), topic_prefix: "daybook".to_owned() };
        assert_eq!(instance.kafka, broker);
    }

    #[test]
    fn a_broker_in_the_process_is_told_apart() {
        let lines = ["api: http://h:1", "postgres: p", "kafka: 127.0.0.1:9092 (in-process: keeps 5 MB a partition)"];
        assert_eq!(addresses(&lines).instance(Path::new("/")).unwrap().kafka, Broker::InProcess);
    }

    #[test]
    fn an_address_that_is_missing_is_named() {
        let found = addresses(&["api: http://127.0.0.1:8080", "kafka: 127.0.0.1:9092"]);
        assert!(!found.complete());
        assert!(matches!(found.instance(Path::new("/")), Err(InstanceError::Missing("postgres"))));
    }
}
