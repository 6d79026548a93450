//! Streams that a projection cannot post. Such a stream is parked, and not the projection: its later events wait behind
//! the one that failed, where they are, in the book. After a fix `retry` posts them.

use std::{collections::HashSet, sync::Arc};

use eventstore::{Book, Position, ReadError, RecordedEvent, StreamId};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{
    metrics,
    projection::{ApplyError, Definition, Projection, Rows},
    runner::{RunError, chain},
};

/// More streams than this are no matter of their events: something is wrong with the projection, and it stops.
const PARKED_STREAMS_MAX: usize = 100;

/// Those events whose streams are not parked.
pub(crate) async fn without_parked_in_tx(
    tx: &mut PgConnection,
    definition: &Definition,
    events: &[Arc<RecordedEvent>],
) -> Result<Vec<Arc<RecordedEvent>>, sqlx::Error> {
    let parked = parked_streams_in_tx(tx, definition).await?;
    Ok(events.iter().filter(|event| !parked.contains(&event.stream.id)).cloned().collect())
}

/// Posts what can be posted, and parks the streams of the events that cannot: found by halving, each half under a
/// savepoint. A projection that may not be short stops at the first of them.
pub(crate) async fn apply_around_in_tx(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    events: Vec<Arc<RecordedEvent>>,
) -> Result<(), RunError> {
    let definition = projection.definition();
    let parked_streams_max = match definition.rows {
        Rows::ByStream => PARKED_STREAMS_MAX,
        Rows::OverAll => 0,
    };
    let mut parked = parked_streams_in_tx(tx, definition).await?;
    let mut chunks = vec![events];
    while let Some(mut chunk) = chunks.pop() {
        chunk.retain(|event| !parked.contains(&event.stream.id));
        let Some(first) = chunk.first().cloned() else { continue };
        let Err(source) = apply_chunk_in_tx(tx, projection, &chunk).await.map_err(RunError::Apply)? else { continue };
        if chunk.len() > 1 {
            let later = chunk.split_off(chunk.len() / 2);
            chunks.extend([later, chunk]);
            continue;
        }
        parked.insert(first.stream.id);
        if parked.len() > parked_streams_max {
            return Err(RunError::Stopped { position: first.position, source });
        }
        park_in_tx(tx, definition, &first, &source).await?;
    }
    Ok(())
}

/// The inner error is about the events, and nothing of them is left in the transaction.
async fn apply_chunk_in_tx(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    chunk: &[Arc<RecordedEvent>],
) -> Result<Result<(), ApplyError>, ApplyError> {
    let mut savepoint = tx.begin().await?;
    match projection.apply(&mut savepoint, chunk).await {
        Ok(()) => {
            savepoint.commit().await?;
            Ok(Ok(()))
        }
        Err(error) if error.is_about_the_events() => {
            savepoint.rollback().await?;
            Ok(Err(error))
        }
        Err(error) => Err(error),
    }
}

async fn parked_streams_in_tx(tx: &mut PgConnection, definition: &Definition) -> Result<HashSet<Uuid>, sqlx::Error> {
    let streams =
        sqlx::query_file_scalar!("src/sql/list_parked_streams.sql", definition.schema_name).fetch_all(tx).await?;
    Ok(streams.into_iter().collect())
}

async fn park_in_tx(
    tx: &mut PgConnection,
    definition: &Definition,
    event: &RecordedEvent,
    error: &ApplyError,
) -> Result<(), sqlx::Error> {
    let reason = chain(error);
    tracing::error!(
        projection = definition.name,
        event.position = event.position.0,
        event.r#type = event.event_type,
        stream = %event.stream,
        error = reason,
        "a stream is parked: its events cannot be posted"
    );
    metrics::parked(definition);
    sqlx::query_file!(
        "src/sql/park_stream.sql",
        definition.schema_name,
        event.stream.id,
        event.stream.category.as_ref(),
        event.stream_version,
        event.position.0,
        reason
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A parked stream, and the first of its events that waits.
pub(crate) struct Parked {
    stream: StreamId,
    from_version: i64,
}

pub(crate) async fn find_in_tx(
    tx: &mut PgConnection,
    definition: &Definition,
    stream_id: Option<Uuid>,
) -> Result<Vec<Parked>, sqlx::Error> {
    let rows = sqlx::query_file!("src/sql/find_parked.sql", definition.schema_name, stream_id).fetch_all(tx).await?;
    let parked = rows.into_iter().map(|row| Parked {
        stream: StreamId { category: row.category.into(), id: row.stream_id },
        from_version: row.stream_version,
    });
    Ok(parked.collect())
}

impl Parked {
    /// What waits of the stream, as far as the projection has come.
    pub(crate) async fn waiting(
        &self,
        book: &Book,
        definition: &Definition,
        up_to: Position,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let events = book.stream(&self.stream, Some(up_to)).await?;
        let waiting = events.into_iter().filter(|event| event.stream_version >= self.from_version);
        Ok(waiting.filter(|event| definition.posts(event)).map(Arc::new).collect())
    }

    /// Posts what waits, and lets the stream go; `false` if it still cannot be posted.
    pub(crate) async fn release_in_tx(
        &self,
        tx: &mut PgConnection,
        projection: &dyn Projection,
        waiting: &[Arc<RecordedEvent>],
    ) -> Result<bool, ApplyError> {
        if let Err(error) = apply_chunk_in_tx(tx, projection, waiting).await? {
            let reason = chain(&error);
            tracing::warn!(projection = projection.definition().name, stream = %self.stream, error = reason,
                "a parked stream still cannot be posted");
            return Ok(false);
        }
        sqlx::query_file!("src/sql/release_stream.sql", projection.definition().schema_name, self.stream.id)
            .execute(tx)
            .await?;
        Ok(true)
    }
}
