//! What came back, judged by the document already.

use std::ops::Index;

use axum::{body::Bytes, http::HeaderMap};
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// Null if it is not JSON.
    pub(crate) body: Value,
}

/// `answer["total"]["amount"]`.
impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, member: &str) -> &Value {
        &self.body[member]
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(2_000)]).into_owned()
    }

    /// Empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn etag(&self) -> &str {
        self.header("etag")
    }

    /// The position that it reflects.
    #[track_caller]
    pub(crate) fn position(&self) -> i64 {
        self.header("daybook-position").parse().unwrap()
    }

    #[track_caller]
    pub(crate) fn id(&self) -> Uuid {
        self["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == "true"
    }

    /// It is a refusal with this code, and says so everywhere.
    #[track_caller]
    pub(crate) fn has_code(self, code: &str) -> Self {
        let known = api::problems::Code::named(code).unwrap_or_else(|| panic!("{code} is not in the catalogue"));
        assert_eq!(self["code"], code, "{}", self.text());
        assert_eq!(self.status, known.status().as_u16());
        assert_eq!(self["status"], self.status);
        assert_eq!(self["type"], format!("/docs/problems/{code}"));
        assert_eq!(self["request_id"], self.header("x-request-id"));
        self
    }

    /// It names exactly one place, and what is wrong there: `("pointer", "/quantity", "out_of_range")`.
    #[track_caller]
    pub(crate) fn names(&self, (kind, place, code): (&str, &str, &str)) {
        let errors = self["errors"].as_array().unwrap_or_else(|| panic!("no place is named: {}", self.text()));
        assert_eq!(errors.len(), 1, "{}", self.text());
        assert_eq!((&errors[0][kind], &errors[0]["code"]), (&place.into(), &code.into()), "{}", self.text());
    }
}
