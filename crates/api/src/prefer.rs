//! The `Prefer` header (RFC 7240): `return=minimal` and `wait=<s>`. A preference that is not understood is not honoured, and
//! that is no error.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::problem::Problem;

pub const PREFER: HeaderName = HeaderName::from_static("prefer");
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

const WAIT_DEFAULT: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefer {
    /// Answer a command with its headers alone.
    pub minimal: bool,
    /// How long a query may wait for its view to catch up.
    pub wait: Duration,
}

impl Prefer {
    pub fn of(headers: &HeaderMap) -> Self {
        let mut prefer = Self { minimal: false, wait: WAIT_DEFAULT };
        let texts = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for preference in texts.flat_map(|text| text.split(',')) {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "return" => prefer.minimal = value == "minimal",
                "wait" => {
                    let seconds = value.parse::<f64>().ok().filter(|seconds| (0.0..).contains(seconds));
                    if let Some(seconds) = seconds {
                        prefer.wait = Duration::from_secs_f64(seconds.min(WAIT_MAX.as_secs_f64()));
                    }
                }
                _ => {}
            }
        }
        prefer
    }
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self::of(&parts.headers))
    }
}
