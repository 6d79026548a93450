//! A use case on its way through the executor, with its types hidden so that one queue can hold them all.

use std::time::Instant;

use chrono::{DateTime, Utc};
use eventstore::event::{Position, StreamId};
use eventstore::idempotency::StoredKey;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::command::{CommandError, Envelope};
use crate::metadata;
use crate::rejection::Rejection;
use crate::use_case::{Streams, UseCase, View};
use crate::world::{AnyEvent, States};

/// What is stored under an idempotency key, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stored<O> {
    pub(crate) outcome: O,
    pub(crate) version: i64,
}

/// What the executor tells the caller of a command that succeeded.
pub(crate) enum Success<O> {
    Committed {
        outcome: O,
        position: Position,
        version: i64,
        states: States,
    },
    /// The states are not of now but as of `position`: whoever asked reads them from the book.
    Replayed {
        stored: Stored<O>,
        position: Position,
    },
}

pub(crate) type Reply<O> = oneshot::Sender<Result<Success<O>, CommandError>>;

/// A decision without its types; the outcome stays in the job until the batch has been appended.
pub(crate) struct Decided {
    pub(crate) events: Vec<(StreamId, AnyEvent)>,
    pub(crate) shows: Vec<StreamId>,
}

pub(crate) trait Job: Send {
    fn name(&self) -> &'static str;
    fn streams(&self, view: &View<'_>) -> Streams;
    fn decide(&mut self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decided, Rejection>;
    /// The decided outcome as it is to be stored under the command's key.
    fn stored(&self, version: i64) -> String;
    fn committed(self: Box<Self>, position: Position, version: i64, states: States);
    fn replayed(self: Box<Self>, stored: &StoredKey);
    fn failed(self: Box<Self>, error: CommandError);
}

pub(crate) struct Typed<U: UseCase> {
    pub(crate) use_case: U,
    pub(crate) outcome: Option<U::Outcome>,
    pub(crate) reply: Reply<U::Outcome>,
}

impl<U: UseCase> Job for Typed<U> {
    fn name(&self) -> &'static str {
        U::NAME
    }

    fn streams(&self, view: &View<'_>) -> Streams {
        self.use_case.streams(view)
    }

    fn decide(&mut self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decided, Rejection> {
        let decision = self.use_case.decide(view, now)?;
        let shows = U::shows(&decision.outcome);
        self.outcome = Some(decision.outcome);
        Ok(Decided { events: decision.events, shows })
    }

    fn stored(&self, version: i64) -> String {
        let outcome = self.outcome.as_ref().expect("stored follows decide");
        serde_json::to_string(&Stored { outcome, version }).expect("an outcome is a plain struct of ids and labels")
    }

    // A caller that has gone away misses its answer; the command stands all the same.
    fn committed(self: Box<Self>, position: Position, version: i64, states: States) {
        let outcome = self.outcome.expect("an append follows decide");
        let _ = self.reply.send(Ok(Success::Committed { outcome, position, version, states }));
    }

    fn replayed(self: Box<Self>, stored: &StoredKey) {
        let answer = match serde_json::from_str(&stored.outcome) {
            Ok(outcome) => Ok(Success::Replayed { stored: outcome, position: stored.position }),
            Err(error) => {
                tracing::error!(command = U::NAME, %error, "a stored outcome cannot be read");
                Err(CommandError::Failed("a stored outcome cannot be read"))
            }
        };
        let _ = self.reply.send(answer);
    }

    fn failed(self: Box<Self>, error: CommandError) {
        let _ = self.reply.send(Err(error));
    }
}

/// A command in the queue.
pub(crate) struct Pending {
    pub(crate) job: Box<dyn Job>,
    pub(crate) envelope: Envelope,
    pub(crate) command_id: Uuid,
    pub(crate) metadata: String,
    /// How often it has waited for a load.
    pub(crate) loads: u8,
    /// Its key is known to be taken, or is decided on earlier in the same batch: look it up before anything else.
    pub(crate) look_up_key: bool,
    pub(crate) queued_at: Instant,
}

impl Pending {
    pub(crate) fn new(job: Box<dyn Job>, envelope: Envelope) -> Self {
        let command_id = Uuid::now_v7();
        let metadata = metadata::render(&envelope, command_id);
        Self { job, envelope, command_id, metadata, loads: 0, look_up_key: false, queued_at: Instant::now() }
    }

    /// What the use case names, and the stream whose version is expected: without it, nothing is known of that.
    pub(crate) fn streams(&self, view: &View<'_>) -> Streams {
        let mut streams = self.job.streams(view);
        if let Some((expected, _)) = &self.envelope.expected
            && !streams.read.contains(expected)
            && !streams.fresh.contains(expected)
        {
            streams.read.push(expected.clone());
        }
        streams
    }

    pub(crate) fn accepted(self, position: Position, changed: bool, version: i64, states: States) {
        self.count(if changed { "accepted" } else { "unchanged" });
        self.job.committed(position, version, states);
    }

    pub(crate) fn replayed(self, stored: &StoredKey) {
        self.count("replayed");
        self.job.replayed(stored);
    }

    pub(crate) fn failed(self, error: CommandError) {
        self.count(match error {
            CommandError::Rejected(_) => "rejected",
            CommandError::Overloaded => "overloaded",
            CommandError::Unavailable => "unavailable",
            CommandError::Failed(_) => "failed",
        });
        self.job.failed(error);
    }

    pub(crate) fn panicked(self) {
        tracing::error!(command = self.job.name(), command.id = %self.command_id, "a decision panicked");
        self.failed(CommandError::Failed("the decision panicked"));
    }

    /// How many there were of each kind and end, and how long they took from the queue to their answer.
    fn count(&self, result: &'static str) {
        let (command, seconds) = (self.job.name(), self.queued_at.elapsed().as_secs_f64());
        metrics::counter!("daybook_commands_total", "command" => command, "result" => result).increment(1);
        metrics::histogram!("daybook_command_seconds", "command" => command).record(seconds);
    }
}
