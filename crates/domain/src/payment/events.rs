//! What happens to payments, as it is stored and published. What goes to a provider stands here first, as *requested*.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{PaymentToken, ProviderText};
use crate::{
    ids::{OrderId, Reason, ShipmentId},
    money::Money,
};

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
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Initiated {
    pub order_id: OrderId,
    pub amount: Money,
    /// The provider's adapter that carries this payment.
    pub provider: ProviderText,
    /// `card`, `wallet`, …: as the client named it.
    pub method: ProviderText,
    pub token: PaymentToken,
}

/// `deadline` is when the call is given up, and the provider asked what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequested {
    pub amount: Money,
    pub deadline: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRequired {
    pub provider_reference: ProviderText,
    /// Where the payer is to go.
    pub action_url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Authorized {
    pub provider_reference: ProviderText,
    pub amount: Money,
    /// When the provider lets go of the money.
    pub expires_at: DateTime<Utc>,
}

/// What the provider refused, for good. A failure that comes after a success is recorded and changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub operation: Operation,
    pub code: ProviderText,
    /// The provider's id of the operation, where it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<ProviderText>,
    /// What had been asked for.
    pub amount: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Authorization,
    Capture,
    Void,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaptureRequested {
    pub amount: Money,
    /// The shipment it is for, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment_id: Option<ShipmentId>,
}

/// `operation_id` is the provider's id of this capture: the same one again is the same capture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    pub operation_id: ProviderText,
    pub amount: Money,
}

/// Captured in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoidRequested {
    pub reason: Reason,
}

/// What was not captured is let go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voided {
    pub operation_id: ProviderText,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expired {}
