//! Money as Stripe writes it: an integer in the smallest unit of the currency, which for some is not that of ISO 4217.

use domain::money::{Currency, Money};

/// Have no minor units, and are written as if they had two.
const WRITTEN_WITH_TWO_DIGITS: [&str; 2] = ["ISK", "UGX"];
/// Have minor units, and are written without them.
const WRITTEN_WITHOUT_DIGITS: [&str; 1] = ["MGA"];
const TWO_DIGITS: i64 = 100;

/// `None` where Stripe cannot express it: Malagasy ariary with a fraction, or a number without end.
pub(super) fn to_stripe(money: Money) -> Option<(i64, String)> {
    let code = money.currency().to_string();
    let amount = match code.as_str() {
        code if WRITTEN_WITH_TWO_DIGITS.contains(&code) => money.amount().checked_mul(TWO_DIGITS)?,
        code if WRITTEN_WITHOUT_DIGITS.contains(&code) => whole(money.amount())?,
        _ => money.amount(),
    };
    Some((amount, code.to_ascii_lowercase()))
}

pub(super) fn from_stripe(amount: i64, currency: &str) -> Option<Money> {
    let code = currency.to_ascii_uppercase();
    let amount = match code.as_str() {
        code if WRITTEN_WITH_TWO_DIGITS.contains(&code) => whole(amount)?,
        code if WRITTEN_WITHOUT_DIGITS.contains(&code) => amount.checked_mul(TWO_DIGITS)?,
        _ => amount,
    };
    Some(Money::new(amount, code.parse::<Currency>().ok()?))
}

fn whole(amount: i64) -> Option<i64> {
    (amount % TWO_DIGITS == 0).then_some(amount / TWO_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, code.parse().unwrap())
    }

    #[test]
    fn an_amount_is_written_in_the_units_that_stripe_has_for_its_currency() {
        for (ours, amount, currency) in [
            (money(1999, "GBP"), 1999, "gbp"),
            (money(500, "JPY"), 500, "jpy"),
            (money(5120, "BHD"), 5120, "bhd"),
            (money(5, "ISK"), 500, "isk"),
            (money(7, "UGX"), 700, "ugx"),
            (money(300, "MGA"), 3, "mga"),
        ] {
            assert_eq!(to_stripe(ours), Some((amount, currency.to_owned())));
            assert_eq!(from_stripe(amount, currency), Some(ours));
        }
    }

    #[test]
    fn what_the_other_side_cannot_express_is_not_rounded() {
        assert_eq!(to_stripe(money(301, "MGA")), None);
        assert_eq!(to_stripe(money(i64::MAX, "ISK")), None);
        assert_eq!(from_stripe(501, "isk"), None);
        assert_eq!(from_stripe(1, "no currency"), None);
    }
}
