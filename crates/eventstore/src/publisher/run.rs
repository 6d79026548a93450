//! The publisher: follows the book, gives batches to a session, and makes a new one when something went wrong. What a session
//! blocks on, it blocks a thread of the blocking pool with.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::batch::Batch;
use super::config::{LINGER, Mode, PAUSE_MAX, PAUSE_MIN, PublisherConfig, STAND_BY_LOOK, STAND_BY_LOOKS};
use super::error::{PublishError, Refusal};
use super::progress::{self, Progress};
use super::session::Session;
use super::status::{Account, PublisherState, PublisherStatus};
use crate::event::{Point, Position, RecordedEvent};
use crate::follow::{FollowError, Follower, HeadWatch};
use crate::read::{Book, Title};

pub struct Publisher {
    config: PublisherConfig,
    book: Book,
    account: Account,
    stop: CancellationToken,
    open: Option<Open>,
    /// The last event that is in Kafka for certain, as far as this process knows.
    confirmed: Option<Point>,
}

/// What there is between two batches when nothing went wrong.
struct Open {
    session: Session,
    follower: Follower,
    /// Read while the batch before it was sent.
    ahead: Option<Batch>,
}

impl Publisher {
    pub fn new(config: PublisherConfig, book: Book) -> Self {
        let stop = CancellationToken::new();
        Self { config, book, account: Account::new(), stop, open: None, confirmed: None }
    }

    pub fn status(&self) -> watch::Receiver<PublisherStatus> {
        self.account.watch()
    }

