//! The book in the topics: all of it, in order, each event once; and the publisher that keeps at it.

use std::time::Duration;

use eventstore::publisher::{Publisher, PublisherState};
use eventstore::{HeadWatch, NewEvent, Position, StreamId};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::books::{TestBook, config, drain};
use super::topics::{check_book, topics};

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
