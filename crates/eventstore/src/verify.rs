//! Walks the book and names the first position at which it is not what it was: dense, chained, in time order, each
//! stream counted from 1. The chain shows every change but one: a tail that is cut off, or rewritten with new hashes,
//! leaves a book that is whole in itself. That is seen only against a point that was noted outside of it, the
//! `expected` one.

use std::fmt;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;

use crate::{
    canonical::HASH_SPECIFICATION,
    event::{Hash, Point, Position, RecordedEvent, StreamId},
    read::{Book, Head, ReadError},
};

/// Events a read: enough that round trips do not count; two pages of a few megabytes are in memory at most.
const PAGE_EVENTS: i64 = 5_000;

/// What of the book is walked. By default all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// The page before it is taken as it stands.
    pub from: Position,
    /// The head, where none is given.
    pub to: Option<Position>,
    /// A point that was noted before and must still be in the book.
    pub expected: Option<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Walked events; the title page is not counted.
    pub events: i64,
    /// The last page that was walked: worth noting, as the `expected` point of a later walk.
    pub head: Point,
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("position {position}: {fault}")]
    Bad { position: Position, fault: Fault },
    #[error("the title page names version {found} of the hash specification; this program knows {HASH_SPECIFICATION}")]
    UnknownSpecification { found: i32 },
    #[error("the book cannot be walked")]
    Read(#[from] ReadError),
}

/// What is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Missing,
    Twice,
    Chain,
    RecordedBefore(DateTime<Utc>),
    StreamVersion { stream: StreamId, expected: i64, found: i64 },
    NotAsExpected { expected: Hash, found: Option<Hash> },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "is missing"),
            Self::Twice => write!(f, "is there twice"),
            Self::Chain => write!(f, "its hash does not follow from its content and the page before it"),
            Self::RecordedBefore(earlier) => write!(f, "was recorded before the page ahead of it ({earlier})"),
            Self::StreamVersion { stream, expected, found } => {
                write!(f, "is version {found} of {stream}, where version {expected} comes next")
            }
            Self::NotAsExpected { expected, found: Some(found) } => {
                write!(f, "has the hash {found}; {expected} was expected: history was rewritten")
            }
            Self::NotAsExpected { expected, found: None } => {
                write!(f, "is missing, and was expected to have the hash {expected}: the end of the book was cut off")
            }
        }
    }
}

/// `progress` is called with the last position of every page that was found good. Events appended meanwhile are not
/// walked.
pub async fn verify(book: &Book, extent: Extent, mut progress: impl FnMut(Position)) -> Result<Verified, VerifyError> {
    let head = match book.head().await {
        Err(ReadError::NoTitlePage) => return Err(bad(Position::TITLE, Fault::Missing)),
        head => head?,
    };
    let to = extent.to.unwrap_or(head.point.position);
    let walked = walk(book, extent.from, to, &mut progress).await;
    // A bad version earlier in the walk comes first; later ones do not matter then.
    let sound_to = match &walked {
        Ok(_) => to,
        Err(VerifyError::Bad { position, .. }) => Position(position.0 - 1),
        Err(_) => return walked,
    };
    check_stream_versions(book, extent.from, sound_to).await?;
    let verified = walked?;
    if let Some(expected) = extent.expected {
        check_expected(book, expected).await?;
    }
    Ok(verified)
}

async fn walk(
    book: &Book,
    from: Position,
    to: Position,
    progress: &mut impl FnMut(Position),
) -> Result<Verified, VerifyError> {
    let mut last = page_before(book, from).await?;
    let mut reading = read_ahead(book, last.point.position, to);
    while last.point.position < to {
        let page = reading.await.expect("reading does not panic")?;
        let Some(end) = page.last() else {
            return Err(bad(last.point.position.next(), Fault::Missing));
        };
        // The next page is on its way while this one is hashed: each takes about half of the time.
        reading = read_ahead(book, end.position, to);
        for event in &page {
            last = follow(last, event)?;
        }
        progress(last.point.position);
    }
    let events = to.0 - from.0.max(1) + 1;
    Ok(Verified { events: events.max(0), head: last.point })
}

fn read_ahead(book: &Book, after: Position, to: Position) -> JoinHandle<Result<Vec<RecordedEvent>, ReadError>> {
    let book = book.clone();
    let limit = PAGE_EVENTS.min(to.0 - after.0).max(0);
    tokio::spawn(async move { if limit == 0 { Ok(Vec::new()) } else { book.page(after, limit).await } })
}

/// What the walk starts from: before the title page, a hash of zeros.
async fn page_before(book: &Book, from: Position) -> Result<Head, VerifyError> {
    if from <= Position::TITLE {
        check_specification(book).await?;
        let point = Point { position: Position(-1), hash: Hash::ZERO };
        return Ok(Head { point, recorded_at: DateTime::<Utc>::MIN_UTC });
    }
    let before = Position(from.0 - 1);
    match page_at(book, before).await? {
        Some(event) => Ok(Head { point: event.point(), recorded_at: event.recorded_at }),
        None => Err(bad(before, Fault::Missing)),
    }
}

fn follow(last: Head, event: &RecordedEvent) -> Result<Head, VerifyError> {
    let expected = last.point.position.next();
    if event.position > expected {
        return Err(bad(expected, Fault::Missing));
    }
    if event.position < expected {
        return Err(bad(event.position, Fault::Twice));
    }
    if event.hash != event.hash_after(last.point.hash) {
        return Err(bad(expected, Fault::Chain));
    }
    if event.recorded_at < last.recorded_at {
        return Err(bad(expected, Fault::RecordedBefore(last.recorded_at)));
    }
    Ok(Head { point: event.point(), recorded_at: event.recorded_at })
}

async fn check_specification(book: &Book) -> Result<(), VerifyError> {
    match book.title().await {
        Err(ReadError::NoTitlePage) => Err(bad(Position::TITLE, Fault::Missing)),
        // Its text was changed, which the walk will find.
        Err(ReadError::Title(_)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(title) if title.hash_specification == HASH_SPECIFICATION => Ok(()),
        Ok(title) => Err(VerifyError::UnknownSpecification { found: title.hash_specification }),
    }
}

async fn check_stream_versions(book: &Book, from: Position, to: Position) -> Result<(), VerifyError> {
    match book.first_bad_version(from, to).await? {
        None => Ok(()),
        Some(version) => {
            let fault =
                Fault::StreamVersion { stream: version.stream, expected: version.expected, found: version.found };
            Err(bad(version.position, fault))
        }
    }
}

async fn check_expected(book: &Book, expected: Point) -> Result<(), VerifyError> {
    let found = page_at(book, expected.position).await?.map(|event| event.hash);
    if found == Some(expected.hash) {
        return Ok(());
    }
    Err(bad(expected.position, Fault::NotAsExpected { expected: expected.hash, found }))
}

async fn page_at(book: &Book, position: Position) -> Result<Option<RecordedEvent>, VerifyError> {
    let mut page = book.page(Position(position.0 - 1), 1).await?;
    Ok(page.pop().filter(|event| event.position == position))
}

fn bad(position: Position, fault: Fault) -> VerifyError {
    VerifyError::Bad { position, fault }
}
