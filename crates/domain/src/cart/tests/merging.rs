//! C7: two carts become one, and no unit is lost without a word.

use proptest::prelude::*;

use super::*;
use crate::product::Offer;

fn offers(offers: &[(&str, Money)]) -> Offers {
    let offer = |(text, unit_price): &(&str, Money)| {
        (sku(text), Offer { sku: sku(text), name: name(text), unit_price: *unit_price })
    };
    offers.iter().map(offer).collect()
}

fn customers() -> Event {
    Event::Opened(Opened { customer_id: customer(2), guest: false, currency: Currency::GBP, opened_at: at() })
}

fn dropped(text: &str, units: i64, reason: &str) -> Dropped {
    Dropped { sku: sku(text), quantity: quantity(units), reason: reason.parse().unwrap() }
}

fn merge(into: Vec<Event>, from: Vec<Event>, current: &[(&str, Money)]) -> Merge {
    Merge::of(&cart(into).into_state(), &cart(from).into_state(), &offers(current)).unwrap()
}

fn items(merge: &Merge) -> Vec<(&str, i64, Money)> {
    merge.taken.iter().map(|item| (item.sku.as_str(), item.quantity.get(), item.unit_price)).collect()
}

#[test]
fn c7_quantities_of_two_carts_add_up_at_the_price_of_now() {
    let into = || vec![customers(), added("A", 2, 100)];
    let merge = merge(into(), vec![opened(), added("A", 3, 90), added("B", 1, 50)], &[("A", gbp(110)), ("B", gbp(50))]);
    assert_eq!(items(&merge), [("A", 3, gbp(110)), ("B", 1, gbp(50))]);
    assert_eq!(merge.dropped, []);
    cart(into())
        .when(Command::TakeIn { items: merge.taken })
        .then([added("A", 3, 110), added("B", 1, 50)])
        .then_state(|state| assert_eq!(state.contents().unwrap().total, gbp(5 * 110 + 50)));
}

#[test]
fn c7_what_is_beyond_the_bound_of_a_line_is_dropped_and_said() {
    let from = || vec![opened(), added("A", 5, 1)];
    let clamped = merge(vec![customers(), added("A", 99_998, 1)], from(), &[("A", gbp(1))]);
    assert_eq!(
        (items(&clamped), &clamped.dropped),
        (vec![("A", 2, gbp(1))], &vec![dropped("A", 3, "quantity_out_of_range")])
    );
    let full = merge(vec![customers(), added("A", 100_000, 1)], from(), &[("A", gbp(1))]);
    assert_eq!((full.taken, full.dropped), (vec![], vec![dropped("A", 5, "quantity_out_of_range")]));
}

#[test]
fn c7_what_is_not_for_sale_or_in_another_currency_is_dropped_and_said() {
    let from = vec![opened(), added("GONE", 5, 1), added("EURO", 2, 1), added("DEAR", 2, 1), added("A", 1, 1)];
    let merge = merge(vec![customers()], from, &[("EURO", eur(1)), ("DEAR", gbp(i64::MAX)), ("A", gbp(1))]);
    assert_eq!(items(&merge), [("A", 1, gbp(1))]);
    let expected = [
        dropped("GONE", 5, "product_not_published"),
        dropped("EURO", 2, "currency_mismatch"),
        dropped("DEAR", 2, "amount_too_large"),
    ];
    assert_eq!(merge.dropped, expected);
}

#[test]
fn c2_c7_a_cart_that_would_have_too_many_lines_drops_the_last_of_them() {
    let line = |number: usize| format!("S{number}");
    let into = std::iter::once(customers()).chain((1..LINES_MAX).map(|number| added(&line(number), 1, 1)));
    let from = vec![opened(), added("S7", 1, 1), added("NEW", 1, 1), added("LATE", 2, 1), added("S8", 1, 1)];
    let current = ["S7", "NEW", "LATE", "S8"].map(|text| (text, gbp(1)));
    let merge = merge(into.collect(), from, &current);
    assert_eq!(items(&merge), [("S7", 1, gbp(1)), ("NEW", 1, gbp(1)), ("S8", 1, gbp(1))]);
    assert_eq!(merge.dropped, [dropped("LATE", 2, "too_many_lines")]);
}

