//! One life of the producer: initialised, told where the topics end, publishing batch after batch, and dropped at the first error.
//! Everything here blocks its thread.

use rdkafka::producer::BaseRecord;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::batch::Batch;
use super::config::{Mode, PublisherConfig, RECORD_BYTES_MAX};
use super::error::{PublishError, Refusal};
use super::partition::partition_of;
use super::producer::Producer;
use super::progress::{self, Progress};
use super::record::Envelope;
use super::topics::Topics;
use crate::event::{Hash, RecordedEvent};
use crate::failpoint;

/// Headers and framing of a record beside payload and metadata, at most.
const RECORD_BYTES_BESIDE: usize = 16 * 1024;

pub(super) struct Session {
    book_id: Uuid,
    producer: Producer,
    topics: Topics,
    /// Where batches leave their progress; none where there are no transactions to keep it true.
    progress_topic: Option<String>,
}

impl Session {
    /// Fences whoever published before, and only then reads how far they came.
    pub(super) fn open(
        config: &PublisherConfig,
        book_id: Uuid,
        stop: &CancellationToken,
    ) -> Result<(Self, Option<Progress>), PublishError> {
        let producer = Producer::start(config, stop)?;
        let progress = match config.mode {
            Mode::ExactlyOnce => progress::read(config, stop)?,
            Mode::InProcess => None,
        };
        let partitions = progress.as_ref().map(|progress| progress.partitions.clone()).unwrap_or_default();
        let mut topics = Topics::known(config, partitions, producer.client(), stop)?;
        for category in &config.categories {
            topics.of(category, producer.client())?;
        }
        let progress_topic = (config.mode == Mode::ExactlyOnce).then(|| config.progress_topic());
        Ok((Self { book_id, producer, topics, progress_topic }, progress))
    }

    /// All of the batch and its progress, or, for readers of what is committed, nothing. After an error the session is of no use.
    pub(super) fn publish(&mut self, batch: &Batch) -> Result<(), PublishError> {
        self.topics.recheck(self.producer.client())?;
        // Topics are made outside of transactions.
        for event in &batch.events {
            self.topics.of(&event.stream.category, self.producer.client())?;
        }
        self.publish_in_transaction(batch).map_err(|error| self.producer.verdict(error))
    }

    fn publish_in_transaction(&mut self, batch: &Batch) -> Result<(), PublishError> {
        self.producer.begin()?;
        failpoint::reached("publisher.before_produce");
        let mut previous = batch.after.hash;
        for event in &batch.events {
            self.send(event, previous)?;
            previous = event.hash;
        }
        failpoint::reached("publisher.after_produce");
        self.send_progress(batch)?;
        self.producer.await_deliveries()?;
        failpoint::reached("publisher.after_acknowledgement");
        self.producer.commit()?;
        failpoint::reached("publisher.after_commit");
        Ok(())
    }

    fn send(&mut self, event: &RecordedEvent, previous: Hash) -> Result<(), PublishError> {
        let bytes = event.payload.len() + event.metadata.len();
        if bytes > RECORD_BYTES_MAX - RECORD_BYTES_BESIDE {
            return Err(Refusal::TooLarge { position: event.position, bytes }.into());
        }
        let (topic, partitions) = self.topics.of(&event.stream.category, self.producer.client())?;
        let envelope = Envelope::new(event, previous, self.book_id);
        self.producer.send(
            BaseRecord::to(&topic)
                .partition(partition_of(envelope.key.as_bytes(), partitions))
                .key(envelope.key.as_str())
                .payload(event.payload.as_str())
                .timestamp(event.recorded_at.timestamp_millis())
                .headers(envelope.kafka_headers()),
        )
    }

    fn send_progress(&mut self, batch: &Batch) -> Result<(), PublishError> {
        let (Some(topic), Some(end)) = (&self.progress_topic, batch.end()) else { return Ok(()) };
        let progress = Progress {
            book_id: self.book_id,
            position: end.position,
            hash: end.hash,
            partitions: self.topics.partitions().clone(),
        };
        let value = serde_json::to_string(&progress).expect("a map of text and numbers is JSON");
        self.producer
            .send(BaseRecord::to(topic).partition(progress::PARTITION).key(progress::KEY).payload(value.as_str()))
    }
}
