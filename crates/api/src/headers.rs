//! The headers that every command, and every query, is read with: one extractor each, so that no handler forgets one.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::etag::{IfMatch, IfNoneMatch};
use crate::position::MinPosition;
use crate::prefer::Prefer;
use crate::problem::Problem;
use crate::request::{RequestId, TraceParent};

/// What a command carries beside its path and body.
#[derive(Debug, Clone, Copy)]
pub struct CommandHeaders {
    pub request_id: RequestId,
    pub trace_parent: TraceParent,
    pub if_match: IfMatch,
    pub prefer: Prefer,
}

impl<S: Sync> FromRequestParts<S> for CommandHeaders {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self {
            request_id: RequestId::from_request_parts(parts, state).await?,
            trace_parent: TraceParent::from_request_parts(parts, state).await?,
            if_match: IfMatch::of(&parts.headers)?,
            prefer: Prefer::of(&parts.headers),
        })
    }
}

/// What a query carries beside its path and parameters.
#[derive(Debug, Clone)]
pub struct QueryHeaders {
    pub min_position: MinPosition,
    pub if_none_match: IfNoneMatch,
}

impl<S: Sync> FromRequestParts<S> for QueryHeaders {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self {
            min_position: MinPosition::of(&parts.headers)?,
            if_none_match: IfNoneMatch::from_request_parts(parts, state).await?,
        })
    }
}
