//! A Kafka broker inside this process: librdkafka's mock cluster, which speaks the real protocol from memory.
//!
//! A default for `daybook dev` and no proof of anything: it keeps at most 5 MB or 100,000 records a partition and drops
//! the oldest beyond that, writes no transaction markers, and forgets everything when the process ends.

use rdkafka::{
    ClientConfig,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    mocking::MockCluster,
    producer::{BaseProducer, DefaultProducerContext, Producer as _},
};

const BROKERS: i32 = 1;

/// Listens on a free loopback port until it is dropped.
pub struct MockBroker {
    /// The client that the cluster belongs to. It produces nothing; a cluster of its own could not change threads.
    host: BaseProducer,
    address: String,
}

impl MockBroker {
    pub fn start() -> Result<Self, KafkaError> {
        let mut config = ClientConfig::new();
        config.set("test.mock.num.brokers", BROKERS.to_string()).set_log_level(RDKafkaLogLevel::Error);
        let host: BaseProducer = config.create()?;
        let address = cluster(&host)?.bootstrap_servers();
        Ok(Self { host, address })
    }

    /// What clients take as `bootstrap.servers`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Creates a topic. The admin protocol does not reach this broker: topics are made here, before they are used.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), KafkaError> {
        cluster(&self.host)?.create_topic(name, partitions, BROKERS)
    }
}

fn cluster(host: &BaseProducer) -> Result<MockCluster<'_, DefaultProducerContext>, KafkaError> {
    host.client().mock_cluster().ok_or(KafkaError::MockCluster(RDKafkaErrorCode::Fail))
}
