//! A cart's rules, each as given, when, then.

mod merging;
mod properties;
mod transitions;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::spec::{Given, given};

fn cart(events: impl IntoIterator<Item = Event>) -> Given<Cart> {
    given(events)
}

fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn quantity(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_291_190_400, 0).unwrap()
}

fn customer(id: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(id))
}

fn other_cart(id: u128) -> CartId {
    CartId::from_uuid(Uuid::from_u128(id))
}

fn order(id: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(id))
}

fn opened() -> Event {
    Event::Opened(Opened { customer_id: customer(1), guest: true, currency: Currency::GBP, opened_at: at() })
}

fn added(text: &str, units: i64, price: i64) -> Event {
    Event::ItemAdded(ItemAdded { sku: sku(text), name: name(text), quantity: quantity(units), unit_price: gbp(price) })
}

fn checked_out(total: i64) -> Event {
    Event::CheckedOut(CheckedOut { order_id: order(1), total: gbp(total), checked_out_at: at() })
}

fn merged() -> Event {
    Event::Merged(Merged { into: other_cart(2), dropped: vec![] })
}

fn add(text: &str, units: i64, unit_price: Money) -> Command {
    Command::AddItem { sku: sku(text), name: name(text), quantity: quantity(units), unit_price }
}

fn change(text: &str, units: i64, unit_price: Money) -> Command {
    Command::ChangeQuantity { sku: sku(text), quantity: quantity(units), unit_price }
}

fn remove(text: &str) -> Command {
    Command::RemoveItem { sku: sku(text) }
}

fn prices(prices: &[(&str, Money)]) -> Prices {
    prices.iter().map(|(text, price)| (sku(text), *price)).collect()
}

fn check_out_at(current: &[(&str, Money)]) -> Command {
    Command::CheckOut { order_id: order(1), prices: prices(current), expected_total: None, at: at() }
}

fn open_as(customer_id: CustomerId) -> Command {
    Command::Open { customer_id, guest: true, currency: Currency::GBP, at: at() }
}

/// Every command that only an open cart takes.
fn item_commands() -> Vec<Command> {
    vec![
        add("A", 1, gbp(100)),
        change("A", 1, gbp(100)),
        remove("A"),
        Command::Reprice { prices: prices(&[("A", gbp(1))]) },
        Command::AssignCustomer { customer_id: customer(2) },
    ]
}

fn illegal(state: &'static str, allowed: &[&'static str]) -> Error {
    Error::IllegalTransition { state, allowed: allowed.to_vec() }
}

#[test]
fn a_cart_is_opened_once() {
    cart([]).when(open_as(customer(1))).then([opened()]).when(open_as(customer(1))).then_nothing().then_state(
        |state| {
            assert_eq!(state.status(), "open");
            assert!(state.exists());
            assert_eq!(state.contents().unwrap().customer_id, customer(1));
            assert_eq!(state.contents().unwrap().opened_at, at());
        },
    );
    let allowed = &["add_item", "assign_customer", "merge", "discard"];
    cart([opened()]).when(open_as(customer(2))).then_error(illegal("open", allowed));
    cart([opened(), Event::Discarded(Discarded {})]).when(open_as(customer(1))).then_error(illegal("discarded", &[]));
}

#[test]
fn c1_only_an_open_cart_takes_item_commands() {
    let line = || vec![opened(), added("A", 1, 100)];
    let ends = [
        ("checked_out", checked_out(100)),
        ("discarded", Event::Discarded(Discarded {})),
        ("merged", merged()),
        ("expired", Event::Expired(Expired {})),
    ];
    for command in item_commands() {
        cart([]).when(command.clone()).then_error(illegal("absent", &["open"]));
        for (state, end) in &ends {
            cart(line().into_iter().chain([end.clone()])).when(command.clone()).then_error(illegal(state, &[]));
        }
    }
}

