//! The `Idempotency-Key` header and the fingerprint of the request that it stands for. Knows nothing of stored outcomes.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const KEY_BYTES_MAX: usize = 255;

/// A client's key: 1 to 255 visible ASCII characters. Its scope is the caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = given.next() else { return Ok(None) };
        let key = match given.next() {
            None => key.to_str().unwrap_or_default(),
            Some(_) => "",
        };
        let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > KEY_BYTES_MAX || !is_visible {
            return Err(Problem::header("Idempotency-Key", "must be one key of 1 to 255 visible ASCII characters"));
        }
        Ok(Some(Self(key.to_owned())))
    }
}

/// SHA-256 of method, path and body: whether a repeat of a key is a repeat of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestFingerprint(pub [u8; 32]);

impl RequestFingerprint {
    pub(crate) fn of(parts: &Parts, body: &[u8]) -> Self {
        // Neither a method nor a path can hold a line feed.
        let digest = Sha256::new()
            .chain_update(parts.method.as_str())
            .chain_update(b"\n")
            .chain_update(parts.uri.path())
            .chain_update(b"\n")
            .chain_update(body)
            .finalize();
        Self(digest.into())
    }
}

/// A key never goes without the fingerprint of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub key: IdempotencyKey,
    pub fingerprint: RequestFingerprint,
}

impl Idempotency {
    pub(crate) fn of(parts: &Parts, body: &[u8]) -> Result<Option<Self>, Problem> {
        let key = IdempotencyKey::of(&parts.headers)?;
        Ok(key.map(|key| Self { key, fingerprint: RequestFingerprint::of(parts, body) }))
    }
}
