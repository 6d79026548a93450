//! A batch on its way to the book. What it decided stands in the world already, so that the next one can be decided on it;
//! should it not arrive, the world is put back as it was.

use std::collections::HashSet;

use eventstore::{AppendError, Draft, Point, Position, StreamId, Writer};

use super::desk::{Desk, UnderWay};
use crate::batch::{Batch, Waiting};
use crate::job::Pending;
use crate::snapshots::{Due, SnapshotQueue};
use crate::world::Entry;

pub(super) struct Flight {
    pub(super) draft: Draft,
    pub(super) waiting: Vec<Waiting>,
    /// To be looked up once the batch stands.
    pub(super) repeats: Vec<Pending>,
    keys_seen: HashSet<String>,
    pub(super) due: Vec<Due>,
    /// The streams that it changes.
    pub(super) changed: Vec<StreamId>,
    /// And each of them as the world had it before.
    before: Vec<Option<Entry>>,
}

impl Flight {
    /// Whatever is asked of the world from now on is answered as if the batch stood.
    pub(super) fn depart(batch: Batch, desk: &mut Desk, snapshots: &SnapshotQueue) -> Self {
        let Batch { overlay, draft, waiting, repeats, keys_seen, .. } = batch;
        let (mut changed, mut before) = (Vec::with_capacity(overlay.len()), Vec::with_capacity(overlay.len()));
        let mut due = Vec::new();
        for (stream, mut entry) in overlay {
            // Of a stream that was only read nothing is to be kept.
            if entry.version == 0 {
                continue;
            }
            desk.loading.supersede(&stream);
            due.extend(snapshots.promise(&stream, &mut entry, || last_of(&stream, &draft)));
            before.push(desk.world.put(stream.clone(), entry));
            changed.push(stream);
        }
        Self { draft, waiting, repeats, keys_seen, due, changed, before }
    }

    pub(super) fn appends(&self) -> bool {
        !self.draft.events().is_empty()
    }

    pub(super) fn under_way(&self) -> UnderWay<'_> {
        UnderWay { commands: self.waiting.len(), keys: &self.keys_seen }
    }

    /// The planted bug `answer-before-commit`.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn answer_before_the_append(&mut self) {
        if eventstore::planted::is("answer-before-commit") {
            self.waiting.drain(..).for_each(Waiting::answer);
        }
    }

    /// It has not arrived: the world is again as it was.
    pub(super) fn turn_back(&mut self, desk: &mut Desk) {
        #[cfg(feature = "planted-bugs")]
        if eventstore::planted::is("not-turned-back") {
            return;
        }
        for (stream, entry) in self.changed.iter().zip(self.before.drain(..)) {
            match entry {
                Some(entry) => drop(desk.world.put(stream.clone(), entry)),
                None => desk.world.remove(stream),
            }
        }
    }
}

/// One round trip: an append, or where there is nothing to append a look whether the head still is what was seen.
pub(super) async fn write(draft: &Draft, writer: &mut Writer) -> Result<(), AppendError> {
    if draft.events().is_empty() { writer.remember(draft).await } else { writer.append(draft).await }
}

/// Where the draft's last event of a stream comes to stand.
fn last_of(stream: &StreamId, draft: &Draft) -> Option<Point> {
    let place = draft.events().iter().rposition(|event| event.stream == *stream)?;
    let after_it = draft.events().len() - 1 - place;
    let position = Position(draft.head().point.position.0 - after_it as i64);
    Some(Point { position, hash: *draft.hashes().get(place)? })
}
