//! The executor: one task decides every command of the process, in batches, and appends each batch in one statement.
//!
//! Cost of a batch whose streams are warm: one round trip. No answer leaves before the append, or the check that the
//! head has not moved, has shown that everything the batch was decided on still stands.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, Utc};
use eventstore::follow::HeadWatch;
use eventstore::{AppendError, Appended, Book, Head, Position, ReadError, RecordedEvent, StreamId, Writer};
use tokio::sync::{mpsc, oneshot, watch};

use crate::batch::{Batch, Verdict, Waiting};
use crate::command::{Answer, CommandError, Envelope};
use crate::job::{Job, Pending, Success, Typed};
use crate::loading::Loading;
use crate::rejection::Rejection;
use crate::use_case::{UseCase, View};
use crate::world::{States, World};

/// Commands that may wait; the next one is told to come back later.
pub const QUEUE_COMMANDS_MAX: usize = 4_096;
/// Commands in one append at most.
const BATCH_COMMANDS_MAX: usize = 1_024;
/// The cache of folded states. 32 MiB hold some 20,000 carts of 25 lines.
const WORLD_BYTES_MAX: usize = 32 << 20;
/// Events of other writers that are read at once when catching up.
const CATCH_UP_EVENTS: i64 = 4_096;
/// A command may wait for this many loads: a use case names its streams in three steps, and an entry may be evicted
/// between two of them.
const LOADS_MAX: u8 = 8;
/// Between two tries to reach a book that is away.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The way in: cheap to clone, one for every handler and process manager.
#[derive(Debug, Clone)]
pub struct Commands {
    queue: mpsc::Sender<Pending>,
    book: Book,
    health: watch::Receiver<Health>,
}

/// Whether the executor can append, for readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Writing,
    /// The head that was seen is gone: a failover or a restore lost a tail of the book.
    BookWentBack,
    Unavailable,
}

impl Commands {
    /// Runs a use case. The work goes on in the executor even if the caller goes away.
    pub async fn run<U: UseCase>(&self, use_case: U, envelope: Envelope) -> Result<Answer<U::Outcome>, CommandError> {
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Typed { use_case, outcome: None, reply });
        self.queue.try_send(Pending::new(job, envelope)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CommandError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => CommandError::Unavailable,
        })?;
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
        let events = self.book.streams(&streams, position).await.map_err(|error| {
            tracing::warn!(%error, "the streams of a repeated command could not be read");
            CommandError::Unavailable
        })?;
        Ok(States::fold(&streams, &events))
    }

    /// Everything that happened to a stream, as the book has it now.
    pub(crate) async fn events_of(&self, stream: &StreamId) -> Result<Vec<RecordedEvent>, ReadError> {
        self.book.stream(stream, None).await
    }

    /// The way in to an executor that is not there: every command is told so.
    pub fn closed(book: Book) -> Self {
        let (queue, _) = mpsc::channel(1);
        let (_, health) = watch::channel(Health::Unavailable);
        Self { queue, book, health }
    }

    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }
}

#[cfg(test)]
impl Commands {
    /// A way in to a queue that the test itself empties.
    pub(crate) fn detached(book: Book) -> (Self, mpsc::Receiver<Pending>) {
        let (sender, queue) = mpsc::channel(QUEUE_COMMANDS_MAX);
        let (_, watched) = watch::channel(Health::Writing);
        (Self { queue: sender, book, health: watched }, queue)
    }
}

/// The task behind [`Commands`]. Ends when the last of them is dropped.
pub struct Executor {
    queue: mpsc::Receiver<Pending>,
    ready: VecDeque<Pending>,
    loading: Loading,
    world: World,
    writer: Writer,
    head: Head,
    heads: HeadWatch,
    health: watch::Sender<Health>,
    /// Smaller than [`BATCH_COMMANDS_MAX`] while data that the database refuses is being found by halving.
    batch_max: usize,
}

