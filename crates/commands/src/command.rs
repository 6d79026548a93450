//! What comes with a use case (who asks, under which key, having seen what) and what goes back.

use chrono::{DateTime, Utc};
use eventstore::event::{Position, StreamId};
use serde::Serialize;
use uuid::Uuid;

use crate::rejection::Rejection;
use crate::world::States;

/// Who acts. Stands in every event's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    Customer { id: Uuid },
    Staff { id: Uuid },
    Service { id: Uuid },
    Process { name: &'static str },
}

/// What led to the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Causation {
    Request(String),
    Position(Position),
}

/// A key under which a command takes effect at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The caller, or the process manager: the same key of two callers is two keys.
    pub scope: String,
    pub key: String,
    /// Of the whole request: the same key with another fingerprint is refused.
    pub fingerprint: [u8; 32],
    /// `None` for a process manager's effects, which may be repeated at any time.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Everything about a command that is not the use case itself.
#[derive(Debug, Clone)]
pub struct Envelope {
    pub actor: Actor,
    pub correlation_id: Uuid,
    pub causation: Causation,
    pub traceparent: Option<String>,
    pub key: Option<Key>,
    /// The version that the caller saw of one stream.
    pub expected: Option<(StreamId, i64)>,
}

/// A command that succeeded.
#[derive(Debug)]
pub struct Answer<O> {
    pub outcome: O,
    /// The command's last event or, if it changed nothing, the head that it was decided on.
    pub position: Position,
    /// The version of the first stream shown, after the command.
    pub version: i64,
    /// The states of the streams shown, just after the command: also when the command is only replayed.
    pub states: States,
    pub replayed: bool,
}

/// Why a command has no success to report. Each is another thing to do for the caller.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A rule says no: tell the user.
    #[error("the command was rejected")]
    Rejected(#[from] Rejection),
    /// No capacity now: come back later.
    #[error("the queue of commands is full")]
    Overloaded,
    /// The book cannot be reached or written. As a rule nothing was decided; where an append was sent and its answer never
    /// came, the command may have taken effect: a repeat under its key tells.
    #[error("the book is not available")]
    Unavailable,
    /// A decision panicked, or decided what the database refuses: a bug of ours. Nothing was appended.
    #[error("the command failed: {0}")]
    Failed(&'static str),
}
