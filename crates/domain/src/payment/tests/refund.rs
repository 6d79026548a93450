//! Giving back what was taken.

use super::*;
use crate::{
    ids::PaymentId,
    payment::refund::{REFUNDS_MAX, is_demanded},
};

#[test]
fn what_was_taken_is_given_back_in_parts_until_all_of_it_is() {
    payment(paid())
        .when(request_refund(1, 300))
        .then([refund_requested(1, 300)])
        .when(record_refunded(1, "rf_1", 300))
        .then([refund_succeeded(1, "rf_1", 300)])
        .when(request_refund(2, 700))
        .then([refund_requested(2, 700)])
        .when(record_refunded(2, "rf_2", 700))
        .then([refund_succeeded(2, "rf_2", 700), refunded(1_000)])
        .then_state(|state| {
            let ledger = state.ledger().unwrap();
            let outcome = Outcome::Succeeded { operation_id: reference("rf_1"), amount: gbp(300) };
            let first = ledger.refund(refund_id(1)).unwrap();
            assert_eq!((&first.outcome, &first.reason), (&outcome, &Some(because())));
            assert_eq!((ledger.refund(refund_id(3)), ledger.captured()), (None, gbp(1_000)));
        });
}

#[test]
fn less_may_be_given_back_than_was_asked_for() {
    payment(with(paid(), &[refund_requested(1, 300)]))
        .when(record_refunded(1, "rf_1", 299))
        .then([refund_succeeded(1, "rf_1", 299)])
        .then_state(|state| assert_eq!(state.ledger().unwrap().refundable(), gbp(701)));
}

#[test]
fn an_amount_of_nothing_is_not_refunded() {
    for amount in [0, -1] {
        payment(paid()).when(request_refund(1, amount)).then_error(Error::AmountNotPositive { amount: gbp(amount) });
    }
}

#[test]
fn p5_a_refund_is_in_the_currency_of_its_payment() {
    let mismatch = || Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR };
    let in_euro = Command::RequestRefund { refund_id: refund_id(1), amount: eur(1), reason: None };
    payment(paid()).when(in_euro).then_error(mismatch());
    let in_euro = Command::RecordRefunded { refund_id: refund_id(1), operation_id: reference("rf_1"), amount: eur(1) };
    payment(with(paid(), &[refund_requested(1, 300)])).when(in_euro).then_error(mismatch());
}

#[test]
fn nothing_is_refunded_of_what_was_not_taken() {
    payment([initiated()]).when(request_refund(1, 1)).then_error(illegal("initiated", OF_NEW));
    payment(declined()).when(request_refund(1, 1)).then_error(illegal("failed", &[]));
    payment(holding()).when(request_refund(1, 1)).then_error(illegal("authorized", OF_HELD));
    payment(given_back()).when(request_refund(1, 1)).then_error(illegal("voided", &[]));
    payment(wholly_refunded()).when(request_refund(2, 0)).then_error(illegal("refunded", &[]));
    payment(with(holding(), &[capture_requested(1, 400)]))
        .when(request_refund(1, 1))
        .then_error(illegal("authorized", OF_HELD));
}

#[test]
fn what_was_taken_is_given_back_also_after_the_rest_lapsed_or_was_let_go() {
    for end in [vec![expired()], vec![void_requested(600), voided(600, None)]] {
        payment(with(partly_paid(), &end))
            .when(request_refund(1, 400))
            .then([refund_requested(1, 400)])
            .when(record_refunded(1, "rf_1", 400))
            .then([refund_succeeded(1, "rf_1", 400), refunded(400)]);
    }
}

/// A part that was given back before the next part was taken.
#[test]
fn what_is_captured_after_a_full_refund_can_be_refunded_too() {
    let early = [refund_requested(1, 400), refund_succeeded(1, "rf_1", 400), refunded(400)];
    payment(with(partly_paid(), &early))
        .when(request_capture(2, 600))
        .then([capture_requested(2, 600)])
        .when(record_captured(2, "ch_2", 600))
        .then([captured(2, "ch_2", 600), completed()])
        .when(request_refund(2, 601))
        .then_error(exceeds(601, 600));
    payment(with(partly_paid(), &early))
        .when(request_capture(2, 600))
        .then([capture_requested(2, 600)])
        .when(record_captured(2, "ch_2", 600))
        .then([captured(2, "ch_2", 600), completed()])
        .when(request_refund(2, 600))
        .then([refund_requested(2, 600)])
        .when(record_refunded(2, "rf_2", 600))
        .then([refund_succeeded(2, "rf_2", 600), refunded(1_000)]);
}

