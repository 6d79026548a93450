//! The work that everything is compared by: load the cart, decide `add item`, append one event durably; a fresh cart every
//! ten commands. Every system in turn, at every number of clients, in every round.

use crate::bench::Bench;
use crate::copy::Copy;
use crate::cqrs_es::{self, CqrsEs};
use crate::daybook::{Daybook, World};
use crate::failure::Failure;
use crate::measure::{Client, Sample, Series, closed_loop, find};
use crate::picture;
use crate::plain_insert::{self, PlainInsert};
use crate::plan::CLIENTS;
use crate::report::{Aim, Section, Unit};

const WARM: &str = "Daybook";
const KEYED: &str = "Daybook, a key on every command";
const COLD: &str = "Daybook, cold world";
const CQRS_ES: &str = "cqrs-es + postgres-es";
const PLAIN: &str = "one INSERT a command";
const COPY: &str = "COPY, the limit";

/// At so many clients, so many times what cqrs-es does.
const TIMES_CQRS_ES: [(usize, f64); 4] = [(1, 2.0), (16, 4.0), (64, 10.0), (256, 18.0)];
const SHARE_WITH_KEYS: f64 = 0.8;
const SHARE_OF_COPY: f64 = 0.5;

const WHY_NOT_TIMES: &str = "clients, executor and Postgres share two cores, which the batches decided ahead keep busy; at 1 client a command is one \
     round trip and one flush of the disk, and the peer's own are not much more";
const WHY_NOT_KEYS: &str = "a key is a second row with an index of random keys, in the same statement";
const WHY_NOT_COPY: &str =
    "the executor decides, hashes and answers on the cores that Postgres inserts on; COPY has them to itself";

/// Every system with a database of its own, open at the same time: those that do not work cost nothing.
struct Systems {
    warm: Daybook,
    keyed: Daybook,
    cold: Daybook,
    cqrs_es: CqrsEs,
    plain: PlainInsert,
    copy: Copy,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Section, Failure> {
    let mut systems = Systems::open(bench).await?;
    let mut series = Vec::new();
    for system in [WARM, KEYED, COLD, CQRS_ES, PLAIN] {
        series.extend(CLIENTS.map(|clients| Series::new(system, clients)));
    }
    series.push(Series::new(COPY, 1));
    for _ in 0..bench.plan.rounds {
        for clients in CLIENTS {
            for series in series.iter_mut().filter(|series| series.clients == clients && series.system != COPY) {
                bench.cluster.checkpoint().await?;
                series.samples.push(systems.sample(series.system, clients, bench).await?);
            }
        }
        bench.cluster.checkpoint().await?;
        let copied = systems.copy.sample(bench.plan.time.measured).await?;
        series.iter_mut().filter(|series| series.system == COPY).for_each(|series| series.samples.push(copied));
    }
    systems.stop().await?;
    section(&series)
}

impl Systems {
    async fn open(bench: &Bench) -> Result<Self, Failure> {
        let cluster = &bench.cluster;
        let tables = cluster.tables("cqrs_es", cqrs_es::SCHEMA).await?;
        let systems = Self {
            warm: Daybook::open(&cluster.book("warm").await?, World::Warm).await?,
            keyed: Daybook::open(&cluster.book("keyed").await?, World::Warm).await?,
            cold: Daybook::open(&cluster.book("cold").await?, World::Cold).await?,
            cqrs_es: CqrsEs::new(cqrs_es::pool(&cluster.owner_url("cqrs_es"), &tables).await?),
            plain: PlainInsert::open(&cluster.tables("plain", plain_insert::SCHEMA).await?).await?,
            copy: Copy::open(&cluster.book("copied").await?, &bench.catalogue).await?,
        };
        for daybook in [&systems.warm, &systems.keyed, &systems.cold] {
            bench.catalogue.publish(&daybook.commands).await?;
        }
        Ok(systems)
    }

    async fn sample(&self, system: &str, clients: usize, bench: &Bench) -> Result<Sample, Failure> {
        let catalogue = &bench.catalogue;
        match system {
            KEYED => loops(self.keyed.buyers(clients, catalogue, true), bench).await,
            COLD => loops(self.cold.buyers(clients, catalogue, false), bench).await,
            CQRS_ES => loops(self.cqrs_es.buyers(clients, catalogue), bench).await,
            PLAIN => loops(self.plain.buyers(clients, catalogue), bench).await,
            _ => loops(self.warm.buyers(clients, catalogue, false), bench).await,
        }
    }

    async fn stop(self) -> Result<(), Failure> {
        self.warm.stop().await?;
        self.keyed.stop().await?;
        self.cold.stop().await?;
        self.cqrs_es.stop().await;
        self.plain.stop().await;
        self.copy.stop().await
    }
}

async fn loops<C: Client>(clients: Vec<C>, bench: &Bench) -> Result<Sample, Failure> {
    closed_loop(clients, bench.plan.time).await
}

fn section(series: &[Series]) -> Result<Section, Failure> {
    let (heads, rows) = Section::rates(series);
    Ok(Section {
        work: "add-item",
        title: "Adding items to carts",
        about: "Load the cart, decide `add item`, append one event, answer when it is on disk; a fresh cart every 10 \
                commands, opened by the first of them. Daybook takes name and price from the product's stream; the peers are \
                given both and load the cart alone. A cold world remembers nothing between two batches. The plain baseline \
                has no order that a reader could trust, no chain and no keys. COPY's latencies are those of statements of \
                10,000 rows."
            .to_owned(),
        heads,
        rows,
        picture: Some(picture::lines("Adding items to carts", &series[..series.len() - 1])?),
        aims: aims(series),
    })
}

fn aims(series: &[Series]) -> Vec<Aim> {
    let mut aims = Vec::new();
    let mut times = |what: String, (system, clients), (other, others), wanted, if_missed| {
        if let (Some(ours), Some(theirs)) = (find(series, system, clients), find(series, other, others)) {
            aims.push(Aim { what, wanted, found: ours.times(theirs), unit: Unit::Times, if_missed });
        }
    };
    for (clients, wanted) in TIMES_CQRS_ES {
        let what = format!("of cqrs-es, {clients} clients");
        times(what, (WARM, clients), (CQRS_ES, clients), wanted, WHY_NOT_TIMES);
    }
    for clients in CLIENTS {
        let what = format!("of the rate without keys, {clients} clients");
        times(what, (KEYED, clients), (WARM, clients), SHARE_WITH_KEYS, WHY_NOT_KEYS);
    }
    times("of COPY, 256 clients".to_owned(), (WARM, 256), (COPY, 1), SHARE_OF_COPY, WHY_NOT_COPY);
    aims
}
