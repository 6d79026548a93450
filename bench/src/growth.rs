//! Whether a book that has grown is slower: appends, loads of a stream and reads of a page, on books of different sizes in
//! turn. The appends are those of the executor's writer, without the executor: batches of 64 events on one connection.

use std::sync::Arc;
use std::time::Instant;

use eventstore::{Book, Draft, Position, StreamId, Writer};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::bench::Bench;
use crate::cluster::POOL_CONNECTIONS_MAX;
use crate::failure::Failure;
use crate::large_book::LargeBook;
use crate::measure::{Client, Sample, Series, Time, any, closed_loop};
use crate::pages::{Carts, now_after};
use crate::picture;
use crate::report::{Aim, Section, Unit, grouped, time};

/// The small book of every comparison.
pub(crate) const SMALL_EVENTS: usize = 10_000;
pub(crate) const HUGE_EVENTS: usize = 10_000_000;
/// What a batch has when 64 clients are at work.
const BATCH_EVENTS: usize = 64;
const READERS: usize = 8;
/// What a follower reads at once.
const PAGE_EVENTS: i64 = 500;
const SHARE_OF_SMALL: f64 = 0.8;

/// A book, and what was seen of it.
struct Grown {
    book: Arc<LargeBook>,
    appends: Series,
    loads: Series,
    pages: Series,
}

impl Grown {
    fn of(book: Arc<LargeBook>) -> Self {
        let series = |clients| Series::new("Daybook", clients);
        Self { book, appends: series(1), loads: series(READERS), pages: series(1) }
    }
}

/// 10 thousand events and the large book of the plan.
pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let small = LargeBook::fill(bench, "growth_small", SMALL_EVENTS).await?;
    let books = vec![Arc::new(small), bench.large_book().await?];
    compare(bench, books, "growth", "A book that grows").await
}

/// The same, and 10 million.
pub(crate) async fn measure_huge(bench: &Bench) -> Result<Section, Failure> {
    let small = LargeBook::fill(bench, "growth_small_again", SMALL_EVENTS).await?;
    let books = vec![Arc::new(small), bench.large_book().await?, bench.huge_book().await?];
    compare(bench, books, "growth-10m", "A book of 10 million events").await
}

async fn compare(
    bench: &Bench,
    books: Vec<Arc<LargeBook>>,
    work: &'static str,
    title: &'static str,
) -> Result<Section, Failure> {
    let mut grown: Vec<Grown> = books.into_iter().map(Grown::of).collect();
    for _ in 0..bench.plan.rounds {
        for grown in &mut grown {
            bench.cluster.checkpoint().await?;
            grown.sample(bench).await?;
        }
    }
    let rows = grown.iter().map(Grown::row).collect();
    let name = |grown: &Grown| format!("{} events", grouped(grown.book.events as f64));
    let bars: Vec<(String, f64)> = grown.iter().map(|grown| (name(grown), grown.appends.median().per_second)).collect();
    let small = grown.first().map(|small| small.appends.clone());
    let aims = grown.iter().skip(1).zip(small.iter().cycle()).map(|(grown, small)| Aim {
        what: format!("appends, of those to 10 thousand events, at {}", grouped(grown.book.events as f64)),
        wanted: SHARE_OF_SMALL,
        found: grown.appends.times(small),
        unit: Unit::Times,
        if_missed: "the same statement on indexes that no longer fit in shared_buffers; nothing was tried yet",
    });
    Ok(Section {
        work,
        title,
        about: format!(
            "Books of carts, filled by COPY and vacuumed. Appends of {BATCH_EVENTS} events a statement by the executor's writer \
             alone; loads of one stream of ten events by {READERS} readers; pages of {PAGE_EVENTS} events from anywhere, one \
             after the other."
        ),
        heads: vec!["events in the book", "appended/s", "p99", "streams/s", "p50", "p99", "events read/s", "p99"],
        aims: aims.collect(),
        picture: Some(picture::bars("Appends by size of the book", "events appended/s", &bars)?),
        rows,
    })
}

impl Grown {
    async fn sample(&mut self, bench: &Bench) -> Result<(), Failure> {
        self.appends.samples.push(append(bench, &self.book).await?);
        let reading = eventstore::session::reading(self.book.database.clone());
        let pool = PgPoolOptions::new().max_connections(POOL_CONNECTIONS_MAX).connect_with(reading).await?;
        self.loads.samples.push(load(&pool, &self.book, bench.plan.time).await?);
        self.pages.samples.push(read(&pool, &self.book, bench.plan.time).await?);
        pool.close().await;
        Ok(())
    }

    fn row(&self) -> Vec<String> {
        let (appends, loads, pages) = (self.appends.median(), self.loads.median(), self.pages.median());
        vec![
            grouped(self.book.events as f64),
            grouped(appends.per_second),
            time(appends.p99),
            grouped(loads.per_second),
            time(loads.p50),
            time(loads.p99),
            grouped(pages.per_second * PAGE_EVENTS as f64),
            time(pages.p99),
        ]
    }
}

/// Batch after batch, as the executor would, without anybody to decide for.
async fn append(bench: &Bench, book: &LargeBook) -> Result<Sample, Failure> {
    let Time { warm_up, measured } = bench.plan.time;
    let mut writer = Writer::connect(book.database.clone()).await?;
    let mut head = writer.head().await?;
    let mut carts = Carts::new(&bench.catalogue);
    let from = Instant::now() + warm_up;
    let until = from + measured;
    let mut latencies = Vec::new();
    loop {
        let now = now_after(head.recorded_at);
        let events: Vec<_> = (0..BATCH_EVENTS).map(|_| carts.next(now)).collect();
        let begun = Instant::now();
        let mut draft = Draft::after(&head, now);
        events.into_iter().for_each(|event| draft.push(event));
        writer.append(&draft).await?;
        head = draft.head();
        let done = Instant::now();
        if done >= until {
            break;
        }
        if done >= from {
            latencies.push(done - begun);
        }
    }
    Ok(Sample::of((latencies.len() * BATCH_EVENTS) as f64 / measured.as_secs_f64(), latencies))
}

struct Loader {
    book: Book,
    of: Arc<LargeBook>,
}

async fn load(pool: &PgPool, book: &Arc<LargeBook>, time: Time) -> Result<Sample, Failure> {
    let loader = |_| Loader { book: Book::new(pool.clone()), of: Arc::clone(book) };
    closed_loop((0..READERS).map(loader).collect(), time).await
}

impl Client for Loader {
    async fn work(&mut self) -> Result<(), Failure> {
        let stream: &StreamId = &self.of.streams[any(self.of.streams.len())];
        self.book.stream(stream, None).await?;
        Ok(())
    }
}

struct Reader {
    book: Book,
    events: usize,
}

async fn read(pool: &PgPool, book: &LargeBook, time: Time) -> Result<Sample, Failure> {
    closed_loop(vec![Reader { book: Book::new(pool.clone()), events: book.events }], time).await
}

impl Client for Reader {
    async fn work(&mut self) -> Result<(), Failure> {
        let after = any(self.events - PAGE_EVENTS as usize);
        self.book.page(Position(after as i64), PAGE_EVENTS).await?;
        Ok(())
    }
}
