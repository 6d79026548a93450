//! Over HTTP: `daybook serve --only api` under wrk, on the same cores. Every request carries the token of a customer, which
//! is verified, and adds an item to a cart of that customer's that was opened over HTTP before.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use api::auth::Role;
use api::auth::signing::{Grant, TokenSigner};
use serde::Deserialize;
use tokio::process::Command;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::bench::Bench;
use crate::catalogue::PRODUCTS;
use crate::daybook::{COMMANDS_A_CART, Daybook, World};
use crate::failure::Failure;
use crate::http_client::Connection;
use crate::measure::{Sample, Series};
use crate::picture;
use crate::report::{Aim, Section, Unit};
use crate::server::{Server, signer};

const SCRIPT: &str = include_str!("../lua/add_items.lua");
/// Connections, and the commands a second that are to be reached with them.
const AIMS: [(usize, f64); 2] = [(64, 15_000.0), (256, 25_000.0)];
/// Where the rate itself is not what is looked at.
pub(crate) const WRK_CONNECTIONS: usize = 64;
/// Customers who shop at once; each has a token of its own.
const CUSTOMERS: usize = 256;
/// What a sample fills with ten items each, at the rate that is aimed at.
const CARTS_A_SECOND: f64 = 2_500.0;
const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);
/// It shares two cores with what it measures: a second thread would only take turns with the first.
const WRK_THREADS: &str = "1";

const WHY_NOT: &str = "wrk, the server and Postgres share two cores; what HTTP, tokens and JSON cost beyond the executor is \
                       the difference to the table of adding items";

#[derive(Deserialize)]
struct Cart {
    id: Uuid,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let daybook = Daybook::open(&bench.cluster.book("http").await?, World::Warm).await?;
    bench.catalogue.publish(&daybook.commands).await?;
    daybook.stop().await?;
    let server = Server::start(bench, "http", "api")?;
    server.until("/health/live").await?;
    let tokens = tokens(&signer(bench)?);
    let mut series = AIMS.map(|(connections, _)| Series::new("daybook serve --only api", connections));
    for _ in 0..bench.plan.rounds {
        for series in &mut series {
            let time = bench.plan.time.measured;
            let carts = open_carts(&server, &tokens, (CARTS_A_SECOND * time.as_secs_f64()) as usize).await?;
            bench.cluster.checkpoint().await?;
            series.samples.push(wrk(bench, &server, series.clients, &carts, time).await?);
        }
    }
    server.kill().await?;
    let (heads, rows) = Section::rates(&series);
    let aims = AIMS.iter().zip(&series).map(|((connections, wanted), series)| Aim {
        what: format!("items added over HTTP, {connections} connections"),
        wanted: *wanted,
        found: series.median().per_second,
        unit: Unit::PerSecond,
        if_missed: WHY_NOT,
    });
    let bars: Vec<(String, f64)> =
        series.iter().map(|series| (format!("{} connections", series.clients), series.median().per_second)).collect();
    Ok(Section {
        work: "http",
        title: "Adding items over HTTP",
        about: "`daybook serve --only api`, loaded by wrk with one request a connection at a time. Each request is of one of \
                256 customers, whose token is verified, and adds an item to a cart that was opened over HTTP before. The \
                answer shows the cart."
            .to_owned(),
        heads,
        rows,
        picture: Some(picture::bars("Items added over HTTP", "commands/s", &bars)?),
        aims: aims.collect(),
    })
}

/// Carts are opened and filled for so long, by customers as many as ever.
pub(crate) async fn under_load(bench: &Bench, server: &Server, time: Duration) -> Result<(), Failure> {
    let tokens = tokens(&signer(bench)?);
    let carts = open_carts(server, &tokens, (CARTS_A_SECOND * time.as_secs_f64()) as usize).await?;
    wrk(bench, server, WRK_CONNECTIONS, &carts, time).await.map(drop)
}

fn tokens(signer: &TokenSigner) -> Vec<String> {
    let grant = || Grant { subject: Uuid::now_v7(), role: Role::Customer, guest: false, lifetime: TOKEN_LIFETIME };
    (0..CUSTOMERS).map(|_| signer.sign(grant())).collect()
}

/// Over HTTP too, each customer on a connection of its own: a line for each cart, its id and its owner's token.
async fn open_carts(server: &Server, tokens: &[String], count: usize) -> Result<String, Failure> {
    let mut opening = JoinSet::new();
    for token in tokens {
        let (address, token) = (server.address, token.clone());
        let each = count.div_ceil(tokens.len());
        opening.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut ids = Vec::new();
            for _ in 0..each {
                let answer = connection.post("/v1/carts", &token, r#"{"currency":"GBP"}"#).await?;
                let cart: Cart = serde_json::from_slice(&answer).map_err(|error| Failure::Http(Box::new(error)))?;
                ids.push(cart.id);
            }
            Ok::<_, Failure>((token, ids))
        });
    }
    let mut opened = Vec::new();
    while let Some(of_one) = opening.join_next().await {
        opened.push(of_one??);
    }
    // In turn, so that neighbours in the list are carts of different customers.
    let mut lines = String::new();
    for at in 0..count.div_ceil(tokens.len()) {
        for (token, ids) in &opened {
            writeln!(lines, "{} {token}", ids[at]).expect("a string takes any text");
        }
    }
    Ok(lines)
}

async fn wrk(
    bench: &Bench,
    server: &Server,
    connections: usize,
    carts: &str,
    time: Duration,
) -> Result<Sample, Failure> {
    let skus: String = (0..PRODUCTS).map(|at| format!("{}\n", bench.catalogue.sku(at))).collect();
    let [script, carts, skus] = [("add_items.lua", SCRIPT), ("carts", carts), ("skus", &skus)].map(|(name, text)| {
        let path: PathBuf = bench.cluster.folder().join(name);
        fs::write(&path, text).map(|()| path.clone()).map_err(|source| Failure::File { path, source })
    });
    let program = || "wrk".to_owned();
    let seconds = time.as_secs().max(1).to_string();
    let mut command = Command::new("wrk");
    command.args(["--threads", WRK_THREADS, "--connections", &connections.to_string(), "--duration", &seconds]);
    command.arg("--script").arg(script?).arg(format!("http://{}", server.address));
    command.env("CARTS", carts?).env("SKUS", skus?);
    command.env("WINDOW", connections.to_string()).env("ITEMS", COMMANDS_A_CART.to_string());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|source| Failure::Program { program: program(), source })?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    understood(&said).ok_or(Failure::Said { program: program(), said })
}

/// The line of the script's `done`; none if a request was refused or lost.
fn understood(said: &str) -> Option<Sample> {
    let line = said.lines().find_map(|line| line.strip_prefix("measured "))?;
    let figures: Vec<f64> = line.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [requests, microseconds, refused, lost, p50, p99, p999] = figures[..] else { return None };
    let [p50, p99, p999] = [p50, p99, p999].map(|microseconds| Duration::from_secs_f64(microseconds / 1e6));
    (refused + lost == 0.0).then_some(Sample { per_second: requests / (microseconds / 1e6), p50, p99, p999 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_with_a_refused_request_is_no_measurement() {
        let sample = understood("Running 2s test\nmeasured 30000 2000000 0 0 4000 9000 12000\n").expect("a whole line");
        assert_eq!(sample.per_second, 15_000.0);
        assert_eq!(sample.p99, Duration::from_millis(9));
        assert!(understood("measured 30000 2000000 1 0 4000 9000 12000\n").is_none());
    }
}
