//! A stream that gets stuck at a fault of ours is set aside, and told; the others go on, and it is resumed by hand.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use commands::process::{
    Deadline, Effect, Process, Runnable, runnable,
    runner::{ProcessError, ProcessRunner, Round},
    standing::resume,
};
use domain::{aggregate::UnreadableEvent, cart::Cart, ids::CartId};
use eventstore::RecordedEvent;
use uuid::Uuid;

use super::{
    fate::{Fate, Mortal},
    node::{Node, check_whole},
    running::Premises,
    shop::add,
    taking::{
        DUE_AFTER, NAME, TAKEN_A_CART, TAKEN_WHEN_DUE, Taking, checkpoint, deadlines, drain, open_carts, runner, shop,
        taken,
    },
    use_cases::Panics,
};

/// Takes as [`Taking`] does, and a unit for every line; but for some carts the last thing asked for panics when it is decided.
#[derive(Debug, Clone, Default)]
struct Stumbling {
    over: Arc<Mutex<HashSet<Uuid>>>,
}

impl Stumbling {
    fn over(carts: &[CartId]) -> Self {
        Self { over: Arc::new(Mutex::new(carts.iter().map(|cart_id| cart_id.as_uuid()).collect())) }
    }

    /// The fault is found, and a new release is out.
    fn is_mended(&self) {
        self.over.lock().unwrap().clear();
    }

    fn stumbles_over(&self, subject: Uuid) -> bool {
        self.over.lock().unwrap().contains(&subject)
    }
}

impl Process for Stumbling {
    fn name(&self) -> &'static str {
        NAME
    }

    fn waits_for(&self) -> &'static str {
        Taking.waits_for()
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        let mut effects = Taking.react(event)?;
        match event.event_type.as_str() {
            "cart.opened" if self.stumbles_over(event.stream.id) => effects.push(Effect::run(Panics::InDecide)),
            "cart.item_added" => effects.push(Effect::run(super::taking::take(1))),
            _ => {}
        }
        Ok(effects)
    }

    fn fire(&self, deadline: &Deadline) -> Option<Box<dyn Runnable>> {
        if self.stumbles_over(deadline.subject) { Some(runnable(Panics::InDecide)) } else { Taking.fire(deadline) }
    }
}

async fn stumbling(premises: &Premises, node: &Node, process: &Stumbling, fate: &Fate) -> ProcessRunner {
    let process = Box::new(Mortal { process: Box::new(process.clone()), fate: fate.clone() });
    ProcessRunner::new(process, premises.pool(), premises.book.clone(), node.commands.clone()).await.unwrap()
}

/// The streams that are set aside, each with the event that it waits at.
async fn parked(premises: &Premises) -> Vec<(Uuid, i64)> {
    let read = "SELECT stream_id, position FROM process.parked WHERE process = $1 ORDER BY position";
    sqlx::query_as(read).bind(NAME).fetch_all(&premises.database.owner).await.unwrap()
}

async fn resume_cart(premises: &Premises, cart_id: CartId) -> bool {
    let stream = <Cart as commands::world::Held>::stream(cart_id.as_uuid());
    resume(&premises.database.app, NAME, &stream).await.unwrap()
}

