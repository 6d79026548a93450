//! A way that an order goes, and its end; and somebody who goes it, however often the processes are killed meanwhile.

use std::collections::{BTreeMap, VecDeque};

use chrono::TimeDelta;
use commands::{
    inventory::AdjustStock,
    orders::returns::{ApproveReturn, ReceiveReturn, RequestReturn},
    process::standing::resume,
    world::Held as _,
};
use domain::{
    aggregate::Aggregate as _,
    ids::{Location, Reason},
    order::Order,
    payment::{Payment, Void},
};
use support::stripe::{Mishap, Webhook};

use super::child::{Dead, Processes};
use crate::commands::{
    node::Node,
    running::Premises,
    shop::{Sale, sku, units},
};

pub(super) const UNITS: i64 = 2;
/// Of one unit, in pence.
pub(super) const PRICE: i64 = 1_000;
/// More rounds than anything takes to come to rest.
const ROUNDS_MAX: usize = 200;
/// As often as the gateway asks, where asking changes nothing.
const TRIES: usize = 3;

/// What is done about one order, from outside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    CheckOut,
    /// Until processes, calls and webhooks are at rest.
    Settle,
    /// The processes alone.
    Follow,
    /// The provider does what it is asked for, and its answer is lost.
    CallInVain,
    LoseWebhooks,
    /// All but the one that tells most.
    LoseOtherWebhooks,
    /// The buyer has confirmed the payment with the bank.
    BuyerPays,
    /// It does not answer the next question.
    ProviderStumbles,
    LookIntoWebhooks,
    Reconcile,
    Ship,
    Deliver,
    Cancel,
    /// Staff takes everything that is held, ahead of any parcel.
    Capture,
    /// So many come back, and go into stock again.
    Return {
        units: i64,
    },
    Refund {
        amount: i64,
    },
    /// One unit less is there than was promised.
    CountShort,
    FindAgain,
    Pass {
        minutes: i64,
    },
    /// From now on the effects of processes fail, or no longer.
    Stumble {
        stumbles: bool,
    },
    /// By hand, of the stream that was set aside.
    Resume,
}

pub(super) struct Way {
    pub(super) token: &'static str,
    pub(super) acts: &'static [Act],
    pub(super) end: (&'static str, &'static str),
    /// What it changes of the stock: on hand, reserved, allocated.
    pub(super) stock: (i64, i64, i64),
    pub(super) taken: i64,
    pub(super) given_back: i64,
}

/// How it went.
pub(super) struct Went {
    /// What happened to the order and to its payment.
    pub(super) order: Vec<String>,
    pub(super) payment: Vec<String>,
    /// How often each step was reached, if nobody was killed.
    pub(super) steps: BTreeMap<String, u32>,
    pub(super) deaths: u32,
}

pub(super) struct Walk<'a> {
    premises: &'a Premises,
    /// Of the shop: it lives on.
    node: &'a Node,
    processes: Processes,
    /// Webhooks that were not answered.
    post: VecDeque<Webhook>,
    missing: i64,
    stumbles: bool,
    deaths: u32,
}

impl<'a> Walk<'a> {
    pub(super) fn start(premises: &'a Premises, node: &'a Node) -> Self {
        let processes = Processes::start(premises, false);
        Self { premises, node, processes, post: VecDeque::new(), missing: 0, stumbles: false, deaths: 0 }
    }

    /// With an order of its own; the processes are killed when they come to this step for this time.
    pub(super) async fn go(&mut self, way: &Way, killed_at: Option<(&str, u32)>) -> Went {
        let place = format!("{killed_at:?}");
        let sale = Sale::of("MUG", UNITS, way.token);
        let before = self.premises.stock("MUG").await;
        let line = killed_at.map_or("disarm".to_owned(), |(step, time)| format!("arm {step}:{time}:kill"));
        self.processes.told(&line).await.expect("nothing is planned yet");
        self.deaths = 0;
        for act in way.acts {
            while let Err(Dead) = self.act(*act, &sale).await {
                self.take_over().await;
            }
        }
        let counts = self.processes.told("counts").await.expect("nothing of it is a step");
        self.processes.told("disarm").await.expect("nothing of it is a step");
        self.check_end(way, &sale, before, &place).await;
        Went {
            order: self.premises.history(Order::CATEGORY, sale.order_id.as_uuid()).await,
            payment: self.payment_history(&sale).await,
            steps: counts.split_whitespace().map(read_count).collect(),
            deaths: self.deaths,
        }
    }

