//! What the publisher is told at start, and the bounds it keeps.

use std::time::Duration;

/// Events in one transaction. A transaction costs the broker some twenty milliseconds however small it is, and its records are
/// held in memory until it is committed.
pub(super) const BATCH_EVENTS_MAX: usize = 8_192;

/// After a failure batches are that many times smaller, down to one event, and twice as large after each success. A record that
/// the broker does not take would otherwise leave a full batch of aborted ones in the topics at every try.
pub(super) const BATCH_SHRINKS_BY: usize = 8;
pub(super) const BATCH_GROWS_BY: usize = 2;

/// Bytes of payload and metadata after which a batch is full. Two batches are in memory at a time (one is sent while the next is
/// read), and librdkafka copies the one that is sent.
pub(super) const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Events read from the book at once: a full batch exceeds its bytes by less than one page.
pub(super) const PAGE_EVENTS: usize = 1_024;

/// How long a publisher that has caught up lets events gather before it begins a transaction for them.
pub(super) const LINGER: Duration = Duration::from_millis(25);

/// The largest record that topics made by us take. The largest payloads (an order of 2,000 lines) stay below 1 MiB.
pub(super) const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The broker aborts a transaction that is open for longer. A publisher that stopped half-way hides later records from consumers
/// for no longer than this.
pub(super) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);

/// A record that is not acknowledged by then has failed, and its batch with it; the same for the answer to a commit, and to the
/// fencing at the start. Beginning anew is cheap, and where a broker was away it is found again soonest by that.
pub(super) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);

/// How long the abort of a failed transaction is tried. The next publisher aborts it too.
pub(super) const ABORT_TIMEOUT: Duration = Duration::from_secs(3);

/// A single question to the broker: metadata, offsets, the creation of a topic.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Blocking calls are made in slices of this length, so that a stop is noticed in between.
pub(super) const SLICE: Duration = Duration::from_millis(500);

/// What is in flight when the publisher is told to stop has this long to finish; what does not is aborted by its successor.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(5);

/// How often the partition counts are checked while the publisher runs.
pub(super) const RECHECK_TOPICS: Duration = Duration::from_secs(60);

/// A batch that takes longer than this is no reason to tell nobody how far the book is ahead.
pub(super) const MEASURE_EVERY: Duration = Duration::from_secs(2);

/// Pauses between tries, doubled each time up to the maximum; the actual pause is a random part of it, at least half.
pub(super) const PAUSE_MIN: Duration = Duration::from_millis(100);
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often a publisher that was fenced looks whether the other one still publishes, and after how many looks without any
/// progress, while the book has more, it takes over.
pub(super) const STAND_BY_LOOK: Duration = Duration::from_secs(3);
pub(super) const STAND_BY_LOOKS: u32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Records and progress in one transaction, under a transactional id. For every broker that keeps what it is given.
    ExactlyOnce,
    /// For librdkafka's mock cluster, which is empty when its process starts, writes no transaction markers (an aborted record
    /// stays visible) and takes no admin requests. Publishes from the first page, makes topics by asking for them, keeps its
    /// progress in memory alone, and after a failure may repeat what was not acknowledged. Never for a broker that others use.
    InProcess,
}

#[derive(Debug, Clone)]
pub struct PublisherConfig {
    /// `host:port`, with commas between several.
    pub brokers: String,
    /// Topics are named `<prefix>.<category>`; the transactional id is `<prefix>.publisher`.
    pub prefix: String,
    /// Of topics that have to be made. One that exists keeps the count it was found with.
    pub partitions: i32,
    pub replication: i16,
    /// Whose topics are made before their first event. Others get theirs with it.
    pub categories: Vec<&'static str>,
    pub mode: Mode,
}

impl PublisherConfig {
    pub fn topic(&self, category: &str) -> String {
        format!("{}.{category}", self.prefix)
    }

    /// Compacted, one partition: how far the topics follow the book. No category has this name.
    pub fn progress_topic(&self) -> String {
        self.topic(PROGRESS)
    }

    pub(super) fn transactional_id(&self) -> String {
        self.topic("publisher")
    }
}

pub(super) const PROGRESS: &str = "publisher-progress";
