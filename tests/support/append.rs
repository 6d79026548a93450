//! Appending to a book without an executor: a draft is written out and sent at once.

use chrono::{DateTime, Utc};
use eventstore::{AppendError, Draft, Head, NewEvent, NewKey, Writer};

pub fn draft(seen: &Head, now: DateTime<Utc>, events: &[NewEvent], keys: &[NewKey]) -> Draft {
    let mut draft = Draft::after(seen, now);
    events.iter().cloned().for_each(|event| draft.push(event));
    keys.iter().cloned().for_each(|key| draft.keep(key));
    draft
}

pub trait AppendAfter {
    /// The draft that was appended: its head is the book's.
    fn append_after(
        &mut self,
        seen: &Head,
        now: DateTime<Utc>,
        events: &[NewEvent],
        keys: &[NewKey],
    ) -> impl Future<Output = Result<Draft, AppendError>> + Send;
}

impl AppendAfter for Writer {
    async fn append_after(
        &mut self,
        seen: &Head,
        now: DateTime<Utc>,
        events: &[NewEvent],
        keys: &[NewKey],
    ) -> Result<Draft, AppendError> {
        let draft = draft(seen, now, events, keys);
        self.append(&draft).await.map(|()| draft)
    }
}
