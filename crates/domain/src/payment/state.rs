//! A payment's ledger, folded from its events, and the label over it.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Error, PaymentToken,
    dispute::{Dispute, DisputeOutcome},
    events::{
        ActionRequired, ActionUrl, Authorized, CaptureRequested, Captured, DiscrepancyFound, Disputed, Failed,
        FailureCode, Initiated, Method, Operation, Provider, ProviderReference, RefundFailed, RefundRequested,
        RefundSucceeded, Voided,
    },
    reconciliation::Finding,
    refund::Refund,
};
use crate::{
    aggregate::acceptable,
    ids::{CaptureId, OrderId, Reason, RefundId, ShipmentId},
    money::Money,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    Absent,
    Opened(Arc<Ledger>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub order_id: OrderId,
    pub amount: Money,
    pub method: Method,
    pub token: PaymentToken,
    pub provider: Provider,
    /// Until when the provider's answer is waited for, once it was asked.
    pub authorization_deadline: Option<DateTime<Utc>>,
    /// The provider's id of this payment, once it is known.
    pub provider_reference: Option<ProviderReference>,
    pub action_url: Option<ActionUrl>,
    pub authorization: Option<Authorization>,
    pub captures: Vec<Capture>,
    pub refunds: Vec<Refund>,
    /// Why it failed, where nothing came of it since.
    pub failure: Option<Failure>,
    pub void: Void,
    /// P6. Stays, whatever becomes of the void: a payment that was to be voided is never captured from.
    pub void_wanted: bool,
    /// Lapsed: what is not captured is gone.
    pub expired: bool,
    /// Of which the provider has told.
    pub disputes: Vec<Dispute>,
    /// What came of comparing it with the provider's books.
    pub finding: Option<Finding>,
    /// P4: the provider's ids of the operations whose results are recorded.
    pub(super) operations: BTreeSet<ProviderReference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Authorization {
    pub authorized_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    pub id: CaptureId,
    pub requested: Money,
    pub shipment_id: Option<ShipmentId>,
    pub outcome: Outcome,
}

/// Of a capture or a refund that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    Pending,
    Succeeded { operation_id: ProviderReference, amount: Money },
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub operation: Operation,
    pub code: FailureCode,
    pub detail: Option<Reason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Void {
    None,
    Requested(Money),
    Voided(Money),
}

impl State {
    pub fn exists(&self) -> bool {
        self.ledger().is_some()
    }

    pub fn ledger(&self) -> Option<&Ledger> {
        match self {
            Self::Absent => None,
            Self::Opened(ledger) => Some(ledger),
        }
    }

    /// As shown to people and in JSON.
    pub fn status(&self) -> &'static str {
        self.ledger().map_or("absent", Ledger::status)
    }

    pub(super) fn opened(&self) -> Result<&Ledger, Error> {
        self.ledger().ok_or_else(|| self.illegal())
    }

    pub(super) fn illegal(&self) -> Error {
        match self {
            Self::Absent => Error::IllegalTransition { state: "absent", allowed: vec!["initiate"] },
            Self::Opened(ledger) => ledger.illegal(),
        }
    }

    pub(super) fn map(mut self, change: impl FnOnce(&mut Ledger)) -> Self {
        if let Self::Opened(ledger) = &mut self {
            change(Arc::make_mut(ledger));
        }
        self
    }
}

impl Ledger {
    pub(super) fn of(initiated: &Initiated) -> Self {
        let Initiated { order_id, amount, method, token, provider } = initiated.clone();
        Self {
            order_id,
            amount,
            method,
            token,
            provider,
            authorization_deadline: None,
            provider_reference: None,
            action_url: None,
            authorization: None,
            captures: Vec::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            finding: None,
            failure: None,
            void: Void::None,
            void_wanted: false,
            expired: false,
            operations: BTreeSet::new(),
        }
    }

    /// Whether initiating it so would make it what it is.
    pub(super) fn is_of(&self, initiated: &Initiated) -> bool {
        let Initiated { order_id, amount, method, token, provider } = initiated;
        (&self.order_id, &self.amount, &self.method, &self.token, &self.provider)
            == (order_id, amount, method, token, provider)
    }

    /// The label over the ledger: money that was wanted back speaks first, then what was given back, then what was taken, then
    /// how it ended, then how far it came.
    pub fn status(&self) -> &'static str {
        let (captured, refunded) = (self.captured(), self.refunded());
        match () {
            () if self.charged_back().is_positive() => "charged_back",
            () if self.disputed().is_positive() => "disputed",
            () if refunded.is_positive() && refunded >= captured => "refunded",
            () if refunded.is_positive() => "partially_refunded",
            () if captured.is_positive() && !self.disputes.is_empty() => "dispute_won",
            () if self.is_captured_in_full() => "completed",
            () if captured.is_positive() => "partially_captured",
            () if matches!(self.void, Void::Voided(_)) => "voided",
            () if self.expired => "expired",
            () if self.failure.is_some() => "failed",
            () if self.authorization.is_some() => "authorized",
            () if self.action_url.is_some() => "action_required",
            () => "initiated",
        }
    }

    pub fn authorized(&self) -> Money {
        if self.authorization.is_some() { self.amount } else { Money::zero(self.amount.currency()) }
    }

    pub fn captured(&self) -> Money {
        self.sum(|capture| match &capture.outcome {
            Outcome::Succeeded { amount, .. } => Some(*amount),
            Outcome::Pending | Outcome::Failed => None,
        })
    }

    pub fn capture_pending(&self) -> Money {
        self.sum(|capture| matches!(capture.outcome, Outcome::Pending).then_some(capture.requested))
    }

    pub(super) fn is_captured_in_full(&self) -> bool {
        let captured = self.captured();
        captured.is_positive() && captured >= self.amount
    }

    pub fn refunded(&self) -> Money {
        self.sum_refunds(|refund| match &refund.outcome {
            Outcome::Succeeded { amount, .. } => Some(*amount),
            Outcome::Pending | Outcome::Failed => None,
        })
    }

    pub fn refund_pending(&self) -> Money {
        self.sum_refunds(|refund| matches!(refund.outcome, Outcome::Pending).then_some(refund.requested))
    }

    /// P2: what was captured and is neither given back, nor on its way back, nor charged back. Both may happen to the same
    /// money, of which nothing is left then.
    pub fn refundable(&self) -> Money {
        let gone = self.refunded().saturating_add(self.refund_pending()).saturating_add(self.charged_back());
        let left = self.captured().saturating_sub(gone);
        if left.is_negative() { Money::zero(left.currency()) } else { left }
    }

    /// What is wanted back, and not decided yet.
    pub fn disputed(&self) -> Money {
        self.sum_disputes(DisputeOutcome::Open)
    }

    pub fn charged_back(&self) -> Money {
        self.sum_disputes(DisputeOutcome::ChargedBack)
    }

    pub fn dispute(&self, dispute_id: &ProviderReference) -> Option<&Dispute> {
        self.disputes.iter().find(|dispute| dispute.id == *dispute_id)
    }

    fn sum_disputes(&self, outcome: DisputeOutcome) -> Money {
        let of_this = self.disputes.iter().filter(|dispute| dispute.outcome == outcome);
        self.add_up(of_this.map(|dispute| dispute.amount))
    }

    /// P1 and P6: what is authorised and neither captured, nor being captured, nor given back.
    pub fn uncaptured(&self) -> Money {
        let given_back = match self.void {
            Void::Requested(amount) | Void::Voided(amount) if self.authorization.is_some() => amount,
            Void::None | Void::Requested(_) | Void::Voided(_) => Money::zero(self.amount.currency()),
        };
        let taken = self.captured().saturating_add(self.capture_pending()).saturating_add(given_back);
        self.authorized().saturating_sub(taken)
    }

    /// O6: authorised or captured, and not on its way back.
    pub fn covers_shipping(&self) -> bool {
        if self.is_captured_in_full() {
            return self.refundable().is_positive();
        }
        let is_held = self.authorization.is_some() && !self.void_wanted && !self.expired;
        is_held && (self.failure.is_none() || self.captured().is_positive())
    }

    /// A call to the provider is open: its result is not recorded yet.
    pub fn awaits_provider(&self) -> bool {
        let asked = self.authorization_deadline.is_some() && !self.has_ended();
        let unanswered = asked && self.authorization.is_none() && self.failure.is_none();
        unanswered
            || matches!(self.void, Void::Requested(_))
            || self.capture_pending().is_positive()
            || self.refund_pending().is_positive()
    }

    /// Voided or lapsed.
    pub(super) fn has_ended(&self) -> bool {
        self.expired || matches!(self.void, Void::Voided(_))
    }

    pub fn capture(&self, capture_id: CaptureId) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.id == capture_id)
    }

    pub fn refund(&self, refund_id: RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == refund_id)
    }

    fn sum(&self, of: impl Fn(&Capture) -> Option<Money>) -> Money {
        self.add_up(self.captures.iter().filter_map(of))
    }

    fn sum_refunds(&self, of: impl Fn(&Refund) -> Option<Money>) -> Money {
        self.add_up(self.refunds.iter().filter_map(of))
    }

    fn add_up(&self, amounts: impl Iterator<Item = Money>) -> Money {
        amounts.fold(Money::zero(self.amount.currency()), Money::saturating_add)
    }

    /// P6: after a void no capture. What lapsed or is captured in full has nothing to give either.
    pub(super) fn takes_captures(&self) -> bool {
        self.authorization.is_some() && !self.void_wanted && !self.expired && !self.is_captured_in_full()
    }

    /// P6: what a void would take.
    pub(super) fn voidable(&self) -> Money {
        if self.authorization.is_some() { self.uncaptured() } else { self.amount }
    }

    pub(super) fn is_being_voided(&self) -> bool {
        matches!(self.void, Void::Requested(_))
    }

    /// Refused, voided or lapsed: nothing of it is held any more, and nothing will be.
    pub(super) fn is_over(&self) -> bool {
        let is_refused = self.failure.is_some() && self.authorization.is_none();
        is_refused || self.has_ended()
    }

    pub(super) fn illegal(&self) -> Error {
        Error::IllegalTransition { state: self.status(), allowed: self.allowed() }
    }

    /// The commands that would change something now.
    pub fn allowed(&self) -> Vec<&'static str> {
        let is_open = !self.is_over() && !self.is_captured_in_full();
        acceptable([
            ("request_authorization", self.authorization_deadline.is_none() && !self.has_ended()),
            ("request_capture", self.takes_captures() && self.uncaptured().is_positive()),
            ("request_void", is_open && !self.is_being_voided() && self.voidable().is_positive()),
            ("expire", is_open),
            ("request_refund", self.refundable().is_positive()),
        ])
    }

    pub(super) fn weight(&self) -> usize {
        let text = [Some(self.method.as_str()), Some(self.provider.as_str()), Some(self.token.as_str())].into_iter();
        let more = [
            self.provider_reference.as_ref().map(ProviderReference::as_str),
            self.action_url.as_ref().map(ActionUrl::as_str),
        ];
        let operations = self.operations.iter().map(|id| Some(id.as_str()));
        size_of::<Self>()
            + text.chain(more).chain(operations).flatten().map(str::len).sum::<usize>()
            + self.captures.len() * size_of::<Capture>()
            + self.refunds.len() * size_of::<Refund>()
            + self.disputes.iter().map(|dispute| size_of::<Dispute>() + dispute.id.as_str().len()).sum::<usize>()
            + self.operations.len() * size_of::<ProviderReference>()
    }

    pub(super) fn require_action(&mut self, required: &ActionRequired) {
        self.provider_reference = Some(required.provider_reference.clone());
        self.action_url = Some(required.action_url.clone());
    }

    /// Whatever was recorded before, the money is held now.
    pub(super) fn authorize(&mut self, authorized: &Authorized) {
        let Authorized { authorized_at, expires_at, .. } = *authorized;
        self.provider_reference = Some(authorized.provider_reference.clone());
        self.authorization = Some(Authorization { authorized_at, expires_at });
        self.failure = None;
        self.expired = false;
        self.void = Void::None;
    }

    pub(super) fn fail(&mut self, failed: &Failed) {
        let Failed { operation, operation_id, code, detail, .. } = failed.clone();
        self.operations.extend(operation_id);
        let failure = Failure { operation, code, detail };
        match operation {
            Operation::Authorization if self.authorization.is_none() => self.failure = Some(failure),
            Operation::Authorization => {}
            Operation::Capture { capture_id } => self.fail_capture(capture_id, failure),
            Operation::Void if matches!(self.void, Void::Requested(_)) => self.void = Void::None,
            Operation::Void => {}
        }
    }

    fn fail_capture(&mut self, capture_id: CaptureId, failure: Failure) {
        let pending = |capture: &&mut Capture| capture.id == capture_id && capture.outcome == Outcome::Pending;
        let Some(capture) = self.captures.iter_mut().find(pending) else { return };
        capture.outcome = Outcome::Failed;
        self.failure = Some(failure);
    }

    pub(super) fn request_capture(&mut self, requested: &CaptureRequested) {
        let CaptureRequested { capture_id, amount, shipment_id, .. } = *requested;
        let capture = Capture { id: capture_id, requested: amount, shipment_id, outcome: Outcome::Pending };
        self.failure = None;
        match self.captures.iter_mut().find(|known| known.id == capture_id) {
            Some(known) => *known = capture,
            None => self.captures.push(capture),
        }
    }

    pub(super) fn record_capture(&mut self, captured: &Captured) {
        let Captured { capture_id, operation_id, amount, .. } = captured.clone();
        self.operations.insert(operation_id.clone());
        self.failure = None;
        if let Some(capture) = self.captures.iter_mut().find(|capture| capture.id == capture_id) {
            capture.outcome = Outcome::Succeeded { operation_id, amount };
        }
    }

    pub(super) fn want_void(&mut self, amount: Money) {
        self.void_wanted = true;
        self.void = Void::Requested(amount);
    }

    pub(super) fn record_void(&mut self, voided: &Voided) {
        self.operations.extend(voided.operation_id.clone());
        self.void = Void::Voided(voided.amount);
    }

    pub(super) fn request_refund(&mut self, requested: &RefundRequested) {
        let RefundRequested { refund_id, amount, reason, .. } = requested.clone();
        let refund = Refund { id: refund_id, requested: amount, reason, outcome: Outcome::Pending };
        match self.refunds.iter_mut().find(|known| known.id == refund_id) {
            Some(known) => *known = refund,
            None => self.refunds.push(refund),
        }
    }

    pub(super) fn record_refund(&mut self, succeeded: &RefundSucceeded) {
        let RefundSucceeded { refund_id, operation_id, amount, .. } = succeeded.clone();
        self.operations.insert(operation_id.clone());
        if let Some(refund) = self.refunds.iter_mut().find(|refund| refund.id == refund_id) {
            refund.outcome = Outcome::Succeeded { operation_id, amount };
        }
    }

    pub(super) fn fail_refund(&mut self, failed: &RefundFailed) {
        self.operations.extend(failed.operation_id.clone());
        let pending = |refund: &&mut Refund| refund.id == failed.refund_id && refund.outcome == Outcome::Pending;
        if let Some(refund) = self.refunds.iter_mut().find(pending) {
            refund.outcome = Outcome::Failed;
        }
    }

    pub(super) fn dispute_opened(&mut self, disputed: &Disputed) {
        let Disputed { dispute_id, amount, .. } = disputed.clone();
        self.disputes.push(Dispute { id: dispute_id, amount, outcome: DisputeOutcome::Open });
    }

    pub(super) fn dispute_ended(&mut self, dispute_id: &ProviderReference, outcome: DisputeOutcome) {
        if let Some(dispute) = self.disputes.iter_mut().find(|dispute| dispute.id == *dispute_id) {
            dispute.outcome = outcome;
        }
    }

    pub(super) fn differs(&mut self, found: &DiscrepancyFound) {
        let DiscrepancyFound { ours, theirs, detail, .. } = found.clone();
        self.finding = Some(Finding::Differs { ours, theirs, detail });
    }
}
