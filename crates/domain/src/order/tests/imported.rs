//! Orders of an earlier system.

use proptest::prelude::*;

use super::*;

fn reference(text: &str) -> Reference {
    Reference::new(text).unwrap()
}

/// 3 of A at 1.00 and 2 of B at 2.50: 8.00.
pub(super) fn import() -> Import {
    Import {
        order_id: wanted().order_id,
        source: Source::new("online-retail").unwrap(),
        reference: reference("536365"),
        customer_id: Some(wanted().customer_id),
        currency: Currency::GBP,
        lines: wanted().lines,
        country: Country::new("GB").ok(),
        occurred_at: hour(0),
    }
}

pub(super) fn imported() -> Event {
    let Import { order_id, source, reference, customer_id, lines, country, occurred_at, .. } = import();
    let charged = |line: NewLine| CreatedLine {
        line_total: gbp(line.unit_price.amount() * line.quantity.get()),
        id: line.id,
        sku: line.sku,
        name: line.name,
        quantity: line.quantity,
        unit_price: line.unit_price,
    };
    Event::Imported(Box::new(Imported {
        number: OrderNumber::of(order_id),
        source,
        reference,
        customer_id,
        lines: lines.into_iter().map(charged).collect(),
        total: gbp(800),
        country,
        occurred_at,
    }))
}

fn lines(refunds: &[(u128, &str, i64, i64)]) -> Vec<LineRefund> {
    let line = |(number, text, quantity, amount): &(u128, &str, i64, i64)| LineRefund {
        line_id: line_id(*number),
        sku: sku(text),
        quantity: units(*quantity),
        amount: gbp(*amount),
    };
    refunds.iter().map(line).collect()
}

pub(super) fn refund(name: &str, refunds: &[(u128, &str, i64, i64)]) -> Command {
    Command::ImportRefund(ImportRefund { reference: reference(name), lines: lines(refunds), occurred_at: hour(5) })
}

pub(super) fn refunded(name: &str, refunds: &[(u128, &str, i64, i64)]) -> Event {
    let amount = gbp(refunds.iter().map(|(.., amount)| amount).sum());
    let (reference, lines) = (reference(name), lines(refunds));
    Event::ImportedRefund(ImportedRefund { reference, lines, amount, occurred_at: hour(5) })
}

pub(super) fn record(import: Import) -> Command {
    Command::Import(Box::new(import))
}

#[test]
fn an_order_of_an_earlier_system_keeps_its_own_prices_and_its_own_time() {
    order([]).when(record(import())).then([imported()]);
    let nobody = Import { customer_id: None, country: None, ..import() };
    order([]).when(record(nobody)).then_state(|state| {
        let State::Imported(known) = state else { panic!("{state:?}") };
        assert_eq!((known.order.customer_id, known.order.country), (None, None));
        assert_eq!((known.order.total, known.order.occurred_at), (gbp(800), hour(0)));
        assert_eq!((state.status(), state.exists(), state.contents()), ("imported", true, None));
    });
}

#[test]
fn an_order_that_is_imported_again_changes_nothing_and_another_under_its_name_is_refused() {
    order([imported()]).when(record(import())).then_nothing();
    let differs = Error::ImportDiffers { reference: reference("536365") };
    let one_more = Import { lines: vec![line(1, "A", 4, 100), line(2, "B", 2, 250)], ..import() };
    order([imported()]).when(record(one_more)).then_error(differs.clone());
    let another_customer = Import { customer_id: None, ..import() };
    order([imported()]).when(record(another_customer)).then_error(differs);
    order(ready()).when(record(import())).then_error(illegal("confirmed", OF_CONFIRMED));
}

#[test]
fn an_import_that_cannot_be_an_order_is_refused() {
    let with = |lines| record(Import { lines, ..import() });
    order([]).when(with(vec![])).then_error(Error::EmptyOrder);
    let many = |count: usize| (0..count as u128).map(|number| line(number, "A", 1, 1)).collect();
    order([]).when(with(many(LINES_MAX + 1))).then_error(Error::TooManyLines { max: LINES_MAX });
    order([]).when(with(many(LINES_MAX))).then_state(|state| assert_eq!(state.status(), "imported"));
    let twice = vec![line(1, "A", 1, 1), line(1, "B", 1, 1)];
    order([]).when(with(twice)).then_error(Error::DuplicateLine { line_id: line_id(1) });
    let negative = vec![line(1, "A", 1, -1)];
    order([]).when(with(negative)).then_error(Error::NegativeAmount { amount: gbp(-1) });
    order([]).when(with(vec![line(1, "A", 2, i64::MAX)])).then_error(Error::AmountTooLarge);
    let too_large = vec![line(1, "A", 1, i64::MAX), line(2, "B", 1, 1)];
    order([]).when(with(too_large)).then_error(Error::AmountTooLarge);
    let mixed = Import { currency: Currency::EUR, ..import() };
    let mismatch = Error::CurrencyMismatch { expected: Currency::EUR, found: Currency::GBP };
    order([]).when(record(mixed)).then_error(mismatch);
}

/// N5 does not apply: nothing is asked of stock, and an invoice may have a SKU on as many lines as it likes.
#[test]
fn the_lines_of_one_sku_may_exceed_what_one_line_may_have() {
    let many = vec![line(1, "A", 100_000, 1), line(2, "A", 100_000, 1)];
    order([])
        .when(record(Import { lines: many, ..import() }))
        .then_state(|state| assert_eq!(state.status(), "imported"));
}

