//! Why the publisher does not go on: refused for good, fenced by another publisher, or a fault that passes.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use uuid::Uuid;

use crate::event::Position;
use crate::follow::FollowError;
use crate::read::ReadError;

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Trying again would change nothing: somebody has to look.
    #[error("the publisher refuses to go on")]
    Refused(#[source] Refusal),
    #[error("another publisher has taken over")]
    Fenced,
    #[error("the broker failed to {action}")]
    Broker {
        action: &'static str,
        #[source]
        source: KafkaError,
    },
    #[error("the broker did not {action} within {limit_s} s")]
    TimedOut { action: &'static str, limit_s: u64 },
    #[error("topic {topic} holds a transaction that somebody else has left open")]
    OpenTransaction { topic: String },
    #[error("the book cannot be read")]
    Read(#[source] ReadError),
    #[error("the book cannot be followed")]
    Follow(#[source] FollowError),
    #[error("the batch follows position {found}, and position {expected} is published")]
    OutOfStep { expected: Position, found: Position },
    #[error("the publisher was told to stop before its batch was committed")]
    Stopped,
    #[error("the publisher's thread panicked")]
    Panicked(#[source] tokio::task::JoinError),
}

/// What is published and what the book says do not belong together, and nothing but a person can say which is right.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("topic {topic} holds the progress of another book: {found}, and this is {ours}")]
    AnotherBook { topic: String, found: Uuid, ours: Uuid },
    #[error("topic {topic} is at position {published}, and the book ends at {head}: it was restored, or lost its end")]
    AheadOfBook { topic: String, published: Position, head: Position },
    #[error("topic {topic} is at position {position} of another history: the book has another event there")]
    AnotherHistory { topic: String, position: Position },
    #[error("topic {topic} had {created} partitions when it was first published to, and has {found} now")]
    PartitionsChanged { topic: String, created: i32, found: i32 },
    #[error("topic {topic} had {created} partitions when it was first published to, and is gone")]
    TopicGone { topic: String, created: i32 },
    #[error("topic {topic} holds records, and no progress says that they are this book's")]
    NotEmpty { topic: String },
    #[error("{topic:?} cannot be the name of a topic")]
    TopicName { topic: String },
    #[error("topic {topic} holds a record that is not the progress of a publisher")]
    Progress {
        topic: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the event at position {position} has {bytes} bytes, more than a record may have")]
    TooLarge { position: Position, bytes: usize },
    #[error("the book does not follow from what was published")]
    BrokenBook(#[source] FollowError),
}

impl PublishError {
    pub(super) fn broker(action: &'static str) -> impl FnOnce(KafkaError) -> Self {
        move |source| Self::Broker { action, source }
    }

    /// The `kind` of the error counter.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Fenced => "fenced",
            Self::Broker { .. } => "broker",
            Self::TimedOut { .. } => "timed_out",
            Self::OpenTransaction { .. } => "open_transaction",
            Self::Read(_) | Self::Follow(_) => "book",
            Self::OutOfStep { .. } => "out_of_step",
            Self::Stopped => "stopped",
            Self::Panicked(_) => "panicked",
        }
    }
}

impl From<Refusal> for PublishError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Whether the broker says that a publisher with our transactional id was initialised after us.
pub(super) fn is_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch)
}
