//! The body of a request: bounded in bytes and time, read as strict JSON, together with the idempotency key that goes with it.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::fault::Fault;
use super::json::{self, Node};
use crate::idempotency::Idempotency;
use crate::problem::Problem;
use crate::problems::Code;

const BODY_BYTES_MAX: usize = 256 * 1024;

/// Shorter than the 30 s of a whole request, so that a client that is slow to send learns that it was.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(15);

/// A JSON body and the `Idempotency-Key` sent with it. The fingerprint covers the body, so the two are read together.
#[derive(Debug)]
pub struct JsonBody<T> {
    pub value: T,
    pub idempotency: Option<Idempotency>,
}

/// For a command whose path says everything. An empty object is let through, since many clients cannot send nothing.
#[derive(Debug)]
pub struct NoBody {
    pub idempotency: Option<Idempotency>,
}

/// The bytes as they came, for a signature over them.
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        require_json(&parts.method, &parts.headers)?;
        let bytes = read(&parts.headers, body).await?;
        let value = T::deserialize(json::parse(&bytes)?).map_err(Fault::in_body)?;
        let idempotency = Idempotency::of(&parts, &bytes)?;
        Ok(Self { value, idempotency })
    }
}

impl<S: Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body).await?;
        let is_empty = bytes.is_empty() || matches!(json::parse(&bytes)?, Node::Map(entries) if entries.is_empty());
        if !is_empty {
            return Err(Problem::new(Code::UnexpectedBody));
        }
        let idempotency = Idempotency::of(&parts, b"")?;
        Ok(Self { idempotency })
    }
}

impl<S: Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        read(&parts.headers, body).await.map(Self)
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("Send the body without a content coding."));
    }
    // hyper has checked that the length is a number, and that there is one.
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(Problem::new(Code::BodyTooLarge));
    }
    match timeout(BODY_READ_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::new(Code::BodyTooLarge)),
        Ok(Err(_)) => Err(Problem::new(Code::BadRequest).detail("The body broke off.")),
        Err(_) => Err(Problem::new(Code::RequestTimeout)),
    }
}

fn require_json(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type == "application/json" || is_json(method, content_type) {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMediaType))
}

fn is_json(method: &Method, content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_patch = method == Method::PATCH && essence.eq_ignore_ascii_case("application/merge-patch+json");
    let mut parameters = parts.filter(|parameter| !parameter.is_empty());
    (is_patch || essence.eq_ignore_ascii_case("application/json")) && parameters.all(is_utf_8)
}

fn is_utf_8(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset")
            && matches!(value.trim().trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8")
    })
}
