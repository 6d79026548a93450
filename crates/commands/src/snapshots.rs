//! Snapshots of long streams, made and discarded in the background: never in the statement that appends, never on the
//! writer's connection, never waited for. What is not written is written another time, and nothing is wrong without it.

use std::io;
use std::time::Duration;

use chrono::{SubsecRound, Utc};
use eventstore::snapshot::{Flaw, Snapshot, Snapshots, Stale};
use eventstore::{Book, Point, StreamId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::world::{AnyState, Entry};

/// Events by which a stream grows from one snapshot to the next, and so about the most that a load folds of it: a load of
/// twice as many takes 4 ms, one of these less than 2.
pub const SNAPSHOT_EVERY: i64 = 256;
/// Of a state that a snapshot is taken of so often: one twice as large, half as often. So snapshots never write more than
/// the events do, of which 256 take some 180 KB.
const STATE_BYTES_A_TERM: usize = 32 << 10;
/// A state that is written larger than this has no snapshot. Stock of one SKU with 40,000 reservations fits, of 100 bytes
/// each: what is sold in a quarter of an hour at 45 a second.
const STATE_BYTES_MAX: usize = 4 << 20;
/// What may wait to be written. Beyond it the stream is offered again with its next event.
const QUEUE_MAX: usize = 64;
/// A statement that takes longer was not answered.
const STATEMENT_LIMIT: Duration = Duration::from_secs(5);
/// A stop waits for no longer than this for what is still to be written.
const STOP_LIMIT: Duration = Duration::from_secs(2);

enum Job {
    Take(Due),
    Discard(Stale),
}

/// A state that is to be written down, once its last event stands in the book.
#[derive(Debug)]
pub(crate) struct Due {
    stream: StreamId,
    version: i64,
    last: Point,
    state: AnyState,
}

/// The way to the task. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotQueue {
    jobs: mpsc::Sender<Job>,
    every: i64,
}

pub(crate) fn new(book: &Book, every: i64) -> (SnapshotQueue, SnapshotTask) {
    let (sender, jobs) = mpsc::channel(QUEUE_MAX);
    (SnapshotQueue { jobs: sender, every }, SnapshotTask { jobs, snapshots: Snapshots::of(book) })
}

impl SnapshotQueue {
    /// Where there is no task, nothing is taken and nothing discarded.
    pub(crate) fn nowhere() -> Self {
        Self { jobs: mpsc::channel(1).0, every: i64::MAX }
    }

    /// Whether the stream has grown enough since its last snapshot for the size of its state.
    pub(crate) fn is_due(&self, entry: &Entry) -> bool {
        let grown = entry.version - entry.snapshot_version;
        let Ok(state) = &entry.state else { return false };
        if grown < self.every {
            return false;
        }
        let bytes = state.weight();
        let terms = (bytes / STATE_BYTES_A_TERM) as i64;
        bytes <= STATE_BYTES_MAX && grown >= self.every.saturating_mul(terms)
    }

    /// A stream as it stands after its last event, to be written down if it is due.
    pub(crate) fn offer(&self, stream: &StreamId, entry: &mut Entry, last: Point) {
        let before = entry.snapshot_version;
        let Some(due) = self.promise(stream, entry, || Some(last)) else { return };
        if !self.keep(due) {
            entry.snapshot_version = before;
        }
    }

    /// The same in two steps, for a stream whose last event, of the point that `last` finds, is yet to be appended. The entry
    /// counts as having its snapshot from now on; what finds no room then is due again a term later.
    pub(crate) fn promise(
        &self,
        stream: &StreamId,
        entry: &mut Entry,
        last: impl FnOnce() -> Option<Point>,
    ) -> Option<Due> {
        if !self.is_due(entry) {
            return None;
        }
        let state = entry.state.clone().ok()?;
        let due = Due { stream: stream.clone(), version: entry.version, last: last()?, state };
        entry.snapshot_version = entry.version;
        Some(due)
    }

    /// False if there is no room.
    pub(crate) fn keep(&self, due: Due) -> bool {
        let is_kept = self.jobs.try_send(Job::Take(due)).is_ok();
        if !is_kept {
            skipped("busy");
        }
        is_kept
    }

    pub(crate) fn discard(&self, stale: Stale, flaw: Flaw) {
        metrics::counter!("daybook_snapshots_discarded_total", "reason" => flaw.name()).increment(1);
        tracing::warn!(stream = %stale.stream, position = %stale.point.position, hash = %stale.point.hash,
            reason = flaw.name(), "a snapshot is discarded, and its stream read from the beginning");
        // Where there is no room it stays, and is found again by the next load.
        let _no_room = self.jobs.try_send(Job::Discard(stale));
    }
}

fn skipped(reason: &'static str) {
    metrics::counter!("daybook_snapshots_skipped_total", "reason" => reason).increment(1);
}

/// Writes one after another what comes through the queue, until nobody can send any more.
pub(crate) struct SnapshotTask {
    jobs: mpsc::Receiver<Job>,
    snapshots: Snapshots,
}

pub(crate) struct Running(JoinHandle<()>);

impl Running {
    pub(crate) async fn finish(mut self) {
        if timeout(STOP_LIMIT, &mut self.0).await.is_err() {
            self.0.abort();
        }
    }
}

impl SnapshotTask {
    pub(crate) fn start(self) -> Running {
        Running(tokio::spawn(self.run()))
    }

    async fn run(mut self) {
        while let Some(job) = self.jobs.recv().await {
            match job {
                Job::Take(due) => self.take(due).await,
                Job::Discard(stale) => {
                    if let Some(error) = failed(timeout(STATEMENT_LIMIT, self.snapshots.delete(&stale)).await) {
                        tracing::warn!(error, stream = %stale.stream, "a snapshot could not be deleted");
                    }
                }
            }
        }
    }

    async fn take(&self, due: Due) {
        let Due { stream, version: stream_version, last: point, state } = due;
        let state_version = state.version();
        // The largest take some hundredths of a second: not on a thread on which others wait to be answered.
        let Ok(Some(state)) = tokio::task::spawn_blocking(move || written(&state)).await else {
            return skipped("too_large");
        };
        let taken_at = Utc::now().trunc_subsecs(6);
        let snapshot = Snapshot { stream, stream_version, point, state_version, state, taken_at };
        match timeout(STATEMENT_LIMIT, self.snapshots.put(&snapshot)).await {
            Ok(Ok(true)) => metrics::counter!("daybook_snapshots_taken_total").increment(1),
            Ok(Ok(false)) => skipped("superseded"),
            outcome => {
                skipped("failed");
                let error = failed(outcome).unwrap_or_default();
                tracing::warn!(error, stream = %snapshot.stream, "a snapshot could not be written");
            }
        }
    }
}

/// Why a statement came to nothing, if it did.
fn failed<T, E: std::error::Error>(outcome: Result<Result<T, E>, tokio::time::error::Elapsed>) -> Option<String> {
    match outcome {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }),
        Err(_) => Some(format!("it was not answered within {} s", STATEMENT_LIMIT.as_secs())),
    }
}

/// `None` if it would be larger than is kept.
fn written(state: &AnyState) -> Option<Vec<u8>> {
    let mut bounded = Bounded(Vec::new());
    state.write(&mut bounded).ok()?;
    Some(bounded.0)
}

struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > STATE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
