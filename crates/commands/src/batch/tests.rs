//! Deciding a batch: what goes in which order, what waits for later, and what a panic leaves behind.

use domain::cart::{self, Cart, Dropped};
use domain::ids::{CartId, CustomerId, Quantity, Sku, Text};
use domain::money::Currency;
use eventstore::{Hash, Point};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::command::{Actor, Causation, Envelope, Key};
use crate::job::Typed;
use crate::use_case::{Decision, Streams, UseCase};
use crate::world::{AnyEvent, Held};

const SEEN: Position = Position(10);

/// Decides whatever it is told to.
#[derive(Debug)]
struct Fill {
    cart_id: CartId,
    events: Vec<cart::Event>,
}

impl UseCase for Fill {
    type Outcome = Uuid;

    const NAME: &'static str = "fill";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().fresh::<Cart>(self.cart_id.as_uuid())
    }

    fn decide(&self, _: &View<'_>, _: DateTime<Utc>) -> Result<Decision<Uuid>, Rejection> {
        let stream = Cart::stream(self.cart_id.as_uuid());
        let events = self.events.iter().map(|event| (stream.clone(), AnyEvent::Cart(event.clone()))).collect();
        Ok(Decision { events, outcome: self.cart_id.as_uuid() })
    }

    fn shows(outcome: &Uuid) -> Vec<StreamId> {
        vec![Cart::stream(*outcome)]
    }
}

fn opened() -> cart::Event {
    cart::Event::Opened(cart::Opened {
        customer_id: CustomerId::from_uuid(Uuid::nil()),
        guest: false,
        currency: Currency::new("GBP").unwrap(),
        opened_at: DateTime::UNIX_EPOCH,
    })
}

/// An event of about a MiB.
fn large() -> cart::Event {
    let (sku, reason) = (Sku::new(&"S".repeat(64)).unwrap(), Text::new(&"r".repeat(64)).unwrap());
    let dropped = Dropped { sku, quantity: Quantity::new(1).unwrap(), reason };
    let into = CartId::from_uuid(Uuid::nil());
    cart::Event::Merged(cart::Merged { into, dropped: vec![dropped; (1 << 20) / 166] })
}

fn command(cart_id: CartId, events: Vec<cart::Event>, key: Option<&str>) -> Pending {
    let (reply, _) = oneshot::channel();
    let envelope = Envelope {
        actor: Actor::Process { name: "test" },
        correlation_id: Uuid::nil(),
        causation: Causation::Request("test".to_owned()),
        traceparent: None,
        key: key.map(|key| Key {
            scope: "test".to_owned(),
            key: key.to_owned(),
            fingerprint: [0; 32],
            expires_at: None,
        }),
        expected: None,
    };
    Pending::new(Box::new(Typed { use_case: Fill { cart_id, events }, outcome: None, reply }), envelope)
}

fn cart_id(number: u128) -> CartId {
    CartId::from_uuid(Uuid::from_u128(number))
}

/// As many of the commands as the batch takes.
fn decide(commands: Vec<Pending>, world: &mut World) -> Batch {
    let point = Point { position: SEEN, hash: Hash::ZERO };
    let mut batch = Batch::after(&Head { point, recorded_at: DateTime::UNIX_EPOCH }, DateTime::UNIX_EPOCH);
    for pending in commands {
        if !batch.is_full() {
            assert!(matches!(batch.take(pending, world), Taken::In));
        }
    }
    batch
}

fn empty() -> World {
    World::new(usize::MAX)
}

fn positions(batch: &Batch) -> Vec<i64> {
    let position = |waiting: &Waiting| match &waiting.verdict {
        Verdict::Accepted { position, .. } => position.0,
        Verdict::Rejected(rejection) => panic!("{rejection:?}"),
    };
    batch.waiting.iter().map(position).collect()
}

#[test]
fn a_batch_with_many_events_takes_no_further_command() {
    let commands = (0..5).map(|number| command(cart_id(number), vec![opened(); 2_000], None)).collect();
    let batch = decide(commands, &mut empty());
    assert_eq!((batch.waiting.len(), batch.draft.events().len()), (3, 6_000));
}

#[test]
fn a_batch_with_many_bytes_takes_no_further_command() {
    let commands = (0..20).map(|number| command(cart_id(number), vec![large()], None)).collect();
    let batch = decide(commands, &mut empty());
    let bytes: usize = batch.draft.events().iter().map(|event| event.payload.len() + event.metadata.len()).sum();
    assert!((BYTES_MAX..BYTES_MAX + (2 << 20)).contains(&bytes), "{bytes}");
    assert!(batch.waiting.len() < 20);
}

#[test]
fn a_command_that_changes_nothing_is_of_the_position_it_was_decided_on_and_so_is_its_key() {
    let commands = vec![
        command(cart_id(1), vec![opened()], Some("one")),
        command(cart_id(2), vec![], Some("none")),
        command(cart_id(3), vec![opened(); 2], Some("two")),
    ];
    let batch = decide(commands, &mut empty());
    assert_eq!(positions(&batch), [11, 11, 13]);
    assert_eq!(batch.draft.keys().iter().map(|key| key.position.0).collect::<Vec<_>>(), [11, 11, 13]);
    assert_eq!(batch.keys_to_look_up(), [("test".to_owned(), "none".to_owned())]);
}

#[test]
fn a_key_that_comes_twice_is_decided_once_and_looked_up_for_the_other() {
    let commands = (0..3).map(|number| command(cart_id(number), vec![opened()], Some("same"))).collect();
    let batch = decide(commands, &mut empty());
    assert_eq!((batch.waiting.len(), batch.draft.events().len(), batch.draft.keys().len()), (1, 1, 1));
    assert_eq!(batch.repeats.len(), 2);
    assert!(batch.repeats.iter().all(|pending| pending.look_up_key));
}

#[test]
fn a_stream_that_is_said_to_be_fresh_keeps_the_events_that_the_world_knows_of() {
    let mut world = empty();
    let mut entry = Entry::initial(&Cart::stream(Uuid::from_u128(1))).unwrap();
    entry.apply(&AnyEvent::Cart(opened()), DateTime::UNIX_EPOCH);
    world.put(Cart::stream(Uuid::from_u128(1)), entry);
    let batch = decide(vec![command(cart_id(1), vec![opened()], None)], &mut world);
    assert_eq!(batch.draft.events()[0].stream_version, 2);
}
