//! From pending to delivered, and off the way.

use super::*;

#[test]
fn each_history_stands_in_its_state() {
    for (history, status, fulfillment) in [
        (vec![], "absent", "unfulfilled"),
        (pending(), "pending", "unfulfilled"),
        (ready(), "confirmed", "unfulfilled"),
        (processing(), "processing", "partially_shipped"),
        (shipped(), "shipped", "shipped"),
        (arrived(), "delivered", "delivered"),
        (called_off(), "cancelled", "unfulfilled"),
        (lost(), "failed", "unfulfilled"),
    ] {
        order(history).then_state(|state| {
            assert_eq!((state.status(), state.fulfillment_status()), (status, fulfillment));
        });
    }
}

#[test]
fn a_pending_order_is_confirmed_once() {
    order(pending()).when(confirm()).then([confirmed()]).when(confirm()).then_nothing().then_state(|state| {
        let contents = state.contents().unwrap();
        assert_eq!((contents.confirmed_by, contents.confirmed_at), (Some(payment_id(1)), Some(hour(1))));
    });
    for history in [processing(), shipped(), arrived()] {
        order(history).when(confirm()).then_nothing();
    }
    order(called_off()).when(confirm()).then_error(illegal("cancelled", OF_ENDED));
    order(lost()).when(confirm()).then_error(illegal("failed", OF_ENDED));
    order([]).when(confirm()).then_error(illegal("absent", &["create"]));
}

#[test]
fn a_second_payment_that_confirms_is_known_besides_the_first() {
    let second = Event::Confirmed(Confirmed { payment_id: payment_id(2), confirmed_at: hour(1) });
    order([created(), second]).then_state(|state| {
        assert_eq!(state.contents().unwrap().payment_ids(), [payment_id(1), payment_id(2)]);
    });
}

#[test]
fn a_pending_order_knows_every_try_to_pay_for_it() {
    let retry = |number| Command::RetryPayment { payment_id: payment_id(number) };
    order(pending())
        .when(retry(2))
        .then([retried(2)])
        .when(retry(2))
        .then_nothing()
        .when(retry(1))
        .then_nothing()
        .when(retry(3))
        .then([retried(3)])
        .when(Command::Confirm { payment_id: payment_id(3), at: hour(1) })
        .then([Event::Confirmed(Confirmed { payment_id: payment_id(3), confirmed_at: hour(1) })])
        .then_state(|state| {
            let tried = [payment_id(1), payment_id(2), payment_id(3)];
            assert_eq!(state.contents().unwrap().payment_ids(), tried);
        });
    order(ready()).when(retry(2)).then_error(illegal("confirmed", OF_CONFIRMED));
    order(lost()).when(retry(2)).then_error(illegal("failed", OF_ENDED));
    order(called_off()).when(retry(2)).then_error(illegal("cancelled", OF_ENDED));
    order([]).when(retry(2)).then_error(illegal("absent", &["create"]));
}

#[test]
fn an_order_is_paid_for_in_at_most_20_tries() {
    let retry = |number| Command::RetryPayment { payment_id: payment_id(number) };
    let tries = |count| std::iter::once(created()).chain((2..=count).map(retried));
    order(tries(20)).when(retry(21)).then_error(Error::TooManyPayments { max: 20 });
    order(tries(19)).when(retry(20)).then([retried(20)]);
}

#[test]
fn o3_what_is_cancelled_takes_its_share_of_shipping_tax_and_discount_along() {
    let dressed = || Create { shipping: gbp(100), tax: gbp(1), discount: gbp(0), ..wanted() };
    let history = [created_from(dressed()), confirmed()];
    order(history.clone())
        .when(cancel_lines(&[(2, "B", 2)]))
        .then([lines_cancelled(&[(2, "B", 2)], 563)])
        .when(cancel_lines(&[(1, "A", 1)]))
        .then([lines_cancelled(&[(1, "A", 1)], 113)])
        .when(dispatch(1, None))
        .then([packed(1, &[(1, "A", 2)], 225), dispatched(1, 225)])
        .then_state(|state| assert_eq!(state.contents().unwrap().owed(), gbp(225)));
    let free = Create { lines: vec![line(1, "A", 2, 0)], shipping: gbp(100), ..wanted() };
    order([created_from(free), confirmed()])
        .when(cancel_lines(&[(1, "A", 1)]))
        .then([lines_cancelled(&[(1, "A", 1)], 0)])
        .when(dispatch(1, None))
        .then([packed(1, &[(1, "A", 1)], 100), dispatched(1, 100)]);
}

