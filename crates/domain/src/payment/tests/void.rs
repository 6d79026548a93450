//! Giving back what was not taken, and what lapses.

use super::*;

#[test]
fn a_void_gives_back_what_is_held() {
    payment(holding())
        .when(request_void())
        .then([void_requested(1_000)])
        .when(request_void())
        .then_nothing()
        .when(record_voided(Some("re_1")))
        .then([voided(1_000, Some("re_1"))])
        .when(record_voided(Some("re_1")))
        .then_nothing()
        .when(request_void())
        .then_nothing();
}

#[test]
fn p6_a_void_takes_what_is_not_captured() {
    payment(partly_paid()).when(request_void()).then([void_requested(600)]);
    payment(with(partly_paid(), &[capture_requested(2, 500)])).when(request_void()).then([void_requested(100)]);
    payment(with(partly_paid(), &[capture_requested(2, 600)]))
        .when(request_void())
        .then_error(Error::NothingToVoid { state: "partially_captured", allowed: vec!["expire", "request_refund"] });
    payment(paid()).when(request_void()).then_error(illegal("completed", OF_TAKEN));
    payment(partly_refunded()).when(request_void()).then_error(illegal("partially_refunded", OF_TAKEN));
}

#[test]
fn p6_after_a_void_no_capture() {
    payment(with(holding(), &[void_requested(1_000)]))
        .when(request_capture(1, 1))
        .then_error(illegal("authorized", OF_BEING_VOIDED));
    payment(given_back()).when(request_capture(1, 1)).then_error(illegal("voided", &[]));
    let failed_void = [void_requested(1_000), failed(Operation::Void, None)];
    payment(with(holding(), &failed_void)).when(request_capture(1, 1)).then_error(illegal("authorized", OF_ASKED));
    let late = with(asked(), &[void_requested(1_000), voided(1_000, None), authorized()]);
    payment(late).when(request_capture(1, 1)).then_error(illegal("authorized", OF_ASKED));
}

#[test]
fn p6_a_capture_that_is_under_way_is_not_undone_by_a_void() {
    let history = with(holding(), &[capture_requested(1, 400), void_requested(600), voided(600, None)]);
    payment(history).when(record_captured(1, "ch_1", 400)).then([captured(1, "ch_1", 400)]).then_state(|state| {
        assert_eq!((state.status(), state.ledger().unwrap().uncaptured()), ("partially_captured", gbp(0)));
    });
}

#[test]
fn p6_what_was_given_back_is_not_captured_by_a_late_success() {
    let history = with(
        holding(),
        &[capture_requested(1, 400), failed(of_capture(1), None), void_requested(1_000), voided(1_000, None)],
    );
    payment(history).when(record_captured(1, "ch_1", 400)).then_error(exceeds(400, 0));
}

#[test]
fn a_payment_that_nobody_was_asked_for_is_voided_at_once() {
    payment([initiated()]).when(request_void()).then([void_requested(1_000), voided(1_000, None)]);
}

#[test]
fn a_payment_of_unknown_outcome_is_voided_by_request() {
    payment(asked())
        .when(request_void())
        .then([void_requested(1_000)])
        .when(record_voided(None))
        .then([voided(1_000, None)]);
}

#[test]
fn what_is_held_after_a_void_is_voided_again() {
    payment(with(asked(), &[void_requested(1_000), voided(1_000, None), authorized()]))
        .when(request_void())
        .then([void_requested(1_000)])
        .when(record_voided(Some("re_1")))
        .then([voided(1_000, Some("re_1"))]);
}

#[test]
fn a_void_that_failed_is_tried_again() {
    payment(with(holding(), &[void_requested(1_000)]))
        .when(fail(Operation::Void, Some("re_0")))
        .then([failed(Operation::Void, Some("re_0"))])
        .when(fail(Operation::Void, Some("re_0")))
        .then_nothing()
        .when(request_void())
        .then([void_requested(1_000)]);
    payment(given_back())
        .when(fail(Operation::Void, Some("re_9")))
        .then([failed(Operation::Void, Some("re_9"))])
        .then_state(|state| assert_eq!(state.status(), "voided"));
    payment(given_back()).when(fail(Operation::Void, None)).then_nothing();
}

#[test]
fn where_nothing_is_held_there_is_nothing_to_void() {
    payment(declined()).when(request_void()).then_nothing();
    payment(lapsed()).when(request_void()).then_nothing();
    payment(with(asked(), &[expired()])).when(request_void()).then_nothing();
}

#[test]
fn after_a_capture_failed_what_is_held_can_still_be_voided() {
    payment(with(holding(), &[capture_requested(1, 400), failed(of_capture(1), None)]))
        .when(request_void())
        .then([void_requested(1_000)]);
}

#[test]
fn p3_only_what_was_requested_is_voided() {
    payment(holding()).when(record_voided(Some("re_1"))).then_error(illegal("authorized", OF_HELD));
    payment(paid()).when(record_voided(None)).then_error(illegal("completed", OF_TAKEN));
}

#[test]
fn a_payment_expires_once_and_not_after_its_end() {
    for history in [vec![initiated()], asked(), with(asked(), &[action_required()]), holding(), partly_paid()] {
        payment(history).when(Command::Expire).then([expired()]).when(Command::Expire).then_nothing();
    }
    for history in [declined(), given_back(), paid(), partly_refunded(), wholly_refunded()] {
        payment(history).when(Command::Expire).then_nothing();
    }
    payment(with(holding(), &[capture_requested(1, 400), failed(of_capture(1), None)]))
        .when(Command::Expire)
        .then([expired()]);
}