#[test]
fn c1_c7_only_open_carts_are_merged() {
    let (open, closed) = (cart([customers()]).into_state(), cart([opened(), checked_out(1)]).into_state());
    assert_eq!(Merge::of(&open, &closed, &Offers::new()), Err(illegal("checked_out", &[])));
    assert_eq!(Merge::of(&closed, &open, &Offers::new()), Err(illegal("checked_out", &[])));
    cart([opened(), checked_out(1)]).when(Command::TakeIn { items: vec![] }).then_error(illegal("checked_out", &[]));
    cart([customers()]).when(Command::TakeIn { items: vec![] }).then_nothing();
}

#[test]
fn c7_what_is_taken_in_keeps_every_rule_of_a_cart() {
    let item = |text: &str, units, unit_price| ItemAdded {
        sku: sku(text),
        name: name(text),
        quantity: quantity(units),
        unit_price,
    };
    let take_in = |items| Command::TakeIn { items };
    cart([customers()])
        .when(take_in(vec![item("A", 99_999, gbp(1)), item("A", 2, gbp(1))]))
        .then_error(Error::QuantityOutOfRange { sku: sku("A"), found: 100_001, max: 100_000 });
    let other = Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR };
    cart([customers()]).when(take_in(vec![item("A", 1, eur(1))])).then_error(other);
    let times = |count| (0..count).map(|_| item("A", 1, gbp(1))).collect();
    cart([customers()]).when(take_in(times(LINES_MAX + 1))).then_error(Error::TooManyLines { max: LINES_MAX });
    cart([customers()]).when(take_in(times(LINES_MAX))).then_state(|state| {
        assert_eq!(state.line(&sku("A")).unwrap().quantity, quantity(2_000));
    });
}

#[test]
fn c7_a_merged_cart_remembers_what_was_dropped() {
    let lost = vec![dropped("A", 2, "quantity_out_of_range")];
    let merged = Event::Merged(Merged { into: other_cart(2), dropped: lost.clone() });
    cart([opened(), added("A", 2, 1), merged]).then_state(|state| assert_eq!(state.dropped(), lost));
    cart([opened()]).then_state(|state| assert_eq!(state.dropped(), []));
}

fn any_cart() -> impl Strategy<Value = Vec<(usize, i64)>> {
    proptest::collection::vec((0..6_usize, prop_oneof![1..10_i64, 49_990..50_010_i64, 99_990..100_001_i64]), 0..8)
}

const SKUS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

/// Of lines as far as they fit.
fn filled(opened: Event, lines: &[(usize, i64)]) -> State {
    lines.iter().fold(given::<Cart>([opened]).into_state(), |state, (place, units)| {
        match Cart::decide(&state, add(SKUS[*place], *units, gbp(3))) {
            Ok(events) => crate::aggregate::fold::<Cart>(state, &events),
            Err(_) => state,
        }
    })
}

proptest! {
    #[test]
    fn c3_c7_every_unit_is_in_the_cart_or_said_to_be_dropped(into in any_cart(), from in any_cart(), sold in 0..=6_usize) {
        let (into, from) = (filled(customers(), &into), filled(opened(), &from));
        let current: Vec<_> = SKUS[..sold].iter().map(|text| (*text, gbp(7))).collect();
        let merge = Merge::of(&into, &from, &offers(&current)).unwrap();
        let events = Cart::decide(&into, Command::TakeIn { items: merge.taken }).unwrap();
        let after = crate::aggregate::fold::<Cart>(into.clone(), &events);
        let units = |state: &State, text| state.line(&sku(text)).map_or(0, |line| line.quantity.get());
        for text in SKUS {
            let lost: i64 = merge.dropped.iter().filter(|lost| lost.sku == sku(text)).map(|lost| lost.quantity.get()).sum();
            prop_assert_eq!(units(&into, text) + units(&from, text), units(&after, text) + lost, "{}", text);
            prop_assert!(units(&after, text) <= Quantity::MAX.get());
        }
        let contents = after.contents().unwrap();
        let sum = Money::total(Currency::GBP, contents.lines.iter().map(Line::line_total));
        prop_assert_eq!(sum, Ok(contents.total));
    }
}