#[test]
fn c2_a_line_has_1_to_100_000_units() {
    cart([opened()]).when(add("A", 100_000, gbp(1))).then([added("A", 100_000, 1)]);
    cart([opened(), added("A", 99_999, 1)]).when(add("A", 1, gbp(1))).then([added("A", 1, 1)]);
    cart([opened(), added("A", 99_999, 1)]).when(add("A", 2, gbp(1))).then_error(Error::QuantityOutOfRange {
        sku: sku("A"),
        found: 100_001,
        max: 100_000,
    });
}

#[test]
fn c2_a_cart_has_at_most_2_000_lines() {
    let full = || std::iter::once(opened()).chain((0..2_000).map(|line| added(&format!("S{line}"), 1, 1)));
    cart(full()).when(add("A", 1, gbp(1))).then_error(Error::TooManyLines { max: 2_000 });
    cart(full()).when(add("S7", 1, gbp(1))).then([added("S7", 1, 1)]);
    cart(full().take(2_000)).when(add("A", 1, gbp(1))).then([added("A", 1, 1)]);
}

#[test]
fn c3_adding_a_sku_again_adds_up() {
    cart([opened(), added("A", 2, 100), added("B", 1, 50)])
        .when(add("A", 3, gbp(100)))
        .then([added("A", 3, 100)])
        .then_state(|state| {
            let lines: Vec<_> = state.lines().iter().map(|line| (line.sku.as_str(), line.quantity.get())).collect();
            assert_eq!(lines, [("A", 5), ("B", 1)], "in the order of first addition");
            assert_eq!(state.contents().unwrap().total, gbp(550));
        });
}

#[test]
fn c3_skus_that_differ_by_case_are_two_lines() {
    cart([opened(), added("a", 1, 1)]).when(add("A", 1, gbp(1))).then([added("A", 1, 1)]).then_state(|state| {
        assert_eq!(state.lines().len(), 2);
    });
}

#[test]
fn c4_a_cart_has_one_currency() {
    let mismatch = || Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR };
    cart([opened()]).when(add("A", 1, eur(1))).then_error(mismatch());
    cart([opened(), added("A", 1, 1)]).when(change("A", 2, eur(1))).then_error(mismatch());
    cart([opened(), added("A", 1, 1)]).when(check_out_at(&[("A", eur(1))])).then_error(mismatch());
    let prices = prices(&[("A", eur(1))]);
    cart([opened(), added("A", 1, 1)]).when(Command::Reprice { prices }).then_error(mismatch());
}

#[test]
fn c5_a_product_that_is_no_longer_for_sale_is_named_at_checkout() {
    cart([opened(), added("A", 1, 1), added("B", 1, 1), added("C", 1, 1)])
        .when(check_out_at(&[("B", gbp(1))]))
        .then_error(Error::NotForSale { skus: vec![sku("A"), sku("C")] });
}

#[test]
fn c6_a_cart_yields_one_order_whatever_is_repeated() {
    cart([opened(), added("A", 2, 100)])
        .when(check_out_at(&[("A", gbp(100))]))
        .then([checked_out(200)])
        .when(Command::CheckOut { order_id: order(2), prices: prices(&[]), expected_total: Some(gbp(1)), at: at() })
        .then_nothing()
        .then_state(|state| {
            assert_eq!(state.order_id(), Some(order(1)));
            assert_eq!(state.status(), "checked_out");
            assert_eq!(state.lines().len(), 1, "what was bought can still be read");
        });
}

#[test]
fn c6_a_second_order_in_the_book_would_not_replace_the_first() {
    let second = Event::CheckedOut(CheckedOut { order_id: order(2), total: gbp(0), checked_out_at: at() });
    cart([opened(), checked_out(0), second]).then_state(|state| assert_eq!(state.order_id(), Some(order(1))));
}

#[test]
fn only_an_open_cart_is_checked_out() {
    cart([]).when(check_out_at(&[])).then_error(illegal("absent", &["open"]));
    for (state, end) in [("discarded", Event::Discarded(Discarded {})), ("merged", merged())] {
        cart([opened(), end]).when(check_out_at(&[])).then_error(illegal(state, &[]));
    }
}

