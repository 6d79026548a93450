//! What the executor does when an append does not succeed, row by row of the book's answer table, and how it finds its way
//! back: to what other writers appended, to a book that was away, to one that went back.
//!
//! The world stays true as of the head that was seen, whatever happens to the connection: it is dropped only when that
//! head is gone.

use std::time::{Duration, Instant};

use eventstore::idempotency::NewKey;
use eventstore::{AppendError, Head, Point, Position, ReadError, RecordedEvent, StreamId};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::desk::Desk;
use super::flight::Flight;
use super::{BATCH_COMMANDS_MAX, Executor, Health, refuse};
use crate::batch::Waiting;
use crate::command::CommandError;
use crate::job::Pending;

/// Events of other writers that are read at once when catching up.
const CATCH_UP_EVENTS: i64 = 4_096;
/// Between two tries to reach a book that is away.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Between two looks at a book that could not be written, while there is no command to try it with.
const PROBE_PAUSE: Duration = Duration::from_millis(500);

impl Executor {
    /// Nothing was appended, or it is not known: the other rows of the book's answer table.
    pub(super) async fn recover(&mut self, error: AppendError, flight: Flight) {
        metrics::counter!("daybook_append_retries_total", "reason" => reason(&error)).increment(1);
        let appends = flight.appends();
        let Flight { waiting, repeats, changed, .. } = flight;
        self.desk.repeats.extend(repeats);
        match error {
            AppendError::LostRace => {
                self.desk.again(waiting);
                self.catch_up(self.ride_out).await;
            }
            AppendError::KeyTaken => {
                let mut waiting = waiting;
                for waiting in &mut waiting {
                    waiting.pending.look_up_key = waiting.pending.envelope.key.is_some();
                }
                self.desk.again(waiting);
            }
            AppendError::BookWentBack => {
                self.desk.again(waiting);
                self.start_over().await;
            }
            AppendError::Refused { .. } => self.refused(&error, waiting, changed),
            AppendError::ClockAhead => {
                tracing::error!("this clock is ahead of the database's: nothing is written until they agree");
                self.announcer.announce(Health::Unavailable);
                refuse(waiting.into_iter().map(|waiting| waiting.pending));
            }
            AppendError::Unavailable { .. } if appends => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    commands = waiting.len(),
                    "the book cannot be written"
                );
                self.announcer.announce(Health::Unavailable);
                // Tried long enough, and perhaps appended after all: to decide them again could do it twice.
                refuse(waiting.into_iter().map(|waiting| waiting.pending));
                self.catch_up(Duration::ZERO).await;
            }
            AppendError::Unavailable { .. } => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the head of the book cannot be checked");
                self.ride_out(waiting.into_iter().map(|waiting| waiting.pending).collect()).await;
            }
        }
    }

    /// Of many commands the one that cannot be stored is found by halving.
    fn refused(&mut self, error: &AppendError, waiting: Vec<Waiting>, changed: Vec<StreamId>) {
        if waiting.len() > 1 {
            self.desk.batch_max = waiting.len().div_ceil(2);
            self.desk.again(waiting);
            return;
        }
        self.desk.batch_max = BATCH_COMMANDS_MAX;
        // Whatever was wrong with these, the next command is not decided on it.
        for stream in &changed {
            self.desk.world.remove(stream);
        }
        for Waiting { pending, .. } in waiting {
            tracing::error!(error = error as &dyn std::error::Error, command = pending.job.name(),
                command.id = %pending.command_id, "the database refused what a command decided");
            pending.failed(CommandError::Failed("the database refused what was decided"));
        }
    }

    /// Nothing became of these commands, and they may be decided again once the book is there; but nobody is kept waiting
    /// for ever.
    pub(super) async fn ride_out(&mut self, commands: Vec<Pending>) {
        let (old, young): (Vec<_>, Vec<_>) =
            commands.into_iter().partition(|pending| pending.queued_at.elapsed() > self.ride_out);
        refuse(old);
        self.desk.first(young);
        tokio::time::sleep(RETRY_PAUSE).await;
        self.catch_up(self.ride_out).await;
    }

    /// Reads what other writers appended and folds it into the world. A book that is away is waited for.
    pub(super) async fn catch_up(&mut self, patience: Duration) {
        let away_since = Instant::now();
        loop {
            let refusing = away_since.elapsed() >= patience;
            // From the head on, to see that it is still there.
            let from = Position(self.head.point.position.0 - 1);
            let reading = self.writer.events_since(from, CATCH_UP_EVENTS);
            match while_refusing(&mut self.desk.queue, refusing, reading).await {
                Ok(page) if !follows(self.head.point, &page) => return self.start_over().await,
                Ok(page) => {
                    self.absorb(&page[1..]);
                    // Not until nothing comes: others may write without a pause.
                    if page.len() < CATCH_UP_EVENTS as usize {
                        return;
                    }
                }
                Err(error) => self.book_is_away(&error, refusing).await,
            }
            if self.is_abandoned() {
                return;
            }
        }
    }

    fn absorb(&mut self, events: &[RecordedEvent]) {
        let Some(last) = events.last() else { return };
        for event in events {
            self.desk.world.absorb(event);
            self.desk.loading.absorb(event);
        }
        self.head = Head { point: last.point(), recorded_at: last.recorded_at };
        self.heads.publish(self.head.point.position);
    }

    /// The book went back: forgets everything and begins at the head that there is.
    async fn start_over(&mut self) {
        let lost = self.head.point;
        self.announcer.announce_that_the_book_went_back();
        metrics::counter!("daybook_book_went_back_total").increment(1);
        self.desk.world.clear();
        self.desk.loading.forget();
        let away_since = Instant::now();
        loop {
            let refusing = away_since.elapsed() >= self.ride_out;
            match while_refusing(&mut self.desk.queue, refusing, self.writer.head()).await {
                Ok(head) => {
                    tracing::error!(lost.position = %lost.position, lost.hash = %lost.hash,
                        head.position = %head.point.position, head.hash = %head.point.hash,
                        "the book went back: the head that was seen is gone, and with it what was answered since");
                    self.head = head;
                    self.heads.publish(head.point.position);
                    return;
                }
                Err(error) => self.book_is_away(&error, refusing).await,
            }
            if self.is_abandoned() {
                return;
            }
        }
    }

    /// Nobody waits for an answer, and nobody will ask: a stop does not wait for a book that is away.
    fn is_abandoned(&self) -> bool {
        let Desk { queue, ready, repeats, loading, .. } = &self.desk;
        queue.is_closed() && queue.is_empty() && ready.is_empty() && repeats.is_empty() && loading.is_idle()
    }

    async fn book_is_away(&mut self, error: &ReadError, refusing: bool) {
        tracing::warn!(error = error as &dyn std::error::Error, "the book cannot be read");
        self.announcer.announce(Health::Unavailable);
        if refusing {
            refuse(std::mem::take(&mut self.desk.ready));
            refuse(std::mem::take(&mut self.desk.repeats));
            refuse(self.desk.loading.turn_away());
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }

    /// When an executor that is not well looks whether it is again, if no command comes before.
    pub(super) fn look_again_in(&self) -> Option<Duration> {
        match self.announcer.health() {
            Health::Writing => None,
            Health::Unavailable => Some(PROBE_PAUSE),
            Health::BookWentBack => self.announcer.went_back_shown_for(),
        }
    }

    /// A node that is not ready is sent no commands, so it cannot wait for one to find out that it could write again. It
    /// keeps a key that expires at once: a write like any other, which changes nothing in the book.
    pub(super) async fn probe(&mut self) {
        let mut batch = self.desk.begin(&self.head);
        batch.draft.keep(NewKey {
            scope: "probe".to_owned(),
            key: Uuid::now_v7().to_string(),
            fingerprint: [0; 32],
            outcome: "null".to_owned(),
            position: self.head.point.position,
            expires_at: Some(batch.draft.recorded_at()),
        });
        match self.writer.remember(&batch.draft).await {
            Ok(()) => self.announcer.announce(Health::Writing),
            Err(error) => {
                let nobody = Flight::depart(batch, &mut self.desk, &self.snapshots);
                self.recover(error, nobody).await;
            }
        }
    }
}

/// Whether a page begins at `head` and each of its events follows from the one before.
fn follows(head: Point, page: &[RecordedEvent]) -> bool {
    let Some((anchor, events)) = page.split_first() else { return false };
    let mut at = anchor.point();
    at == head
        && events.iter().all(|event| {
            let is_next = event.position == at.position.next() && event.hash == event.hash_after(at.hash);
            at = event.point();
            is_next
        })
}

/// Waits for `reading`. Whoever comes meanwhile is refused, if so it is to be.
async fn while_refusing<T>(queue: &mut mpsc::Receiver<Pending>, refusing: bool, reading: impl Future<Output = T>) -> T {
    tokio::pin!(reading);
    loop {
        tokio::select! {
            biased;
            read = &mut reading => return read,
            Some(pending) = queue.recv(), if refusing => pending.failed(CommandError::Unavailable),
        }
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
