//! The publisher, a batch at a time: follows the book, gives batches to a session, and makes a new session when one failed. What
//! a session blocks on, it blocks a thread of the blocking pool with.

use std::pin::pin;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::config::{BATCH_EVENTS_MAX, BATCH_GROWS_BY, BATCH_SHRINKS_BY, MEASURE_EVERY, Mode, PublisherConfig};
use super::error::{PublishError, Refusal};
use super::progress::{self, Progress};
use super::session::Session;
use super::status::{Account, PublisherState, PublisherStatus};
use crate::event::{Point, Position};
use crate::feed::Feed;
use crate::follow::{FollowError, Follower};
use crate::read::Title;

pub struct Publisher {
    config: PublisherConfig,
    pub(super) feed: Feed,
    pub(super) account: Account,
    pub(super) stop: CancellationToken,
    pub(super) open: Option<Open>,
    /// The last event that is in Kafka for certain, as far as this process knows.
    pub(super) confirmed: Option<Point>,
    events_max: usize,
}

/// What there is between two batches when nothing went wrong.
pub(super) struct Open {
    session: Session,
    pub(super) follower: Follower,
    /// Read while the batch before it was sent.
    ahead: Option<Batch>,
}

impl Publisher {
    pub fn new(config: PublisherConfig, feed: impl Into<Feed>) -> Self {
        let (account, stop) = (Account::new(), CancellationToken::new());
        Self { config, feed: feed.into(), account, stop, open: None, confirmed: None, events_max: BATCH_EVENTS_MAX }
    }

    pub fn status(&self) -> watch::Receiver<PublisherStatus> {
        self.account.watch()
    }

    /// Publishes one batch and says how many events it had; 0 at the end of the book. After an error the next call begins anew
    /// from what Kafka holds.
    pub async fn run_once(&mut self) -> Result<usize, PublishError> {
        let published = self.publish_next().await;
        if let Err(error) = &published {
            self.account.count_error(error);
        }
        published
    }

    async fn publish_next(&mut self) -> Result<usize, PublishError> {
        let Open { mut session, mut follower, ahead } = match self.open.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        let batch = match self.next_batch(&mut follower, ahead).await {
            Ok(batch) => batch,
            Err(error) => {
                retire(session);
                return Err(error);
            }
        };
        let Some(end) = batch.end() else {
            self.account.stands_at(follower.at().position, follower.at().position, None);
            self.open = Some(Open { session, follower, ahead: None });
            return Ok(0);
        };
        let sending = spawn_blocking(move || session.publish(&batch).map(|()| (session, batch)));
        let (sent, ahead) = tokio::join!(self.measured(sending), Batch::read(&mut follower, self.events_max));
        let sent = sent.map_err(PublishError::Panicked)?;
        self.events_max = match sent {
            Ok(_) => (self.events_max * BATCH_GROWS_BY).min(BATCH_EVENTS_MAX),
            Err(_) => (self.events_max / BATCH_SHRINKS_BY).max(1),
        };
        let (session, batch) = sent?;
        self.confirmed = Some(end);
        self.account.count_batch(batch.events.len());
        tracing::debug!(position = %end.position, events = batch.events.len(), "published");
        // A fault of the reading is met again, and told, when the batch is wanted.
        let ahead = ahead.ok().filter(|ahead| !ahead.events.is_empty());
        self.stands_before(ahead.as_ref(), &follower).await;
        self.open = Some(Open { session, follower, ahead });
        Ok(batch.events.len())
    }

    /// Measures the lag as long as something takes.
    async fn measured<T>(&self, waited_for: impl Future<Output = T>) -> T {
        let mut waited_for = pin!(waited_for);
        loop {
            match timeout(MEASURE_EVERY, &mut waited_for).await {
                Ok(done) => return done,
                Err(_) => self.measure_lag().await,
            }
        }
    }

    async fn next_batch(&self, follower: &mut Follower, ahead: Option<Batch>) -> Result<Batch, PublishError> {
        let batch = match ahead {
            Some(batch) => batch,
            None => Batch::read(follower, self.events_max).await.map_err(follow_error)?,
        };
        if let Some(confirmed) = self.confirmed.filter(|confirmed| *confirmed != batch.after) {
            return Err(PublishError::OutOfStep { expected: confirmed.position, found: batch.after.position });
        }
        if let Some(end) = batch.end() {
            // It may have been read ahead, or by another follower, before a failover that lost it.
            self.feed.confirm(end).await.map_err(follow_error)?;
        }
        Ok(batch)
    }

