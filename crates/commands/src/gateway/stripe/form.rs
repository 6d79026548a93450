//! `application/x-www-form-urlencoded`, as Stripe reads it: nested fields in brackets.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 leaves alone.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(String);

impl Form {
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.extend(utf8_percent_encode(name, ENCODED));
        self.0.push('=');
        self.0.extend(utf8_percent_encode(&value.to_string(), ENCODED));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// One step of a path.
pub(super) fn step(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_field_is_encoded() {
        let form = Form::default().with("amount", 12).with("metadata[payment_id]", "a&b=c d/é+");
        assert_eq!(form.as_str(), "amount=12&metadata%5Bpayment_id%5D=a%26b%3Dc%20d%2F%C3%A9%2B");
        assert_eq!(step("pi_1/../x?y"), "pi_1%2F..%2Fx%3Fy");
        assert!(Form::default().is_empty());
    }
}
