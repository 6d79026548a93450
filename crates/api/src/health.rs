//! Whether this node lives, has started, and can serve. Parts of the program report here; nothing here asks them, so a health
//! request never waits for anything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::Problem;
use crate::problems::Code;

/// The registry of named checks. Clones share it.
#[derive(Clone, Default)]
pub struct Health(Arc<Shared>);

#[derive(Default)]
struct Shared {
    checks: Mutex<Vec<Check>>,
    has_been_ready: AtomicBool,
    stopping: AtomicBool,
}

/// One part of the program, and how it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Check {
    #[schema(example = "book")]
    name: &'static str,
    ready: bool,
    /// For a person: what it does, or what it waits for.
    detail: String,
}

/// Held by the part that is checked: it reports through this.
#[derive(Clone)]
pub struct CheckHandle {
    shared: Arc<Shared>,
    index: usize,
}

/// The state of the node with all its checks.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthReport {
    #[schema(example = "ready")]
    status: &'static str,
    checks: Vec<Check>,
}

/// What can be asked of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Does the process run?
    Live,
    /// Can it serve?
    Ready,
    /// Has it been able to?
    Startup,
}

impl Health {
    /// A new check, not ready until its part says so.
    pub fn register(&self, name: &'static str) -> CheckHandle {
        let mut checks = self.0.checks();
        checks.push(Check { name, ready: false, detail: "starting".to_owned() });
        CheckHandle { shared: Arc::clone(&self.0), index: checks.len() - 1 }
    }

    /// From here on this node is not ready, so that no new work is sent to it.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
    }

    pub fn is_ready(&self) -> bool {
        !self.is_stopping() && self.0.checks().iter().all(|check| check.ready)
    }

    /// The checks that have not passed, each with what it says.
    pub(crate) fn waits_for(&self) -> String {
        let checks = self.0.checks();
        let failing = checks.iter().filter(|check| !check.ready);
        failing.map(|check| format!("{}: {}", check.name, check.detail)).collect::<Vec<_>>().join("; ")
    }

    fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    /// Yes or no, and the checks.
    pub(crate) fn answer(&self, question: Question) -> (bool, HealthReport) {
        let (yes, status) = match question {
            Question::Live => (true, "live"),
            Question::Ready => (self.is_ready(), "ready"),
            Question::Startup => (self.is_ready() || self.0.has_been_ready.load(Ordering::Acquire), "started"),
        };
        let status = match (yes, self.is_stopping()) {
            (true, _) => status,
            (false, true) => "stopping",
            (false, false) => "not_ready",
        };
        (yes, HealthReport { status, checks: self.0.checks().clone() })
    }

    fn require(&self, question: Question) -> Result<Json<HealthReport>, Problem> {
        match self.answer(question) {
            (true, report) => Ok(Json(report)),
            (false, _) => Err(self.not_ready()),
        }
    }

    fn not_ready(&self) -> Problem {
        let detail = if self.is_stopping() { "This node is stopping." } else { "A check has not passed." };
        Problem::new(Code::NotReady).detail(detail).with("checks", self.0.checks().clone())
    }
}

impl Shared {
    /// Nothing that holds the lock can panic half-way, so a poisoned one is as good as new.
    fn checks(&self) -> MutexGuard<'_, Vec<Check>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CheckHandle {
    pub fn ready(&self, detail: impl Into<String>) {
        self.set(true, detail.into());
    }

    pub fn failing(&self, detail: impl Into<String>) {
        self.set(false, detail.into());
    }

    fn set(&self, ready: bool, detail: String) {
        let mut checks = self.shared.checks();
        let check = &mut checks[self.index];
        if check.ready != ready {
            tracing::info!(check.name = check.name, check.ready = ready, detail, "a health check changed");
        }
        check.ready = ready;
        check.detail = detail;
        if checks.iter().all(|check| check.ready) {
            self.shared.has_been_ready.store(true, Ordering::Release);
        }
    }
}

/// Whether the process runs
///
/// Answers 200 as long as it can answer at all.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = HealthReport)))]
pub(crate) async fn live(State(app): State<App>) -> Json<HealthReport> {
    Json(app.health.answer(Question::Live).1)
}

/// Whether this node can serve
///
/// Answers 200 when every check passes and the node is not stopping, else 503 with the checks.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses((status = 200, body = HealthReport)))]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<HealthReport>, Problem> {
    app.health.require(Question::Ready)
}

/// Whether this node has started
///
/// Answers 200 from the first time on that every check has passed.
#[utoipa::path(get, path = "/health/startup", tag = "health", responses((status = 200, body = HealthReport)))]
pub(crate) async fn startup(State(app): State<App>) -> Result<Json<HealthReport>, Problem> {
    app.health.require(Question::Startup)
}
