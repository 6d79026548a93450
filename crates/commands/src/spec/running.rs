//! A shop with its processes running, a provider to pay through and a clock to turn: everything between a checkout and
//! the end of an order, without a database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::payment::Payment;
use eventstore::event::{Position, RecordedEvent};
use eventstore::read::Book;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Shop, envelope};
use crate::command::{CommandError, Envelope, Key};
use crate::executor::Commands;
use crate::gateway::simulated::Simulated;
use crate::gateway::{
    AuthorizeRequest, CaptureRequest, GatewayError, Gateways, Operation, PaymentGateway, Receipt, RefundRequest,
    VoidRequest,
};
use crate::job::Pending;
use crate::process::calls::ClaimedCall;
use crate::process::perform::{Performed, perform_on};
use crate::process::{self, Call, Deadline, Effect, Process, Runnable};

/// Short, for the token that never answers is waited for in earnest.
const PATIENCE: Duration = Duration::from_millis(20);
/// After a page that leads to more pages than this, something goes in circles.
const ROUNDS_MAX: usize = 10_000;

/// One crash in so many places that there could be one.
const PLACES_A_CRASH: u64 = 15;
/// A process that crashes has done so much that it has not noted.
const EVENTS_BEHIND: usize = 5;

/// Process, kind and subject: a deadline that is set again is moved.
type DeadlineKey = (&'static str, String, Uuid);

pub(crate) struct Running {
    pub(crate) shop: Shop,
    captures: Captures,
    gateways: Gateways,
    processes: Vec<(Box<dyn Process>, usize)>,
    deadlines: BTreeMap<DeadlineKey, DateTime<Utc>>,
    calls: Vec<ClaimedCall>,
    /// What the provider has answered and nobody has recorded yet.
    answers: Vec<(ClaimedCall, Box<dyn Runnable>)>,
    commands: Commands,
    queue: mpsc::Receiver<Pending>,
    crashes: Crashes,
    /// How often each effect and each deadline has run, and how often something crashed there.
    counts: BTreeMap<String, u64>,
}

impl Running {
    pub(crate) fn new(shop: Shop) -> Self {
        Self::paying(shop, Captures::MoreThanOnce)
    }

    /// Through a provider that captures so often.
    pub(crate) fn paying(shop: Shop, captures: Captures) -> Self {
        let pool = PgPoolOptions::new().acquire_timeout(PATIENCE).connect_lazy("postgres://nobody@127.0.0.1:1/none");
        let book = Book::new(pool.expect("a pool that connects when it is used, and here never"));
        let (commands, queue) = Commands::detached(book);
        let gateways = simulated(captures);
        let processes = process::all(&gateways).into_iter().map(|process| (process, 0)).collect();
        Self {
            shop,
            captures,
            gateways,
            processes,
            deadlines: BTreeMap::new(),
            calls: Vec::new(),
            answers: Vec::new(),
            commands,
            queue,
            crashes: Crashes(None),
            counts: BTreeMap::new(),
        }
    }

    /// The providers that capture once, as the program would know them.
    pub(crate) fn capturing_once(&self) -> crate::payments::CapturingOnce {
        self.gateways.capturing_once()
    }

    /// From now on processes and workers crash.
    pub(crate) fn crashing(self, crashes: Crashes) -> Self {
        Self { crashes, ..self }
    }

    pub(crate) fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    fn count(&mut self, what: String) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn crashes(&mut self, place: impl FnOnce() -> String) -> bool {
        let crashes = self.crashes.next();
        if crashes {
            self.count(format!("crash {}", place()));
        }
        crashes
    }

    /// A provider that has forgotten everything, as after a restart.
    pub(crate) fn restart_provider(&mut self) {
        self.gateways = simulated(self.captures);
    }

    /// A process that crashed before it could note how far it was: it reads its events again.
    pub(crate) fn rewind(&mut self, process: usize, events: usize) {
        let (_, at) = &mut self.processes[process];
        *at = at.saturating_sub(events);
    }

    /// Workers that died between the provider's answer and its record: their calls are made again.
    pub(crate) fn lose_answers(&mut self) {
        for (call, _) in std::mem::take(&mut self.answers) {
            self.count(format!("crash after the answer to {}", call.kind.name()));
            self.calls.push(call);
        }
    }

    pub(crate) fn open_calls(&self) -> usize {
        self.calls.len() + self.answers.len()
    }

    /// Until the processes have read everything and every call that can be answered is.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let before = self.shop.book.len();
            for process in 0..self.processes.len() {
                self.follow(process).await;
            }
            let open = self.open_calls();
            self.make_calls().await;
            self.record_answers().await;
            let at_head = self.processes.iter().all(|(_, at)| *at == self.shop.book.len());
            if at_head && before == self.shop.book.len() && open == self.open_calls() {
                return;
            }
        }
        panic!("the processes do not come to rest");
    }

    /// Turns the clock, firing what is due on the way.
    pub(crate) async fn pass(&mut self, time: TimeDelta) {
        let until = self.shop.now + time;
        self.settle().await;
        while let Some((next, due_at)) = self.next_deadline(until) {
            self.shop.now = self.shop.now.max(due_at);
            self.deadlines.remove(&next);
            let (name, kind, subject) = next;
            self.fire(name, &Deadline { kind: kind.into(), subject, due_at }).await;
            self.settle().await;
        }
        self.shop.now = until;
        self.settle().await;
    }

    /// One that crashes is due still.
    async fn fire(&mut self, name: &'static str, deadline: &Deadline) {
        let process = self.processes.iter().find(|(process, _)| process.name() == name);
        let Some(runnable) = process.and_then(|(process, _)| process.fire(deadline)) else { return };
        let what = format!("deadline {}", runnable.name());
        let key = (name, deadline.kind.clone().into_owned(), deadline.subject);
        if self.crashes(|| format!("before {what}")) {
            self.deadlines.insert(key, deadline.due_at);
            return;
        }
        self.count(what.clone());
        let again_at = self.run(runnable, fired_under_key(name, deadline)).await;
        if self.crashes(|| format!("after {what}")) {
            self.deadlines.insert(key, deadline.due_at);
        } else if let Some(again_at) = again_at {
            self.deadlines.insert(key, again_at);
        }
    }

    fn next_deadline(&self, until: DateTime<Utc>) -> Option<(DeadlineKey, DateTime<Utc>)> {
        let due = self.deadlines.iter().filter(|(_, due_at)| **due_at <= until);
        due.min_by_key(|(_, due_at)| **due_at).map(|(deadline, due_at)| (deadline.clone(), *due_at))
    }

    pub(crate) async fn follow(&mut self, process: usize) {
        while let Some(event) = self.shop.book.get(self.processes[process].1).cloned() {
            let name = self.processes[process].0.name();
            let effects = self.processes[process].0.react(&event).expect("every event can be read");
            for (number, effect) in effects.into_iter().enumerate() {
                match effect {
                    Effect::Run(runnable) => {
                        let what = format!("effect {}", runnable.name());
                        if self.crashes(|| format!("before {what}")) {
                            return self.rewind(process, EVENTS_BEHIND);
                        }
                        self.count(what.clone());
                        self.run(runnable, under_key(name, &event, number)).await;
                        if self.crashes(|| format!("after {what}")) {
                            return self.rewind(process, EVENTS_BEHIND);
                        }
                    }
                    Effect::SetDeadline(Deadline { kind, subject, due_at }) => {
                        self.deadlines.insert((name, kind.into_owned(), subject), due_at);
                    }
                    Effect::ClearDeadline { kind, subject } => {
                        self.deadlines.remove(&(name, kind.to_owned(), subject));
                    }
                    Effect::Call(call) => self.request(call, &event),
                }
            }
            self.processes[process].1 += 1;
        }
    }

    fn request(&mut self, Call { kind, payment_id, .. }: Call, event: &RecordedEvent) {
        let known = self.calls.iter().any(|call| call.position == event.position);
        let idempotency_key = event.hash.to_string();
        let (position, requested_at) = (event.position, event.recorded_at);
        if !known {
            let correlation_id = Uuid::nil();
            let attempts = 0;
            let call =
                ClaimedCall { position, idempotency_key, kind, payment_id, correlation_id, requested_at, attempts };
            self.calls.push(call);
        }
    }

    pub(crate) async fn make_calls(&mut self) {
        for mut call in std::mem::take(&mut self.calls) {
            call.attempts += 1;
            let stream = <Payment as crate::world::Held>::stream(call.payment_id);
            let events: Vec<_> = self.shop.book.iter().filter(|event| event.stream == stream).cloned().collect();
            match perform_on(&call, &events, &self.gateways, PATIENCE).await {
                Performed::Done(result) => self.answers.push((call, result)),
                Performed::Nothing => {}
                Performed::AskLater { .. } | Performed::Unanswered { .. } => self.calls.push(call),
            }
        }
    }

    pub(crate) async fn record_answers(&mut self) {
        for (call, result) in std::mem::take(&mut self.answers) {
            self.run(result, envelope()).await;
            if self.crashes(|| format!("after the record of {}", call.kind.name())) {
                self.calls.push(call);
            }
        }
    }

    /// Results and reactions may come too late to be accepted; that they are answered is enough.
    async fn run(&mut self, runnable: Box<dyn Runnable>, envelope: Envelope) -> Option<DateTime<Utc>> {
        let running = runnable.run(&self.commands, envelope);
        let (queue, shop) = (&mut self.queue, &mut self.shop);
        let executing = async {
            let pending = queue.recv().await.expect("the way in is open");
            shop.execute(pending);
        };
        let (answer, ()) = tokio::join!(running, executing);
        match answer {
            // A replay's states would be read from the database that is not there.
            Ok(again_at) => again_at,
            Err(CommandError::Rejected(_) | CommandError::Unavailable) => None,
            Err(error) => panic!("{} failed: {error:?}", runnable.name()),
        }
    }
}