impl Executor {
    pub fn new(writer: Writer, head: Head, book: Book, heads: HeadWatch) -> (Commands, Self) {
        let (sender, queue) = mpsc::channel(QUEUE_COMMANDS_MAX);
        let (health, watched) = watch::channel(Health::Writing);
        let commands = Commands { queue: sender, book: book.clone(), health: watched };
        let executor = Self {
            queue,
            ready: VecDeque::new(),
            loading: Loading::new(book),
            world: World::new(WORLD_BYTES_MAX),
            writer,
            head,
            heads,
            health,
            batch_max: BATCH_COMMANDS_MAX,
        };
        (commands, executor)
    }

    pub async fn run(mut self) {
        while self.collect().await {
            let commands = self.warm();
            if !commands.is_empty() {
                self.execute(commands).await;
                self.world.evict();
            }
            self.observe();
        }
    }

    /// Waits until there is something to do: a command, or streams that have been loaded for one.
    async fn collect(&mut self) -> bool {
        let mut arrived = Vec::new();
        if self.ready.is_empty() {
            tokio::select! {
                biased;
                loaded = self.loading.finished() => self.take_loaded(loaded),
                count = self.queue.recv_many(&mut arrived, BATCH_COMMANDS_MAX) => {
                    if count == 0 {
                        if self.loading.is_idle() {
                            return false;
                        }
                        let loaded = self.loading.finished().await;
                        self.take_loaded(loaded);
                    }
                }
            }
        }
        while arrived.len() + self.ready.len() < BATCH_COMMANDS_MAX {
            let Ok(pending) = self.queue.try_recv() else { break };
            arrived.push(pending);
        }
        self.ready.extend(arrived);
        true
    }

    /// The commands whose streams the world holds. The others wait for a load and stall nobody.
    fn warm(&mut self) -> Vec<Pending> {
        let nothing = std::collections::HashMap::new();
        let mut warm = Vec::new();
        while warm.len() < self.batch_max {
            let Some(mut pending) = self.ready.pop_front() else { break };
            let streams = pending.job.streams(&View::new(&self.world, &nothing));
            let mut missing = Vec::new();
            for stream in streams.read {
                if !self.world.touch(&stream) {
                    missing.push(stream);
                }
            }
            if missing.is_empty() {
                warm.push(pending);
            } else if pending.loads >= LOADS_MAX {
                pending.job.failed(CommandError::Overloaded);
            } else {
                pending.loads += 1;
                self.loading.wait_for(pending, missing);
            }
        }
        self.loading.start(self.head.point.position);
        warm
    }

    fn take_loaded(&mut self, loaded: crate::loading::Loaded) {
        match loaded.states {
            Ok(states) => {
                for (stream, entry) in states.into_entries() {
                    self.world.put(stream, entry);
                }
                self.ready.extend(loaded.waiting);
            }
            Err(error) => {
                tracing::warn!(%error, "streams could not be loaded");
                for pending in loaded.waiting {
                    pending.job.failed(CommandError::Unavailable);
                }
            }
        }
    }

    async fn execute(&mut self, commands: Vec<Pending>) {
        let Some(commands) = self.answer_known_keys(commands).await else { return };
        let seen = self.head.point.position;
        let now = self.now();
        let mut batch = Batch::decide(commands, &self.world, seen, now);
        self.ready.extend(std::mem::take(&mut batch.later));
        if !batch.panicked.is_empty() {
            for pending in batch.panicked {
                pending.job.failed(CommandError::Failed("the decision panicked"));
            }
            self.again(batch.waiting);
            return;
        }
        if !self.take_out_repeats(&mut batch).await {
            return;
        }
        if batch.events.is_empty() {
            self.conclude_without_events(batch).await;
        } else {
            self.conclude_with_append(batch, now).await;
        }
    }