    /// `ahead` is what there is to publish next.
    async fn stands_before(&self, ahead: Option<&Batch>, follower: &Follower) {
        let mut head = follower.at().position;
        if ahead.is_some_and(|ahead| !ahead.reaches_head)
            && let Ok(found) = self.feed.book().head().await
        {
            head = found.point.position;
        }
        let next = ahead.and_then(|ahead| ahead.events.first());
        self.account.stands_at(self.published(), head, next.map(|event| event.recorded_at));
    }

    pub(super) fn published(&self) -> Position {
        self.confirmed.map_or(Position::TITLE, |point| point.position)
    }

    async fn open(&mut self) -> Result<Open, PublishError> {
        let title = self.feed.book().title().await.map_err(PublishError::Read)?;
        if self.config.mode == Mode::ExactlyOnce {
            // Whoever may not publish here should not fence the one who does on the way to finding out.
            let seen = self.glance().await?;
            self.resume_point(seen.as_ref(), &title).await?;
        }
        let (config, book_id, stop) = (self.config.clone(), title.book_id, self.stop.clone());
        let (session, progress) = blocking(move || Session::open(&config, book_id, &stop)).await?;
        let point = match self.config.mode {
            Mode::ExactlyOnce => self.resume_point(progress.as_ref(), &title).await,
            Mode::InProcess => Ok(self.confirmed.unwrap_or(title_point(&title))),
        };
        let point = match point {
            Ok(point) => point,
            Err(error) => {
                retire(session);
                return Err(error);
            }
        };
        tracing::info!(book.id = %title.book_id, position = %point.position, "the publisher begins");
        if self.confirmed.replace(point).is_some() {
            self.account.count_rebuild();
        }
        self.account.enter(PublisherState::Running);
        Ok(Open { session, follower: Follower::from(self.feed.clone(), point), ahead: None })
    }

    /// What Kafka holds, without fencing anybody.
    pub(super) async fn glance(&self) -> Result<Option<Progress>, PublishError> {
        let (config, stop) = (self.config.clone(), self.stop.clone());
        blocking(move || progress::glance(&config, &stop)).await
    }

    /// Where to go on, if what is published is the beginning of this book.
    async fn resume_point(&self, progress: Option<&Progress>, title: &Title) -> Result<Point, PublishError> {
        let Some(progress) = progress else { return Ok(title_point(title)) };
        let topic = self.config.progress_topic();
        if progress.book_id != title.book_id {
            return Err(Refusal::AnotherBook { topic, found: progress.book_id, ours: title.book_id }.into());
        }
        let Point { position, hash } = progress.point();
        let page = self.feed.book().page(Position(position.0 - 1), 1).await.map_err(PublishError::Read)?;
        match page.first() {
            Some(event) if event.position == position && event.hash == hash => Ok(progress.point()),
            Some(_) => Err(Refusal::AnotherHistory { topic, position }.into()),
            None => {
                let head = self.feed.book().head().await.map_err(PublishError::Read)?.point.position;
                Err(Refusal::AheadOfBook { topic, published: position, head }.into())
            }
        }
    }

    /// While nothing can be published: how far the book is ahead, and since when.
    pub(super) async fn measure_lag(&self) {
        let published = self.published();
        let (Ok(head), Ok(next)) = (self.feed.book().head().await, self.feed.book().page(published, 1).await) else {
            return self.account.measure();
        };
        self.account.stands_at(published, head.point.position, next.first().map(|event| event.recorded_at));
    }

    /// Ends the producer on a thread that may block.
    pub(super) async fn close(&mut self) {
        let open = self.open.take();
        if spawn_blocking(move || drop(open)).await.is_err() {
            tracing::warn!("the producer panicked at its end");
        }
    }
}

fn follow_error(error: FollowError) -> PublishError {
    match error {
        // Said more exactly when a session is opened anew: what was read may be gone, and what was published may not.
        FollowError::BookWentBack { .. } | FollowError::Read(_) => PublishError::Follow(error),
        FollowError::Gap { .. } | FollowError::Chain { .. } => Refusal::BrokenBook(error).into(),
    }
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, PublishError> + Send + 'static,
) -> Result<T, PublishError> {
    spawn_blocking(call).await.map_err(PublishError::Panicked)?
}

/// A producer's end takes a moment and must not block the runtime.
fn retire(session: Session) {
    spawn_blocking(move || drop(session));
}

fn title_point(title: &Title) -> Point {
    Point { position: Position::TITLE, hash: title.hash }
}
