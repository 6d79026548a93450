//! Rate, errors and duration of every route, and how many requests and connections are open. Series are made when a route is
//! registered, so that counting a request looks nothing up.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Label, SetRecorderError, counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

const REQUESTS_TOTAL: &str = "daybook_http_requests_total";
const REQUEST_DURATION: &str = "daybook_http_request_duration_seconds";
const REQUESTS_IN_FLIGHT: &str = "daybook_http_requests_in_flight";
const CONNECTIONS: &str = "daybook_http_connections";

/// Seconds. Fine where commands are answered (below 10 ms), coarse up to the time limit of a request.
const DURATION_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The recorder of this process, with the buckets of every histogram whose name ends in `_seconds`.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATION_BUCKETS)?
        .build_recorder())
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    #[error("the buckets of the histograms are not usable")]
    Buckets(#[from] BuildError),
    #[error("metrics are recorded already")]
    Twice(#[from] SetRecorderError<PrometheusRecorder>),
}

/// From here on this process records its metrics.
pub(crate) fn install() -> Result<PrometheusHandle, InstallError> {
    let recorder = recorder()?;
    let scrape = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    Ok(scrape)
}

/// The series of one route.
pub(crate) struct RouteMetrics {
    /// By the first digit of the status, 2 to 5.
    answered: [Counter; 4],
    abandoned: Counter,
    duration: Histogram,
}

impl RouteMetrics {
    pub(crate) fn new(method: &Method, path: &'static str) -> Self {
        let labels = vec![Label::new("route", path), Label::new("method", method.as_str().to_owned())];
        let by_status = |status: &'static str| {
            let mut labels = labels.clone();
            labels.push(Label::from_static_parts("status", status));
            counter!(REQUESTS_TOTAL, labels)
        };
        Self {
            answered: ["2xx", "3xx", "4xx", "5xx"].map(by_status),
            abandoned: by_status("abandoned"),
            duration: histogram!(REQUEST_DURATION, labels.clone()),
        }
    }

    /// All unknown paths share their series, or a scanner could make as many as it likes.
    pub(crate) fn unmatched() -> Self {
        let method = Method::from_bytes(b"ANY").expect("letters make a method");
        Self::new(&method, "unmatched")
    }

    pub(crate) fn record(&self, status: StatusCode, duration: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5);
        self.answered[class - 2].increment(1);
        self.duration.record(duration.as_secs_f64());
    }

    /// The client hung up before the answer.
    pub(crate) fn record_abandoned(&self) {
        self.abandoned.increment(1);
    }
}

/// Requests between their head and their answer's head.
pub(crate) struct InFlight(Gauge);

impl InFlight {
    pub(crate) fn new() -> Self {
        Self(gauge!(REQUESTS_IN_FLIGHT))
    }

    pub(crate) fn increment(&self) {
        self.0.increment(1.0);
    }

    pub(crate) fn decrement(&self) {
        self.0.decrement(1.0);
    }
}

/// Counts one connection for as long as it is held.
pub(crate) struct OpenConnection(Gauge);

impl OpenConnection {
    pub(crate) fn new(listener: &'static str) -> Self {
        let connections = gauge!(CONNECTIONS, "listener" => listener);
        connections.increment(1.0);
        Self(connections)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_counts_by_status_and_times_into_buckets() {
        let recorder = recorder().expect("the buckets are good");
        metrics::with_local_recorder(&recorder, || {
            let route = RouteMetrics::new(&Method::GET, "/v1/carts/{id}");
            route.record(StatusCode::OK, Duration::from_millis(4));
            route.record(StatusCode::NOT_MODIFIED, Duration::from_millis(1));
            route.record(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(31));
            route.record_abandoned();
            let connection = OpenConnection::new("api");
            drop((connection, OpenConnection::new("api")));
        });
        let text = recorder.handle().render();
        let route = "route=\"/v1/carts/{id}\",method=\"GET\"";
        for line in [
            format!("daybook_http_requests_total{{{route},status=\"2xx\"}} 1"),
            format!("daybook_http_requests_total{{{route},status=\"5xx\"}} 1"),
            format!("daybook_http_requests_total{{{route},status=\"abandoned\"}} 1"),
            format!("daybook_http_request_duration_seconds_bucket{{{route},le=\"0.005\"}} 2"),
            format!("daybook_http_request_duration_seconds_bucket{{{route},le=\"30\"}} 2"),
            format!("daybook_http_request_duration_seconds_count{{{route}}} 3"),
            "daybook_http_connections{listener=\"api\"} 0".to_owned(),
        ] {
            assert!(text.contains(&line), "{line}\n{text}");
        }
    }
}
