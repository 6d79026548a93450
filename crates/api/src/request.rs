//! What the [edge](crate::edge) learns about a request before its handler runs: its id, its trace, its caller. Handlers get at it through the extractors here and in [`auth`](crate::auth).

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::auth::Caller;
use crate::problem::Problem;
use crate::problems::Code;

pub(crate) const X_REQUEST_ID: &str = "x-request-id";
const TRACEPARENT: &str = "traceparent";

/// Inserted by the edge into the extensions of every request that reaches a handler.
#[derive(Clone)]
pub(crate) struct RequestContext {
    pub(crate) request_id: RequestId,
    pub(crate) caller: Option<Caller>,
}

impl RequestContext {
    pub(crate) fn of(parts: &Parts) -> Result<&Self, Problem> {
        // Only a handler mounted around the edge could miss it, and `Routes` leaves no way to do that.
        parts.extensions.get::<Self>().ok_or_else(|| Problem::new(Code::InternalError))
    }
}

/// The id of a request: a UUIDv7 made here, or the client's own if it sent a UUID as `X-Request-Id`. Echoed in the answer,
/// named in every problem and in the log; the correlation id of the events that the request leads to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RequestId(pub Uuid);

impl RequestId {
    /// Only the hyphenated form is taken: anything else would end up, unlike itself, in logs and metadata.
    pub(crate) fn accept_or_make(headers: &HeaderMap) -> Self {
        let given = headers
            .get(X_REQUEST_ID)
            .filter(|value| value.len() == uuid::fmt::Hyphenated::LENGTH)
            .and_then(|value| Uuid::try_parse_ascii(value.as_bytes()).ok())
            .filter(|id| !id.is_nil());
        Self(given.unwrap_or_else(Uuid::now_v7))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        RequestContext::of(parts).map(|context| context.request_id)
    }
}

/// The W3C trace that the request belongs to: the client's `traceparent`, or a new one whose trace id is the request's id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceParent {
    pub trace_id: u128,
    pub parent_id: u64,
    pub flags: u8,
}

impl TraceParent {
    /// A header that breaks the format is treated as absent, as the specification asks.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let mut fields = text.split('-');
        let (version, trace_id, parent_id, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let ends_here = fields.next().is_none();
        let version = hex(version, 2)?;
        // Version 0 has exactly four fields; a later one may add some, and 255 is forbidden.
        if version == 0xff || (version == 0 && !ends_here) {
            return None;
        }
        let trace_id = hex(trace_id, 32).filter(|id| *id != 0)?;
        let parent_id = hex(parent_id, 16).filter(|id| *id != 0)? as u64;
        Some(Self { trace_id, parent_id, flags: hex(flags, 2)? as u8 })
    }

    fn begun_by(request_id: RequestId) -> Self {
        let (_, low) = Uuid::new_v4().as_u64_pair();
        Self { trace_id: request_id.0.as_u128(), parent_id: low, flags: 0 }
    }
}

fn hex(text: &str, length: usize) -> Option<u128> {
    let lower_case_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == length && lower_case_hex).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

impl<S: Sync> FromRequestParts<S> for TraceParent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let given = parts.headers.get(TRACEPARENT).and_then(|value| Self::parse(value.as_bytes()));
        match given {
            Some(trace_parent) => Ok(trace_parent),
            None => RequestContext::of(parts).map(|context| Self::begun_by(context.request_id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_survives_the_round_trip() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::parse(text.as_bytes()).expect("well-formed").to_string(), text);
    }

    #[test]
    fn a_broken_traceparent_is_ignored() {
        for text in [
            "",
            "00-0-0-0",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(TraceParent::parse(text.as_bytes()), None, "{text}");
        }
    }
}
