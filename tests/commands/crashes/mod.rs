//! `kill -9` at every step of every process, by a failpoint in a program of its own: another one takes over, and the order
//! comes to the one end that it would have come to. The provider answers over HTTP and outlives both, and so do its webhooks:
//! one that was not answered is sent again.
//!
//! Every step that a way comes to is a place to be killed at, once it is reached for a time that is drawn;
//! `DAYBOOK_CRASHES=all cargo test -p tests -- commands::crashes` is each time, which takes minutes.

mod child;
mod way;

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use commands::{gateway::account::Period, process::reconciler::Reconciler};

use self::way::{Act, PRICE, UNITS, Walk, Way};
use super::{
    Chance,
    node::{Node, check_whole},
    running::Premises,
    shop::{Sale, stocked},
};

/// Times of which one is drawn. Some steps are passed whenever the processes look whether there is anything to do, and later
/// ones of those are like the earlier.
const TIMES_DRAWN_MAX: u32 = 8;
const TIMES_MAX: u32 = 30;

/// Of so many, those at which it is killed.
fn times(count: u32, chance: &mut Chance) -> Vec<u32> {
    match std::env::var("DAYBOOK_CRASHES").as_deref() {
        Ok("all") => (1..=count.min(TIMES_MAX)).collect(),
        Ok(other) => panic!("DAYBOOK_CRASHES is all or nothing, and not {other}"),
        Err(_) => vec![1 + chance.below(count.min(TIMES_DRAWN_MAX) as usize) as u32],
    }
}

/// What belongs to processes. The others are those of the executor and of the publisher.
const PREFIXES: [&str; 5] = ["process.", "deadline.", "call.", "webhook.", "reconcile."];

async fn shop() -> (Premises, Node) {
    let premises = Premises::open_with_stripe().await;
    let node = premises.node().await;
    stocked(&node, "MUG", 10_000).await;
    (premises, node)
}

/// The steps at which it was killed.
async fn killed_everywhere(way: Way) -> BTreeMap<String, u32> {
    let seed = Chance::seed();
    let mut chance = Chance(seed);
    let (premises, node) = shop().await;
    let mut walk = Walk::start(&premises, &node);
    let undisturbed = walk.go(&way, None).await;
    let mut killed: BTreeMap<String, u32> = BTreeMap::new();
    for (step, count) in undisturbed.steps {
        if !PREFIXES.iter().any(|prefix| step.starts_with(prefix)) {
            continue;
        }
        let mut times = times(count, &mut chance);
        while let Some(time) = times.pop() {
            let place = format!("SEED={seed}, killed at {step}, time {time}");
            let went = walk.go(&way, Some((&step, time))).await;
            assert_eq!((&went.order, &went.payment), (&undisturbed.order, &undisturbed.payment), "{place}");
            *killed.entry(step.clone()).or_default() += went.deaths;
            if went.deaths == 0 && times.is_empty() && killed.get(&step).is_none_or(|deaths| *deaths == 0) {
                // How often a step is passed at rest depends on when the processes come to rest.
                assert!(time > 1, "{place}: it was not");
                times.push(1);
            }
        }
    }
    agrees_with_the_provider(&premises, &node).await;
    check_whole(&premises.book).await;
    println!("killed {} times, at {killed:?}", killed.values().sum::<u32>());
    killed
}

/// To the penny, over everything that was done for all of them.
async fn agrees_with_the_provider(premises: &Premises, node: &Node) {
    let until = premises.clock.now() + TimeDelta::minutes(1);
    let period = Period { from: until - TimeDelta::days(35), until };
    let reconciler = Reconciler::new(premises.pool(), node.commands.clone(), Arc::new(premises.gateways()));
    let report = reconciler.reconcile("stripe", period).await.unwrap();
    assert!(report.is_clean() && report.open == 0 && report.compared > 10, "{report:?}");
}

/// Each of these was a place to be killed at.
#[track_caller]
fn assert_killed_at(killed: &BTreeMap<String, u32>, steps: &[&str]) {
    for step in steps {
        assert!(killed.get(*step).is_some_and(|deaths| *deaths > 0), "never killed at {step}");
    }
}

/// A sale that is paid and sent, and of which nothing comes back: what each way does otherwise, it says.
const SENT: Way = Way {
    token: "pm_card_visa",
    acts: &[],
    end: ("shipped", "completed"),
    stock: (-UNITS, 0, 0),
    taken: UNITS * PRICE,
    given_back: 0,
};

const PROCESS: [&str; 4] =
    ["process.before_effect", "process.after_effect", "process.before_checkpoint", "process.before_commit"];
const CALL: [&str; 6] = [
    "call.after_claim",
    "call.before_request",
    "call.after_answer",
    "call.before_record",
    "call.after_record",
    "call.after_finish",
];
const WEBHOOK: [&str; 7] = [
    "webhook.before_keep",
    "webhook.after_keep",
    "webhook.after_claim",
    "webhook.before_effect",
    "webhook.after_effect",
    "webhook.before_settle",
    "webhook.after_settle",
];
const DEADLINE: [&str; 2] = ["deadline.before_fire", "deadline.after_fire"];
const RECONCILE: [&str; 6] = [
    "reconcile.after_claim",
    "reconcile.after_list",
    "reconcile.before_record",
    "reconcile.after_record",
    "reconcile.before_note",
    "reconcile.after_note",
];

