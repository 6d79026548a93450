//! Cold streams on their way into the world: one query at a time, on a connection of its own, for all who wait.
//!
//! A load reads the streams as of the head at which it started. What other writers append to them meanwhile, and the
//! executor has caught up with, is kept and folded over what the load brings.

use std::collections::HashMap;

use eventstore::{Book, Position, ReadError, RecordedEvent, StreamId};
use tokio::task::JoinHandle;

use crate::job::Pending;
use crate::world::States;

/// Streams in one load at most: a cart of 2,000 lines needs 4,000 (product and stock).
const LOAD_STREAMS_MAX: usize = 8_192;

pub(crate) struct Loading {
    book: Book,
    wanted: Vec<StreamId>,
    waiting: Vec<Pending>,
    flight: Option<Flight>,
}

struct Flight {
    task: JoinHandle<Result<States, ReadError>>,
    /// Per stream that is being loaded: what was appended to it since.
    since: HashMap<StreamId, Vec<RecordedEvent>>,
    waiting: Vec<Pending>,
    /// The book went back while it was on its way: what it brings is of no use.
    stale: bool,
}

pub(crate) struct Loaded {
    pub(crate) states: Result<States, ReadError>,
    pub(crate) waiting: Vec<Pending>,
}

impl Loading {
    pub(crate) fn new(book: Book) -> Self {
        Self { book, wanted: Vec::new(), waiting: Vec::new(), flight: None }
    }

    pub(crate) fn wait_for(&mut self, pending: Pending, missing: Vec<StreamId>) {
        self.wanted.extend(missing);
        self.waiting.push(pending);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.flight.is_none() && self.waiting.is_empty()
    }

    /// Starts the next load if none is on its way.
    pub(crate) fn start(&mut self, up_to: Position) {
        if self.flight.is_some() || self.waiting.is_empty() {
            return;
        }
        let mut streams = std::mem::take(&mut self.wanted);
        streams.sort_unstable();
        streams.dedup();
        streams.truncate(LOAD_STREAMS_MAX);
        let since = streams.iter().map(|stream| (stream.clone(), Vec::new())).collect();
        let book = self.book.clone();
        let task = tokio::spawn(async move {
            let events = book.streams(&streams, up_to).await?;
            Ok(States::fold(&streams, &events))
        });
        self.flight = Some(Flight { task, since, waiting: std::mem::take(&mut self.waiting), stale: false });
    }

    /// Waits for the load that is on its way; for ever if there is none.
    pub(crate) async fn finished(&mut self) -> Loaded {
        let Some(flight) = &mut self.flight else { return std::future::pending().await };
        let states = (&mut flight.task).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a load was interrupted");
            Ok(States::default())
        });
        let mut flight = self.flight.take().expect("it was there a line above");
        let states = if flight.stale { Ok(States::default()) } else { states.map(|states| flight.complete(states)) };
        Loaded { states, waiting: flight.waiting }
    }

    /// An event of another writer, just caught up with.
    pub(crate) fn absorb(&mut self, event: &RecordedEvent) {
        if let Some(kept) = self.flight.as_mut().and_then(|flight| flight.since.get_mut(&event.stream)) {
            kept.push(event.clone());
        }
    }

    /// The executor itself has just written the stream: what the load brings of it is out of date.
    pub(crate) fn supersede(&mut self, stream: &StreamId) {
        if let Some(flight) = &mut self.flight {
            flight.since.remove(stream);
        }
    }

    pub(crate) fn forget(&mut self) {
        if let Some(flight) = &mut self.flight {
            flight.stale = true;
        }
    }
}

impl Flight {
    fn complete(&mut self, states: States) -> States {
        let mut complete = States::default();
        for (stream, mut entry) in states.into_entries() {
            let Some(since) = self.since.remove(&stream) else { continue };
            for event in &since {
                entry.absorb(event);
            }
            complete.push(stream, entry);
        }
        complete
    }
}
