//! Everybody at one stream: 64 clients receive units of one SKU, which is one event each on the stream of its stock. Beside
//! it, the same spread over the whole catalogue, and cqrs-es on one aggregate, where whoever lost a race tries again.
//!
//! Such an aggregate has no end of events, so cqrs-es keeps it with snapshots, which its documentation is for: of its two ways
//! to do so the aggregate store (a snapshot with every event) loads one row a command where the other loads up to
//! `snapshot_size` events more. What to do about a lost race it leaves to the caller: here, a pause that grows, and is drawn by
//! lot, lets more of them through than trying again at once.

use std::sync::Arc;
use std::time::Duration;

use commands::executor::Commands;
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, AggregateError, DomainEvent};
use domain::ids::{Location, Sku};
use postgres_es::{PostgresCqrs, postgres_aggregate_cqrs};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use uuid::Uuid;

use crate::bench::Bench;
use crate::catalogue::{Catalogue, PRODUCTS, envelope, receive};
use crate::cqrs_es::{SCHEMA, failed, metadata, pool};
use crate::daybook::{Daybook, World};
use crate::failure::Failure;
use crate::measure::{Client, Series, any, closed_loop};
use crate::picture;
use crate::report::{Aim, Section, Unit};

const CLIENTS: usize = 64;
const HOT: &str = "Daybook, one SKU";
const SPREAD: &str = "Daybook, 1,000 SKUs";
const CQRS_ES: &str = "cqrs-es, one aggregate";

/// After a lost race of cqrs-es: up to this long, twice as long after each further one.
const PAUSE_MIN_US: usize = 1_000;
const PAUSE_MAX_US: usize = 64_000;

const TIMES_CQRS_ES: f64 = 20.0;
const SHARE_OF_SPREAD: f64 = 0.7;

pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let daybook = Daybook::open(&bench.cluster.book("hot").await?, World::Warm).await?;
    bench.catalogue.publish(&daybook.commands).await?;
    let tables = bench.cluster.tables("hot_cqrs_es", SCHEMA).await?;
    let pool = pool(&bench.cluster.owner_url("hot_cqrs_es"), &tables).await?;
    let stocks = Arc::new(postgres_aggregate_cqrs(pool.clone(), Vec::new(), ()));
    let mut series = [HOT, SPREAD, CQRS_ES].map(|system| Series::new(system, CLIENTS));
    for _ in 0..bench.plan.rounds {
        for series in &mut series {
            bench.cluster.checkpoint().await?;
            let sample = match series.system {
                HOT => closed_loop(clerks(&daybook.commands, &bench.catalogue, 0), bench.plan.time).await?,
                SPREAD => closed_loop(clerks(&daybook.commands, &bench.catalogue, 1), bench.plan.time).await?,
                _ => closed_loop(rivals(&stocks, bench.catalogue.sku(0)), bench.plan.time).await?,
            };
            series.samples.push(sample);
        }
    }
    daybook.stop().await?;
    pool.close().await;
    section(&series)
}

fn section(series: &[Series; 3]) -> Result<Section, Failure> {
    let (heads, rows) = Section::rates(series);
    let [hot, spread, cqrs_es] = series;
    let bars: Vec<(String, f64)> =
        series.iter().map(|series| (series.system.to_owned(), series.median().per_second)).collect();
    Ok(Section {
        work: "hot-stream",
        title: "One hot stream",
        about: "Each of 64 clients receives units of one SKU: one event on one stream a command, all in turn. cqrs-es keeps the \
                aggregate with its aggregate store, and a client that lost a race pauses for a moment drawn by lot and tries \
                again until it has won; the time of all its tries is the command's."
            .to_owned(),
        heads,
        rows,
        picture: Some(picture::bars("64 clients on one stream", "commands/s", &bars)?),
        aims: vec![
            Aim {
                what: "of cqrs-es on one aggregate, 64 clients".to_owned(),
                wanted: TIMES_CQRS_ES,
                found: hot.times(cqrs_es),
                unit: Unit::Times,
                if_missed: "nothing was tried yet",
            },
            Aim {
                what: "of the same spread over 1,000 streams, 64 clients".to_owned(),
                wanted: SHARE_OF_SPREAD,
                found: hot.times(spread),
                unit: Unit::Times,
                if_missed: "nothing was tried yet",
            },
        ],
    })
}

/// Receives units of one SKU after the other, each `step` further in the catalogue.
struct Clerk {
    commands: Commands,
    catalogue: Catalogue,
    at: usize,
    step: usize,
}

fn clerks(commands: &Commands, catalogue: &Catalogue, step: usize) -> Vec<Clerk> {
    let clerk = |number| Clerk {
        commands: commands.clone(),
        catalogue: catalogue.clone(),
        at: number * step * PRODUCTS / CLIENTS,
        step,
    };
    (0..CLIENTS).map(clerk).collect()
}

impl Client for Clerk {
    async fn work(&mut self) -> Result<(), Failure> {
        let receive = receive(self.catalogue.sku(self.at), 1);
        self.at += self.step;
        self.commands.run(receive, envelope(Uuid::nil())).await?;
        Ok(())
    }
}

/// The stock of one SKU for cqrs-es.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Stock {
    on_hand: i64,
}

struct Receive {
    sku: Sku,
    quantity: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Received {
    sku: Sku,
    location: Location,
    quantity: i64,
}

#[derive(Debug, thiserror::Error)]
#[error("more units than can be counted")]
struct TooMany;

impl DomainEvent for Received {
    fn event_type(&self) -> String {
        "inventory.received".to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Stock {
    const TYPE: &'static str = "inventory";
    type Command = Receive;
    type Event = Received;
    type Error = TooMany;
    type Services = ();

    async fn handle(&mut self, command: Receive, (): &(), sink: &EventSink<Self>) -> Result<(), TooMany> {
        self.on_hand.checked_add(command.quantity).ok_or(TooMany)?;
        let received = Received { sku: command.sku, location: Location::main(), quantity: command.quantity };
        sink.write(received, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Received) {
        self.on_hand += event.quantity;
    }
}

struct Rival {
    stocks: Arc<PostgresCqrs<Stock>>,
    sku: Sku,
}

fn rivals(stocks: &Arc<PostgresCqrs<Stock>>, sku: &Sku) -> Vec<Rival> {
    (0..CLIENTS).map(|_| Rival { stocks: Arc::clone(stocks), sku: sku.clone() }).collect()
}

impl Client for Rival {
    async fn work(&mut self) -> Result<(), Failure> {
        let mut pause_max_us = PAUSE_MIN_US;
        loop {
            let command = Receive { sku: self.sku.clone(), quantity: 1 };
            match self.stocks.execute_with_metadata(self.sku.as_str(), command, metadata(Uuid::nil())).await {
                Err(AggregateError::AggregateConflict) => {
                    sleep(Duration::from_micros(any(pause_max_us) as u64)).await;
                    pause_max_us = (pause_max_us * 2).min(PAUSE_MAX_US);
                }
                done => return done.map_err(failed),
            }
        }
    }
}
