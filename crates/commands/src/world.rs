//! The world: folded stream states, all of them true as of one head of the book, be it one whose last pages are still on
//! their way there. Bounded in bytes.
//!
//! A state is shared (`Arc`) and copied when it changes while somebody still holds it, so an answer can carry the
//! state it was decided on out of the executor without a copy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::aggregate::{Aggregate, EventKind, UnreadableEvent};
use domain::{cart::Cart, inventory::Inventory, order::Order, payment::Payment, product::Product};
use eventstore::event::{RecordedEvent, StreamId};
use eventstore::snapshot::Snapshot;
use hashlink::{LinkedHashMap, linked_hash_map::RawEntryMut};
use uuid::Uuid;

/// What an entry costs beside its state: the key, the list and the table.
const ENTRY_OVERHEAD_BYTES: usize = 184;

/// Declares the closed set of aggregates that the executor can hold.
macro_rules! aggregates {
    ($($variant:ident),+) => {
        /// The folded state of any aggregate.
        #[derive(Debug, Clone)]
        pub enum AnyState { $($variant(Arc<<$variant as Aggregate>::State>)),+ }

        /// An event of any aggregate.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AnyEvent { $($variant(<$variant as Aggregate>::Event)),+ }

        impl AnyState {
            /// The state of a stream of this category before its first event.
            fn initial(category: &str) -> Option<Self> {
                $(if category == $variant::CATEGORY { return Some(Self::$variant(Arc::new($variant::initial()))); })+
                None
            }

            pub(crate) fn evolve(&mut self, event: &AnyEvent) {
                match (self, event) {
                    $((Self::$variant(state), AnyEvent::$variant(event)) => {
                        let held = std::mem::replace(state, Arc::new($variant::initial()));
                        *state = Arc::new($variant::evolve(Arc::unwrap_or_clone(held), event));
                    })+
                    (state, event) => unreachable!("an event of another category reached this stream: {state:?} {event:?}"),
                }
            }

            pub(crate) fn weight(&self) -> usize {
                match self { $(Self::$variant(state) => $variant::weight(state)),+ }
            }

            /// The form in which states of this category are written down; `None` if this program does not know it.
            pub(crate) fn version_of(category: &str) -> Option<i32> {
                $(if category == $variant::CATEGORY { return Some($variant::STATE_VERSION); })+
                None
            }

            pub(crate) fn version(&self) -> i32 {
                match self { $(Self::$variant(_) => $variant::STATE_VERSION),+ }
            }

            pub(crate) fn write(&self, to: impl std::io::Write) -> serde_json::Result<()> {
                match self { $(Self::$variant(state) => serde_json::to_writer(to, state.as_ref())),+ }
            }

            /// What `write` wrote of this very state; `None` if it is not that.
            pub(crate) fn read(category: &str, written: &[u8]) -> Option<Self> {
                $(if category == $variant::CATEGORY {
                    return serde_json::from_slice(written).ok().map(|state| Self::$variant(Arc::new(state)));
                })+
                None
            }
        }

        impl AnyEvent {
            pub(crate) fn read(recorded: &RecordedEvent) -> Result<Self, UnreadableEvent> {
                let RecordedEvent { event_type, schema_version, payload, .. } = recorded;
                $(if recorded.stream.category == $variant::CATEGORY {
                    return EventKind::from_payload(event_type, *schema_version, payload).map(Self::$variant);
                })+
                Err(UnreadableEvent::UnknownType { event_type: event_type.clone() })
            }

            pub(crate) fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(event) => event.event_type()),+ }
            }

            pub(crate) fn schema_version(&self) -> i32 {
                match self { $(Self::$variant(event) => event.schema_version()),+ }
            }

            pub(crate) fn to_payload(&self) -> String {
                match self { $(Self::$variant(event) => event.to_payload()),+ }
            }
        }

        $(impl Held for $variant {
            fn held(state: &AnyState) -> Option<&Arc<Self::State>> {
                match state { AnyState::$variant(state) => Some(state), _ => None }
            }

            fn any(state: Self::State) -> AnyState { AnyState::$variant(Arc::new(state)) }

            fn event(event: Self::Event) -> AnyEvent { AnyEvent::$variant(event) }

            fn decided(event: &AnyEvent) -> Option<&Self::Event> {
                match event { AnyEvent::$variant(event) => Some(event), _ => None }
            }
        })+
    };
}

