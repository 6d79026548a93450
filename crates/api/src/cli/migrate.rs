//! `daybook migrate`: makes or renews the database's schema, as its owner.

use std::process::ExitCode;

use clap::Args;
use tokio::runtime::Runtime;

use super::Failure;
use crate::config::{LOG_DEFAULT, LogArgs, NodeConfigError, Secret};
use crate::{migrate, telemetry};

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// The Postgres that holds the book, as the owner of the database
    #[arg(long, env = "DATABASE_OWNER_URL", hide_env_values = true, value_name = "URL")]
    owner_url: Secret,
    #[command(flatten)]
    log: LogArgs,
}

impl Migrate {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        telemetry::init(self.log.log_format, self.log.filter(LOG_DEFAULT)).map_err(|error| Failure::usage(&error))?;
        let options =
            self.owner_url.expose().parse().map_err(|error| Failure::usage(&NodeConfigError::Database(error)))?;
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        runtime.block_on(migrate::run(&options)).map_err(|error| Failure::fault(&error))?;
        Ok(ExitCode::SUCCESS)
    }
}
