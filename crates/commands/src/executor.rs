//! The executor: one task decides every command of the process, in batches, and appends each batch in one statement.
//!
//! Cost of a batch whose streams are warm: one round trip. No answer leaves before the append, or the check that the
//! head has not moved, has shown that everything the batch was decided on still stands. `keys` answers repeats;
//! `recovery` holds what is done when an append does not succeed, `announcer` tells how it stands.

mod announcer;
mod keys;
mod recovery;

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use eventstore::follow::HeadWatch;
use eventstore::{
    Appended, Book, Head, NewEvent, Point, Position, ReadError, RecordedEvent, StreamId, Writer, failpoint,
};
use tokio::sync::{mpsc, oneshot, watch};

use announcer::Announcer;

use crate::batch::Batch;
use crate::clock::Clock;
use crate::command::{Answer, CommandError, Envelope};
use crate::histories::{self, Wish};
use crate::job::{Job, Pending, Success, Typed};
use crate::loading::{Loaded, Loading};
use crate::snapshots::{self, SNAPSHOT_EVERY, SnapshotQueue, SnapshotTask};
use crate::use_case::{UseCase, View};
use crate::world::{States, World};

/// Commands that may wait; the next one is told to come back later.
pub const QUEUE_COMMANDS_MAX: usize = 4_096;
/// Commands in one append at most.
const BATCH_COMMANDS_MAX: usize = 1_024;
/// Commands that may wait for cold streams. They have left the queue, so they need a bound of their own.
const COLD_COMMANDS_MAX: usize = 4_096;
/// The cache of folded states. 32 MiB hold some 20,000 carts of 25 lines.
const WORLD_BYTES_MAX: usize = 32 << 20;
/// A command may wait for this many loads: a use case names its streams in three steps, and entries may be evicted
/// between two of them.
const LOADS_MAX: u8 = 8;
/// After this many, every stream that a command names is loaded for it, whether the world holds it or not: what a load
/// brings is there when the command is tried again.
const LOADS_BEFORE_ALL: u8 = 3;

/// The way in: cheap to clone, one for every handler and process manager.
#[derive(Debug, Clone)]
pub struct Commands {
    queue: mpsc::Sender<Pending>,
    book: Book,
    snapshots: SnapshotQueue,
    health: watch::Receiver<Health>,
    clock: Clock,
}

/// Whether the executor can append, for readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Writing,
    /// The head that was seen is gone: a failover or a restore lost a tail of the book. It works on, on what is there,
    /// and says this for a while, so that it is noticed; followers that had read the lost tail stop until they are told
    /// what to do about it.
    BookWentBack,
    Unavailable,
}

/// What is another for tests.
#[derive(Debug, Clone)]
pub struct Settings {
    pub queue_commands_max: usize,
    pub world_bytes_max: usize,
    /// How long a book may be away before those who wait for it are refused, and whoever comes then at once. A restart of
    /// the server takes less.
    pub ride_out: Duration,
    /// How long [`Health::BookWentBack`] is shown: several times as long as whoever watches takes to look again.
    pub went_back_shown: Duration,
    /// How many events a stream grows by from one snapshot to the next.
    pub snapshot_every: i64,
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_commands_max: QUEUE_COMMANDS_MAX,
            world_bytes_max: WORLD_BYTES_MAX,
            ride_out: Duration::from_secs(10),
            went_back_shown: Duration::from_secs(60),
            snapshot_every: SNAPSHOT_EVERY,
            clock: Clock::default(),
        }
    }
}

