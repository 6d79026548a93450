//! Orders that are sent, and what is taken for them.

use super::{Act, NOTHING, UNITS_A_SALE, Way, broken_off_everywhere};

#[tokio::test]
async fn a_sale_broken_off_anywhere_is_delivered_and_paid_once() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Settle, Act::Ship, Act::Settle, Act::Deliver],
        end: ("delivered", "completed"),
        stock: (-UNITS_A_SALE, 0, 0),
        done: &["authorize", "capture"],
        captured: 1_000 * UNITS_A_SALE,
        steps_min: 15,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn a_sale_whose_provider_errs_once_broken_off_anywhere_is_delivered_and_paid_once() {
    broken_off_everywhere(Way {
        token: "tok_error_once",
        acts: &[Act::CheckOut, Act::Settle, Act::Ship, Act::Deliver, Act::Settle],
        end: ("delivered", "completed"),
        stock: (-UNITS_A_SALE, 0, 0),
        done: &["authorize", "capture"],
        captured: 1_000 * UNITS_A_SALE,
        steps_min: 17,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn a_sale_whose_capture_fails_broken_off_anywhere_stays_shipped_and_unpaid_for_staff_to_see() {
    broken_off_everywhere(Way {
        token: "tok_capture_fails",
        acts: &[Act::CheckOut, Act::Settle, Act::Ship, Act::Settle],
        end: ("shipped", "failed"),
        stock: (-UNITS_A_SALE, 0, 0),
        done: &["authorize"],
        steps_min: 14,
        ..NOTHING
    })
    .await;
}

/// Two parcels, a capture for each, and never more than was sent.
#[tokio::test]
async fn an_order_sent_in_two_parcels_broken_off_anywhere_is_captured_for_each_once() {
    broken_off_everywhere(Way {
        acts: &[Act::CheckOut, Act::Settle, Act::ShipOne, Act::Settle, Act::Ship, Act::Settle],
        end: ("shipped", "completed"),
        stock: (-UNITS_A_SALE, 0, 0),
        done: &["authorize", "capture", "capture"],
        captured: 2_000,
        steps_min: 20,
        ..NOTHING
    })
    .await;
}
