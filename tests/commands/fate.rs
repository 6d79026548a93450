//! A node that dies, or stands still, at a step that the test has chosen: whatever reaches the step does not come back
//! from it, and the test ends the node there.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::{
    command::{CommandError, Envelope},
    executor::Commands,
    process::{Deadline, Effect, Process, Runnable},
};
use domain::aggregate::UnreadableEvent;
use eventstore::RecordedEvent;
use tokio::sync::Semaphore;

/// Counts steps down to the one that is the last. Clones count together.
#[derive(Debug, Clone)]
pub(super) struct Fate(Arc<Steps>);

#[derive(Debug)]
struct Steps {
    left: AtomicUsize,
    stopped: Semaphore,
    go_on: Semaphore,
}

impl Fate {
    pub(super) fn spared() -> Self {
        Self::at(usize::MAX)
    }

    /// The first step has the number 0.
    pub(super) fn at(step: usize) -> Self {
        let (stopped, go_on) = (Semaphore::new(0), Semaphore::new(0));
        Self(Arc::new(Steps { left: AtomicUsize::new(step), stopped, go_on }))
    }

    pub(super) async fn step(&self) {
        if self.0.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.0.stopped.add_permits(1);
            self.0.go_on.acquire().await.unwrap().forget();
        }
    }

    /// Until the step is reached.
    pub(super) async fn reached(&self) {
        self.0.stopped.acquire().await.unwrap().forget();
    }

    /// Whoever stands at the step goes on.
    pub(super) fn go_on(&self) {
        self.0.go_on.add_permits(1);
    }

    /// Does this as far as it gets: the result, or `None` if it stopped at the step and was ended there.
    pub(super) async fn so_far<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.reached() => None,
            done = doing => Some(done),
        }
    }
}

/// A process each of whose effects is two steps: one before it is sent, one when it has taken effect and nobody has
/// noted that.
pub(super) struct Mortal {
    pub(super) process: Box<dyn Process>,
    pub(super) fate: Fate,
}

impl Process for Mortal {
    fn name(&self) -> &'static str {
        self.process.name()
    }

    fn waits_for(&self) -> &'static str {
        self.process.waits_for()
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        let effects = self.process.react(event)?.into_iter();
        Ok(effects
            .map(|effect| match effect {
                Effect::Run(runnable) => Effect::Run(self.mortal(runnable)),
                other => other,
            })
            .collect())
    }

    fn fire(&self, deadline: &Deadline) -> Option<Box<dyn Runnable>> {
        self.process.fire(deadline).map(|runnable| self.mortal(runnable))
    }

    fn fires_after(&self) -> &'static [&'static str] {
        self.process.fires_after()
    }
}

impl Mortal {
    fn mortal(&self, runnable: Box<dyn Runnable>) -> Box<dyn Runnable> {
        Box::new(Stepwise { runnable, fate: self.fate.clone() })
    }
}

struct Stepwise {
    runnable: Box<dyn Runnable>,
    fate: Fate,
}

impl fmt::Debug for Stepwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.runnable.fmt(f)
    }
}

#[async_trait]
impl Runnable for Stepwise {
    fn name(&self) -> &'static str {
        self.runnable.name()
    }

    async fn run(&self, commands: &Commands, envelope: Envelope) -> Result<Option<DateTime<Utc>>, CommandError> {
        self.fate.step().await;
        let answer = self.runnable.run(commands, envelope).await;
        self.fate.step().await;
        answer
    }
}
