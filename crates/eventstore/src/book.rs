//! The writer of the book. It appends batches in one statement each, and finds out what became of a statement whose
//! answer was lost. It owns its connection: no handler's future that is dropped half-way can leave a statement of ours
//! behind in a pool.

use std::{error::Error, pin::Pin, time::Duration};

use sqlx::{PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    append::{self, Answer, ReadBack, Remembered, Statement},
    draft::Draft,
    event::{Point, Position, RecordedEvent},
    idempotency::{self, StoredKey},
    read::{self, Head, ReadError},
    session::{Session, SessionError},
    turn::Turn,
};

/// How long an unknown outcome is pursued; the last attempt may take 10 s more. A caller waits for 30 s at most, and
/// should still get an answer.
const RESOLVE_LIMIT: Duration = Duration::from_secs(15);

/// Between two attempts; it doubles from one to the next.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// For a read on the writer's connection, beyond the server's own limit.
const READ_LIMIT: Duration = Duration::from_secs(7);

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// With `events_since`, not with `head`, which gives back the turn of a writer that keeps losing.
    #[error("another writer was first: read on and decide again")]
    LostRace,
    #[error("an idempotency key of the batch exists already")]
    KeyTaken,
    #[error("the page that the batch chains to is not in the book: the book went back")]
    BookWentBack,
    #[error("the batch's time is more than 2 s ahead of the database's clock")]
    ClockAhead,
    /// Names no value: the row may hold personal data.
    #[error("the database refuses the data (SQLSTATE {sqlstate}, constraint {constraint:?})")]
    Refused { sqlstate: String, constraint: Option<String> },
    /// With `may_commit` the batch may be in the book, or may yet get there; without, no attempt has reached the
    /// database, or its disk is full.
    #[error("the database has not taken the batch")]
    Unavailable {
        may_commit: bool,
        #[source]
        source: Unsettled,
    },
}

/// Why an attempt did not settle what becomes of the batch.
#[derive(Debug, thiserror::Error)]
pub enum Unsettled {
    #[error("the statement's answer is not known")]
    Unknown(#[source] SessionError),
    #[error("the last attempt was turned away, but an earlier one may yet commit")]
    EarlierMayCommit,
}

/// A statement that reads, with its arguments apart so that it can be sent twice.
type Query<A, T> = for<'c> fn(&'c mut PgConnection, &'c A) -> Reading<'c, T>;
type Reading<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

#[derive(Debug)]
pub struct Writer {
    session: Session,
    turn: Turn,
}

impl Writer {
    pub async fn connect(options: PgConnectOptions) -> Result<Self, ReadError> {
        let mut session = Session::new(options);
        session.connection().await?;
        Ok(Self { session, turn: Turn::default() })
    }

    /// Where the book ends now. Gives back a turn that was claimed: whoever only asks has nothing to append.
    pub async fn head(&mut self) -> Result<Head, ReadError> {
        self.turn.over(&mut self.session).await;
        self.read(&(), |connection, ()| Box::pin(read::read_head(connection))).await?.ok_or(ReadError::NoTitlePage)
    }

    /// At most `limit` events after `after`, in order.
    pub async fn events_since(&mut self, after: Position, limit: i64) -> Result<Vec<RecordedEvent>, ReadError> {
        self.read(&(after, limit), |connection, (after, limit)| Box::pin(read::read_page(connection, *after, *limit)))
            .await
    }

    /// Of `(scope, key)` pairs those that are stored.
    pub async fn keys(&mut self, wanted: &[(String, String)]) -> Result<Vec<StoredKey>, ReadError> {
        self.read(&wanted, |connection, wanted| Box::pin(idempotency::read_keys(connection, wanted))).await
    }

    /// The connection may have broken since it was last used: then one new connection is tried, no more.
    async fn read<A, T>(&mut self, arguments: &A, query: Query<A, T>) -> Result<T, ReadError> {
        let first = self.try_read(arguments, query).await;
        match first {
            Err(error) if !self.session.is_connected() && !error.is_not_connected() => {
                Ok(self.try_read(arguments, query).await?)
            }
            first => Ok(first?),
        }
    }

    async fn try_read<A, T>(&mut self, arguments: &A, query: Query<A, T>) -> Result<T, SessionError> {
        let connection = self.session.connection().await?;
        let outcome = timeout(READ_LIMIT, query(connection, arguments)).await;
        self.session.judge(outcome)
    }

    /// One round trip when nothing goes wrong. Once it has succeeded the draft's head is the book's. A draft without events
    /// stores nothing, no key either: `head` says whether what was seen still holds.
    ///
    /// Not to be dropped half-way: the draft may be in the book then, and nobody knows.
    pub async fn append(&mut self, draft: &Draft) -> Result<(), AppendError> {
        debug_assert!(!draft.events().is_empty(), "a draft without events is answered by reading the head");
        let verdict = self.settle(&Statement::of(draft)).await;
        self.after(verdict).await
    }

    /// The answers of a batch that changed nothing are true if what was seen is still the head, and the draft's time no time
    /// to come. Its keys are kept in the statement that checks this. One round trip.
    pub async fn remember(&mut self, draft: &Draft) -> Result<(), AppendError> {
        let verdict = self.try_remember(draft).await;
        self.after(verdict).await
    }

