//! A problem as RFC 9457 has it: what a refused request is answered with. Knows the catalogue and nothing of the routes.
//!
//! A handler returns `Result<_, Problem>`. What the problem cannot know (the request's id and path) is filled in by the
//! edge (`edge.rs`), which renders it: the response made here carries the problem itself, not yet its text.

use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::problems::{Code, FieldCode};
use crate::request::RequestId;

pub const PROBLEM_JSON: &str = "application/problem+json";

/// How long a client is asked to wait before it repeats what was refused with 503.
const RETRY_AFTER_SECONDS: u16 = 1;

/// A refusal. One pointer wide, so that `Result<_, Problem>` costs a handler nothing on the way of success.
#[derive(Clone)]
pub struct Problem(Box<Parts>);

#[derive(Clone)]
struct Parts {
    code: Code,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    members: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Why, for the log alone: it never leaves the server.
    cause: Option<String>,
}

/// One thing that is wrong, and where: a JSON pointer into the body, a parameter of path or query, or a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub place: Place,
    pub code: FieldCode,
    pub detail: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Pointer(String),
    Parameter(String),
    Header(&'static str),
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self(Box::new(Parts {
            code,
            detail: None,
            errors: Vec::new(),
            members: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// A bug of ours, or a fault that nobody foresaw. The chain of causes is logged once with the request's id; the client sees none of it.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(Code::InternalError).because(error)
    }

    /// A value of the body that may not be, named by its JSON pointer: 422.
    pub fn value(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidValue).at(Place::Pointer(pointer.into()), FieldCode::InvalidValue, detail)
    }

    pub fn header(name: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidHeader).at(Place::Header(name), FieldCode::Malformed, detail)
    }

    /// What exactly is wrong this time, for a person to read. Never SQL, a path or an error's text.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn at(mut self, place: Place, code: FieldCode, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.errors.push(FieldError { place, code, detail: detail.into() });
        self
    }

    /// An extension member: what the client needs to recover.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("members are plain numbers, strings, lists and structs");
        self.0.members.push((name, value));
        self
    }

    #[must_use]
    pub fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            source = error.source();
        }
        self.0.cause = Some(chain);
        self
    }

    #[must_use]
    pub fn retry_after(self, seconds: u16) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The whole response, as the edge sends it.
    pub(crate) fn render(&self, request_id: RequestId, instance: &str) -> Response {
        let rendering = Rendering { parts: &self.0, request_id, instance };
        let body = serde_json::to_vec(&rendering).expect("a problem is plain JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge()));
        }
        for (name, value) in &self.0.headers {
            headers.insert(name, value.clone());
        }
        response
    }

    /// RFC 6750: a request without a token is told the scheme alone, one with a bad token also why.
    fn challenge(&self) -> &'static str {
        match self.0.code {
            Code::TokenRequired => "Bearer realm=\"daybook\"",
            Code::TokenExpired => {
                "Bearer realm=\"daybook\", error=\"invalid_token\", error_description=\"the token has expired\""
            }
            _ => "Bearer realm=\"daybook\", error=\"invalid_token\"",
        }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("code", &self.0.code)
            .field("detail", &self.0.detail)
            .field("errors", &self.0.errors)
            .field("members", &self.0.members)
            .field("cause", &self.0.cause)
            .finish_non_exhaustive()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

/// Stands in for an error that axum or hyper answered by itself, from its status alone. Keeps `Allow`.
pub(crate) fn in_place_of(response: &Response) -> Problem {
    let code = match response.status() {
        StatusCode::NOT_FOUND => Code::RouteNotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::NOT_ACCEPTABLE => Code::NotAcceptable,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        StatusCode::UNPROCESSABLE_ENTITY => Code::InvalidValue,
        status if status.is_client_error() => Code::BadRequest,
        _ => Code::InternalError,
    };
    match response.headers().get(ALLOW) {
        Some(allow) => Problem::new(code).with_header(ALLOW, allow.clone()),
        None => Problem::new(code),
    }
}

struct Rendering<'a> {
    parts: &'a Parts,
    request_id: RequestId,
    instance: &'a str,
}

impl Serialize for Rendering<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.parts.code.entry();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("/docs/problems/{}", entry.name))?;
        map.serialize_entry("title", entry.title)?;
        map.serialize_entry("status", &entry.status.as_u16())?;
        map.serialize_entry("detail", self.parts.detail.as_deref().unwrap_or(entry.explanation))?;
        map.serialize_entry("instance", self.instance)?;
        map.serialize_entry("code", entry.name)?;
        map.serialize_entry("request_id", &self.request_id)?;
        map.serialize_entry("retryable", &entry.retryable)?;
        if !self.parts.errors.is_empty() {
            map.serialize_entry("errors", &self.parts.errors)?;
        }
        for (name, value) in &self.parts.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for FieldError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        match &self.place {
            Place::Pointer(pointer) => map.serialize_entry("pointer", pointer)?,
            Place::Parameter(name) => map.serialize_entry("parameter", name)?,
            Place::Header(name) => map.serialize_entry("header", name)?,
        }
        map.serialize_entry("code", self.code.name())?;
        map.serialize_entry("detail", &self.detail)?;
        map.end()
    }
}
