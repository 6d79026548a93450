//! Snapshots: where a stream stood at a point of the book, kept beside it so that a long stream need not be read from its
//! first event. Knows no state: bytes in, the same bytes out, or none.
//!
//! Nothing depends on one. A snapshot is of use if its checksum holds, if its state is of the form asked for, and if the
//! page that it was taken at is still in the book: position *and* hash, for a book that went back uses positions again.
//! Whoever finds one that is of no use reads the events, and deletes it.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    event::{Hash, Point, Position, RecordedEvent, StreamId},
    raw_json::RawJson,
    read::{Book, ReadError},
};

/// What a stream's events up to one of them came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub stream: StreamId,
    /// Of the last event that is in it, as is the point.
    pub stream_version: i64,
    pub point: Point,
    /// The form that the state is written in: told by whoever writes it.
    pub state_version: i32,
    pub state: Vec<u8>,
    /// Whole microseconds.
    pub taken_at: DateTime<Utc>,
}

impl Snapshot {
    /// Over everything that is stored, each with its length before it, so that nothing moves from one to the next.
    fn checksum(&self) -> [u8; 32] {
        let fields: [&[u8]; 8] = [
            self.stream.category.as_bytes(),
            self.stream.id.as_bytes(),
            &self.stream_version.to_be_bytes(),
            &self.point.position.0.to_be_bytes(),
            &self.point.hash.0,
            &self.state_version.to_be_bytes(),
            &self.taken_at.timestamp_micros().to_be_bytes(),
            &self.state,
        ];
        let mut checksum = Sha256::new();
        for field in fields {
            checksum.update((field.len() as u64).to_be_bytes());
            checksum.update(field);
        }
        checksum.finalize().into()
    }
}

/// A stream that is to be read.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub stream: StreamId,
    /// The form of state that whoever asks can read; `None`: no snapshot is wanted.
    pub state_version: Option<i32>,
    /// Without a snapshot that is of use, the events after this version are read.
    pub after: i64,
}

/// The beginning of what there is of a stream.
#[derive(Debug)]
pub struct History {
    pub snapshot: Nearest,
    /// The first after the snapshot, or after the version asked for.
    pub events: Vec<RecordedEvent>,
}

/// The snapshot of a stream, if it has one.
#[derive(Debug)]
pub enum Nearest {
    None,
    /// The events follow it.
    Holds {
        snapshot: Snapshot,
        /// When its last event was recorded.
        recorded_at: DateTime<Utc>,
    },
    /// To be deleted. With `events_follow_it` the events are those after it all the same.
    Fails {
        stale: Stale,
        flaw: Flaw,
        events_follow_it: bool,
    },
    /// The form is one of a later release, which will read it.
    OfLater,
    /// It is of a page beyond the position: whoever wants the stream as it is now has not read on far enough to use it.
    Ahead,
}

/// Why a snapshot is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Its bytes are not those that were written.
    Checksum,
    /// The state is of an earlier form.
    StateVersion,
    /// The page that it was taken at is not in the book.
    NotInTheBook,
    /// The checksum holds, but no state can be made of the bytes: found by whoever knows states.
    State,
}

impl Flaw {
    /// As shown in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::StateVersion => "state_version",
            Self::NotInTheBook => "not_in_the_book",
            Self::State => "state",
        }
    }
}

/// Exactly the row that was found to be of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    pub stream: StreamId,
    pub point: Point,
    checksum: [u8; 32],
}

impl From<&Snapshot> for Stale {
    fn from(snapshot: &Snapshot) -> Self {
        Self { stream: snapshot.stream.clone(), point: snapshot.point, checksum: snapshot.checksum() }
    }
}

/// Writes and deletes snapshots. Not the writer of the book: its connection is never made to wait for one.
#[derive(Debug, Clone)]
pub struct Snapshots {
    pool: PgPool,
}

impl Snapshots {
    #[must_use]
    pub fn of(book: &Book) -> Self {
        Self { pool: book.pool().clone() }
    }

    /// In the place of the stream's last one. Says whether it was taken up: not if its page is not in the book, or if there
    /// is a later one.
    pub async fn put(&self, snapshot: &Snapshot) -> Result<bool, ReadError> {
        let Snapshot { stream, stream_version, point, state_version, state, taken_at } = snapshot;
        sqlx::query_file!(
            "src/sql/put_snapshot.sql",
            point.position.0,
            stream_version,
            taken_at,
            state_version,
            stream.id,
            stream.category.as_ref(),
            &point.hash.0,
            &snapshot.checksum(),
            state
        )
        .execute(&self.pool)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(ReadError::Query)
    }

    pub async fn delete(&self, stale: &Stale) -> Result<(), ReadError> {
        let Stale { stream, point, checksum } = stale;
        sqlx::query_file!(
            "src/sql/delete_snapshot.sql",
            stream.category.as_ref(),
            stream.id,
            point.position.0,
            &point.hash.0,
            checksum
        )
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(ReadError::Query)
    }
}

