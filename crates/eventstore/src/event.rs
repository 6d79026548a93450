//! What stands on a page of the book: the event as it is to be written, as it was recorded, and its hash.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::canonical::Page;

/// The events of one aggregate. Shown as `cart-0190…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    pub category: Cow<'static, str>,
    pub id: Uuid,
}

impl StreamId {
    pub const fn new(category: &'static str, id: Uuid) -> Self {
        Self { category: Cow::Borrowed(category), id }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.category, self.id)
    }
}

/// The place of an event in the book: 1, 2, 3, … in commit order without a gap. Position 0 is the title page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Position(pub i64);

impl Position {
    pub const TITLE: Self = Self(0);

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The chained SHA-256 of a page: it stands for everything up to and including it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the title page chains to.
    pub const ZERO: Self = Self([0; 32]);
}

/// Two are written for every record that is published: digit by digit, without the formatter's detours.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 0xf)];
        }
        f.write_str(std::str::from_utf8(&hex).expect("hexadecimal digits are ASCII"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// A point in history: the position alone may be used again after a failover or a restore, the pair may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub position: Position,
    pub hash: Hash,
}

/// An event that is to be written. Position, hash and `recorded_at` come from the append.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub stream: StreamId,
    pub stream_version: i64,
    pub event_type: Cow<'static, str>,
    pub schema_version: i32,
    /// JSON, stored, hashed and published as these very bytes.
    pub payload: String,
    /// JSON: actor, correlation id, causation, command id, trace parent.
    pub metadata: String,
}

impl NewEvent {
    /// The hash of the page that this event becomes at `position`. `recorded_at` is whole microseconds.
    #[must_use]
    pub fn hash_after(&self, previous: Hash, position: Position, recorded_at: DateTime<Utc>) -> Hash {
        Page {
            position: position.0,
            category: &self.stream.category,
            stream_id: self.stream.id,
            stream_version: self.stream_version,
            event_type: &self.event_type,
            schema_version: self.schema_version,
            recorded_at_us: recorded_at.timestamp_micros(),
            payload: &self.payload,
            metadata: &self.metadata,
        }
        .chained_to(previous)
    }
}

/// An event as it stands in the book.
#[derive(Debug, Clone)]
pub struct RecordedEvent {
    pub position: Position,
    pub stream: StreamId,
    pub stream_version: i64,
    pub event_type: String,
    pub schema_version: i32,
    pub payload: String,
    pub metadata: String,
    pub recorded_at: DateTime<Utc>,
    pub hash: Hash,
}

impl RecordedEvent {
    #[must_use]
    pub fn point(&self) -> Point {
        Point { position: self.position, hash: self.hash }
    }

    /// The hash that this page must have if it follows a page with the hash `previous`.
    #[must_use]
    pub fn hash_after(&self, previous: Hash) -> Hash {
        Page {
            position: self.position.0,
            category: &self.stream.category,
            stream_id: self.stream.id,
            stream_version: self.stream_version,
            event_type: &self.event_type,
            schema_version: self.schema_version,
            recorded_at_us: self.recorded_at.timestamp_micros(),
            payload: &self.payload,
            metadata: &self.metadata,
        }
        .chained_to(previous)
    }
}
