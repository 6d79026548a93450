//! One reading of the book for all followers of a process: each event is fetched, hashed and checked once, whoever needs
//! it.
//!
//! The newest events that were read are kept for the followers that come for them a little later. One that is further
//! behind, catching up from an old checkpoint, reads for itself and keeps nobody waiting.

use std::{collections::VecDeque, sync::Arc};

use sqlx::PgConnection;
use tokio::sync::Mutex;

use crate::{
    event::{Point, RecordedEvent},
    follow::{FollowError, read_checked},
    read::{Book, ReadError, read_hash},
};

/// Events read at once by whoever is the first to want them.
const READ_EVENTS: usize = 2_000;

/// Events kept in memory: two readings, so that a follower may be one reading slower than the fastest.
const KEPT_EVENTS_MAX: usize = 2 * READ_EVENTS;

/// Bytes of payload and metadata kept in memory. An order of a thousand lines has a hundred thousand bytes: of such events
/// fewer are kept.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// Cheap to clone; clones share what was read.
#[derive(Debug, Clone)]
pub struct Feed {
    book: Book,
    newest: Arc<Mutex<Option<Newest>>>,
}

/// Checked events, dense, which end at a point.
#[derive(Debug)]
struct Newest {
    events: VecDeque<Arc<RecordedEvent>>,
    bytes: usize,
    end: Point,
}

impl Feed {
    #[must_use]
    pub fn new(book: Book) -> Self {
        Self { book, newest: Arc::default() }
    }

    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The events that follow a point, at most `limit`; none at the head.
    pub async fn after(&self, point: Point, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, FollowError> {
        // Held while reading: who comes meanwhile wants the same events.
        let mut kept = self.newest.lock().await;
        if let Some(newest) = kept.as_ref() {
            if let Some(events) = newest.after(point, limit) {
                return Ok(events);
            }
            if point.position < newest.end.position {
                drop(kept);
                return read_checked(&self.book, point, limit).await;
            }
        }
        let read = read_checked(&self.book, point, READ_EVENTS.max(limit)).await;
        if matches!(read, Err(FollowError::BookWentBack { .. })) {
            // What is kept may be of the history that is lost.
            *kept = None;
        }
        let mut read = read?;
        let newest = match kept.as_mut() {
            Some(newest) if newest.end == point => newest,
            _ => kept.insert(Newest::from(point)),
        };
        newest.keep(&read);
        read.truncate(limit);
        Ok(read)
    }

    /// What was handed out may have been read before a failover that lost it. Whoever makes something of it that stays asks
    /// whether its last page is in the book still, on the connection that it writes with; if it is not, nothing is kept any more.
    pub async fn confirm_in_tx(&self, tx: &mut PgConnection, point: Point) -> Result<(), FollowError> {
        let found = read_hash(tx, point.position).await.map_err(ReadError::Query)?;
        if found == Some(point.hash) {
            return Ok(());
        }
        *self.newest.lock().await = None;
        Err(FollowError::BookWentBack { at: point, found })
    }

    /// The same, for whoever writes elsewhere.
    pub async fn confirm(&self, point: Point) -> Result<(), FollowError> {
        let mut connection = self.book.connection().await?;
        self.confirm_in_tx(&mut connection, point).await
    }
}

/// For a follower that shares its reading with no other.
impl From<Book> for Feed {
    fn from(book: Book) -> Self {
        Self::new(book)
    }
}

impl Newest {
    fn from(point: Point) -> Self {
        Self { events: VecDeque::new(), bytes: 0, end: point }
    }

    fn keep(&mut self, read: &[Arc<RecordedEvent>]) {
        let Some(last) = read.last() else { return };
        self.end = last.point();
        self.bytes += read.iter().map(|event| bytes_of(event)).sum::<usize>();
        self.events.extend(read.iter().cloned());
        while self.events.len() > KEPT_EVENTS_MAX || self.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= bytes_of(&oldest);
        }
    }

    /// `None` if no event is kept that follows the point in its history.
    fn after(&self, point: Point, limit: usize) -> Option<Vec<Arc<RecordedEvent>>> {
        let first = self.events.front()?.position;
        let offset = usize::try_from(point.position.0 - first.0).ok()?;
        let is_kept = self.events.get(offset)?.point() == point && self.end != point;
        is_kept.then(|| self.events.range(offset + 1..).take(limit).cloned().collect())
    }
}

fn bytes_of(event: &RecordedEvent) -> usize {
    event.payload.len() + event.metadata.len()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::event::{Hash, Position, StreamId};

    fn event(position: i64, payload_bytes: usize) -> Arc<RecordedEvent> {
        Arc::new(RecordedEvent {
            position: Position(position),
            stream: StreamId::new("cart", Uuid::nil()),
            stream_version: position,
            event_type: "cart.opened".into(),
            schema_version: 1,
            payload: "x".repeat(payload_bytes),
            metadata: String::new(),
            recorded_at: DateTime::UNIX_EPOCH,
            hash: hash(position),
        })
    }

    fn hash(position: i64) -> Hash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&position.to_be_bytes());
        Hash(bytes)
    }

    fn point(position: i64) -> Point {
        Point { position: Position(position), hash: hash(position) }
    }

    fn kept(positions: impl IntoIterator<Item = i64>, payload_bytes: usize) -> Newest {
        let mut newest = Newest::from(point(0));
        newest.keep(&positions.into_iter().map(|position| event(position, payload_bytes)).collect::<Vec<_>>());
        newest
    }

    #[track_caller]
    fn check(newest: &Newest, after: Point, limit: usize, expected: Option<&[i64]>) {
        let found = newest.after(after, limit);
        let found: Option<Vec<i64>> = found.map(|events| events.iter().map(|event| event.position.0).collect());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn what_follows_a_kept_event_needs_no_reading() {
        let newest = kept(1..=5, 1);
        check(&newest, point(2), 10, Some(&[3, 4, 5]));
        check(&newest, point(2), 2, Some(&[3, 4]));
    }

    #[test]
    fn what_follows_the_last_one_or_comes_before_the_first_is_read() {
        let newest = kept(3..=5, 1);
        check(&newest, point(5), 10, None);
        check(&newest, point(6), 10, None);
        check(&newest, point(1), 10, None);
    }

    #[test]
    fn an_event_of_another_history_at_the_same_position_is_not_taken_for_it() {
        check(&kept(1..=5, 1), Point { position: Position(2), hash: hash(99) }, 10, None);
    }

    #[test]
    fn no_more_is_kept_than_the_bounds_allow() {
        let many = i64::try_from(KEPT_EVENTS_MAX).unwrap() + 10;
        assert_eq!(kept(1..=many, 1).events.len(), KEPT_EVENTS_MAX);
        let large = kept(1..=10, KEPT_BYTES_MAX / 4);
        assert_eq!((large.events.len(), large.end), (4, point(10)));
    }
}
