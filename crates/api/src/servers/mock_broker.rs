//! A Kafka broker inside this process: librdkafka's mock cluster, which speaks the real protocol from memory.
//!
//! A default for `daybook dev` and no proof of anything: it keeps at most 5 MB or 100,000 records a partition and drops
//! the oldest beyond that, writes no transaction markers, and forgets everything when the process ends.

use rdkafka::{error::KafkaError, mocking::MockCluster, producer::DefaultProducerContext};

const BROKERS: i32 = 1;

pub struct MockBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl MockBroker {
    /// Listens on a free loopback port until it is dropped.
    pub fn start() -> Result<Self, KafkaError> {
        Ok(Self { cluster: MockCluster::new(BROKERS)? })
    }

    /// What clients take as `bootstrap.servers`.
    pub fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Creates a topic. The admin protocol does not reach this broker: topics are made here, before they are used.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), KafkaError> {
        self.cluster.create_topic(name, partitions, BROKERS)
    }
}
