//! What an order needs of each SKU, however many of its lines are of it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SKUS: [&str; 4] = ["A", "B", "C", "D"];

/// Lines by the place of their SKU and their units.
fn lines(wanted: &[(usize, i64)]) -> Vec<NewLine> {
    wanted.iter().zip(1..).map(|((place, units), number)| line(number, SKUS[*place], *units, 1)).collect()
}

fn by_sku<'a>(units: impl IntoIterator<Item = (&'a str, i64)>) -> BTreeMap<Sku, i64> {
    let mut sums = BTreeMap::new();
    for (text, units) in units {
        *sums.entry(sku(text)).or_default() += units;
    }
    sums.retain(|_, sum| *sum > 0);
    sums
}

fn unsent_of(contents: &Contents, wanted: &Sku) -> i64 {
    contents.lines.iter().filter(|line| line.sku == *wanted).map(Line::unshipped).sum()
}

/// What is given back for goods is named by what was ordered: it may have left long ago.
#[test]
fn lines_are_found_by_sku_whatever_became_of_their_units() {
    let split = Create { lines: lines(&[(0, 3), (1, 1), (0, 2)]), ..wanted() };
    let history = [created_from(split), confirmed(), packed(1, &[(1, "A", 3)], 3), lines_cancelled(&[(3, "A", 1)], 1)];
    let state = given::<Order>(history).into_state();
    let find = |quantity| state.contents().unwrap().ordered_lines_of(&[(sku("A"), units(quantity))]);
    assert_eq!(find(5), Ok(some(&[(1, "A", 3), (3, "A", 2)])));
    assert_eq!(find(6), Err(Error::TooManyUnits { sku: sku("A"), requested: 6, remaining: 5 }));
}

proptest! {
    #[test]
    fn n5_lines_of_one_sku_are_added_up_before_they_are_held_against_its_bound(
        wanted in proptest::collection::vec((0..3_usize, prop_oneof![1..10_i64, 33_330..50_010_i64]), 1..8),
    ) {
        let mut sums = [0; 3];
        let too_many = wanted.iter().find_map(|(place, units)| {
            sums[*place] += units;
            (sums[*place] > 100_000).then_some((SKUS[*place], sums[*place]))
        });
        let decided = Order::decide(&State::Absent, create(Create { lines: lines(&wanted), ..super::wanted() }));
        match too_many {
            Some((text, found)) => {
                prop_assert_eq!(decided, Err(Error::QuantityOutOfRange { sku: sku(text), found, max: 100_000 }));
            }
            None => {
                let state = given::<Order>(decided.unwrap()).into_state();
                let needed: BTreeMap<Sku, i64> =
                    state.contents().unwrap().demand().into_iter().map(|(sku, units)| (sku, units.get())).collect();
                prop_assert_eq!(needed, by_sku(wanted.iter().map(|(place, units)| (SKUS[*place], *units))));
            }
        }
    }

    #[test]
    fn n5_what_an_order_needs_is_what_is_unsent_and_is_found_on_its_lines(
        ordered in proptest::collection::vec((0..3_usize, 1..9_i64), 1..6),
        gone in proptest::collection::vec((0..6_usize, 1..9_i64, any::<bool>()), 0..6),
        wanted in proptest::collection::vec((0..4_usize, 1..12_i64), 0..4),
    ) {
        let mut state =
            given::<Order>([created_from(Create { lines: lines(&ordered), ..super::wanted() }), confirmed()]).into_state();
        let mut left: Vec<i64> = ordered.iter().map(|(_, units)| *units).collect();
        for (parcel, (place, units, is_sent)) in (1..).zip(gone) {
            let named = [(place as u128 + 1, "A", units)];
            let command = if is_sent { dispatch(parcel, Some(&named)) } else { cancel_lines(&named) };
            let Ok(events) = Order::decide(&state, command) else { continue };
            state = crate::aggregate::fold::<Order>(state, &events);
            left[place] -= units;
        }
        let contents = state.contents().unwrap();
        let unsent = by_sku(ordered.iter().zip(&left).map(|((place, _), units)| (SKUS[*place], *units)));
        if state.status() != "cancelled" {
            let needed: BTreeMap<Sku, i64> =
                contents.demand().into_iter().map(|(sku, units)| (sku, units.get())).collect();
            prop_assert_eq!(needed, unsent.clone());
        }

        let asked = by_sku(wanted.iter().map(|(place, units)| (SKUS[*place], *units)));
        let named: Vec<_> = wanted.iter().map(|(place, count)| (sku(SKUS[*place]), units(*count))).collect();
        match contents.lines_of(&named) {
            Ok(found) => {
                prop_assert_eq!(by_sku(found.iter().map(|units| (units.sku.as_str(), units.quantity.get()))), asked);
                for units in &found {
                    prop_assert!(units.quantity.get() <= contents.line(units.line_id).unwrap().unshipped());
                }
            }
            Err(Error::TooManyUnits { sku, requested, remaining }) => {
                prop_assert_eq!((requested, remaining), (asked[&sku], unsent_of(contents, &sku)));
                prop_assert!(requested > remaining);
            }
            Err(error) => {
                let missing = asked.keys().find(|sku| contents.lines.iter().all(|line| line.sku != **sku));
                prop_assert_eq!(error, Error::LineNotFound { line: missing.unwrap().to_string() });
            }
        }
    }
}
