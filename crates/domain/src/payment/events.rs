//! What happens to payments, as it is stored and published: what is asked of a provider, then what came of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{PaymentToken, reconciliation::Figures};
use crate::{
    ids::{CaptureId, OrderId, Reason, RefundId, ShipmentId, Text},
    money::Money,
};

/// `card`, ….
pub type Method = Text<32>;
/// The gateway: `simulated`, ….
pub type Provider = Text<32>;
/// The provider's own id, of a payment or of one operation on it.
pub type ProviderReference = Text<200>;
pub type ActionUrl = Text<2_000>;
/// The provider's word for what went wrong: `card_declined`, ….
pub type FailureCode = Text<64>;

crate::events! {
    pub enum Event {
        Initiated(Initiated) = "payment.initiated" v1,
        AuthorizationRequested(AuthorizationRequested) = "payment.authorization_requested" v1,
        ActionRequired(ActionRequired) = "payment.action_required" v1,
        Authorized(Authorized) = "payment.authorized" v1,
        Failed(Failed) = "payment.failed" v1,
        CaptureRequested(CaptureRequested) = "payment.capture_requested" v1,
        Captured(Captured) = "payment.captured" v1,
        Completed(Completed) = "payment.completed" v1,
        VoidRequested(VoidRequested) = "payment.void_requested" v1,
        Voided(Voided) = "payment.voided" v1,
        Expired(Expired) = "payment.expired" v1,
        RefundRequested(RefundRequested) = "payment.refund_requested" v1,
        RefundSucceeded(RefundSucceeded) = "payment.refund_succeeded" v1,
        Refunded(Refunded) = "payment.refunded" v1,
        RefundFailed(RefundFailed) = "payment.refund_failed" v1,
        Disputed(Disputed) = "payment.disputed" v1,
        ChargedBack(ChargedBack) = "payment.charged_back" v1,
        DisputeWon(DisputeWon) = "payment.dispute_won" v1,
        Reconciled(Reconciled) = "payment.reconciled" v1,
        DiscrepancyFound(DiscrepancyFound) = "payment.discrepancy_found" v1,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Initiated {
    pub order_id: OrderId,
    pub amount: Money,
    pub method: Method,
    pub token: PaymentToken,
    pub provider: Provider,
}

/// The provider is about to be asked, and is waited for until the deadline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequested {
    pub order_id: OrderId,
    pub amount: Money,
    pub deadline: DateTime<Utc>,
}

/// The buyer has to do something at this address before the payment goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRequired {
    pub order_id: OrderId,
    pub provider_reference: ProviderReference,
    pub action_url: ActionUrl,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Authorized {
    pub order_id: OrderId,
    pub provider_reference: ProviderReference,
    pub amount: Money,
    pub authorized_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// An operation failed. After a success of the same it is recorded and changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub order_id: OrderId,
    #[serde(flatten)]
    pub operation: Operation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<ProviderReference>,
    pub code: FailureCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Reason>,
}

/// What was asked of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    Authorization,
    Capture { capture_id: CaptureId },
    Void,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaptureRequested {
    pub order_id: OrderId,
    pub capture_id: CaptureId,
    pub amount: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment_id: Option<ShipmentId>,
}

/// `operation_id` is the provider's id of this capture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    pub order_id: OrderId,
    pub capture_id: CaptureId,
    pub operation_id: ProviderReference,
    pub amount: Money,
}

/// Captured in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    pub order_id: OrderId,
    pub amount: Money,
}

/// `amount` is what is given back: everything that is neither captured nor being captured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoidRequested {
    pub order_id: OrderId,
    pub amount: Money,
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voided {
    pub order_id: OrderId,
    pub amount: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<ProviderReference>,
}

/// Nothing more can be had of it: it was never authorised in time, or what was not captured has lapsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expired {
    pub order_id: OrderId,
}

/// Money that was taken is to be given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundRequested {
    pub order_id: OrderId,
    pub refund_id: RefundId,
    pub amount: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// `operation_id` is the provider's id of this refund.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundSucceeded {
    pub order_id: OrderId,
    pub refund_id: RefundId,
    pub operation_id: ProviderReference,
    pub amount: Money,
}

/// Refunded in full: everything that was captured so far has been given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refunded {
    pub order_id: OrderId,
    pub amount: Money,
}

/// A refund failed: the money is still ours. After its success it is recorded and changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundFailed {
    pub order_id: OrderId,
    pub refund_id: RefundId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<ProviderReference>,
    pub code: FailureCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Reason>,
}

/// The buyer's bank wants money back. `dispute_id` is the provider's, and so is the word for why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disputed {
    pub order_id: OrderId,
    pub dispute_id: ProviderReference,
    pub amount: Money,
    pub reason: FailureCode,
}

/// The dispute is lost: the money is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChargedBack {
    pub order_id: OrderId,
    pub dispute_id: ProviderReference,
    pub amount: Money,
}

/// The dispute is won: the money stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DisputeWon {
    pub order_id: OrderId,
    pub dispute_id: ProviderReference,
}

/// The provider's books say of the payment what the ledger says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reconciled {
    pub order_id: OrderId,
    pub figures: Figures,
}

/// They do not. `theirs` is not there where the provider knows no such payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscrepancyFound {
    pub order_id: OrderId,
    pub ours: Figures,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Figures>,
    pub detail: Reason,
}
