//! The checkers of RELIABILITY's invariants. Each reads what a run left behind and names what breaks its invariant; one that
//! finds nothing has passed. They know nothing of the fault that was made.
//!
//! - `answers`: I1, I2, I3, I11, I12 and the orderly stop, from the history and the book
//! - `webhooks`: I1, of what a provider tells
//! - `order`: I4; `money`: I5; `stock`: I6; `model`: I14, from the book
//! - `projections`: I7; `chain`: I8, in the database

mod answers;
mod chain;
mod model;
mod money;
mod order;
mod projections;
mod stock;
mod webhooks;

#[cfg(test)]
mod tests;

use sqlx::PgPool;

use crate::{cluster::Cluster, evidence::Evidence};

pub(crate) use chain::mutations_are_found;

/// As much of what is wrong as anyone reads.
const SHOWN_MAX: usize = 5;

/// What breaks one invariant.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    pub(crate) check: &'static str,
    pub(crate) violations: Vec<String>,
}

impl Verdict {
    pub(crate) fn passed(&self) -> bool {
        self.violations.is_empty()
    }

    pub(crate) fn shown(&self) -> String {
        let shown = self.violations.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("\n      ");
        let more = self.violations.len().saturating_sub(SHOWN_MAX);
        let more = if more == 0 { String::new() } else { format!("\n      and {more} more") };
        format!("{}: {shown}{more}", self.check)
    }
}

pub(crate) fn verdict(check: &'static str, violations: Vec<String>) -> Verdict {
    Verdict { check, violations }
}

/// Everything that needs only what was gathered.
pub(crate) fn of_evidence(evidence: &Evidence) -> Vec<Verdict> {
    vec![
        verdict("I1", answers::nothing_acknowledged_is_lost(evidence)),
        verdict("I1", webhooks::what_was_told_is_known(evidence)),
        verdict("I2", answers::nothing_is_there_that_nobody_asked_for(evidence)),
        verdict("I3", answers::each_key_has_one_effect(evidence)),
        verdict("I4", order::streams_and_readers_are_in_order(evidence)),
        verdict("I5", money::money_is_conserved(evidence)),
        verdict("I6", stock::stock_is_conserved(evidence)),
        verdict("I11", answers::answers_are_honest(evidence)),
        verdict("I12", answers::readers_see_what_they_wrote(evidence)),
        verdict("I14", model::the_model_decides_the_same(evidence)),
        verdict("F28", answers::nothing_accepted_is_cut_by_a_stop(evidence)),
    ]
}

/// What is compared in the database itself, which no node uses any more.
pub(crate) async fn of_database(cluster: &Cluster, database: &str, pool: &PgPool, evidence: &Evidence) -> Vec<Verdict> {
    vec![
        verdict("I7", projections::equal_a_replay(cluster, database, pool).await),
        verdict("I8", chain::is_whole(pool, evidence).await),
    ]
}
