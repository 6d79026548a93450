//! Cold streams on their way into the world: one query at a time, on a connection of its own, for those who wait.
//!
//! A load reads the streams as of the head at which it started, long ones from their snapshots. What other writers append to
//! them meanwhile, and the executor has caught up with, is kept and folded over what the load brings.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use eventstore::{Book, Position, RecordedEvent, StreamId};
use tokio::task::JoinHandle;

use crate::histories::{self, LoadError, Read, Wish};
use crate::job::Pending;
use crate::snapshots::SnapshotQueue;
use crate::world::States;

/// Streams in one load at most, that of a single command apart: a cart of 2,000 lines needs 4,000 (product and stock).
const LOAD_STREAMS_MAX: usize = 8_192;

pub(crate) struct Loading {
    book: Book,
    snapshots: SnapshotQueue,
    /// How long a book that is away is asked again.
    ride_out: Duration,
    /// In the order in which they came.
    waiting: VecDeque<Cold>,
    flight: Option<Flight>,
}

/// A command, and the streams it waits for.
struct Cold {
    pending: Pending,
    missing: Vec<StreamId>,
}

struct Flight {
    task: JoinHandle<Result<Brought, LoadError>>,
    started: Instant,
    /// Per stream that is being loaded: what was appended to it since.
    since: HashMap<StreamId, Vec<RecordedEvent>>,
    waiting: Vec<Pending>,
    /// The book went back while it was on its way: what it brings is of no use.
    stale: bool,
}

#[derive(Default)]
struct Brought {
    states: States,
    is_behind: bool,
}

pub(crate) struct Loaded {
    pub(crate) states: Result<States, LoadError>,
    /// Another writer has gone on beyond the head, and streams were left out: they are to be loaded once this one has read
    /// on.
    pub(crate) is_behind: bool,
    pub(crate) waiting: Vec<Pending>,
}

impl Loading {
    pub(crate) fn new(book: Book, snapshots: SnapshotQueue, ride_out: Duration) -> Self {
        Self { book, snapshots, ride_out, waiting: VecDeque::new(), flight: None }
    }

    pub(crate) fn wait_for(&mut self, pending: Pending, missing: Vec<StreamId>) {
        self.waiting.push_back(Cold { pending, missing });
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.flight.is_none() && self.waiting.is_empty()
    }

    /// Commands that wait for a load, or for the next one.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.flight.as_ref().map_or(0, |flight| flight.waiting.len())
    }

    /// Starts the next load if none is on its way: of everything that as many commands as fit wait for, in turn, so that
    /// each has all it asked for when it is done.
    pub(crate) fn start(&mut self, up_to: Position) {
        if self.flight.is_some() || self.waiting.is_empty() {
            return;
        }
        let mut streams = HashSet::new();
        let mut waiting = Vec::new();
        while let Some(cold) = self.waiting.front() {
            if !waiting.is_empty() && streams.len() + cold.missing.len() > LOAD_STREAMS_MAX {
                break;
            }
            let Cold { pending, missing } = self.waiting.pop_front().expect("it was there a line above");
            streams.extend(missing);
            waiting.push(pending);
        }
        metrics::histogram!("daybook_load_streams").record(streams.len() as f64);
        let since = streams.iter().map(|stream| (stream.clone(), Vec::new())).collect();
        let mut streams: Vec<_> = streams.into_iter().collect();
        // In the order in which their events come.
        streams.sort_unstable();
        let task = tokio::spawn(load(self.book.clone(), self.snapshots.clone(), streams, up_to, self.ride_out));
        self.flight = Some(Flight { task, started: Instant::now(), since, waiting, stale: false });
    }

    /// Whether `finished` would not have to wait.
    pub(crate) fn has_landed(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.task.is_finished())
    }

    /// Waits for the load that is on its way; for ever if there is none.
    pub(crate) async fn finished(&mut self) -> Loaded {
        let Some(flight) = &mut self.flight else { return std::future::pending().await };
        let brought = (&mut flight.task).await.unwrap_or_else(|interrupted| Err(interrupted.into()));
        let mut flight = self.flight.take().expect("it was there a line above");
        metrics::histogram!("daybook_load_seconds").record(flight.started.elapsed().as_secs_f64());
        let brought = if flight.stale { Ok(Brought::default()) } else { brought };
        let is_behind = brought.as_ref().is_ok_and(|brought| brought.is_behind);
        let states = brought.map(|brought| flight.complete(brought.states));
        Loaded { states, is_behind, waiting: flight.waiting }
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

    /// What is on its way is of another history.
    pub(crate) fn forget(&mut self) {
        if let Some(flight) = &mut self.flight {
            flight.stale = true;
        }
    }

    /// The commands for which no load has started yet, to be refused.
    pub(crate) fn turn_away(&mut self) -> impl Iterator<Item = Pending> {
        std::mem::take(&mut self.waiting).into_iter().map(|cold| cold.pending)
    }
}

async fn load(
    book: Book,
    snapshots: SnapshotQueue,
    streams: Vec<StreamId>,
    up_to: Position,
    ride_out: Duration,
) -> Result<Brought, LoadError> {
    let mut brought = Brought::default();
    for read in histories::read(&book, &snapshots, &streams, (Wish::AsItIsNow, up_to), ride_out).await? {
        let Read { stream, mut entry, last, is_behind } = read;
        if is_behind {
            brought.is_behind = true;
            continue;
        }
        if let Some(last) = last {
            snapshots.offer(&stream, &mut entry, last);
        }
        brought.states.push(stream, entry);
    }
    Ok(brought)
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
