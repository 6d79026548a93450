//! What a payment is, folded from its events: a ledger, with the state as a label over it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::events::{Authorized, CaptureRequested, Event, Initiated, Operation};
use super::{PaymentToken, ProviderText};
use crate::{
    ids::{OrderId, ShipmentId},
    money::{Currency, Money},
};

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Absent,
    Present(Box<Ledger>),
}

/// Where the payment stands with its provider; how much was captured is the ledger's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Initiated,
    ActionRequired,
    Authorized,
    Failed,
    Voided,
    Expired,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    pub order_id: OrderId,
    pub amount: Money,
    pub provider: ProviderText,
    pub method: ProviderText,
    pub token: PaymentToken,
    pub phase: Phase,
    pub authorization_deadline: Option<DateTime<Utc>>,
    pub provider_reference: Option<ProviderText>,
    pub action_url: Option<String>,
    pub authorized: Money,
    pub authorization_expires_at: Option<DateTime<Utc>>,
    /// Asked for, not yet answered.
    pub capture_pending: Money,
    pub captured: Money,
    pub void_requested: bool,
    pub failure: Option<ProviderText>,
    /// The provider's ids of what it has reported: a second report of one is no news.
    operations: BTreeSet<ProviderText>,
    /// Shipments that a capture was asked for.
    shipments: BTreeSet<ShipmentId>,
}

impl State {
    pub fn exists(&self) -> bool {
        self.ledger().is_some()
    }

    pub fn ledger(&self) -> Option<&Ledger> {
        match self {
            Self::Absent => None,
            Self::Present(ledger) => Some(ledger),
        }
    }

    /// As shown to people and in JSON.
    pub fn status(&self) -> &'static str {
        self.ledger().map_or("absent", Ledger::status)
    }

    pub(super) fn map(self, change: impl FnOnce(&mut Ledger)) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::Present(mut ledger) => {
                change(&mut ledger);
                Self::Present(ledger)
            }
        }
    }
}

impl Ledger {
    pub(super) fn of(initiated: &Initiated) -> Self {
        let nothing = Money::zero(initiated.amount.currency());
        Self {
            order_id: initiated.order_id,
            amount: initiated.amount,
            provider: initiated.provider.clone(),
            method: initiated.method.clone(),
            token: initiated.token.clone(),
            phase: Phase::Initiated,
            authorization_deadline: None,
            provider_reference: None,
            action_url: None,
            authorized: nothing,
            authorization_expires_at: None,
            capture_pending: nothing,
            captured: nothing,
            void_requested: false,
            failure: None,
            operations: BTreeSet::new(),
            shipments: BTreeSet::new(),
        }
    }

    pub fn status(&self) -> &'static str {
        match self.phase {
            Phase::Initiated => "initiated",
            Phase::ActionRequired => "action_required",
            Phase::Authorized if self.captured.amount() == 0 => "authorized",
            Phase::Authorized if self.captured.amount() < self.authorized.amount() => "partially_captured",
            Phase::Authorized => "completed",
            Phase::Failed => "failed",
            Phase::Voided => "voided",
            Phase::Expired => "expired",
        }
    }

    pub fn currency(&self) -> Currency {
        self.amount.currency()
    }

    /// O6: whether goods may leave against it. Money that is to be let go covers nothing.
    pub fn covers_shipping(&self) -> bool {
        self.phase == Phase::Authorized && !self.void_requested
    }

    /// What may still be captured.
    pub fn capturable(&self) -> Money {
        self.authorized.saturating_sub(self.captured).saturating_sub(self.capture_pending)
    }

    pub fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Failed | Phase::Voided | Phase::Expired)
    }

    pub fn knows_operation(&self, operation_id: &ProviderText) -> bool {
        self.operations.contains(operation_id)
    }

    pub fn has_capture_for(&self, shipment_id: ShipmentId) -> bool {
        self.shipments.contains(&shipment_id)
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Initiated(_) | Event::Completed(_) => {}
            Event::AuthorizationRequested(requested) => self.authorization_deadline = Some(requested.deadline),
            Event::ActionRequired(required) => {
                self.phase = Phase::ActionRequired;
                self.provider_reference = Some(required.provider_reference.clone());
                self.action_url = Some(required.action_url.clone());
            }
            Event::Authorized(authorized) => self.authorize(authorized),
            Event::Failed(failed) => {
                self.operations.extend(failed.operation_id.clone());
                self.fail(failed.operation, failed.amount, &failed.code);
            }
            Event::CaptureRequested(CaptureRequested { amount, shipment_id }) => {
                self.capture_pending = self.capture_pending.saturating_add(*amount);
                self.shipments.extend(shipment_id);
            }
            Event::Captured(captured) => {
                self.operations.insert(captured.operation_id.clone());
                self.capture_pending = self.capture_pending.saturating_sub(captured.amount);
                self.captured = self.captured.saturating_add(captured.amount);
            }
            Event::VoidRequested(_) => self.void_requested = true,
            Event::Voided(voided) => {
                self.operations.insert(voided.operation_id.clone());
                self.authorized = self.captured;
                if self.captured.amount() == 0 {
                    self.phase = Phase::Voided;
                }
            }
            Event::Expired(_) => self.phase = Phase::Expired,
        }
    }

    fn authorize(&mut self, authorized: &Authorized) {
        self.operations.insert(authorized.provider_reference.clone());
        self.phase = Phase::Authorized;
        self.void_requested = false;
        self.provider_reference = Some(authorized.provider_reference.clone());
        self.action_url = None;
        self.authorized = authorized.amount;
        self.authorization_expires_at = Some(authorized.expires_at);
    }

    /// A failed authorisation ends the payment, unless the provider has already said yes.
    fn fail(&mut self, operation: Operation, amount: Money, code: &ProviderText) {
        match operation {
            Operation::Authorization if matches!(self.phase, Phase::Initiated | Phase::ActionRequired) => {
                self.phase = Phase::Failed;
                self.action_url = None;
                self.failure = Some(code.clone());
            }
            Operation::Authorization | Operation::Void => {}
            Operation::Capture => {
                self.capture_pending = self.capture_pending.saturating_sub(amount);
                self.failure = Some(code.clone());
            }
        }
    }
}
