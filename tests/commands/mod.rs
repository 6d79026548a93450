//! The executor and the processes on a real book: what an answer means, whatever is done to the database meanwhile, and
//! what becomes of an order, wherever its carrying out is broken off.

mod ahead;
mod answers;
mod crashes;
mod deadlines;
mod executors;
mod fate;
pub(crate) mod gate;
mod gateway;
mod keys;
mod model;
pub(crate) mod node;
mod older;
mod orders;
mod outages;
mod paid;
mod parking;
mod processes;
mod provider;
mod reconciler;
mod recovery;
mod running;
pub(crate) mod shop;
mod snapshots;
mod stripe;
mod stripe_tls;
mod taking;
mod unclear_answers;
mod use_cases;
mod vault;
mod webhook_upkeep;
mod webhooks;
mod world;

/// A small generator of random numbers, so that a seed gives the same run everywhere (SplitMix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// The seed of this run: `SEED` where a run is to be repeated. It is printed, and shown when the test fails.
    pub(crate) fn seed() -> u64 {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        println!("SEED={seed}");
        seed
    }
}
