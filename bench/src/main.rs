//! Measures Daybook against what one would pick instead. See RESULTS.md for what came of it.
//!
//! - [`cluster`]: one Postgres; [`catalogue`], [`pages`], [`large_book`]: what is sold in it and what is copied into it;
//!   [`server`], [`http_client`]: a node of its own process
//! - a file a system under test: [`daybook`], [`cqrs_es`], [`plain_insert`], [`copy`]
//! - a file a work: [`add_item`], [`hot_stream`], [`checkout`], [`writers`], [`growth`], [`verify`], [`restart`], [`http`]; [`alone`]
//! - [`plan`], [`measure`]: how much is measured, and how; [`machine`], [`report`], [`picture`]: what is told of it

mod bench;
mod failure;

mod catalogue;
mod cluster;
mod http_client;
mod large_book;
mod pages;
mod server;

mod copy;
mod cqrs_es;
mod daybook;
mod plain_insert;

mod add_item;
mod alone;
mod checkout;
mod growth;
mod hot_stream;
mod http;
mod restart;
mod verify;
mod writers;

mod machine;
mod measure;
mod memory;
mod picture;
mod plan;
mod report;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use mimalloc::MiMalloc;
use tokio::runtime::Runtime;

use bench::Bench;
use cluster::Cluster;
use failure::Failure;
use machine::Machine;
use plan::Plan;
use report::Section;

/// That of `daybook`, for every system alike.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measures Daybook, its peers and its limits on a Postgres of its own, and writes RESULTS.md
#[derive(Debug, Parser)]
struct Arguments {
    /// A look of some ninety seconds: one round of each
    #[arg(long)]
    quick: bool,
    /// Only these works; the others keep their part of the results
    #[arg(long, value_delimiter = ',', value_name = "WORK")]
    only: Vec<Work>,
    /// How many rounds
    #[arg(long)]
    rounds: Option<usize>,
    /// Where the results are written
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md"), value_name = "FILE")]
    out: PathBuf,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What the bench runs but the works.
#[derive(Debug, Subcommand)]
enum Part {
    #[command(hide = true)]
    Writer(writers::Writer),
    /// Daybook alone under one load, for a profiler
    Alone(alone::Alone),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    AddItem,
    HotStream,
    Checkout,
    Writers,
    Growth,
    /// With a book of 10 million events: not among the usual ones
    #[value(name = "growth-10m")]
    GrowthHuge,
    /// On the same book
    Memory,
    Verify,
    Restart,
    Http,
}

impl Work {
    const USUAL: [Self; 8] = [
        Self::AddItem,
        Self::HotStream,
        Self::Checkout,
        Self::Writers,
        Self::Growth,
        Self::Verify,
        Self::Restart,
        Self::Http,
    ];

    async fn measure(self, bench: &Bench) -> Result<Section, Failure> {
        match self {
            Self::AddItem => Box::pin(add_item::measure(bench)).await,
            Self::HotStream => Box::pin(hot_stream::measure(bench)).await,
            Self::Checkout => Box::pin(checkout::measure(bench)).await,
            Self::Writers => Box::pin(writers::measure(bench)).await,
            Self::Growth => Box::pin(growth::measure(bench)).await,
            Self::GrowthHuge => Box::pin(growth::measure_huge(bench)).await,
            Self::Memory => Box::pin(memory::measure(bench)).await,
            Self::Verify => Box::pin(verify::measure(bench)).await,
            Self::Restart => Box::pin(restart::measure(bench)).await,
            Self::Http => Box::pin(http::measure(bench)).await,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let measured = Runtime::new()
        .map_err(|source| Failure::Program { program: "a runtime".to_owned(), source })
        .and_then(|runtime| runtime.block_on(run(arguments)));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {}", chain(&failure));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut plan = if arguments.quick { Plan::quick() } else { Plan::full() };
    plan.rounds = arguments.rounds.unwrap_or(plan.rounds).max(1);
    let works = if arguments.only.is_empty() { Work::USUAL.to_vec() } else { arguments.only };
    let bench = match arguments.part {
        Some(Part::Writer(writer)) => return writer.run().await,
        Some(Part::Alone(alone)) => {
            let bench = Bench::new(Cluster::start().await?, plan);
            alone.run(&bench).await?;
            return bench.cluster.remove().await;
        }
        None => Bench::new(Cluster::start().await?, plan),
    };
    let machine = Machine::look(&bench.cluster, &plan).await?;
    machine.print();
    let mut sections = Vec::new();
    for work in works {
        let section = work.measure(&bench).await?;
        section.print();
        sections.push(section);
        // After each: a run that ends early leaves what it has measured.
        report::write(&arguments.out, &machine, &sections)?;
    }
    println!("\n{}", arguments.out.display());
    bench.cluster.remove().await
}

/// An error and all its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
