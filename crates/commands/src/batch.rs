//! Deciding one batch: every command in turn, on the world and on what the commands before it decided. No I/O.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use eventstore::{Draft, Head, NewEvent, NewKey, Position, StreamId};

use crate::command::CommandError;
use crate::job::Pending;
use crate::rejection::Rejection;
use crate::use_case::{Streams, View};
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

pub(crate) struct Batch {
    pub(crate) overlay: HashMap<StreamId, Entry>,
    pub(crate) draft: Draft,
    bytes: usize,
    /// Events of one command are being folded into the overlay.
    folding: bool,
    /// Without their scopes: the same key of somebody else, in the same batch, is looked up for nothing.
    pub(crate) keys_seen: HashSet<String>,
    pub(crate) waiting: Vec<Waiting>,
    /// Commands whose key is decided on in this batch: to be looked up once it stands.
    pub(crate) repeats: Vec<Pending>,
}

/// What becomes of a command that is given to a batch.
pub(crate) enum Taken {
    /// It is decided and waits for its answer, or it waits for the batch to stand.
    In,
    /// Streams are missing. `named` are these and all others that it needs.
    Cold { pending: Pending, missing: Vec<StreamId>, named: Vec<StreamId> },
    /// If it `spoilt` the batch, some of its events are in the overlay, and the batch must not stand.
    Panicked { pending: Pending, spoilt: bool },
}

impl Batch {
    /// `seen` is the head that the world is true of, or will be if what is on its way gets there.
    pub(crate) fn after(seen: &Head, now: DateTime<Utc>) -> Self {
        Self {
            overlay: HashMap::new(),
            draft: Draft::after(seen, now),
            bytes: 0,
            folding: false,
            keys_seen: HashSet::new(),
            waiting: Vec::new(),
            repeats: Vec::new(),
        }
    }

    /// An empty batch after the same head, at the same time.
    pub(crate) fn begun_again(&self) -> Self {
        let seen = Head { point: self.draft.seen(), recorded_at: self.draft.recorded_at() };
        Self::after(&seen, seen.recorded_at)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.draft.events().len() >= EVENTS_MAX || self.bytes >= BYTES_MAX
    }

    /// Whether a command's key is decided on in this batch.
    pub(crate) fn holds_key_of(&self, pending: &Pending) -> bool {
        pending.envelope.key.as_ref().is_some_and(|key| self.keys_seen.contains(&key.key))
    }

    pub(crate) fn take(&mut self, mut pending: Pending, world: &mut World) -> Taken {
        if self.holds_key_of(&pending) {
            pending.look_up_key = true;
            self.repeats.push(pending);
            return Taken::In;
        }
        match catch_unwind(AssertUnwindSafe(|| self.decide(&mut pending, world))) {
            Ok(Ok(verdict)) => self.waiting.push(Waiting { pending, verdict }),
            Ok(Err(Undecided { missing, named })) => return Taken::Cold { pending, missing, named },
            Err(_) => return Taken::Panicked { pending, spoilt: self.folding },
        }
        Taken::In
    }

    fn decide(&mut self, pending: &mut Pending, world: &mut World) -> Result<Verdict, Undecided> {
        let Streams { read, fresh } = pending.streams(&View::new(world, &self.overlay));
        let mut missing = Vec::new();
        for stream in &read {
            if !world.touch(stream) && !self.overlay.contains_key(stream) && !fresh.contains(stream) {
                missing.push(stream.clone());
            }
        }
        if !missing.is_empty() {
            return Err(Undecided { missing, named: read });
        }
        for stream in fresh {
            // One that the world holds has events after all, whatever the use case believes.
            if world.get(&stream).is_none()
                && let Some(entry) = Entry::initial(&stream)
            {
                self.overlay.entry(stream).or_insert(entry);
            }
        }
        Ok(self.decide_on(pending, world).unwrap_or_else(Verdict::Rejected))
    }

    fn decide_on(&mut self, pending: &mut Pending, world: &World) -> Result<Verdict, Rejection> {
        let now = self.draft.recorded_at();
        let view = View::new(world, &self.overlay);
        if let Some((stream, expected)) = &pending.envelope.expected {
            let current = view.entry(stream).map_or(0, |entry| entry.version);
            if current != *expected {
                return Err(Rejection::VersionMismatch { expected: *expected, current });
            }
        }
        let decided = pending.job.decide(&view, now)?;
        let changed = !decided.events.is_empty();
        self.folding = true;
        for (stream, event) in decided.events {
            let entry = self.overlay.entry(stream.clone()).or_insert_with(|| {
                world.get(&stream).expect("a use case decides only on streams that it named").clone()
            });
            entry.apply(&event, now);
            let payload = event.to_payload();
            self.bytes += payload.len() + pending.metadata.len();
            self.draft.push(NewEvent {
                stream_version: entry.version,
                event_type: event.event_type().into(),
                schema_version: event.schema_version(),
                payload,
                metadata: pending.metadata.clone(),
                stream,
            });
        }
        self.folding = false;
        let position = self.draft.head().point.position;
        let states = self.show(decided.shows, world);
        let version = states.primary_version();
        self.keep_key(pending, version, position);
        Ok(Verdict::Accepted { position, changed, version, states })
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
        self.keys_seen.insert(key.key.clone());
        self.draft.keep(NewKey {
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
}

struct Undecided {
    missing: Vec<StreamId>,
    named: Vec<StreamId>,
}

impl Waiting {
    /// Every answer leaves here, once the append (or the check of the head) has shown that the batch stands.
    pub(crate) fn answer(self) {
        let Self { pending, verdict } = self;
        match verdict {
            Verdict::Accepted { position, changed, version, states } => {
                pending.accepted(position, changed, version, states);
            }
            Verdict::Rejected(rejection) => pending.failed(CommandError::Rejected(rejection)),
        }
    }
}

#[cfg(test)]
mod tests;
