//! `daybook asyncapi`: the AsyncAPI document of this release on standard output, as `schemas/asyncapi.json` holds it.

use std::process::ExitCode;

use clap::Args;
use eventstore::publisher::asyncapi::{PublishedType, document};

use super::Failure;

#[derive(Debug, Args)]
pub(super) struct AsyncApi {}

impl AsyncApi {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let types = domain::registry::versions().map(|known| PublishedType {
            category: known.category,
            event_type: known.event_type,
            schema_version: known.schema_version,
        });
        println!("{:#}", document(types));
        Ok(ExitCode::SUCCESS)
    }
}
