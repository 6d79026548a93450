//! Following the book from a point: in order, without a gap, and checked. Every follower is a verifier: it stops at the
//! first page that does not follow from the one before. What is done with the events, and where the point is kept, is
//! the follower's owner's to know.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

use crate::{
    event::{Hash, Point, Position, RecordedEvent},
    feed::Feed,
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
    feed: Feed,
    at: Point,
    pause: Duration,
}

impl Follower {
    /// The events after `after`; for all of them, the point of the [title](crate::Title).
    #[must_use]
    pub fn from(feed: impl Into<Feed>, after: Point) -> Self {
        Self { feed: feed.into(), at: after, pause: PAUSE_MIN }
    }

    /// The last event that was handed out.
    #[must_use]
    pub fn at(&self) -> Point {
        self.at
    }

    /// At most `limit` events, each checked; none when the follower is at the head. After an error it stays where it
    /// was.
    pub async fn next_page(&mut self, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, FollowError> {
        let events = self.feed.after(self.at, limit).await?;
        if let Some(last) = events.last() {
            self.at = last.point();
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

/// The events after a point, at most `limit`, if the point is still there and each of them follows from the one before.
/// What comes before a fault is sound: it is handed out, and the fault is met by whoever asks on from there.
pub(crate) async fn read_checked(book: &Book, at: Point, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, FollowError> {
    // The page begins with the one we are at: that it is still there, with its hash, is seen without a second query.
    let limit = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let page = book.page(Position(at.position.0 - 1), limit).await?;
    let mut page = page.into_iter();
    let Some(anchor) = page.next() else {
        return Err(FollowError::BookWentBack { at, found: None });
    };
    if anchor.position != at.position {
        return Err(FollowError::Gap { missing: at.position, found: anchor.position });
    }
    if anchor.hash != at.hash {
        return Err(FollowError::BookWentBack { at, found: Some(anchor.hash) });
    }
    let (mut sound, mut end) = (Vec::with_capacity(page.len()), at);
    for event in page {
        match next_point(end, &event) {
            Ok(point) => end = point,
            Err(fault) if sound.is_empty() => return Err(fault),
            Err(_) => break,
        }
        sound.push(Arc::new(event));
    }
    Ok(sound)
}

/// Where an event ends the book, if it follows from the one that is `at` its end.
fn next_point(at: Point, event: &RecordedEvent) -> Result<Point, FollowError> {
    let expected = at.position.next();
    if event.position != expected {
        return Err(FollowError::Gap { missing: expected, found: event.position });
    }
    if event.hash != event.hash_after(at.hash) {
        return Err(FollowError::Chain { position: event.position });
    }
    Ok(event.point())
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
