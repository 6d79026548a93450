//! Numbers as people read them: grouped digits, pounds and pence.

use std::fmt::Display;

/// `1234567` is `1,234,567`.
pub(crate) fn grouped(number: impl Display) -> String {
    let text = number.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
    let mut grouped = String::with_capacity(text.len() * 4 / 3 + 1);
    grouped.push_str(sign);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1234` pence are `£12.34`.
pub(crate) fn pounds(pence: i128) -> String {
    let sign = if pence < 0 { "-" } else { "" };
    let magnitude = pence.unsigned_abs();
    format!("{sign}£{}.{:02}", grouped(magnitude / 100), magnitude % 100)
}

#[cfg(test)]
mod tests {
    use super::{grouped, pounds};

    #[test]
    fn digits_are_grouped_by_three() {
        let numbers = [0, 12, 999, 1_000, 541_909, 5_588_360, -1, -100, -1_000];
        let texts = ["0", "12", "999", "1,000", "541,909", "5,588,360", "-1", "-100", "-1,000"];
        assert_eq!(numbers.map(grouped), texts);
    }

    #[test]
    fn pence_are_shown_as_pounds() {
        assert_eq!(
            [0, 1, 99, 100, 123_456, -5].map(pounds),
            ["£0.00", "£0.01", "£0.99", "£1.00", "£1,234.56", "-£0.05"]
        );
    }
}
