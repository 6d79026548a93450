//! Sums are exact, splits add up, halves go to the even side, and nothing overflows in silence.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

fn amounts(parts: Vec<Money>) -> Vec<i64> {
    parts.into_iter().map(Money::amount).collect()
}

#[test]
fn every_active_currency_has_its_exponent_and_reads_back() {
    let codes: Vec<&str> = Currency::all().map(Currency::as_str).collect();
    assert!(codes.is_sorted(), "the search needs them sorted");
    assert_eq!(codes.len(), 165);
    for currency in Currency::all() {
        assert_eq!(currency.as_str().parse(), Ok(currency));
    }
    for (currency, code, exponent) in
        [(Currency::JPY, "JPY", 0), (Currency::EUR, "EUR", 2), (Currency::BHD, "BHD", 3), (Currency::USD, "USD", 2)]
    {
        assert_eq!((currency.as_str(), currency.exponent()), (code, exponent));
    }
    assert_eq!(Currency::new("CLF").unwrap().exponent(), 4);
}

#[test]
fn what_is_no_currency_is_refused() {
    for bad in ["", "gbp", "GB", "GBPP", "XXX", "ZZZ", "£"] {
        assert_eq!(Currency::new(bad), Err(UnknownCurrency), "{bad}");
    }
    assert_eq!(UnknownCurrency.code(), "unknown_currency");
}