#[test]
fn p3_only_what_was_requested_is_refunded() {
    let unknown = || Error::RefundNotFound { refund_id: refund_id(9) };
    payment(paid()).when(record_refunded(9, "rf_1", 1)).then_error(unknown());
    payment(paid()).when(fail_refund(9, None)).then_error(unknown());
}

#[test]
fn p4_a_repeated_refund_changes_nothing() {
    payment(paid())
        .when(request_refund(1, 300))
        .then([refund_requested(1, 300)])
        .when(request_refund(1, 300))
        .then_nothing();
    payment(partly_refunded()).when(request_refund(1, 300)).then_nothing();
    payment(partly_refunded()).when(record_refunded(1, "rf_1", 300)).then_nothing();
    payment(wholly_refunded()).when(record_refunded(1, "rf_1", 1_000)).then_nothing();
    payment(partly_refunded())
        .when(record_refunded(1, "rf_2", 300))
        .then_error(Error::ReferenceDiffers { known: reference("rf_1"), found: reference("rf_2") });
}

#[test]
fn p4_a_refund_that_failed_is_recorded_once_and_may_be_asked_for_again() {
    payment(with(paid(), &[refund_requested(1, 300)]))
        .when(fail_refund(1, Some("rf_0")))
        .then([refund_failed(1, Some("rf_0"))])
        .when(fail_refund(1, Some("rf_0")))
        .then_nothing()
        .when(fail_refund(1, None))
        .then_nothing()
        .when(request_refund(1, 400))
        .then([refund_requested(1, 400)])
        .then_state(|state| {
            let ledger = state.ledger().unwrap();
            assert_eq!((ledger.refunds.len(), ledger.refund_pending()), (1, gbp(400)));
        });
}

#[test]
fn p4_a_late_failure_of_a_refund_is_recorded_and_changes_nothing() {
    payment(wholly_refunded())
        .when(fail_refund(1, Some("rf_9")))
        .then([refund_failed(1, Some("rf_9"))])
        .when(fail_refund(1, Some("rf_9")))
        .then_nothing()
        .then_state(|state| assert_eq!((state.status(), state.ledger().unwrap().refunded()), ("refunded", gbp(1_000))));
    payment(wholly_refunded()).when(fail_refund(1, Some("rf_1"))).then_nothing();
    payment(wholly_refunded()).when(fail_refund(1, None)).then_nothing();
}

#[test]
fn p4_a_refund_that_was_taken_for_failed_may_have_succeeded() {
    let history = with(paid(), &[refund_requested(1, 600), refund_failed(1, None)]);
    payment(history).when(record_refunded(1, "rf_1", 600)).then([refund_succeeded(1, "rf_1", 600)]);
}

#[test]
fn p6_a_refund_opens_nothing_that_a_void_has_closed() {
    let history = with(partly_paid(), &[void_requested(600), voided(600, None)]);
    payment(with(history, &[refund_requested(1, 400), refund_succeeded(1, "rf_1", 400), refunded(400)]))
        .when(request_capture(2, 1))
        .then_error(illegal("refunded", &[]));
}

#[test]
fn a_payment_has_at_most_1_000_refunds() {
    let refunds = |count| (1..=count).flat_map(|number| [refund_requested(number, 1), refund_failed(number, None)]);
    payment(paid().into_iter().chain(refunds(1_000)))
        .when(request_refund(1_001, 1))
        .then_error(Error::TooManyRefunds { max: 1_000 });
    payment(paid().into_iter().chain(refunds(1_000))).when(request_refund(1_000, 1)).then([refund_requested(1_000, 1)]);
    payment(paid().into_iter().chain(refunds(999))).when(request_refund(1_000, 1)).then([refund_requested(1_000, 1)]);
}

#[test]
fn a_refund_that_the_rules_demand_is_known_by_its_id() {
    let (ours, another) = (PaymentId::from_uuid(id(7)), PaymentId::from_uuid(id(8)));
    for refunds in [0, 1, REFUNDS_MAX - 1] {
        assert!(is_demanded(RefundId::next_of(ours, refunds), ours));
        assert!(!is_demanded(RefundId::next_of(another, refunds), ours));
    }
    assert!(!is_demanded(refund_id(1), ours));
}