/// Whether something crashes at a place that it comes to: by chance, the same for the same seed, or never.
#[derive(Debug)]
pub(crate) struct Crashes(Option<u64>);

impl Crashes {
    pub(crate) fn by_chance(seed: u64) -> Self {
        Self(Some(seed.wrapping_mul(0xd134_2543_de82_ef95) | 1))
    }

    /// Marsaglia's xorshift.
    fn next(&mut self) -> bool {
        let Some(state) = &mut self.0 else { return false };
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state % PLACES_A_CRASH == 0
    }
}

fn simulated(captures: Captures) -> Gateways {
    let simulated = Simulated::answering_slowly_after(Duration::from_millis(1));
    match captures {
        Captures::MoreThanOnce => Gateways::default().with(Arc::new(simulated)),
        Captures::Once => Gateways::default().with(Arc::new(CapturingOnce(simulated))),
    }
}

/// How often a provider captures of one payment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Captures {
    MoreThanOnce,
    Once,
}

/// The provider that is built in, as one that captures once and no more.
#[derive(Debug)]
struct CapturingOnce(Simulated);

#[async_trait]
impl PaymentGateway for CapturingOnce {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn captures_more_than_once(&self) -> bool {
        false
    }

    async fn authorize(&self, request: &AuthorizeRequest) -> Result<Receipt, GatewayError> {
        self.0.authorize(request).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Receipt, GatewayError> {
        self.0.capture(request).await
    }

    async fn void(&self, request: &VoidRequest) -> Result<Receipt, GatewayError> {
        self.0.void(request).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<Receipt, GatewayError> {
        self.0.refund(request).await
    }

    async fn find(&self, operation: &Operation) -> Result<Option<Receipt>, GatewayError> {
        self.0.find(operation).await
    }
}

fn under_key(process: &str, event: &RecordedEvent, number: usize) -> Envelope {
    let Position(position) = event.position;
    Envelope {
        key: Some(Key {
            scope: format!("process:{process}"),
            key: format!("{position}/{number}"),
            fingerprint: [0; 32],
            expires_at: None,
        }),
        ..envelope()
    }
}

fn fired_under_key(process: &str, deadline: &Deadline) -> Envelope {
    let key = format!("{}/{}/{}", deadline.kind, deadline.subject, deadline.due_at.timestamp_micros());
    let scope = format!("process:{process}");
    Envelope { key: Some(Key { scope, key, fingerprint: [0; 32], expires_at: None }), ..envelope() }
}
