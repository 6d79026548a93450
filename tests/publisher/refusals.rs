//! What the publisher must not paper over: topics that are not this book's, or no longer what they were.

use std::time::Duration;

use eventstore::publisher::{PublishError, Publisher, PublisherState, Refusal};
use eventstore::{HeadWatch, Position};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::books::{TestBook, config, drain};
use super::topics::{admin, check_book, topics};

const WITHIN: Duration = Duration::from_secs(60);

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, PublishError>) -> Refusal {
    match result {
        Err(PublishError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_topics_of_another_book_are_refused_and_their_publisher_is_not_disturbed() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut theirs = TestBook::with_events(10).await;
    let ours = TestBook::of_its_own(10).await;
    let mut their_publisher = Publisher::new(config(kafka.brokers(), &prefix), theirs.book.clone());
    drain(&mut their_publisher).await.unwrap();

    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), ours.book.clone());
    let refusal = refusal(drain(&mut publisher).await);
    assert!(matches!(refusal, Refusal::AnotherBook { .. }), "{refusal}");

    theirs.append(5).await;
    assert_eq!(drain(&mut their_publisher).await.unwrap(), 5);
    check_book(kafka.brokers(), &prefix, &theirs.book).await;
}

#[tokio::test]
async fn topics_that_are_ahead_of_a_restored_book_are_refused() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(10).await;
    drain(&mut Publisher::new(config(kafka.brokers(), &prefix), book.book.clone())).await.unwrap();
    book.go_back_to(6).await;
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    let found = refusal(drain(&mut publisher).await);
    assert!(matches!(found, Refusal::AheadOfBook { published: Position(10), head: Position(6), .. }), "{found}");

    // The same positions again, with other events.
    book.append(20).await;
    let found = refusal(drain(&mut publisher).await);
    assert!(matches!(found, Refusal::AnotherHistory { position: Position(10), .. }), "{found}");
}

#[tokio::test]
async fn a_publisher_whose_book_goes_back_while_it_runs_stops_and_says_why() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(10).await;
    let publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    let mut status = publisher.status();
    let running = tokio::spawn(publisher.run(HeadWatch::new(), CancellationToken::new()));
    timeout(WITHIN, status.wait_for(|status| status.published == Position(10))).await.unwrap().unwrap();
    book.go_back_to(6).await;
    timeout(WITHIN, running).await.unwrap().unwrap();
    let PublisherState::Refused { reason } = status.borrow().state.clone() else { panic!("not refused") };
    assert!(reason.contains("position 10") && reason.contains("ends at 6"), "{reason}");
}

#[tokio::test]
async fn a_changed_partition_count_is_refused() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let book = TestBook::with_events(10).await;
    drain(&mut Publisher::new(config(kafka.brokers(), &prefix), book.book.clone())).await.unwrap();
    let topic = format!("{prefix}.order");
    let more = NewPartitions::new(&topic, 5);
    admin(kafka.brokers()).create_partitions([&more], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    let found = refusal(drain(&mut publisher).await);
    assert!(matches!(found, Refusal::PartitionsChanged { created: 4, found: 5, .. }), "{found}");
}

#[tokio::test]
async fn a_topic_that_is_gone_is_refused_rather_than_filled_from_the_middle() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let book = TestBook::with_events(10).await;
    drain(&mut Publisher::new(config(kafka.brokers(), &prefix), book.book.clone())).await.unwrap();
    let topic = format!("{prefix}.order");
    admin(kafka.brokers()).delete_topics(&[&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    let found = refusal(drain(&mut publisher).await);
    assert!(matches!(found, Refusal::TopicGone { created: 4, .. }), "{found}");
}

#[tokio::test]
async fn a_topic_that_holds_records_of_somebody_else_is_refused() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let topic = format!("{prefix}.order");
    let new = NewTopic::new(&topic, 2, TopicReplication::Fixed(1));
    admin(kafka.brokers()).create_topics([&new], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    put(kafka.brokers(), &topic, "theirs");

    let book = TestBook::with_events(10).await;
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    let found = refusal(drain(&mut publisher).await);
    assert!(matches!(&found, Refusal::NotEmpty { topic: found } if *found == topic), "{found}");
}

#[tokio::test]
async fn an_empty_topic_that_was_made_beforehand_keeps_its_partition_count() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let topic = format!("{prefix}.order");
    let new = NewTopic::new(&topic, 7, TopicReplication::Fixed(1));
    admin(kafka.brokers()).create_topics([&new], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    let book = TestBook::with_events(100).await;
    drain(&mut Publisher::new(config(kafka.brokers(), &prefix), book.book.clone())).await.unwrap();
    assert_eq!(topics(kafka.brokers(), &prefix)[&topic], 7);
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn progress_that_cannot_be_understood_is_refused() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let book = TestBook::with_events(10).await;
    drain(&mut Publisher::new(config(kafka.brokers(), &prefix), book.book.clone())).await.unwrap();
    put(kafka.brokers(), &config(kafka.brokers(), &prefix).progress_topic(), "somewhere near the end");
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    let found = refusal(drain(&mut publisher).await);
    assert!(matches!(found, Refusal::Progress { .. }), "{found}");
}

fn put(brokers: &str, topic: &str, value: &str) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    producer.send(BaseRecord::to(topic).key("key").payload(value)).unwrap();
    producer.flush(WITHIN).unwrap();
}
