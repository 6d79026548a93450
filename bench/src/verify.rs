//! `verify` on the large book: every page read, its hash made again, every stream counted.

use std::time::Instant;

use eventstore::{Book, Extent};
use sqlx::postgres::PgPoolOptions;

use crate::bench::Bench;
use crate::failure::Failure;
use crate::measure::{Sample, Series};
use crate::picture;
use crate::report::{Aim, Section, Unit, grouped, time};

const PER_SECOND: f64 = 200_000.0;
/// It takes long, and varies little.
const ROUNDS_MAX: usize = 3;

pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let large = bench.large_book().await?;
    let reading = eventstore::session::reading(large.database.clone());
    let pool = PgPoolOptions::new().max_connections(2).connect_with(reading).await?;
    let book = Book::new(pool.clone());
    let mut series = Series::new("Daybook", 1);
    let mut events = 0;
    for _ in 0..bench.plan.rounds.min(ROUNDS_MAX) {
        let begun = Instant::now();
        let verified = eventstore::verify(&book, Extent::default(), |_| ()).await?;
        let taken = begun.elapsed();
        events = verified.events;
        series.samples.push(Sample::of(verified.events as f64 / taken.as_secs_f64(), vec![taken]));
    }
    pool.close().await;
    let median = series.median();
    Ok(Section {
        work: "verify",
        title: "Verifying the book",
        about: "The whole book is read, every hash made again, and the versions of every stream counted.".to_owned(),
        heads: vec!["events", "events/s", "whole book"],
        rows: vec![vec![grouped(events as f64), grouped(median.per_second), time(median.p50)]],
        picture: Some(picture::bars(
            "Events verified a second",
            "events/s",
            &[("wanted".to_owned(), PER_SECOND), ("verified".to_owned(), median.per_second)],
        )?),
        aims: vec![Aim {
            what: "events verified".to_owned(),
            wanted: PER_SECOND,
            found: median.per_second,
            unit: Unit::PerSecond,
            if_missed: "one page is read, then hashed, then the next is read; the streams are counted by a second query",
        }],
    })
}
