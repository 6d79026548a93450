//! Carries out what a process manager asks for: follows the book, runs the effects of a page, then commits deadlines,
//! call requests and the checkpoint together. A crash anywhere repeats the page with no second effect.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::aggregate::UnreadableEvent;
use eventstore::follow::{FollowError, HeadWatch};
use eventstore::{Feed, Point, Position, ReadError, RecordedEvent, StreamId};
use serde::Deserialize;
use sqlx::PgPool;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::store::{self, Remembered};
use super::{Deadline, Effect, Process, Runnable};
use crate::command::{Actor, Causation, CommandError, Envelope, Key};
use crate::executor::Commands;

/// Events read at once.
const PAGE_EVENTS: usize = 1_000;
/// Use cases of one page in flight: enough to fill the executor's batches, few beside its queue.
const EFFECTS_IN_FLIGHT_MAX: usize = 128;
/// A round reads no further once it has this many effects to carry out, and gives up after this time: the checkpoint is
/// locked meanwhile, by a transaction that does nothing. What has been done by then is found by its key next time.
const EFFECTS_A_ROUND: usize = 512;
const ROUND_LIMIT: Duration = Duration::from_secs(20);
/// Deadlines fired in one transaction.
const DEADLINES_AT_ONCE: i64 = 200;
/// How long an idle process waits before it looks for events of other nodes, and how often a busy one looks for deadlines
/// that are due.
const IDLE_POLL: Duration = Duration::from_millis(250);
/// The least time from one round to the next while a process keeps up. The first event after a rest is reacted to at once;
/// under load some dozens share a transaction, whose fixed cost would otherwise be paid for every append.
const ROUND_INTERVAL: Duration = Duration::from_millis(10);
/// A checkpoint that moved over events without effects is saved this often at least. To read them again costs little; to save
/// it after each page would cost every process a commit for every append.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// First and longest pause after a failure; it doubles in between.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Tries of an effect while the executor has no capacity, about ten seconds in all.
const EFFECT_TRIES_MAX: u32 = 100;
const EFFECT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("the process's own tables cannot be read or written")]
    Database(#[from] sqlx::Error),
    #[error("the book cannot be read")]
    Read(#[from] ReadError),
    #[error("the book cannot be followed")]
    Follow(#[from] FollowError),
    #[error("the event at {position} cannot be read")]
    Event { position: Position, source: UnreadableEvent },
    #[error("{command}, the effect {effect} of the event at {position}, fails")]
    Effect { command: &'static str, position: Position, effect: usize, source: CommandError },
    #[error("the effects were not carried out within {} s", ROUND_LIMIT.as_secs())]
    TooSlow,
    #[error("the reaction to {0} panics")]
    Panicked(String),
    #[error("an effect was interrupted")]
    Interrupted(#[from] JoinError),
}

/// How a process stands, for readiness and for whoever asks.
#[derive(Debug, Clone, Default)]
pub struct ProcessStatus {
    pub position: Position,
    /// Why it does not move, if it does not.
    pub failing: Option<String>,
}

pub struct ProcessRunner {
    process: Arc<dyn Process>,
    pool: PgPool,
    feed: Feed,
    commands: Commands,
    reading: Option<Reading>,
    status: watch::Sender<ProcessStatus>,
}

/// How far a runner has read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// What the checkpoint's row says, as this runner last saw it.
    saved: Point,
    saved_at: Instant,
    /// Read on to here, and what came between asked for nothing.
    at: Point,
}

impl Reading {
    fn from(checkpoint: Point) -> Self {
        Self { saved: checkpoint, saved_at: Instant::now(), at: checkpoint }
    }

    fn is_due_to_be_saved(&self) -> bool {
        self.at != self.saved && self.saved_at.elapsed() >= CHECKPOINT_INTERVAL
    }
}

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Something was done: there may be more.
    Worked,
    Idle,
    /// Another node runs this process.
    Elsewhere,
}

impl ProcessRunner {
    pub async fn new(
        process: Box<dyn Process>,
        pool: PgPool,
        feed: impl Into<Feed>,
        commands: Commands,
    ) -> Result<Self, ProcessError> {
        let feed = feed.into();
        let title = feed.book().title().await?;
        let title_page = Point { position: Position::TITLE, hash: title.hash };
        store::begin(&pool, process.name(), title_page).await?;
        let (status, _) = watch::channel(ProcessStatus::default());
        Ok(Self { process: process.into(), pool, feed, commands, reading: None, status })
    }

    pub fn status(&self) -> watch::Receiver<ProcessStatus> {
        self.status.subscribe()
    }

    pub fn name(&self) -> &'static str {
        self.process.name()
    }

    /// Runs until it is stopped. A failure is told, and tried again: nothing is skipped.
    pub async fn run(mut self, heads: HeadWatch, stop: CancellationToken) {
        let mut pause = PAUSE_MIN;
        // What stands there may be of an earlier life of this process.
        let mut noted = true;
        let mut looked_at_deadlines = None;
        while !stop.is_cancelled() {
            let began = Instant::now();
            let deadlines = looked_at_deadlines.is_none_or(|looked: Instant| looked.elapsed() >= IDLE_POLL);
            match self.round(deadlines).await {
                Ok(round) => {
                    pause = PAUSE_MIN;
                    if deadlines && round != Round::Worked {
                        looked_at_deadlines = Some(began);
                    }
                    self.status.send_modify(|status| status.failing = None);
                    if noted && round != Round::Elsewhere {
                        noted = !self.note(None).await;
                    }
                    stop.run_until_cancelled(self.rest(round, began, &heads)).await;
                }
                Err(error) => {
                    self.reading = None;
                    let reason = chain(&error);
                    tracing::error!(process = self.name(), error = %reason, "a process cannot go on");
                    metrics::counter!("daybook_process_failures_total", "process" => self.name()).increment(1);
                    noted = true;
                    self.note(Some(&reason)).await;
                    self.status.send_modify(|status| status.failing = Some(reason));
                    stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// For `daybook processes`. That it cannot be noted is no further fault: it is told in the log already.
    async fn note(&self, failing: Option<&str>) -> bool {
        let noted = store::note(&self.pool, self.name(), failing).await;
        noted.inspect_err(|error| tracing::debug!(process = self.name(), %error, "how it stands is not noted")).is_ok()
    }

    async fn rest(&self, round: Round, began: Instant, heads: &HeadWatch) {
        let position = self.status.borrow().position;
        match round {
            Round::Worked if heads.newest().0 - position.0 >= PAGE_EVENTS as i64 => {}
            Round::Worked => tokio::time::sleep_until((began + ROUND_INTERVAL).into()).await,
            Round::Idle => heads.wait_beyond(position, IDLE_POLL).await,
            // Here nothing moves with the head of the book.
            Round::Elsewhere => tokio::time::sleep(IDLE_POLL).await,
        }
    }

    /// One page of events or, at the head, the deadlines that are due.
    pub async fn run_once(&mut self) -> Result<Round, ProcessError> {
        let round = self.round(true).await;
        if round.is_err() {
            self.reading = None;
        }
        round
    }

    /// Events that ask for nothing are read without a word to the database; what asks for something is done, remembered and
    /// passed in one transaction. `deadlines`: whether to look for those that are due, once the head is reached.
    async fn round(&mut self, deadlines: bool) -> Result<Round, ProcessError> {
        let Some(reading) = self.reading().await? else { return Ok(Round::Elsewhere) };
        let page = self.feed.after(reading.at, PAGE_EVENTS).await?;
        let asked = self.react(reading.at, &page)?;
        let (is_at_head, read) = (page.is_empty(), asked.read);
        let needs_the_database = !asked.is_nothing() || reading.is_due_to_be_saved() || is_at_head && deadlines;
        if !needs_the_database {
            self.moved(Reading { at: read, ..reading });
            return Ok(if is_at_head { Round::Idle } else { Round::Worked });
        }
        let mut tx = self.pool.begin().await?;
        let Some(checkpoint) = store::lock_in_tx(&mut tx, self.process.name()).await? else {
            self.reading = None;
            return Ok(Round::Elsewhere);
        };
        if checkpoint != reading.saved {
            // Another node has been at work meanwhile: what it passed is not ours to react to.
            self.moved(Reading::from(checkpoint));
            return Ok(Round::Worked);
        }
        if read != checkpoint {
            // Before anything is made of events that a failover may have lost since they were read.
            self.feed.confirm_in_tx(&mut tx, read).await?;
        }
        self.run_all(asked.lines).await?;
        asked.remembered.write_in_tx(&mut tx, self.process.name()).await?;
        if read != checkpoint {
            store::save_in_tx(&mut tx, self.process.name(), read).await?;
        }
        let fired = if is_at_head && deadlines { self.fire_due(&mut tx, read.position).await? } else { 0 };
        tx.commit().await?;
        self.moved(Reading::from(read));
        Ok(if is_at_head && fired == 0 { Round::Idle } else { Round::Worked })
    }

    /// Where to read on; `None` if another node is at work at this moment.
    async fn reading(&mut self) -> Result<Option<Reading>, ProcessError> {
        if self.reading.is_none() {
            let mut tx = self.pool.begin().await?;
            let checkpoint = store::lock_in_tx(&mut tx, self.process.name()).await?;
            tx.rollback().await?;
            if let Some(checkpoint) = checkpoint {
                self.moved(Reading::from(checkpoint));
            }
        }
        Ok(self.reading)
    }

    fn moved(&mut self, reading: Reading) {
        self.reading = Some(reading);
        let position = reading.at.position;
        metrics::gauge!("daybook_process_position", "process" => self.name()).set(position.0 as f64);
        self.status.send_if_modified(|status| std::mem::replace(&mut status.position, position) != position);
    }

    /// What the process wants done about a page, or about as much of it as one round can take.
    fn react(&self, from: Point, page: &[Arc<RecordedEvent>]) -> Result<Asked, ProcessError> {
        let mut asked = Asked { read: from, remembered: Remembered::default(), lines: Vec::new() };
        let mut line_of: HashMap<&StreamId, usize> = HashMap::new();
        let mut runs = 0;
        for event in page {
            if runs >= EFFECTS_A_ROUND {
                break;
            }
            let position = event.position;
            let effects = guarded(&event.event_type, || self.process.react(event))?
                .map_err(|source| ProcessError::Event { position, source })?;
            for (number, effect) in effects.into_iter().enumerate() {
                match effect {
                    Effect::Run(runnable) => {
                        let envelope = self.envelope(event, format!("{position}/{number}"));
                        let line = *line_of.entry(&event.stream).or_insert_with(|| {
                            asked.lines.push(Vec::new());
                            asked.lines.len() - 1
                        });
                        asked.lines[line].push(Task { runnable, envelope, position, number });
                        runs += 1;
                    }
                    Effect::SetDeadline(deadline) => asked.remembered.set(deadline),
                    Effect::ClearDeadline { kind, subject } => asked.remembered.clear(kind, subject),
                    Effect::Call(call) => asked.remembered.call(call, event, correlation_id(event)),
                }
            }
            asked.read = event.point();
        }
        Ok(asked)
    }

    /// Runs use cases: those of one line one after another, the lines at the same time.
    async fn run_all(&self, lines: Vec<Vec<Task>>) -> Result<(), ProcessError> {
        let permits = Arc::new(Semaphore::new(EFFECTS_IN_FLIGHT_MAX));
        let mut running: JoinSet<Result<(), ProcessError>> = JoinSet::new();
        for line in lines {
            let (permits, commands) = (Arc::clone(&permits), self.commands.clone());
            let process = self.process.name();
            running.spawn(async move {
                let _permit = permits.acquire_owned().await.expect("the semaphore is never closed");
                for task in line {
                    task.run(process, &commands).await?;
                }
                Ok(())
            });
        }
        let all = async {
            while let Some(done) = running.join_next().await {
                done??;
            }
            Ok(())
        };
        tokio::time::timeout(ROUND_LIMIT, all).await.unwrap_or(Err(ProcessError::TooSlow))
    }

    async fn fire_due(&self, tx: &mut sqlx::PgConnection, read: Position) -> Result<usize, ProcessError> {
        let (name, now) = (self.process.name(), self.commands.clock().now());
        let due = store::due_in_tx(tx, name, now, read, self.process.fires_after(), DEADLINES_AT_ONCE).await?;
        let mut lines = Vec::new();
        let mut fired = (Vec::new(), Vec::new());
        for deadline in due {
            if let Some(runnable) = guarded(&deadline.kind, || self.process.fire(&deadline))? {
                let envelope = self.deadline_envelope(&deadline);
                lines.push(vec![Task { runnable, envelope, position: read, number: 0 }]);
            }
            fired.0.push(deadline.kind.into_owned());
            fired.1.push(deadline.subject);
        }
        let count = fired.0.len();
        self.run_all(lines).await?;
        store::clear_in_tx(tx, name, fired).await?;
        metrics::counter!("daybook_deadlines_fired_total", "process" => name).increment(count as u64);
        Ok(count)
    }

    fn envelope(&self, event: &RecordedEvent, key: String) -> Envelope {
        Envelope {
            actor: Actor::Process { name: self.process.name() },
            correlation_id: correlation_id(event),
            causation: Causation::Position(event.position),
            traceparent: traceparent(event),
            key: Some(self.key(key)),
            expected: None,
        }
    }

    fn deadline_envelope(&self, deadline: &Deadline) -> Envelope {
        let name = format!("{}/{}/{}", deadline.kind, deadline.subject, deadline.due_at.timestamp_micros());
        Envelope {
            actor: Actor::Process { name: self.process.name() },
            correlation_id: deadline.subject,
            causation: Causation::Request(format!("deadline {name}")),
            traceparent: None,
            key: Some(self.key(name)),
            expected: None,
        }
    }

    /// Keys of effects never expire: a page may be repeated after any downtime.
    fn key(&self, key: String) -> Key {
        Key { scope: format!("process:{}", self.process.name()), key, fingerprint: [0; 32], expires_at: None }
    }
}

/// What is to be done about events, and the last of them.
struct Asked {
    read: Point,
    remembered: Remembered,
    /// The use cases, by the stream of the event that led to them.
    lines: Vec<Vec<Task>>,
}

impl Asked {
    fn is_nothing(&self) -> bool {
        self.lines.is_empty() && self.remembered.is_empty()
    }
}

struct Task {
    runnable: Box<dyn Runnable>,
    envelope: Envelope,
    position: Position,
    number: usize,
}

impl Task {
    /// A rejection is an answer: the world has moved on, and the rules have said what that means. Everything else is
    /// tried again, first here and then with the whole page.
    async fn run(self, process: &'static str, commands: &Commands) -> Result<(), ProcessError> {
        let mut tries = 0;
        loop {
            match self.runnable.run(commands, self.envelope.clone()).await {
                Ok(()) => return Ok(()),
                Err(CommandError::Rejected(rejection)) => {
                    tracing::warn!(process, command = self.runnable.name(), position = self.position.0, %rejection,
                        "an effect was rejected");
                    metrics::counter!("daybook_process_rejections_total", "process" => process).increment(1);
                    return Ok(());
                }
                Err(CommandError::Overloaded) if tries < EFFECT_TRIES_MAX => {
                    tries += 1;
                    tokio::time::sleep(EFFECT_PAUSE).await;
                }
                Err(source) => {
                    let command = self.runnable.name();
                    return Err(ProcessError::Effect { command, position: self.position, effect: self.number, source });
                }
            }
        }
    }
}

/// A process that panics stops here, loudly, and not with its task.
fn guarded<T>(what: impl ToString, reaction: impl FnOnce() -> T) -> Result<T, ProcessError> {
    catch_unwind(AssertUnwindSafe(reaction)).map_err(|_| ProcessError::Panicked(what.to_string()))
}

#[derive(Deserialize)]
struct Metadata {
    correlation_id: Uuid,
    traceparent: Option<String>,
}

fn correlation_id(event: &RecordedEvent) -> Uuid {
    serde_json::from_str::<Metadata>(&event.metadata).map_or(event.stream.id, |metadata| metadata.correlation_id)
}

fn traceparent(event: &RecordedEvent) -> Option<String> {
    serde_json::from_str::<Metadata>(&event.metadata).ok().and_then(|metadata| metadata.traceparent)
}

/// An error with its sources, for one log line.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
