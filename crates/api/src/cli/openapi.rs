//! `daybook openapi`: the OpenAPI document of this release on standard output, as `schemas/openapi.json` holds it.

use std::process::ExitCode;

use clap::Args;
use tokio::runtime::Runtime;

use super::Failure;
use crate::router;

#[derive(Debug, Args)]
pub(super) struct OpenApi {}

impl OpenApi {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        // The routes are made with pools of connections, which belong to a runtime even if nobody uses them.
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        let document = runtime.block_on(async { router::document() });
        println!("{document:#}");
        Ok(ExitCode::SUCCESS)
    }
}
