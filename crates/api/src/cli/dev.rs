//! `daybook dev`: everything on this machine, with nothing to set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::runtime::Runtime;

use super::Failure;
use crate::config::{LogArgs, Secret};
use crate::dev::{self, DevConfig};
use crate::providers::PaymentArgs;
use crate::telemetry;

/// A terminal shows what needs a person. How the parts come up is for whoever asks for it, with `--log info`.
const LOG_CALM: &str = "info,sqlx=error,api::health=warn,eventstore::publisher=warn";

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Where to serve the API
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where to serve metrics [default: the next port up, loopback only]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<SocketAddr>,
    /// Where the book, the keys and the logs of the servers are kept
    #[arg(long, env = "DAYBOOK_DATA", default_value = ".daybook", value_name = "DIR")]
    data: PathBuf,
    /// Start over with an empty book; the keys stay
    #[arg(long)]
    fresh: bool,
    /// Begin without the small demo catalogue
    #[arg(long)]
    no_demo: bool,
    /// A Postgres of yours in place of the private one, as the owner of its database
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<Secret>,
    /// The folder of the Postgres server's programs [default: the newest that is installed]
    #[arg(long, env = "PG_BIN", value_name = "DIR")]
    postgres_bin: Option<PathBuf>,
    /// A Kafka of yours in place of the one inside this process
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT,…")]
    kafka_brokers: Option<String>,
    /// What the names of the topics begin with
    #[arg(long, env = "DAYBOOK_TOPIC_PREFIX", default_value = "daybook", value_name = "PREFIX")]
    topic_prefix: String,
    #[command(flatten)]
    payments: PaymentArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl Dev {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        telemetry::init(self.log.log_format, self.log.filter(LOG_CALM)).map_err(|error| Failure::usage(&error))?;
        let config = DevConfig {
            listen: self.listen,
            admin_listen: self.admin_listen,
            data: self.data,
            fresh: self.fresh,
            demo: !self.no_demo,
            database_url: self.database_url,
            postgres_bin: self.postgres_bin,
            kafka_brokers: self.kafka_brokers,
            topic_prefix: self.topic_prefix,
            payments: self.payments,
        };
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        let done = runtime.block_on(dev::run(config));
        // Without a Postgres there may be parts that still try: nothing is waited for any more.
        runtime.shutdown_background();
        done
    }
}
