//! Process managers: each follows the book and reacts to events with effects.
//!
//! A reaction is pure. What it asks for is carried out by the [`runner`]: use cases run under keys made from the
//! event's position, so that a crash repeats them without a second effect; deadlines and calls to the outside commit
//! with the checkpoint, and the calls are made by [`calls`], which hold no transaction.

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::aggregate::UnreadableEvent;
use eventstore::event::RecordedEvent;
use uuid::Uuid;

use crate::command::{CommandError, Envelope};
use crate::executor::Commands;
use crate::gateway::Gateways;
use crate::use_case::UseCase;

pub mod calls;
pub mod carts;
mod comparing;
pub mod coverage;
pub mod expiry;
pub mod fulfilment;
pub(crate) mod lanes;
pub mod locations;
mod parked;
pub(crate) mod pause;
pub mod payment;
pub mod perform;
pub mod reconciler;
pub mod runner;
pub mod standing;
pub mod waiting;
pub mod webhooks;

mod store;

/// A process manager.
pub trait Process: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// One line for whoever operates it: what it waits for.
    fn waits_for(&self) -> &'static str;

    /// Pure. Decides by the event's type before it parses the payload; an event that it ignores has no effects.
    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent>;

    /// What to run when a deadline that this process set is due.
    fn fire(&self, deadline: &Deadline) -> Option<Box<dyn Runnable>>;

    /// The processes that may yet ask for a call about a deadline's subject: none fires before they have read what was
    /// recorded up to its time.
    fn fires_after(&self) -> &'static [&'static str] {
        &[]
    }
}

/// Every process manager of this release. One that comes to know more of what is past gets another name, or what is new to
/// it becomes a process of its own: a name that is new begins at the first page, beside nodes of the release before.
pub fn all(gateways: &Gateways) -> Vec<Box<dyn Process>> {
    vec![
        Box::new(payment::PaymentProcess::new(gateways.capturing_once())),
        Box::new(fulfilment::FulfilmentProcess::new(gateways.capturing_once())),
        Box::new(expiry::ExpiryProcess),
        Box::new(carts::CartProcess),
        Box::new(coverage::CoverageProcess),
        Box::new(locations::LocationProcess),
    ]
}

/// What a process manager wants done.
#[derive(Debug)]
pub enum Effect {
    Run(Box<dyn Runnable>),
    SetDeadline(Deadline),
    ClearDeadline { kind: &'static str, subject: Uuid },
    Call(Call),
}

impl Effect {
    pub fn run<U: UseCase + Clone + Sync + fmt::Debug>(use_case: U) -> Self {
        Self::Run(runnable(use_case))
    }
}

/// A time by which something has to have happened. One of each kind for a subject: setting it again moves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    pub kind: Cow<'static, str>,
    /// Mostly the order.
    pub subject: Uuid,
    pub due_at: DateTime<Utc>,
}

/// A request to a payment provider, following the *requested* event that is being reacted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub kind: CallKind,
    pub payment_id: Uuid,
    /// The order: no deadline of it fires while the call is open.
    pub order_id: Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    Authorize,
    Capture,
    Void,
    Refund,
}

impl CallKind {
    pub const ALL: [Self; 4] = [Self::Authorize, Self::Capture, Self::Void, Self::Refund];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A use case whose outcome nobody waits for.
#[async_trait]
pub trait Runnable: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;
    /// When to run it again, where a deadline ran it too early.
    async fn run(&self, commands: &Commands, envelope: Envelope) -> Result<Option<DateTime<Utc>>, CommandError>;
}

pub fn runnable<U: UseCase + Clone + Sync + fmt::Debug>(use_case: U) -> Box<dyn Runnable> {
    Box::new(Again(use_case))
}

#[derive(Debug)]
struct Again<U>(U);

#[async_trait]
impl<U: UseCase + Clone + Sync + fmt::Debug> Runnable for Again<U> {
    fn name(&self) -> &'static str {
        U::NAME
    }

    async fn run(&self, commands: &Commands, envelope: Envelope) -> Result<Option<DateTime<Utc>>, CommandError> {
        commands.run(self.0.clone(), envelope).await.map(|answer| U::again_at(&answer.outcome))
    }
}

#[cfg(test)]
mod tests;
