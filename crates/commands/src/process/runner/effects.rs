//! What a process manager asks for about events, and its use cases carried out, each under a key made from its event.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use eventstore::{Point, Position, RecordedEvent, StreamId, failpoint};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{EFFECTS_A_ROUND, ProcessError, ProcessRunner, ROUND_LIMIT, chain};
use crate::command::{Actor, Causation, CommandError, Envelope, Key};
use crate::executor::Commands;
use crate::process::parked::{Parked, Stuck};
use crate::process::store::Remembered;
use crate::process::{Deadline, Effect, Runnable};

/// Use cases of one page in flight: enough to fill the executor's batches, few beside its queue.
const EFFECTS_IN_FLIGHT_MAX: usize = 128;
/// Tries of an effect while the executor has no capacity, about ten seconds in all.
const EFFECT_TRIES_MAX: u32 = 100;
const EFFECT_PAUSE: Duration = Duration::from_millis(100);
/// Tries of an effect that fails by a fault of ours. One that fails as often fails always, as a rule: its stream is set aside.
const EFFECT_FAILURES_MAX: u32 = 3;

/// What is to be done about events, and the last of them.
pub(super) struct Asked {
    pub(super) read: Point,
    pub(super) remembered: Remembered,
    /// The use cases, a line for each of the streams whose events led to them.
    pub(super) lines: Vec<Vec<Task>>,
    pub(super) streams: Vec<StreamId>,
}

/// A line that ended before its end, at an effect of the event at this position.
pub(super) struct Failed {
    pub(super) line: usize,
    pub(super) position: Position,
    pub(super) reason: String,
}

/// What became of use cases.
#[derive(Default)]
pub(super) struct Ran {
    pub(super) failed: Vec<Failed>,
    /// The lines that came too early, and when each is due again.
    pub(super) again: Vec<(usize, DateTime<Utc>)>,
}

impl Failed {
    pub(super) fn of(self, streams: &[StreamId]) -> Stuck {
        Stuck { stream: streams[self.line].clone(), position: self.position, reason: self.reason }
    }
}

impl Asked {
    pub(super) fn is_nothing(&self) -> bool {
        self.lines.is_empty() && self.remembered.is_empty()
    }
}

pub(super) struct Task {
    pub(super) runnable: Box<dyn Runnable>,
    pub(super) envelope: Envelope,
    pub(super) position: Position,
    pub(super) number: usize,
}

impl Task {
    fn envelope(&self) -> Envelope {
        #[cfg(feature = "planted-bugs")]
        if eventstore::planted::is("no-derived-key") {
            return Envelope { key: None, ..self.envelope.clone() };
        }
        self.envelope.clone()
    }

    /// A rejection is an answer: the world has moved on, and the rules have said what that means. Everything else is
    /// tried again: here, and then with the whole page, unless it is a fault of ours.
    async fn run(self, process: &'static str, commands: &Commands) -> Result<Option<DateTime<Utc>>, ProcessError> {
        let (mut tries, mut failures) = (0, 0);
        loop {
            failpoint::reached("process.before_effect");
            let done = self.runnable.run(commands, self.envelope()).await;
            failpoint::reached("process.after_effect");
            match done {
                Ok(again_at) => return Ok(again_at),
                Err(CommandError::Rejected(rejection)) => {
                    tracing::warn!(process, command = self.runnable.name(), position = self.position.0, %rejection,
                        "an effect was rejected");
                    metrics::counter!("daybook_process_rejections_total", "process" => process).increment(1);
                    return Ok(None);
                }
                Err(CommandError::Overloaded) if tries < EFFECT_TRIES_MAX => {
                    tries += 1;
                    tokio::time::sleep(EFFECT_PAUSE).await;
                }
                Err(CommandError::Failed(_)) if failures + 1 < EFFECT_FAILURES_MAX => {
                    failures += 1;
                    tokio::time::sleep(EFFECT_PAUSE).await;
                }
                Err(source) => {
                    let command = self.runnable.name();
                    return Err(ProcessError::Effect { command, position: self.position, effect: self.number, source });
                }
            }
        }
    }
}

