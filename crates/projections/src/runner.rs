//! Runs one projection: lock the checkpoint, take the next events, have them posted, save the checkpoint, commit.
//! Effect and checkpoint are one, so a crash anywhere repeats a batch and no effect.
//!
//! A batch costs five round trips and those of the projection; one without an event for the projection costs one.

use std::{sync::Arc, time::Duration};

use eventstore::{
    Feed, Point, Position, ReadError, RecordedEvent, failpoint,
    follow::{FollowError, HeadWatch},
};
use sqlx::{Connection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    checkpoint::{self, Checkpoint, State},
    metrics, parked,
    progress::Progress,
    projection::{ApplyError, Projection},
    session::Session,
};

/// Events in a batch. Large enough that a transaction's fixed cost of some milliseconds is spread over many; small
/// enough that a batch is posted within a fraction of a second.
const BATCH_EVENTS_MAX: usize = 2_000;

/// The least time from one batch to the next while a projection keeps up. The first event after a rest is posted at
/// once; under load some hundred share a transaction, whose fixed cost would otherwise be paid for every append.
const BATCH_INTERVAL: Duration = Duration::from_millis(20);

/// A batch that took long, because the machine is busy, is followed by a rest that many times as long: the busier the
/// machine, the more events share a transaction. No longer than this, though: readers wait for what they have written.
const REST_FACTOR: u32 = 2;
const REST_MAX: Duration = Duration::from_millis(100);

/// How soon an idle projection looks for events that writers of other processes appended: at first, and at the longest
/// when nothing comes.
const IDLE_POLL_MIN: Duration = Duration::from_millis(5);
const IDLE_POLL_MAX: Duration = Duration::from_millis(250);

/// How often a runner looks whether the one that does its work still does.
const STANDBY_POLL: Duration = Duration::from_secs(1);

