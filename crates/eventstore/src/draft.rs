//! The next pages of the book, written out and chained before anybody knows whether they will get there. What they chain
//! to may itself be a draft that is on its way.

use chrono::{DateTime, Utc};

use crate::{
    event::{Hash, NewEvent, Point, Position},
    idempotency::NewKey,
    read::Head,
};

/// The page that the planted bug `wrong-hash` spoils.
#[cfg(feature = "planted-bugs")]
const WRONG_HASH_AT: i64 = 60;

/// Events that take the positions after `seen`, all of them or none, and the keys that are stored with them.
#[derive(Debug)]
pub struct Draft {
    seen: Point,
    recorded_at: DateTime<Utc>,
    events: Vec<NewEvent>,
    hashes: Vec<Hash>,
    keys: Vec<NewKey>,
}

impl Draft {
    /// `seen` is the head that the events are decided on. All of them are recorded at `now`, or at the time of the head if
    /// that is later.
    pub fn after(seen: &Head, now: DateTime<Utc>) -> Self {
        Self {
            seen: seen.point,
            recorded_at: whole_microseconds(now.max(seen.recorded_at)),
            events: Vec::new(),
            hashes: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub fn push(&mut self, event: NewEvent) {
        let Point { position, hash } = self.head().point;
        let position = position.next();
        let hash = event.hash_after(hash, position, self.recorded_at);
        #[cfg(feature = "planted-bugs")]
        let hash = spoilt(hash, position);
        self.hashes.push(hash);
        self.events.push(event);
    }

    pub fn keep(&mut self, key: NewKey) {
        self.keys.push(key);
    }

    /// Without the keys that `is_kept` denies: their commands turned out to be repeats.
    pub fn retain_keys(&mut self, is_kept: impl FnMut(&NewKey) -> bool) {
        self.keys.retain(is_kept);
    }

    /// The book's head once these pages are in it.
    pub fn head(&self) -> Head {
        let events = i64::try_from(self.hashes.len()).expect("a draft is held in memory");
        let hash = self.hashes.last().copied().unwrap_or(self.seen.hash);
        let point = Point { position: Position(self.seen.position.0 + events), hash };
        Head { point, recorded_at: self.recorded_at }
    }

    /// The page that the first of these chains to.
    pub fn seen(&self) -> Point {
        self.seen
    }

    pub fn recorded_at(&self) -> DateTime<Utc> {
        self.recorded_at
    }

    pub fn events(&self) -> &[NewEvent] {
        &self.events
    }

    /// Of each event, in the same order.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    pub fn keys(&self) -> &[NewKey] {
        &self.keys
    }
}

#[cfg(feature = "planted-bugs")]
fn spoilt(mut hash: Hash, position: Position) -> Hash {
    if position.0 == WRONG_HASH_AT && crate::planted::is("wrong-hash") {
        hash.0[0] ^= 1;
    }
    hash
}

/// What Postgres stores, so that what is read hashes to what was written.
fn whole_microseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).expect("the microseconds of a time are a time")
}