impl Commands {
    /// Runs a use case. The work goes on in the executor even if the caller goes away. While the book is known to be away
    /// the answer is [`CommandError::Unavailable`], at once.
    pub async fn run<U: UseCase>(&self, use_case: U, envelope: Envelope) -> Result<Answer<U::Outcome>, CommandError> {
        if *self.health.borrow() == Health::Unavailable {
            return Err(CommandError::Unavailable);
        }
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Typed { use_case, outcome: None, reply });
        match self.queue.try_send(Pending::new(job, envelope)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(pending)) => pending.failed(CommandError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(pending)) => pending.failed(CommandError::Unavailable),
        }
        match answer.await.map_err(|_| CommandError::Unavailable)?? {
            Success::Committed { outcome, position, version, states } => {
                Ok(Answer { outcome, position, version, states, replayed: false })
            }
            Success::Replayed { stored, position } => {
                let states = self.states_as_of(U::shows(&stored.outcome), position).await?;
                let (outcome, version) = (stored.outcome, stored.version);
                Ok(Answer { outcome, position, version, states, replayed: true })
            }
        }
    }

    /// A repeat is answered with what the first answer showed, so its states are read as of the first's position.
    async fn states_as_of(&self, streams: Vec<StreamId>, position: Position) -> Result<States, CommandError> {
        let read =
            histories::read(&self.book, &self.snapshots, &streams, (Wish::AsItWas, position), Duration::ZERO).await;
        let read = read.map_err(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the streams of a repeated command could not be read"
            );
            CommandError::Unavailable
        })?;
        let mut states = States::default();
        read.into_iter().for_each(|read| states.push(read.stream, read.entry));
        Ok(states)
    }

    /// Everything that happened to a stream, as the book has it now.
    pub(crate) async fn events_of(&self, stream: &StreamId) -> Result<Vec<RecordedEvent>, ReadError> {
        self.book.stream(stream, None).await
    }

    /// The way in to an executor that is not there: every command is told so.
    pub fn closed(book: Book) -> Self {
        let (queue, _) = mpsc::channel(1);
        let (_, health) = watch::channel(Health::Unavailable);
        Self { queue, book, snapshots: SnapshotQueue::nowhere(), health, clock: Clock::default() }
    }

    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// The clock by which commands are decided.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

#[cfg(test)]
impl Commands {
    /// A way in to a queue that the test itself empties.
    pub(crate) fn detached(book: Book) -> (Self, mpsc::Receiver<Pending>) {
        let (sender, queue) = mpsc::channel(QUEUE_COMMANDS_MAX);
        let (_, watched) = watch::channel(Health::Writing);
        let snapshots = SnapshotQueue::nowhere();
        (Self { queue: sender, book, snapshots, health: watched, clock: Clock::default() }, queue)
    }
}

/// The task behind [`Commands`]. Ends when the last of them is dropped and everything in the queue has been answered.
pub struct Executor {
    queue: mpsc::Receiver<Pending>,
    ready: VecDeque<Pending>,
    loading: Loading,
    world: World,
    snapshots: SnapshotQueue,
    /// Begins with the executor.
    snapshot_task: Option<SnapshotTask>,
    writer: Writer,
    head: Head,
    heads: HeadWatch,
    announcer: Announcer,
    ride_out: Duration,
    clock: Clock,
    /// Smaller than [`BATCH_COMMANDS_MAX`] while data that the database refuses is being found by halving.
    batch_max: usize,
}

impl Executor {
    pub fn new(writer: Writer, head: Head, book: Book, heads: HeadWatch) -> (Commands, Self) {
        Self::with(Settings::default(), writer, head, book, heads)
    }

    pub fn with(settings: Settings, writer: Writer, head: Head, book: Book, heads: HeadWatch) -> (Commands, Self) {
        let Settings { queue_commands_max, world_bytes_max, ride_out, went_back_shown, snapshot_every, clock } =
            settings;
        let (sender, queue) = mpsc::channel(queue_commands_max);
        let (health, watched) = watch::channel(Health::Writing);
        let (snapshots, snapshot_task) = snapshots::new(&book, snapshot_every);
        let commands = Commands {
            queue: sender,
            book: book.clone(),
            snapshots: snapshots.clone(),
            health: watched,
            clock: clock.clone(),
        };
        let executor = Self {
            queue,
            ready: VecDeque::new(),
            loading: Loading::new(book, snapshots.clone(), ride_out),
            world: World::new(world_bytes_max),
            snapshots,
            snapshot_task: Some(snapshot_task),
            writer,
            head,
            heads,
            announcer: Announcer::new(health, went_back_shown),
            ride_out,
            clock,
            batch_max: BATCH_COMMANDS_MAX,
        };
        (commands, executor)
    }

