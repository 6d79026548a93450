//! The listener for those who run the node: metrics and health. Loopback unless told otherwise, and no token, so that it works
//! when nothing else does; a node without the API has no other.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::health::{Health, Question};

/// Histograms keep each value until they are told to fold them.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

const CONTENTS: &str = "/metrics\n/health/live\n/health/ready\n/health/startup\n";

pub(crate) fn router(metrics: PrometheusHandle, health: Health) -> Router {
    let answer = |question: Question| {
        let health = health.clone();
        get(move || async move {
            let (yes, report) = health.answer(question);
            (if yes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(report))
        })
    };
    Router::new()
        .route("/", get(|| async { CONTENTS }))
        .route("/health/live", answer(Question::Live))
        .route("/health/ready", answer(Question::Ready))
        .route("/health/startup", answer(Question::Startup))
        .route("/metrics", get(move || async move { ([(CONTENT_TYPE, EXPOSITION)], metrics.render()) }))
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
