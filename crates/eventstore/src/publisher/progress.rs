//! How far the topics follow the book, written to Kafka in the transaction of every batch and read back at start.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::thread;

use rdkafka::message::Message as _;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::client::Isolation;
use super::config::{DELIVERY_TIMEOUT, PublisherConfig, SLICE};
use super::error::{PublishError, Refusal};
use super::patience::Patience;
use super::reading::{Ends, Reader};
use super::topics;
use crate::event::{Hash, Point, Position};

/// All records of the progress topic have this key: compaction keeps the last one.
pub(super) const KEY: &str = "progress";

pub(super) const PARTITION: i32 = 0;

/// How far before its end the topic is searched at first. Every batch leaves a record and a marker, and only failed ones leave
/// offsets without a record: the last record is nearly always that near.
const LOOK_BACK: i64 = 64;
const LOOK_BACK_GROWTH: i64 = 16;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) book_id: Uuid,
    pub(super) position: Position,
    #[serde(with = "hash_as_text")]
    pub(super) hash: Hash,
    /// By topic, as each was when it was first published to.
    pub(super) partitions: BTreeMap<String, i32>,
}

impl Progress {
    pub(super) fn point(&self) -> Point {
        Point { position: self.position, hash: self.hash }
    }
}

/// The last committed progress. To be called after our producer was initialised: only then is no transaction of an older publisher
/// still open, and none that commits later can be missed. The topic exists: it was glanced at.
pub(super) fn read(config: &PublisherConfig, stop: &CancellationToken) -> Result<Option<Progress>, PublishError> {
    let topic = config.progress_topic();
    let committed = Reader::new(config, Isolation::Committed, stop)?;
    let all = Reader::new(config, Isolation::Uncommitted, stop)?;
    let end = all.ends(&topic, PARTITION)?.end;
    let mut patience = Patience::new("close the transactions of the progress topic", DELIVERY_TIMEOUT, stop);
    loop {
        let ends = committed.ends(&topic, PARTITION)?;
        if ends.end >= end {
            return last(&committed, &topic, ends);
        }
        // Not one of ours. Progress that is committed behind it would not be seen, and be published a second time.
        match patience.slice() {
            Ok(_) => thread::sleep(SLICE),
            Err(PublishError::TimedOut { .. }) => return Err(PublishError::OpenTransaction { topic }),
            Err(error) => return Err(error),
        }
    }
}

/// The last progress that can be seen without disturbing whoever publishes now: it may be old. Makes the topic if it is not there.
pub(super) fn glance(config: &PublisherConfig, stop: &CancellationToken) -> Result<Option<Progress>, PublishError> {
    let topic = config.progress_topic();
    let committed = Reader::new(config, Isolation::Committed, stop)?;
    topics::make_progress_topic(config, committed.client(), stop)?;
    let ends = committed.ends(&topic, PARTITION)?;
    last(&committed, &topic, ends)
}

/// Searches backwards: the topic is compacted now and then only, and may be long.
fn last(reader: &Reader, topic: &str, ends: Ends) -> Result<Option<Progress>, PublishError> {
    let mut look_back = LOOK_BACK;
    loop {
        let first = ends.first.max(ends.end - look_back);
        let mut found = None;
        reader.records(topic, PARTITION, Ends { first, ..ends }, |message| {
            found = Some(message.payload().unwrap_or_default().to_owned());
            ControlFlow::Continue(())
        })?;
        if let Some(value) = found {
            let progress = serde_json::from_slice(&value);
            return progress.map(Some).map_err(|source| Refusal::Progress { topic: topic.to_owned(), source }.into());
        }
        if first == ends.first {
            return Ok(None);
        }
        look_back = look_back.saturating_mul(LOOK_BACK_GROWTH);
    }
}

mod hash_as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::event::Hash;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(hash)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(D::Error::custom("a hash of an odd number of digits"));
        };
        let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
        let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Hash).ok_or_else(|| D::Error::custom("a hash is 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress {
            book_id: Uuid::nil(),
            position: Position(7),
            hash: Hash(std::array::from_fn(|index| index as u8 * 8)),
            partitions: BTreeMap::from([("daybook.cart".to_owned(), 8)]),
        }
    }

    #[test]
    fn progress_is_read_back_as_it_was_written() {
        let text = serde_json::to_string(&progress()).unwrap();
        assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), progress());
    }

    #[test]
    fn a_hash_that_is_not_64_digits_is_refused() {
        let text = serde_json::to_string(&progress()).unwrap();
        let hash = progress().hash.to_string();
        for other in [&hash[1..], &hash[2..], "", &hash.replace('0', "g"), &format!("{hash}00")] {
            assert!(serde_json::from_str::<Progress>(&text.replace(&hash, other)).is_err(), "{other}");
        }
    }
}
