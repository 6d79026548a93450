//! The one producer: records leave in the order in which they are given, and whether all of them arrived is known. Nothing of it
//! survives an error: whoever gets one drops it and makes another.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use tokio_util::sync::CancellationToken;

use super::client;
use super::config::{ABORT_TIMEOUT, DELIVERY_TIMEOUT, Mode, PublisherConfig};
use super::error::{PublishError, is_fenced};
use super::patience::Patience;

/// Between two looks for delivery reports, which is what a batch waits at most after its last one. Slept, and not given to `poll`:
/// that one spins through the last millisecond of the time it is given.
const LOOK: Duration = Duration::from_millis(2);

pub(super) struct Producer {
    kafka: BaseProducer<Deliveries>,
    transactional: bool,
    sent: u64,
    stop: CancellationToken,
}

/// What the broker said of the records sent, counted as it is told.
#[derive(Default)]
pub(super) struct Deliveries {
    reported: AtomicU64,
    failure: Mutex<Option<KafkaError>>,
}

impl Producer {
    /// With a transactional id, returns only when every older producer of that id is fenced and what it left open is aborted.
    pub(super) fn start(config: &PublisherConfig, stop: &CancellationToken) -> Result<Self, PublishError> {
        let kafka = client::producer(config)
            .create_with_context(Deliveries::default())
            .map_err(PublishError::broker("make a producer"))?;
        let transactional = config.mode == Mode::ExactlyOnce;
        let producer = Self { kafka, transactional, sent: 0, stop: stop.clone() };
        if transactional {
            producer
                .in_slices("fence older publishers", |kafka, slice| kafka.init_transactions(slice))
                .map_err(|error| producer.verdict(error))?;
        }
        Ok(producer)
    }

    pub(super) fn client(&self) -> &Client<Deliveries> {
        self.kafka.client()
    }

    pub(super) fn begin(&self) -> Result<(), PublishError> {
        if !self.transactional {
            return Ok(());
        }
        self.kafka.begin_transaction().map_err(PublishError::broker("begin a transaction"))
    }

    /// Puts a record into the queue, behind those before it. A full queue is waited for with this record in hand: sending a
    /// later one first is what must not happen (rust-rdkafka #468).
    pub(super) fn send(&mut self, mut record: BaseRecord<'_, str, str>) -> Result<(), PublishError> {
        let mut patience = Patience::new("take the records", DELIVERY_TIMEOUT, &self.stop);
        loop {
            match self.kafka.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent)) => {
                    record = unsent;
                    patience.slice()?;
                    self.take_reports();
                }
                Err((error, _)) => return Err(PublishError::broker("take a record")(error)),
            }
        }
        self.sent += 1;
        Ok(())
    }

    /// Returns when every record sent so far is acknowledged, or one is known not to be.
    pub(super) fn await_deliveries(&self) -> Result<(), PublishError> {
        // librdkafka fails a record by itself after DELIVERY_TIMEOUT; only its own silence is waited for longer.
        let mut patience = Patience::new("acknowledge the records", DELIVERY_TIMEOUT * 2, &self.stop);
        let deliveries = self.kafka.context();
        while deliveries.reported.load(Ordering::Acquire) < self.sent {
            patience.slice()?;
            self.take_reports();
        }
        match deliveries.failure.lock().expect("nothing panics with the lock").clone() {
            None => Ok(()),
            Some(error) => Err(PublishError::broker("store a record")(error)),
        }
    }

    /// The reports that are there. Without any, the broker is given a moment; this thread is the publisher's own.
    fn take_reports(&self) {
        let deliveries = self.kafka.context();
        let before = deliveries.reported.load(Ordering::Acquire);
        self.kafka.poll(Duration::ZERO);
        if deliveries.reported.load(Ordering::Acquire) == before {
            thread::sleep(LOOK);
        }
    }

    /// After an error here nobody knows whether the transaction is committed: only the progress topic does, read anew.
    pub(super) fn commit(&self) -> Result<(), PublishError> {
        if !self.transactional {
            return Ok(());
        }
        self.in_slices("commit a transaction", |kafka, slice| kafka.commit_transaction(slice))
    }

    /// What an error of this producer comes to. Leaves no transaction open behind it where the broker can still be reached:
    /// consumers would not see past it until it times out.
    pub(super) fn verdict(&self, error: PublishError) -> PublishError {
        if self.transactional
            && let Err(error) = self.kafka.abort_transaction(ABORT_TIMEOUT)
        {
            tracing::debug!(%error, "the transaction was not aborted");
        }
        let fatal = self.kafka.client().fatal_error().map(|(code, _)| code);
        let own = match &error {
            PublishError::Broker { source, .. } => source.rdkafka_error_code(),
            _ => None,
        };
        if fatal.into_iter().chain(own).any(is_fenced) { PublishError::Fenced } else { error }
    }

    /// Calls again while librdkafka says that the call may be resumed.
    fn in_slices(
        &self,
        action: &'static str,
        call: impl Fn(&BaseProducer<Deliveries>, Duration) -> KafkaResult<()>,
    ) -> Result<(), PublishError> {
        let mut patience = Patience::new(action, DELIVERY_TIMEOUT, &self.stop);
        loop {
            match call(&self.kafka, patience.slice()?) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error)) if error.is_retriable() => {}
                Err(error) => return Err(PublishError::broker(action)(error)),
            }
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            // The first failure is the cause; the others follow from it.
            self.failure.lock().expect("nothing panics with the lock").get_or_insert_with(|| error.clone());
        }
        self.reported.fetch_add(1, Ordering::Release);
    }
}
