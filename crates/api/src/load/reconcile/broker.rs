//! Reads the topics of a Kafka from their beginning, a partition apart, as the records that [`topics`](super::topics) compares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use domain::registry::CATEGORIES;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::metadata::Metadata;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::topics::{Record, Topic};

/// Record headers that the publisher writes.
const POSITION_HEADER: &str = "ce_position";
const HASH_HEADER: &str = "ce_hash";

const METADATA_WITHIN: Duration = Duration::from_secs(10);
const TOPICS_WITHIN: Duration = Duration::from_secs(15);
/// A partition answers with records, or with its end, within this time.
const RECORDS_WITHIN: Duration = Duration::from_secs(30);
const POLL_FOR: Duration = Duration::from_millis(100);
/// Fetched ahead and held a partition: with a hundred partitions, 50 MB.
const PREFETCH_KB: &str = "512";

#[derive(Debug, thiserror::Error)]
pub(super) enum BrokerError {
    #[error("the broker cannot be read")]
    Kafka(#[from] KafkaError),
    #[error("partition {partition} of {topic} does not answer within {} s", RECORDS_WITHIN.as_secs())]
    Silent { topic: String, partition: i32 },
    #[error("the record at offset {offset} of partition {partition} of {topic} has no usable {header}")]
    Header { topic: String, partition: i32, offset: i64, header: &'static str },
}

pub(super) type Records = PartitionRecords;

/// The topics of the prefix, by category, each at its beginning.
pub(super) fn open(address: &str, prefix: &str) -> Result<BTreeMap<String, Topic<Records>>, BrokerError> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        // Required by librdkafka; nothing is committed and no group is joined.
        .set("group.id", "daybook-load")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .set("queued.max.messages.kbytes", PREFETCH_KB)
        .create()?;
    let metadata = metadata(&consumer, prefix)?;
    let mut topics = Vec::new();
    let mut assignment = TopicPartitionList::new();
    for topic in metadata.topics() {
        let category = topic.name().strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
        // Beside them lies what the publisher notes for itself.
        let Some(category) = category.filter(|category| CATEGORIES.contains(category)) else { continue };
        for partition in topic.partitions() {
            assignment.add_partition_offset(topic.name(), partition.id(), Offset::Beginning)?;
        }
        topics.push((category.to_owned(), topic.name().to_owned(), topic.partitions().len()));
    }
    consumer.assign(&assignment)?;
    let consumer = Arc::new(consumer);
    let mut opened = BTreeMap::new();
    for (category, name, partitions) in topics {
        let count = i32::try_from(partitions).expect("partitions are numbered by i32");
        let records = (0..count).filter_map(|partition| PartitionRecords::of(&consumer, &name, partition));
        opened.insert(category, Topic::new(name.clone(), records));
    }
    Ok(opened)
}

/// Of a broker on which the publisher has made the topics of every category. One that stays missing is no matter before an
/// event is looked for in it.
fn metadata(consumer: &BaseConsumer, prefix: &str) -> Result<Metadata, KafkaError> {
    let deadline = Instant::now() + TOPICS_WITHIN;
    loop {
        let metadata = consumer.fetch_metadata(None, METADATA_WITHIN)?;
        let there =
            |category: &&str| metadata.topics().iter().any(|topic| topic.name() == format!("{prefix}.{category}"));
        if CATEGORIES.iter().all(there) || Instant::now() > deadline {
            return Ok(metadata);
        }
        sleep(POLL_FOR);
    }
}

/// The records of one partition. `None` at its end; later there may be more.
pub(super) struct PartitionRecords {
    queue: PartitionQueue<DefaultConsumerContext>,
    consumer: Arc<BaseConsumer>,
    topic: String,
    partition: i32,
    at_end: bool,
}

impl PartitionRecords {
    fn of(consumer: &Arc<BaseConsumer>, topic: &str, partition: i32) -> Option<Self> {
        let queue = consumer.split_partition_queue(topic, partition)?;
        Some(Self { queue, consumer: Arc::clone(consumer), topic: topic.to_owned(), partition, at_end: false })
    }

    fn record(&self, message: &BorrowedMessage<'_>) -> Result<Record, BrokerError> {
        let header = |name: &'static str| {
            let found = message.headers().and_then(|headers| headers.iter().find(|header| header.key == name));
            let text = found.and_then(|header| header.value).and_then(|value| std::str::from_utf8(value).ok());
            text.ok_or_else(|| self.bad_header(message.offset(), name))
        };
        let position = header(POSITION_HEADER)?;
        Ok(Record {
            position: position.parse().map_err(|_| self.bad_header(message.offset(), POSITION_HEADER))?,
            key: message.key().unwrap_or_default().to_vec(),
            hash: header(HASH_HEADER)?.to_owned(),
            payload: message.payload().unwrap_or_default().to_vec(),
        })
    }

    fn bad_header(&self, offset: i64, header: &'static str) -> BrokerError {
        BrokerError::Header { topic: self.topic.clone(), partition: self.partition, offset, header }
    }
}

impl Iterator for PartitionRecords {
    type Item = Result<Record, BrokerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let deadline = Instant::now() + RECORDS_WITHIN;
        loop {
            let wait = if self.at_end { Duration::ZERO } else { POLL_FOR };
            match self.queue.poll(wait) {
                Some(Ok(message)) => {
                    // Another end is told once it is reached again.
                    self.at_end = false;
                    return Some(self.record(&message));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => self.at_end = true,
                Some(Err(error)) => return Some(Err(error.into())),
                None if self.at_end => return None,
                None if Instant::now() > deadline => {
                    let (topic, partition) = (self.topic.clone(), self.partition);
                    return Some(Err(BrokerError::Silent { topic, partition }));
                }
                // Serves what concerns the whole consumer; no record comes this way.
                None => drop(self.consumer.poll(Duration::ZERO)),
            }
        }
    }
}
