//! Bounds and prices of a cart, whatever is asked of it.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::aggregate::fold;

const SKUS: [&str; 3] = ["A", "B", "C"];

fn line_units(state: &State) -> BTreeMap<&str, i64> {
    state.lines().iter().map(|line| (line.sku.as_str(), line.quantity.get())).collect()
}

/// Three lines short of full. Made once: it takes longer than what is asked of it.
static NEARLY_FULL: LazyLock<State> = LazyLock::new(|| {
    let lines = (3..LINES_MAX).map(|line| added(&format!("S{line}"), 1, 1));
    given::<Cart>(std::iter::once(opened()).chain(lines)).into_state()
});

proptest! {
    #[test]
    fn c2_no_line_has_more_units_than_its_bound_and_a_refusal_says_how_many_it_would_have(
        steps in proptest::collection::vec(
            (0..3_usize, proptest::option::weighted(0.9, prop_oneof![1..10_i64, 49_990..50_010_i64, 99_990..=100_000_i64])),
            1..30,
        ),
    ) {
        let mut state = given::<Cart>([opened()]).into_state();
        let mut expected = BTreeMap::new();
        for (place, more) in steps {
            let text = SKUS[place];
            let command = more.map_or_else(|| remove(text), |units| add(text, units, gbp(1)));
            let sum = more.map(|units| expected.get(text).copied().unwrap_or(0) + units);
            match (Cart::decide(&state, command), sum) {
                (Ok(events), None) => {
                    state = fold::<Cart>(state, &events);
                    expected.remove(text);
                }
                (Ok(events), Some(sum)) => {
                    state = fold::<Cart>(state, &events);
                    expected.insert(text, sum);
                }
                (Err(error), sum) => {
                    let found = sum.filter(|sum| *sum > 100_000).expect("only what is too much is refused");
                    prop_assert_eq!(error, Error::QuantityOutOfRange { sku: sku(text), found, max: 100_000 });
                }
            }
            prop_assert_eq!(line_units(&state), expected.clone());
            prop_assert!(expected.values().all(|units| (1..=100_000).contains(units)));
        }
    }

    #[test]
    fn c4_whatever_is_priced_in_another_currency_changes_nothing(
        steps in proptest::collection::vec((0..3_usize, 0..4_u8, 1..5_i64, 1..500_i64, any::<bool>()), 1..30),
    ) {
        let mut state = given::<Cart>([opened()]).into_state();
        for (place, kind, units, amount, is_foreign) in steps {
            let text = SKUS[place];
            let price = if is_foreign { eur(amount) } else { gbp(amount) };
            let command = match kind {
                0 | 1 => add(text, units, price),
                2 => change(text, units, price),
                _ => Command::Reprice { prices: prices(&[(text, price)]) },
            };
            match Cart::decide(&state, command) {
                Ok(events) => {
                    prop_assert!(!is_foreign || events.is_empty());
                    state = fold::<Cart>(state, &events);
                }
                Err(error) if state.line(&sku(text)).is_none() && kind == 2 => {
                    prop_assert_eq!(error, Error::LineNotFound { sku: sku(text) });
                }
                Err(error) => {
                    prop_assert!(is_foreign);
                    prop_assert_eq!(error, Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR });
                }
            }
            prop_assert!(state.lines().iter().all(|line| line.unit_price.currency() == Currency::GBP));
        }
    }

    #[test]
    fn c8_the_buyer_pays_the_sum_that_was_shown_or_is_told_each_difference(
        lines in proptest::collection::vec((1..50_i64, 1..1_000_i64, proptest::option::of(1..1_000_i64)), 1..6),
    ) {
        let text = |place: usize| format!("S{place}");
        let shown = lines.iter().enumerate().map(|(place, (units, price, _))| added(&text(place), *units, *price));
        let mut state = given::<Cart>(std::iter::once(opened()).chain(shown)).into_state();
        let at_each = |price: fn(&(i64, i64, Option<i64>)) -> i64| gbp(lines.iter().map(|line| line.0 * price(line)).sum());
        let (cart_total, current_total) = (at_each(|line| line.1), at_each(|line| line.2.unwrap_or(line.1)));
        let current: Prices =
            lines.iter().enumerate().map(|(place, line)| (sku(&text(place)), gbp(line.2.unwrap_or(line.1)))).collect();
        let changed: Vec<_> = lines.iter().enumerate().filter(|(_, line)| line.2.is_some_and(|now| now != line.1)).collect();
        let check_out =
            || Command::CheckOut { order_id: order(1), prices: current.clone(), expected_total: None, at: at() };

        let decided = Cart::decide(&state, check_out());
        if changed.is_empty() {
            prop_assert_eq!(decided, Ok(vec![checked_out(cart_total.amount())]));
            return Ok(());
        }
        let difference = |(place, (units, shown, now)): &(usize, &(i64, i64, Option<i64>))| PriceDifference {
            sku: sku(&text(*place)),
            quantity: quantity(*units),
            cart_price: gbp(*shown),
            current_price: gbp(now.unwrap_or_default()),
        };
        let told = changed.iter().map(difference).collect();
        prop_assert_eq!(decided, Err(Error::PriceChanged { lines: told, cart_total, current_total }));
        let repriced = Cart::decide(&state, Command::Reprice { prices: current.clone() }).unwrap();
        state = fold::<Cart>(state, &repriced);
        prop_assert_eq!(Cart::decide(&state, check_out()), Ok(vec![checked_out(current_total.amount())]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn c2_a_cart_never_has_more_lines_than_its_bound(
        steps in proptest::collection::vec((0..6_usize, proptest::bool::weighted(0.7)), 1..25),
    ) {
        let mut state = NEARLY_FULL.clone();
        for (number, adds) in steps {
            let text = format!("NEW{number}");
            let command = if adds { add(&text, 1, gbp(1)) } else { remove(&text) };
            match Cart::decide(&state, command) {
                Ok(events) => {
                    state = fold::<Cart>(state, &events);
                    prop_assert_eq!(state.line(&sku(&text)).is_some(), adds);
                }
                Err(error) => {
                    prop_assert!(adds && state.line(&sku(&text)).is_none() && state.lines().len() == 2_000);
                    prop_assert_eq!(error, Error::TooManyLines { max: 2_000 });
                }
            }
            prop_assert!(state.lines().len() <= 2_000);
        }
    }
}