#[test]
fn money_is_written_as_amount_and_currency() {
    assert_eq!(serde_json::to_string(&gbp(1999)).unwrap(), r#"{"amount":1999,"currency":"GBP"}"#);
    assert_eq!(serde_json::from_value::<Money>(json!({"amount": -5, "currency": "GBP"})).unwrap(), gbp(-5));
    for bad in [
        json!({"amount": 19.99, "currency": "GBP"}),
        json!({"amount": "1", "currency": "GBP"}),
        json!({"amount": 1, "currency": "gbp"}),
        json!({"amount": 9_223_372_036_854_775_808_u64, "currency": "GBP"}),
        json!({"amount": 1}),
    ] {
        assert!(serde_json::from_value::<Money>(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn money_is_shown_with_the_decimals_of_its_currency() {
    assert_eq!(gbp(1999).to_string(), "19.99 GBP");
    assert_eq!(gbp(-5).to_string(), "-0.05 GBP");
    assert_eq!(Money::new(500, Currency::JPY).to_string(), "500 JPY");
    assert_eq!(Money::new(1_050, Currency::BHD).to_string(), "1.050 BHD");
    assert_eq!(format!("{:?}", Currency::GBP), "GBP");
}

#[test]
fn two_currencies_are_never_reckoned_together() {
    let mismatch = Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR };
    let euro = Money::new(1, Currency::EUR);
    assert_eq!(gbp(1).checked_add(euro), Err(mismatch));
    assert_eq!(gbp(1).checked_sub(euro), Err(mismatch));
    assert_eq!(Money::total(Currency::GBP, [gbp(1), euro]), Err(mismatch));
    assert_eq!(gbp(1).partial_cmp(&euro), None);
    assert!(gbp(1) < gbp(2));
    assert_eq!(mismatch.code(), "currency_mismatch");
}

#[test]
fn sums_are_checked() {
    assert_eq!(gbp(3).checked_add(gbp(4)), Ok(gbp(7)));
    assert_eq!(gbp(3).checked_sub(gbp(4)), Ok(gbp(-1)));
    assert_eq!(gbp(3).checked_mul(Quantity::MAX), Ok(gbp(300_000)));
    assert_eq!(Money::total(Currency::GBP, []), Ok(Money::zero(Currency::GBP)));
    assert_eq!(Money::total(Currency::GBP, [gbp(1), gbp(2)]), Ok(gbp(3)));
    assert_eq!(gbp(i64::MAX).checked_add(gbp(1)), Err(Error::Overflow));
    assert_eq!(gbp(i64::MIN).checked_sub(gbp(1)), Err(Error::Overflow));
    assert_eq!(gbp(i64::MAX).checked_mul(Quantity::new(2).unwrap()), Err(Error::Overflow));
    assert_eq!(gbp(i64::MAX).fraction(3, 2), Err(Error::Overflow));
    assert_eq!(Error::Overflow.code(), "amount_too_large");
}

#[test]
fn signs_are_told_apart() {
    assert_eq!((gbp(1).is_positive(), gbp(0).is_positive(), gbp(-1).is_positive()), (true, false, false));
    assert_eq!((gbp(1).is_negative(), gbp(0).is_negative(), gbp(-1).is_negative()), (false, false, true));
    assert_eq!((gbp(1).is_zero(), gbp(0).is_zero()), (false, true));
}

#[test]
fn a_corrupt_fact_saturates_and_stops_no_reader() {
    assert_eq!(gbp(i64::MAX).saturating_add(gbp(1)), gbp(i64::MAX));
    assert_eq!(gbp(i64::MIN).saturating_sub(gbp(1)), gbp(i64::MIN));
    assert_eq!(gbp(i64::MAX).saturating_mul(2), gbp(i64::MAX));
    assert_eq!(gbp(2).saturating_mul(3).saturating_add(gbp(1)).saturating_sub(gbp(2)), gbp(5));
}

#[test]
fn halves_go_to_the_even_neighbour() {
    for (numerator, denominator, quotient) in
        [(5, 10, 0), (15, 10, 2), (25, 10, 2), (-5, 10, 0), (-15, 10, -2), (14, 10, 1), (16, 10, 2), (-14, 10, -1)]
    {
        assert_eq!(divide_half_even(numerator, denominator), quotient, "{numerator}/{denominator}");
        assert_eq!(divide_half_even(-numerator, -denominator), quotient, "{numerator}/{denominator}, negated");
    }
    assert_eq!(gbp(105).fraction(1, 10), Ok(gbp(10)));
    assert_eq!(gbp(115).fraction(1, 10), Ok(gbp(12)));
    assert_eq!(gbp(1).fraction(1, 0), Err(Error::NoParts));
}

#[test]
fn a_split_goes_to_the_largest_remainder_and_then_to_the_first() {
    assert_eq!(amounts(gbp(100).allocate(&[1, 1, 1]).unwrap()), [34, 33, 33]);
    assert_eq!(amounts(gbp(-100).allocate(&[1, 1, 1]).unwrap()), [-34, -33, -33]);
    assert_eq!(amounts(gbp(10).allocate(&[1, 5, 3]).unwrap()), [1, 6, 3]);
    assert_eq!(amounts(gbp(10).allocate(&[5, 2]).unwrap()), [7, 3], "the larger part has the smaller remainder");
    assert_eq!(amounts(gbp(7).allocate(&[0, 0]).unwrap()), [4, 3]);
    assert_eq!(amounts(gbp(i64::MIN).allocate(&[1]).unwrap()), [i64::MIN]);
    assert_eq!(gbp(7).allocate(&[]), Err(Error::NoParts));
    assert_eq!(Error::NoParts.code(), "no_parts");
}

proptest! {
    #[test]
    fn the_parts_of_a_split_always_add_up_and_are_fair(
        amount: i64,
        weights in proptest::collection::vec(any::<u64>(), 1..20),
    ) {
        let parts = gbp(amount).allocate(&weights).unwrap();
        prop_assert_eq!(parts.len(), weights.len());
        prop_assert_eq!(parts.iter().map(|part| i128::from(part.amount())).sum::<i128>(), i128::from(amount));
        let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        if sum > 0 {
            for (part, weight) in parts.iter().zip(&weights) {
                let off = (i128::from(part.amount()) * sum - i128::from(amount) * i128::from(*weight)).abs();
                prop_assert!(off < sum, "no part is off by a whole minor unit");
                prop_assert!(*weight > 0 || part.is_zero());
            }
        }
    }

    /// Of small amounts, so that remainders are often equal, and what the largest are can be reckoned another way.
    #[test]
    fn what_a_split_leaves_over_goes_to_the_largest_remainders_and_of_equal_ones_to_the_first(
        amount in 0..200_i64,
        weights in proptest::collection::vec(1..12_u64, 1..8),
    ) {
        let sum: i64 = weights.iter().map(|weight| *weight as i64).sum();
        let parts = amounts(gbp(amount).allocate(&weights).unwrap());
        // How much each part is above its exact share: a part that was rounded up is above it, or on it.
        let above: Vec<i64> = parts.iter().zip(&weights).map(|(part, weight)| part * sum - amount * *weight as i64).collect();
        for (up, above_up) in above.iter().enumerate().filter(|(_, above)| **above > 0) {
            for (down, above_down) in above.iter().enumerate().filter(|(_, above)| **above <= 0) {
                let (remainder_up, remainder_down) = (sum - above_up, -above_down);
                let goes_first = remainder_up > remainder_down || (remainder_up == remainder_down && up < down);
                prop_assert!(goes_first, "{amount} by {weights:?} is {parts:?}");
            }
        }
    }

    #[test]
    fn rounding_is_never_off_by_more_than_a_half(numerator: i64, denominator in 1..=i64::MAX) {
        let (numerator, denominator) = (i128::from(numerator), i128::from(denominator));
        let quotient = divide_half_even(numerator, denominator);
        prop_assert!(2 * (quotient * denominator - numerator).abs() <= denominator);
    }

    #[test]
    fn adding_and_taking_away_again_changes_nothing(left: i64, right: i64) {
        if let Ok(sum) = gbp(left).checked_add(gbp(right)) {
            prop_assert_eq!(sum.checked_sub(gbp(right)), Ok(gbp(left)));
            prop_assert_eq!(i128::from(sum.amount()), i128::from(left) + i128::from(right));
        } else {
            prop_assert!(i64::try_from(i128::from(left) + i128::from(right)).is_err());
        }
    }

    #[test]
    fn money_reads_back_as_it_was_written(amount: i64) {
        let json = serde_json::to_string(&gbp(amount)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), gbp(amount));
    }
}
