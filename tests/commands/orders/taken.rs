//! What is taken and given back by time or by decision, apart from any parcel.

use super::{Act, NOTHING, UNITS_A_SALE, Way, broken_off_everywhere};

#[tokio::test]
async fn a_sale_that_staff_refunds_in_parts_broken_off_anywhere_gives_each_part_back_once() {
    broken_off_everywhere(Way {
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::Ship,
            Act::Settle,
            Act::Refund { amount: 500 },
            Act::Follow,
            Act::CallInVain,
            Act::Refund { amount: 1_500 },
            Act::Settle,
        ],
        end: ("shipped", "refunded"),
        stock: (-UNITS_A_SALE, 0, 0),
        done: &["authorize", "capture", "refund", "refund"],
        captured: 1_000 * UNITS_A_SALE,
        refunded: 1_000 * UNITS_A_SALE,
        steps_min: 24,
        ..NOTHING
    })
    .await;
}

/// Held for six days, then taken; what is not sent by then is paid.
#[tokio::test]
async fn an_authorisation_that_is_about_to_lapse_broken_off_anywhere_is_captured_once() {
    broken_off_everywhere(Way {
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::Pass { minutes: 6 * 24 * 60 + 1 },
            Act::Settle,
            Act::Pass { minutes: 24 * 60 },
            Act::Settle,
        ],
        end: ("confirmed", "completed"),
        stock: (0, 0, UNITS_A_SALE),
        done: &["authorize", "capture"],
        captured: 2_000,
        steps_min: 14,
        ..NOTHING
    })
    .await;
}

/// Nothing could be taken of it while it was held: the order waits for whoever runs the shop.
#[tokio::test]
async fn an_authorisation_that_lapses_broken_off_anywhere_is_over_once_and_its_order_held() {
    broken_off_everywhere(Way {
        token: "tok_capture_fails",
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::Pass { minutes: 6 * 24 * 60 + 1 },
            Act::Settle,
            Act::Pass { minutes: 24 * 60 },
            Act::Settle,
        ],
        end: ("confirmed", "expired"),
        stock: (0, 0, UNITS_A_SALE),
        done: &["authorize"],
        steps_min: 15,
        ..NOTHING
    })
    .await;
}
