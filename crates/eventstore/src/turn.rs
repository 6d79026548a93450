//! Fairness between the writers of several nodes. Whoever is first gets the position, so a slow or distant writer could
//! lose for ever. Every append therefore takes an advisory lock shared, and a writer that keeps losing takes it
//! exclusively until its next append: the others wait for that one. The compare-and-set alone keeps the book correct;
//! this only keeps it fair.

use std::time::Duration;

use tokio::time::Instant;

use crate::session::Session;

/// After this many lost races in a row a writer claims the next turn for itself.
const LOSSES_BEFORE_CLAIM: u32 = 3;

/// A turn that was not given back within the lock timeout is held by a stopped writer. Nobody waits for one for this
/// long after.
const IGNORED: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Turn {
    losses: u32,
    ignored_until: Option<Instant>,
}

impl Turn {
    /// Whether the next append waits for a writer that has claimed its turn.
    pub(crate) fn is_respected(&self) -> bool {
        self.ignored_until.is_none_or(|until| Instant::now() >= until)
    }

    pub(crate) fn took_too_long(&mut self) {
        self.ignored_until = Some(Instant::now() + IGNORED);
    }

    pub(crate) async fn race_lost(&mut self, session: &mut Session) {
        self.losses += 1;
        if self.losses >= LOSSES_BEFORE_CLAIM {
            session.claim_turn().await;
        }
    }

    /// An append is settled, or there is nothing to append any more.
    pub(crate) async fn over(&mut self, session: &mut Session) {
        self.losses = 0;
        session.release_turn().await;
    }
}