#[test]
fn o4_a_whole_order_is_cancelled_only_while_nothing_is_shipped() {
    order(pending()).when(cancel()).then([cancelled()]).when(cancel()).then_nothing();
    order(ready()).when(cancel()).then([cancelled()]).then_state(|state| assert_eq!(state.status(), "cancelled"));
    order(processing()).when(cancel()).then_error(illegal("processing", OF_PROCESSING));
    order(shipped()).when(cancel()).then_error(illegal("shipped", OF_SHIPPED));
    order(arrived()).when(cancel()).then_error(illegal("delivered", OF_DELIVERED));
    order(lost()).when(cancel()).then_error(illegal("failed", OF_ENDED));
    order([]).when(cancel()).then_error(illegal("absent", &["create"]));
}

#[test]
fn o4_of_a_partly_shipped_order_what_is_unshipped_is_cancelled() {
    order(processing())
        .when(cancel_lines(&[(2, "B", 2)]))
        .then([lines_cancelled(&[(2, "B", 2)], 500)])
        .when(cancel_lines(&[(1, "A", 2)]))
        .then_error(Error::TooManyUnits { sku: sku("A"), requested: 2, remaining: 1 });
    order(processing())
        .when(cancel_lines(&[(1, "A", 1), (2, "B", 2)]))
        .then([lines_cancelled(&[(1, "A", 1), (2, "B", 2)], 600)])
        .then_state(|state| {
            assert_eq!((state.status(), state.fulfillment_status()), ("shipped", "shipped"));
            let counts: Vec<_> =
                state.contents().unwrap().lines.iter().map(|line| (line.shipped, line.cancelled)).collect();
            assert_eq!(counts, [(2, 1), (0, 2)]);
        });
}

#[test]
fn o4_cancelling_what_is_left_of_a_delivered_part_completes_the_order() {
    order(processing().into_iter().chain([delivered(1)]))
        .when(cancel_lines(&[(1, "A", 1), (2, "B", 2)]))
        .then([lines_cancelled(&[(1, "A", 1), (2, "B", 2)], 600), completed()])
        .then_state(|state| assert_eq!(state.status(), "delivered"));
    order(processing().into_iter().chain([delivered(1)]))
        .when(cancel_lines(&[(2, "B", 2)]))
        .then([lines_cancelled(&[(2, "B", 2)], 500)]);
}

#[test]
fn o4_cancelling_every_line_before_any_is_shipped_cancels_the_order() {
    order(ready()).when(cancel_lines(ALL)).then([cancelled()]);
    order(ready().into_iter().chain([lines_cancelled(&[(2, "B", 2)], 500)]))
        .when(cancel_lines(&[(1, "A", 3)]))
        .then([cancelled()]);
}

#[test]
fn lines_are_cancelled_only_of_what_can_still_be_sent() {
    order(pending()).when(cancel_lines(ALL)).then_error(illegal("pending", OF_PENDING));
    order(shipped()).when(cancel_lines(ALL)).then_error(illegal("shipped", OF_SHIPPED));
    order(called_off()).when(cancel_lines(ALL)).then_error(illegal("cancelled", OF_ENDED));
    order(ready()).when(cancel_lines(&[])).then_error(Error::NoLines);
    let unknown = Error::LineNotFound { line: line_id(9).to_string() };
    order(ready()).when(cancel_lines(&[(9, "A", 1)])).then_error(unknown);
}