impl ProcessRunner {
    /// What the process wants done about a page, or about as much of it as one round can take.
    pub(super) fn react(
        &self,
        from: Point,
        page: &[Arc<RecordedEvent>],
        parked: &Parked,
    ) -> Result<Asked, ProcessError> {
        let (lines, streams) = (Vec::new(), Vec::new());
        let mut asked = Asked { read: from, remembered: Remembered::default(), lines, streams };
        let mut line_of: HashMap<&StreamId, usize> = HashMap::new();
        let mut runs = 0;
        for event in page {
            if runs >= EFFECTS_A_ROUND {
                break;
            }
            asked.read = event.point();
            if parked.holds(event) {
                continue;
            }
            let position = event.position;
            let effects = guarded(&event.event_type, || self.process.react(event))?
                .map_err(|source| ProcessError::Event { position, source })?;
            for (number, effect) in effects.into_iter().enumerate() {
                match effect {
                    Effect::Run(runnable) => {
                        let envelope = self.envelope(event, format!("{position}/{number}"));
                        let line = *line_of.entry(&event.stream).or_insert_with(|| {
                            asked.lines.push(Vec::new());
                            asked.streams.push(event.stream.clone());
                            asked.lines.len() - 1
                        });
                        asked.lines[line].push(Task { runnable, envelope, position, number });
                        runs += 1;
                    }
                    Effect::SetDeadline(deadline) => asked.remembered.set(deadline),
                    Effect::ClearDeadline { kind, subject } => asked.remembered.clear(kind, subject),
                    Effect::Call(call) => asked.remembered.call(call, event, correlation_id(event)),
                }
            }
        }
        Ok(asked)
    }

    /// Runs use cases: those of one line one after another, the lines at the same time. A line ends where one of it fails by a
    /// fault of ours: those are told. Any other fault is not the line's, and ends the round.
    pub(super) async fn run_all(&self, lines: Vec<Vec<Task>>) -> Result<Ran, ProcessError> {
        let permits = Arc::new(Semaphore::new(EFFECTS_IN_FLIGHT_MAX));
        let mut running: JoinSet<Result<Ran, ProcessError>> = JoinSet::new();
        for (number, line) in lines.into_iter().enumerate() {
            let (permits, commands) = (Arc::clone(&permits), self.commands.clone());
            let process = self.process.name();
            running.spawn(async move {
                let _permit = permits.acquire_owned().await.expect("the semaphore is never closed");
                let mut ran = Ran::default();
                for task in line {
                    let position = task.position;
                    match task.run(process, &commands).await {
                        Ok(again_at) => ran.again.extend(again_at.map(|again_at| (number, again_at))),
                        Err(error @ ProcessError::Effect { source: CommandError::Failed(_), .. }) => {
                            metrics::counter!("daybook_process_failures_total", "process" => process).increment(1);
                            ran.failed.push(Failed { line: number, position, reason: chain(&error) });
                            return Ok(ran);
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(ran)
            });
        }
        let all = async {
            let mut all = Ran::default();
            while let Some(done) = running.join_next().await {
                let Ran { failed, again } = done??;
                all.failed.extend(failed);
                all.again.extend(again);
            }
            Ok(all)
        };
        tokio::time::timeout(ROUND_LIMIT, all).await.unwrap_or(Err(ProcessError::TooSlow))
    }

    fn envelope(&self, event: &RecordedEvent, key: String) -> Envelope {
        Envelope {
            actor: Actor::Process { name: self.process.name() },
            correlation_id: correlation_id(event),
            causation: Causation::Position(event.position),
            traceparent: traceparent(event),
            key: Some(self.key(key)),
            expected: None,
        }
    }

    pub(super) fn deadline_envelope(&self, deadline: &Deadline) -> Envelope {
        let name = format!("{}/{}/{}", deadline.kind, deadline.subject, deadline.due_at.timestamp_micros());
        Envelope {
            actor: Actor::Process { name: self.process.name() },
            correlation_id: deadline.subject,
            causation: Causation::Request(format!("deadline {name}")),
            traceparent: None,
            key: Some(self.key(name)),
            expected: None,
        }
    }

    /// Keys of effects never expire: a page may be repeated after any downtime.
    fn key(&self, key: String) -> Key {
        Key { scope: format!("process:{}", self.process.name()), key, fingerprint: [0; 32], expires_at: None }
    }
}

/// A process that panics stops here, loudly, and not with its task.
pub(super) fn guarded<T>(what: impl ToString, reaction: impl FnOnce() -> T) -> Result<T, ProcessError> {
    catch_unwind(AssertUnwindSafe(reaction)).map_err(|_| ProcessError::Panicked(what.to_string()))
}

#[derive(Deserialize)]
struct Metadata {
    correlation_id: Uuid,
    traceparent: Option<String>,
}

fn correlation_id(event: &RecordedEvent) -> Uuid {
    serde_json::from_str::<Metadata>(&event.metadata).map_or(event.stream.id, |metadata| metadata.correlation_id)
}

fn traceparent(event: &RecordedEvent) -> Option<String> {
    serde_json::from_str::<Metadata>(&event.metadata).ok().and_then(|metadata| metadata.traceparent)
}
