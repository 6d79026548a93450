//! `daybook rebuild`: empties read models, as the owner, for the nodes to post them anew from the first page of the book.

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use projections::Definition;
use tokio::runtime::Runtime;

use super::{Failure, say};
use crate::config::{NodeConfigError, Secret};
use crate::migrate;

/// Stands for every read model of this release.
const ALL: &str = "all";

#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// What is posted anew
    #[arg(required = true, value_name = "READ_MODEL", value_parser = names())]
    read_models: Vec<String>,
    /// The Postgres that holds the book, as the owner of the database
    #[arg(long, env = "DATABASE_OWNER_URL", hide_env_values = true, value_name = "URL")]
    owner_url: Secret,
}

impl Rebuild {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let options =
            self.owner_url.expose().parse().map_err(|error| Failure::usage(&NodeConfigError::Database(error)))?;
        let named: Vec<_> = definitions().filter(|definition| self.names(definition)).collect();
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        runtime.block_on(migrate::begin_anew(&options, &named)).map_err(|error| Failure::fault(&error))?;
        for definition in named {
            say(&format!("{}: emptied, and posted anew by whoever runs the projector\n", definition.name))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn names(&self, definition: &Definition) -> bool {
        self.read_models.iter().any(|name| name == ALL || name == definition.name)
    }
}

fn definitions() -> impl Iterator<Item = &'static Definition> {
    projections::ALL.into_iter().map(|projection| projection.definition())
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(definitions().map(|definition| definition.name).chain([ALL]))
}