    /// One `now` a batch, in microseconds as the book keeps it, never behind the head.
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6).max(self.head.recorded_at)
    }

    async fn conclude_with_append(&mut self, batch: Batch, now: DateTime<Utc>) {
        let started = Instant::now();
        let appended = self.writer.append(&self.head, now, &batch.events, &batch.keys).await;
        metrics::histogram!("daybook_append_seconds").record(started.elapsed().as_secs_f64());
        match appended {
            Ok(Appended { head, .. }) => {
                metrics::counter!("daybook_events_appended_total").increment(batch.events.len() as u64);
                metrics::histogram!("daybook_batch_commands").record(batch.waiting.len() as f64);
                for (stream, entry) in batch.overlay {
                    if entry.version > 0 {
                        self.loading.supersede(&stream);
                        self.world.put(stream, entry);
                    }
                }
                self.head = head;
                self.batch_max = BATCH_COMMANDS_MAX;
                self.announce(Health::Writing);
                self.heads.publish(head.point.position);
                Batch::answer(batch.waiting, head.point.position);
            }
            Err(error) => self.recover(error, batch.waiting).await,
        }
    }

    /// The other rows of the book's answer table: nothing was appended, and this is what to do about it.
    async fn recover(&mut self, error: AppendError, waiting: Vec<Waiting>) {
        metrics::counter!("daybook_append_retries_total", "reason" => reason(&error)).increment(1);
        match error {
            AppendError::LostRace => {
                self.again(waiting);
                self.catch_up().await;
            }
            AppendError::KeyTaken => {
                let waiting = waiting.into_iter().map(|mut waiting| {
                    waiting.pending.look_up_key = waiting.pending.envelope.key.is_some();
                    waiting
                });
                self.again(waiting.collect());
            }
            AppendError::BookWentBack => {
                tracing::error!(position = %self.head.point.position, hash = %self.head.point.hash,
                    "the book went back: the page this writer chained to is gone");
                self.announce(Health::BookWentBack);
                self.again(waiting);
                self.start_over().await;
            }
            AppendError::Refused { .. } if waiting.len() == 1 => {
                tracing::error!(%error, "the database refused what a command decided");
                fail_all(waiting, || CommandError::Failed("the database refused what was decided"));
                self.batch_max = BATCH_COMMANDS_MAX;
            }
            AppendError::Refused { .. } => {
                self.batch_max = waiting.len().div_ceil(2);
                self.again(waiting);
            }
            AppendError::ClockAhead => {
                tracing::error!("this clock is ahead of the database's: nothing is written until they agree");
                self.announce(Health::Unavailable);
                fail_all(waiting, || CommandError::Unavailable);
            }
            AppendError::Unavailable { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "the book cannot be written");
                self.announce(Health::Unavailable);
                fail_all(waiting, || CommandError::Unavailable);
                self.start_over().await;
            }
        }
    }

    /// Nothing to append: the answers are true if the head is still the one that they were decided on. Keys of
    /// commands that were already satisfied are kept in the same statement that checks it.
    async fn conclude_without_events(&mut self, batch: Batch) {
        match self.writer.remember(&self.head, &batch.keys).await {
            Ok(()) => Batch::answer(batch.waiting, self.head.point.position),
            Err(error) => self.recover(error, batch.waiting).await,
        }
    }

    /// Commands whose key is known to be taken are answered from what was stored.
    async fn answer_known_keys(&mut self, commands: Vec<Pending>) -> Option<Vec<Pending>> {
        let wanted: Vec<_> = commands
            .iter()
            .filter(|pending| pending.look_up_key)
            .filter_map(|pending| pending.envelope.key.as_ref())
            .map(|key| (key.scope.clone(), key.key.clone()))
            .collect();
        if wanted.is_empty() {
            return Some(commands);
        }
        match self.writer.keys(&wanted).await {
            Ok(stored) => Some(replay_stored(commands, &stored)),
            Err(error) => {
                tracing::warn!(%error, "idempotency keys could not be looked up");
                for pending in commands {
                    pending.job.failed(CommandError::Unavailable);
                }
                None
            }
        }
    }

    /// A rejected or empty command may be the repeat of one that succeeded: its key decides. False if the keys could
    /// not be looked up; then every command has been answered.
    async fn take_out_repeats(&mut self, batch: &mut Batch) -> bool {
        let wanted = batch.keys_to_look_up();
        if wanted.is_empty() {
            return true;
        }
        let stored = match self.writer.keys(&wanted).await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::warn!(%error, "idempotency keys could not be looked up");
                fail_all(std::mem::take(&mut batch.waiting), || CommandError::Unavailable);
                return false;
            }
        };
        if stored.is_empty() {
            return true;
        }
        batch.keys.retain(|key| !stored.iter().any(|stored| stored.scope == key.scope && stored.key == key.key));
        for waiting in std::mem::take(&mut batch.waiting) {
            let appends = matches!(waiting.verdict, Verdict::Accepted { position: Some(_), .. });
            if appends {
                batch.waiting.push(waiting);
                continue;
            }
            let Waiting { pending, verdict } = waiting;
            let left = replay_stored(vec![pending], &stored);
            batch.waiting.extend(left.into_iter().map(|pending| Waiting { pending, verdict: verdict.clone() }));
        }
        true
    }

    fn again(&mut self, waiting: Vec<Waiting>) {
        for waiting in waiting.into_iter().rev() {
            self.ready.push_front(waiting.pending);
        }
    }

    /// Reads what other writers appended and folds it into the world.
    async fn catch_up(&mut self) {
        loop {
            match self.writer.events_since(self.head.point.position, CATCH_UP_EVENTS).await {
                Ok(events) => {
                    let Some(last) = events.last() else { return };
                    self.head = Head { point: last.point(), recorded_at: last.recorded_at };
                    self.heads.publish(self.head.point.position);
                    for event in &events {
                        self.world.absorb(event);
                        self.loading.absorb(event);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the events of another writer could not be read");
                    self.start_over().await;
                    return;
                }
            }
        }
    }

    /// Forgets everything and reads the head anew.
    async fn start_over(&mut self) {
        self.world.clear();
        self.loading.forget();
        loop {
            match self.writer.head().await {
                Ok(head) => {
                    self.head = head;
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the head of the book cannot be read");
                    self.announce(Health::Unavailable);
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    fn announce(&self, health: Health) {
        self.health.send_if_modified(|current| std::mem::replace(current, health) != health);
    }

    fn observe(&self) {
        metrics::gauge!("daybook_world_bytes").set(self.world.bytes() as f64);
        metrics::gauge!("daybook_world_streams").set(self.world.len() as f64);
        metrics::gauge!("daybook_queue_commands").set(self.queue.len() as f64);
    }
}

fn reason(error: &AppendError) -> &'static str {
    match error {
        AppendError::LostRace => "lost_race",
        AppendError::KeyTaken => "key_taken",
        AppendError::BookWentBack => "book_went_back",
        AppendError::ClockAhead => "clock_ahead",
        AppendError::Refused { .. } => "refused",
        AppendError::Unavailable { .. } => "unavailable",
    }
}

fn fail_all(waiting: Vec<Waiting>, error: impl Fn() -> CommandError) {
    for waiting in waiting {
        waiting.pending.job.failed(error());
    }
}

/// Answers the commands whose key is among `stored` and gives back the others.
fn replay_stored(commands: Vec<Pending>, stored: &[eventstore::idempotency::StoredKey]) -> Vec<Pending> {
    let mut left = Vec::new();
    for mut pending in commands {
        let found = pending
            .envelope
            .key
            .as_ref()
            .and_then(|key| stored.iter().find(|stored| stored.scope == key.scope && stored.key == key.key));
        match (found, &pending.envelope.key) {
            (Some(found), Some(key)) if found.fingerprint == key.fingerprint => pending.job.replayed(found),
            (Some(_), _) => pending.job.failed(CommandError::Rejected(Rejection::KeyReused)),
            (None, _) => {
                pending.look_up_key = false;
                left.push(pending);
            }
        }
    }
    left
}
