//! The book in the topics: all of it, in order, each event once; and the publisher that keeps at it.

use std::time::Duration;

use eventstore::publisher::{Publisher, PublisherState};
use eventstore::{HeadWatch, NewEvent, Position, StreamId};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::books::{TestBook, config, drain};
use super::topics::{admin, check_book, topics};

const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_topic_holds_exactly_the_events_of_its_category_in_order() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(1_000).await;
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    assert_eq!(drain(&mut publisher).await.unwrap(), 1_000);
    check_book(kafka.brokers(), &prefix, &book.book).await;

    book.append(500).await;
    assert_eq!(drain(&mut publisher).await.unwrap(), 500);
    assert_eq!(drain(&mut publisher).await.unwrap(), 0);
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn a_publisher_that_is_started_again_goes_on_where_the_topics_end() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(100).await;
    for appended in [0, 50, 1] {
        book.append(appended).await;
        let expected = if appended == 0 { 100 } else { appended };
        let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
        assert_eq!(drain(&mut publisher).await.unwrap(), expected);
    }
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn topics_are_there_before_their_first_event_and_those_of_new_categories_with_it() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(0).await;
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    assert_eq!(drain(&mut publisher).await.unwrap(), 0);
    let names = |topics: Vec<String>| topics.into_iter().map(|topic| topic.replace(&prefix, "")).collect::<Vec<_>>();
    let found = names(topics(kafka.brokers(), &prefix).into_keys().collect());
    assert_eq!(found, [".cart", ".order", ".payment"]);

    let unheard_of = NewEvent {
        stream: StreamId::new("parcel", Uuid::from_u128(1)),
        stream_version: 1,
        event_type: "parcel.found".into(),
        schema_version: 1,
        payload: "{}".to_owned(),
        metadata: "{}".to_owned(),
    };
    book.append_batch(&[unheard_of]).await;
    assert_eq!(drain(&mut publisher).await.unwrap(), 1);
    let found = names(topics(kafka.brokers(), &prefix).into_keys().collect());
    assert_eq!(found, [".cart", ".order", ".parcel", ".payment"]);
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn a_running_publisher_keeps_up_and_stops_when_told() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(10).await;
    let publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    let mut status = publisher.status();
    let (heads, stop) = (HeadWatch::new(), CancellationToken::new());
    let running = tokio::spawn(publisher.run(heads.clone(), stop.clone()));
    for position in [10, 11, 30] {
        let published = usize::try_from(status.borrow().published.0).unwrap().max(10);
        book.append(usize::try_from(position).unwrap() - published).await;
        heads.publish(Position(position));
        let caught_up = status.wait_for(|status| status.published == Position(position));
        let status = timeout(WITHIN, caught_up).await.unwrap().unwrap();
        assert_eq!((status.state.clone(), status.lag_events()), (PublisherState::Running, 0));
    }
    stop.cancel();
    timeout(WITHIN, running).await.unwrap().unwrap();
    assert_eq!(status.borrow().state, PublisherState::Stopped);
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn a_publisher_without_a_broker_says_so_measures_its_lag_and_stops_when_told() {
    let book = TestBook::with_events(10).await;
    let publisher = Publisher::new(config("127.0.0.1:1", "nowhere"), book.book.clone());
    let mut status = publisher.status();
    let stop = CancellationToken::new();
    let running = tokio::spawn(publisher.run(HeadWatch::new(), stop.clone()));
    let behind =
        status.wait_for(|status| matches!(status.state, PublisherState::Retrying { .. }) && status.head.0 == 10);
    let seen = timeout(WITHIN, behind).await.unwrap().unwrap().clone();
    assert_eq!(seen.lag_events(), 10);
    assert!(seen.waiting_since.is_some());
    stop.cancel();
    timeout(WITHIN, running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_record_that_the_broker_does_not_take_is_waited_for_and_not_passed_over() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let topic = format!("{prefix}.order");
    let new = NewTopic::new(&topic, 2, TopicReplication::Fixed(1)).set("max.message.bytes", "4000");
    admin(kafka.brokers()).create_topics([&new], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    let mut book = TestBook::with_events(9).await;
    // Nothing that could be compressed.
    let noise: String = std::iter::repeat_with(|| Uuid::new_v4().simple().to_string()).take(500).collect();
    let large = NewEvent {
        stream: StreamId::new("order", Uuid::from_u128(1)),
        stream_version: 1,
        event_type: "order.grown".into(),
        schema_version: 1,
        payload: format!("\"{noise}\""),
        metadata: "{}".to_owned(),
    };
    book.append_batch(&[large]).await;
    book.append(10).await;

    let publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    let mut status = publisher.status();
    let stop = CancellationToken::new();
    let running = tokio::spawn(publisher.run(HeadWatch::new(), stop.clone()));
    // In ever smaller batches, up to the one that is too large.
    let before =
        status.wait_for(|status| status.published.0 == 9 && matches!(status.state, PublisherState::Retrying { .. }));
    let reason = format!("{:?}", timeout(WITHIN, before).await.unwrap().unwrap().state);
    assert!(reason.contains("MessageSizeTooLarge"), "{reason}");

    let larger = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", "1000000");
    admin(kafka.brokers()).alter_configs([&larger], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    timeout(WITHIN, status.wait_for(|status| status.published.0 == 20)).await.unwrap().unwrap();
    stop.cancel();
    timeout(WITHIN, running).await.unwrap().unwrap();
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn the_progress_is_found_behind_any_number_of_records_that_were_never_committed() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(10).await;
    drain(&mut Publisher::new(config(kafka.brokers(), &prefix), book.book.clone())).await.unwrap();
    let progress = config(kafka.brokers(), &prefix).progress_topic();
    let brokers = kafka.brokers();
    tokio::task::spawn_blocking(move || abort_records(brokers, &progress, 3_000)).await.unwrap();
    book.append(10).await;
    assert_eq!(drain(&mut Publisher::new(config(brokers, &prefix), book.book.clone())).await.unwrap(), 10);
    check_book(brokers, &prefix, &book.book).await;
}

fn abort_records(brokers: &str, topic: &str, records: usize) {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("transactional.id", format!("{topic}.test"))
        .create()
        .unwrap();
    producer.init_transactions(WITHIN).unwrap();
    producer.begin_transaction().unwrap();
    for _record in 0..records {
        producer.send(BaseRecord::to(topic).key("progress").payload("never seen")).unwrap();
    }
    producer.flush(WITHIN).unwrap();
    producer.abort_transaction(WITHIN).unwrap();
}
