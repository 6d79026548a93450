//! Following the book from a point: in order, without a gap, and checked. Every follower is a verifier: it stops at the
//! first page that does not follow from the one before. What is done with the events, and where the point is kept, is
//! the follower's owner's to know.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

use crate::{
    event::{Hash, Point, Position, RecordedEvent},
    read::{Book, ReadError},
};

/// How soon a follower looks again when nothing wakes it: at first, and at the longest when the book stays as it is.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(250);

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error("position {missing} is missing from the book: the next event has position {found}")]
    Gap { missing: Position, found: Position },
    #[error("the hash of position {position} does not follow from its content and the page before it")]
    Chain { position: Position },
    /// A restore, or a failover that lost a tail. What was made of the lost events is of another history.
    #[error("the book went back: position {} no longer has the hash {}", at.position, at.hash)]
    BookWentBack { at: Point, found: Option<Hash> },
    #[error("the book cannot be followed")]
    Read(#[from] ReadError),
}

/// Reads on from a point that was reached before. Holds no connection between two pages.
#[derive(Debug)]
pub struct Follower {
    book: Book,
    at: Point,
    pause: Duration,
}

impl Follower {
    /// The events after `after`; for all of them, the point of the [title](Book::title).
    #[must_use]
    pub fn from(book: Book, after: Point) -> Self {
        Self { book, at: after, pause: PAUSE_MIN }
    }

    /// The last event that was handed out.
    #[must_use]
    pub fn at(&self) -> Point {
        self.at
    }

    /// At most `limit` events, each checked; none when the follower is at the head. After an error it stays where it
    /// was.
    pub async fn next_page(&mut self, limit: i64) -> Result<Vec<RecordedEvent>, FollowError> {
        // The page begins with the one we are at: that it is still there, with its hash, is seen without a second
        // query.
        let page = self.book.page(Position(self.at.position.0 - 1), limit.saturating_add(1)).await?;
        let mut page = page.into_iter();
        let Some(anchor) = page.next() else {
            return Err(FollowError::BookWentBack { at: self.at, found: None });
        };
        if anchor.position != self.at.position {
            return Err(FollowError::Gap { missing: self.at.position, found: anchor.position });
        }
        if anchor.hash != self.at.hash {
            return Err(FollowError::BookWentBack { at: self.at, found: Some(anchor.hash) });
        }
        let events: Vec<RecordedEvent> = page.collect();
        self.at = end_of(self.at, &events)?;
        if !events.is_empty() {
            self.pause = PAUSE_MIN;
        }
        Ok(events)
    }

    /// Waits until there may be more: at once when `head` says so, else until it is time to look again, which is put
    /// off a little longer each time in which nothing came.
    pub async fn wait(&mut self, head: &HeadWatch) {
        head.wait_beyond(self.at.position, self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }
}

/// Where `events` end, if each follows from the one before and the first from `at`.
fn end_of(at: Point, events: &[RecordedEvent]) -> Result<Point, FollowError> {
    events.iter().try_fold(at, |at, event| {
        let expected = at.position.next();
        if event.position != expected {
            return Err(FollowError::Gap { missing: expected, found: event.position });
        }
        if event.hash != event.hash_after(at.hash) {
            return Err(FollowError::Chain { position: event.position });
        }
        Ok(event.point())
    })
}

/// The newest position that was committed by the writer of this process, for the followers in the same process. A hint:
/// events of other writers come without it. Clones share the position.
#[derive(Debug, Clone, Default)]
pub struct HeadWatch {
    newest: watch::Sender<Position>,
}

impl HeadWatch {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Called by the writer after every commit, and with a lower position when the book went back.
    pub fn publish(&self, newest: Position) {
        self.newest.send_replace(newest);
    }

    #[must_use]
    pub fn newest(&self) -> Position {
        *self.newest.borrow()
    }

    /// Until a position beyond this one is published, but no longer than `poll_interval`.
    pub async fn wait_beyond(&self, position: Position, poll_interval: Duration) {
        let mut newest = self.newest.subscribe();
        let beyond = newest.wait_for(|newest| *newest > position);
        // Either way it is time to look: the sender is ours and cannot be closed.
        let _woken_or_not = timeout(poll_interval, beyond).await.is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than any test runner waits.
    const FOREVER: Duration = Duration::from_secs(86_400);

    #[tokio::test]
    async fn a_wait_ends_at_once_when_a_newer_position_is_known() {
        let head = HeadWatch::new();
        head.publish(Position(2));
        head.wait_beyond(Position(1), FOREVER).await;
        assert_eq!(head.newest(), Position(2));
    }

    #[tokio::test]
    async fn a_wait_is_woken_by_a_publication() {
        let head = HeadWatch::new();
        let publisher = head.clone();
        tokio::join!(head.wait_beyond(Position(1), FOREVER), async move {
            publisher.publish(Position(1));
            publisher.publish(Position(2));
        });
    }

    #[tokio::test]
    async fn a_wait_ends_with_the_poll_interval_when_nothing_is_published() {
        HeadWatch::new().wait_beyond(Position(0), PAUSE_MIN).await;
    }
}
