//! Tells how the executor stands. That the book went back is shown for a while, even if all is well again: whoever watches
//! looks only now and then.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

use super::Health;

/// A statement of the writer that takes longer than this is one that the book does not answer. Who has been accepted waits
/// on; who comes now is told to come back later. A disk that stalls for a moment takes less.
const ANSWER_SLOW: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Announcer {
    health: watch::Sender<Health>,
    went_back_shown: Duration,
    /// Until when the loss of a tail is shown, if there was one.
    went_back_until: Option<Instant>,
}

impl Announcer {
    pub(super) fn new(health: watch::Sender<Health>, went_back_shown: Duration) -> Self {
        Self { health, went_back_shown, went_back_until: None }
    }

    pub(super) fn health(&self) -> Health {
        *self.health.borrow()
    }

    pub(super) fn announce(&self, health: Health) {
        let is_shown = self.went_back_until.is_some_and(|until| Instant::now() < until);
        let health = if health == Health::Writing && is_shown { Health::BookWentBack } else { health };
        self.health.send_if_modified(|current| std::mem::replace(current, health) != health);
    }

    /// Waits for a statement of the writer to its end, however long it takes; that it takes long is told.
    pub(super) async fn tell_if_slow<T>(&self, statement: impl Future<Output = T>) -> T {
        let mut statement = pin!(statement);
        if let Ok(answered) = timeout(ANSWER_SLOW, &mut statement).await {
            return answered;
        }
        tracing::warn!("the book does not answer the writer");
        self.announce(Health::Unavailable);
        statement.await
    }

    pub(super) fn announce_that_the_book_went_back(&mut self) {
        self.went_back_until = Some(Instant::now() + self.went_back_shown);
        self.announce(Health::BookWentBack);
    }

    /// How long the loss of a tail is yet to be shown.
    pub(super) fn went_back_shown_for(&self) -> Option<Duration> {
        Some(self.went_back_until?.saturating_duration_since(Instant::now()))
    }
}
