//! The topics and their partition counts: made when missing, remembered as they were first found, refused when they changed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::thread;
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::client::{self, Isolation, Log};
use super::config::{Mode, PROGRESS, PublisherConfig, RECHECK_TOPICS, RECORD_BYTES_MAX, REQUEST_TIMEOUT};
use super::error::{PublishError, Refusal};
use super::patience::Patience;
use super::producer::Deliveries;
use super::progress;
use super::reading::Reader;

/// Between asking for a topic and seeing it in the broker's metadata.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(20);

/// The longest name that Kafka takes.
const NAME_BYTES_MAX: usize = 249;

/// With fewer replicas in sync a write is refused rather than kept by one broker alone.
const MIN_INSYNC_REPLICAS: &str = "2";
const REPLICATION_FOR_MIN_INSYNC: i16 = 3;

/// A compacted topic is compacted segment by segment: small ones, or it grows by a gigabyte before the first.
const PROGRESS_SEGMENT_BYTES: &str = "16777216";

pub(super) struct Topics {
    config: PublisherConfig,
    stop: CancellationToken,
    /// By topic: what goes into the record of progress.
    partitions: BTreeMap<String, i32>,
    checked: Instant,
}

impl Topics {
    /// The topics of a history that goes on: all of them are still there as they were.
    pub(super) fn known(
        config: &PublisherConfig,
        partitions: BTreeMap<String, i32>,
        kafka: &Client<Deliveries>,
        stop: &CancellationToken,
    ) -> Result<Self, PublishError> {
        let topics = Self { config: config.clone(), stop: stop.clone(), partitions, checked: Instant::now() };
        topics.check(kafka)?;
        Ok(topics)
    }

    pub(super) fn partitions(&self) -> &BTreeMap<String, i32> {
        &self.partitions
    }

    /// The topic of a category and its partition count. Makes the topic if it is not there; one that is there and was not
    /// published to before must not hold anything yet.
    pub(super) fn of(&mut self, category: &str, kafka: &Client<Deliveries>) -> Result<(String, i32), PublishError> {
        let topic = self.config.topic(category);
        if let Some(partitions) = self.partitions.get(&topic) {
            return Ok((topic, *partitions));
        }
        if !is_topic_name(&topic) || category == PROGRESS {
            return Err(Refusal::TopicName { topic }.into());
        }
        let partitions = match self.config.mode {
            Mode::InProcess => self.appear(&topic, kafka)?,
            Mode::ExactlyOnce => self.adopt(&topic, kafka)?,
        };
        tracing::info!(kafka.topic = topic, kafka.partitions = partitions, "publishing to a new topic");
        self.partitions.insert(topic.clone(), partitions);
        Ok((topic, partitions))
    }

    /// Looks now and then whether somebody has changed a partition count: a key would be in another partition for everybody else.
    pub(super) fn recheck(&mut self, kafka: &Client<Deliveries>) -> Result<(), PublishError> {
        if self.checked.elapsed() >= RECHECK_TOPICS {
            self.check(kafka)?;
            self.checked = Instant::now();
        }
        Ok(())
    }

    fn check(&self, kafka: &Client<Deliveries>) -> Result<(), PublishError> {
        for (topic, created) in &self.partitions {
            let (topic, created) = (topic.clone(), *created);
            match partitions_of(&topic, kafka)? {
                Some(found) if found == created => {}
                Some(found) => return Err(Refusal::PartitionsChanged { topic, created, found }.into()),
                None => return Err(Refusal::TopicGone { topic, created }.into()),
            }
        }
        Ok(())
    }

    fn adopt(&self, topic: &str, kafka: &Client<Deliveries>) -> Result<i32, PublishError> {
        if let Some(partitions) = partitions_of(topic, kafka)? {
            self.require_empty(topic, partitions)?;
            return Ok(partitions);
        }
        let bytes = RECORD_BYTES_MAX.to_string();
        let mut new = self
            .new_topic(topic, self.config.partitions)
            // The whole history stays, whatever the broker does by default.
            .set("retention.ms", "-1")
            .set("retention.bytes", "-1")
            .set("max.message.bytes", &bytes)
            // `recorded_at` is the book's time. A broker whose clock is behind must not refuse it.
            .set("message.timestamp.after.max.ms", "9223372036854775807");
        if self.config.replication >= REPLICATION_FOR_MIN_INSYNC {
            new = new.set("min.insync.replicas", MIN_INSYNC_REPLICAS);
        }
        create(&self.config, &new)?;
        self.appear(topic, kafka)
    }

