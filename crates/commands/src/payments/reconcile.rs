//! The ledger and the provider's books: what the provider says of a payment and the ledger does not know is recorded, as
//! if it had been the answer to our call.

use chrono::{DateTime, Utc};
use domain::ids::{PaymentId, Reason};
use domain::money::Money;
use domain::payment::{
    self, Command, DisputeOutcome, FailureCode, Figures, Finding, Ledger, Operation, Outcome, Payment,
    ProviderReference, Void,
};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use super::record::AUTHORIZATION_LIFETIME;
use super::require_payment;
use crate::gateway::account::{self, GivenBack, ProviderDispute, ProviderPayment, RefundOutcome, Stage, Taken};
use crate::orders::settle::reason;
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

#[derive(Debug, Clone)]
pub struct ReconcilePayment {
    pub payment_id: PaymentId,
    /// `None`: the provider knows no such payment.
    pub theirs: Option<ProviderPayment>,
    /// Whether it is put on record that both agree.
    pub attests: bool,
    /// Whether it is put on record that they do not: what the provider said may be older than the ledger.
    pub finds: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileOutcome {
    pub payment_id: PaymentId,
    /// Whether the provider told what the ledger did not know.
    pub recorded: bool,
    pub comparison: Comparison,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Agrees,
    Differs(String),
    /// A result is still to come, and nothing can be said.
    Open,
}

impl UseCase for ReconcilePayment {
    type Outcome = ReconcileOutcome;

    const NAME: &'static str = "reconcile_payment";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Payment>(self.payment_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<ReconcileOutcome>, Rejection> {
        let (id, payment_id) = (self.payment_id.as_uuid(), self.payment_id);
        let ledger = require_payment(view, payment_id)?;
        let mut events = Events::default();
        let difference = self.theirs.as_ref().and_then(|theirs| another(ledger, theirs));
        if let (Some(theirs), None) = (&self.theirs, &difference) {
            for command in facts(ledger, theirs, now) {
                events.decide_next::<Payment>(view, id, command)?;
            }
        }
        let recorded = events.count() > 0;
        let theirs = self.theirs.as_ref().map(figures);
        let mut comparison = compared(&events.after::<Payment>(view, id)?, theirs, difference.as_ref());
        if self.finds || !matches!(comparison, Comparison::Differs(_)) {
            let reconcile = Command::Reconcile { theirs, difference, attest: self.attests };
            events.decide_next::<Payment>(view, id, reconcile)?;
        }
        if let Some(Finding::Differs { detail, .. }) = found(&events.after::<Payment>(view, id)?)
            && matches!(comparison, Comparison::Differs(_))
        {
            comparison = Comparison::Differs(detail.to_string());
        }
        Ok(events.answer(ReconcileOutcome { payment_id, recorded, comparison }))
    }

    fn shows(outcome: &ReconcileOutcome) -> Vec<StreamId> {
        vec![Payment::stream(outcome.payment_id.as_uuid())]
    }
}

/// As the ledger stands now. A difference is put into words when it is found.
fn compared(state: &payment::State, theirs: Option<Figures>, difference: Option<&Reason>) -> Comparison {
    match state.ledger() {
        None => Comparison::Open,
        Some(ledger) if ledger.awaits_provider() => Comparison::Open,
        Some(ledger) if ledger.given_back_twice().is_positive() => {
            Comparison::Differs("more went back than was taken".to_owned())
        }
        Some(ledger) if difference.is_none() && theirs == Some(ledger.figures()) => Comparison::Agrees,
        Some(_) => Comparison::Differs("it is not certain yet in what".to_owned()),
    }
}

fn found(state: &payment::State) -> Option<&Finding> {
    state.ledger()?.finding.as_ref()
}

fn figures(theirs: &ProviderPayment) -> Figures {
    let nothing = Money::zero(theirs.amount.currency());
    let lost = theirs.disputes.iter().filter(|dispute| dispute.outcome == account::DisputeOutcome::Lost);
    let charged_back = Money::total(nothing.currency(), lost.map(|dispute| dispute.amount));
    Figures {
        held: theirs.held,
        captured: theirs.captured.as_ref().map_or(nothing, |taken| taken.amount),
        refunded: theirs.refunded,
        // In another currency than the payment they add up to nothing that could agree.
        charged_back: charged_back.unwrap_or(Money::new(i64::MAX, nothing.currency())),
    }
}

/// What the provider says that the ledger does not, in the order in which it happened.
fn facts(ledger: &Ledger, theirs: &ProviderPayment, now: DateTime<Utc>) -> Vec<Command> {
    match &theirs.stage {
        Stage::Undecided => Vec::new(),
        Stage::ActionRequired { url } => vec![Command::RecordActionRequired {
            provider_reference: theirs.reference.clone(),
            action_url: url.clone(),
        }],
        Stage::Declined { code } => declined(ledger, code),
        Stage::Held => vec![authorized(theirs, now)],
        Stage::Taken => {
            let taken = [authorized(theirs, now)].into_iter().chain(captured(ledger, theirs));
            taken.chain(refunded(ledger, theirs)).chain(disputed(theirs)).collect()
        }
        Stage::Ended => ended(ledger, theirs),
    }
}

