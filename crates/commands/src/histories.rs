//! Streams as they stood at a position of the book: each from its snapshot, where there is one that holds, and from the
//! events after it. One query, as a rule; what is longer than a page goes on with another one.
//!
//! What a snapshot says is never taken for more than what the events say: one that does not hold is given away to be
//! deleted, and its stream is folded from its first event.

use std::time::{Duration, Instant};

use eventstore::snapshot::{Flaw, History, Nearest, Stale, Wanted};
use eventstore::{Book, Point, Position, ReadError, StreamId};
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::snapshots::SnapshotQueue;
use crate::world::{AnyState, Entry};

/// Events of one stream that are read at once: some 3 MB, which a query brings in a few hundredths of a second. A stream
/// of a million events that has lost its snapshot is folded in 250 of them, and at no time held as a whole.
const PAGE_EVENTS: i64 = 4_096;
/// A query that takes longer was not answered: the network is gone, or the server has stopped.
const QUERY_LIMIT: Duration = Duration::from_secs(5);
const RETRY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("the streams cannot be read")]
    Read(#[from] ReadError),
    #[error("the streams were not read within {} s", QUERY_LIMIT.as_secs())]
    NotAnswered,
    #[error("the load was interrupted")]
    Interrupted(#[from] JoinError),
}

/// A stream as far as it has been read.
pub(crate) struct Read {
    pub(crate) stream: StreamId,
    pub(crate) entry: Entry,
    /// The last event that was read after the snapshot.
    pub(crate) last: Option<Point>,
    /// There is a snapshot of it at a page beyond the position, and nothing was read: [`Wish::AsItIsNow`] alone.
    pub(crate) is_behind: bool,
}

/// What the position means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wish {
    /// The end of the book, as far as is known. Where a snapshot shows that the stream goes on beyond it, reading on is much
    /// less work than folding all that came before.
    AsItIsNow,
    AsItWas,
}

/// The streams in their order, without those of categories that this program does not know. A book that is away is asked
/// again for as long as `patience` lasts.
pub(crate) async fn read(
    book: &Book,
    snapshots: &SnapshotQueue,
    streams: &[StreamId],
    (wish, up_to): (Wish, Position),
    patience: Duration,
) -> Result<Vec<Read>, LoadError> {
    let give_up_at = Instant::now() + patience;
    let mut read: Vec<Read> = streams.iter().filter_map(Read::nothing).collect();
    let mut unfinished: Vec<usize> = (0..read.len()).collect();
    let mut wanted: Vec<Wanted> = read.iter().map(Read::first_wanted).collect();
    while !unfinished.is_empty() {
        let histories = page(book, &wanted, up_to, give_up_at).await?;
        let mut left = Vec::new();
        for (place, history) in unfinished.into_iter().zip(histories) {
            if read[place].take(history, wish, snapshots) {
                left.push(place);
            }
        }
        unfinished = left;
        wanted = unfinished.iter().map(|place| read[*place].next_wanted()).collect();
    }
    Ok(read)
}

async fn page(book: &Book, wanted: &[Wanted], up_to: Position, give_up_at: Instant) -> Result<Vec<History>, LoadError> {
    loop {
        let error = match timeout(QUERY_LIMIT, book.histories(wanted, up_to, PAGE_EVENTS)).await {
            Ok(Ok(histories)) => return Ok(histories),
            Ok(Err(error)) => LoadError::Read(error),
            Err(_) => LoadError::NotAnswered,
        };
        if Instant::now() + RETRY_PAUSE > give_up_at {
            return Err(error);
        }
        tracing::warn!(error = &error as &dyn std::error::Error, streams = wanted.len(), "streams are loaded again");
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

impl Read {
    fn nothing(stream: &StreamId) -> Option<Self> {
        Some(Self { stream: stream.clone(), entry: Entry::initial(stream)?, last: None, is_behind: false })
    }

    fn first_wanted(&self) -> Wanted {
        Wanted { state_version: AnyState::version_of(&self.stream.category), ..self.next_wanted() }
    }

    fn next_wanted(&self) -> Wanted {
        Wanted { stream: self.stream.clone(), state_version: None, after: self.entry.version }
    }

    /// Whether there is more to read of it.
    fn take(&mut self, history: History, wish: Wish, snapshots: &SnapshotQueue) -> bool {
        let events_are_of_use = match history.snapshot {
            Nearest::Ahead if wish == Wish::AsItIsNow => {
                self.is_behind = true;
                return false;
            }
            Nearest::None | Nearest::OfLater | Nearest::Ahead => true,
            Nearest::Holds { snapshot, recorded_at } => match Entry::restored(&snapshot, recorded_at) {
                Some(entry) => {
                    metrics::counter!("daybook_snapshots_used_total").increment(1);
                    self.entry = entry;
                    true
                }
                None => {
                    snapshots.discard(Stale::from(&snapshot), Flaw::State);
                    false
                }
            },
            Nearest::Fails { stale, flaw, events_follow_it } => {
                snapshots.discard(stale, flaw);
                !events_follow_it
            }
        };
        if !events_are_of_use {
            return true;
        }
        for event in &history.events {
            self.entry.absorb(event);
        }
        self.last = history.events.last().map(eventstore::RecordedEvent::point).or(self.last);
        history.events.len() as i64 >= PAGE_EVENTS
    }
}
