//! Everything that can be set, from flags and environment, built once in `main`. Nothing else reads the environment.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, value_parser};
use commands::vault::MasterKey;
use domain::money::Currency;
use eventstore::publisher::{Mode, PublisherConfig};

use crate::auth::keys::{KeyError, KeyRing, Realm};
use crate::auth::signing::{AUDIENCE, SigningKeyError, TokenSigner};
use crate::auth::token::Authenticator;
use crate::node::NodeParts;
use crate::telemetry::LogFormat;

/// One part of the program; a node runs all of them unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duty {
    Api,
    Projector,
    Processes,
    Publisher,
}

impl Duty {
    pub const ALL: [Self; 4] = [Self::Api, Self::Projector, Self::Processes, Self::Publisher];

    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Projector => "projector",
            Self::Processes => "processes",
            Self::Publisher => "publisher",
        }
    }
}

impl FromStr for Duty {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|duty| duty.name() == text);
        found.ok_or_else(|| format!("there is no role {text:?}; the roles are api, projector, processes and publisher"))
    }
}

/// What must not be shown in a log, an error or a crash report.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// On two cores more would only wait for each other in Postgres instead of in the node.
pub const POOL_CONNECTIONS: u32 = 8;
/// A follower keeps one while it reads.
const POOL_CONNECTIONS_MIN: i64 = 2;

/// The settings of a node as flags and environment give them.
#[derive(Debug, Clone, Args)]
pub struct NodeArgs {
    /// Run only these roles: api, projector, processes, publisher
    #[arg(long, env = "DAYBOOK_ONLY", value_name = "ROLE", value_delimiter = ',')]
    pub only: Vec<Duty>,
    /// Where to serve the API
    #[arg(long, env = "DAYBOOK_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where to serve metrics [default: the next port up, loopback only]
    #[arg(long, env = "DAYBOOK_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// The Postgres that holds the book
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<Secret>,
    /// Connections to it at most, for each of: reading the book, queries, processes, keys of persons
    #[arg(long, env = "DAYBOOK_POOL_CONNECTIONS", default_value_t = POOL_CONNECTIONS, value_name = "COUNT",
        value_parser = value_parser!(u32).range(POOL_CONNECTIONS_MIN..))]
    pub pool_connections: u32,
    /// The Kafka that carries it out
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT,…")]
    pub kafka_brokers: Option<String>,
    /// What the names of the topics begin with
    #[arg(long, env = "DAYBOOK_TOPIC_PREFIX", default_value = "daybook", value_name = "PREFIX")]
    pub topic_prefix: String,
    /// How many partitions a topic gets that is not there yet
    #[arg(long, env = "DAYBOOK_TOPIC_PARTITIONS", default_value_t = 6, value_name = "COUNT")]
    pub topic_partitions: i32,
    /// On how many brokers each of its records is kept
    #[arg(long, env = "DAYBOOK_TOPIC_REPLICATION", default_value_t = 3, value_name = "COUNT")]
    pub topic_replication: i16,
    /// The file with the key that wraps the keys of persons: 64 hexadecimal digits
    #[arg(long, env = "DAYBOOK_MASTER_KEY", value_name = "PATH")]
    pub master_key: Option<PathBuf>,
    /// The currency of carts that name none
    #[arg(long, env = "DAYBOOK_CURRENCY", default_value = "GBP", value_name = "ISO4217")]
    pub currency: Currency,
    #[command(flatten)]
    pub auth: AuthArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

#[derive(Debug, Clone, Args)]
pub struct AuthArgs {
    /// Public keys that tokens are verified with: a PEM file, a JWK set, or a folder of them
    #[arg(long, env = "DAYBOOK_AUTH_KEYS", value_name = "PATH")]
    pub auth_keys: Option<PathBuf>,
    /// Who issues the tokens (`iss`)
    #[arg(long, env = "DAYBOOK_AUTH_ISSUER", default_value = "daybook", value_name = "ISSUER")]
    pub auth_issuer: String,
    /// Whom they are meant for (`aud`)
    #[arg(long, env = "DAYBOOK_AUTH_AUDIENCE", default_value = AUDIENCE, value_name = "AUDIENCE")]
    pub auth_audience: String,
    /// A private Ed25519 key (PEM, PKCS #8) to sign the tokens of guests with; without it guests are not served
    #[arg(long, env = "DAYBOOK_SIGNING_KEY", value_name = "PATH")]
    pub signing_key: Option<PathBuf>,
    /// What the tokens of guests name as their issuer
    #[arg(long, env = "DAYBOOK_SIGNING_ISSUER", default_value = "daybook-guests", value_name = "ISSUER")]
    pub signing_issuer: String,
}

