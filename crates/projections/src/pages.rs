//! One reading of the book for all projections of a process: each event is fetched, hashed and checked once, whoever
//! needs it.
//!
//! The newest events that were read are kept for the projections that come for them a little later. One that is further
//! behind, catching up from an old checkpoint, reads for itself and keeps nobody waiting.

use std::{collections::VecDeque, sync::Arc};

use eventstore::{
    Book, Point, RecordedEvent,
    follow::{FollowError, Follower},
};
use tokio::sync::Mutex;

/// Events in a batch. Large enough that a transaction's fixed cost of some milliseconds is spread over many; small
/// enough that a batch is posted within a fraction of a second.
pub(crate) const BATCH_EVENTS_MAX: usize = 2_000;

/// Events kept in memory: two batches, so that a projection may be one batch slower than the fastest.
const KEPT_EVENTS_MAX: usize = 2 * BATCH_EVENTS_MAX;

pub struct Pages {
    book: Book,
    newest: Mutex<Option<Newest>>,
}

/// Checked events, dense, which end at a point.
struct Newest {
    events: VecDeque<Arc<RecordedEvent>>,
    end: Point,
}

impl Pages {
    #[must_use]
    pub fn new(book: Book) -> Self {
        Self { book, newest: Mutex::new(None) }
    }

    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    /// The events that follow a point, at most a batch; none at the head.
    pub(crate) async fn after(&self, point: Point) -> Result<Vec<Arc<RecordedEvent>>, FollowError> {
        // Held while reading: who comes meanwhile wants the same events.
        let mut kept = self.newest.lock().await;
        if let Some(newest) = kept.as_ref() {
            if let Some(events) = newest.after(point) {
                return Ok(events);
            }
            if point.position < newest.end.position {
                drop(kept);
                return self.read_after(point).await;
            }
        }
        let newest = match kept.as_mut() {
            Some(newest) if newest.end == point => newest,
            _ => kept.insert(Newest { events: VecDeque::new(), end: point }),
        };
        let read = self.read_after(point).await?;
        newest.keep(&read);
        Ok(read)
    }

    async fn read_after(&self, point: Point) -> Result<Vec<Arc<RecordedEvent>>, FollowError> {
        let limit = i64::try_from(BATCH_EVENTS_MAX).expect("the bound is a small number");
        let events = Follower::from(self.book.clone(), point).next_page(limit).await?;
        Ok(events.into_iter().map(Arc::new).collect())
    }
}

impl Newest {
    fn keep(&mut self, read: &[Arc<RecordedEvent>]) {
        let Some(last) = read.last() else { return };
        self.end = last.point();
        self.events.extend(read.iter().cloned());
        let surplus = self.events.len().saturating_sub(KEPT_EVENTS_MAX);
        self.events.drain(..surplus);
    }

    /// `None` if no event is kept that follows the point in its history.
    fn after(&self, point: Point) -> Option<Vec<Arc<RecordedEvent>>> {
        let first = self.events.front()?.position;
        let offset = usize::try_from(point.position.0 - first.0).ok()?;
        let is_kept = self.events.get(offset)?.point() == point && self.end != point;
        is_kept.then(|| self.events.iter().skip(offset + 1).take(BATCH_EVENTS_MAX).cloned().collect())
    }
}
