//! The executor: one task decides every command of the process, in batches, and appends each batch in one statement.
//!
//! Cost of a batch whose streams are warm: one round trip, and while it is under way (`flight`) the next batch is decided
//! (`desk`) on what this one decided. No answer leaves before the append, or the check that the head has not moved, has
//! shown that everything the batch was decided on still stands. `keys` answers repeats; `recovery` holds what is done when an
//! append does not succeed, `announcer` tells how it stands.

mod announcer;
mod desk;
mod flight;
mod keys;
mod recovery;

use std::collections::VecDeque;
use std::pin::pin;
use std::time::{Duration, Instant};

use eventstore::follow::HeadWatch;
use eventstore::{AppendError, Book, Draft, Head, Position, ReadError, RecordedEvent, StreamId, Writer, failpoint};
use tokio::sync::{mpsc, oneshot, watch};

use announcer::Announcer;
use desk::{Decided, Desk, UnderWay};
use flight::Flight;

use crate::batch::{Batch, Waiting};
use crate::clock::Clock;
use crate::command::{Answer, CommandError, Envelope};
use crate::histories::{self, Wish};
use crate::job::{Job, Pending, Success, Typed};
use crate::loading::Loading;
use crate::snapshots::{self, SNAPSHOT_EVERY, SnapshotQueue, SnapshotTask};
use crate::use_case::UseCase;
use crate::world::{States, World};