#[test]
fn a_pending_order_fails_once() {
    for (reason, text) in [
        (Failure::PaymentExpired, "payment_expired"),
        (Failure::PaymentFailed, "payment_failed"),
        (Failure::OutOfStock, "out_of_stock"),
    ] {
        order(pending())
            .when(Command::Fail { reason })
            .then([Event::Failed(Failed { reason })])
            .when(fail())
            .then_nothing()
            .then_state(|state| assert_eq!(state.status(), "failed"));
        assert_eq!(reason.as_str(), text);
        assert_eq!(serde_json::to_value(reason).unwrap(), text);
    }
    order(ready()).when(fail()).then_error(illegal("confirmed", OF_CONFIRMED));
    order(called_off()).when(fail()).then_error(illegal("cancelled", OF_ENDED));
    order([]).when(fail()).then_error(illegal("absent", &["create"]));
}

#[test]
fn a_hold_is_a_flag_with_a_reason() {
    let hold = || Command::Hold { reason: because() };
    let released = || Event::Released(Released {});
    for history in [pending(), ready(), processing()] {
        let status = given::<Order>(history.clone()).into_state().status();
        order(history)
            .when(hold())
            .then([held()])
            .when(hold())
            .then_nothing()
            .when(Command::Release)
            .then([released()])
            .when(Command::Release)
            .then_nothing()
            .then_state(|state| assert_eq!((state.status(), &state.contents().unwrap().hold), (status, &None)));
    }
    let other = Reason::new("stock is missing").unwrap();
    order([created(), held()])
        .when(Command::Hold { reason: other.clone() })
        .then([Event::Held(Held { reason: other })]);
    order(shipped()).when(hold()).then_error(illegal("shipped", OF_SHIPPED));
    order(lost()).when(hold()).then_error(illegal("failed", OF_ENDED));
    order(called_off()).when(Command::Release).then_error(illegal("cancelled", OF_ENDED));
    order([]).when(Command::Release).then_error(illegal("absent", &["create"]));
}

#[test]
fn what_is_held_is_still_confirmed_and_cancelled() {
    order(pending().into_iter().chain([held()])).when(confirm()).then([confirmed()]);
    order(ready().into_iter().chain([held()])).when(cancel()).then([cancelled()]);
}

#[test]
fn an_illegal_transition_reads_as_a_sentence() {
    assert_eq!(
        illegal("shipped", OF_SHIPPED).to_string(),
        "the order is shipped; it would accept deliver_shipment, grant_refund"
    );
}

#[test]
fn what_cannot_follow_is_folded_without_harm() {
    let strays = [confirmed(), dispatched(9, 1), delivered(9), lines_cancelled(&[(9, "Z", 1)], 1), completed()];
    order(strays.clone()).then_state(|state| assert_eq!(*state, State::Absent));
    order(lost().into_iter().chain([confirmed(), cancelled()]))
        .then_state(|state| assert_eq!(state.status(), "failed"));
    order(called_off().into_iter().chain([failed()])).then_state(|state| assert_eq!(state.status(), "cancelled"));
    order(pending().into_iter().chain([dispatched(9, 1), delivered(9)])).then_state(|state| {
        assert_eq!(state, &given::<Order>(pending()).into_state());
    });
    order(shipped().into_iter().chain([delivered(1), delivered(1)])).then_state(|state| {
        assert_eq!(state.contents().unwrap().lines[0].delivered, 3, "a parcel arrives once");
    });
}

#[test]
fn the_address_is_corrected_until_everything_is_shipped() {
    for history in [pending(), ready(), processing()] {
        order(history).when(correct_address()).then([address_corrected()]).then_state(|state| {
            let contents = state.contents().unwrap();
            assert_eq!(contents.shipping_address, Sealed::new(id(3), "YW5vdGhlcg==").unwrap());
            assert_eq!(contents.country, Country::new("FR").ok());
        });
    }
    order(shipped()).when(correct_address()).then_error(illegal("shipped", OF_SHIPPED));
    order(arrived()).when(correct_address()).then_error(illegal("delivered", OF_DELIVERED));
    order(called_off()).when(correct_address()).then_error(illegal("cancelled", OF_ENDED));
    order(lost()).when(correct_address()).then_error(illegal("failed", OF_ENDED));
    order([]).when(correct_address()).then_error(illegal("absent", &["create"]));
}
