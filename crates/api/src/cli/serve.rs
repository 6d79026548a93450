//! `daybook serve`: a node with the roles asked for.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::runtime::Runtime;

use super::Failure;
use crate::config::{Config, Duty, LOG_DEFAULT, NodeArgs};
use crate::node::Node;
use crate::running::{Running, bind};
use crate::{metrics, telemetry};

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    node: NodeArgs,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        telemetry::init(self.node.log.log_format, self.node.log.filter(LOG_DEFAULT))
            .map_err(|error| Failure::usage(&error))?;
        let config = Config::from(self.node);
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        runtime.block_on(serve(config))
    }
}

async fn serve(config: Config) -> Result<ExitCode, Failure> {
    let scrape = metrics::install().map_err(|error| Failure::fault(&error))?;

    // Bound before anything else is started, so that a port in use costs nobody anything.
    let api = match config.runs(Duty::Api) {
        true => Some(bind("--listen", config.listen).await?),
        false => None,
    };
    let administration = bind("--admin-listen", config.admin_listen).await?;

    tracing::info!(?config, "starting");
    let parts = config.node_parts().map_err(|error| Failure::usage(&error))?;
    let auth = Arc::new(config.auth.authenticator().map_err(|error| Failure::usage(&error))?);
    let running = Running::new(administration, scrape).map_err(|error| Failure::fault(&error))?;
    let node = Node::start(parts, &running.health).await.map_err(|error| Failure::fault(&error))?;
    running.started();
    if let Some(listener) = api {
        running.serve(listener, auth, node.shop().clone(), config.currency).await;
    }
    running.until_stopped(node).await;
    Ok(ExitCode::SUCCESS)
}