aggregates!(Product, Cart, Inventory, Order, Payment);

/// An aggregate that the world can hold.
pub trait Held: Aggregate {
    fn held(state: &AnyState) -> Option<&Arc<Self::State>>;
    fn any(state: Self::State) -> AnyState;
    fn event(event: Self::Event) -> AnyEvent;
    fn decided(event: &AnyEvent) -> Option<&Self::Event>;

    fn stream(id: Uuid) -> StreamId {
        StreamId::new(Self::CATEGORY, id)
    }
}

/// A stream as it stands after `version` events.
#[derive(Debug, Clone)]
pub struct Entry {
    pub version: i64,
    /// Of its last event; `None` before the first.
    pub recorded_at: Option<DateTime<Utc>>,
    pub state: Result<AnyState, UnreadableEvent>,
    /// The version of the last snapshot of it that this program knows of; 0 if it knows of none.
    pub(crate) snapshot_version: i64,
}

impl Entry {
    /// The stream before its first event; `None` for a category this program does not know.
    pub(crate) fn initial(stream: &StreamId) -> Option<Self> {
        let state = AnyState::initial(&stream.category)?;
        Some(Self { version: 0, recorded_at: None, state: Ok(state), snapshot_version: 0 })
    }

    /// The stream as a snapshot has it; `None` if no state can be made of it.
    pub(crate) fn restored(snapshot: &Snapshot, recorded_at: DateTime<Utc>) -> Option<Self> {
        let state = AnyState::read(&snapshot.stream.category, &snapshot.state)?;
        let version = snapshot.stream_version;
        Some(Self { version, recorded_at: Some(recorded_at), state: Ok(state), snapshot_version: version })
    }

    /// Folds a stored event. A stream with an event that cannot be read, or not be folded, is refused from there on.
    pub(crate) fn absorb(&mut self, recorded: &RecordedEvent) {
        self.version = recorded.stream_version;
        self.recorded_at = Some(recorded.recorded_at);
        let Ok(state) = &mut self.state else { return };
        // The event stands in the book: were it to panic here, it would again after every restart.
        let folded = catch_unwind(AssertUnwindSafe(|| AnyEvent::read(recorded).map(|event| state.evolve(&event))));
        let unreadable = match folded {
            Ok(Ok(())) => return,
            Ok(Err(unreadable)) => unreadable,
            Err(_) => UnreadableEvent::Payload {
                event_type: recorded.event_type.clone(),
                reason: "folding it panics".to_owned(),
            },
        };
        tracing::error!(stream = %recorded.stream, position = %recorded.position, %unreadable, "a stream is refused");
        self.state = Err(unreadable);
    }

    /// Folds an event that was just decided on this very state, in a batch of this time.
    pub(crate) fn apply(&mut self, event: &AnyEvent, now: DateTime<Utc>) {
        self.version += 1;
        self.recorded_at = Some(now);
        if let Ok(state) = &mut self.state {
            state.evolve(event);
        }
    }

    fn weight(&self) -> usize {
        ENTRY_OVERHEAD_BYTES + self.state.as_ref().map_or(0, AnyState::weight)
    }
}

/// Streams and their states as an answer carries them, or as a reader folded them from the book.
#[derive(Debug, Clone, Default)]
pub struct States(Vec<(StreamId, Entry)>);

