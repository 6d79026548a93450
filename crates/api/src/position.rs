//! Positions on the wire: what an answer reflects, and what a query wants to have waited for.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use eventstore::event::Position;

use crate::prefer::Prefer;
use crate::problem::Problem;

pub const DAYBOOK_POSITION: HeaderName = HeaderName::from_static("daybook-position");
pub const DAYBOOK_LAG_MS: HeaderName = HeaderName::from_static("daybook-lag-ms");
pub const DAYBOOK_MIN_POSITION: HeaderName = HeaderName::from_static("daybook-min-position");

/// `Daybook-Min-Position` with the `Prefer: wait=<s>` that goes with it: what a view must have reached to answer, and for how
/// long the client waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinPosition {
    pub position: Option<Position>,
    pub wait: Duration,
}

impl MinPosition {
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let position = match headers.get(DAYBOOK_MIN_POSITION) {
            None => None,
            Some(value) => Some(Position(parse(value.as_bytes()).ok_or_else(|| {
                Problem::header("Daybook-Min-Position", "must be a position: a decimal number without a sign")
            })?)),
        };
        Ok(Self { position, wait: Prefer::of(headers).wait })
    }
}

/// Digits alone: `+5`, ` 5` and what no position can be are refused.
fn parse(bytes: &[u8]) -> Option<i64> {
    if !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

impl<S: Sync> FromRequestParts<S> for MinPosition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}