    pub async fn run(mut self) {
        let snapshots = self.snapshot_task.take().map(SnapshotTask::start);
        while self.collect().await {
            let commands = self.warm();
            if !commands.is_empty() {
                self.execute(commands).await;
                self.world.evict();
            }
            self.observe();
        }
        // With the last way to the task it ends.
        drop(self);
        if let Some(snapshots) = snapshots {
            snapshots.finish().await;
        }
    }

    /// What there is to do, waited for if there is nothing yet. False when nothing will come any more.
    async fn collect(&mut self) -> bool {
        // Looked at in every round: where `ready` never runs empty, cold commands are not forgotten.
        if self.loading.has_landed() {
            let loaded = self.loading.finished().await;
            self.take_loaded(loaded).await;
        }
        if self.ready.is_empty() && !self.wait().await {
            return false;
        }
        while self.ready.len() < BATCH_COMMANDS_MAX {
            let Ok(pending) = self.queue.try_recv() else { break };
            self.ready.push_back(pending);
        }
        true
    }

    /// Waits for a command, for streams that are being loaded, or until it is time to see whether the book is back.
    async fn wait(&mut self) -> bool {
        self.writer.rest().await;
        let look_again = self.look_again_in();
        let mut arrived = Vec::new();
        tokio::select! {
            biased;
            loaded = self.loading.finished() => self.take_loaded(loaded).await,
            count = self.queue.recv_many(&mut arrived, BATCH_COMMANDS_MAX) => {
                if count == 0 {
                    if self.loading.is_idle() {
                        return false;
                    }
                    let loaded = self.loading.finished().await;
                    self.take_loaded(loaded).await;
                }
            }
            () = tokio::time::sleep(look_again.unwrap_or_default()), if look_again.is_some() => self.probe().await,
        }
        self.ready.extend(arrived);
        true
    }

    /// The commands whose streams the world holds. The others wait for a load and stall nobody.
    fn warm(&mut self) -> Vec<Pending> {
        let nothing = HashMap::new();
        let mut warm = Vec::new();
        while warm.len() < self.batch_max {
            let Some(pending) = self.ready.pop_front() else { break };
            let view = View::new(&self.world, &nothing);
            let Ok(streams) = catch_unwind(AssertUnwindSafe(|| pending.streams(&view))) else {
                pending.panicked();
                continue;
            };
            let mut missing = Vec::new();
            for stream in &streams.read {
                if !self.world.touch(stream) {
                    missing.push(stream.clone());
                }
            }
            if missing.is_empty() {
                warm.push(pending);
            } else {
                self.wait_for_load(pending, missing, streams.read);
            }
        }
        self.loading.start(self.head.point.position);
        warm
    }

    fn wait_for_load(&mut self, mut pending: Pending, missing: Vec<StreamId>, named: Vec<StreamId>) {
        if pending.loads >= LOADS_MAX || self.loading.len() >= COLD_COMMANDS_MAX {
            pending.failed(CommandError::Overloaded);
            return;
        }
        pending.loads += 1;
        let wanted = if pending.loads > LOADS_BEFORE_ALL { named } else { missing };
        self.loading.wait_for(pending, wanted);
    }

