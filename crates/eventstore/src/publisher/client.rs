//! The settings of every connection to the broker, and where librdkafka's own log lines go.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientContext, consumer::ConsumerContext};

use super::config::{DELIVERY_TIMEOUT, Mode, PublisherConfig, RECORD_BYTES_MAX, TRANSACTION_TIMEOUT};

/// Which records a consumer is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Isolation {
    /// Up to the first transaction that is still open.
    Committed,
    /// All, those of open and aborted transactions too.
    Uncommitted,
}

pub(super) fn common(config: &PublisherConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", "daybook-publisher")
        // After an outage we are back within seconds; librdkafka's default is up to ten.
        .set("reconnect.backoff.max.ms", "2000")
        .set("socket.keepalive.enable", "true")
        // A topic that a question about it brings into being would have the broker's partition count, not ours.
        .set("allow.auto.create.topics", if config.mode == Mode::InProcess { "true" } else { "false" });
    client
}

pub(super) fn producer(config: &PublisherConfig) -> ClientConfig {
    let mut client = common(config);
    client
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.codec", "lz4")
        .set("linger.ms", "2")
        .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
        .set("message.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string())
        .set("queue.buffering.max.kbytes", "65536");
    if config.mode == Mode::ExactlyOnce {
        client
            .set("transactional.id", config.transactional_id())
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string());
    }
    client
}

pub(super) fn consumer(config: &PublisherConfig, isolation: Isolation) -> KafkaResult<BaseConsumer<Log>> {
    let isolation = match isolation {
        Isolation::Committed => "read_committed",
        Isolation::Uncommitted => "read_uncommitted",
    };
    common(config)
        .set("isolation.level", isolation)
        // Partitions are assigned by hand and nothing is committed, but librdkafka assigns none without a group.
        .set("group.id", config.transactional_id())
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        // The end of a partition is told by an answer without records, for which the broker would wait half a second.
        .set("fetch.wait.max.ms", "10")
        // An offset that is not there is an error, not a reason to begin elsewhere.
        .set("auto.offset.reset", "error")
        .create_with_context(Log)
}

/// Hands librdkafka's lines to `tracing`.
pub(super) struct Log;

impl ClientContext for Log {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl ConsumerContext for Log {}

pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
    match level {
        Emerg | Alert | Critical | Error | Warning => {
            tracing::warn!(kafka.facility = facility, kafka.message = message, "librdkafka");
        }
        Notice | Info | Debug => tracing::debug!(kafka.facility = facility, kafka.message = message, "librdkafka"),
    }
}

/// librdkafka recovers from these by itself or fails a call of ours, which is where they are told.
pub(super) fn log_error(error: &KafkaError, reason: &str) {
    tracing::debug!(%error, kafka.message = reason, "librdkafka");
}
