//! F01, F02, F03, F24, F28: what can happen to a process.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use crate::{
    cluster::signal_process,
    error::Error,
    evidence::Stopping,
    probe,
    stage::{STOPPED_WITHIN, Stage},
};

/// Kills at least in a run of ten minutes, however long the node takes to start again.
const KILLS: f64 = 60.0;
const KILL_AFTER_MIN: Duration = Duration::from_millis(500);
const KILL_AFTER_MAX: Duration = Duration::from_millis(2_500);
/// The network between a node and Postgres is that slow while nodes are killed, so that something is always on its way.
const SLOW_NETWORK: Duration = Duration::from_millis(5);
/// Every step is reached by the load within moments of the start.
const STEP_WITHIN: Duration = Duration::from_secs(25);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Load after the crash.
const BETWEEN: Duration = Duration::from_millis(400);

/// Every step that has a name, beside those of the publisher, which needs a Kafka, and those of streams that are set aside,
/// which takes a fault of ours: `tests/publisher` and `tests/commands/crashes` have them.
pub(crate) const STEPS: [&str; 36] = [
    "append.before_insert",
    "append.after_commit",
    "append.before_reply",
    "idempotency.before_save",
    "idempotency.after_save",
    "projection.before_apply",
    "projection.after_apply",
    "projection.before_commit",
    "process.before_effect",
    "process.after_effect",
    "process.before_checkpoint",
    "process.before_commit",
    "deadline.before_fire",
    "deadline.after_fire",
    "call.after_claim",
    "call.before_request",
    "call.after_answer",
    "call.before_record",
    "call.after_record",
    "call.after_finish",
    "call.before_postpone",
    "webhook.before_keep",
    "webhook.after_keep",
    "webhook.after_claim",
    "webhook.before_effect",
    "webhook.after_effect",
    "webhook.before_settle",
    "webhook.after_settle",
    "webhook.before_put_off",
    "reconcile.after_claim",
    "reconcile.after_list",
    "reconcile.before_record",
    "reconcile.after_record",
    "reconcile.before_note",
    "reconcile.after_note",
    "append.answer_lost",
];
/// Not a step in the program: the proxy keeps the answer, and the node is killed while it waits.
const ANSWER_LOST: &str = "append.answer_lost";

/// Steps that only a provider leads to that tells of payments and keeps books.
pub(crate) fn is_of_stripe(step: &str) -> bool {
    step.starts_with("webhook.") || step.starts_with("reconcile.")
}

/// A reconciliation comes by such a step once, and another one is due a day later.
fn comes_once(step: &str) -> bool {
    step.starts_with("reconcile.") && !step.ends_with("_record")
}

/// F01.
pub(crate) async fn killed_at_random(stage: &mut Stage) -> Result<(), Error> {
    let mut rng = stage.rng.fork("kills");
    let (began, time) = (Instant::now(), stage.time());
    // A planted bug shows after a few.
    let kills_min = if stage.plan.bug.is_some() { 0 } else { (KILLS * stage.plan.scale) as usize };
    stage.proxy.delay(SLOW_NETWORK);
    // From the first restart on a planned failpoint is there.
    stage.nodes[0].kill().await;
    stage.start(0).await?;
    let mut kills = 1;
    while began.elapsed() < time || kills < kills_min {
        let lives_for = rng.between(KILL_AFTER_MIN, KILL_AFTER_MAX);
        // It may end by itself, at a failpoint.
        stage.nodes[0].ends(lives_for).await;
        stage.nodes[0].kill().await;
        stage.start(0).await?;
        kills += 1;
    }
    stage.note(format!("{kills} kills"));
    Ok(())
}

/// F02: exhaustive, and deterministic but for what the load happens to do at that moment. With a bug planted the step is
/// where that bug shows, and it is reached after every restart.
pub(crate) async fn killed_at_a_step(stage: &mut Stage) -> Result<(), Error> {
    let Some(step) = stage.plan.step else { return killed_at_random(stage).await };
    let times = if comes_once(step) { 1 } else { 1 + stage.rng.fork("steps").below(4) };
    stage.nodes[0].kill().await;
    let is_reached = if step == ANSWER_LOST {
        killed_while_it_waits(stage).await?
    } else {
        stage.execute(include_str!("../sql/make_reconciliation_due.sql")).await?;
        stage.nodes[0].start(Some(&format!("{step}:{times}:kill"))).await?;
        ends_while_time_passes(stage, step).await?
    };
    stage.note(format!("{step}, time {times}"));
    if !is_reached {
        stage.find("F02", format!("the step {step} was not reached {times} times within {STEP_WITHIN:?}"));
        stage.nodes[0].kill().await;
    }
    stage.nodes[0].start(None).await?;
    sleep(BETWEEN).await;
    Ok(())
}

/// Where the step is a deadline's, deadlines are due.
async fn ends_while_time_passes(stage: &mut Stage, step: &str) -> Result<bool, Error> {
    let began = Instant::now();
    while step.starts_with("deadline.") && began.elapsed() < STEP_WITHIN {
        stage.execute(include_str!("../sql/let_deadlines_pass.sql")).await?;
        if stage.nodes[0].ends(BETWEEN).await.is_some() {
            return Ok(true);
        }
    }
    Ok(stage.nodes[0].ends(STEP_WITHIN.saturating_sub(began.elapsed())).await.is_some())
}

