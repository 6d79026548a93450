//! Streams that a process has set aside, because an effect of one of their events fails whenever it is tried. Their later
//! events wait behind that one, the other streams go on, and somebody resumes them by hand when the fault is mended.

use std::collections::HashMap;

use eventstore::event::{Position, RecordedEvent, StreamId};
use sqlx::PgConnection;

/// Where a stream stopped, and why.
#[derive(Debug)]
pub(super) struct Stuck {
    pub(super) stream: StreamId,
    pub(super) position: Position,
    pub(super) reason: String,
}

/// The streams of one process that are set aside, each with the event that it waits at.
#[derive(Debug, Clone, Default)]
pub(super) struct Parked {
    from: HashMap<StreamId, Position>,
    /// One that somebody wants tried again.
    pub(super) wanted: Option<(StreamId, Position)>,
}

impl Parked {
    pub(super) fn len(&self) -> usize {
        self.from.len()
    }

    pub(super) fn holds(&self, event: &RecordedEvent) -> bool {
        self.from.get(&event.stream).is_some_and(|from| *from <= event.position)
    }

    #[must_use]
    pub(super) fn and(mut self, stuck: &[Stuck]) -> Self {
        self.from.extend(stuck.iter().map(|stuck| (stuck.stream.clone(), stuck.position)));
        self
    }
}

pub(super) async fn read_in_tx(tx: &mut PgConnection, process: &str) -> Result<Parked, sqlx::Error> {
    let mut parked = Parked::default();
    for row in sqlx::query_file!("src/sql/find_parked.sql", process).fetch_all(tx).await? {
        let (stream, position) =
            (StreamId { category: row.category.into(), id: row.stream_id }, Position(row.position));
        if row.resume {
            parked.wanted = Some((stream.clone(), position));
        }
        parked.from.insert(stream, position);
    }
    Ok(parked)
}

pub(super) async fn park_in_tx(tx: &mut PgConnection, process: &str, stuck: &[Stuck]) -> Result<(), sqlx::Error> {
    for Stuck { stream, position, reason } in stuck {
        let (category, id) = (stream.category.as_ref(), stream.id);
        sqlx::query_file!("src/sql/park_stream.sql", process, category, id, position.0, reason)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

pub(super) async fn release_in_tx(tx: &mut PgConnection, process: &str, stream: &StreamId) -> Result<(), sqlx::Error> {
    sqlx::query_file!("src/sql/release_stream.sql", process, stream.category.as_ref(), stream.id).execute(tx).await?;
    Ok(())
}
