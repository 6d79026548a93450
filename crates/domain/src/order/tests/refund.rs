//! Granting money back.

use super::*;

#[test]
fn a_refund_is_granted_once_and_is_the_sum_of_what_its_payments_give() {
    order(ready())
        .when(grant(1, &[], &[(1, 200), (2, 100)]))
        .then([granted(1, &[], &[(1, 200), (2, 100)])])
        .when(grant(1, &[], &[(1, 200), (2, 100)]))
        .then_nothing()
        .when(grant(2, &[], &[(1, 1)]))
        .then([granted(2, &[], &[(1, 1)])])
        .then_state(|state| {
            let refunds = &state.contents().unwrap().refunds;
            assert_eq!(refunds.iter().map(|refund| refund.amount).collect::<Vec<_>>(), [gbp(300), gbp(1)]);
        });
}

#[test]
fn money_is_given_back_whatever_became_of_the_order() {
    for history in [pending(), processing(), arrived(), called_off(), lost()] {
        order(history).when(grant(1, &[], &[(1, 1)])).then([granted(1, &[], &[(1, 1)])]);
    }
    order([]).when(grant(1, &[], &[(1, 1)])).then_error(illegal("absent", &["create"]));
}

#[test]
fn a_refund_is_of_an_amount_above_zero_in_the_orders_currency() {
    let not_positive = |amount| Error::AmountNotPositive { amount: gbp(amount) };
    order(ready()).when(grant(1, &[], &[])).then_error(not_positive(0));
    order(ready()).when(grant(1, &[], &[(1, 0)])).then_error(not_positive(0));
    order(ready()).when(grant(1, &[], &[(1, 5), (2, -1)])).then_error(not_positive(-1));
    let amount = Money::new(1, Currency::EUR);
    let payments = vec![RefundPart { payment_id: payment_id(1), amount }];
    let (refund_id, reason) = (RefundId::from_uuid(id(1)), because());
    order(ready())
        .when(Command::GrantRefund(GrantRefund { refund_id, reason, lines: vec![], payments }))
        .then_error(Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR });
    let much = i64::MAX;
    order(ready()).when(grant(1, &[], &[(1, much), (2, 1)])).then_error(Error::AmountTooLarge);
}

#[test]
fn the_goods_it_is_for_are_lines_of_the_order() {
    order(ready()).when(grant(1, &[(2, "B", 2), (1, "A", 1)], &[(1, 600)])).then([granted(
        1,
        &[(1, "A", 1), (2, "B", 2)],
        &[(1, 600)],
    )]);
    let unknown = Error::LineNotFound { line: line_id(9).to_string() };
    order(ready()).when(grant(1, &[(9, "A", 1)], &[(1, 1)])).then_error(unknown);
}

#[test]
fn an_order_has_at_most_1_000_refunds() {
    let refunds = |count| (1..=count).map(|number| granted(number, &[], &[(1, 1)]));
    order(ready().into_iter().chain(refunds(1_000)))
        .when(grant(1_001, &[], &[(1, 1)]))
        .then_error(Error::TooManyRefunds { max: 1_000 });
    order(ready().into_iter().chain(refunds(999))).when(grant(1_000, &[], &[(1, 1)])).then([granted(
        1_000,
        &[],
        &[(1, 1)],
    )]);
}