#[tokio::test]
async fn a_stream_whose_effect_always_fails_is_set_aside_and_the_others_go_on() {
    let (premises, node) = shop().await;
    let carts = open_carts(&node, 3).await;
    let process = Stumbling::over(&carts[..1]);
    let mut runner = stumbling(&premises, &node, &process, &Fate::spared()).await;
    drain(&mut runner).await;
    let aside = parked(&premises).await;
    assert_eq!(aside.iter().map(|(stream, _)| *stream).collect::<Vec<_>>(), [carts[0].as_uuid()]);
    // What it did before it got stuck stands; what it wants to be remembered waits.
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (3 * TAKEN_A_CART, 2));
    assert_eq!(checkpoint(&premises).await.position, node.head().await);

    // Its later events wait behind it, also where another node goes on.
    for cart_id in &carts {
        node.accept(add(*cart_id, "MUG", 1)).await;
    }
    let mut runner = stumbling(&premises, &node, &process, &Fate::spared()).await;
    drain(&mut runner).await;
    assert_eq!((taken(&premises).await, parked(&premises).await), (3 * TAKEN_A_CART + 2, aside.clone()));

    // Resumed too soon it is set aside again, and nothing is taken twice.
    assert!(resume_cart(&premises, carts[0]).await);
    drain(&mut runner).await;
    assert_eq!((taken(&premises).await, parked(&premises).await), (3 * TAKEN_A_CART + 2, aside));
    process.is_mended();
    assert_eq!(runner.run_once().await.unwrap(), Round::Idle, "nobody has asked for it");
    assert!(resume_cart(&premises, carts[0]).await);
    drain(&mut runner).await;
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (3 * TAKEN_A_CART + 3, 3));
    assert_eq!(parked(&premises).await, []);
    assert!(!resume_cart(&premises, carts[0]).await);
    check_whole(&premises.book).await;
}

#[tokio::test]
async fn a_node_that_dies_while_it_resumes_a_stream_does_nothing_twice() {
    let (premises, node) = shop().await;
    let (mut carts, mut died) = (0, 0);
    loop {
        let cart_id = open_carts(&node, 1).await[0];
        let process = Stumbling::over(&[cart_id]);
        drain(&mut stumbling(&premises, &node, &process, &Fate::spared()).await).await;
        node.accept(add(cart_id, "MUG", 1)).await;
        drain(&mut stumbling(&premises, &node, &process, &Fate::spared()).await).await;
        process.is_mended();
        assert!(resume_cart(&premises, cart_id).await);
        let fate = Fate::at(died);
        let mut mortal = stumbling(&premises, &node, &process, &fate).await;
        let round = fate.so_far(mortal.run_once()).await;
        drop(mortal);
        let was_ended = round.is_none();
        assert_eq!(parked(&premises).await.len(), usize::from(was_ended), "step {died}");
        drain(&mut stumbling(&premises, &node, &process, &Fate::spared()).await).await;
        carts += 1;
        assert_eq!(taken(&premises).await, carts * (TAKEN_A_CART + 1), "step {died}");
        assert_eq!((deadlines(&premises).await, parked(&premises).await.len()), (carts, 0), "step {died}");
        if !was_ended {
            break;
        }
        died += 1;
    }
    assert_eq!(died, 6, "two effects of the cart and one of its line, before and after each");
}

#[tokio::test]
async fn a_deadline_whose_effect_fails_is_put_off_and_holds_up_no_other() {
    let (premises, node) = shop().await;
    let carts = open_carts(&node, 3).await;
    drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
    let process = Stumbling::over(&carts[..1]);
    let mut runner = stumbling(&premises, &node, &process, &Fate::spared()).await;
    premises.clock.pass(DUE_AFTER + TimeDelta::minutes(1));
    drain(&mut runner).await;
    let others = 3 * TAKEN_A_CART + 2 * TAKEN_WHEN_DUE;
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (others, 1));
    process.is_mended();
    assert_eq!(runner.run_once().await.unwrap(), Round::Idle, "it is put off");
    premises.clock.pass(DUE_AFTER);
    drain(&mut runner).await;
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (others + TAKEN_WHEN_DUE, 0));
}

#[tokio::test]
async fn a_book_that_is_away_sets_no_stream_aside() {
    let (premises, node) = shop().await;
    open_carts(&node, 2).await;
    let mut away = stumbling(&premises, &node, &Stumbling::default(), &Fate::spared()).await;
    node.kill().await;
    let round = away.run_once().await;
    assert!(matches!(round, Err(ProcessError::Effect { .. })), "{round:?}");
    assert_eq!(parked(&premises).await, []);
    let node = premises.node().await;
    drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (2 * TAKEN_A_CART, 2));
}
