//! What is published in one transaction: events of the book in order, from where the last batch ended.

use super::config::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, PAGE_EVENTS};
use crate::event::{Hash, Point, RecordedEvent};
use crate::follow::{FollowError, Follower};

#[derive(Debug)]
pub(super) struct Batch {
    /// Of the page before the first event.
    pub(super) previous: Hash,
    pub(super) events: Vec<RecordedEvent>,
}

impl Batch {
    /// Reads until the batch is full or the book ends. An empty batch: there is nothing more.
    pub(super) async fn read(follower: &mut Follower) -> Result<Self, FollowError> {
        let mut batch = Self { previous: follower.at().hash, events: Vec::new() };
        let mut bytes = 0;
        loop {
            let limit = PAGE_EVENTS.min(BATCH_EVENTS_MAX - batch.events.len());
            let page = follower.next_page(i64::try_from(limit).expect("a page is small")).await?;
            let ended = page.len() < limit;
            bytes += page.iter().map(|event| event.payload.len() + event.metadata.len()).sum::<usize>();
            batch.events.extend(page);
            if ended || bytes >= BATCH_BYTES_MAX || batch.events.len() >= BATCH_EVENTS_MAX {
                return Ok(batch);
            }
        }
    }

    pub(super) fn end(&self) -> Option<Point> {
        self.events.last().map(RecordedEvent::point)
    }
}
