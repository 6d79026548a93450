//! What is in the topics, read as a stranger would, and compared with the book.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use eventstore::publisher::partition_of;
use eventstore::{Book, Hash, Position, RecordedEvent, StreamId};
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use uuid::Uuid;

const WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a consumer is shown.
const COMMITTED: &str = "read_committed";
const UNCOMMITTED: &str = "read_uncommitted";

struct Record {
    topic: String,
    partition: i32,
    key: String,
    value: String,
    headers: BTreeMap<String, String>,
    timestamp_ms: i64,
}

impl Record {
    fn new(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
        let headers = message
            .headers()
            .map(|headers| headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect());
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            key: text(message.key()),
            value: text(message.payload()),
            headers: headers.unwrap_or_default(),
            timestamp_ms: message.timestamp().to_millis().unwrap(),
        }
    }

    fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, header: &str) -> T {
        self.headers[header].parse().unwrap()
    }

    /// The event, from the record alone.
    fn event(&self) -> RecordedEvent {
        let (category, id) = self.headers["ce_subject"].split_once('-').unwrap();
        assert_eq!(id, self.key);
        RecordedEvent {
            position: Position(self.number("ce_position")),
            stream: StreamId { category: category.to_owned().into(), id: self.key.parse::<Uuid>().unwrap() },
            stream_version: self.number("ce_streamversion"),
            event_type: self.headers["ce_type"].clone(),
            schema_version: self.number("ce_schemaversion"),
            payload: self.value.clone(),
            metadata: self.headers["ce_metadata"].clone(),
            recorded_at: DateTime::parse_from_rfc3339(&self.headers["ce_time"]).unwrap().with_timezone(&Utc),
            hash: hash(&self.headers["ce_hash"]),
        }
    }
}

fn hash(text: &str) -> Hash {
    assert_eq!(text.len(), 64);
    Hash(std::array::from_fn(|index| u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).unwrap()))
}

pub(super) fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

fn consumer(brokers: &str, isolation: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "10")
        .set("isolation.level", isolation)
        .create()
        .unwrap()
}

/// The topics that begin with the prefix and how many partitions each has, the progress topic left out.
pub(super) fn topics(brokers: &str, prefix: &str) -> BTreeMap<String, i32> {
    let metadata = consumer(brokers, COMMITTED).fetch_metadata(None, WITHIN).unwrap();
    let ours = metadata.topics().iter().filter(|topic| topic.name().starts_with(&format!("{prefix}.")));
    ours.filter(|topic| !topic.name().ends_with(".publisher-progress"))
        .map(|topic| (topic.name().to_owned(), i32::try_from(topic.partitions().len()).unwrap()))
        .collect()
}

/// A broker answers a commit before each partition has been told of it. Until then a reader of committed records is shown an
/// end before those records.
fn until_settled(brokers: &str, topics: &BTreeMap<String, i32>) {
    let (committed, all) = (consumer(brokers, COMMITTED), consumer(brokers, UNCOMMITTED));
    let end = |consumer: &BaseConsumer, topic: &str, partition| {
        consumer.fetch_watermarks(topic, partition, WITHIN).unwrap().1
    };
    let asked = Instant::now();
    for (topic, partitions) in topics {
        for partition in 0..*partitions {
            while end(&committed, topic, partition) < end(&all, topic, partition) {
                assert!(asked.elapsed() < WITHIN, "a transaction in partition {partition} of {topic} stays open");
                sleep(LOOK_AGAIN);
            }
        }
    }
}

/// All committed records of some topics, each partition's in order.
fn records(brokers: &str, topics: &BTreeMap<String, i32>) -> Vec<Record> {
    until_settled(brokers, topics);
    let consumer = consumer(brokers, COMMITTED);
    let mut assignment = TopicPartitionList::new();
    for (topic, partitions) in topics {
        for partition in 0..*partitions {
            assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
    }
    consumer.assign(&assignment).unwrap();
    let asked = Instant::now();
    let mut records = Vec::new();
    let mut ended = 0;
    while ended < assignment.count() {
        assert!(asked.elapsed() < WITHIN, "the topics were not read to their ends");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => records.push(Record::new(&message)),
            // Once a partition, of whichever topic: nobody publishes any more.
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
    records
}

/// How many committed records there are under a prefix.
pub(crate) fn count_records(brokers: &str, prefix: &str) -> usize {
    records(brokers, &topics(brokers, prefix)).len()
}

/// Every topic holds exactly the book's events of its category, each once, in order, and each record proves itself.
fn check(brokers: &str, prefix: &str, book_id: Uuid, title: Hash, events: &[RecordedEvent]) {
    let topics = topics(brokers, prefix);
    let mut published = BTreeMap::new();
    let mut last = BTreeMap::new();
    for record in records(brokers, &topics) {
        let event = record.event();
        let topic = &record.topic;
        assert_eq!(*topic, format!("{prefix}.{}", event.stream.category));
        assert_eq!(record.partition, partition_of(record.key.as_bytes(), topics[topic]));
        let before = last.insert((topic.clone(), record.partition), event.position);
        assert!(before < Some(event.position), "{topic}: {} after {before:?}", event.position);
        assert_eq!(event.hash_after(hash(&record.headers["ce_previoushash"])), event.hash, "a record proves itself");
        assert_eq!(record.headers["ce_source"], format!("urn:uuid:{book_id}"));
        assert_eq!(record.headers["ce_id"], event.position.to_string());
        assert_eq!(record.headers["content-type"], "application/json");
        assert_eq!(record.timestamp_ms, event.recorded_at.timestamp_millis());
        assert!(published.insert(event.position, record).is_none(), "position {} is there twice", event.position);
    }
    assert_eq!(published.len(), events.len(), "as many records as events");
    let mut previous = title;
    for (event, record) in events.iter().zip(published.values()) {
        let found = record.event();
        assert_eq!((found.position, found.hash), (event.position, event.hash));
        assert_eq!((&found.payload, &found.metadata), (&event.payload, &event.metadata));
        assert_eq!(hash(&record.headers["ce_previoushash"]), previous);
        previous = event.hash;
    }
}

/// As `check`, of the whole book.
pub(crate) async fn check_book(brokers: &str, prefix: &str, book: &Book) {
    let title = book.title().await.unwrap();
    let events = book.page(Position::TITLE, i64::MAX - 1).await.unwrap();
    let (brokers, prefix) = (brokers.to_owned(), prefix.to_owned());
    tokio::task::spawn_blocking(move || check(&brokers, &prefix, title.book_id, title.hash, &events)).await.unwrap();
}