impl Book {
    /// For each of the streams its snapshot and at most `limit` of the events after it, up to a position, in one query. The
    /// histories come in the order of the streams.
    pub async fn histories(&self, wanted: &[Wanted], up_to: Position, limit: i64) -> Result<Vec<History>, ReadError> {
        let categories: Vec<&str> = wanted.iter().map(|wanted| wanted.stream.category.as_ref()).collect();
        let ids: Vec<Uuid> = wanted.iter().map(|wanted| wanted.stream.id).collect();
        let state_versions: Vec<i32> = wanted.iter().map(|wanted| wanted.state_version.unwrap_or(0)).collect();
        let after: Vec<i64> = wanted.iter().map(|wanted| wanted.after).collect();
        let rows = sqlx::query_file_as!(
            HistoryRow,
            "src/sql/read_histories.sql",
            &categories as &[&str],
            &ids,
            &state_versions,
            &after,
            up_to.0,
            limit
        )
        .fetch_all(self.pool())
        .await
        .map_err(ReadError::Query)?;
        let mut histories: Vec<History> =
            wanted.iter().map(|_| History { snapshot: Nearest::None, events: Vec::new() }).collect();
        for row in rows {
            // Ordinality counts from 1.
            let place = row.place as usize - 1;
            let (history, wanted) = (&mut histories[place], &wanted[place]);
            if row.is_event {
                history.events.extend(row.into_event(&wanted.stream));
            } else if let Some(state_version) = wanted.state_version {
                history.snapshot = row.into_nearest(&wanted.stream, state_version, up_to);
            }
        }
        Ok(histories)
    }
}

/// A snapshot or an event, as the statement selects them.
struct HistoryRow {
    place: i64,
    is_event: bool,
    stream_version: i64,
    position: i64,
    /// Of a snapshot, that of its page; `None` if that is not in the book.
    recorded_at: Option<DateTime<Utc>>,
    hash: [u8; 32],
    /// Of the schema or of the state.
    version: i32,
    /// Of a snapshot: which version the events come after.
    begins_after: Option<i64>,
    event_type: Option<String>,
    payload: Option<RawJson>,
    metadata: Option<RawJson>,
    taken_at: Option<DateTime<Utc>>,
    checksum: Option<[u8; 32]>,
    state: Option<Vec<u8>>,
}

impl HistoryRow {
    /// Of an event, none of these columns is ever NULL.
    fn into_event(self, stream: &StreamId) -> Option<RecordedEvent> {
        Some(RecordedEvent {
            position: Position(self.position),
            stream: stream.clone(),
            stream_version: self.stream_version,
            event_type: self.event_type?,
            schema_version: self.version,
            payload: self.payload?.0,
            metadata: self.metadata?.0,
            recorded_at: self.recorded_at?,
            hash: Hash(self.hash),
        })
    }

    fn into_nearest(self, stream: &StreamId, state_version: i32, up_to: Position) -> Nearest {
        let (Some(taken_at), Some(checksum), Some(state)) = (self.taken_at, self.checksum, self.state) else {
            return Nearest::None;
        };
        let point = Point { position: Position(self.position), hash: Hash(self.hash) };
        let snapshot = Snapshot {
            stream: stream.clone(),
            stream_version: self.stream_version,
            point,
            state_version: self.version,
            state,
            taken_at,
        };
        let holds = snapshot.checksum() == checksum;
        let flaw = match self.recorded_at {
            _ if !holds => Flaw::Checksum,
            _ if snapshot.state_version > state_version => return Nearest::OfLater,
            _ if snapshot.state_version < state_version => Flaw::StateVersion,
            None => Flaw::NotInTheBook,
            Some(_) if point.position > up_to => return Nearest::Ahead,
            Some(recorded_at) => return Nearest::Holds { snapshot, recorded_at },
        };
        let events_follow_it = self.begins_after == Some(self.stream_version);
        Nearest::Fails { stale: Stale { stream: stream.clone(), point, checksum }, flaw, events_follow_it }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            stream: StreamId { category: Cow::Borrowed("cart"), id: Uuid::from_u128(1) },
            stream_version: 2,
            point: Point { position: Position(3), hash: Hash([4; 32]) },
            state_version: 5,
            state: b"{}".to_vec(),
            taken_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_checksum_covers_all_that_is_stored() {
        let of = |change: fn(&mut Snapshot)| {
            let mut changed = snapshot();
            change(&mut changed);
            changed.checksum()
        };
        let changed = [
            of(|it| it.stream.category = Cow::Borrowed("order")),
            of(|it| it.stream.id = Uuid::from_u128(2)),
            of(|it| it.stream_version = 3),
            of(|it| it.point.position = Position(4)),
            of(|it| it.point.hash = Hash([5; 32])),
            of(|it| it.state_version = 6),
            of(|it| it.state = b"[]".to_vec()),
            of(|it| it.taken_at += chrono::TimeDelta::microseconds(1)),
        ];
        assert!(changed.iter().all(|checksum| *checksum != snapshot().checksum()));
        assert_eq!(of(|_| ()), snapshot().checksum());
    }
}
