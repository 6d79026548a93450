//! Everything that can be set, from flags and environment, built once in `main`. Nothing else reads the environment.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::auth::keys::{KeyError, KeyRing, Realm};
use crate::auth::signing::{AUDIENCE, SigningKeyError, TokenSigner};
use crate::auth::token::Authenticator;
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
    /// The Kafka that carries it out
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT,…")]
    pub kafka_brokers: Option<String>,
    /// What the names of the topics begin with
    #[arg(long, env = "DAYBOOK_TOPIC_PREFIX", default_value = "daybook", value_name = "PREFIX")]
    pub topic_prefix: String,
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
    /// What to log, as tracing's filters say it
    #[arg(long, env = "DAYBOOK_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// The settings of a node, whole.
#[derive(Debug, Clone)]
pub struct Config {
    pub duties: Vec<Duty>,
    pub listen: SocketAddr,
    pub admin_listen: SocketAddr,
    pub database_url: Option<Secret>,
    pub kafka_brokers: Option<String>,
    pub topic_prefix: String,
    pub auth: AuthArgs,
}

impl From<NodeArgs> for Config {
    fn from(args: NodeArgs) -> Self {
        Self {
            duties: if args.only.is_empty() { Duty::ALL.to_vec() } else { args.only },
            listen: args.listen,
            admin_listen: args.admin_listen.unwrap_or_else(|| next_port_up(args.listen)),
            database_url: args.database_url,
            kafka_brokers: args.kafka_brokers,
            topic_prefix: args.topic_prefix,
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
fn next_port_up(listen: SocketAddr) -> SocketAddr {
    let port = if listen.port() == 0 { 0 } else { listen.port().checked_add(1).unwrap_or(0) };
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
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
