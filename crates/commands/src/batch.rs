//! Deciding one batch: every command in turn, on the world and on what the commands before it decided. No I/O.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use eventstore::event::{NewEvent, Position, StreamId};
use eventstore::idempotency::NewKey;

use crate::command::CommandError;
use crate::job::Pending;
use crate::rejection::Rejection;
use crate::use_case::View;
use crate::world::{Entry, States, World};

/// A batch takes no further command once it has this many events. A cart of 2,000 lines checks out with 2,003, so an
/// append has at most some 6,100.
pub(crate) const EVENTS_MAX: usize = 4_096;
/// Nor once its events have this many bytes: the largest command adds less than 1 MiB, and the statement stays far within
/// the time that the database gives it.
pub(crate) const BYTES_MAX: usize = 8 << 20;

/// A command whose answer waits for the append.
pub(crate) struct Waiting {
    pub(crate) pending: Pending,
    pub(crate) verdict: Verdict,
}

#[derive(Clone)]
pub(crate) enum Verdict {
    /// The position is that of the command's last event or, where it changed nothing, the one that it was decided on:
    /// also the one that is kept under its key, so that a repeat says the same.
    Accepted {
        position: Position,
        changed: bool,
        version: i64,
        states: States,
    },
    Rejected(Rejection),
}

impl Verdict {
    pub(crate) fn appends(&self) -> bool {
        matches!(self, Self::Accepted { changed: true, .. })
    }
}

#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) overlay: HashMap<StreamId, Entry>,
    pub(crate) events: Vec<NewEvent>,
    bytes: usize,
    pub(crate) keys: Vec<NewKey>,
    keys_seen: HashSet<(String, String)>,
    pub(crate) waiting: Vec<Waiting>,
    /// Commands for a later batch: their key is decided in this one, this one is full, or streams are missing.
    pub(crate) later: Vec<Pending>,
    /// Commands whose decision panicked. What they had folded by then is in the overlay, so the batch must not stand.
    pub(crate) panicked: Vec<Pending>,
}

impl Batch {
    /// `seen` is the position of the head that the world is true of.
    pub(crate) fn decide(commands: Vec<Pending>, world: &World, seen: Position, now: DateTime<Utc>) -> Self {
        let mut batch = Self::default();
        for pending in commands {
            batch.take(pending, world, seen, now);
        }
        batch
    }

    fn take(&mut self, mut pending: Pending, world: &World, seen: Position, now: DateTime<Utc>) {
        if self.events.len() >= EVENTS_MAX || self.bytes >= BYTES_MAX {
            self.later.push(pending);
            return;
        }
        if let Some(key) = &pending.envelope.key
            && self.keys_seen.contains(&(key.scope.clone(), key.key.clone()))
        {
            pending.look_up_key = true;
            self.later.push(pending);
            return;
        }
        match catch_unwind(AssertUnwindSafe(|| self.decide_one(&mut pending, world, seen, now))) {
            Ok(Ok(Some(verdict))) => self.waiting.push(Waiting { pending, verdict }),
            Ok(Ok(None)) => self.later.push(pending),
            Ok(Err(rejection)) => self.waiting.push(Waiting { pending, verdict: Verdict::Rejected(rejection) }),
            Err(_) => self.panicked.push(pending),
        }
    }

    /// `None` if an earlier command of the batch made this one need streams that are not here yet.
    fn decide_one(
        &mut self,
        pending: &mut Pending,
        world: &World,
        seen: Position,
        now: DateTime<Utc>,
    ) -> Result<Option<Verdict>, Rejection> {
        let streams = pending.streams(&View::new(world, &self.overlay));
        for stream in streams.fresh {
            // One that the world holds has events after all, whatever the use case believes.
            if world.get(&stream).is_none()
                && let Some(entry) = Entry::initial(&stream)
            {
                self.overlay.entry(stream).or_insert(entry);
            }
        }
        let view = View::new(world, &self.overlay);
        if streams.read.iter().any(|stream| view.entry(stream).is_none()) {
            return Ok(None);
        }
        if let Some((stream, expected)) = &pending.envelope.expected {
            let current = view.entry(stream).map_or(0, |entry| entry.version);
            if current != *expected {
                return Err(Rejection::VersionMismatch { expected: *expected, current });
            }
        }
        let decided = pending.job.decide(&view, now)?;
        let changed = !decided.events.is_empty();
        for (stream, event) in decided.events {
            let entry = self.overlay.entry(stream.clone()).or_insert_with(|| {
                world.get(&stream).expect("a use case decides only on streams that it named").clone()
            });
            entry.apply(&event, now);
            let payload = event.to_payload();
            self.bytes += payload.len() + pending.metadata.len();
            self.events.push(NewEvent {
                stream_version: entry.version,
                event_type: event.event_type().into(),
                schema_version: event.schema_version(),
                payload,
                metadata: pending.metadata.clone(),
                stream,
            });
        }
        let last = Position(seen.0 + self.events.len() as i64);
        let states = self.show(decided.shows, world);
        let version = states.primary_version();
        self.keep_key(pending, version, last);
        Ok(Some(Verdict::Accepted { position: last, changed, version, states }))
    }

    fn show(&self, streams: Vec<StreamId>, world: &World) -> States {
        let view = View::new(world, &self.overlay);
        let mut states = States::default();
        for stream in streams {
            if let Some(entry) = view.entry(&stream) {
                states.push(stream, entry.clone());
            }
        }
        states
    }

    fn keep_key(&mut self, pending: &Pending, version: i64, position: Position) {
        let Some(key) = &pending.envelope.key else { return };
        #[cfg(feature = "planted-bugs")]
        if eventstore::planted::is("no-idempotency-key") {
            return;
        }
        self.keys_seen.insert((key.scope.clone(), key.key.clone()));
        self.keys.push(NewKey {
            scope: key.scope.clone(),
            key: key.key.clone(),
            fingerprint: key.fingerprint,
            outcome: pending.job.stored(version),
            position,
            expires_at: key.expires_at,
        });
    }

    /// The keys of commands that append nothing: they may be repeats of one that did.
    pub(crate) fn keys_to_look_up(&self) -> Vec<(String, String)> {
        self.waiting
            .iter()
            .filter(|waiting| !waiting.verdict.appends())
            .filter_map(|waiting| waiting.pending.envelope.key.as_ref())
            .map(|key| (key.scope.clone(), key.key.clone()))
            .collect()
    }

    /// The planted bug `answer-before-commit`.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn answered_before_the_append(self) -> Self {
        if !eventstore::planted::is("answer-before-commit") {
            return self;
        }
        Self::answer(self.waiting);
        Self { waiting: Vec::new(), ..self }
    }

    /// Every answer leaves here, once the append (or the check of the head) has shown that the batch stands.
    pub(crate) fn answer(waiting: Vec<Waiting>) {
        for Waiting { pending, verdict } in waiting {
            match verdict {
                Verdict::Accepted { position, changed, version, states } => {
                    pending.accepted(position, changed, version, states);
                }
                Verdict::Rejected(rejection) => pending.failed(CommandError::Rejected(rejection)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
