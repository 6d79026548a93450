//! Orders that nobody has paid yet: other tries to pay, and their end when there is none.

use super::{Act, NOTHING, UNITS_A_SALE, Way, broken_off_everywhere};

#[tokio::test]
async fn step_6_an_order_whose_payment_was_declined_broken_off_anywhere_fails_after_an_hour_and_holds_nothing() {
    broken_off_everywhere(Way {
        token: "tok_declined",
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::Pass { minutes: 16 },
            Act::Settle,
            Act::Pass { minutes: 45 },
            Act::Settle,
        ],
        end: ("failed", "failed"),
        steps_min: 12,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn step_6_an_order_whose_buyer_does_not_act_broken_off_anywhere_fails_after_an_hour_and_holds_nothing() {
    broken_off_everywhere(Way {
        token: "tok_requires_action",
        acts: &[Act::CheckOut, Act::Settle, Act::Pass { minutes: 61 }, Act::Settle],
        end: ("failed", "voided"),
        done: &["void"],
        steps_min: 12,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn step_3_an_order_whose_stock_was_sold_meanwhile_broken_off_anywhere_fails_and_gives_the_money_back() {
    broken_off_everywhere(Way {
        acts: &[
            Act::CheckOut,
            Act::Pass { minutes: 20 },
            Act::SellOut,
            Act::Settle,
            // The rival's reservation ends as well.
            Act::Pass { minutes: 61 },
            Act::Settle,
        ],
        end: ("failed", "voided"),
        done: &["authorize", "void"],
        steps_min: 14,
        ..NOTHING
    })
    .await;
}

/// The first card is declined. The second has been charged when the buyer cancels, and the provider's answer comes afterwards.
#[tokio::test]
async fn a_second_try_whose_answer_comes_after_the_order_has_ended_broken_off_anywhere_is_given_back() {
    broken_off_everywhere(Way {
        token: "tok_declined",
        acts: &[Act::CheckOut, Act::Settle, Act::Retry, Act::Follow, Act::CallInVain, Act::Cancel, Act::Settle],
        end: ("cancelled", "failed"),
        steps_min: 14,
        ..NOTHING
    })
    .await;
}

#[tokio::test]
async fn a_second_try_that_succeeds_broken_off_anywhere_confirms_the_order_once() {
    broken_off_everywhere(Way {
        token: "tok_declined",
        acts: &[Act::CheckOut, Act::Settle, Act::Retry, Act::Settle],
        end: ("confirmed", "failed"),
        stock: (0, 0, UNITS_A_SALE),
        steps_min: 12,
        ..NOTHING
    })
    .await;
}
