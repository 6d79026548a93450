//! A batch that is decided while another is on its way: it stands on what that one decided, no answer comes before its time,
//! and if the first one does not arrive the second is decided again. The first is held back by a lock on the table.

use commands::{
    command::{Answer, CommandError, Envelope},
    world::Held as _,
};
use domain::{
    aggregate::EventKind as _,
    cart::{self, Cart},
};
use eventstore::{Head, NewEvent};
use sqlx::{ConnectOptions as _, PgConnection};
use support::Database;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
};
use uuid::Uuid;

use super::{
    node::{Node, check_whole, envelope, keyed},
    shop::{currency, customer, sku, stocked},
    use_cases::{Left, Take, Watched},
};
use crate::book::insert_by_hand;

/// A command that was sent, each time it is decided, and its answer.
struct Sent {
    decided: UnboundedReceiver<()>,
    answer: JoinHandle<Result<Answer<Left>, CommandError>>,
}

impl Sent {
    fn take(node: &Node, quantity: i64, envelope: Envelope) -> Self {
        let (sender, decided) = unbounded_channel();
        let take = Watched { use_case: Take { sku: sku("MUG"), quantity }, decided: sender };
        let commands = node.commands.clone();
        Self { decided, answer: tokio::spawn(async move { commands.run(take, envelope).await }) }
    }

    async fn is_decided(&mut self) {
        self.decided.recv().await.expect("a command is decided before it is answered");
    }

    /// How often it was decided since that was last asked.
    fn times(&mut self) -> usize {
        std::iter::from_fn(|| self.decided.try_recv().ok()).count()
    }

    async fn left(&mut self) -> i64 {
        (&mut self.answer).await.unwrap().unwrap().outcome.left
    }
}

/// The node has ten mugs, and the next append waits until the lock is gone.
async fn held_back() -> (Database, Node, PgConnection) {
    let database = Database::fresh().await;
    let node = Node::start(&database).await;
    stocked(&node, "MUG", 10).await;
    let mut lock = database.owner_options().connect().await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE book.events IN SHARE MODE").execute(&mut lock).await.unwrap();
    (database, node, lock)
}

async fn release(lock: &mut PgConnection) {
    sqlx::raw_sql("COMMIT").execute(lock).await.unwrap();
}

/// The executor shares the test's only thread: what it has decided it has also sent by the time the test goes on.
#[tokio::test]
async fn what_is_decided_ahead_stands_on_what_is_under_way_and_is_answered_after_it() {
    let (_database, node, mut lock) = held_back().await;
    let mut first = Sent::take(&node, 3, envelope());
    first.is_decided().await;
    let mut second = Sent::take(&node, 2, envelope());
    second.is_decided().await;
    assert!(!first.answer.is_finished() && !second.answer.is_finished());
    release(&mut lock).await;
    assert_eq!((first.left().await, second.left().await), (7, 5));
    assert_eq!((first.times(), second.times()), (0, 0), "nothing is decided twice");
    check_whole(&node.book).await;
}

#[tokio::test]
async fn what_was_decided_on_a_batch_that_lost_its_race_is_decided_again() {
    let (_database, node, mut lock) = held_back().await;
    let mut first = Sent::take(&node, 3, envelope());
    first.is_decided().await;
    let mut second = Sent::take(&node, 2, envelope());
    second.is_decided().await;
    rival_append(&mut lock, &node.book.head().await.unwrap()).await;
    release(&mut lock).await;
    assert_eq!((first.left().await, second.left().await), (7, 5));
    assert!(first.times() >= 1 && second.times() >= 1, "both were decided on a head that was not the book's");
    check_whole(&node.book).await;
    super::world::check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn what_was_decided_on_data_that_the_database_refuses_is_decided_again_without_it() {
    let (_database, node, mut lock) = held_back().await;
    let mut refused = Sent::take(&node, 3, keyed(&"k".repeat(300), 1));
    refused.is_decided().await;
    let mut second = Sent::take(&node, 2, envelope());
    second.is_decided().await;
    release(&mut lock).await;
    let error = refused.answer.await.unwrap().unwrap_err();
    assert!(matches!(error, CommandError::Failed(_)), "{error:?}");
    assert_eq!(second.left().await, 8);
    super::world::check_equals_a_replay(&node).await;
}

#[tokio::test]
async fn a_key_that_is_under_way_is_answered_once_it_stands_and_not_used_twice() {
    let (_database, node, mut lock) = held_back().await;
    let mut first = Sent::take(&node, 3, keyed("once", 1));
    first.is_decided().await;
    let mut repeat = Sent::take(&node, 3, keyed("once", 1));
    let mut other = Sent::take(&node, 2, envelope());
    other.is_decided().await;
    release(&mut lock).await;
    let (answer, replayed) = (first.answer.await.unwrap().unwrap(), (&mut repeat.answer).await.unwrap().unwrap());
    assert!(replayed.replayed && !answer.replayed);
    assert_eq!((replayed.position, replayed.outcome.left), (answer.position, 7));
    assert_eq!((repeat.times(), other.left().await), (0, 5));
}

/// Another writer's event, at the position that the batch on its way was to take.
async fn rival_append(connection: &mut PgConnection, seen: &Head) {
    let opened = cart::Event::Opened(cart::Opened {
        customer_id: customer(1),
        guest: false,
        currency: currency(),
        opened_at: seen.recorded_at,
    });
    let event = NewEvent {
        stream: Cart::stream(Uuid::now_v7()),
        stream_version: 1,
        event_type: opened.event_type().into(),
        schema_version: opened.schema_version(),
        payload: opened.to_payload(),
        metadata: "{}".to_owned(),
    };
    insert_by_hand(connection, seen, &event, seen.recorded_at).await;
}
