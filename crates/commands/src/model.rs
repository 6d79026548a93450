//! The rules without the executor: a book in memory, on which a use case is decided as the executor decides it. Replay a
//! book up to a command's first event, decide the command again, and compare. Knows no I/O.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use eventstore::event::{NewEvent, RecordedEvent, StreamId};

use crate::rejection::Rejection;
use crate::use_case::{UseCase, View};
use crate::world::{AnyState, Entry, World};

/// Every stream of a book, as of the last event that it was shown.
#[derive(Debug)]
pub struct Model {
    world: World,
}

impl Default for Model {
    fn default() -> Self {
        Self { world: World::new(usize::MAX) }
    }
}

impl Model {
    /// The next event of the book.
    pub fn absorb(&mut self, event: &RecordedEvent) {
        self.hold(&event.stream);
        self.world.absorb(event);
    }

    /// What the use case decides now, as it would be written but for the metadata.
    pub fn decide<U: UseCase>(
        &mut self,
        use_case: &U,
        now: DateTime<Utc>,
    ) -> Result<(Vec<NewEvent>, U::Outcome), Rejection> {
        let nothing = HashMap::new();
        loop {
            let streams = use_case.streams(&View::new(&self.world, &nothing));
            let mut named = streams.read.iter().chain(&streams.fresh);
            if named.all(|stream| self.world.get(stream).is_some()) {
                break;
            }
            streams.read.iter().chain(&streams.fresh).for_each(|stream| self.hold(stream));
        }
        let decision = use_case.decide(&View::new(&self.world, &nothing), now)?;
        let mut versions: HashMap<StreamId, i64> = HashMap::new();
        let mut events = Vec::new();
        for (stream, event) in decision.events {
            let held = self.world.get(&stream).map_or(0, |entry| entry.version);
            let version = versions.entry(stream.clone()).or_insert(held);
            *version += 1;
            events.push(NewEvent {
                stream_version: *version,
                event_type: event.event_type().into(),
                schema_version: event.schema_version(),
                payload: event.to_payload(),
                metadata: String::new(),
                stream,
            });
        }
        Ok((events, decision.outcome))
    }

    /// Every stream that has events, with its version and its state.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamId, i64, &AnyState)> {
        self.world.iter().filter_map(|(stream, entry)| {
            let state = entry.state.as_ref().ok()?;
            (entry.version > 0).then_some((stream, entry.version, state))
        })
    }

    /// A stream that it was shown no event of has none: the model has seen the whole book.
    fn hold(&mut self, stream: &StreamId) {
        if self.world.get(stream).is_none()
            && let Some(entry) = Entry::initial(stream)
        {
            self.world.put(stream.clone(), entry);
        }
    }
}