#[tokio::test]
async fn a_paid_order_killed_anywhere_is_delivered_and_paid_once() {
    let killed = killed_everywhere(Way {
        acts: &[Act::CheckOut, Act::Settle, Act::Ship, Act::Settle, Act::Deliver, Act::Settle],
        end: ("delivered", "completed"),
        ..SENT
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK].concat());
}

#[tokio::test]
async fn a_declined_order_killed_anywhere_fails_after_an_hour_and_holds_nothing() {
    let killed = killed_everywhere(Way {
        token: "pm_card_chargeDeclined",
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::Pass { minutes: 16 },
            Act::Settle,
            Act::Pass { minutes: 45 },
            Act::Settle,
        ],
        end: ("failed", "failed"),
        stock: (0, 0, 0),
        taken: 0,
        given_back: 0,
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK, &DEADLINE].concat());
}

#[tokio::test]
async fn an_order_cancelled_after_it_was_authorised_killed_anywhere_is_let_go() {
    let killed = killed_everywhere(Way {
        token: "pm_card_visa",
        acts: &[Act::CheckOut, Act::Settle, Act::Cancel, Act::Settle],
        end: ("cancelled", "voided"),
        stock: (0, 0, 0),
        taken: 0,
        given_back: 0,
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK].concat());
}

#[tokio::test]
async fn an_order_cancelled_after_it_was_captured_killed_anywhere_is_refunded_once() {
    let killed = killed_everywhere(Way {
        token: "pm_card_visa",
        acts: &[Act::CheckOut, Act::Settle, Act::Capture, Act::Settle, Act::Cancel, Act::Settle],
        end: ("cancelled", "refunded"),
        stock: (0, 0, 0),
        taken: UNITS * PRICE,
        given_back: UNITS * PRICE,
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK].concat());
}

#[tokio::test]
async fn a_payment_that_comes_after_its_order_expired_killed_anywhere_is_given_back() {
    let killed = killed_everywhere(Way {
        token: "pm_card_authenticationRequired",
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::Pass { minutes: 61 },
            // The order fails, and before that is told to the provider the buyer pays.
            Act::Follow,
            Act::BuyerPays,
            Act::ProviderStumbles,
            Act::LookIntoWebhooks,
            Act::Settle,
        ],
        end: ("failed", "voided"),
        stock: (0, 0, 0),
        taken: 0,
        given_back: 0,
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK, &DEADLINE, &["webhook.before_put_off"]].concat());
}

#[tokio::test]
async fn a_payment_of_which_only_a_webhook_tells_killed_anywhere_confirms_its_order_once() {
    let killed = killed_everywhere(Way {
        token: "pm_card_authenticationRequired",
        acts: &[Act::CheckOut, Act::Settle, Act::BuyerPays, Act::LoseOtherWebhooks, Act::Settle],
        end: ("confirmed", "authorized"),
        stock: (0, 0, UNITS),
        taken: 0,
        given_back: 0,
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK].concat());
}

#[tokio::test]
async fn goods_that_come_back_killed_anywhere_are_in_stock_and_refunded_once() {
    let killed = killed_everywhere(Way {
        token: "pm_card_visa",
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::Ship,
            Act::Settle,
            Act::Deliver,
            Act::Return { units: 1 },
            Act::Refund { amount: PRICE },
            Act::Settle,
        ],
        end: ("delivered", "partially_refunded"),
        stock: (1 - UNITS, 0, 0),
        taken: UNITS * PRICE,
        given_back: PRICE,
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK].concat());
}

#[tokio::test]
async fn an_order_whose_stock_is_missing_killed_anywhere_is_held_released_and_sent() {
    let killed = killed_everywhere(Way {
        acts: &[
            Act::CheckOut,
            Act::Settle,
            Act::CountShort,
            Act::Settle,
            Act::FindAgain,
            Act::Settle,
            Act::Ship,
            Act::Settle,
        ],
        ..SENT
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK].concat());
}

#[tokio::test]
async fn a_stream_that_was_set_aside_and_resumed_killed_anywhere_goes_on_where_it_stopped() {
    let killed = killed_everywhere(Way {
        token: "pm_card_visa",
        acts: &[
            Act::CheckOut,
            Act::Stumble { stumbles: true },
            Act::Follow,
            Act::Stumble { stumbles: false },
            Act::Settle,
            Act::Resume,
            Act::Settle,
        ],
        end: ("confirmed", "authorized"),
        stock: (0, 0, UNITS),
        taken: 0,
        given_back: 0,
    })
    .await;
    let steps = ["process.before_park", "process.before_resume", "process.after_resume"];
    assert_killed_at(&killed, &[&PROCESS[..], &CALL, &WEBHOOK, &steps].concat());
}

#[tokio::test]
async fn a_payment_of_which_only_the_providers_books_tell_killed_anywhere_is_recorded_once() {
    let killed = killed_everywhere(Way {
        token: "pm_card_visa",
        acts: &[
            Act::CheckOut,
            Act::Follow,
            // The answer is lost, and so are the webhooks.
            Act::CallInVain,
            Act::LoseWebhooks,
            // The books are compared up to the second before.
            Act::Pass { minutes: 1 },
            Act::Reconcile,
            Act::Settle,
        ],
        end: ("confirmed", "authorized"),
        stock: (0, 0, UNITS),
        taken: 0,
        given_back: 0,
    })
    .await;
    assert_killed_at(&killed, &[&PROCESS[..], &RECONCILE, &["call.before_postpone"]].concat());
}

impl Sale {
    /// The same is the same return.
    fn return_id(&self) -> domain::ids::ReturnId {
        domain::ids::ReturnId::from_uuid(self.order_id.as_uuid())
    }
}
