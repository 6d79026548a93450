//! Asking for the money, and what may come of it.

use super::*;

#[test]
fn a_payment_is_initiated_once() {
    payment([])
        .when(initiate(facts()))
        .then([initiated()])
        .when(initiate(facts()))
        .then_nothing()
        .then_state(|state| assert!(state.exists()));
    payment(paid()).when(initiate(facts())).then_nothing();
    for other in [
        Initiated { order_id: OrderId::from_uuid(id(2)), ..facts() },
        Initiated { amount: gbp(1), ..facts() },
        Initiated { method: Method::new("bank").unwrap(), ..facts() },
        Initiated { token: PaymentToken::new("tok_declined").unwrap(), ..facts() },
        Initiated { provider: Provider::new("stripe").unwrap(), ..facts() },
    ] {
        payment([initiated()]).when(initiate(other)).then_error(illegal("initiated", OF_NEW));
    }
}

#[test]
fn an_amount_is_above_zero() {
    for amount in [gbp(0), gbp(-1)] {
        payment([]).when(initiate(Initiated { amount, ..facts() })).then_error(Error::AmountNotPositive { amount });
    }
}

#[test]
fn p3_the_authorisation_is_requested_before_anything_comes_of_it() {
    payment([initiated()]).when(request()).then([requested()]).when(request()).then_nothing();
    for too_early in [require_action("pi_1"), authorize("pi_1"), fail(Operation::Authorization, None)] {
        payment([initiated()]).when(too_early).then_error(illegal("initiated", OF_NEW));
    }
}

#[test]
fn an_authorisation_is_not_requested_after_the_end() {
    payment([initiated(), expired()]).when(request()).then_error(illegal("expired", &[]));
    payment([initiated(), void_requested(1_000), voided(1_000, None)])
        .when(request())
        .then_error(illegal("voided", &[]));
    for asked_already in [declined(), holding(), paid()] {
        payment(asked_already).when(request()).then_nothing();
    }
}

#[test]
fn an_action_of_the_buyer_leads_to_the_authorisation() {
    payment(asked())
        .when(require_action("pi_1"))
        .then([action_required()])
        .when(require_action("pi_1"))
        .then_nothing()
        .when(authorize("pi_1"))
        .then([authorized()])
        .when(require_action("pi_1"))
        .then_nothing()
        .then_state(|state| {
            let ledger = state.ledger().unwrap();
            assert_eq!(ledger.action_url, Some(url()));
            assert_eq!(ledger.provider_reference, Some(reference("pi_1")));
        });
    payment(declined()).when(require_action("pi_1")).then_nothing();
}

#[test]
fn p4_a_repeated_authorisation_changes_nothing() {
    payment(asked()).when(authorize("pi_1")).then([authorized()]).when(authorize("pi_1")).then_nothing().then_state(
        |state| {
            let authorization = state.ledger().unwrap().authorization.unwrap();
            assert_eq!((authorization.authorized_at, authorization.expires_at), (hour(0), hour(168)));
        },
    );
    payment(paid()).when(authorize("pi_1")).then_nothing();
}

#[test]
fn p4_another_payment_of_the_provider_is_not_taken_for_this_one() {
    let differs = || Error::ReferenceDiffers { known: reference("pi_1"), found: reference("pi_2") };
    payment(holding()).when(authorize("pi_2")).then_error(differs());
    payment(with(asked(), &[action_required()])).when(authorize("pi_2")).then_error(differs());
    payment(with(asked(), &[action_required()])).when(require_action("pi_2")).then_error(differs());
}

/// What a provider says of something that this payment does not know is refused, so that whoever heard it keeps it: it is neither
/// taken for something else nor taken for done.
#[test]
fn p7_what_is_said_of_an_unknown_reference_is_refused_and_not_swallowed() {
    let differs = Error::ReferenceDiffers { known: reference("pi_1"), found: reference("pi_2") };
    let capture = Error::CaptureNotFound { capture_id: capture_id(9) };
    let refund = Error::RefundNotFound { refund_id: refund_id(9) };
    for (command, error) in [
        (authorize("pi_2"), differs.clone()),
        (require_action("pi_2"), differs),
        (record_captured(9, "ch_9", 1), capture.clone()),
        (fail(of_capture(9), Some("ch_9")), capture),
        (record_refunded(9, "rf_9", 1), refund.clone()),
        (fail_refund(9, Some("rf_9")), refund),
    ] {
        payment(paid()).when(command).then_error(error);
    }
}

#[test]
fn p4_a_failure_is_recorded_once() {
    payment(asked())
        .when(fail(Operation::Authorization, Some("ch_0")))
        .then([failed(Operation::Authorization, Some("ch_0"))])
        .when(fail(Operation::Authorization, Some("ch_0")))
        .then_nothing()
        .when(fail(Operation::Authorization, None))
        .then_nothing()
        .then_state(|state| {
            let failure = state.ledger().unwrap().failure.clone().unwrap();
            assert_eq!((failure.operation, failure.code.as_str()), (Operation::Authorization, "card_declined"));
        });
    payment(asked())
        .when(fail(Operation::Authorization, None))
        .then([failed(Operation::Authorization, None)])
        .when(fail(Operation::Authorization, None))
        .then_nothing();
}

#[test]
fn p4_a_late_failure_after_a_success_is_recorded_and_changes_nothing() {
    for (history, label) in [(holding(), "authorized"), (paid(), "completed"), (given_back(), "voided")] {
        payment(history)
            .when(fail(Operation::Authorization, Some("ch_9")))
            .then([failed(Operation::Authorization, Some("ch_9"))])
            .when(fail(Operation::Authorization, Some("ch_9")))
            .then_nothing()
            .then_state(|state| assert_eq!((state.status(), &state.ledger().unwrap().failure), (label, &None)));
    }
    payment(holding()).when(fail(Operation::Authorization, None)).then_nothing();
    payment(with(asked(), &[expired()])).when(fail(Operation::Authorization, None)).then_nothing();
}

#[test]
fn money_that_is_held_after_all_is_a_fact() {
    for history in
        [declined(), with(asked(), &[expired()]), with(asked(), &[void_requested(1_000), voided(1_000, None)])]
    {
        payment(history).when(authorize("pi_1")).then([authorized()]).then_state(|state| {
            assert_eq!(state.status(), "authorized");
        });
    }
}