async fn killed_while_it_waits(stage: &mut Stage) -> Result<bool, Error> {
    stage.nodes[0].start(None).await?;
    probe::ready(stage.nodes[0].port(), STEP_WITHIN).await?;
    let before = stage.proxy.swallowed();
    stage.proxy.swallow_commits(1);
    let began = Instant::now();
    while stage.proxy.swallowed() == before && began.elapsed() < STEP_WITHIN {
        sleep(LOOK_AGAIN).await;
    }
    stage.nodes[0].kill().await;
    Ok(stage.proxy.swallowed() > before)
}

/// F03: two nodes follow the book at once; now one, now the other is killed.
pub(crate) async fn workers_killed(stage: &mut Stage) -> Result<(), Error> {
    let mut rng = stage.rng.fork("kills");
    let (began, time) = (Instant::now(), stage.time());
    stage.proxy.delay(SLOW_NETWORK);
    let mut kills = 0;
    while began.elapsed() < time {
        let node = rng.index(stage.nodes.len());
        stage.nodes[node].kill().await;
        kills += 1;
        sleep(rng.between(Duration::ZERO, KILL_AFTER_MIN)).await;
        stage.start(node).await?;
        for node in 0..stage.nodes.len() {
            if !stage.nodes[node].is_running() {
                stage.start(node).await?;
            }
        }
        sleep(rng.between(KILL_AFTER_MIN, KILL_AFTER_MAX)).await;
    }
    stage.note(format!("{kills} kills"));
    Ok(())
}

/// F24: a node, then Postgres with all its processes, stands still and goes on as if nothing had been.
pub(crate) async fn paused(stage: &mut Stage) -> Result<(), Error> {
    let mut rng = stage.rng.fork("pauses");
    let (began, time) = (Instant::now(), stage.time());
    let (least, most) = (Duration::from_millis(500), (time / 4).clamp(Duration::from_secs(1), Duration::from_secs(12)));
    let mut pauses = 0;
    while began.elapsed() < time {
        let pause = rng.between(least, most);
        if pauses % 3 == 2 {
            let processes = stage.cluster.processes()?;
            signal_all(&processes, Signal::STOP);
            sleep(pause).await;
            signal_all(&processes, Signal::CONT);
        } else {
            let node = rng.index(stage.nodes.len());
            stage.nodes[node].signal(Signal::STOP);
            sleep(pause).await;
            stage.nodes[node].signal(Signal::CONT);
        }
        pauses += 1;
        sleep(rng.between(Duration::from_millis(200), Duration::from_millis(900))).await;
    }
    stage.note(format!("{pauses} pauses"));
    Ok(())
}

/// A process of Postgres may have ended meanwhile.
fn signal_all(processes: &[u32], signal: Signal) {
    for pid in processes {
        let _gone = signal_process(*pid, signal);
    }
}

/// F28: told to stop under load, the node answers what it has taken and ends with 0; told twice, it ends at once.
pub(crate) async fn stopped_in_order(stage: &mut Stage) -> Result<(), Error> {
    let mut rng = stage.rng.fork("stops");
    let (began, time) = (Instant::now(), stage.time());
    stage.proxy.delay(4 * SLOW_NETWORK);
    let mut stops = 0;
    while began.elapsed() < time {
        sleep(rng.between(KILL_AFTER_MIN, KILL_AFTER_MAX)).await;
        let from = stage.site.history.now();
        stage.nodes[0].signal(Signal::TERM);
        let ended = stage.nodes[0].ends(STOPPED_WITHIN).await;
        stage.stops.push(Stopping { node: 0, from, to: stage.site.history.now() });
        if ended != Some(0) {
            stage.find("F28", format!("told to stop, the node ended with {ended:?}"));
            stage.nodes[0].kill().await;
        }
        stops += 1;
        stage.start(0).await?;
        probe::ready(stage.nodes[0].port(), STEP_WITHIN).await?;
    }
    stage.nodes[0].signal(Signal::TERM);
    sleep(LOOK_AGAIN).await;
    stage.nodes[0].signal(Signal::TERM);
    if stage.nodes[0].ends(Duration::from_secs(5)).await.is_none() {
        stage.find("F28", "told to stop twice, the node went on");
        stage.nodes[0].kill().await;
    }
    stage.note(format!("{stops} stops"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Those that are reached elsewhere.
    const ELSEWHERE: [&str; 3] = ["process.before_park", "process.before_resume", "process.after_resume"];

    fn collect(folder: &Path, steps: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, steps);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let found = text.split("failpoint::reached(\"").skip(1).filter_map(|rest| rest.split('"').next());
                steps.extend(found.map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_step_that_has_a_name_is_one_to_be_killed_at() {
        let mut named = BTreeSet::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates"), &mut named);
        named.retain(|step| !step.starts_with("publisher.") && !ELSEWHERE.contains(&step.as_str()));
        let killed_at: BTreeSet<String> =
            STEPS.into_iter().filter(|step| *step != ANSWER_LOST).map(str::to_owned).collect();
        assert_eq!(named, killed_at);
    }
}