    /// Waits until the broker's metadata shows the topic.
    fn appear(&self, topic: &str, kafka: &Client<Deliveries>) -> Result<i32, PublishError> {
        let mut patience = Patience::new("show a new topic", REQUEST_TIMEOUT, &self.stop);
        loop {
            if let Some(partitions) = partitions_of(topic, kafka)? {
                return Ok(partitions);
            }
            patience.slice()?;
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// A first try that failed leaves aborted records behind. They are no history.
    fn require_empty(&self, topic: &str, partitions: i32) -> Result<(), PublishError> {
        let committed = Reader::new(&self.config, Isolation::Committed, &self.stop)?;
        for partition in 0..partitions {
            let mut empty = true;
            committed.records(topic, partition, committed.ends(topic, partition)?, |_| {
                empty = false;
                ControlFlow::Break(())
            })?;
            if !empty {
                return Err(Refusal::NotEmpty { topic: topic.to_owned() }.into());
            }
        }
        Ok(())
    }

    fn new_topic<'a>(&self, topic: &'a str, partitions: i32) -> NewTopic<'a> {
        NewTopic::new(topic, partitions, TopicReplication::Fixed(self.config.replication.into()))
    }
}

/// Makes the progress topic if it is not there.
pub(super) fn make_progress_topic(
    config: &PublisherConfig,
    kafka: &Client<Log>,
    stop: &CancellationToken,
) -> Result<(), PublishError> {
    let topic = config.progress_topic();
    if !is_topic_name(&topic) {
        return Err(Refusal::TopicName { topic }.into());
    }
    let mut patience = Patience::new("show the progress topic", REQUEST_TIMEOUT, stop);
    let mut asked = false;
    loop {
        match partitions_of(&topic, kafka)? {
            Some(1) => return Ok(()),
            Some(found) => {
                return Err(Refusal::PartitionsChanged { topic, created: progress::PARTITION + 1, found }.into());
            }
            None if asked => {
                patience.slice()?;
                thread::sleep(LOOK_AGAIN);
            }
            None => {
                let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(config.replication.into()))
                    .set("cleanup.policy", "compact")
                    .set("segment.bytes", PROGRESS_SEGMENT_BYTES);
                create(config, &new)?;
                asked = true;
            }
        }
    }
}

fn create(config: &PublisherConfig, new: &NewTopic<'_>) -> Result<(), PublishError> {
    let failed = PublishError::broker("create a topic");
    let admin: AdminClient<Log> = match client::common(config).create_with_context(Log) {
        Ok(admin) => admin,
        Err(error) => return Err(failed(error)),
    };
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT));
    // Called on a thread that may block.
    let answers = match Handle::current().block_on(admin.create_topics([new], &options)) {
        Ok(answers) => answers,
        Err(error) => return Err(failed(error)),
    };
    match answers.into_iter().next() {
        // Another publisher was first. It made it with the same settings or is about to be fenced.
        None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => Err(failed(KafkaError::AdminOp(code))),
    }
}

/// None where there is no such topic.
fn partitions_of<C: ClientContext>(topic: &str, kafka: &Client<C>) -> Result<Option<i32>, PublishError> {
    let failed = PublishError::broker("describe a topic");
    let metadata = match kafka.fetch_metadata(Some(topic), REQUEST_TIMEOUT) {
        Ok(metadata) => metadata,
        Err(error) => return Err(failed(error)),
    };
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
    match found.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(i32::try_from(found.partitions().len()).expect("Kafka counts partitions in an i32"))),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::LeaderNotAvailable) => Ok(None),
        Some(code) => Err(failed(KafkaError::MetadataFetch(code))),
    }
}

fn is_topic_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}
