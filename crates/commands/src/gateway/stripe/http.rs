//! The client: every exchange has an end in time and in bytes, and what is not a clear answer is an unknown outcome.

use std::fmt;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use super::form::Form;
use super::{Secret, StripeError, tls};
use crate::gateway::{GatewayError, IdempotencyKey};
use crate::process::pause::jittered;

/// The release of Stripe's API whose shapes are read here; whatever the account's own default is.
const API_VERSION: HeaderValue = HeaderValue::from_static("2024-06-20");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Of one exchange, from the first byte to the last: less than a whole call is waited for, so that the reason is told.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(8);
/// A page of a hundred payments has some 500 KB.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Connections that wait for the next exchange, and for how long: Stripe closes them after a minute or more.
const IDLE_CONNECTIONS_MAX: usize = 32;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Only what changes nothing is sent again at once; the first pause, which doubles.
const READ_TRIES_MAX: u32 = 3;
const READ_PAUSE: Duration = Duration::from_millis(200);

pub(super) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base_url: String,
    authorization: HeaderValue,
}

/// An answer that says something: a success, or why not.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Client {
    pub(super) fn new(base_url: &str, secret_key: &Secret, authorities: Option<&[u8]>) -> Result<Self, StripeError> {
        let url: hyper::Uri = base_url.parse().map_err(|_| StripeError::BaseUrl)?;
        let is_http = matches!(url.scheme_str(), Some("http" | "https"));
        if !is_http || url.authority().is_none() || url.query().is_some() {
            return Err(StripeError::BaseUrl);
        }
        let bearer = format!("Bearer {}", secret_key.expose());
        let mut authorization = HeaderValue::try_from(bearer).map_err(|_| StripeError::SecretKey)?;
        authorization.set_sensitive(true);
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(authorities)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), authorization })
    }

    /// Changes nothing, so it is tried again where there was no answer.
    pub(super) async fn get(&self, path: &str, query: &Form) -> Result<Reply, GatewayError> {
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.as_str()) };
        let mut tries = 1;
        loop {
            match self.exchange(Method::GET, &target, &Form::default(), None).await {
                Err(GatewayError::Unknown { .. }) if tries < READ_TRIES_MAX => {
                    metrics::counter!("daybook_provider_retries_total", "provider" => super::NAME).increment(1);
                    tokio::time::sleep(jittered(READ_PAUSE * 2_u32.pow(tries - 1))).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Sent once. What became of it, where that is not known, is asked about before it is sent again.
    pub(super) async fn post(&self, path: &str, form: &Form, key: &IdempotencyKey) -> Result<Reply, GatewayError> {
        self.exchange(Method::POST, path, form, Some(key)).await
    }

    async fn exchange(
        &self,
        method: Method,
        target: &str,
        form: &Form,
        key: Option<&IdempotencyKey>,
    ) -> Result<Reply, GatewayError> {
        let started = std::time::Instant::now();
        let answer = tokio::time::timeout(EXCHANGE_TIMEOUT, self.send(method.clone(), target, form, key)).await;
        let reply = answer.unwrap_or_else(|_| Err(unknown("no answer in time")));
        let outcome = reply.as_ref().map_or("none", |reply| class(reply.status));
        metrics::histogram!("daybook_provider_exchange_seconds", "provider" => super::NAME, "answer" => outcome)
            .record(started.elapsed().as_secs_f64());
        reply
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        form: &Form,
        key: Option<&IdempotencyKey>,
    ) -> Result<Reply, GatewayError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base_url))
            .header(AUTHORIZATION, self.authorization.clone())
            .header("Stripe-Version", API_VERSION);
        if let Some(key) = key {
            request = request.header(CONTENT_TYPE, FORM).header("Idempotency-Key", key.as_str());
        }
        let body = Full::from(form.as_str().to_owned());
        let request = request.body(body).map_err(|error| unknown(format!("the request cannot be made: {error}")))?;
        let response = self.http.request(request).await.map_err(|error| unknown(in_one_line(&error)))?;
        let status = response.status();
        let collected = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let bytes = collected.map_err(|_| unknown(format!("an answer {status} that broke off")))?.to_bytes();
        understood(status, &bytes)
    }
}

/// A success, or a refusal of this request, in JSON. Whatever else a server or a proxy may say leaves the outcome open, our
/// own credentials not being accepted included: with the right ones the same request may succeed.
fn understood(status: StatusCode, bytes: &[u8]) -> Result<Reply, GatewayError> {
    let says_something = status.is_success()
        || matches!(status, StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::NOT_FOUND);
    if !says_something {
        return Err(unknown(format!("the answer is {status}")));
    }
    match serde_json::from_slice(bytes) {
        Ok(body @ Value::Object(_)) if status.is_success() || body["error"].is_object() => Ok(Reply { status, body }),
        _ => Err(unknown(format!("an answer {status} that is not Stripe's"))),
    }
}

fn class(status: StatusCode) -> &'static str {
    if status.is_success() { "success" } else { "refusal" }
}

pub(super) fn unknown(reason: impl Into<String>) -> GatewayError {
    GatewayError::Unknown { reason: reason.into() }
}

fn in_one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
