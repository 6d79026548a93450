//! What an order is created with.

use super::*;
use crate::money::Currency;

#[test]
fn o3_an_order_is_created_with_its_sums() {
    let total = gbp(800);
    let line = |number, text: &str, quantity, price, sum| CreatedLine {
        id: line_id(number),
        sku: sku(text),
        name: Name::new(text).unwrap(),
        quantity: units(quantity),
        unit_price: gbp(price),
        line_total: gbp(sum),
    };
    let expected = Created {
        number: OrderNumber::of(wanted().order_id),
        cart_id: wanted().cart_id,
        payment_id: payment_id(1),
        customer_id: wanted().customer_id,
        lines: vec![line(1, "A", 3, 100, 300), line(2, "B", 2, 250, 500)],
        subtotal: total,
        shipping: gbp(0),
        tax: gbp(0),
        discount: gbp(0),
        total,
        shipping_address: wanted().shipping_address,
        email: None,
        country: Country::new("GB").ok(),
        created_at: hour(0),
    };
    order([]).when(create(wanted())).then([Event::Created(Box::new(expected))]).then_state(|state| {
        let contents = state.contents().unwrap();
        assert!(state.exists());
        assert_eq!((state.status(), state.fulfillment_status()), ("pending", "unfulfilled"));
        assert_eq!((contents.currency(), contents.totals.total), (Currency::GBP, total));
        assert_eq!(contents.payment_ids(), [payment_id(1)]);
        assert_eq!(contents.line(line_id(2)).unwrap().line_total, gbp(500));
        assert_eq!(contents.line(line_id(3)), None);
    });
}

#[test]
fn o3_subtotal_plus_shipping_plus_tax_less_discount_is_the_total() {
    let dressed = Create { shipping: gbp(495), tax: gbp(160), discount: gbp(80), ..wanted() };
    order([]).when(create(dressed)).then_state(|state| {
        let totals = state.contents().unwrap().totals;
        let expected =
            Totals { subtotal: gbp(800), shipping: gbp(495), tax: gbp(160), discount: gbp(80), total: gbp(1_375) };
        assert_eq!(totals, expected);
    });
    order([]).when(create(Create { discount: gbp(800), ..wanted() })).then_state(|state| {
        assert_eq!(state.contents().unwrap().totals.total, gbp(0));
    });
}

#[test]
fn o5_the_number_is_of_the_orders_id() {
    order([created()]).then_state(|state| {
        let number = state.contents().unwrap().number;
        assert_eq!(number, OrderNumber::of(wanted().order_id));
        assert_eq!(number.to_string(), "Y2HV3HEQX7R1");
    });
}

#[test]
fn o2_the_same_cart_gives_the_same_order_and_another_cart_none() {
    let other_prices = Create { lines: vec![line(1, "A", 3, 1)], ..wanted() };
    order([created()]).when(create(other_prices)).then_nothing();
    order([created()])
        .when(create(Create { cart_id: CartId::from_uuid(id(2)), ..wanted() }))
        .then_error(illegal("pending", OF_PENDING));
}

#[test]
fn o2_lines_and_prices_stay_what_they_were() {
    order(arrived()).then_state(|state| {
        let contents = state.contents().unwrap();
        assert_eq!(contents.totals.total, gbp(800));
        let prices: Vec<_> = contents.lines.iter().map(|line| (line.quantity, line.unit_price)).collect();
        assert_eq!(prices, [(units(3), gbp(100)), (units(2), gbp(250))]);
    });
}

#[test]
fn an_order_has_1_to_2_000_lines_each_once() {
    order([]).when(create(Create { lines: vec![], ..wanted() })).then_error(Error::EmptyOrder);
    let many = |count| (0..count).map(|number| line(number, "A", 1, 1)).collect();
    order([]).when(create(Create { lines: many(2_001), ..wanted() })).then_error(Error::TooManyLines { max: 2_000 });
    order([]).when(create(Create { lines: many(2_000), ..wanted() })).then_state(|state| {
        assert_eq!(state.contents().unwrap().lines.len(), 2_000);
    });
    let twice = vec![line(1, "A", 1, 1), line(1, "B", 1, 1)];
    order([])
        .when(create(Create { lines: twice, ..wanted() }))
        .then_error(Error::DuplicateLine { line_id: line_id(1) });
}

#[test]
fn n5_lines_of_one_sku_are_added_up() {
    let split = |last| Create { lines: vec![line(1, "A", 60_000, 1), line(2, "A", last, 1)], ..wanted() };
    let too_many = Error::QuantityOutOfRange { sku: sku("A"), found: 100_001, max: 100_000 };
    order([]).when(create(split(40_001))).then_error(too_many);
    order([]).when(create(split(40_000))).then_state(|state| {
        assert_eq!(state.contents().unwrap().demand(), [(sku("A"), units(100_000))].into());
    });
}

#[test]
fn an_order_has_one_currency() {
    let euro = Money::new(1, Currency::EUR);
    let mismatch = || Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR };
    let priced_in_euro = vec![NewLine { unit_price: euro, ..line(1, "A", 1, 1) }];
    for refused in [
        Create { lines: priced_in_euro, ..wanted() },
        Create { shipping: euro, ..wanted() },
        Create { tax: euro, ..wanted() },
        Create { discount: euro, ..wanted() },
    ] {
        order([]).when(create(refused)).then_error(mismatch());
    }
}

#[test]
fn no_amount_is_below_zero() {
    let negative = |amount| Error::NegativeAmount { amount: gbp(amount) };
    for refused in [
        Create { lines: vec![line(1, "A", 1, -1)], ..wanted() },
        Create { shipping: gbp(-1), ..wanted() },
        Create { tax: gbp(-1), ..wanted() },
        Create { discount: gbp(-1), ..wanted() },
    ] {
        order([]).when(create(refused)).then_error(negative(-1));
    }
    order([]).when(create(Create { discount: gbp(803), ..wanted() })).then_error(negative(-3));
}

#[test]
fn a_total_that_does_not_fit_is_refused() {
    for refused in [
        Create { lines: vec![line(1, "A", 2, i64::MAX)], ..wanted() },
        Create { lines: vec![line(1, "A", 1, i64::MAX), line(2, "B", 1, 1)], ..wanted() },
        Create { shipping: gbp(i64::MAX), ..wanted() },
        Create { tax: gbp(i64::MAX), ..wanted() },
    ] {
        order([]).when(create(refused)).then_error(Error::AmountTooLarge);
    }
}