#[test]
fn an_empty_cart_is_not_checked_out() {
    cart([opened()]).when(check_out_at(&[])).then_error(Error::EmptyCart);
    let removed = Event::ItemRemoved(ItemRemoved { sku: sku("A"), quantity: quantity(1) });
    cart([opened(), added("A", 1, 1), removed]).when(check_out_at(&[])).then_error(Error::EmptyCart);
}

#[test]
fn c8_a_line_takes_the_price_of_its_last_change() {
    cart([opened(), added("A", 2, 100)])
        .when(add("A", 1, gbp(90)))
        .then([added("A", 1, 90)])
        .then_state(|state| assert_eq!(state.contents().unwrap().total, gbp(270)));
    let changed = Event::ItemQuantityChanged(ItemQuantityChanged {
        sku: sku("A"),
        quantity: quantity(2),
        previous_quantity: quantity(2),
        unit_price: gbp(90),
    });
    cart([opened(), added("A", 2, 100)])
        .when(change("A", 2, gbp(90)))
        .then([changed])
        .when(change("A", 2, gbp(90)))
        .then_nothing()
        .then_state(|state| assert_eq!(state.contents().unwrap().total, gbp(180)));
}

#[test]
fn c8_checkout_at_other_prices_is_refused_with_the_lines_and_both_totals() {
    let difference =
        PriceDifference { sku: sku("B"), quantity: quantity(3), cart_price: gbp(50), current_price: gbp(60) };
    cart([opened(), added("A", 2, 100), added("B", 3, 50)])
        .when(check_out_at(&[("A", gbp(100)), ("B", gbp(60))]))
        .then_error(Error::PriceChanged { lines: vec![difference], cart_total: gbp(350), current_total: gbp(380) });
}

#[test]
fn c8_a_repriced_cart_is_checked_out() {
    let current = [("A", gbp(100)), ("B", gbp(60))];
    let repriced = Repriced {
        lines: vec![RepricedLine { sku: sku("B"), unit_price: gbp(60), previous_unit_price: gbp(50) }],
        total: gbp(380),
    };
    cart([opened(), added("A", 2, 100), added("B", 3, 50)])
        .when(Command::Reprice { prices: prices(&current) })
        .then([Event::Repriced(repriced)])
        .when(Command::Reprice { prices: prices(&current) })
        .then_nothing()
        .when(check_out_at(&current))
        .then([checked_out(380)]);
}

#[test]
fn c8_repricing_leaves_alone_what_is_not_for_sale() {
    cart([opened(), added("A", 2, 100)]).when(Command::Reprice { prices: prices(&[]) }).then_nothing();
}

#[test]
fn c8_checkout_may_state_the_total_it_expects() {
    let expecting = |expected_total| Command::CheckOut {
        order_id: order(1),
        prices: prices(&[("A", gbp(100))]),
        expected_total: Some(expected_total),
        at: at(),
    };
    cart([opened(), added("A", 2, 100)]).when(expecting(gbp(200))).then([checked_out(200)]);
    for expected_total in [gbp(199), eur(200)] {
        cart([opened(), added("A", 2, 100)])
            .when(expecting(expected_total))
            .then_error(Error::TotalDiffers { expected_total, current_total: gbp(200) });
    }
}

#[test]
fn a_quantity_is_changed_only_where_there_is_a_line() {
    let changed = Event::ItemQuantityChanged(ItemQuantityChanged {
        sku: sku("A"),
        quantity: quantity(5),
        previous_quantity: quantity(2),
        unit_price: gbp(100),
    });
    cart([opened(), added("A", 2, 100)]).when(change("A", 5, gbp(100))).then([changed]).then_state(|state| {
        assert_eq!(state.line(&sku("A")).unwrap().quantity, quantity(5));
        assert_eq!(state.line(&sku("A")).unwrap().line_total(), gbp(500));
        assert_eq!(state.line(&sku("B")), None);
    });
    cart([opened()]).when(change("A", 5, gbp(100))).then_error(Error::LineNotFound { sku: sku("A") });
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let removed = Event::ItemRemoved(ItemRemoved { sku: sku("A"), quantity: quantity(2) });
    cart([opened(), added("A", 2, 100), added("B", 1, 7)])
        .when(remove("A"))
        .then([removed])
        .when(remove("A"))
        .then_nothing()
        .then_state(|state| {
            assert_eq!(state.lines().len(), 1);
            assert_eq!(state.contents().unwrap().total, gbp(7));
        });
}