impl States {
    /// Folds events that are ordered by stream and version; streams without events stand at version 0.
    pub fn fold(streams: &[StreamId], events: &[RecordedEvent]) -> Self {
        let mut states: Vec<(StreamId, Entry)> =
            streams.iter().filter_map(|stream| Entry::initial(stream).map(|entry| (stream.clone(), entry))).collect();
        let mut at = 0;
        for event in events {
            if states.get(at).is_none_or(|(stream, _)| *stream != event.stream) {
                // The next one, as a rule: the streams of a load come in the order of their events.
                let mut from_here = (at..states.len()).chain(0..at);
                let Some(found) = from_here.find(|place| states[*place].0 == event.stream) else { continue };
                at = found;
            }
            states[at].1.absorb(event);
        }
        Self(states)
    }

    pub(crate) fn push(&mut self, stream: StreamId, entry: Entry) {
        self.0.push((stream, entry));
    }

    /// The version of the stream shown first: the one that the answer is about.
    pub(crate) fn primary_version(&self) -> i64 {
        self.0.first().map_or(0, |(_, entry)| entry.version)
    }

    pub(crate) fn into_entries(self) -> Vec<(StreamId, Entry)> {
        self.0
    }

    /// The state of a stream and its version, if it is among these and can be read.
    pub fn get<A: Held>(&self, id: Uuid) -> Option<(&A::State, i64)> {
        let entry = self.entry::<A>(id)?;
        let state = entry.state.as_ref().ok()?;
        A::held(state).map(|state| (state.as_ref(), entry.version))
    }

    /// When the stream last changed, if it is among these and has an event.
    pub fn recorded_at<A: Held>(&self, id: Uuid) -> Option<DateTime<Utc>> {
        self.entry::<A>(id)?.recorded_at
    }

    fn entry<A: Held>(&self, id: Uuid) -> Option<&Entry> {
        let found = self.0.iter().find(|(stream, _)| stream.id == id && stream.category == A::CATEGORY);
        found.map(|(_, entry)| entry)
    }
}

/// The cache: least recently used streams leave first, and only between batches.
#[derive(Debug)]
pub(crate) struct World {
    entries: LinkedHashMap<StreamId, (Entry, usize)>,
    bytes: usize,
    bytes_max: usize,
}

impl World {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { entries: LinkedHashMap::new(), bytes: 0, bytes_max }
    }

    pub(crate) fn get(&self, stream: &StreamId) -> Option<&Entry> {
        self.entries.get(stream).map(|(entry, _)| entry)
    }

    /// Whether the stream is held; if so, it is now the most recently used.
    pub(crate) fn touch(&mut self, stream: &StreamId) -> bool {
        match self.entries.raw_entry_mut().from_key(stream) {
            RawEntryMut::Occupied(mut occupied) => {
                occupied.to_back();
                true
            }
            RawEntryMut::Vacant(_) => false,
        }
    }

    /// Gives back what it held of the stream before.
    pub(crate) fn put(&mut self, stream: StreamId, entry: Entry) -> Option<Entry> {
        let weight = entry.weight();
        self.bytes += weight;
        let (replaced, weight) = self.entries.insert(stream, (entry, weight))?;
        self.bytes -= weight;
        Some(replaced)
    }

    /// Folds an event that somebody else appended. A stream that is not held stays out.
    pub(crate) fn absorb(&mut self, event: &RecordedEvent) {
        if let Some((entry, weight)) = self.entries.get_mut(&event.stream) {
            #[cfg(feature = "planted-bugs")]
            if eventstore::planted::is("stale-state") {
                entry.version = event.stream_version;
                return;
            }
            self.bytes -= *weight;
            entry.absorb(event);
            *weight = entry.weight();
            self.bytes += *weight;
        }
    }

    pub(crate) fn remove(&mut self, stream: &StreamId) {
        if let Some((_, weight)) = self.entries.remove(stream) {
            self.bytes -= weight;
        }
    }

    pub(crate) fn evict(&mut self) {
        while self.bytes > self.bytes_max {
            let Some((_, (_, weight))) = self.entries.pop_front() else { break };
            self.bytes -= weight;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&StreamId, &Entry)> {
        self.entries.iter().map(|(stream, (entry, _))| (stream, entry))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