    /// Publishes until it is told to stop or has to refuse. Never ends because a broker or the database is away.
    pub async fn run(mut self, heads: HeadWatch, stop: CancellationToken) {
        self.stop = stop.clone();
        let mut pause = PAUSE_MIN;
        let end = loop {
            if stop.is_cancelled() {
                break PublisherState::Stopped;
            }
            match self.run_once().await {
                Ok(0) => {
                    pause = PAUSE_MIN;
                    self.wait_for_more(&heads, &stop).await;
                }
                Ok(_) => pause = PAUSE_MIN,
                Err(PublishError::Refused(refusal)) => {
                    tracing::error!(reason = %refusal, "the publisher refuses to go on until somebody has looked");
                    break PublisherState::Refused { reason: with_sources(&refusal) };
                }
                Err(PublishError::Fenced) => self.stand_by(&stop).await,
                Err(PublishError::Stopped) => {}
                Err(error) => {
                    let reason = with_sources(&error);
                    tracing::warn!(reason, pause_ms = pause.as_millis(), "the publisher tries again");
                    self.account.enter(PublisherState::Retrying { reason });
                    stop.run_until_cancelled(sleep(at_random(pause))).await;
                    self.account.measure();
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        };
        self.account.enter(end);
        self.close().await;
    }

    /// Publishes one batch and says how many events it had; 0 at the end of the book.
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
        let batch = match ahead {
            Some(batch) => batch,
            None => match self.read(&mut follower).await {
                Ok(batch) => batch,
                Err(error) => {
                    retire(session);
                    return Err(error);
                }
            },
        };
        let Some(end) = batch.end() else {
            self.stands_at(follower.at().position, &follower, None);
            self.open = Some(Open { session, follower, ahead: None });
            return Ok(0);
        };
        let sending = spawn_blocking(move || session.publish(&batch).map(|()| (session, batch)));
        let (sent, ahead) = tokio::join!(sending, Batch::read(&mut follower));
        let (session, batch) = sent.map_err(PublishError::Panicked)??;
        self.confirmed = Some(end);
        self.account.count_batch(batch.events.len());
        tracing::debug!(position = %end.position, events = batch.events.len(), "published");
        // A fault of the reading is met again, and told, when the batch is wanted.
        let ahead = ahead.ok().filter(|ahead| !ahead.events.is_empty());
        self.stands_at(end.position, &follower, ahead.as_ref().and_then(|ahead| ahead.events.first()));
        self.open = Some(Open { session, follower, ahead });
        Ok(batch.events.len())
    }

    async fn read(&self, follower: &mut Follower) -> Result<Batch, PublishError> {
        let batch = Batch::read(follower).await.map_err(|error| match error {
            // Said more exactly when the session is opened anew: what was read may be gone, what was published may not.
            FollowError::BookWentBack { .. } | FollowError::Read(_) => PublishError::Follow(error),
            FollowError::Gap { .. } | FollowError::Chain { .. } => Refusal::BrokenBook(error).into(),
        })?;
        let published = self.confirmed.map_or(Position::TITLE, |point| point.position);
        self.stands_at(published, follower, batch.events.first());
        Ok(batch)
    }

    async fn open(&mut self) -> Result<Open, PublishError> {
        let title = self.book.title().await.map_err(PublishError::Read)?;
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
        self.confirmed = Some(point);
        self.account.count_rebuild();
        self.account.enter(PublisherState::Running);
        Ok(Open { session, follower: Follower::from(self.book.clone(), point), ahead: None })
    }

    async fn glance(&self) -> Result<Option<Progress>, PublishError> {
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
        let page = self.book.page(Position(position.0 - 1), 1).await.map_err(PublishError::Read)?;
        match page.first() {
            Some(event) if event.position == position && event.hash == hash => Ok(progress.point()),
            Some(_) => Err(Refusal::AnotherHistory { topic, position }.into()),
            None => {
                let head = self.book.head().await.map_err(PublishError::Read)?.point.position;
                Err(Refusal::AheadOfBook { topic, published: position, head }.into())
            }
        }
    }

    fn stands_at(&self, published: Position, follower: &Follower, next: Option<&RecordedEvent>) {
        self.account.stands_at(published, follower.at().position, next.map(|event| event.recorded_at));
    }

    /// Returns when there may be more, having let what comes together gather.
    async fn wait_for_more(&mut self, heads: &HeadWatch, stop: &CancellationToken) {
        let Some(open) = &mut self.open else { return };
        stop.run_until_cancelled(open.follower.wait(heads)).await;
        if heads.newest() > open.follower.at().position {
            stop.run_until_cancelled(sleep(LINGER)).await;
        }
    }

    /// Another publisher has fenced this one. To fence it in turn at once would go on for ever; so this one looks on, and comes
    /// back when nothing is published any more though the book has more.
    async fn stand_by(&mut self, stop: &CancellationToken) {
        tracing::info!("another publisher has taken over, this one stands by");
        self.account.enter(PublisherState::StandingBy);
        let mut last = None;
        let mut looks_without_progress = 0;
        while looks_without_progress < STAND_BY_LOOKS {
            if stop.run_until_cancelled(sleep(at_random(STAND_BY_LOOK))).await.is_none() {
                return;
            }
            let (Ok(seen), Ok(head)) = (self.glance().await, self.book.head().await) else {
                // Without the broker or the book the other one cannot publish either.
                looks_without_progress = 0;
                continue;
            };
            let published = seen.map_or(Position::TITLE, |progress| progress.position);
            self.account.stands_at(published, head.point.position, None);
            let idle = last.replace(published) == Some(published) && published < head.point.position;
            looks_without_progress = if idle { looks_without_progress + 1 } else { 0 };
        }
        tracing::info!("the other publisher has stopped, this one takes over");
    }

    /// Ends the producer on a thread that may block.
    async fn close(&mut self) {
        let open = self.open.take();
        if spawn_blocking(move || drop(open)).await.is_err() {
            tracing::warn!("the producer panicked at its end");
        }
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

/// At least half of it, so that publishers that failed together do not try again together.
fn at_random(pause: Duration) -> Duration {
    let part = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + part / 2.0)
}

/// The error and what it came from, in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |line, source| format!("{line}: {source}"))
}