/// Commands that may wait; the next one is told to come back later.
pub const QUEUE_COMMANDS_MAX: usize = 4_096;
/// Commands in one append at most.
const BATCH_COMMANDS_MAX: usize = 1_024;
/// The cache of folded states. 32 MiB hold some 20,000 carts of 25 lines.
const WORLD_BYTES_MAX: usize = 32 << 20;
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
    desk: Desk,
    /// Their batch stands, and the next is about to leave: they are answered once it is under way.
    answers: VecDeque<Waiting>,
    snapshots: SnapshotQueue,
    /// Begins with the executor.
    snapshot_task: Option<SnapshotTask>,
    writer: Writer,
    head: Head,
    heads: HeadWatch,
    announcer: Announcer,
    ride_out: Duration,
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
        let desk = Desk {
            queue,
            ready: VecDeque::new(),
            repeats: Vec::new(),
            loading: Loading::new(book, snapshots.clone(), ride_out),
            world: World::new(world_bytes_max),
            clock,
            batch_max: BATCH_COMMANDS_MAX,
            is_behind: false,
        };
        let executor = Self {
            desk,
            answers: VecDeque::new(),
            snapshots,
            snapshot_task: Some(snapshot_task),
            writer,
            head,
            heads,
            announcer: Announcer::new(health, went_back_shown),
            ride_out,
        };
        (commands, executor)
    }

    pub async fn run(mut self) {
        let snapshots = self.snapshot_task.take().map(SnapshotTask::start);
        let mut ahead = None;
        loop {
            let batch = match ahead.take() {
                Some(batch) => batch,
                None if self.collect().await => self.decide(),
                None => break,
            };
            ahead = self.conclude(batch).await;
            self.desk.world.evict();
            // Looked at in every round: where commands never cease to come, cold ones are not forgotten.
            if self.desk.loading.has_landed() {
                let loaded = self.desk.loading.finished().await;
                self.desk.take_loaded(loaded);
            }
            self.observe();
        }
        // With the last way to the task it ends.
        drop(self);
        if let Some(snapshots) = snapshots {
            snapshots.finish().await;
        }
    }

    /// Whether there is something to decide, waited for if there is nothing yet. False when nothing will come any more.
    async fn collect(&mut self) -> bool {
        if self.desk.ready.is_empty() && self.desk.repeats.is_empty() && !self.wait().await {
            return false;
        }
        if std::mem::take(&mut self.desk.is_behind) {
            self.catch_up(self.ride_out).await;
        }
        true
    }

    /// Waits for a command, for streams that are being loaded, or until it is time to see whether the book is back.
    async fn wait(&mut self) -> bool {
        self.writer.rest().await;
        let look_again = self.look_again_in();
        let Desk { queue, loading, .. } = &mut self.desk;
        tokio::select! {
            biased;
            loaded = loading.finished() => self.desk.take_loaded(loaded),
            next = queue.recv() => match next {
                Some(pending) => self.desk.ready.push_back(pending),
                None if loading.is_idle() => return false,
                None => {
                    let loaded = loading.finished().await;
                    self.desk.take_loaded(loaded);
                }
            },
            () = tokio::time::sleep(look_again.unwrap_or_default()), if look_again.is_some() => self.probe().await,
        }
        true
    }

    /// A batch of what is there. Commands whose streams the world does not hold wait for a load and stall nobody.
    fn decide(&mut self) -> Batch {
        let batch = self.desk.begin(&self.head);
        let mut decided = Decided { stands: self.head.point.position, under_way: None, batch };
        self.desk.decide(&mut decided);
        decided.batch
    }

    /// Appends a batch, or shows that what it was decided on still stands, and answers. What was decided ahead meanwhile is
    /// given back: it is decided on a head that now is the book's.
    async fn conclude(&mut self, mut batch: Batch) -> Option<Batch> {
        self.answer_repeats().await;
        self.take_out_repeats(&mut batch).await;
        // To look up a key is to find out, at times, that the head has moved.
        if batch.waiting.is_empty() || batch.draft.seen() != self.head.point {
            self.desk.put_back(batch);
            return None;
        }
        let mut flight = Flight::depart(batch, &mut self.desk, &self.snapshots);
        #[cfg(feature = "planted-bugs")]
        flight.answer_before_the_append();
        let (written, ahead) = self.fly(&flight.draft, flight.under_way()).await;
        match written {
            Ok(()) => {
                self.arrived(flight);
                self.answer_after(ahead)
            }
            Err(error) => {
                flight.turn_back(&mut self.desk);
                self.desk.put_back(ahead);
                self.recover(error, flight).await;
                None
            }
        }
    }

    async fn fly(&mut self, draft: &Draft, under_way: UnderWay<'_>) -> (Result<(), AppendError>, Batch) {
        let started = Instant::now();
        let Self { desk, answers, writer, head, announcer, .. } = self;
        let batch = desk.begin(&draft.head());
        let mut decided = Decided { stands: head.point.position, under_way: Some(under_way), batch };
        let written = pin!(announcer.tell_if_slow(flight::write(draft, writer)));
        let written = desk.decide_during(written, &mut decided, answers).await;
        // None of them is kept waiting for whatever comes next.
        answers.drain(..).for_each(Waiting::answer);
        if !draft.events().is_empty() {
            metrics::histogram!("daybook_append_seconds").record(started.elapsed().as_secs_f64());
        }
        (written, decided.batch)
    }

    fn arrived(&mut self, flight: Flight) {
        let is_writing = flight.appends() || !flight.draft.keys().is_empty();
        let appends = flight.appends();
        let Flight { draft, waiting, repeats, due, .. } = flight;
        if appends {
            metrics::counter!("daybook_events_appended_total").increment(draft.events().len() as u64);
            metrics::histogram!("daybook_batch_commands").record(waiting.len() as f64);
            self.head = draft.head();
            self.heads.publish(self.head.point.position);
            for due in due {
                self.snapshots.keep(due);
            }
        }
        self.desk.batch_max = BATCH_COMMANDS_MAX;
        if is_writing {
            self.announcer.announce(Health::Writing);
        }
        self.desk.repeats.extend(repeats);
        self.answers.extend(waiting);
        failpoint::reached("append.before_reply");
    }

    /// Answers at once, unless another batch can leave first: then those who are answered have their turn while it is under
    /// way.
    fn answer_after(&mut self, ahead: Batch) -> Option<Batch> {
        if ahead.waiting.is_empty() || !self.desk.repeats.is_empty() || !ahead.keys_to_look_up().is_empty() {
            self.answers.drain(..).for_each(Waiting::answer);
        }
        if ahead.waiting.is_empty() {
            self.desk.put_back(ahead);
            return None;
        }
        Some(ahead)
    }

    fn observe(&self) {
        metrics::gauge!("daybook_world_bytes").set(self.desk.world.bytes() as f64);
        metrics::gauge!("daybook_world_streams").set(self.desk.world.len() as f64);
        metrics::gauge!("daybook_queue_commands").set(self.desk.queue.len() as f64);
        metrics::gauge!("daybook_cold_commands").set(self.desk.loading.len() as f64);
        metrics::gauge!("daybook_book_position").set(self.head.point.position.0 as f64);
    }
}

/// However it ends, nothing is written by it any more.
impl Drop for Executor {
    fn drop(&mut self) {
        self.announcer.announce(Health::Unavailable);
    }
}

fn refuse(commands: impl IntoIterator<Item = Pending>) {
    for pending in commands {
        pending.failed(CommandError::Unavailable);
    }
}
