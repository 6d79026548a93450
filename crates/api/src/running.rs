//! A program that serves: the admin listener, the signals that end it, and the order in which its parts stop. The same for
//! `daybook serve` and `daybook dev`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use domain::money::Currency;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::auth::token::Authenticator;
use crate::cli::Failure;
use crate::health::{CheckHandle, Health};
use crate::node::{Node, Shop};
use crate::server::{BindError, Listener};
use crate::{admin, router};

/// What a shell reports for a program ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// Binds the address that a flag gave.
pub(crate) async fn bind(flag: &'static str, address: SocketAddr) -> Result<Listener, Failure> {
    Listener::bind(address).await.map_err(|source| Failure::usage(&Unbound { flag, source }))
}

#[derive(Debug, thiserror::Error)]
#[error("{flag}")]
struct Unbound {
    flag: &'static str,
    source: BindError,
}

pub(crate) struct Running {
    pub(crate) health: Health,
    start: CheckHandle,
    pub(crate) stopping: CancellationToken,
    /// The admin listener outlives the others, so that the end of a node can be watched too.
    watching: CancellationToken,
    administration: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl Running {
    pub(crate) fn new(administration: Listener, scrape: PrometheusHandle) -> io::Result<Self> {
        let (stopping, watching) = (CancellationToken::new(), CancellationToken::new());
        let health = Health::default();
        // Without it a node whose parts have not registered yet would be ready.
        let start = health.register("start");
        stop_on_signal(health.clone(), stopping.clone())?;
        let router = admin::router(scrape.clone(), health.clone());
        let upkeep = tokio::spawn(admin::keep_up(scrape, watching.clone()));
        let administration = tokio::spawn(administration.serve("admin", router, watching.clone()));
        Ok(Self { health, start, stopping, watching, administration, upkeep })
    }

    /// Every part has reported for the first time, or registered to.
    pub(crate) fn started(&self) {
        self.start.ready("all roles have begun");
    }

    /// Serves the API until the program is told to stop, and what is in flight then.
    pub(crate) async fn serve(&self, listener: Listener, auth: Arc<Authenticator>, shop: Shop, currency: Currency) {
        tracing::info!(address = %listener.address(), "serving the API");
        let app = App::new(auth, self.health.clone(), self.stopping.clone(), shop, currency);
        listener.serve("api", router::build(app), self.stopping.clone()).await;
    }

    /// The last of it: the node first, then what watches it.
    pub(crate) async fn until_stopped(self, node: Node) {
        self.stopping.cancelled().await;
        node.stop().await;
        self.watching.cancel();
        let _ = tokio::join!(self.administration, self.upkeep);
        tracing::info!("stopped");
    }
}

/// The first signal stops the node in order; a second one ends it at once.
fn stop_on_signal(health: Health, stopping: CancellationToken) -> io::Result<()> {
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
        #[cfg(feature = "planted-bugs")]
        if eventstore::planted::is("cut-at-stop") {
            std::process::exit(0);
        }
        health.stop();
        stopping.cancel();
        next().await;
        tracing::warn!("stopped at once by a second signal");
        std::process::exit(EXIT_INTERRUPTED);
    });
    Ok(())
}
