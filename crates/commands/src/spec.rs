//! Given these use cases, when this one comes, then this was decided: use cases over several streams, without I/O.
//!
//! Decides as the executor does (streams in at most four steps, then a batch), on a book that is a list. Every event
//! is written out and read back on the way, so that none gets by that could not be stored.

mod fixtures;
mod running;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use eventstore::{Hash, Head, NewEvent, Point, Position, RecordedEvent, StoredKey};
use tokio::sync::oneshot;
use uuid::Uuid;

pub(crate) use self::fixtures::*;
pub(crate) use self::running::{Captures, Crashes, Running};
use crate::batch::{Batch, Taken, Waiting};
use crate::command::{Actor, Causation, CommandError, Envelope};
use crate::job::{Pending, Success, Typed};
use crate::rejection::Rejection;
use crate::use_case::{UseCase, View};
use crate::world::{AnyEvent, Entry, Held, States, World};

/// A use case names its streams in at most this many steps.
const STEPS_MAX: usize = 4;

/// A book in memory, and the world as of its head.
pub(crate) struct Shop {
    world: World,
    pub(crate) now: DateTime<Utc>,
    pub(crate) book: Vec<RecordedEvent>,
    keys: Vec<StoredKey>,
}

/// What one use case decided, and what its answer shows.
#[derive(Debug)]
pub(crate) struct Done<O> {
    pub(crate) outcome: O,
    pub(crate) types: Vec<String>,
    pub(crate) states: States,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let now = DateTime::from_timestamp(1_767_225_600, 0).expect("the first second of 2026");
        Self { world: World::new(usize::MAX), now, book: Vec::new(), keys: Vec::new() }
    }

    pub(crate) fn pass(&mut self, time: TimeDelta) {
        self.now += time;
    }

    /// Runs a use case. What it decides is appended as one.
    pub(crate) fn run<U: UseCase>(&mut self, use_case: U) -> Result<Done<U::Outcome>, Rejection> {
        let before = self.book.len();
        let (reply, mut answer) = oneshot::channel();
        self.execute(Pending::new(Box::new(Typed { use_case, outcome: None, reply }), envelope()));
        let types = self.book[before..].iter().map(|event| event.event_type.clone()).collect();
        match answer.try_recv().expect("every command is answered") {
            Ok(Success::Committed { outcome, states, .. }) => Ok(Done { outcome, types, states }),
            Err(CommandError::Rejected(rejection)) => {
                assert!(types.is_empty(), "a refused command left {types:?} behind");
                Err(rejection)
            }
            Ok(Success::Replayed { .. }) => panic!("{} has no key", U::NAME),
            Err(error) => panic!("{} failed: {error:?}", U::NAME),
        }
    }

    /// Runs a use case that has to be accepted.
    #[track_caller]
    pub(crate) fn accept<U: UseCase>(&mut self, use_case: U) -> Done<U::Outcome> {
        match self.run(use_case) {
            Ok(done) => done,
            Err(rejection) => panic!("{} was refused: {rejection:?}", U::NAME),
        }
    }

    /// Runs a use case that has to be refused.
    #[track_caller]
    pub(crate) fn refuse<U: UseCase>(&mut self, use_case: U) -> Rejection {
        match self.run(use_case) {
            Ok(done) => panic!("{} was accepted: {:?}", U::NAME, done.types),
            Err(rejection) => rejection,
        }
    }

    /// Runs a use case that has to be satisfied already.
    #[track_caller]
    pub(crate) fn accept_as_done<U: UseCase>(&mut self, use_case: U) -> Done<U::Outcome> {
        let done = self.accept(use_case);
        assert!(done.types.is_empty(), "{} was not satisfied: {:?}", U::NAME, done.types);
        done
    }

    pub(crate) fn find<A: Held>(&self, id: Uuid) -> Option<&A::State> {
        let entry = self.world.get(&A::stream(id))?;
        A::held(entry.state.as_ref().expect("every event can be read")).map(AsRef::as_ref)
    }

    #[track_caller]
    pub(crate) fn state<A: Held>(&self, id: Uuid) -> &A::State {
        self.find::<A>(id).unwrap_or_else(|| panic!("{} was not touched", A::stream(id)))
    }

    /// How many streams with events a use case names.
    pub(crate) fn streams_of<U: UseCase>(&self, use_case: &U) -> usize {
        use_case.streams(&View::new(&self.world, &HashMap::new())).read.len()
    }

    /// The last event of this type.
    #[track_caller]
    pub(crate) fn last(&self, event_type: &str) -> &RecordedEvent {
        self.book.iter().rfind(|event| event.event_type == event_type).unwrap_or_else(|| panic!("no {event_type}"))
    }

    /// What the executor does with a batch of one.
    fn execute(&mut self, pending: Pending) {
        if let Some(key) = &pending.envelope.key
            && let Some(stored) = self.keys.iter().find(|stored| (&stored.scope, &stored.key) == (&key.scope, &key.key))
        {
            return pending.job.replayed(stored);
        }
        self.load(&pending);
        let point = Point { position: self.head(), hash: Hash::ZERO };
        let mut batch = Batch::after(&Head { point, recorded_at: self.now }, self.now);
        match batch.take(pending, &mut self.world) {
            Taken::In => {}
            Taken::Cold { .. } => panic!("a use case names its streams in more than {STEPS_MAX} steps"),
            Taken::Panicked { .. } => panic!("a decision panicked"),
        }
        for event in batch.draft.events() {
            let recorded = self.record(event.clone());
            assert!(AnyEvent::read(&recorded).is_ok(), "the event does not read back: {recorded:?}");
            self.book.push(recorded);
        }
        for (stream, entry) in batch.overlay {
            self.world.put(stream, entry);
        }
        self.keys.extend(batch.draft.keys().iter().cloned().map(|key| StoredKey {
            scope: key.scope,
            key: key.key,
            fingerprint: key.fingerprint,
            outcome: key.outcome,
            position: key.position,
        }));
        batch.waiting.into_iter().for_each(Waiting::answer);
    }

    fn head(&self) -> Position {
        Position(self.book.len() as i64)
    }

    /// Streams without events, as a load would bring them: every other one is held already.
    fn load(&mut self, pending: &Pending) {
        let nothing = HashMap::new();
        for _ in 1..STEPS_MAX {
            for stream in pending.job.streams(&View::new(&self.world, &nothing)).read {
                if self.world.get(&stream).is_none() {
                    let entry = Entry::initial(&stream).expect("a use case names categories that there are");
                    self.world.put(stream, entry);
                }
            }
        }
    }

    fn record(&self, event: NewEvent) -> RecordedEvent {
        let NewEvent { stream, stream_version, event_type, schema_version, payload, metadata } = event;
        let position = self.head().next();
        let mut hash = Hash::ZERO;
        hash.0[..8].copy_from_slice(&position.0.to_be_bytes());
        let (event_type, recorded_at) = (event_type.into_owned(), self.now);
        RecordedEvent {
            position,
            stream,
            stream_version,
            event_type,
            schema_version,
            payload,
            metadata,
            recorded_at,
            hash,
        }
    }
}

fn envelope() -> Envelope {
    Envelope {
        actor: Actor::Process { name: "test" },
        correlation_id: Uuid::nil(),
        causation: Causation::Request("test".to_owned()),
        traceparent: None,
        key: None,
        expected: None,
    }
}
