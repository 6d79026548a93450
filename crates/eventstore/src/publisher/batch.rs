//! What is published in one transaction: events of the book in order, from where the last batch ended.

use std::sync::Arc;

use super::config::{BATCH_BYTES_MAX, PAGE_EVENTS};
use crate::event::{Point, RecordedEvent};
use crate::follow::{FollowError, Follower};

#[derive(Debug)]
pub(super) struct Batch {
    /// Where the batch before ended, and the hash that the first event chains to.
    pub(super) after: Point,
    pub(super) events: Vec<Arc<RecordedEvent>>,
    /// The book had no more when this was read.
    pub(super) reaches_head: bool,
}

impl Batch {
    /// Reads until the batch is full or the book ends. An empty batch: there is nothing more.
    pub(super) async fn read(follower: &mut Follower, events_max: usize) -> Result<Self, FollowError> {
        let mut batch = Self { after: follower.at(), events: Vec::new(), reaches_head: false };
        let mut bytes = 0;
        while bytes < BATCH_BYTES_MAX && batch.events.len() < events_max {
            let limit = PAGE_EVENTS.min(events_max - batch.events.len());
            let page = match follower.next_page(limit).await {
                Ok(page) => page,
                Err(error) if batch.events.is_empty() => return Err(error),
                // The follower has moved past what is read: it must not be thrown away. The fault is met again by the next batch.
                Err(_) => break,
            };
            batch.reaches_head = page.len() < limit;
            bytes += page.iter().map(|event| event.payload.len() + event.metadata.len()).sum::<usize>();
            batch.events.extend(page);
            if batch.reaches_head {
                break;
            }
        }
        Ok(batch)
    }

    pub(super) fn end(&self) -> Option<Point> {
        self.events.last().map(|event| event.point())
    }
}
