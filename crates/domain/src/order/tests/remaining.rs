//! No more than is left is taken, and what is left is named.

use super::*;
use crate::spec::remaining::{check, left};

fn of_a(requested: i64, remaining: i64) -> Error {
    Error::TooManyUnits { sku: sku("A"), requested, remaining }
}

#[test]
fn o1_no_more_is_shipped_or_cancelled_than_is_left() {
    let rows = || {
        vec![
            left(3, ready(), &[]),
            left(2, ready(), &[lines_cancelled(&[(1, "A", 1)], 100)]),
            left(1, processing(), &[]),
            left(0, processing(), &[lines_cancelled(&[(1, "A", 1)], 100)]),
        ]
    };
    check::<Order>(rows(), |units| dispatch(9, Some(&[(1, "A", units)])), of_a);
    check::<Order>(rows(), |units| cancel_lines(&[(1, "A", units)]), of_a);
}

#[test]
fn o1_no_more_comes_back_than_was_delivered() {
    let asked = || return_requested(1, &[(1, "A", 2)], day(1));
    let back = |units| return_received(1, &[(1, "A", units, true)], 100 * units);
    let rows = vec![
        left(2, processing(), &[delivered(1)]),
        left(3, arrived(), &[]),
        // What is on its way back, or is back, cannot be sent back again.
        left(1, arrived(), &[asked()]),
        left(1, arrived(), &[asked(), return_approved(1)]),
        left(1, arrived(), &[asked(), return_approved(1), back(2)]),
        left(0, arrived(), &[return_requested(1, &[(1, "A", 3)], day(1))]),
        // What was not allowed, or did not come, can.
        left(3, arrived(), &[asked(), return_rejected(1)]),
        left(2, arrived(), &[asked(), return_approved(1), back(1)]),
    ];
    check::<Order>(rows, |units| request_return(2, &[(1, "A", units)], day(1)), of_a);
}

#[test]
fn o1_no_more_is_received_than_was_asked_for() {
    let approved = |units| [return_requested(1, &[(1, "A", units)], day(1)), return_approved(1)];
    let rows = vec![left(3, arrived(), &approved(3)), left(2, arrived(), &approved(2))];
    check::<Order>(rows, |units| receive(1, &[(1, "A", units, true)]), of_a);
}

/// Goods are named for what they were bought as, whatever became of them.
#[test]
fn o1_no_more_is_refunded_for_than_was_ordered() {
    let rows = vec![
        left(3, ready(), &[]),
        left(3, processing(), &[lines_cancelled(&[(1, "A", 1)], 100)]),
        left(3, called_off(), &[]),
    ];
    check::<Order>(rows, |units| grant(9, &[(1, "A", units)], &[(1, 1)]), of_a);
}

#[test]
fn o1_no_more_is_given_back_of_an_imported_order_than_was_bought_and_charged() {
    let given_back = |units, amount| imported::refunded("C1", &[(1, "A", units, amount)]);
    let rows =
        vec![left(3, vec![imported::imported()], &[]), left(1, vec![imported::imported()], &[given_back(2, 200)])];
    check::<Order>(rows, |units| imported::refund("C2", &[(1, "A", units, 1)]), of_a);
    let rows =
        vec![left(300, vec![imported::imported()], &[]), left(50, vec![imported::imported()], &[given_back(1, 250)])];
    let too_large = |requested, remaining| {
        let (requested, remaining) = (gbp(requested), gbp(remaining));
        Error::RefundTooLarge { sku: sku("A"), requested, remaining }
    };
    check::<Order>(rows, |amount| imported::refund("C2", &[(1, "A", 1, amount)]), too_large);
}
