//! A broker that is killed with `kill -9` while it is published to, and started again on the same data folder.
//!
//! The publisher stands still at a step meanwhile, so that each run kills the broker at the same moment. One moment is left
//! out: between the coordinator's decision to commit and the markers that say so in the topics, a broker that is its own
//! controller (Kafka 4.3.1, seen here) can note the transaction as complete and never write the markers. The topics stay shut to
//! readers of what is committed until an administrator ends the transaction; the publisher says so and waits.

use rustix::process::Signal;
use support::kafka::{Broker, mortal_broker};
use tokio::task::spawn_blocking;

use super::books::TestBook;
use super::crashes::Process;
use super::topics::check_book;

/// `kill -9`, by the id of this broker's own process.
async fn kill(mut broker: Broker) -> Broker {
    spawn_blocking(move || {
        broker.end();
        broker
    })
    .await
    .unwrap()
}

async fn killed_when_the_publisher_is(step: &str, mut broker: Broker) -> Broker {
    let prefix = format!("killed-{}", step.replace('_', "-"));
    let mut book = TestBook::with_events(200).await;
    let failpoint = format!("publisher.{step}:2:stop");
    let mut publisher = Process::start(&broker.address, &prefix, &book, Some(&failpoint));
    publisher.says("Running 200").await;
    book.append(3_000).await;
    publisher.freezes().await;
    broker = kill(broker).await;
    // The book goes on without the broker.
    book.append(300).await;
    broker.start_again().await;
    publisher.signal(Signal::CONT);
    publisher.says("Running 3500").await;
    check_book(&broker.address, &prefix, &book.book).await;
    book.append(100).await;
    publisher.says("Running 3600").await;
    check_book(&broker.address, &prefix, &book.book).await;
    broker
}

#[tokio::test]
async fn a_broker_killed_while_it_is_published_to_holds_each_event_once_and_in_order_when_it_is_back() {
    let Some(mut broker) = mortal_broker().await else { return };
    for step in ["before_produce", "after_produce", "after_acknowledgement"] {
        broker = killed_when_the_publisher_is(step, broker).await;
    }
    // Its end blocks for a moment.
    drop(kill(broker).await);
}
