//! Carries out what a process manager asks for: follows the book, runs the effects of a page, then commits deadlines,
//! call requests and the checkpoint together. A crash anywhere repeats the page with no second effect.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::aggregate::UnreadableEvent;
use eventstore::follow::{FollowError, Follower, HeadWatch};
use eventstore::{Book, Point, Position, ReadError, RecordedEvent, StreamId};
use serde::Deserialize;
use sqlx::PgPool;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::parked::{self, Parked, Stuck};
use super::store::{self, Remembered};
use super::{Deadline, Effect, Process, Runnable};
use crate::command::{Actor, Causation, CommandError, Envelope, Key};
use crate::executor::Commands;

/// Events read at once.
const PAGE_EVENTS: i64 = 1_000;
/// Use cases of one page in flight: enough to fill the executor's batches, few beside its queue.
const EFFECTS_IN_FLIGHT_MAX: usize = 128;
/// A round reads no further once it has this many effects to carry out, and gives up after this time: the checkpoint is
/// locked meanwhile, by a transaction that does nothing. What has been done by then is found by its key next time.
pub const EFFECTS_A_ROUND: usize = 512;
const ROUND_LIMIT: Duration = Duration::from_secs(20);
/// Deadlines fired in one transaction.
const DEADLINES_AT_ONCE: i64 = 200;
/// How long an idle process waits before it looks for due deadlines and for events of other nodes.
const IDLE_POLL: Duration = Duration::from_millis(250);
/// First and longest pause after a failure; it doubles in between.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Tries of an effect while the executor has no capacity, about ten seconds in all.
const EFFECT_TRIES_MAX: u32 = 100;
const EFFECT_PAUSE: Duration = Duration::from_millis(100);
/// Tries of an effect that fails by a fault of ours. One that fails as often fails always, as a rule: its stream is set aside.
const EFFECT_FAILURES_MAX: u32 = 3;
/// A deadline whose effect fails is due again after this long, and holds up no other.
const DEADLINE_PUT_OFF: TimeDelta = TimeDelta::minutes(10);

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
    book: Book,
    commands: Commands,
    follower: Option<Follower>,
    status: watch::Sender<ProcessStatus>,
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
        book: Book,
        commands: Commands,
    ) -> Result<Self, ProcessError> {
        let title = book.title().await?;
        let title_page = Point { position: Position::TITLE, hash: title.hash };
        store::begin(&pool, process.name(), title_page).await?;
        let (status, _) = watch::channel(ProcessStatus::default());
        Ok(Self { process: process.into(), pool, book, commands, follower: None, status })
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
        while !stop.is_cancelled() {
            match self.run_once().await {
                Ok(round) => {
                    pause = PAUSE_MIN;
                    self.status.send_modify(|status| status.failing = None);
                    if noted && round != Round::Elsewhere {
                        noted = !self.note(None).await;
                    }
                    self.rest(round, &heads, &stop).await;
                }
                Err(error) => {
                    self.follower = None;
                    let reason = chain(&error);
                    tracing::error!(process = self.name(), error = %reason, "a process cannot go on");
                    metrics::counter!("daybook_process_failures_total", "process" => self.name()).increment(1);
                    noted = true;
                    self.note(Some(&reason)).await;
                    self.status.send_modify(|status| status.failing = Some(reason));
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
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

    async fn rest(&self, round: Round, heads: &HeadWatch, stop: &CancellationToken) {
        let position = self.status.borrow().position;
        tokio::select! {
            () = stop.cancelled() => {}
            () = heads.wait_beyond(position, IDLE_POLL), if round == Round::Idle => {}
            // Here nothing moves with the head of the book.
            () = tokio::time::sleep(IDLE_POLL), if round == Round::Elsewhere => {}
            () = std::future::ready(()), if round == Round::Worked => {}
        }
    }

    /// One page of events or, at the head, the deadlines that are due.
    pub async fn run_once(&mut self) -> Result<Round, ProcessError> {
        let mut tx = self.pool.begin().await?;
        let Some(checkpoint) = store::lock_in_tx(&mut tx, self.process.name()).await? else {
            return Ok(Round::Elsewhere);
        };
        let parked = parked::read_in_tx(&mut tx, self.process.name()).await?;
        metrics::gauge!("daybook_process_parked_streams", "process" => self.name()).set(parked.len() as f64);
        if let Some((stream, from)) = &parked.wanted {
            self.resume(&mut tx, stream, *from, checkpoint.position).await?;
            tx.commit().await?;
            return Ok(Round::Worked);
        }
        let page = self.next_page(checkpoint).await?;
        if page.is_empty() {
            self.moved(checkpoint.position);
            let fired = self.fire_due(&mut tx, checkpoint.position).await?;
            tx.commit().await?;
            return Ok(if fired == 0 { Round::Idle } else { Round::Worked });
        }
        let (read, _) = self.carry_out(&mut tx, &page, &parked).await?;
        store::save_in_tx(&mut tx, self.process.name(), read).await?;
        tx.commit().await?;
        self.moved(read.position);
        Ok(Round::Worked)
    }

    /// Everything of a stream from the event on at which it was set aside, as far as the process has read.
    async fn resume(
        &self,
        tx: &mut sqlx::PgConnection,
        stream: &StreamId,
        from: Position,
        read: Position,
    ) -> Result<(), ProcessError> {
        tracing::info!(process = self.name(), %stream, position = from.0, "a stream that was set aside is tried again");
        let mut events = self.book.stream(stream, Some(read)).await?;
        events.retain(|event| event.position >= from);
        parked::release_in_tx(tx, self.process.name(), stream).await?;
        let mut parked = Parked::default();
        while !events.is_empty() {
            let (done, stuck) = self.carry_out(tx, &events, &parked).await?;
            parked = parked.and(&stuck);
            events.retain(|event| event.position > done.position);
        }
        Ok(())
    }

    /// What the process wants done about events, or about as many as one round can take, but for streams that are set aside.
    /// Those that get stuck are set aside too. The last event that was read, and what got stuck.
    async fn carry_out(
        &self,
        tx: &mut sqlx::PgConnection,
        events: &[RecordedEvent],
        parked: &Parked,
    ) -> Result<(Point, Vec<Stuck>), ProcessError> {
        let Asked { read, mut remembered, lines, streams } = self.react(events, parked)?;
        let failed = self.run_all(lines).await?;
        let stuck: Vec<Stuck> = failed.into_iter().map(|failed| failed.of(&streams)).collect();
        if !stuck.is_empty() {
            // What the stuck event and the later ones of its stream want to be remembered waits with them.
            let count = events.iter().take_while(|event| event.position <= read.position).count();
            remembered = self.react(&events[..count], &parked.clone().and(&stuck))?.remembered;
        }
        for Stuck { stream, position, reason } in &stuck {
            tracing::error!(process = self.name(), %stream, position = position.0, reason, "a stream is set aside");
        }
        parked::park_in_tx(tx, self.process.name(), &stuck).await?;
        remembered.write_in_tx(tx, self.process.name()).await?;
        Ok((read, stuck))
    }

    async fn next_page(&mut self, checkpoint: Point) -> Result<Vec<RecordedEvent>, ProcessError> {
        let follower = match &mut self.follower {
            Some(follower) if follower.at() == checkpoint => follower,
            follower => follower.insert(Follower::from(self.book.clone(), checkpoint)),
        };
        Ok(follower.next_page(PAGE_EVENTS).await?)
    }

    fn moved(&self, position: Position) {
        metrics::gauge!("daybook_process_position", "process" => self.name()).set(position.0 as f64);
        self.status.send_modify(|status| status.position = position);
    }

    /// What the process wants done about a page, or about as much of it as one round can take.
    fn react(&self, page: &[RecordedEvent], parked: &Parked) -> Result<Asked, ProcessError> {
        let (lines, streams) = (Vec::new(), Vec::new());
        let mut asked = Asked { read: page[0].point(), remembered: Remembered::default(), lines, streams };
        let mut line_of: HashMap<&StreamId, usize> = HashMap::new();
        let mut runs = 0;
        for event in page {
            if runs >= EFFECTS_A_ROUND {
                break;
            }
            asked.read = event.point();
            if parked.holds(event) {
                continue;
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
                            asked.streams.push(event.stream.clone());
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
        }
        Ok(asked)
    }

    /// Runs use cases: those of one line one after another, the lines at the same time. A line ends where one of it fails by a
    /// fault of ours: those are told. Any other fault is not the line's, and ends the round.
    async fn run_all(&self, lines: Vec<Vec<Task>>) -> Result<Vec<Failed>, ProcessError> {
        let permits = Arc::new(Semaphore::new(EFFECTS_IN_FLIGHT_MAX));
        let mut running: JoinSet<Result<Option<Failed>, ProcessError>> = JoinSet::new();
        for (number, line) in lines.into_iter().enumerate() {
            let (permits, commands) = (Arc::clone(&permits), self.commands.clone());
            let process = self.process.name();
            running.spawn(async move {
                let _permit = permits.acquire_owned().await.expect("the semaphore is never closed");
                for task in line {
                    let position = task.position;
                    match task.run(process, &commands).await {
                        Ok(()) => {}
                        Err(error @ ProcessError::Effect { source: CommandError::Failed(_), .. }) => {
                            metrics::counter!("daybook_process_failures_total", "process" => process).increment(1);
                            return Ok(Some(Failed { line: number, position, reason: chain(&error) }));
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(None)
            });
        }
        let all = async {
            let mut failed = Vec::new();
            while let Some(done) = running.join_next().await {
                failed.extend(done??);
            }
            Ok(failed)
        };
        tokio::time::timeout(ROUND_LIMIT, all).await.unwrap_or(Err(ProcessError::TooSlow))
    }

    async fn fire_due(&self, tx: &mut sqlx::PgConnection, read: Position) -> Result<usize, ProcessError> {
        let (name, now) = (self.process.name(), self.commands.clock().now());
        let due = store::due_in_tx(tx, name, now, read, self.process.fires_after(), DEADLINES_AT_ONCE).await?;
        let (mut lines, mut asking, mut fired) = (Vec::new(), Vec::new(), Vec::new());
        for deadline in due {
            match guarded(&deadline.kind, || self.process.fire(&deadline))? {
                Some(runnable) => {
                    let envelope = self.deadline_envelope(&deadline);
                    lines.push(vec![Task { runnable, envelope, position: read, number: 0 }]);
                    asking.push(Some(deadline));
                }
                None => fired.push(deadline),
            }
        }
        let mut remembered = Remembered::default();
        for Failed { line, reason, .. } in self.run_all(lines).await? {
            let Some(deadline) = asking[line].take() else { continue };
            tracing::error!(process = name, deadline.kind = %deadline.kind, deadline.subject = %deadline.subject, reason,
                "a deadline is put off");
            remembered.set(Deadline { due_at: now + DEADLINE_PUT_OFF, ..deadline });
        }
        fired.extend(asking.into_iter().flatten());
        let count = fired.len();
        fired.iter().for_each(|deadline| remembered.clear(&deadline.kind, deadline.subject));
        remembered.write_in_tx(tx, name).await?;
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
    /// The use cases, a line for each of the streams whose events led to them.
    lines: Vec<Vec<Task>>,
    streams: Vec<StreamId>,
}

/// A line that ended before its end, at an effect of the event at this position.
struct Failed {
    line: usize,
    position: Position,
    reason: String,
}

impl Failed {
    fn of(self, streams: &[StreamId]) -> Stuck {
        Stuck { stream: streams[self.line].clone(), position: self.position, reason: self.reason }
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
    /// tried again: here, and then with the whole page, unless it is a fault of ours.
    async fn run(self, process: &'static str, commands: &Commands) -> Result<(), ProcessError> {
        let (mut tries, mut failures) = (0, 0);
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
                Err(CommandError::Failed(_)) if failures + 1 < EFFECT_FAILURES_MAX => {
                    failures += 1;
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