#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// human or json
    #[arg(long, env = "DAYBOOK_LOG_FORMAT", default_value = "human", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What to log, as tracing's filters say it: warn; or info,eventstore=debug [default: info, and less of some parts]
    #[arg(long, env = "DAYBOOK_LOG", value_name = "FILTER")]
    pub log: Option<String>,
}

/// The driver's notices are about statements of ours that are as they should be.
pub(crate) const LOG_DEFAULT: &str = "info,sqlx=warn";

impl LogArgs {
    /// What is logged where nothing is said about it.
    pub(crate) fn filter<'a>(&'a self, default: &'a str) -> &'a str {
        self.log.as_deref().unwrap_or(default)
    }
}

/// The settings of a node, whole.
#[derive(Debug, Clone)]
pub struct Config {
    pub duties: Vec<Duty>,
    pub listen: SocketAddr,
    pub admin_listen: SocketAddr,
    pub database_url: Option<Secret>,
    pub pool_connections: u32,
    pub kafka_brokers: Option<String>,
    pub topic_prefix: String,
    pub topic_partitions: i32,
    pub topic_replication: i16,
    pub master_key: Option<PathBuf>,
    pub currency: Currency,
    pub auth: AuthArgs,
}

impl From<NodeArgs> for Config {
    fn from(args: NodeArgs) -> Self {
        Self {
            duties: if args.only.is_empty() { Duty::ALL.to_vec() } else { args.only },
            listen: args.listen,
            admin_listen: args.admin_listen.unwrap_or_else(|| next_port_up(args.listen)),
            database_url: args.database_url,
            pool_connections: args.pool_connections,
            kafka_brokers: args.kafka_brokers,
            topic_prefix: args.topic_prefix,
            topic_partitions: args.topic_partitions,
            topic_replication: args.topic_replication,
            master_key: args.master_key,
            currency: args.currency,
            auth: args.auth,
        }
    }
}

impl Config {
    pub fn runs(&self, duty: Duty) -> bool {
        self.duties.contains(&duty)
    }
}

/// Metrics are for this machine. Port 0 asks for any port here too.
pub(crate) fn next_port_up(listen: SocketAddr) -> SocketAddr {
    let port = if listen.port() == 0 { 0 } else { listen.port().checked_add(1).unwrap_or(0) };
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Where a client on this machine finds a listener: one on every address is found on the machine's own.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(ip, listen.port())
}

/// Why the settings of a node are not enough.
#[derive(Debug, thiserror::Error)]
pub enum NodeConfigError {
    #[error("DATABASE_URL is needed: the Postgres that holds the book")]
    NoDatabase,
    #[error("this is not the URL of a Postgres")]
    Database(#[source] sqlx::Error),
    #[error("KAFKA_BROKERS is needed by the publisher; a node without one: --only api,projector,processes")]
    NoKafka,
    #[error("DAYBOOK_MASTER_KEY is needed: the file with the key that wraps the keys of persons")]
    NoMasterKey,
    #[error("the master key cannot be read from {}", path.display())]
    MasterKeyFile { path: PathBuf, source: std::io::Error },
    #[error("a master key is 64 hexadecimal digits (openssl rand -hex 32)")]
    MasterKey,
}

impl Config {
    /// What a node is made of.
    pub fn node_parts(&self) -> Result<NodeParts, NodeConfigError> {
        let url = self.database_url.as_ref().ok_or(NodeConfigError::NoDatabase)?;
        let path = self.master_key.clone().ok_or(NodeConfigError::NoMasterKey)?;
        let text = std::fs::read_to_string(&path).map_err(|source| NodeConfigError::MasterKeyFile { path, source })?;
        Ok(NodeParts {
            database: url.expose().parse().map_err(NodeConfigError::Database)?,
            pool_connections: self.pool_connections,
            duties: self.duties.clone(),
            master_key: parse_master_key("master", &text)?,
            publisher: self.publisher()?,
        })
    }

