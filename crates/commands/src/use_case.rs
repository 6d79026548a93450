//! A use case: what a client asks for, decided purely over the states of the streams it names.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::aggregate::UnreadableEvent;
use eventstore::event::StreamId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::rejection::Rejection;
use crate::world::{AnyEvent, Entry, Held, World};

/// What a client, or a process manager, asks for. It may touch several streams; what it decides is one append.
pub trait UseCase: Send + 'static {
    /// What is stored under the idempotency key: ids and labels, never personal data.
    type Outcome: Serialize + DeserializeOwned + Send + 'static;

    /// The name in metrics and logs: `add_item`.
    const NAME: &'static str;

    /// The streams that are needed, as far as the streams seen so far tell (the cart, then the SKUs in it).
    /// Called again after each load, and once more for the decision: each step names all of the ones before.
    fn streams(&self, view: &View<'_>) -> Streams;

    /// Pure: the same view and time give the same decision.
    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<Self::Outcome>, Rejection>;

    /// The streams whose states the answer shows, the one whose version is the answer's first.
    fn shows(outcome: &Self::Outcome) -> Vec<StreamId>;

    /// Of one that a deadline ran too early: when it is due again.
    fn again_at(_: &Self::Outcome) -> Option<DateTime<Utc>> {
        None
    }
}

/// The streams a use case needs.
#[derive(Debug, Default)]
pub struct Streams {
    pub(crate) read: Vec<StreamId>,
    pub(crate) fresh: Vec<StreamId>,
}

impl Streams {
    /// A stream that may have events: it is loaded if the world does not hold it.
    #[must_use]
    pub fn read<A: Held>(mut self, id: Uuid) -> Self {
        self.read.push(A::stream(id));
        self
    }

    /// A stream whose id was made just now, so that there is nothing to load.
    #[must_use]
    pub fn fresh<A: Held>(mut self, id: Uuid) -> Self {
        self.fresh.push(A::stream(id));
        self
    }
}

/// What was decided: events in the order in which they are appended, and what to answer.
#[derive(Debug)]
pub struct Decision<O> {
    pub(crate) events: Vec<(StreamId, AnyEvent)>,
    pub(crate) outcome: O,
}

/// Collects the events of one decision.
#[derive(Debug, Default)]
pub struct Events(Vec<(StreamId, AnyEvent)>);

impl Events {
    /// Runs a command against a stream's state as the view shows it. One command a stream: the view does not change.
    pub fn decide<A: Held>(&mut self, view: &View<'_>, id: Uuid, command: A::Command) -> Result<(), Rejection>
    where
        Rejection: From<A::Error>,
    {
        let events = A::decide(view.state::<A>(id)?, command)?;
        self.0.extend(events.into_iter().map(|event| (A::stream(id), A::event(event))));
        Ok(())
    }

    /// A further command to a stream, decided after what this decision holds for it already.
    pub fn decide_next<A: Held>(&mut self, view: &View<'_>, id: Uuid, command: A::Command) -> Result<(), Rejection>
    where
        Rejection: From<A::Error>,
    {
        let events = A::decide(&self.after::<A>(view, id)?, command)?;
        self.0.extend(events.into_iter().map(|event| (A::stream(id), A::event(event))));
        Ok(())
    }

    /// Those of one kind of aggregate, whatever their streams.
    pub(crate) fn of<A: Held>(&self) -> impl Iterator<Item = &A::Event> {
        self.0.iter().filter_map(|(_, event)| A::decided(event))
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The state of a stream after what this decision holds for it.
    pub fn after<A: Held>(&self, view: &View<'_>, id: Uuid) -> Result<A::State, Rejection> {
        let stream = A::stream(id);
        let mut state = A::any(view.state::<A>(id)?.clone());
        for (_, event) in self.0.iter().filter(|(of, _)| *of == stream) {
            state.evolve(event);
        }
        Ok(A::held(&state).expect("it was made from a state of this kind").as_ref().clone())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn answer<O>(self, outcome: O) -> Decision<O> {
        Decision { events: self.0, outcome }
    }
}

/// The states of a batch: the world as of the head, and over it what the batch has decided so far.
#[derive(Debug)]
pub struct View<'a> {
    world: &'a World,
    overlay: &'a HashMap<StreamId, Entry>,
}

impl<'a> View<'a> {
    pub(crate) fn new(world: &'a World, overlay: &'a HashMap<StreamId, Entry>) -> Self {
        Self { world, overlay }
    }

    pub(crate) fn entry(&self, stream: &StreamId) -> Option<&'a Entry> {
        self.overlay.get(stream).or_else(|| self.world.get(stream))
    }

    /// The state of a stream if it is held: for `streams`, which runs before everything is there.
    pub fn seen<A: Held>(&self, id: Uuid) -> Option<&'a A::State> {
        let state = self.entry(&A::stream(id))?.state.as_ref().ok()?;
        A::held(state).map(AsRef::as_ref)
    }

    /// When a stream last changed; `None` if it is not held or has no event.
    pub fn changed_at<A: Held>(&self, id: Uuid) -> Option<DateTime<Utc>> {
        self.entry(&A::stream(id))?.recorded_at
    }

    /// The state of a stream that the use case named. A stream with an event that cannot be read is refused.
    pub fn state<A: Held>(&self, id: Uuid) -> Result<&'a A::State, Rejection> {
        let stream = A::stream(id);
        let entry = self.entry(&stream).unwrap_or_else(|| panic!("{stream} was decided on but not named"));
        let state = entry.state.as_ref().map_err(|unreadable: &UnreadableEvent| Rejection::UnreadableStream {
            stream: stream.to_string(),
            unreadable: unreadable.clone(),
        })?;
        Ok(A::held(state).expect("a stream's category fixes the kind of its state"))
    }
}
