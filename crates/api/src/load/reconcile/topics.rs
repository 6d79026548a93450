//! Kafka against the book: every topic holds exactly the events of its category, each once, in order, a stream in one partition.
//!
//! Positions rise within a partition, so the partitions of a topic, merged by position, are the book's events of that
//! category in the book's order. Both are walked side by side, and nothing but the next record of each partition is held.
//! Pure: records come in as iterators, from [`broker`](super::broker) or from a test. An iterator that says `None` is at the
//! end for now, and may be asked again.

use std::collections::HashMap;

use eventstore::{Position, RecordedEvent};
use uuid::Uuid;

/// A record, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) position: i64,
    pub(super) key: Vec<u8>,
    /// As the header has it, in hexadecimal.
    pub(super) hash: String,
    pub(super) payload: Vec<u8>,
}

/// A topic of one category.
pub(super) struct Topic<P> {
    name: String,
    partitions: Vec<Partition<P>>,
    /// The partition in which each stream was first seen.
    homes: HashMap<Uuid, usize>,
    matched: u64,
}

struct Partition<P> {
    records: P,
    next: Option<Record>,
    last: i64,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum TopicError<E> {
    #[error("{0}")]
    Different(String),
    #[error("topic {topic} cannot be read")]
    Read { topic: String, source: E },
}

impl<E, P: Iterator<Item = Result<Record, E>>> Topic<P> {
    pub(super) fn new(name: String, partitions: impl IntoIterator<Item = P>) -> Self {
        let partitions = partitions.into_iter().map(|records| Partition { records, next: None, last: 0 });
        Self { name, partitions: partitions.collect(), homes: HashMap::new(), matched: 0 }
    }

    pub(super) fn matched(&self) -> u64 {
        self.matched
    }

    /// The next event of the book in this topic's category must be the next record of one of its partitions. While a
    /// partition is at its end the record may yet be published: `wait` says whether to look again.
    pub(super) fn expect(
        &mut self,
        event: &RecordedEvent,
        mut wait: impl FnMut() -> bool,
    ) -> Result<(), TopicError<E>> {
        let position = event.position.0;
        let held = |partition: &Partition<P>| partition.next.as_ref().is_some_and(|next| next.position == position);
        if let Some(index) = self.partitions.iter().position(held) {
            return self.take(index, event);
        }
        loop {
            let mut least: Option<i64> = None;
            let mut may_grow = false;
            for index in 0..self.partitions.len() {
                match self.peek(index)? {
                    Some(next) if next == position => return self.take(index, event),
                    Some(next) => least = Some(least.map_or(next, |least| least.min(next))),
                    None => may_grow = true,
                }
            }
            let earlier = least.filter(|&least| least < position);
            if earlier.is_none() && may_grow && wait() {
                continue;
            }
            return Err(self.different(match (earlier, least) {
                (Some(other), _) => format!("holds position {other}, which is not its next ({position} is)"),
                (None, Some(other)) => format!("lacks position {position}: its next is {other}"),
                (None, None) => format!("lacks position {position}: it ends before"),
            }));
        }
    }

    /// After the last event of the book, up to this head, nothing is left.
    pub(super) fn finish(&mut self, head: Position) -> Result<(), TopicError<E>> {
        for index in 0..self.partitions.len() {
            if let Some(next) = self.peek(index)?
                && next <= head.0
            {
                return Err(self.different(format!("holds position {next}, which is not one of its category")));
            }
        }
        Ok(())
    }

    /// The position of the next record of a partition.
    fn peek(&mut self, index: usize) -> Result<Option<i64>, TopicError<E>> {
        let partition = &mut self.partitions[index];
        if partition.next.is_none() {
            let read = partition.records.next().transpose();
            partition.next = read.map_err(|source| TopicError::Read { topic: self.name.clone(), source })?;
            let found = partition.next.as_ref().map(|record| record.position);
            if let Some(found) = found.filter(|&found| found <= partition.last) {
                let last = partition.last;
                return Err(self.different(format!("has position {found} after {last} in partition {index}")));
            }
        }
        Ok(self.partitions[index].next.as_ref().map(|record| record.position))
    }

    fn take(&mut self, index: usize, event: &RecordedEvent) -> Result<(), TopicError<E>> {
        let Some(record) = self.partitions[index].next.take() else { return Ok(()) };
        self.partitions[index].last = record.position;
        let position = record.position;
        if record.key != event.stream.id.to_string().as_bytes() {
            return Err(self.different(format!("has another key at position {position}")));
        }
        if record.hash != event.hash.to_string() {
            return Err(self.different(format!("has another hash at position {position}")));
        }
        if record.payload != event.payload.as_bytes() {
            return Err(self.different(format!("has another payload at position {position}")));
        }
        let home = *self.homes.entry(event.stream.id).or_insert(index);
        if home != index {
            return Err(self.different(format!("has {} in the partitions {home} and {index}", event.stream)));
        }
        self.matched += 1;
        Ok(())
    }

    fn different(&self, what: String) -> TopicError<E> {
        TopicError::Different(format!("topic {} {what}", self.name))
    }
}

#[cfg(test)]
mod tests;