#[test]
fn what_was_given_back_is_recorded_once() {
    let back = &[(1, "A", 2, 200)];
    order([imported()]).when(refund("C1", back)).then([refunded("C1", back)]);
    order([imported(), refunded("C1", back)]).when(refund("C1", back)).then_nothing();
    let differs = Error::ImportDiffers { reference: reference("C1") };
    order([imported(), refunded("C1", back)]).when(refund("C1", &[(1, "A", 1, 100)])).then_error(differs);
    order([]).when(refund("C1", back)).then_error(illegal("absent", &["create"]));
    order(ready()).when(refund("C1", back)).then_error(illegal("confirmed", OF_CONFIRMED));
}

#[test]
fn what_was_given_back_of_a_line_adds_up() {
    let partly = || [imported(), refunded("C1", &[(1, "A", 1, 250)])];
    order(partly()).when(refund("C2", &[(1, "A", 1, 50), (2, "B", 2, 500)])).then_state(|state| {
        let State::Imported(known) = state else { panic!("{state:?}") };
        assert_eq!(known.refunded(line_id(1)), (2, gbp(300)));
        assert_eq!(known.refunded(line_id(2)), (2, gbp(500)));
    });
}

#[test]
fn a_refund_names_lines_of_the_order_each_once() {
    order([imported()]).when(refund("C1", &[])).then_error(Error::NoLines);
    let not_found = |number| Error::LineNotFound { line: line_id(number).to_string() };
    order([imported()]).when(refund("C1", &[(9, "A", 1, 1)])).then_error(not_found(9));
    order([imported()]).when(refund("C1", &[(1, "B", 1, 1)])).then_error(not_found(1));
    let twice = refund("C1", &[(1, "A", 1, 1), (1, "A", 1, 1)]);
    order([imported()]).when(twice).then_error(Error::DuplicateLine { line_id: line_id(1) });
    let negative = refund("C1", &[(1, "A", 1, -1)]);
    order([imported()]).when(negative).then_error(Error::NegativeAmount { amount: gbp(-1) });
    let mut euros = lines(&[(1, "A", 1, 1)]);
    euros[0].amount = Money::new(1, Currency::EUR);
    let euros = ImportRefund { reference: reference("C1"), lines: euros, occurred_at: hour(5) };
    let mismatch = Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR };
    order([imported()]).when(Command::ImportRefund(euros)).then_error(mismatch);
}

#[test]
fn refunds_of_one_order_are_bounded() {
    let free = line(1, "A", 1_000, 0);
    let events = Order::decide(&State::Absent, record(Import { lines: vec![free], ..import() })).unwrap();
    let mut state = crate::aggregate::fold::<Order>(State::Absent, &events);
    for number in 0..IMPORTED_REFUNDS_MAX {
        let events = Order::decide(&state, refund(&format!("C{number}"), &[(1, "A", 1, 0)])).unwrap();
        state = crate::aggregate::fold::<Order>(state, &events);
    }
    let refused = Order::decide(&state, refund("C", &[(1, "A", 1, 0)]));
    assert_eq!(refused, Err(Error::TooManyRefunds { max: IMPORTED_REFUNDS_MAX }));
    assert_eq!(Order::decide(&state, refund("C0", &[(1, "A", 1, 0)])), Ok(vec![]), "a repeat is still one");
}

#[test]
fn nothing_else_can_be_done_to_an_imported_order() {
    let ship = || dispatch(1, None);
    let others = [create(wanted()), confirm(), ship(), deliver(1), cancel(), cancel_lines(ALL), fail()];
    for command in others.into_iter().chain([Command::Hold { reason: because() }, Command::Release]) {
        order([imported()]).when(command).then_error(illegal("imported", &[]));
    }
}

#[test]
fn an_imported_order_weighs_what_its_lines_and_refunds_do() {
    let weight = |events: Vec<Event>| Order::weight(&given::<Order>(events).into_state());
    let bare = size_of::<State>() + size_of::<ImportedOrder>() + 2 * (size_of::<CreatedLine>() + 2);
    assert_eq!(weight(vec![imported()]), bare);
    let with_refund = bare + size_of::<ImportedRefund>() + 2 * "C536".len() + size_of::<LineRefund>();
    assert_eq!(weight(vec![imported(), refunded("C536", &[(1, "A", 2, 200)])]), with_refund);
}

proptest! {
    #[test]
    fn whatever_is_given_back_is_within_what_was_bought_and_charged(
        refunds in proptest::collection::vec((0..9_u8, 1..3_u128, 1..4_i64, 0..700_i64), 1..30),
    ) {
        let mut state = order([imported()]).into_state();
        for (name, number, quantity, amount) in refunds {
            let code = if number == 1 { "A" } else { "B" };
            let command = refund(&name.to_string(), &[(number, code, quantity, amount)]);
            let Ok(events) = Order::decide(&state, command.clone()) else { continue };
            state = crate::aggregate::fold::<Order>(state, &events);
            prop_assert_eq!(Order::decide(&state, command), Ok(vec![]), "doing it again changes nothing");
        }
        let State::Imported(known) = &state else { panic!("{state:?}") };
        for line in &known.order.lines {
            let (units, amount) = known.refunded(line.id);
            prop_assert!(units <= line.quantity.get() && amount.amount() <= line.line_total.amount());
        }
    }
}
