//! Which faults there are, what each needs, and by which planted bug each shows that it would find one.

use std::{pin::Pin, time::Duration};

use api::config::POOL_CONNECTIONS;

use crate::{
    error::Error,
    faults::{clients, network, postgres, process},
    stage::Stage,
};

pub(crate) type Injecting<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;
pub(crate) type Inject = for<'a> fn(&'a mut Stage) -> Injecting<'a>;

/// A control is as long as it takes to plant, not to be thorough.
const CONTROL_PART: f64 = 0.4;
const SECONDS_MIN: f64 = 3.0;

pub(crate) struct Fault {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) nodes: usize,
    pub(crate) shoppers: usize,
    /// How long it goes on in a run of ten minutes.
    pub(crate) seconds: f64,
    /// One run for each of these, instead of one for all.
    pub(crate) steps: &'static [&'static str],
    /// Connections that a pool of a node has.
    pub(crate) pool_connections: u32,
    pub(crate) inject: Inject,
    /// Whether the mutation test is made on the book that it leaves.
    pub(crate) mutates: bool,
    /// PGDATA of its own on a file system of this many bytes.
    pub(crate) disk_bytes: Option<u64>,
    pub(crate) controls: &'static [Control],
}

/// A bug on purpose, and the checkers of which at least one must find it.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) bug: &'static str,
    pub(crate) failpoint: Option<&'static str>,
    pub(crate) found_by: &'static [&'static str],
    pub(crate) stripe: bool,
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) fault: &'static Fault,
    pub(crate) seed: u64,
    pub(crate) scale: f64,
    pub(crate) step: Option<&'static str>,
    pub(crate) bug: Option<&'static str>,
    pub(crate) found_by: &'static [&'static str],
    pub(crate) failpoint: Option<String>,
    /// Stripe carries the payments, and not the provider that is built in: it tells of them, and keeps books.
    pub(crate) stripe: bool,
}

impl Plan {
    pub(crate) fn healthy(fault: &'static Fault, seed: u64, scale: f64) -> Self {
        Self { fault, seed, scale, step: None, bug: None, found_by: &[], failpoint: None, stripe: false }
    }

    /// The healthy runs of one round.
    pub(crate) fn all_healthy(fault: &'static Fault, seed: u64, scale: f64) -> Vec<Self> {
        let whole = Self::healthy(fault, seed, scale);
        if fault.steps.is_empty() {
            return vec![whole];
        }
        let seeded = fault.steps.iter().zip(0..);
        let at = |(step, nth): (&&'static str, u64)| Self {
            seed: seed.wrapping_add(nth),
            step: Some(step),
            stripe: process::is_of_stripe(step),
            ..whole.clone()
        };
        seeded.map(at).collect()
    }

    pub(crate) fn control(fault: &'static Fault, control: &'static Control, seed: u64) -> Self {
        let failpoint = control.failpoint.map(str::to_owned);
        let Control { bug, found_by, stripe, .. } = *control;
        Self { fault, seed, scale: CONTROL_PART, step: None, bug: Some(bug), found_by, failpoint, stripe }
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64((self.fault.seconds * self.scale).max(SECONDS_MIN))
    }

    pub(crate) fn name(&self) -> String {
        let id = self.fault.id;
        match (self.bug, self.step) {
            (Some(bug), _) => format!("{id} with {bug}"),
            (None, Some(step)) => format!("{id} {step}"),
            (None, None) => id.to_owned(),
        }
    }
}

const fn control(bug: &'static str, found_by: &'static [&'static str]) -> Control {
    Control { bug, failpoint: None, found_by, stripe: false }
}

const fn control_at(bug: &'static str, failpoint: &'static str, found_by: &'static [&'static str]) -> Control {
    Control { failpoint: Some(failpoint), ..control(bug, found_by) }
}

