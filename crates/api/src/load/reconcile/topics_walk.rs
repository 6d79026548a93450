//! Runs the comparison of Kafka with the book beside the walk through the book: librdkafka blocks, so it has a thread.

use std::thread::sleep;
use std::time::Duration;

use eventstore::{Position, RecordedEvent};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::super::check::Check;
use super::super::instance::Broker;
use super::super::numbers::grouped;
use super::broker::{self, BrokerError};
use super::topics::TopicError;

const NAME: &str = "topics";
/// Pages of the book that wait to be compared.
const PAGES_WAITING: usize = 2;
/// The publisher follows the book within moments; a record that is not there after this long is missing.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) enum TopicsWalk {
    NotChecked(&'static str),
    Comparing { pages: mpsc::Sender<Vec<RecordedEvent>>, verdict: JoinHandle<Check> },
}

#[derive(Debug, thiserror::Error)]
enum CompareError {
    #[error("the topics cannot be opened")]
    Open(#[source] BrokerError),
    #[error("there is no topic for {category}, which position {position} is of")]
    NoTopic { category: String, position: Position },
    #[error(transparent)]
    Topic(#[from] TopicError<BrokerError>),
}

impl TopicsWalk {
    pub(super) fn begin(kafka: &Broker, head: Position) -> Self {
        let Broker::At { address, topic_prefix } = kafka.clone() else {
            return Self::NotChecked("the in-process broker keeps 5 MB a partition; KAFKA_BROKERS names a real one");
        };
        let (pages, waiting) = mpsc::channel(PAGES_WAITING);
        let verdict = spawn_blocking(move || match compare(&address, &topic_prefix, head, waiting) {
            Ok(numbers) => Check::ok(NAME, numbers),
            Err(error) => Check::broken(NAME, &error),
        });
        Self::Comparing { pages, verdict }
    }

    /// After the first difference nobody takes pages any more, which is no matter.
    pub(super) async fn see(&self, page: Vec<RecordedEvent>) {
        if let Self::Comparing { pages, .. } = self {
            drop(pages.send(page).await);
        }
    }

    pub(super) async fn end(self) -> Check {
        match self {
            Self::NotChecked(reason) => Check::not_checked(NAME, reason),
            Self::Comparing { pages, verdict } => {
                drop(pages);
                verdict.await.expect("the comparison does not panic")
            }
        }
    }
}

fn compare(
    address: &str,
    prefix: &str,
    head: Position,
    mut pages: mpsc::Receiver<Vec<RecordedEvent>>,
) -> Result<String, CompareError> {
    let mut topics = broker::open(address, prefix).map_err(CompareError::Open)?;
    while let Some(page) = pages.blocking_recv() {
        for event in page {
            let topic = topics.get_mut(&*event.stream.category);
            let topic = topic.ok_or_else(|| CompareError::NoTopic {
                category: event.stream.category.to_string(),
                position: event.position,
            })?;
            let mut waited = Duration::ZERO;
            topic.expect(&event, || {
                sleep(LOOK_EVERY);
                waited += LOOK_EVERY;
                waited < PATIENCE
            })?;
        }
    }
    let mut records = 0;
    for topic in topics.values_mut() {
        topic.finish(head)?;
        records += topic.matched();
    }
    Ok(format!("{} records in {} topics are the book's events, in order", grouped(records), topics.len()))
}