/// First and longest pause after a failure; it doubles in between.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A round that takes longer than this waits for a server that does not answer: its own limit on a statement is half of
/// it.
const ROUND_S: u64 = 120;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the tables of {schema_name} are not there: run `daybook migrate`")]
    NotInstalled { schema_name: &'static str },
    /// The checkpoint is no page of the book, or the book does not hold together after it.
    #[error("the book does not continue what was posted")]
    Refused(#[source] FollowError),
    #[error("the event at {position} cannot be posted, and the projection may not step over it")]
    Stopped { position: Position, source: ApplyError },
    #[error("the read model cannot be written")]
    Apply(#[source] ApplyError),
    #[error("the book cannot be read")]
    Read(#[from] ReadError),
    #[error("the checkpoint cannot be read or written")]
    Database(#[from] sqlx::Error),
    #[error("the database did not answer within {ROUND_S} s")]
    TimedOut,
}

impl RunError {
    /// What stands still until someone does something, as the checkpoint's row tells it to all nodes.
    fn halt(&self) -> Option<State> {
        match self {
            Self::Refused(_) => Some(State::Refused),
            Self::Stopped { .. } => Some(State::Stopped),
            Self::NotInstalled { .. } | Self::Apply(_) | Self::Read(_) | Self::Database(_) | Self::TimedOut => None,
        }
    }
}

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// The checkpoint went on by so many events.
    Advanced { events: usize },
    /// The checkpoint is at the head.
    Idle,
    /// Another runner is at work on this projection.
    Elsewhere,
}

pub struct Runner {
    projection: &'static dyn Projection,
    session: Session,
    feed: Feed,
    progress: Progress,
    batch_events_max: usize,
    /// The checkpoint as this runner last saw it.
    seen: Option<Point>,
    /// Another runner was ahead of us the last time. Ours to go on if the checkpoint stays where it is.
    stands_by: bool,
    /// The checkpoint's row may still tell why an earlier round, or process, did not go on.
    may_be_halted: bool,
}

impl Runner {
    /// Runners of one process share the feed, and the progress with those who wait for them.
    #[must_use]
    pub fn new(
        projection: &'static dyn Projection,
        options: PgConnectOptions,
        feed: impl Into<Feed>,
        progress: Progress,
    ) -> Self {
        let session = Session::new(options, projection.definition());
        Self {
            projection,
            session,
            feed: feed.into(),
            progress,
            batch_events_max: BATCH_EVENTS_MAX,
            seen: None,
            stands_by: false,
            may_be_halted: true,
        }
    }

    /// In smaller steps than usual, to see that what is read does not depend on where they end.
    #[must_use]
    pub fn in_batches_of(self, batch_events_max: usize) -> Self {
        Self { batch_events_max, ..self }
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        self.projection.definition().name
    }

    /// Runs until it is stopped. A failure is told, and tried again: nothing is stepped over, and what was mended goes
    /// on.
    pub async fn run(mut self, head: HeadWatch, stop: CancellationToken) {
        let name = self.name();
        let (mut pause, mut idle_poll) = (PAUSE_MIN, IDLE_POLL_MIN);
        // A failure that stays the same is logged once; the status tells it all the time.
        let mut logged = None;
        if let Err(error) = self.retry_parked(None).await {
            tracing::warn!(projection = name, error = chain(&error), "parked streams were not tried again");
        }
        while !stop.is_cancelled() {
            let began = Instant::now();
            let round = self.run_once().await;
            if round.is_ok() {
                (pause, logged) = (PAUSE_MIN, None);
            }
            let rest = async {
                match round {
                    Ok(Round::Advanced { events }) if events >= self.batch_events_max => {}
                    Ok(Round::Advanced { .. }) => {
                        idle_poll = IDLE_POLL_MIN;
                        let ended = Instant::now();
                        let rest = ((ended - began) * REST_FACTOR).min(REST_MAX);
                        sleep_until((began + BATCH_INTERVAL).max(ended + rest)).await;
                    }
                    Ok(Round::Idle) => {
                        let reached = self.seen.map(|point| point.position).unwrap_or_default();
                        head.wait_beyond(reached, idle_poll).await;
                        idle_poll = (idle_poll * 2).min(IDLE_POLL_MAX);
                    }
                    Ok(Round::Elsewhere) => sleep(STANDBY_POLL).await,
                    Err(error) => {
                        let reason = Some(chain(&error));
                        if logged != reason {
                            tracing::error!(projection = name, error = reason, "a projection cannot go on");
                            logged = reason;
                        }
                        sleep(pause).await;
                        pause = (pause * 2).min(PAUSE_MAX);
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = rest => {}
            }
        }
    }

    /// One batch.
    pub async fn run_once(&mut self) -> Result<Round, RunError> {
        let round = timeout(Duration::from_secs(ROUND_S), self.round());
        let result = round.await.unwrap_or(Err(RunError::TimedOut));
        let definition = self.projection.definition();
        match &result {
            Ok(Round::Advanced { .. } | Round::Idle) => {
                self.progress.reached(definition, self.seen.map(|point| point.position).unwrap_or_default());
            }
            Ok(Round::Elsewhere) => {}
            Err(error) => {
                metrics::failed(definition);
                self.progress.failed(definition, chain(error));
                self.halt(error).await;
                self.session.drop_connection();
                self.seen = None;
            }
        }
        result
    }

    async fn round(&mut self) -> Result<Round, RunError> {
        let definition = self.projection.definition();
        let from = match self.seen {
            Some(point) if !self.stands_by => point,
            seen => {
                let now = self.read_checkpoint().await?.point;
                self.seen = Some(now);
                if seen.is_some_and(|seen| seen != now) {
                    return Ok(Round::Elsewhere);
                }
                now
            }
        };
        let page = self.feed.after(from, self.batch_events_max).await.map_err(run_error)?;
        let Some(last) = page.last() else {
            return self.rest(from).await;
        };
        let (began, to) = (Instant::now(), last.point());
        let events: Vec<_> = page.iter().filter(|event| definition.posts(event)).cloned().collect();
        let is_ours = if events.is_empty() {
            checkpoint::advance(self.session.connection().await?, definition, from, to).await?
        } else {
            self.post(from, to, &events).await?
        };
        self.stands_by = !is_ours;
        if !is_ours {
            // Or nobody was ahead of us, and the events are not in the book any more.
            let connection = self.session.connection().await?;
            return self.feed.confirm_in_tx(connection, to).await.map_err(run_error).map(|()| Round::Elsewhere);
        }
        self.seen = Some(to);
        self.may_be_halted = false;
        metrics::advanced(definition, last, events.len(), began.elapsed());
        Ok(Round::Advanced { events: page.len() })
    }

    /// At the head there is nothing to post, but what an earlier round said may have to be taken back.
    async fn rest(&mut self, at: Point) -> Result<Round, RunError> {
        let definition = self.projection.definition();
        if self.may_be_halted {
            checkpoint::advance(self.session.connection().await?, definition, at, at).await?;
            self.may_be_halted = false;
        }
        self.stands_by = false;
        metrics::at_head(definition);
        Ok(Round::Idle)
    }

    async fn read_checkpoint(&mut self) -> Result<Checkpoint, RunError> {
        let definition = self.projection.definition();
        let checkpoint = checkpoint::read(self.session.connection().await?, definition).await?;
        checkpoint.ok_or(RunError::NotInstalled { schema_name: definition.schema_name })
    }

    /// Posts the events and saves the checkpoint, both or neither. `false`: another runner holds the checkpoint, or
    /// moved it.
    async fn post(&mut self, from: Point, to: Point, events: &[Arc<RecordedEvent>]) -> Result<bool, RunError> {
        match self.post_in_one(from, to, events, Care::Together).await {
            Err(RunError::Apply(error)) if error.is_about_the_events() => {
                self.post_in_one(from, to, events, Care::Around).await
            }
            verdict => verdict,
        }
    }

    async fn post_in_one(
        &mut self,
        from: Point,
        to: Point,
        events: &[Arc<RecordedEvent>],
        care: Care,
    ) -> Result<bool, RunError> {
        let projection = self.projection;
        let definition = projection.definition();
        #[cfg(feature = "planted-bugs")]
        if eventstore::planted::is("checkpoint-before-apply") {
            return self.post_after_the_checkpoint(from, to, events).await;
        }
        let mut tx = self.session.connection().await?.begin().await?;
        let locked = checkpoint::lock_in_tx(&mut tx, definition).await?;
        let Some(checkpoint) = locked.filter(|checkpoint| checkpoint.point == from) else {
            tx.rollback().await?;
            return Ok(false);
        };
        let events = if checkpoint.has_parked {
            &parked::without_parked_in_tx(&mut tx, definition, events).await?
        } else {
            events
        };
        failpoint::reached("projection.before_apply");
        match care {
            _ if events.is_empty() => {}
            Care::Together => projection.apply(&mut tx, events).await.map_err(RunError::Apply)?,
            Care::Around => parked::apply_around_in_tx(&mut tx, projection, events.to_vec()).await?,
        }
        failpoint::reached("projection.after_apply");
        // Nobody can have moved what is locked; but the events may have been lost since they were read, and then nothing of
        // this is to stay.
        let is_ours = checkpoint::advance(&mut tx, definition, from, to).await?;
        failpoint::reached("projection.before_commit");
        if is_ours {
            tx.commit().await?
        } else {
            tx.rollback().await?
        }
        Ok(is_ours)
    }

    /// The planted bug `checkpoint-before-apply`: two transactions where one belongs.
    #[cfg(feature = "planted-bugs")]
    async fn post_after_the_checkpoint(
        &mut self,
        from: Point,
        to: Point,
        events: &[Arc<RecordedEvent>],
    ) -> Result<bool, RunError> {
        let projection = self.projection;
        let connection = self.session.connection().await?;
        let is_ours = checkpoint::advance(connection, projection.definition(), from, to).await?;
        failpoint::reached("projection.before_apply");
        let mut tx = connection.begin().await?;
        projection.apply(&mut tx, events).await.map_err(RunError::Apply)?;
        tx.commit().await?;
        Ok(is_ours)
    }

    /// Tries parked streams again, one or all, and says how many could be posted and are parked no more.
    pub async fn retry_parked(&mut self, stream_id: Option<Uuid>) -> Result<usize, RunError> {
        let projection = self.projection;
        let definition = projection.definition();
        let mut released = 0;
        let mut tx = self.session.connection().await?.begin().await?;
        if let Some(checkpoint) = checkpoint::lock_in_tx(&mut tx, definition).await?
            && checkpoint.has_parked
        {
            for stream in parked::find_in_tx(&mut tx, definition, stream_id).await? {
                let waiting = stream.waiting(self.feed.book(), definition, checkpoint.point.position).await?;
                let is_released = stream.release_in_tx(&mut tx, projection, &waiting).await.map_err(RunError::Apply)?;
                released += usize::from(is_released);
            }
        }
        tx.commit().await?;
        Ok(released)
    }

    /// What stands still until someone does something is told in the checkpoint's row. If that fails too, the next
    /// round's failure tells it again.
    async fn halt(&mut self, error: &RunError) {
        let (Some(state), Some(at)) = (error.halt(), self.seen) else { return };
        let definition = self.projection.definition();
        let told =
            async { checkpoint::halt(self.session.connection().await?, definition, at, state, &chain(error)).await };
        if let Err(error) = told.await {
            tracing::warn!(projection = definition.name, error = chain(&error), "the halt could not be written down");
        }
        self.may_be_halted = true;
    }
}

fn run_error(error: FollowError) -> RunError {
    match error {
        FollowError::Read(error) => RunError::Read(error),
        broken => RunError::Refused(broken),
    }
}

/// How a batch is posted.
#[derive(Debug, Clone, Copy)]
enum Care {
    Together,
    /// After a failure that is about the events: around the streams that cannot be posted.
    Around,
}

/// An error with its sources, for one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
