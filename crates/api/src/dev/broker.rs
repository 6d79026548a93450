//! The Kafka of `daybook dev`: a broker inside this process, or the one that was named.

use eventstore::publisher::{Mode, PublisherConfig};
use rdkafka::error::KafkaError;

use super::DevConfig;
use crate::cli::Failure;
use crate::servers::mock_broker::MockBroker;

/// The broker inside this process keeps 5 MB a partition, in our memory: few partitions keep it small.
const PARTITIONS: i32 = 2;
/// A broker of one's own is a single one on a developer's machine.
const REPLICATION: i16 = 1;

pub(super) struct Broker {
    /// What clients take as `bootstrap.servers`.
    pub(super) address: String,
    /// Ends when it is dropped, which is for after the publisher.
    inside: Option<MockBroker>,
}

#[derive(Debug, thiserror::Error)]
#[error("the broker inside this process did not start")]
struct NotStarted(#[from] KafkaError);

impl Broker {
    pub(super) fn start(config: &DevConfig) -> Result<Self, Failure> {
        if let Some(brokers) = &config.kafka_brokers {
            return Ok(Self { address: brokers.clone(), inside: None });
        }
        let broker = start(&config.topic_prefix).map_err(|error| Failure::fault(&NotStarted(error)))?;
        tracing::info!(
            "the broker is in this process: it keeps 5 MB a partition, and the book refills it at every start"
        );
        Ok(Self { address: broker.address().to_owned(), inside: Some(broker) })
    }

    pub(super) fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    pub(super) fn publisher(&self, prefix: &str) -> PublisherConfig {
        PublisherConfig {
            brokers: self.address.clone(),
            prefix: prefix.to_owned(),
            partitions: PARTITIONS,
            replication: REPLICATION,
            categories: domain::registry::CATEGORIES.to_vec(),
            mode: if self.is_inside() { Mode::InProcess } else { Mode::ExactlyOnce },
        }
    }
}

/// The topics are made here: one that the publisher brought into being would have the broker's own partition count.
fn start(prefix: &str) -> Result<MockBroker, KafkaError> {
    let broker = MockBroker::start()?;
    for category in domain::registry::CATEGORIES {
        broker.create_topic(&format!("{prefix}.{category}"), PARTITIONS)?;
    }
    Ok(broker)
}
