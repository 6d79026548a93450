//! Carries out what a process manager asks for: follows the book, runs the effects of a page, then commits deadlines,
//! call requests and the checkpoint together. A crash anywhere repeats the page with no second effect.

mod effects;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::aggregate::UnreadableEvent;
use eventstore::follow::{FollowError, HeadWatch};
use eventstore::{Feed, Point, Position, ReadError, RecordedEvent, StreamId, failpoint};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::parked::{self, Parked, Stuck};
use super::store::{self, Remembered};
use super::{Deadline, Process};
use crate::command::CommandError;
use crate::executor::Commands;
use effects::{Asked, Failed, Ran, Task, guarded};

/// Events read at once.
const PAGE_EVENTS: usize = 1_000;
/// A round reads no further once it has this many effects to carry out, and gives up after this time: the checkpoint is
/// locked meanwhile, by a transaction that does nothing. What has been done by then is found by its key next time.
pub const EFFECTS_A_ROUND: usize = 512;
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
    feed: Feed,
    commands: Commands,
    reading: Option<Reading>,
    /// Streams that are set aside, as this runner last saw it.
    set_aside: usize,
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
        Ok(Self { process: process.into(), pool, feed, commands, reading: None, set_aside: 0, status })
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
                    self.alarm(round != Round::Elsewhere && self.set_aside > 0);
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
                    self.alarm(true);
                    noted = true;
                    self.note(Some(&reason)).await;
                    self.status.send_modify(|status| status.failing = Some(reason));
                    stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// The one figure to watch: it is 1 on the node that runs the process, while it does not go on or has a stream set aside.
    fn alarm(&self, is_stuck: bool) {
        metrics::gauge!("daybook_process_stuck", "process" => self.name()).set(f64::from(u8::from(is_stuck)));
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
        let asked = self.react(reading.at, &page, &Parked::default())?;
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
        let parked = parked::read_in_tx(&mut tx, self.process.name()).await?;
        self.see_set_aside(parked.len());
        if let Some((stream, from)) = &parked.wanted {
            self.resume(&mut tx, stream, *from, checkpoint.position).await?;
            failpoint::reached("process.after_resume");
            tx.commit().await?;
            return Ok(Round::Worked);
        }
        let asked = if parked.len() == 0 { asked } else { self.react(reading.at, &page, &parked)? };
        if asked.read != checkpoint {
            // Before anything is made of events that a failover may have lost since they were read.
            self.feed.confirm_in_tx(&mut tx, asked.read).await?;
        }
        let (read, stuck) = self.carry_out(&mut tx, asked, &page, &parked).await?;
        if read != checkpoint {
            store::save_in_tx(&mut tx, self.process.name(), read).await?;
        }
        let fired = if is_at_head && deadlines { self.fire_due(&mut tx, read.position).await? } else { 0 };
        failpoint::reached("process.before_commit");
        tx.commit().await?;
        self.moved(Reading::from(read));
        self.see_set_aside(parked.and(&stuck).len());
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

    /// Everything of a stream from the event on at which it was set aside, as far as the process has read.
    async fn resume(
        &self,
        tx: &mut sqlx::PgConnection,
        stream: &StreamId,
        from: Position,
        read: Position,
    ) -> Result<(), ProcessError> {
        tracing::info!(process = self.name(), %stream, position = from.0, "a stream that was set aside is tried again");
        let events = self.feed.book().stream(stream, Some(read)).await?;
        let mut events: Vec<_> = events.into_iter().filter(|event| event.position >= from).map(Arc::new).collect();
        failpoint::reached("process.before_resume");
        parked::release_in_tx(tx, self.process.name(), stream).await?;
        let mut parked = Parked::default();
        while let Some(first) = events.first() {
            let asked = self.react(first.point(), &events, &parked)?;
            let (done, stuck) = self.carry_out(tx, asked, &events, &parked).await?;
            parked = parked.and(&stuck);
            events.retain(|event| event.position > done.position);
        }
        Ok(())
    }

    /// What was asked for about events, but for streams that are set aside. Those that get stuck are set aside too. The last
    /// event that was read, and what got stuck.
    async fn carry_out(
        &self,
        tx: &mut sqlx::PgConnection,
        asked: Asked,
        events: &[Arc<RecordedEvent>],
        parked: &Parked,
    ) -> Result<(Point, Vec<Stuck>), ProcessError> {
        let Asked { read, mut remembered, lines, streams } = asked;
        let Ran { failed, .. } = self.run_all(lines).await?;
        let stuck: Vec<Stuck> = failed.into_iter().map(|failed| failed.of(&streams)).collect();
        if !stuck.is_empty() {
            // What the stuck event and the later ones of its stream want to be remembered waits with them.
            let count = events.iter().take_while(|event| event.position <= read.position).count();
            remembered = self.react(read, &events[..count], &parked.clone().and(&stuck))?.remembered;
        }
        for Stuck { stream, position, reason } in &stuck {
            tracing::error!(process = self.name(), %stream, position = position.0, reason, "a stream is set aside");
        }
        if !stuck.is_empty() {
            failpoint::reached("process.before_park");
        }
        failpoint::reached("process.before_checkpoint");
        parked::park_in_tx(tx, self.process.name(), &stuck).await?;
        remembered.write_in_tx(tx, self.process.name()).await?;
        Ok((read, stuck))
    }

    fn see_set_aside(&mut self, streams: usize) {
        self.set_aside = streams;
        metrics::gauge!("daybook_process_parked_streams", "process" => self.name()).set(streams as f64);
    }

    fn moved(&mut self, reading: Reading) {
        self.reading = Some(reading);
        let position = reading.at.position;
        metrics::gauge!("daybook_process_position", "process" => self.name()).set(position.0 as f64);
        self.status.send_if_modified(|status| std::mem::replace(&mut status.position, position) != position);
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
        let is_any = !lines.is_empty();
        if is_any {
            failpoint::reached("deadline.before_fire");
        }
        let Ran { failed, again } = self.run_all(lines).await?;
        if is_any {
            failpoint::reached("deadline.after_fire");
        }
        for (line, due_at) in again {
            if let Some(deadline) = asking[line].take() {
                remembered.set(Deadline { due_at, ..deadline });
            }
        }
        for Failed { line, reason, .. } in failed {
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
}

/// An error with its sources, for one log line.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
