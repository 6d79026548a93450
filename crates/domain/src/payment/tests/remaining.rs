//! No more than is left is taken, and what is left is named.

use super::{
    dispute::{charged_back, disputed},
    *,
};
use crate::spec::remaining::{check, left};

#[test]
fn p1_captured_and_pending_stay_within_what_is_authorised() {
    let rows = vec![
        left(1_000, holding(), &[]),
        left(600, partly_paid(), &[]),
        left(100, partly_paid(), &[capture_requested(2, 500)]),
        left(0, partly_paid(), &[capture_requested(2, 600)]),
        left(600, partly_paid(), &[capture_requested(2, 500), failed(of_capture(2), None)]),
    ];
    check::<Payment>(rows, |amount| request_capture(9, amount), exceeds);
}

#[test]
fn p1_no_more_is_taken_than_was_asked_for() {
    let of_400 = |more: &[Event]| [vec![capture_requested(1, 400)], more.to_vec()].concat();
    let rows = vec![
        left(400, holding(), &of_400(&[])),
        // One that was taken for failed has what nothing else took since.
        left(400, holding(), &of_400(&[failed(of_capture(1), None)])),
        left(300, holding(), &of_400(&[failed(of_capture(1), None), capture_requested(2, 700)])),
    ];
    check::<Payment>(rows, |amount| record_captured(1, "ch_1", amount), exceeds);
}

#[test]
fn p2_refunds_never_exceed_what_was_captured_and_what_is_left_is_named() {
    let lost = |amount| [disputed("dp_1", amount), charged_back("dp_1", amount)];
    let rows = vec![
        left(1_000, paid(), &[]),
        left(400, partly_paid(), &[]),
        left(700, partly_refunded(), &[]),
        left(0, wholly_refunded(), &[]),
        // Two people grant the same refund at the same time: what is asked for counts before it is answered.
        left(400, paid(), &[refund_requested(1, 600)]),
        left(0, paid(), &[refund_requested(1, 1_000)]),
        left(1_000, paid(), &[refund_requested(1, 600), refund_failed(1, None)]),
        left(600, paid(), &lost(400)),
        // The bank takes what was given back already: nothing is left, and nothing less than that.
        left(0, wholly_refunded(), &lost(1_000)),
    ];
    check::<Payment>(rows, |amount| request_refund(9, amount), exceeds);
}

#[test]
fn p2_no_more_is_given_back_than_was_asked_for() {
    let of_600 = |more: &[Event]| [vec![refund_requested(1, 600)], more.to_vec()].concat();
    let rows = vec![
        left(600, paid(), &of_600(&[])),
        // One that was taken for failed has what nothing else took since.
        left(600, paid(), &of_600(&[refund_failed(1, None)])),
        left(300, paid(), &of_600(&[refund_failed(1, None), refund_requested(2, 700)])),
    ];
    check::<Payment>(rows, |amount| record_refunded(1, "rf_1", amount), exceeds);
}
