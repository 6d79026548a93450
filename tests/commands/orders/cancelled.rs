//! Orders that are cancelled, as a whole or in part: nothing is held for what is not sent, and nothing is kept.

use super::{Act, NOTHING, UNITS_A_SALE, Way, broken_off_everywhere};

#[tokio::test]
async fn step_6_a_confirmed_order_that_is_cancelled_broken_off_anywhere_holds_nothing_and_keeps_nothing() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Settle, Act::Cancel, Act::Settle],
        end: ("cancelled", "voided"),
        done: &["authorize", "void"],
        steps_min: 12,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn an_order_cancelled_while_the_provider_is_asked_broken_off_anywhere_holds_nothing_and_keeps_nothing() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Follow, Act::CallInVain, Act::Cancel, Act::Settle],
        end: ("cancelled", "voided"),
        done: &["authorize", "void"],
        steps_min: 10,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn an_order_cancelled_after_the_request_and_before_the_call_broken_off_anywhere_asks_nobody() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Follow, Act::Cancel, Act::Settle],
        end: ("cancelled", "voided"),
        steps_min: 5,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn an_order_cancelled_before_anybody_was_asked_broken_off_anywhere_asks_nobody() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Cancel, Act::Settle],
        end: ("cancelled", "voided"),
        steps_min: 4,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn an_order_that_was_paid_in_full_and_is_cancelled_broken_off_anywhere_is_refunded_once() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Settle, Act::Capture, Act::Settle, Act::Cancel, Act::Settle],
        end: ("cancelled", "refunded"),
        done: &["authorize", "capture", "refund"],
        captured: 1_000 * UNITS_A_SALE,
        refunded: 1_000 * UNITS_A_SALE,
        steps_min: 18,
        ..NOTHING
    })
    .await;
}

/// Charged, and no order: the provider takes the money, its answer is lost, and the order is cancelled meanwhile.
#[tokio::test]
async fn an_order_cancelled_while_its_money_is_taken_broken_off_anywhere_is_refunded_once() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Settle, Act::Capture, Act::Follow, Act::CallInVain, Act::Cancel, Act::Settle],
        end: ("cancelled", "refunded"),
        done: &["authorize", "capture", "refund"],
        captured: 1_000 * UNITS_A_SALE,
        refunded: 1_000 * UNITS_A_SALE,
        steps_min: 18,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn an_order_of_which_a_part_is_sent_and_the_rest_cancelled_broken_off_anywhere_is_paid_for_what_was_sent() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Settle, Act::ShipOne, Act::CancelUnits { units: 1 }, Act::Settle],
        end: ("shipped", "partially_captured"),
        stock: (-1, 0, 0),
        done: &["authorize", "capture", "void"],
        captured: 1_000,
        steps_min: 18,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn a_line_that_was_paid_and_is_cancelled_broken_off_anywhere_is_refunded_once() {
    broken_off_everywhere(Way {
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::Capture,
            Act::Settle,
            Act::CancelUnits { units: 1 },
            Act::Settle,
            Act::Ship,
            Act::Settle,
        ],
        end: ("shipped", "partially_refunded"),
        stock: (-1, 0, 0),
        done: &["authorize", "capture", "refund"],
        captured: 2_000,
        refunded: 1_000,
        steps_min: 20,
        ..NOTHING
    })
    .await;
}
