//! Entity tags: `"<version>-<hash of the body>"`. `If-Match` looks at the version alone, `If-None-Match` at all of it.

use axum::extract::FromRequestParts;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use crate::problem::Problem;
use crate::problems::Code;

/// Bytes of the digest that go into the tag: enough that two bodies of one version never share it.
const HASH_BYTES: usize = 8;

/// A strong tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    pub fn of(version: i64, body: &[u8]) -> Self {
        let digest = Sha256::digest(body);
        let mut tag = String::with_capacity(2 * HASH_BYTES + 24);
        tag.push('"');
        tag.push_str(&version.to_string());
        tag.push('-');
        for byte in digest.iter().take(HASH_BYTES) {
            tag.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            tag.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        }
        tag.push('"');
        Self(tag)
    }

    /// The tag of an answer without a body (`Prefer: return=minimal`): good for `If-Match`, and equal to no representation.
    pub fn of_version(version: i64) -> Self {
        Self(format!("\"{version}\""))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a tag is digits, hex and quotes")
    }
}

/// The version that a command expects its stream to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub Option<i64>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

impl IfMatch {
    /// `*` expects no particular version. A tag that we never gave out is a version that the thing does not have.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        // Proxies that compress turn a strong tag into a weak one; the version in it is as good.
        let opaque = text.strip_prefix("W/").unwrap_or(text);
        let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| !tag.contains('"'));
        let Some(opaque) = opaque else {
            return Err(Problem::header("If-Match", "must be one entity tag in double quotes, or *"));
        };
        let version = opaque.split('-').next().unwrap_or_default();
        match version.parse::<i64>() {
            Ok(version) if version >= 0 => Ok(Self(Some(version))),
            _ => Err(Problem::new(Code::VersionMismatch)),
        }
    }
}

/// What the client has already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IfNoneMatch(Option<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self(parts.headers.get(IF_NONE_MATCH).cloned()))
    }
}

impl IfNoneMatch {
    /// Weakly, as RFC 9110 has it for this header.
    pub fn has(&self, etag: &ETag) -> bool {
        let Some(text) = self.0.as_ref().and_then(|value| value.to_str().ok()) else { return false };
        text.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag.0)
    }
}
