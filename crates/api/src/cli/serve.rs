//! `daybook serve`: a node with the roles asked for.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::app::App;
use crate::config::{Config, Duty, NodeArgs};
use crate::health::Health;
use crate::metrics;
use crate::server::Listener;
use crate::{admin, router, telemetry};

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    node: NodeArgs,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        telemetry::init(self.node.log.log_format, &self.node.log.log).map_err(|error| Failure::usage(&error))?;
        let config = Config::from(self.node);
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        runtime.block_on(serve(config))
    }
}

async fn serve(config: Config) -> Result<ExitCode, Failure> {
    let recorder = metrics::recorder().map_err(|error| Failure::fault(&error))?;
    let scrape = recorder.handle();
    ::metrics::set_global_recorder(recorder).map_err(|error| Failure::fault(&error))?;

    // Bound before anything else is started, so that a port in use costs nobody anything.
    let api = match config.runs(Duty::Api) {
        true => Some(Listener::bind(config.listen).await.map_err(|error| Failure::usage(&error))?),
        false => None,
    };
    let administration = Listener::bind(config.admin_listen).await.map_err(|error| Failure::usage(&error))?;

    tracing::info!(?config, "starting");
    let stopping = CancellationToken::new();
    let health = Health::default();
    let auth = config.auth.authenticator().map_err(|error| Failure::usage(&error))?;
    stop_on_signal(health.clone(), stopping.clone()).map_err(|error| Failure::fault(&error))?;

    // The admin listener outlives the others, so that the end of a node can be watched too.
    let watching = CancellationToken::new();
    let upkeep = tokio::spawn(admin::keep_up(scrape.clone(), watching.clone()));
    let administration = tokio::spawn(administration.serve("admin", admin::router(scrape), watching.clone()));
    if let Some(listener) = api {
        tracing::info!(address = %listener.address(), "serving the API");
        let router = router::build(App::new(Arc::new(auth), health, stopping.clone()));
        listener.serve("api", router, stopping.clone()).await;
    }
    stopping.cancelled().await;
    watching.cancel();
    let _ = tokio::join!(administration, upkeep);
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The first signal stops the node in order; a second one ends it at once.
fn stop_on_signal(health: Health, stopping: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!("stopping");
        health.stop();
        stopping.cancel();
        next().await;
        tracing::warn!("stopped at once by a second signal");
        std::process::exit(EXIT_INTERRUPTED);
    });
    Ok(())
}

/// What a shell reports for a program ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;
