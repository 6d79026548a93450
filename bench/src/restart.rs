//! How long a node takes to be ready on the large book: `daybook serve --only api,projector`, killed with SIGKILL and
//! started again. The very first start builds the read models from the first event on, and is shown apart.

use std::time::{Duration, Instant};

use projections::{Progress, ReadModels};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::sleep;

use crate::bench::Bench;
use crate::failure::Failure;
use crate::measure::{Sample, Series};
use crate::picture;
use crate::report::{Section, grouped, time};
use crate::server::Server;

const ROLES: &str = "api,projector";
const READY: &str = "/health/ready";
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let large = bench.large_book().await?;
    let reading = projections::reading(large.database.clone());
    let pool = PgPoolOptions::new().max_connections(1).connect_with(reading).await?;
    let read_models = ReadModels::new(pool.clone(), Progress::default());
    let mut starts = Vec::new();
    let mut again = Series::new("Daybook", 1);
    for _ in 0..=bench.plan.rounds {
        let begun = Instant::now();
        let server = Server::start(bench, large.name, ROLES)?;
        server.until(READY).await?;
        caught_up(&read_models, CAUGHT_UP_WITHIN).await?;
        starts.push(begun.elapsed());
        server.kill().await?;
    }
    pool.close().await;
    let mut starts = starts.into_iter();
    let first = starts.next().unwrap_or_default();
    again.samples.extend(starts.map(|taken| Sample::of(1.0 / taken.as_secs_f64(), vec![taken])));
    let median = again.median().p50;
    Ok(Section {
        work: "restart",
        title: "Restart",
        about: format!(
            "`daybook serve --only {ROLES}` on the large book, from its start until {READY} has answered 200 and every read \
             model is at the head; killed with SIGKILL in between. The first start has built every read model from the first event on."
        ),
        heads: vec!["events in the book", "first start", "restart"],
        rows: vec![vec![grouped(large.events as f64), time(first), time(median)]],
        picture: Some(picture::bars(
            "Time to ready",
            "seconds",
            &[("first start".to_owned(), first.as_secs_f64()), ("restart".to_owned(), median.as_secs_f64())],
        )?),
        aims: Vec::new(),
    })
}

/// Looked at on a connection of its own.
pub(crate) async fn until_caught_up(database: &PgConnectOptions, within: Duration) -> Result<(), Failure> {
    let reading = projections::reading(database.clone());
    let pool = PgPoolOptions::new().max_connections(1).connect_with(reading).await?;
    let caught_up = caught_up(&ReadModels::new(pool.clone(), Progress::default()), within).await;
    pool.close().await;
    caught_up
}

/// A node is ready while its read models are a few seconds behind; here they have to be at the head.
async fn caught_up(read_models: &ReadModels, within: Duration) -> Result<(), Failure> {
    let definitions = projections::ALL.map(|projection| projection.definition());
    let begun = Instant::now();
    while begun.elapsed() < within {
        if read_models.status(&definitions).await?.iter().all(|status| status.lag_events == 0) {
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
    Err(Failure::NotReady)
}
