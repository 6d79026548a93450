//! P8: no card number ever enters. What stands for a card is a provider's token.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::ParseText;

const BYTES_MAX: usize = 255;

/// How many digits card numbers have.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("a payment token is 1 to {BYTES_MAX} printable ASCII characters")]
    Malformed,
    #[error("this looks like a card number: send the provider's token for it, never the number")]
    CardNumber,
}

impl TokenError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "invalid_payment_token",
            Self::CardNumber => "card_number_refused",
        }
    }
}

/// What a provider knows a card or an account by. Its `Debug` keeps it to itself.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentToken(Arc<str>);

impl PaymentToken {
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if text.trim().is_empty() || text.len() > BYTES_MAX || !printable {
            return Err(TokenError::Malformed);
        }
        if holds_card_number(text) { Err(TokenError::CardNumber) } else { Ok(Self(text.into())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether any run of digits, however it is spaced or hyphenated, has the length and the check digit of a card number.
fn holds_card_number(text: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ' ' | '-')).any(|run| {
        let digits: Vec<u32> = run.chars().filter_map(|letter| letter.to_digit(10)).collect();
        CARD_DIGITS.contains(&digits.len()) && passes_luhn(&digits)
    })
}

/// What is added up for a digit that is doubled: the digits of twice the digit.
const DOUBLED: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];

fn passes_luhn(digits: &[u32]) -> bool {
    let added = |(place, digit): (usize, &u32)| match place % 2 {
        0 => *digit,
        _ => DOUBLED[*digit as usize],
    };
    digits.iter().rev().enumerate().map(added).sum::<u32>() % 10 == 0
}

impl fmt::Debug for PaymentToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PaymentToken(…)")
    }
}

impl FromStr for PaymentToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::new(text)
    }
}

impl Serialize for PaymentToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PaymentToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ParseText(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn p8_a_token_is_taken_as_it_is() {
        for good in ["tok_ok", "pm_1NXWPnFdDtu8oYk", "4242", "tok_4242424242424241", "42424242424", &"x".repeat(255)] {
            let token = PaymentToken::new(good).unwrap();
            assert_eq!(token.as_str(), good);
            assert_eq!(serde_json::from_str::<PaymentToken>(&serde_json::to_string(&token).unwrap()).unwrap(), token);
            assert_eq!(format!("{token:?}"), "PaymentToken(…)");
        }
    }

    #[test]
    fn p8_what_looks_like_a_card_number_is_refused() {
        for number in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "tok_4242424242424242",
            "378282246310005",
            "6304000000000000",
            "630400000000",
            "6304000000000000000",
            " 4242424242424242 ",
        ] {
            assert_eq!(number.parse::<PaymentToken>(), Err(TokenError::CardNumber), "{number}");
            assert!(serde_json::from_value::<PaymentToken>(number.into()).is_err());
        }
        assert_eq!(TokenError::CardNumber.code(), "card_number_refused");
    }

    #[test]
    fn what_cannot_be_a_token_is_refused() {
        for bad in ["", "  ", "tok\0", "tök", "a\nb", &"x".repeat(256)] {
            assert_eq!(PaymentToken::new(bad), Err(TokenError::Malformed), "{bad:?}");
        }
        assert_eq!(TokenError::Malformed.code(), "invalid_payment_token");
    }

    proptest! {
        #[test]
        fn p8_every_number_of_12_to_19_digits_with_its_check_digit_is_refused(number in "[0-9]{11,18}") {
            let with = |check: u32| format!("{number}{check}");
            let refused = (0..10).filter(|check| PaymentToken::new(&with(*check)) == Err(TokenError::CardNumber));
            prop_assert_eq!(refused.count(), 1, "exactly one check digit fits");
        }
    }
}