    /// The leases of the one that is gone have ended, and another one takes over.
    async fn take_over(&mut self) {
        self.deaths += 1;
        assert_eq!(self.deaths, 1, "one death was planned");
        self.premises.leases_end().await;
        self.owner("UPDATE process.webhooks SET leased_until = NULL").await;
        self.owner("UPDATE process.reconciliations SET started_at = started_at - interval '2 hours'").await;
        self.processes = Processes::start(self.premises, self.stumbles);
    }

    async fn owner(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.premises.database.owner).await.unwrap();
    }

    async fn act(&mut self, act: Act, sale: &Sale) -> Result<(), Dead> {
        let (premises, node) = (self.premises, self.node);
        match act {
            Act::Settle => return self.settle().await,
            Act::Follow => drop(self.processes.told("follow").await?),
            Act::LookIntoWebhooks => drop(self.deliver_and_look().await?),
            Act::Reconcile => {
                self.reconcile().await?;
                assert_eq!(premises.payment(sale.payment_id).await.status(), "authorized", "the books tell of it");
            }
            Act::CallInVain => {
                premises.stripe().plan_nothing();
                premises.stripe().plan(Mishap::LostAfter);
                self.processes.told("calls").await?;
            }
            Act::ProviderStumbles => (0..TRIES).for_each(|_| premises.stripe().plan(Mishap::Html)),
            Act::LoseOtherWebhooks => {
                let told = premises.stripe().take_webhooks().into_iter();
                self.post.extend(told.filter(|webhook| webhook.event_type.ends_with("amount_capturable_updated")));
            }
            Act::LoseWebhooks => drop(premises.stripe().take_webhooks()),
            Act::BuyerPays => {
                let intents = premises.stripe().intents_of(sale.payment_id);
                premises.stripe().buyer_confirms(intents[0]["id"].as_str().unwrap());
            }
            Act::Pass { minutes } => {
                premises.clock.pass(TimeDelta::minutes(minutes));
                self.processes.told(&format!("pass {minutes}")).await?;
            }
            Act::Stumble { stumbles } => {
                self.stumbles = stumbles;
                self.processes.told(&format!("stumble {stumbles}")).await?;
            }
            Act::Resume => {
                let stream = Payment::stream(sale.payment_id.as_uuid());
                assert!(resume(&premises.database.app, "payment", &stream).await.unwrap(), "it was set aside");
            }
            Act::CheckOut => sale.open(node).await,
            Act::Ship => drop(node.accept(sale.ship()).await),
            Act::Deliver => drop(node.accept(sale.deliver()).await),
            Act::Cancel => drop(node.accept(sale.cancel()).await),
            Act::Capture => drop(node.accept(sale.capture()).await),
            Act::Refund { amount } => drop(node.accept(sale.refund(amount)).await),
            Act::Return { units } => self.send_back(sale, units).await,
            Act::CountShort => {
                let (on_hand, _, allocated) = premises.stock("MUG").await;
                self.missing = on_hand - allocated + 1;
                self.count(-self.missing).await;
            }
            Act::FindAgain => self.count(self.missing).await,
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), Dead> {
        for _ in 0..ROUNDS_MAX {
            let mut worked = self.processes.told("follow").await? == "true";
            self.owner("UPDATE process.calls SET next_attempt_at = now() WHERE leased_until IS NULL").await;
            worked |= self.processes.told("calls").await? == "true";
            worked |= self.deliver_and_look().await?;
            if !worked {
                return Ok(());
            }
        }
        panic!("the processes do not come to rest");
    }

    /// What Stripe has to tell, each again until it is answered. Whether there was anything.
    async fn deliver_and_look(&mut self) -> Result<bool, Dead> {
        self.post.extend(self.premises.stripe().take_webhooks());
        while let Some(webhook) = self.post.front() {
            let signature = webhook.signature(support::stripe::WEBHOOK_SECRET);
            let body = std::str::from_utf8(&webhook.body).unwrap();
            self.processes.told(&format!("webhook {signature} {body}")).await?;
            self.post.pop_front();
        }
        self.owner("UPDATE process.webhooks SET next_attempt_at = now() WHERE leased_until IS NULL").await;
        Ok(self.processes.told("webhooks").await? == "true")
    }

    /// The daily comparison. One that was broken off is begun anew, and one that was noted is not due.
    async fn reconcile(&mut self) -> Result<(), Dead> {
        self.owner(
            "UPDATE process.reconciliations SET started_at = now() - interval '2 days' WHERE finished_at IS NOT NULL",
        )
        .await;
        self.processes.told("reconcile").await?;
        let finished =
            "SELECT finished_at IS NOT NULL AND unknown = 0 AND discrepancies = 0 FROM process.reconciliations";
        let is_finished: bool = sqlx::query_scalar(finished).fetch_one(&self.premises.database.owner).await.unwrap();
        assert!(is_finished, "the comparison came to its end, and found nothing amiss");
        Ok(())
    }

    async fn send_back(&self, sale: &Sale, back: i64) {
        let (order_id, return_id) = (sale.order_id, sale.return_id());
        let reason = Reason::new("arrived broken").unwrap();
        let lines = vec![(sku("MUG"), units(back))];
        self.node.accept(RequestReturn { order_id, owner: None, return_id, lines, reason }).await;
        self.node.accept(ApproveReturn { order_id, return_id }).await;
        let lines = vec![(sku("MUG"), units(back), true)];
        self.node.accept(ReceiveReturn { order_id, return_id, lines, location: None }).await;
    }

    async fn count(&self, delta: i64) {
        let reason = Reason::new("count").unwrap();
        self.node.accept(AdjustStock { sku: sku("MUG"), location: Location::main(), delta, reason }).await;
    }

    /// But for what the comparison attests: it says so where it has told nothing else.
    async fn payment_history(&self, sale: &Sale) -> Vec<String> {
        let history = self.premises.payment_history(sale.payment_id).await;
        history.into_iter().filter(|event| event != "payment.reconciled").collect()
    }

    async fn check_end(&self, way: &Way, sale: &Sale, before: (i64, i64, i64), place: &str) {
        let premises = self.premises;
        assert_eq!(premises.status(sale.order_id, sale.payment_id).await, way.end, "{place}");
        let after = premises.stock("MUG").await;
        let changed = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
        assert_eq!(changed, way.stock, "{place}");
        assert_eq!((premises.open_calls().await, premises.open_webhooks().await), (0, vec![]), "{place}");
        let payment = premises.payment(sale.payment_id).await;
        let ledger = payment.ledger().unwrap();
        let moved = (ledger.captured().amount(), ledger.refunded().amount());
        assert_eq!(moved, (way.taken, way.given_back), "{place}");
        let intents = premises.stripe().intents_of(sale.payment_id);
        assert_eq!(intents.len(), 1, "{place}: {intents:?}");
        assert_eq!(intents[0]["amount_received"].as_i64(), Some(way.taken), "{place}");
        let is_held = intents[0]["status"] == "requires_capture";
        assert_eq!(is_held, way.end.1 == "authorized", "{place}");
        if matches!(way.end.0, "cancelled" | "failed") {
            let is_ours = ledger.uncaptured().is_positive() && !matches!(ledger.void, Void::Voided(_));
            let is_held = is_ours && ledger.authorization.is_some();
            assert_eq!((moved.0, is_held, changed.1, changed.2), (moved.1, false, 0, 0), "{place}");
        }
    }
}

fn read_count(text: &str) -> (String, u32) {
    let (step, count) = text.split_once('=').expect("a step and how often");
    (step.to_owned(), count.parse().expect("a number"))
}
