//! Reading back what a topic holds: its ends, and its records from an offset on.

use std::ops::ControlFlow;

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::client::{self, Isolation, Log};
use super::config::{PublisherConfig, REQUEST_TIMEOUT};
use super::error::PublishError;
use super::patience::Patience;

/// The offsets between which a partition has records, the first and the one after the last. Markers and aborted records take
/// offsets too: `first < end` does not say that there is anything to see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) first: i64,
    pub(super) end: i64,
}

pub(super) struct Reader {
    consumer: BaseConsumer<Log>,
    stop: CancellationToken,
}

impl Reader {
    pub(super) fn new(
        config: &PublisherConfig,
        isolation: Isolation,
        stop: &CancellationToken,
    ) -> Result<Self, PublishError> {
        let consumer = client::consumer(config, isolation).map_err(PublishError::broker("make a consumer"))?;
        Ok(Self { consumer, stop: stop.clone() })
    }

    pub(super) fn client(&self) -> &Client<Log> {
        self.consumer.client()
    }

    /// For a reader of committed records the end is that of the last transaction before the first open one.
    pub(super) fn ends(&self, topic: &str, partition: i32) -> Result<Ends, PublishError> {
        let (first, end) = self
            .consumer
            .fetch_watermarks(topic, partition, REQUEST_TIMEOUT)
            .map_err(PublishError::broker("say where a topic ends"))?;
        Ok(Ends { first, end })
    }

    /// Shows every record from one offset up to another, in order, until `see` has had enough.
    pub(super) fn records(
        &self,
        topic: &str,
        partition: i32,
        ends: Ends,
        mut see: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), PublishError> {
        if ends.first >= ends.end {
            return Ok(());
        }
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, partition, Offset::Offset(ends.first))
            .and_then(|()| self.consumer.assign(&from))
            .map_err(PublishError::broker("take an assignment"))?;
        let mut patience = Patience::new("show a topic", REQUEST_TIMEOUT * 3, &self.stop);
        loop {
            let enough = match self.consumer.poll(patience.slice()?) {
                None => false,
                Some(Ok(message)) if message.offset() >= ends.end => true,
                Some(Ok(message)) => see(&message).is_break() || message.offset() + 1 == ends.end,
                // Told only after everything before it was: markers and aborted records at the end are not shown.
                Some(Err(KafkaError::PartitionEOF(_))) => true,
                Some(Err(error)) => return Err(PublishError::broker("show a topic")(error)),
            };
            if enough {
                break;
            }
        }
        self.consumer.unassign().map_err(PublishError::broker("give back an assignment"))
    }
}