    fn publisher(&self) -> Result<Option<PublisherConfig>, NodeConfigError> {
        if !self.runs(Duty::Publisher) {
            return Ok(None);
        }
        Ok(Some(PublisherConfig {
            brokers: self.kafka_brokers.clone().ok_or(NodeConfigError::NoKafka)?,
            prefix: self.topic_prefix.clone(),
            partitions: self.topic_partitions,
            replication: self.topic_replication,
            categories: domain::registry::CATEGORIES.to_vec(),
            mode: Mode::ExactlyOnce,
        }))
    }
}

/// 32 bytes in hexadecimal digits.
pub(crate) fn parse_master_key(name: &str, text: &str) -> Result<MasterKey, NodeConfigError> {
    let digits = text.trim();
    let mut key = [0; 32];
    if digits.len() != 2 * key.len() || !digits.is_ascii() {
        return Err(NodeConfigError::MasterKey);
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).map_err(|_| NodeConfigError::MasterKey)?;
    }
    Ok(MasterKey::new(name.to_owned(), key))
}

#[derive(Debug, thiserror::Error)]
pub enum AuthConfigError {
    #[error("the keys for tokens are not usable")]
    Keys(#[from] KeyError),
    #[error("the key for guests' tokens is not usable")]
    Signing(#[from] SigningKeyError),
}

impl AuthArgs {
    /// Reads the keys. Without any, nobody but the anonymous is let in, and that is said in the log.
    pub fn authenticator(&self) -> Result<Authenticator, AuthConfigError> {
        let realm = Realm { issuer: self.auth_issuer.clone(), audience: self.auth_audience.clone() };
        let mut keys = match &self.auth_keys {
            Some(path) => KeyRing::load(path, &realm)?,
            None => KeyRing::default(),
        };
        let signer = match &self.signing_key {
            Some(path) => {
                let realm = Realm { issuer: self.signing_issuer.clone(), audience: self.auth_audience.clone() };
                let signer = TokenSigner::open(path, realm)?;
                keys.add(signer.verifying_key())?;
                Some(signer)
            }
            None => None,
        };
        if keys.is_empty() {
            tracing::warn!("no keys to verify tokens with: every request that needs one is refused (--auth-keys)");
        }
        Ok(Authenticator::new(keys, signer))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        node: NodeArgs,
    }

    fn config(flags: &[&str]) -> Config {
        let flags = [&["daybook"], flags].concat();
        Config::from(Program::try_parse_from(flags).expect("flags are well-formed").node)
    }

    #[test]
    fn the_admin_listener_is_the_next_port_up_on_loopback() {
        assert_eq!(config(&["--listen", "0.0.0.0:9000"]).admin_listen.to_string(), "127.0.0.1:9001");
        assert_eq!(config(&["--listen", "0.0.0.0:0"]).admin_listen.to_string(), "127.0.0.1:0");
        assert_eq!(config(&["--admin-listen", "0.0.0.0:7"]).admin_listen.to_string(), "0.0.0.0:7");
    }

    #[test]
    fn a_listener_on_every_address_is_reached_on_this_machine() {
        let reached = |listen: &str| reachable(listen.parse().expect("an address")).to_string();
        assert_eq!(reached("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reached("[::]:80"), "[::1]:80");
        assert_eq!(reached("192.0.2.1:80"), "192.0.2.1:80");
    }

    #[test]
    fn a_node_runs_every_role_unless_told_otherwise() {
        assert_eq!(config(&[]).duties, Duty::ALL);
        let config = config(&["--only", "api,publisher"]);
        assert!(config.runs(Duty::Api) && config.runs(Duty::Publisher) && !config.runs(Duty::Projector));
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = config(&["--database-url", "postgres://daybook:hunter2@localhost/daybook"]);
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
