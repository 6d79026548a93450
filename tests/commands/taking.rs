//! A process that no shop has: each of its effects leaves a trace that a repeat would double.

use chrono::TimeDelta;
use commands::process::{
    Deadline, Effect, Process, Runnable, runnable,
    runner::{ProcessRunner, Round},
};
use domain::{aggregate::UnreadableEvent, ids::CartId};
use eventstore::{Point, Position, RecordedEvent};
use sqlx::PgPool;

use super::{
    fate::{Fate, Mortal},
    node::{Node, until},
    running::Premises,
    shop::{new_cart, sku, stocked},
    use_cases::Take,
};

pub(super) const NAME: &str = "taking";
/// Units that are there at first.
pub(super) const UNITS: i64 = 100_000;
/// Taken for every cart that is opened, one by one, and for every cart that is still open after a while.
pub(super) const TAKEN_A_CART: i64 = 2;
pub(super) const TAKEN_WHEN_DUE: i64 = 1_000;
pub(super) const DUE_AFTER: TimeDelta = TimeDelta::minutes(15);
const STILL_OPEN: &str = "still_open";

/// Takes two units for every cart that is opened, and many more unless the cart is discarded in time.
#[derive(Debug)]
pub(super) struct Taking;

impl Process for Taking {
    fn name(&self) -> &'static str {
        NAME
    }

    fn waits_for(&self) -> &'static str {
        "carts that are opened and discarded"
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        let subject = event.stream.id;
        Ok(match event.event_type.as_str() {
            "cart.opened" => {
                let due_at = event.recorded_at + DUE_AFTER;
                let deadline = Deadline { kind: STILL_OPEN.into(), subject, due_at };
                vec![Effect::run(take(1)), Effect::run(take(1)), Effect::SetDeadline(deadline)]
            }
            "cart.discarded" => vec![Effect::ClearDeadline { kind: STILL_OPEN, subject }],
            _ => Vec::new(),
        })
    }

    fn fire(&self, _: &Deadline) -> Option<Box<dyn Runnable>> {
        Some(runnable(take(TAKEN_WHEN_DUE)))
    }
}

pub(super) fn take(quantity: i64) -> Take {
    Take { sku: sku("MUG"), quantity }
}

/// A shop with that stock and a node, and this process at the head.
pub(super) async fn shop() -> (Premises, Node) {
    let premises = Premises::open().await;
    let node = premises.node().await;
    stocked(&node, "MUG", UNITS).await;
    drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
    (premises, node)
}

/// With connections of its own, that end with it.
pub(super) async fn runner(premises: &Premises, node: &Node, fate: &Fate) -> ProcessRunner {
    runner_through(premises.pool(), premises, node, fate).await
}

pub(super) async fn runner_through(pool: PgPool, premises: &Premises, node: &Node, fate: &Fate) -> ProcessRunner {
    let process = Box::new(Mortal { process: Box::new(Taking), fate: fate.clone() });
    ProcessRunner::new(process, pool, premises.book.clone(), node.commands.clone()).await.unwrap()
}

/// Until there is nothing left to do.
pub(super) async fn drain(runner: &mut ProcessRunner) {
    until("the process is at the head", async || runner.run_once().await.unwrap() == Round::Idle).await;
}

pub(super) async fn open_carts(node: &Node, carts: usize) -> Vec<CartId> {
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..carts {
        let commands = node.commands.clone();
        running.spawn(async move { commands.run(new_cart(), super::node::envelope()).await.unwrap().outcome.cart_id });
    }
    running.join_all().await
}

/// Units that were taken so far.
pub(super) async fn taken(premises: &Premises) -> i64 {
    UNITS - premises.stock("MUG").await.0
}

pub(super) async fn deadlines(premises: &Premises) -> i64 {
    let count = "SELECT count(*) FROM process.deadlines WHERE process = $1";
    sqlx::query_scalar(count).bind(NAME).fetch_one(&premises.database.owner).await.unwrap()
}

pub(super) async fn checkpoint(premises: &Premises) -> Point {
    let read = "SELECT position, hash FROM process.checkpoints WHERE process = $1";
    let (position, hash): (i64, Vec<u8>) =
        sqlx::query_as(read).bind(NAME).fetch_one(&premises.database.owner).await.unwrap();
    Point { position: Position(position), hash: eventstore::Hash(hash.try_into().unwrap()) }
}
