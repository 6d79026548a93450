//! The reading side of the book: pages in order, the streams of aggregates, the title. Checks nothing: followers and
//! `verify` do.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use uuid::Uuid;

use crate::{
    event::{Hash, Point, Position, RecordedEvent, StreamId},
    raw_json::RawJson,
    session::SessionError,
};

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the book cannot be read")]
    Query(#[source] sqlx::Error),
    #[error("the writer's connection does not serve")]
    Session(#[from] SessionError),
    #[error("the book has no title page: its schema is there, its first row is not")]
    NoTitlePage,
    #[error("the title page of the book cannot be understood")]
    Title(#[source] serde_json::Error),
}

/// Where the book ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub point: Point,
    pub recorded_at: DateTime<Utc>,
}

/// Position 0: which book this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    pub book_id: Uuid,
    pub opened_at: DateTime<Utc>,
    pub hash_specification: i32,
    pub hash: Hash,
}

impl Title {
    /// Where a follower of the whole book starts.
    #[must_use]
    pub fn point(&self) -> Point {
        Point { position: Position::TITLE, hash: self.hash }
    }
}

/// An event whose version does not come after that of the event before it in its stream.
pub(crate) struct BadVersion {
    pub(crate) position: Position,
    pub(crate) stream: StreamId,
    pub(crate) expected: i64,
    pub(crate) found: i64,
}

/// Reads through a pool that others may share. Cheap to clone. The pool's connections should be made with
/// [`reading`](crate::session::reading): a plan from when the book was small would otherwise scan all of it.
#[derive(Debug, Clone)]
pub struct Book {
    pool: PgPool,
}

impl Book {
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) async fn connection(&self) -> Result<PoolConnection<Postgres>, ReadError> {
        self.pool.acquire().await.map_err(ReadError::Query)
    }

    pub async fn head(&self) -> Result<Head, ReadError> {
        let mut connection = self.connection().await?;
        read_head(&mut connection).await.map_err(ReadError::Query)?.ok_or(ReadError::NoTitlePage)
    }

    /// At most `limit` events after `after`, in order.
    pub async fn page(&self, after: Position, limit: i64) -> Result<Vec<RecordedEvent>, ReadError> {
        let mut connection = self.connection().await?;
        read_page(&mut connection, after, limit).await.map_err(ReadError::Query)
    }

    /// The events of one stream in order, to the end of the book or up to a position.
    pub async fn stream(&self, stream: &StreamId, up_to: Option<Position>) -> Result<Vec<RecordedEvent>, ReadError> {
        sqlx::query_file_as!(
            EventRow,
            "src/sql/read_stream.sql",
            stream.category.as_ref(),
            stream.id,
            up_to.map_or(i64::MAX, |position| position.0)
        )
        .map(RecordedEvent::from)
        .fetch_all(&self.pool)
        .await
        .map_err(ReadError::Query)
    }

    /// The events of many streams in one query, ordered by stream and version. A stream that is named twice comes
    /// twice.
    pub async fn streams(&self, streams: &[StreamId], up_to: Position) -> Result<Vec<RecordedEvent>, ReadError> {
        let categories: Vec<&str> = streams.iter().map(|stream| stream.category.as_ref()).collect();
        let ids: Vec<Uuid> = streams.iter().map(|stream| stream.id).collect();
        sqlx::query_file_as!(EventRow, "src/sql/read_streams.sql", &categories as &[&str], &ids, up_to.0)
            .map(RecordedEvent::from)
            .fetch_all(&self.pool)
            .await
            .map_err(ReadError::Query)
    }

    pub async fn title(&self) -> Result<Title, ReadError> {
        let row = sqlx::query_file!("src/sql/read_title.sql")
            .fetch_optional(&self.pool)
            .await
            .map_err(ReadError::Query)?
            .ok_or(ReadError::NoTitlePage)?;
        let page: TitlePage = serde_json::from_str(&row.payload.0).map_err(ReadError::Title)?;
        Ok(Title {
            book_id: row.book_id,
            opened_at: row.opened_at,
            hash_specification: page.hash_specification,
            hash: Hash(row.hash),
        })
    }

    /// The first event from `from` to `to` that does not continue its stream. Takes as long as the book is: no timeout
    /// applies.
    pub(crate) async fn first_bad_version(
        &self,
        from: Position,
        to: Position,
    ) -> Result<Option<BadVersion>, ReadError> {
        let mut tx = self.pool.begin().await.map_err(ReadError::Query)?;
        sqlx::query_file!("src/sql/lift_statement_timeout.sql").execute(&mut *tx).await.map_err(ReadError::Query)?;
        let found = sqlx::query_file!("src/sql/read_first_bad_version.sql", from.0, to.0)
            .map(|row| BadVersion {
                position: Position(row.position),
                stream: StreamId { category: Cow::Owned(row.category), id: row.stream_id },
                expected: row.expected,
                found: row.found,
            })
            .fetch_optional(&mut *tx)
            .await
            .map_err(ReadError::Query)?;
        tx.rollback().await.map_err(ReadError::Query)?;
        Ok(found)
    }

    /// Deletes at most `limit` keys that expired before `now` and says how many there were.
    pub async fn delete_expired_keys(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, ReadError> {
        sqlx::query_file!("src/sql/delete_expired_keys.sql", now, limit)
            .execute(&self.pool)
            .await
            .map(|done| done.rows_affected())
            .map_err(ReadError::Query)
    }
}

#[derive(Deserialize)]
struct TitlePage {
    hash_specification: i32,
}

/// A row as the statements select it. Its columns are decoded by index, without a lookup by name.
struct EventRow {
    position: i64,
    category: String,
    stream_id: Uuid,
    stream_version: i64,
    event_type: String,
    schema_version: i32,
    payload: RawJson,
    metadata: RawJson,
    recorded_at: DateTime<Utc>,
    hash: [u8; 32],
}

impl From<EventRow> for RecordedEvent {
    fn from(row: EventRow) -> Self {
        Self {
            position: Position(row.position),
            stream: StreamId { category: Cow::Owned(row.category), id: row.stream_id },
            stream_version: row.stream_version,
            event_type: row.event_type,
            schema_version: row.schema_version,
            payload: row.payload.0,
            metadata: row.metadata.0,
            recorded_at: row.recorded_at,
            hash: Hash(row.hash),
        }
    }
}

pub(crate) async fn read_head(connection: &mut PgConnection) -> Result<Option<Head>, sqlx::Error> {
    sqlx::query_file!("src/sql/read_head.sql")
        .map(|row| Head {
            point: Point { position: Position(row.position), hash: Hash(row.hash) },
            recorded_at: row.recorded_at,
        })
        .fetch_optional(connection)
        .await
}

pub(crate) async fn read_hash(connection: &mut PgConnection, at: Position) -> Result<Option<Hash>, sqlx::Error> {
    sqlx::query_file!("src/sql/read_hash.sql", at.0).map(|row| Hash(row.hash)).fetch_optional(connection).await
}

pub(crate) async fn read_page(
    connection: &mut PgConnection,
    after: Position,
    limit: i64,
) -> Result<Vec<RecordedEvent>, sqlx::Error> {
    sqlx::query_file_as!(EventRow, "src/sql/read_page.sql", after.0, limit)
        .map(RecordedEvent::from)
        .fetch_all(connection)
        .await
}
