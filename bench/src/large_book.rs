//! Books of a given size, filled by COPY: whole, chained, and as vacuumed as autovacuum would have them in the end.

use eventstore::{Book, StreamId};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::bench::Bench;
use crate::failure::Failure;
use crate::pages::{Pages, copy};

/// Rows made and copied at once: seven megabytes.
const ROWS_A_COPY: usize = 10_000;

pub(crate) struct LargeBook {
    pub(crate) name: &'static str,
    pub(crate) database: PgConnectOptions,
    pub(crate) streams: Vec<StreamId>,
    /// As many as were copied.
    pub(crate) events: usize,
}

impl LargeBook {
    pub(crate) async fn fill(bench: &Bench, name: &'static str, events: usize) -> Result<Self, Failure> {
        let database = bench.cluster.book(name).await?;
        let pool = PgPoolOptions::new().max_connections(1).connect_with(database.clone()).await?;
        let mut pages = Pages::after(Book::new(pool.clone()).head().await?, &bench.catalogue);
        pool.close().await;
        let mut connection = database.connect().await?;
        let mut copied = 0;
        while copied < events {
            let rows = ROWS_A_COPY.min(events - copied);
            copy(&mut connection, &pages.next(rows)).await?;
            copied += rows;
        }
        connection.close().await?;
        bench.cluster.vacuum(name).await?;
        Ok(Self { name, database, streams: pages.streams, events })
    }
}
