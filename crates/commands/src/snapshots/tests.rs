//! When a snapshot is due, and how large one may be.

use chrono::DateTime;
use domain::aggregate::{Aggregate as _, UnreadableEvent, fold};
use domain::ids::{Location, OrderId, Quantity, Sku};
use domain::inventory::{Event, Inventory, Reserved};
use eventstore::{Hash, Position};
use uuid::Uuid;

use super::*;
use crate::world::Held as _;

/// Stock with so many reservations, as it stands at a version.
fn stock(reservations: u128, version: i64) -> Entry {
    let reserved = |order| {
        Event::Reserved(Reserved {
            sku: Sku::new("MUG").unwrap(),
            location: Location::main(),
            order_id: OrderId::from_uuid(Uuid::from_u128(order)),
            quantity: Quantity::ONE,
            expires_at: DateTime::UNIX_EPOCH,
        })
    };
    let events: Vec<Event> = (0..reservations).map(reserved).collect();
    let mut entry = Entry::initial(&stream()).unwrap();
    entry.version = version;
    entry.state = Ok(Inventory::any(fold::<Inventory>(Inventory::initial(), &events)));
    entry
}

fn stream() -> StreamId {
    Inventory::stream(Uuid::nil())
}

fn queue() -> (SnapshotQueue, mpsc::Receiver<Job>) {
    let (sender, jobs) = mpsc::channel(1);
    (SnapshotQueue { jobs: sender, every: SNAPSHOT_EVERY }, jobs)
}

const LAST: Point = Point { position: Position(1), hash: Hash::ZERO };

#[test]
fn a_snapshot_is_due_when_the_stream_has_grown_enough_since_the_last() {
    let (queue, _jobs) = queue();
    assert!(!queue.is_due(&stock(1, SNAPSHOT_EVERY - 1)));
    let mut entry = stock(1, SNAPSHOT_EVERY);
    assert!(queue.is_due(&entry));
    entry.snapshot_version = 1;
    assert!(!queue.is_due(&entry));
}

#[test]
fn the_larger_a_state_the_rarer_its_snapshots_and_beyond_a_size_it_has_none() {
    let (queue, _jobs) = queue();
    // Each reservation weighs 32 bytes.
    let four_terms = 4 * STATE_BYTES_A_TERM as u128 / 32;
    let grown = |terms: i64| stock(four_terms, terms * SNAPSHOT_EVERY);
    assert!(!queue.is_due(&grown(3)) && queue.is_due(&grown(4)));
    let too_many = STATE_BYTES_MAX as u128 / 32;
    assert!(!queue.is_due(&stock(too_many, i64::MAX)));
}

#[test]
fn a_stream_that_cannot_be_read_has_no_snapshot() {
    let (queue, _jobs) = queue();
    let mut entry = stock(1, SNAPSHOT_EVERY);
    entry.state = Err(UnreadableEvent::UnknownType { event_type: "inventory.lost".to_owned() });
    assert!(!queue.is_due(&entry));
}

#[test]
fn what_finds_no_room_is_offered_again() {
    let (queue, mut jobs) = queue();
    let (mut first, mut second) = (stock(1, SNAPSHOT_EVERY), stock(1, SNAPSHOT_EVERY));
    queue.offer(&stream(), &mut first, LAST);
    queue.offer(&stream(), &mut second, LAST);
    assert_eq!((first.snapshot_version, second.snapshot_version), (SNAPSHOT_EVERY, 0));
    assert!(jobs.try_recv().is_ok());
    queue.offer(&stream(), &mut second, LAST);
    assert_eq!(second.snapshot_version, SNAPSHOT_EVERY);
}

#[test]
fn a_state_is_written_up_to_a_size_and_read_back_as_it_was() {
    let entry = stock(30_000, 1);
    let Ok(state) = &entry.state else { panic!("{entry:?}") };
    let bytes = written(state).unwrap();
    assert!(bytes.len() <= STATE_BYTES_MAX);
    let read = AnyState::read(Inventory::CATEGORY, &bytes).unwrap();
    assert_eq!(Inventory::held(&read).unwrap(), Inventory::held(state).unwrap());
    let Ok(larger) = stock(60_000, 1).state else { panic!("it was just made") };
    assert!(written(&larger).is_none());
}
