//! What a node takes of memory on a book of a million streams: every role but the publisher, while its read models are built
//! from the first event on, and then under load. Sampled from `/proc`, the highest value counts.

use std::fs;
use std::time::Duration;

use tokio::time::{interval, sleep};

use crate::bench::Bench;
use crate::daybook::{Daybook, World};
use crate::failure::Failure;
use crate::http::{WRK_CONNECTIONS, under_load};
use crate::picture;
use crate::report::{Aim, Section, Unit, grouped};
use crate::restart::until_caught_up;
use crate::server::Server;

const ROLES: &str = "api,projector,processes";
const AIM_BYTES: f64 = 200e6;
const SAMPLE_EVERY: Duration = Duration::from_millis(100);
/// Ten million events, at the rate of a machine that is busy otherwise.
const BUILT_WITHIN: Duration = Duration::from_secs(1_200);
/// After the load: caches are full, and nothing is asked.
const AT_REST_AFTER: Duration = Duration::from_secs(5);

pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let book = bench.huge_book().await?;
    let daybook = Daybook::open(&book.database, World::Warm).await?;
    bench.catalogue.publish(&daybook.commands).await?;
    daybook.stop().await?;
    let server = Server::start(bench, book.name, ROLES)?;
    server.until("/health/live").await?;
    let building = highest_during(&server, until_caught_up(&book.database, BUILT_WITHIN)).await?;
    let loaded = highest_during(&server, under_load(bench, &server, bench.plan.time.measured * 3)).await?;
    sleep(AT_REST_AFTER).await;
    let at_rest = resident_bytes(&server)?;
    server.kill().await?;
    let megabytes = |bytes: f64| format!("{:.0} MB", bytes / 1e6);
    let states = [("building read models", building), ("under load", loaded), ("at rest", at_rest)];
    let bars = states.map(|(state, bytes)| (state.to_owned(), bytes / 1e6));
    let mut row = vec![grouped(book.events as f64), grouped(book.streams.len() as f64)];
    row.extend(states.map(|(_, bytes)| megabytes(bytes)));
    Ok(Section {
        work: "memory",
        title: "Memory",
        about: format!(
            "`daybook serve --only {ROLES}` on a book of a million carts: the highest resident memory while every read model is \
             built from the first event on, then while wrk adds items over {WRK_CONNECTIONS} connections; and what it takes \
             {} s later.",
            AT_REST_AFTER.as_secs()
        ),
        heads: vec!["events in the book", "streams", "building read models", "under load", "at rest"],
        rows: vec![row],
        picture: Some(picture::bars("Resident memory", "MB", &bars)?),
        aims: vec![Aim {
            what: format!("{} of the memory taken under load", megabytes(AIM_BYTES)),
            wanted: 1.0,
            found: AIM_BYTES / loaded,
            unit: Unit::Times,
            if_missed: "the world's cache has its bound, and so have the queues; what is above it is the read models' pages and \
                        what the allocator keeps",
        }],
    })
}

async fn highest_during<T>(server: &Server, work: impl Future<Output = Result<T, Failure>>) -> Result<f64, Failure> {
    let mut work = std::pin::pin!(work);
    let mut ticks = interval(SAMPLE_EVERY);
    let mut highest: f64 = 0.0;
    loop {
        tokio::select! {
            done = &mut work => return done.map(|_| highest),
            _ = ticks.tick() => highest = highest.max(resident_bytes(server)?),
        }
    }
}

/// `VmRSS` of `/proc/PID/status`, in kB.
fn resident_bytes(server: &Server) -> Result<f64, Failure> {
    let path = std::path::PathBuf::from(format!("/proc/{}/status", server.pid()));
    let status = fs::read_to_string(&path).map_err(|source| Failure::File { path: path.clone(), source })?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1024.0)
        .ok_or_else(|| Failure::Said { program: "daybook".to_owned(), said: status })
}
