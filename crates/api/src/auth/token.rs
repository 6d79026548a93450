//! Verification of bearer tokens: signature, times, issuer, audience, and a memory of what was verified already.
//!
//! A signature costs about 50 µs, which at 25,000 requests a second would be more than a core. So a verified token is
//! remembered under its SHA-256 until it expires; a token is never remembered as bad.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use hashlink::LruCache;
use jsonwebtoken::errors::ErrorKind;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::auth::keys::{KeyRing, LEEWAY_SECONDS};
use crate::auth::signing::TokenSigner;
use crate::auth::{Principal, Role, Roles};
use crate::problem::Problem;
use crate::problems::Code;

/// Longer than any token with a sensible set of claims; what is longer is not even hashed.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// About 200 bytes each: 3 MB when full.
const VERIFIED_TOKENS_MAX: usize = 16 * 1024;

/// The last second of the year 9999. A larger date is a mistake, or an attempt at an overflow.
const NUMERIC_DATE_MAX: i64 = 253_402_300_799;

/// The media types of RFC 9068 and RFC 7519 for what is meant as an access token. An ID, refresh or logout token of the same
/// issuer says something else.
const ACCESS_TOKEN_TYPES: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token has expired")]
    Expired,
    #[error("the token is not accepted")]
    Invalid,
}

/// Verifies tokens, and signs those of guests where it was given a key to.
pub struct Authenticator {
    keys: KeyRing,
    signer: Option<TokenSigner>,
    verified: Mutex<LruCache<[u8; 32], Arc<Principal>>>,
}

impl Authenticator {
    pub fn new(keys: KeyRing, signer: Option<TokenSigner>) -> Self {
        Self { keys, signer, verified: Mutex::new(LruCache::new(VERIFIED_TOKENS_MAX)) }
    }

    pub fn signer(&self) -> Option<&TokenSigner> {
        self.signer.as_ref()
    }

    /// Whom the `Authorization` header speaks for; `None` without one.
    pub(crate) fn principal(&self, headers: &HeaderMap) -> Result<Option<Arc<Principal>>, Problem> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let Some(header) = given.next() else { return Ok(None) };
        let token = match given.next() {
            None => header.to_str().ok().and_then(bearer),
            Some(_) => None,
        };
        let Some(token) = token else {
            return Err(Problem::new(Code::TokenInvalid).detail("Send one header `Authorization: Bearer <token>`."));
        };
        match self.verify(token) {
            Ok(principal) => Ok(Some(principal)),
            Err(TokenError::Expired) => Err(Problem::new(Code::TokenExpired)),
            Err(TokenError::Invalid) => Err(Problem::new(Code::TokenInvalid)),
        }
    }

    /// Verifies a token wherever it came from: the header, or the body of a merge.
    pub fn verify(&self, token: &str) -> Result<Arc<Principal>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let now = seconds_now();
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(principal) = self.remembered(&digest, now)? {
            return Ok(principal);
        }
        let principal = Arc::new(self.verify_signature(token, now)?);
        self.verified().insert(digest, Arc::clone(&principal));
        Ok(principal)
    }

    fn remembered(&self, digest: &[u8; 32], now: i64) -> Result<Option<Arc<Principal>>, TokenError> {
        let mut verified = self.verified();
        let Some(principal) = verified.get(digest) else { return Ok(None) };
        if now > principal.expires_at.saturating_add(LEEWAY_SECONDS as i64) {
            verified.remove(digest);
            return Err(TokenError::Expired);
        }
        Ok(Some(Arc::clone(principal)))
    }

    /// Nothing that holds the lock can panic half-way, so a poisoned one is as good as new.
    fn verified(&self) -> std::sync::MutexGuard<'_, LruCache<[u8; 32], Arc<Principal>>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verify_signature(&self, token: &str, now: i64) -> Result<Principal, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // No critical extension is understood here. Keys or addresses of keys inside the token are not looked at.
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_access_token) {
            return Err(TokenError::Invalid);
        }
        let key = self.keys.find(header.kid.as_deref()).ok_or(TokenError::Invalid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.key, &key.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Invalid,
            })?
            .claims;
        if claims.iat.0 > now + LEEWAY_SECONDS as i64 {
            return Err(TokenError::Invalid);
        }
        let roles = claims.roles.iter().filter_map(|name| name.parse::<Role>().ok()).collect::<Roles>();
        Ok(Principal { subject: claims.sub, roles, guest: claims.guest, expires_at: claims.exp.0 })
    }
}

/// What is read from a token beyond what its key's validation checks. A claim given twice, or of another type, fails here.
#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    exp: NumericDate,
    iat: NumericDate,
    #[serde(default, rename = "nbf")]
    _nbf: Option<NumericDate>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    guest: bool,
}

/// Whole seconds since 1970. A string, a fraction or a negative number is refused rather than guessed at (CVE-2026-25537).
#[derive(Deserialize)]
#[serde(try_from = "i64")]
struct NumericDate(i64);

impl TryFrom<i64> for NumericDate {
    type Error = &'static str;

    fn try_from(seconds: i64) -> Result<Self, &'static str> {
        if (0..=NUMERIC_DATE_MAX).contains(&seconds) { Ok(Self(seconds)) } else { Err("not a date") }
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn is_access_token(typ: &str) -> bool {
    ACCESS_TOKEN_TYPES.iter().any(|access| typ.eq_ignore_ascii_case(access))
}

pub(crate) fn seconds_now() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    i64::try_from(since_1970.as_secs()).expect("the clock stands before the year 292 billion")
}
