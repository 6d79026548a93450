//! The limit: the same rows into the same table, with its constraints, its indexes and its trigger, by COPY on one
//! connection. Nothing is decided and nothing is loaded, and the rows are made before the clock starts: what is left is Postgres.

use std::time::{Duration, Instant};

use eventstore::Book;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::measure::Sample;
use crate::pages::{Pages, copy};

/// In one statement: some ten times as many as a batch of the executor has.
const ROWS_A_COPY: usize = 10_000;

pub(crate) struct Copy {
    connection: PgConnection,
    pages: Pages,
}

impl Copy {
    pub(crate) async fn open(database: &PgConnectOptions, catalogue: &Catalogue) -> Result<Self, Failure> {
        let pool = PgPoolOptions::new().max_connections(1).connect_with(database.clone()).await?;
        let pages = Pages::after(Book::new(pool.clone()).head().await?, catalogue);
        pool.close().await;
        Ok(Self { connection: database.connect().await?, pages })
    }

    /// Copies for this long, the making of rows not counted. Each statement counts as one answer.
    pub(crate) async fn sample(&mut self, measured: Duration) -> Result<Sample, Failure> {
        let mut statements = Vec::new();
        let mut spent = Duration::ZERO;
        while spent < measured {
            let rows = self.pages.next(ROWS_A_COPY);
            let begun = Instant::now();
            copy(&mut self.connection, &rows).await?;
            statements.push(begun.elapsed());
            spent += begun.elapsed();
        }
        let rows = statements.len() * ROWS_A_COPY;
        Ok(Sample::of(rows as f64 / spent.as_secs_f64(), statements))
    }

    pub(crate) async fn stop(self) -> Result<(), Failure> {
        Ok(self.connection.close().await?)
    }
}