    async fn try_remember(&mut self, draft: &Draft) -> Result<(), AppendError> {
        match Statement::of(draft).remember(&mut self.session).await {
            Ok(Remembered { is_head: true, .. }) => Ok(()),
            Ok(Remembered { in_time: false, .. }) => Err(AppendError::ClockAhead),
            Ok(Remembered { .. }) => Err(self.why_no_head(draft.seen()).await),
            Err(error) => Err(match Answer::from(error) {
                Answer::KeyTaken => AppendError::KeyTaken,
                Answer::Refused { sqlstate, constraint } => AppendError::Refused { sqlstate, constraint },
                Answer::Unknown(source) => {
                    AppendError::Unavailable { may_commit: true, source: Unsettled::Unknown(source) }
                }
                _ => AppendError::LostRace,
            }),
        }
    }

    /// A page that is not the head any more: another one follows it, or it is gone.
    async fn why_no_head(&mut self, seen: Point) -> AppendError {
        match self.read(&(), |connection, ()| Box::pin(read::read_head(connection))).await {
            Ok(Some(head)) if head.point.position > seen.position => AppendError::LostRace,
            Ok(_) => AppendError::BookWentBack,
            Err(_) => AppendError::LostRace,
        }
    }

    /// Nothing is left to append, nor anything to check: gives back a turn that was claimed.
    pub async fn rest(&mut self) {
        self.turn.over(&mut self.session).await;
    }

    async fn after<T>(&mut self, verdict: Result<T, AppendError>) -> Result<T, AppendError> {
        match verdict {
            Err(AppendError::LostRace) => self.turn.race_lost(&mut self.session).await,
            _ => self.turn.over(&mut self.session).await,
        }
        verdict
    }

    /// Sends the batch until an answer settles it.
    async fn settle(&mut self, statement: &Statement<'_>) -> Result<(), AppendError> {
        let give_up_at = Instant::now() + RESOLVE_LIMIT;
        let mut pause = PAUSE_MIN;
        let mut may_commit = false;
        loop {
            let source = match self.attempt(statement, may_commit).await {
                Ok(verdict) => return verdict,
                Err(unsettled) => unsettled,
            };
            if !may_commit && matches!(&source, Unsettled::Unknown(error) if error.is_disk_full()) {
                return Err(AppendError::Unavailable { may_commit, source });
            }
            may_commit |= !matches!(&source, Unsettled::Unknown(error) if error.is_not_connected());
            if Instant::now() + pause > give_up_at {
                return Err(AppendError::Unavailable { may_commit, source });
            }
            tracing::warn!(error = &source as &dyn Error, "an append is not settled: it is sent again");
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// `may_commit`: an earlier attempt is still out. Then only an answer that holds for that one too settles anything.
    async fn attempt(
        &mut self,
        statement: &Statement<'_>,
        may_commit: bool,
    ) -> Result<Result<(), AppendError>, Unsettled> {
        let verdict = match statement.send(&mut self.session, self.turn.is_respected()).await {
            Answer::Committed => Ok(()),
            Answer::PageMissing => Err(AppendError::BookWentBack),
            Answer::KeyTaken => Err(AppendError::KeyTaken),
            Answer::Refused { sqlstate, constraint } => Err(AppendError::Refused { sqlstate, constraint }),
            Answer::ClockAhead | Answer::Deadlock if may_commit => return Err(Unsettled::EarlierMayCommit),
            Answer::ClockAhead => Err(AppendError::ClockAhead),
            Answer::Deadlock => Err(AppendError::LostRace),
            Answer::PositionTaken => match self.read_back(statement).await? {
                ReadBack { last_is_ours: true, .. } => Ok(()),
                ReadBack { .. } => Err(AppendError::LostRace),
            },
            Answer::StreamVersionTaken => match self.read_back(statement).await? {
                ReadBack { last_is_ours: true, .. } => Ok(()),
                ReadBack { first_is_taken: true, .. } => Err(AppendError::LostRace),
                // Nobody was first: the batch has a version that its stream had before, and reading on would not help.
                ReadBack { .. } => Err(AppendError::Refused {
                    sqlstate: "23505".to_owned(),
                    constraint: Some(append::STREAM_VERSION_KEY.to_owned()),
                }),
            },
            Answer::Unknown(source) => {
                if source.is_lock_timeout() {
                    self.turn.took_too_long();
                }
                return Err(Unsettled::Unknown(source));
            }
        };
        Ok(verdict)
    }

    async fn read_back(&mut self, statement: &Statement<'_>) -> Result<ReadBack, Unsettled> {
        statement.read_back(&mut self.session).await.map_err(Unsettled::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send(_: impl Send) {}

    #[test]
    fn a_writer_can_be_driven_by_a_spawned_task() {
        fn drive(writer: &mut Writer, draft: &Draft) {
            is_send(writer.append(draft));
            is_send(writer.head());
            is_send(writer.keys(&[]));
            is_send(writer.events_since(Position::TITLE, 1));
        }
        let _: fn(&mut Writer, &Draft) = drive;
    }
}
