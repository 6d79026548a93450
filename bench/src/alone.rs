//! `bench alone`: Daybook under one load and nothing beside it, for a profiler: `perf record -g bench alone --clients 256`.

use std::time::Duration;

use clap::Args;

use crate::bench::Bench;
use crate::daybook::{Daybook, World};
use crate::failure::Failure;
use crate::measure::{Time, closed_loop};
use crate::report::{grouped, time};

#[derive(Debug, Args)]
pub(crate) struct Alone {
    #[arg(long, default_value_t = 256)]
    clients: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// A key on every command
    #[arg(long)]
    keyed: bool,
}

impl Alone {
    pub(crate) async fn run(self, bench: &Bench) -> Result<(), Failure> {
        let daybook = Daybook::open(&bench.cluster.book("alone").await?, World::Warm).await?;
        bench.catalogue.publish(&daybook.commands).await?;
        let buyers = daybook.buyers(self.clients, &bench.catalogue, self.keyed);
        let loaded = Time { warm_up: bench.plan.time.warm_up, measured: Duration::from_secs(self.seconds) };
        let sample = closed_loop(buyers, loaded).await?;
        daybook.stop().await?;
        let [p50, p99] = [sample.p50, sample.p99].map(time);
        println!("{} clients: {}/s, p50 {p50}, p99 {p99}", self.clients, grouped(sample.per_second));
        Ok(())
    }
}