#[test]
fn a_total_that_does_not_fit_is_refused() {
    cart([opened()]).when(add("A", 2, gbp(i64::MAX))).then_error(Error::AmountTooLarge);
    cart([opened(), added("A", 1, i64::MAX)]).when(add("B", 1, gbp(1))).then_error(Error::AmountTooLarge);
    cart([opened(), added("A", 1, i64::MAX)]).when(change("A", 2, gbp(i64::MAX))).then_error(Error::AmountTooLarge);
    let dear = [("A", gbp(i64::MAX))];
    cart([opened(), added("A", 2, 1)])
        .when(Command::Reprice { prices: prices(&dear) })
        .then_error(Error::AmountTooLarge);
    cart([opened(), added("A", 2, 1)]).when(check_out_at(&dear)).then_error(Error::AmountTooLarge);
    cart([opened(), added("A", 1, i64::MAX)]).when(change("A", 1, gbp(1))).then_state(|state| {
        assert_eq!(state.contents().unwrap().total, gbp(1), "the line's old price does not count against its new one");
    });
}

#[test]
fn discarding_again_changes_nothing() {
    cart([opened()])
        .when(Command::Discard)
        .then([Event::Discarded(Discarded {})])
        .when(Command::Discard)
        .then_nothing()
        .then_state(|state| assert_eq!(state.status(), "discarded"));
    cart([]).when(Command::Discard).then_error(illegal("absent", &["open"]));
    cart([opened(), checked_out(1)]).when(Command::Discard).then_error(illegal("checked_out", &[]));
}

#[test]
fn c7_a_guests_cart_becomes_the_customers() {
    let assigned =
        Event::CustomerAssigned(CustomerAssigned { customer_id: customer(2), previous_customer_id: customer(1) });
    cart([opened()])
        .when(Command::AssignCustomer { customer_id: customer(2) })
        .then([assigned.clone()])
        .when(Command::AssignCustomer { customer_id: customer(2) })
        .then_nothing()
        .then_state(|state| assert_eq!(state.contents().unwrap().customer_id, customer(2)));
    cart([opened(), assigned]).when(Command::AssignCustomer { customer_id: customer(3) }).then_error(Error::NotAGuests);
}

#[test]
fn c7_a_merged_cart_says_what_was_dropped() {
    let dropped = Dropped { sku: sku("A"), quantity: quantity(2), reason: "quantity_out_of_range".parse().unwrap() };
    let merge = |into| Command::Merge { into: other_cart(into), dropped: vec![dropped.clone()] };
    cart([opened(), added("A", 2, 1)])
        .when(merge(2))
        .then([Event::Merged(Merged { into: other_cart(2), dropped: vec![dropped.clone()] })])
        .when(merge(2))
        .then_nothing()
        .then_state(|state| assert_eq!(state.status(), "merged"));
    cart([opened(), merged()]).when(merge(3)).then_error(illegal("merged", &[]));
}

#[test]
fn c9_an_open_cart_expires_and_an_ended_one_does_not() {
    let expired = || Event::Expired(Expired {});
    cart([opened()]).when(Command::Expire).then([expired()]).then_state(|state| assert_eq!(state.status(), "expired"));
    for end in [checked_out(1), Event::Discarded(Discarded {}), merged(), expired()] {
        cart([opened(), end]).when(Command::Expire).then_nothing();
    }
    cart([]).when(Command::Expire).then_error(illegal("absent", &["open"]));
}

#[test]
fn what_cannot_follow_is_folded_without_harm() {
    let lost = Event::ItemRemoved(ItemRemoved { sku: sku("Z"), quantity: quantity(2) });
    cart([added("A", 1, 1), lost.clone(), checked_out(1)])
        .then_state(|state| assert_eq!((state, state.exists()), (&State::Absent, false)));
    cart([opened(), lost]).then_state(|state| assert_eq!(state.lines(), &[]));
    assert_eq!(Cart::initial().order_id(), None);
}

