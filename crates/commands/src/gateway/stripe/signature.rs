//! `Stripe-Signature: t=TIME,v1=HEX,v1=HEX`: HMAC-SHA-256 over `TIME.BODY`, the body as it came. While the secret of an
//! endpoint is rolled there are several, one for each secret; one that holds is enough.

use std::fmt;

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use hyper::HeaderMap;

use super::Secret;
use crate::gateway::webhook::WebhookError;

const HEADER: &str = "stripe-signature";
/// How far the time of a signature may be from ours: a request that somebody kept is of no use to him later.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// Signatures that are looked at. While a secret is rolled there are two.
const SIGNATURES_MAX: usize = 16;
const SHA_256_BYTES: usize = 32;

pub(super) struct WebhookSecret(hmac::Key);

impl WebhookSecret {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

pub(super) fn verify(
    secrets: &[WebhookSecret],
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), WebhookError> {
    if secrets.is_empty() {
        return Err(WebhookError::NotExpected);
    }
    let mut values = headers.get_all(HEADER).iter();
    let header = match (values.next(), values.next()) {
        (None, _) => return Err(WebhookError::Unsigned),
        (Some(_), Some(_)) => return Err(WebhookError::MalformedSignature),
        (Some(header), None) => header.to_str().map_err(|_| WebhookError::MalformedSignature)?,
    };
    let (time, signatures) = parse(header).ok_or(WebhookError::MalformedSignature)?;
    let signed_at = time.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let signed_at = signed_at.ok_or(WebhookError::MalformedSignature)?;
    if (now - signed_at).abs() > TOLERANCE {
        return Err(WebhookError::WrongTime);
    }
    let signed = [time.as_bytes(), b".", body].concat();
    let holds = |signature: &[u8; SHA_256_BYTES]| {
        // Takes the same time whichever byte differs.
        secrets.iter().any(|secret| hmac::verify(&secret.0, &signed, signature).is_ok())
    };
    if signatures.iter().any(holds) { Ok(()) } else { Err(WebhookError::WrongSignature) }
}

/// The time, as it was signed, and the signatures of the scheme that is known here.
fn parse(header: &str) -> Option<(&str, Vec<[u8; SHA_256_BYTES]>)> {
    let (mut time, mut signatures) = (None, Vec::new());
    for element in header.split(',') {
        let (name, value) = element.trim().split_once('=')?;
        match name {
            "t" if time.is_some() => return None,
            "t" => time = Some(value),
            // One that is no SHA-256 in hexadecimal digits cannot hold; another beside it may.
            "v1" if signatures.len() < SIGNATURES_MAX => signatures.extend(from_hex(value)),
            _ => {}
        }
    }
    time.map(|time| (time, signatures))
}

fn from_hex(digits: &str) -> Option<[u8; SHA_256_BYTES]> {
    let mut bytes = [0; SHA_256_BYTES];
    if digits.len() != 2 * bytes.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
