//! The ledger and the provider's books: what the provider says of a payment and the ledger does not know is recorded, as
//! if it had been the answer to our call.

use chrono::{DateTime, Utc};
use domain::ids::PaymentId;
use domain::payment::{Command, FailureCode, Ledger, Operation, Outcome, Payment, ProviderReference, Void};
use eventstore::event::StreamId;

use super::record::AUTHORIZATION_LIFETIME;
use super::{PaymentOutcome, require_payment};
use crate::gateway::account::{GivenBack, ProviderPayment, RefundOutcome, Stage, Taken};
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

#[derive(Debug, Clone)]
pub struct ReconcilePayment {
    pub payment_id: PaymentId,
    pub theirs: ProviderPayment,
    /// Whether it is put on record that both agree.
    pub attests: bool,
}

impl UseCase for ReconcilePayment {
    type Outcome = PaymentOutcome;

    const NAME: &'static str = "reconcile_payment";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Payment>(self.payment_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<PaymentOutcome>, Rejection> {
        let ledger = require_payment(view, self.payment_id)?;
        let mut events = Events::default();
        for command in facts(ledger, &self.theirs, now) {
            events.decide_next::<Payment>(view, self.payment_id.as_uuid(), command)?;
        }
        Ok(events.answer(PaymentOutcome { payment_id: self.payment_id }))
    }

    fn shows(outcome: &PaymentOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// What the provider says that the ledger does not, in the order in which it happened.
fn facts(ledger: &Ledger, theirs: &ProviderPayment, now: DateTime<Utc>) -> Vec<Command> {
    if is_another(ledger, theirs) {
        return Vec::new();
    }
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
            taken.chain(refunded(ledger, theirs)).collect()
        }
        Stage::Ended => ended(ledger, theirs),
    }
}

/// Nothing that is said of it is recorded here.
fn is_another(ledger: &Ledger, theirs: &ProviderPayment) -> bool {
    let known = ledger.provider_reference.as_ref();
    known.is_some_and(|known| *known != theirs.reference) || theirs.amount != ledger.amount
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

/// Given back as we asked; or it lapsed, or somebody gave it back by hand.
fn ended(ledger: &Ledger, theirs: &ProviderPayment) -> Vec<Command> {
    match ledger.void {
        Void::Voided(_) => Vec::new(),
        Void::Requested(_) => vec![Command::RecordVoided { operation_id: Some(theirs.reference.clone()) }],
        Void::None if ledger.authorization.is_some() => vec![Command::Expire],
        Void::None => declined(ledger, &FailureCode::new("canceled").expect("a short word is a code")),
    }
}