    /// Those who have waited for a load come next: what it brought may be evicted after any batch.
    async fn take_loaded(&mut self, loaded: Loaded) {
        let Loaded { states, is_behind, waiting } = loaded;
        match states {
            Ok(states) => {
                for (stream, entry) in states.into_entries() {
                    self.world.put(stream, entry);
                }
                self.next(waiting);
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    commands = waiting.len(),
                    "streams could not be loaded"
                );
                refuse(waiting);
            }
        }
        if is_behind {
            self.catch_up(self.ride_out).await;
        }
    }

    /// To be decided before anything else, in this order.
    fn next(&mut self, commands: impl IntoIterator<Item = Pending, IntoIter: DoubleEndedIterator>) {
        for pending in commands.into_iter().rev() {
            self.ready.push_front(pending);
        }
    }

    async fn execute(&mut self, commands: Vec<Pending>) {
        let Some(commands) = self.answer_known_keys(commands).await else { return };
        let now = self.now();
        let mut batch = Batch::decide(commands, &self.world, self.head.point.position, now);
        self.next(std::mem::take(&mut batch.later));
        if !batch.panicked.is_empty() {
            // What they had folded by then is in the overlay: the others are decided again without it.
            batch.panicked.into_iter().for_each(Pending::panicked);
            self.again(batch.waiting);
            return;
        }
        if !self.take_out_repeats(&mut batch).await || batch.waiting.is_empty() {
            return;
        }
        if batch.events.is_empty() {
            self.conclude_without_events(batch, now).await;
        } else {
            self.conclude_with_append(batch, now).await;
        }
    }

    /// One `now` a batch, in microseconds as the book keeps it, never behind the head.
    fn now(&self) -> DateTime<Utc> {
        self.clock.now().max(self.head.recorded_at)
    }

    async fn conclude_with_append(&mut self, batch: Batch, now: DateTime<Utc>) {
        #[cfg(feature = "planted-bugs")]
        let batch = batch.answered_before_the_append();
        let started = Instant::now();
        let Self { writer, head, announcer, .. } = self;
        let appended = announcer.tell_if_slow(writer.append(head, now, &batch.events, &batch.keys)).await;
        metrics::histogram!("daybook_append_seconds").record(started.elapsed().as_secs_f64());
        match appended {
            Ok(appended) => {
                let head = appended.head;
                metrics::counter!("daybook_events_appended_total").increment(batch.events.len() as u64);
                metrics::histogram!("daybook_batch_commands").record(batch.waiting.len() as f64);
                for (stream, mut entry) in batch.overlay {
                    if entry.version > 0 {
                        self.loading.supersede(&stream);
                        if self.snapshots.is_due(&entry)
                            && let Some(last) = last_of(&stream, &batch.events, &appended)
                        {
                            self.snapshots.offer(&stream, &mut entry, last);
                        }
                        self.world.put(stream, entry);
                    }
                }
                self.head = head;
                self.batch_max = BATCH_COMMANDS_MAX;
                self.announcer.announce(Health::Writing);
                self.heads.publish(head.point.position);
                failpoint::reached("append.before_reply");
                Batch::answer(batch.waiting);
            }
            Err(error) => self.recover(error, batch).await,
        }
    }

    /// Nothing to append: the answers are true if the head is still the one that they were decided on. Keys of
    /// commands that were already satisfied are kept in the same statement that checks it.
    async fn conclude_without_events(&mut self, batch: Batch, now: DateTime<Utc>) {
        let Self { writer, head, announcer, .. } = self;
        match announcer.tell_if_slow(writer.remember(head, now, &batch.keys)).await {
            Ok(()) => {
                self.batch_max = BATCH_COMMANDS_MAX;
                if !batch.keys.is_empty() {
                    self.announcer.announce(Health::Writing);
                }
                Batch::answer(batch.waiting);
            }
            Err(error) => self.recover(error, batch).await,
        }
    }

    fn observe(&self) {
        metrics::gauge!("daybook_world_bytes").set(self.world.bytes() as f64);
        metrics::gauge!("daybook_world_streams").set(self.world.len() as f64);
        metrics::gauge!("daybook_queue_commands").set(self.queue.len() as f64);
        metrics::gauge!("daybook_cold_commands").set(self.loading.len() as f64);
        metrics::gauge!("daybook_book_position").set(self.head.point.position.0 as f64);
    }
}

/// However it ends, nothing is written by it any more.
impl Drop for Executor {
    fn drop(&mut self) {
        self.announcer.announce(Health::Unavailable);
    }
}

/// Where the batch's last event of a stream came to stand.
fn last_of(stream: &StreamId, events: &[NewEvent], appended: &Appended) -> Option<Point> {
    let place = events.iter().rposition(|event| event.stream == *stream)?;
    let after_it = events.len() - 1 - place;
    let position = Position(appended.head.point.position.0 - after_it as i64);
    Some(Point { position, hash: *appended.hashes.get(place)? })
}

fn refuse(commands: impl IntoIterator<Item = Pending>) {
    for pending in commands {
        pending.failed(CommandError::Unavailable);
    }
}