const fn control_of_stripe(bug: &'static str, found_by: &'static [&'static str]) -> Control {
    Control { stripe: true, ..control(bug, found_by) }
}

const fn fault(
    id: &'static str,
    what: &'static str,
    seconds: f64,
    inject: Inject,
    controls: &'static [Control],
) -> Fault {
    Fault {
        id,
        what,
        nodes: 1,
        shoppers: 8,
        seconds,
        steps: &[],
        pool_connections: POOL_CONNECTIONS,
        inject,
        mutates: false,
        disk_bytes: None,
        controls,
    }
}

/// In the order in which they are run.
pub(crate) static FAULTS: [Fault; 14] = [
    Fault {
        mutates: true,
        ..fault(
            "F00",
            "no fault; then history is changed in a copy",
            4.0,
            |_| Box::pin(async { Ok(()) }),
            &[
                control("wrong-hash", &["I8"]),
                control("money-kept", &["I5"]),
                control_of_stripe("refund-twice", &["I5"]),
                control_of_stripe("webhook-settled-first", &["I1"]),
            ],
        )
    },
    fault(
        "F01",
        "kill -9 of the node at random times",
        75.0,
        |stage| Box::pin(process::killed_at_random(stage)),
        &[control_at("answer-before-commit", "append.before_insert:12:kill-late", &["I1"])],
    ),
    Fault {
        steps: &process::STEPS,
        ..fault(
            "F02",
            "a crash at every named step, a run each",
            10.0,
            |stage| Box::pin(process::killed_at_a_step(stage)),
            &[
                control_at("checkpoint-before-apply", "projection.before_apply:6:kill", &["I7"]),
                control("no-derived-key", &["I3"]),
            ],
        )
    },
    Fault {
        nodes: 2,
        ..fault(
            "F03",
            "kill -9 of projection workers, two at once",
            12.0,
            |stage| Box::pin(process::workers_killed(stage)),
            &[control_at("checkpoint-before-apply", "projection.before_apply:6:kill", &["I7"])],
        )
    },
    fault(
        "F06",
        "Postgres: immediate stop, kill -9 of postmaster or backend",
        16.0,
        |stage| Box::pin(postgres::killed(stage)),
        &[control("error-500", &["I11"])],
    ),
    fault(
        "F07",
        "the reply to COMMIT is swallowed",
        10.0,
        |stage| Box::pin(network::commits_swallowed(stage)),
        &[control("no-idempotency-key", &["I3"])],
    ),
    Fault {
        pool_connections: 2,
        ..fault(
            "F09",
            "clients that hang up, by the thousand, two connections a pool",
            12.0,
            |stage| Box::pin(clients::hang_up(stage)),
            &[control("leaked-transaction", &["I13"])],
        )
    },
    Fault {
        disk_bytes: Some(postgres::DISK_BYTES),
        ..fault(
            "F15",
            "the disk of Postgres is full",
            18.0,
            |stage| Box::pin(postgres::disk_full(stage)),
            &[control("error-500", &["I11"])],
        )
    },
    fault(
        "F17",
        "long transactions of others, here and in another database",
        12.0,
        |stage| Box::pin(postgres::long_transactions(stage)),
        &[control("leaked-transaction", &["I13"])],
    ),
    fault(
        "F18",
        "no connections left",
        10.0,
        |stage| Box::pin(postgres::connections_exhausted(stage)),
        &[control("error-500", &["I11"])],
    ),
    fault(
        "F20",
        "the same commands again, at once and later",
        8.0,
        |stage| Box::pin(clients::repeat(stage)),
        &[control("no-idempotency-key", &["I3"])],
    ),
    Fault {
        nodes: 2,
        shoppers: 16,
        ..fault(
            "F21",
            "64 clients on one stream, and the last unit",
            10.0,
            |stage| Box::pin(clients::contend(stage)),
            &[control("stale-state", &["I6", "I14"]), control("not-turned-back", &["I6", "I11", "I14"])],
        )
    },
    Fault {
        nodes: 2,
        ..fault(
            "F24",
            "SIGSTOP of nodes and of Postgres",
            16.0,
            |stage| Box::pin(process::paused(stage)),
            &[control("stale-state", &["I6", "I14"])],
        )
    },
    fault(
        "F28",
        "SIGTERM under load",
        12.0,
        |stage| Box::pin(process::stopped_in_order(stage)),
        &[control("cut-at-stop", &["F28"])],
    ),
];

pub(crate) fn find(id: &str) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_control() {
        assert!(FAULTS.iter().all(|fault| !fault.controls.is_empty()));
    }

    #[test]
    fn faults_are_named_once() {
        assert!(FAULTS.iter().all(|fault| std::ptr::eq(find(fault.id).unwrap(), fault)));
    }
}
