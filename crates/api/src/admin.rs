//! The listener for those who run the node: metrics. Loopback unless told otherwise, and no token, so that it works when
//! nothing else does.

use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

/// Histograms keep each value until they are told to fold them.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn router(metrics: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(move || async move { ([(CONTENT_TYPE, EXPOSITION)], metrics.render()) }))
}

/// Folds the histograms until the server stops.
pub(crate) async fn keep_up(metrics: PrometheusHandle, stopping: CancellationToken) {
    let forever = async {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            metrics.run_upkeep();
        }
    };
    stopping.run_until_cancelled(forever).await;
}