/// Why it is not the payment that the ledger is of: nothing that is said of it is recorded here.
fn another(ledger: &Ledger, theirs: &ProviderPayment) -> Option<Reason> {
    let said = match &ledger.provider_reference {
        Some(known) if *known != theirs.reference => {
            format!("at the provider {} bears this payment's id, beside {known}", theirs.reference)
        }
        _ if theirs.amount != ledger.amount => format!("it is of {} here, of {} there", ledger.amount, theirs.amount),
        _ => return None,
    };
    Some(Reason::new(&said).unwrap_or_else(|_| reason("at the provider another payment bears this payment's id")))
}

/// Decides nothing where it is recorded already.
fn authorized(theirs: &ProviderPayment, now: DateTime<Utc>) -> Command {
    Command::RecordAuthorized {
        provider_reference: theirs.reference.clone(),
        at: now,
        expires_at: theirs.opened_at + AUTHORIZATION_LIFETIME,
    }
}

fn declined(ledger: &Ledger, code: &FailureCode) -> Vec<Command> {
    if ledger.authorization.is_some() || ledger.failure.is_some() {
        return Vec::new();
    }
    let (operation, code) = (Operation::Authorization, code.clone());
    vec![Command::RecordFailed { operation, operation_id: None, code, detail: None }]
}

/// Under the capture that it was asked for by or, where somebody took it by hand, under one that we were about to ask for.
fn captured(ledger: &Ledger, theirs: &ProviderPayment) -> Option<Command> {
    let Taken { operation_id, amount, capture_id } = theirs.captured.clone()?;
    let asked = match capture_id {
        Some(capture_id) => ledger.capture(capture_id),
        None => ledger.captures.iter().find(|capture| {
            matches!(&capture.outcome, Outcome::Succeeded { operation_id: known, .. } if *known == operation_id)
                || capture.outcome == Outcome::Pending && capture.requested >= amount
        }),
    };
    // Less room than was taken is a discrepancy, and no fact that the ledger can hold.
    let fits = |capture: &&domain::payment::Capture| match &capture.outcome {
        Outcome::Succeeded { operation_id: known, .. } => *known == operation_id,
        Outcome::Pending => amount <= capture.requested,
        Outcome::Failed => amount <= ledger.uncaptured() && amount <= capture.requested,
    };
    let capture_id = asked.filter(fits)?.id;
    Some(Command::RecordCaptured { capture_id, operation_id, amount })
}

/// What we asked for. One that failed before our call's own answer is left to that: it may be of an earlier request for
/// the same refund.
fn refunded(ledger: &Ledger, theirs: &ProviderPayment) -> Vec<Command> {
    let mut commands = Vec::new();
    for GivenBack { operation_id, amount, refund_id, outcome } in theirs.refunds.clone() {
        let Some(ours) = refund_id.and_then(|refund_id| ledger.refund(refund_id)) else { continue };
        let room = match &ours.outcome {
            Outcome::Succeeded { operation_id: known, .. } if *known == operation_id => amount,
            Outcome::Succeeded { .. } => continue,
            Outcome::Pending => ours.requested,
            Outcome::Failed if ledger.refundable() < ours.requested => ledger.refundable(),
            Outcome::Failed => ours.requested,
        };
        let has_succeeded = matches!(ours.outcome, Outcome::Succeeded { .. });
        match outcome {
            RefundOutcome::Succeeded if amount <= room => {
                commands.push(Command::RecordRefunded { refund_id: ours.id, operation_id, amount });
            }
            RefundOutcome::Failed { code } if has_succeeded => {
                // Under an id of its own: the refund's is that of the success.
                let operation_id = ProviderReference::new(&format!("{operation_id}/failed")).ok();
                commands.push(Command::RecordRefundFailed { refund_id: ours.id, operation_id, code, detail: None });
            }
            RefundOutcome::Succeeded | RefundOutcome::Pending | RefundOutcome::Failed { .. } => {}
        }
    }
    commands
}

/// Decides nothing where it is recorded already.
fn disputed(theirs: &ProviderPayment) -> Vec<Command> {
    let command = |dispute: &ProviderDispute| Command::RecordDispute {
        dispute_id: dispute.dispute_id.clone(),
        amount: dispute.amount,
        reason: dispute.reason.clone(),
        outcome: match dispute.outcome {
            account::DisputeOutcome::Open => DisputeOutcome::Open,
            account::DisputeOutcome::Won => DisputeOutcome::Won,
            account::DisputeOutcome::Lost => DisputeOutcome::ChargedBack,
        },
    };
    theirs.disputes.iter().map(command).collect()
}

/// Given back as we asked; or it lapsed, or somebody gave it back by hand.
fn ended(ledger: &Ledger, theirs: &ProviderPayment) -> Vec<Command> {
    match ledger.void {
        Void::Voided(_) => Vec::new(),
        Void::Requested(_) => vec![Command::RecordVoided { operation_id: Some(theirs.reference.clone()) }],
        Void::None if ledger.authorization.is_some() => vec![Command::Expire],
        Void::None => declined(ledger, &FailureCode::new("canceled").expect("a short word is a code")),
    }
}
