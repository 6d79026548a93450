//! What came of it all: a line a run, a table at the end, and the same as a document.

use std::fmt::Write as _;

use crate::{
    plan::{FAULTS, Plan},
    stage::Report,
};

/// One run, as it ended.
#[derive(Debug)]
pub(crate) enum Run {
    Done(Report),
    /// It could not be made here.
    Skipped {
        plan: Plan,
        reason: String,
    },
    /// The harness itself failed.
    Broken {
        plan: Plan,
        error: String,
    },
}

impl Run {
    fn plan(&self) -> &Plan {
        match self {
            Self::Done(report) => &report.plan,
            Self::Skipped { plan, .. } | Self::Broken { plan, .. } => plan,
        }
    }

    /// A healthy run without a violation, or a control whose bug was found by a checker that is meant to.
    fn passed(&self) -> bool {
        match self {
            Self::Done(report) if report.plan.bug.is_some() => !report.found_as_meant().is_empty(),
            Self::Done(report) => report.verdicts.iter().all(crate::checks::Verdict::passed),
            Self::Skipped { .. } => true,
            Self::Broken { .. } => false,
        }
    }

    /// One line; of a healthy run that did not pass, what is wrong.
    pub(crate) fn tell(&self) {
        let name = self.plan().name();
        match self {
            Self::Skipped { reason, .. } => println!("  {name}: not run: {reason}"),
            Self::Broken { error, .. } => println!("  {name}: BROKEN: {error}"),
            Self::Done(report) => {
                let Report { ok, fail, info, events, seconds, .. } = report;
                let verdict = if self.passed() { "passed" } else { "FAILED" };
                let found = report.found().join(", ");
                let found = if report.plan.bug.is_some() { format!(", found by {found}") } else { String::new() };
                let notes = report.notes.join("; ");
                println!(
                    "  {name}: {verdict}{found}; {ok} ok, {fail} fail, {info} info, {events} events, {seconds} s ({notes})"
                );
                if !self.passed() {
                    println!("    seed {}, {}", report.plan.seed, report.folder.display());
                }
                if !self.passed() && report.plan.bug.is_none() {
                    let wrong = report.verdicts.iter().filter(|verdict| !verdict.passed());
                    wrong.for_each(|verdict| println!("    {}", verdict.shown()));
                }
            }
        }
    }
}

impl Report {
    /// The checkers that found something.
    fn found(&self) -> Vec<&'static str> {
        let wrong = self.verdicts.iter().filter(|verdict| !verdict.passed());
        in_order(wrong.map(|verdict| verdict.check))
    }

    /// Everything that was checked.
    fn checked(&self) -> Vec<&'static str> {
        in_order(self.verdicts.iter().map(|verdict| verdict.check))
    }

    fn found_as_meant(&self) -> Vec<&'static str> {
        self.found().into_iter().filter(|check| self.plan.found_by.contains(check)).collect()
    }
}

/// Each once; I2 before I10.
fn in_order(checks: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut checks: Vec<_> = checks.collect();
    checks.sort_by_key(|check| (check.starts_with('F'), check.len(), *check));
    checks.dedup();
    checks
}

#[derive(Debug)]
pub(crate) struct Results {
    seed: u64,
    minutes: u64,
    runs: Vec<Run>,
}

impl Results {
    pub(crate) fn new(seed: u64, minutes: u64) -> Self {
        Self { seed, minutes, runs: Vec::new() }
    }

    pub(crate) fn add(&mut self, run: Run) {
        self.runs.push(run);
    }

    pub(crate) fn passed(&self) -> bool {
        self.runs.iter().all(Run::passed)
    }

    pub(crate) fn print(&self) {
        println!("\n{}\n{}", self.faults(), self.controls());
        println!("seed {}: {}", self.seed, if self.passed() { "all passed" } else { "NOT all passed" });
    }

    fn faults(&self) -> String {
        let mut table = String::from(
            "| fault | runs | harm | ok | fail | info | events | checkers |\n|---|---|---|---|---|---|---|---|\n",
        );
        for fault in &FAULTS {
            let runs: Vec<_> =
                self.runs.iter().filter(|run| run.plan().fault.id == fault.id && run.plan().bug.is_none()).collect();
            if runs.is_empty() {
                continue;
            }
            let reports: Vec<&Report> =
                runs.iter().filter_map(|run| if let Run::Done(report) = run { Some(report) } else { None }).collect();
            let sum = |of: fn(&Report) -> usize| reports.iter().map(|report| of(report)).sum::<usize>();
            let harm = match fault.steps {
                [] => reports.last().map(|report| report.notes.join("; ")).unwrap_or_default(),
                steps => format!("{} steps", steps.len()),
            };
            let _infallible = writeln!(
                table,
                "| {} {} | {} | {harm} | {} | {} | {} | {} | {} |",
                fault.id,
                fault.what,
                reports.len(),
                sum(|report| report.ok),
                sum(|report| report.fail),
                sum(|report| report.info),
                sum(|report| report.events),
                checkers_of(&runs),
            );
        }
        table
    }

    fn controls(&self) -> String {
        let mut table = String::from("| planted bug | under | found by |\n|---|---|---|\n");
        for run in self.runs.iter().filter(|run| run.plan().bug.is_some()) {
            let found = match run {
                Run::Done(report) if run.passed() => report.found().join(", "),
                Run::Done(report) => format!("NOT FOUND (only {})", report.found().join(", ")),
                Run::Skipped { reason, .. } => format!("not run: {reason}"),
                Run::Broken { error, .. } => format!("BROKEN: {error}"),
            };
            let bug = run.plan().bug.unwrap_or_default();
            let _infallible = writeln!(table, "| {bug} | {} | {found} |", run.plan().fault.id);
        }
        table
    }

    /// What `faults/RESULTS.md` says.
    pub(crate) fn document(&self) -> String {
        let date = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC");
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let system = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        format!(
            "# Faults injected, and what came of it\n\n\
             Written by `make faults`; run it anew to renew it. {date}, {cores} cores, Linux {}, seed {}, {} minutes: {}.\n\n\
             The checkers are of the invariants I1 to I8 and I10 to I14, and that an orderly stop cuts nothing (F28). Kafka is\n\
             not part of these runs: the publisher's crashes are in `tests/publisher`.\n\n{}\n\
             The same harness with a bug planted in the program, which it has to find:\n\n{}",
            system.trim(),
            self.seed,
            self.minutes,
            if self.passed() { "all passed, every planted bug was found" } else { "NOT all passed" },
            self.faults(),
            self.controls(),
        )
    }
}

fn checkers_of(runs: &[&Run]) -> String {
    let (mut wrong, mut checked) = (Vec::new(), Vec::new());
    for run in runs {
        match run {
            Run::Skipped { reason, .. } => return format!("not run: {reason}"),
            Run::Broken { error, .. } => wrong.push(format!("BROKEN: {error}")),
            Run::Done(report) => {
                checked.extend(report.checked());
                wrong.extend(report.found().into_iter().map(|check| format!("{check} FAILED")));
            }
        }
    }
    if wrong.is_empty() { format!("all {} passed", in_order(checked.into_iter()).len()) } else { wrong.join(", ") }
}

/// What `--list` says.
pub(crate) fn list() {
    for fault in &FAULTS {
        println!("{}  {}", fault.id, fault.what);
        for control in fault.controls {
            println!("       with {}, found by {}", control.bug, control.found_by.join(" or "));
        }
    }
}
