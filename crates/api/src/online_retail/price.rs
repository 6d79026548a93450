//! Reads a price in pounds, as the file writes it, into whole pence. No float is involved.

/// What a price text turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Price {
    /// At least one, and whole.
    Pence(i64),
    BelowAPenny,
    /// A penny or more, with a fraction of a penny that may not be rounded away.
    FractionOfAPenny,
    NotANumber,
}

/// More digits before the point than any price has, and few enough that a year of such lines cannot overflow an `i64`.
const POUND_DIGITS_MAX: usize = 9;

impl Price {
    /// `2.55`, `18`, `-11062.06`, `0.001`: an optional minus, digits, and optionally a point and digits.
    pub(crate) fn parse(text: &str) -> Self {
        let (negative, magnitude) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (pounds, fraction) =
            magnitude.split_once('.').map_or((magnitude, None), |(whole, part)| (whole, Some(part)));
        if !all_digits(pounds) || pounds.len() > POUND_DIGITS_MAX || fraction.is_some_and(|part| !all_digits(part)) {
            return Self::NotANumber;
        }
        let fraction = fraction.unwrap_or("");
        let (pence, rest) = fraction.split_at(fraction.len().min(2));
        let whole = number(pounds) * 100 + number(pence) * if pence.len() == 1 { 10 } else { 1 };
        if negative || whole == 0 {
            Self::BelowAPenny
        } else if rest.bytes().any(|digit| digit != b'0') {
            Self::FractionOfAPenny
        } else {
            Self::Pence(whole)
        }
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of at most [`POUND_DIGITS_MAX`] digits; nothing is 0.
fn number(digits: &str) -> i64 {
    digits.bytes().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::Price;

    #[track_caller]
    fn check(text: &str, expected: Price) {
        assert_eq!(Price::parse(text), expected, "{text:?}");
    }

    #[test]
    fn pounds_and_pence_become_pence() {
        check("2.55", Price::Pence(255));
        check("2.5", Price::Pence(250));
        check("18", Price::Pence(1800));
        check("0.01", Price::Pence(1));
        check("13541.33", Price::Pence(1_354_133));
        check("999999999.99", Price::Pence(99_999_999_999));
    }

    #[test]
    fn trailing_zeros_are_no_fraction_of_a_penny() {
        check("1.250", Price::Pence(125));
        check("1.0000000000000000000000000", Price::Pence(100));
    }

    #[test]
    fn a_fraction_of_a_penny_is_not_rounded() {
        check("1.005", Price::FractionOfAPenny);
        check("0.011", Price::FractionOfAPenny);
        check("0.99999999999999999999999", Price::FractionOfAPenny);
    }

    #[test]
    fn less_than_a_penny_is_told_apart_from_a_fraction() {
        check("0.001", Price::BelowAPenny);
        check("0", Price::BelowAPenny);
        check("0.00", Price::BelowAPenny);
        check("-11062.06", Price::BelowAPenny);
        check("-0.0", Price::BelowAPenny);
    }

    #[test]
    fn what_is_no_plain_decimal_is_not_a_number() {
        for text in
            ["", "-", ".", "1.", ".5", "1e3", "1,000.00", "+1", " 1", "0x1", "NaN", "1.2.3", "--1", "9999999999", "١"]
        {
            check(text, Price::NotANumber);
        }
    }
}
