//! Taking the money that is held, for what was shipped.

use super::*;

#[test]
fn captures_add_up_to_a_completed_payment() {
    payment(holding())
        .when(request_capture(1, 400))
        .then([capture_requested(1, 400)])
        .when(record_captured(1, "ch_1", 400))
        .then([captured(1, "ch_1", 400)])
        .when(request_capture(2, 600))
        .then([capture_requested(2, 600)])
        .when(record_captured(2, "ch_2", 600))
        .then([captured(2, "ch_2", 600), completed()])
        .then_state(|state| {
            let ledger = state.ledger().unwrap();
            let outcome = Outcome::Succeeded { operation_id: reference("ch_1"), amount: gbp(400) };
            assert_eq!(ledger.capture(capture_id(1)).unwrap().outcome, outcome);
            assert_eq!(ledger.capture(capture_id(3)), None);
        });
}

#[test]
fn less_may_be_taken_than_was_asked_for() {
    payment(with(holding(), &[capture_requested(1, 400)]))
        .when(record_captured(1, "ch_1", 399))
        .then([captured(1, "ch_1", 399)])
        .then_state(|state| assert_eq!(state.ledger().unwrap().uncaptured(), gbp(601)));
}

#[test]
fn an_amount_of_nothing_is_not_captured() {
    payment(holding()).when(request_capture(1, 0)).then_error(Error::AmountNotPositive { amount: gbp(0) });
    payment(with(holding(), &[capture_requested(1, 400)]))
        .when(record_captured(1, "ch_1", -1))
        .then_error(Error::AmountNotPositive { amount: gbp(-1) });
}

#[test]
fn p5_a_payment_has_one_currency() {
    let mismatch = || Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR };
    let in_euro = Command::RequestCapture { capture_id: capture_id(1), amount: eur(1), for_shipment: None };
    payment(holding()).when(in_euro).then_error(mismatch());
    let in_euro =
        Command::RecordCaptured { capture_id: capture_id(1), operation_id: reference("ch_1"), amount: eur(1) };
    payment(with(holding(), &[capture_requested(1, 400)])).when(in_euro).then_error(mismatch());
}

#[test]
fn a_parcel_is_captured_once() {
    let shipment_id = ShipmentId::from_uuid(id(7));
    let capture_id = CaptureId::of_shipment(shipment_id);
    let request = || Command::RequestCapture { capture_id, amount: gbp(400), for_shipment: Some(shipment_id) };
    let requested =
        CaptureRequested { order_id: order_id(), capture_id, amount: gbp(400), shipment_id: Some(shipment_id) };
    payment(holding())
        .when(request())
        .then([Event::CaptureRequested(requested)])
        .when(request())
        .then_nothing()
        .then_state(|state| {
            assert_eq!(state.ledger().unwrap().capture(capture_id).unwrap().shipment_id, Some(shipment_id));
        });
    payment(paid()).when(request_capture(1, 1_000)).then_nothing();
}

#[test]
fn p4_a_repeated_capture_changes_nothing() {
    payment(partly_paid()).when(record_captured(1, "ch_1", 400)).then_nothing();
    payment(partly_paid())
        .when(record_captured(1, "ch_2", 400))
        .then_error(Error::ReferenceDiffers { known: reference("ch_1"), found: reference("ch_2") });
}

#[test]
fn p3_only_what_was_requested_is_captured() {
    let unknown = || Error::CaptureNotFound { capture_id: capture_id(9) };
    payment(holding()).when(record_captured(9, "ch_1", 1)).then_error(unknown());
    payment(holding()).when(fail(of_capture(9), None)).then_error(unknown());
}

#[test]
fn nothing_is_captured_of_what_is_not_held() {
    payment([initiated()]).when(request_capture(1, 1)).then_error(illegal("initiated", OF_NEW));
    payment(asked()).when(request_capture(1, 1)).then_error(illegal("initiated", OF_ASKED));
    payment(declined()).when(request_capture(1, 1)).then_error(illegal("failed", &[]));
    payment(lapsed()).when(request_capture(1, 1)).then_error(illegal("expired", &[]));
    payment(paid()).when(request_capture(2, 1)).then_error(illegal("completed", OF_TAKEN));
    payment(wholly_refunded()).when(request_capture(2, 1)).then_error(illegal("refunded", &[]));
}

#[test]
fn a_capture_that_failed_is_tried_again_under_its_own_id() {
    payment(with(holding(), &[capture_requested(1, 400)]))
        .when(fail(of_capture(1), None))
        .then([failed(of_capture(1), None)])
        .when(fail(of_capture(1), None))
        .then_nothing()
        .when(request_capture(1, 400))
        .then([capture_requested(1, 400)])
        .when(fail(of_capture(1), None))
        .then([failed(of_capture(1), None)])
        .when(request_capture(2, 1_000))
        .then([capture_requested(2, 1_000)])
        .then_state(|state| {
            assert_eq!((state.status(), state.ledger().unwrap().captures.len()), ("authorized", 2));
        });
}

#[test]
fn p4_a_capture_that_was_taken_for_failed_may_have_succeeded() {
    let history = with(holding(), &[capture_requested(1, 400), failed(of_capture(1), None)]);
    payment(history).when(record_captured(1, "ch_1", 400)).then([captured(1, "ch_1", 400)]).then_state(|state| {
        assert_eq!((state.status(), &state.ledger().unwrap().failure), ("partially_captured", &None))
    });
}

#[test]
fn p4_a_late_failure_of_a_capture_is_recorded_and_changes_nothing() {
    payment(partly_paid())
        .when(fail(of_capture(1), Some("ch_9")))
        .then([failed(of_capture(1), Some("ch_9"))])
        .when(fail(of_capture(1), Some("ch_9")))
        .then_nothing()
        .then_state(|state| {
            let ledger = state.ledger().unwrap();
            assert_eq!((ledger.captured(), &ledger.failure), (gbp(400), &None));
        });
    payment(partly_paid()).when(fail(of_capture(1), Some("ch_1"))).then_nothing();
    payment(partly_paid()).when(fail(of_capture(1), None)).then_nothing();
}

#[test]
fn a_payment_has_at_most_1_000_captures() {
    let captures = |count| (1..=count).map(|number| capture_requested(number, 1));
    let large = Initiated { amount: gbp(5_000), ..facts() };
    let opened = [Event::Initiated(large), requested(), authorized()];
    payment(opened.iter().cloned().chain(captures(1_000)))
        .when(request_capture(1_001, 1))
        .then_error(Error::TooManyCaptures { max: 1_000 });
    payment(opened.into_iter().chain(captures(999)))
        .when(request_capture(1_000, 1))
        .then([capture_requested(1_000, 1)]);
}