#[test]
fn a_cart_weighs_what_its_lines_do() {
    let empty = Cart::weight(&given::<Cart>([opened()]).into_state());
    let one = Cart::weight(&given::<Cart>([opened(), added("ABC", 1, 1)]).into_state());
    assert_eq!(empty, size_of::<State>());
    assert_eq!(one, empty + size_of::<Line>() + 6);
    let lost = Dropped { sku: sku("AB"), quantity: quantity(1), reason: "too_many_lines".parse().unwrap() };
    let merged = Event::Merged(Merged { into: other_cart(2), dropped: vec![lost.clone(), lost] });
    let with_dropped = Cart::weight(&given::<Cart>([opened(), added("ABC", 1, 1), merged]).into_state());
    assert_eq!(with_dropped, one + 2 * (size_of::<Dropped>() + 2));
}

#[test]
fn copying_a_cart_copies_no_line() {
    let cart = given::<Cart>([opened(), added("A", 1, 1)]).into_state();
    assert!(std::ptr::eq(cart.lines(), cart.clone().lines()));
}

#[test]
fn every_refusal_has_a_code() {
    let all = [
        (illegal("open", &[]), "illegal_transition"),
        (Error::QuantityOutOfRange { sku: sku("A"), found: 0, max: 1 }, "quantity_out_of_range"),
        (Error::TooManyLines { max: 1 }, "too_many_lines"),
        (Error::LineNotFound { sku: sku("A") }, "line_not_found"),
        (Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR }, "currency_mismatch"),
        (Error::AmountTooLarge, "amount_too_large"),
        (Error::EmptyCart, "empty_cart"),
        (Error::NotForSale { skus: vec![] }, "product_not_published"),
        (Error::PriceChanged { lines: vec![], cart_total: gbp(1), current_total: gbp(2) }, "price_changed"),
        (Error::TotalDiffers { expected_total: gbp(1), current_total: gbp(2) }, "expected_total_differs"),
        (Error::NotAGuests, "not_a_guests_cart"),
        (Error::SameCart, "same_cart"),
    ];
    for (error, code) in all {
        assert_eq!(error.code(), code);
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let text = prop_oneof![Just("A"), Just("B"), Just("C")];
    let price = prop_oneof![1..1_000_i64, Just(i64::MAX / 100_000), Just(i64::MAX)];
    let item = (text, prop_oneof![1..10_i64, Just(99_999)], price);
    prop_oneof![
        item.clone().prop_map(|(text, units, price)| add(text, units, gbp(price))),
        item.clone().prop_map(|(text, units, price)| change(text, units, gbp(price))),
        item.clone().prop_map(|(text, _, _)| remove(text)),
        item.clone().prop_map(|(text, _, price)| Command::Reprice { prices: prices(&[(text, gbp(price))]) }),
        (item, any::<u128>()).prop_map(|((_, _, price), id)| Command::CheckOut {
            order_id: order(id),
            prices: prices(&[("A", gbp(price)), ("B", gbp(price)), ("C", gbp(price))]),
            expected_total: None,
            at: at(),
        }),
    ]
}

proptest! {
    #[test]
    fn c3_c6_whatever_is_done_the_total_is_the_sum_of_the_lines_and_there_is_one_order(
        commands in proptest::collection::vec(any_command(), 1..60),
    ) {
        let mut state = given::<Cart>([opened()]).into_state();
        let mut orders = 0;
        for command in commands {
            let Ok(events) = Cart::decide(&state, command) else { continue };
            orders += events.iter().filter(|event| matches!(event, Event::CheckedOut(_))).count();
            state = crate::aggregate::fold::<Cart>(state, &events);
            let contents = state.contents().unwrap();
            let sum = Money::total(Currency::GBP, contents.lines.iter().map(Line::line_total));
            prop_assert_eq!(sum, Ok(contents.total));
            let mut skus: Vec<_> = contents.lines.iter().map(|line| &line.sku).collect();
            skus.sort();
            skus.dedup();
            prop_assert_eq!(skus.len(), contents.lines.len());
        }
        prop_assert!(orders <= 1);
    }
}
