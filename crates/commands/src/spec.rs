//! Given these use cases, when this one comes, then this was decided: use cases over several streams, without I/O.
//!
//! Runs a use case as the executor does (streams in at most three steps, decide, fold), and writes every event out and
//! reads it back on the way, so that none gets by that could not be stored.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use eventstore::event::{Hash, Position, RecordedEvent, StreamId};
use uuid::Uuid;

use crate::rejection::Rejection;
use crate::use_case::{UseCase, View};
use crate::world::{Entry, Held, World};

/// A use case names its streams in at most this many steps.
const STEPS_MAX: usize = 3;

/// A book in memory, and the world as of its head.
pub(crate) struct Shop {
    world: World,
    pub(crate) now: DateTime<Utc>,
    /// Everything that was decided, in order.
    pub(crate) events: Vec<RecordedEvent>,
}

/// What one use case decided.
#[derive(Debug)]
pub(crate) struct Done<O> {
    pub(crate) outcome: O,
    pub(crate) types: Vec<&'static str>,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let now = DateTime::from_timestamp(1_767_225_600, 0).expect("the first second of 2026");
        Self { world: World::new(usize::MAX), now, events: Vec::new() }
    }

    pub(crate) fn pass(&mut self, time: TimeDelta) {
        self.now += time;
    }

    /// Runs a use case. What it decides is appended as one.
    pub(crate) fn run<U: UseCase>(&mut self, use_case: U) -> Result<Done<U::Outcome>, Rejection> {
        self.load(&use_case);
        let overlay = HashMap::new();
        let decision = use_case.decide(&View::new(&self.world, &overlay), self.now)?;
        let mut types = Vec::new();
        for (stream, event) in decision.events {
            let mut entry = self.world.get(&stream).expect("a use case decides only on streams that it named").clone();
            entry.apply(&event);
            types.push(event.event_type());
            let recorded = self.record(stream.clone(), entry.version, &event);
            assert_eq!(crate::world::AnyEvent::read(&recorded), Ok(event), "the event does not read back as written");
            self.events.push(recorded);
            self.world.put(stream, entry);
        }
        for shown in U::shows(&decision.outcome) {
            assert!(self.world.get(&shown).is_some(), "{shown} is shown but was not named");
        }
        let stored = serde_json::to_string(&decision.outcome).expect("an outcome can be stored");
        serde_json::from_str::<U::Outcome>(&stored).expect("a stored outcome can be read");
        Ok(Done { outcome: decision.outcome, types })
    }

    /// Runs a use case that has to be accepted.
    #[track_caller]
    pub(crate) fn accept<U: UseCase>(&mut self, use_case: U) -> Done<U::Outcome> {
        match self.run(use_case) {
            Ok(done) => done,
            Err(rejection) => panic!("{} was refused: {rejection:?}", U::NAME),
        }
    }

    /// Runs a use case that has to be refused, and shows that it left nothing behind.
    #[track_caller]
    pub(crate) fn refuse<U: UseCase>(&mut self, use_case: U) -> Rejection {
        let before = self.events.len();
        match self.run(use_case) {
            Ok(_) => panic!("{} was accepted: {:?}", U::NAME, self.types_since(before)),
            Err(rejection) => {
                assert_eq!(self.events.len(), before);
                rejection
            }
        }
    }

    pub(crate) fn state<A: Held>(&self, id: Uuid) -> &A::State {
        let entry = self.world.get(&A::stream(id)).expect("the stream was touched");
        A::held(entry.state.as_ref().expect("every event can be read")).expect("the category fixes the kind")
    }

    pub(crate) fn types_since(&self, at: usize) -> Vec<&str> {
        self.events[at..].iter().map(|event| event.event_type.as_str()).collect()
    }

    /// The last event of this type.
    #[track_caller]
    pub(crate) fn last(&self, event_type: &str) -> &RecordedEvent {
        self.events.iter().rfind(|event| event.event_type == event_type).unwrap_or_else(|| panic!("no {event_type}"))
    }

    fn load<U: UseCase>(&mut self, use_case: &U) {
        let overlay = HashMap::new();
        for _ in 0..STEPS_MAX {
            let streams = use_case.streams(&View::new(&self.world, &overlay));
            let missing: Vec<_> = streams
                .read
                .into_iter()
                .filter(|stream| self.world.get(stream).is_none())
                .chain(streams.fresh)
                .collect();
            if missing.is_empty() {
                return;
            }
            for stream in missing {
                if self.world.get(&stream).is_none() {
                    let entry = Entry::initial(&stream).expect("a use case names categories that there are");
                    self.world.put(stream, entry);
                }
            }
        }
        let streams = use_case.streams(&View::new(&self.world, &overlay));
        let all_held = streams.read.iter().all(|stream| self.world.get(stream).is_some());
        assert!(all_held, "{} names its streams in more than {STEPS_MAX} steps", U::NAME);
    }

    fn record(&self, stream: StreamId, stream_version: i64, event: &crate::world::AnyEvent) -> RecordedEvent {
        let position = Position(self.events.len() as i64 + 1);
        RecordedEvent {
            position,
            stream,
            stream_version,
            event_type: event.event_type().to_owned(),
            schema_version: event.schema_version(),
            payload: event.to_payload(),
            metadata: "{}".to_owned(),
            recorded_at: self.now,
            hash: Hash([position.0 as u8; 32]),
        }
    }
}
