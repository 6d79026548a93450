//! The Daybook that is loaded: where its API, its book and its broker are. `daybook dev` says so in a file of its data folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::endpoint::{Endpoint, EndpointError};

/// `name: value` a line.
const FILE: &str = "addresses";
/// What follows the broker's address where it is one inside the serving process.
const IN_PROCESS: &str = " (in-process)";

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
    /// Inside the serving process: it forgets, so that nothing can be proved by it.
    InProcess,
    At {
        address: String,
        topic_prefix: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    #[error("cannot read {path}: is this the data folder of a running `daybook dev`?")]
    File { path: PathBuf, source: io::Error },
    #[error("{path} has no line {name:?}")]
    Missing { path: PathBuf, name: &'static str },
    #[error("{path} names an API at {value:?}")]
    Api { path: PathBuf, value: String, source: EndpointError },
}

impl Instance {
    /// The instance that runs on this data folder.
    pub fn of(data: &Path) -> Result<Self, InstanceError> {
        let path = data.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, data, path),
            Err(source) => Err(InstanceError::File { path, source }),
        }
    }

    fn parse(text: &str, data: &Path, path: PathBuf) -> Result<Self, InstanceError> {
        let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(": ")).collect();
        let value = |name: &'static str| {
            let found = lines.get(name).map(|value| (*value).to_owned());
            found.ok_or_else(|| InstanceError::Missing { path: path.clone(), name })
        };
        let address = value("kafka")?;
        let kafka = if address.ends_with(IN_PROCESS) {
            Broker::InProcess
        } else {
            Broker::At { address, topic_prefix: value("topic-prefix")? }
        };
        let api = value("api")?;
        let parsed = api.parse().map_err(|source| InstanceError::Api { path: path.clone(), value: api, source });
        Ok(Self { api: parsed?, data: data.to_owned(), postgres: value("postgres")?, kafka })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Broker, Instance, InstanceError};

    const LINES: &str = "api: http://127.0.0.1:8080\n\
        postgres: postgres://daybook_server:x@127.0.0.1:5433/daybook?sslmode=disable\n\
        kafka: 127.0.0.1:9092\ntopic-prefix: daybook\n";

    fn parse(text: &str) -> Result<Instance, InstanceError> {
        Instance::parse(text, Path::new("/data"), "/data/addresses".into())
    }

    #[test]
    fn the_addresses_of_an_instance_are_read() {
        let instance = parse(LINES).unwrap();
        assert_eq!(instance.api.authority(), "127.0.0.1:8080");
        assert!(instance.postgres.ends_with("/daybook?sslmode=disable"));
        let broker = Broker::At { address: "127.0.0.1:9092".to_owned(), topic_prefix: "daybook".to_owned() };
        assert_eq!(instance.kafka, broker);
    }

    #[test]
    fn a_broker_in_the_process_is_told_apart() {
        assert_eq!(parse(&LINES.replace("9092", "9092 (in-process)")).unwrap().kafka, Broker::InProcess);
    }

    #[test]
    fn an_address_that_is_missing_is_named() {
        let error = parse(&LINES.replace("postgres: ", "pg: ")).unwrap_err();
        assert_eq!(error.to_string(), "/data/addresses has no line \"postgres\"");
    }
}
