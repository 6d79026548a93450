//! What came of a request to a provider. Recording a result that is known already decides nothing (P4).

use chrono::TimeDelta;
use domain::ids::{CaptureId, PaymentId, Reason, RefundId};
use domain::money::Money;
use domain::payment::{ActionUrl, Command, FailureCode, Operation, ProviderReference};

use super::changes_a_payment;

/// How long providers hold money that was authorised: cards give seven days.
pub(super) const AUTHORIZATION_LIFETIME: TimeDelta = TimeDelta::days(7);

/// However late: money that is held is a fact.
#[derive(Debug, Clone)]
pub struct RecordAuthorization {
    pub payment_id: PaymentId,
    pub provider_reference: ProviderReference,
}

/// The buyer has to go somewhere before the payment goes on.
#[derive(Debug, Clone)]
pub struct RecordActionRequired {
    pub payment_id: PaymentId,
    pub provider_reference: ProviderReference,
    pub action_url: ActionUrl,
}

/// A definite no, to an authorisation, a capture or a void.
#[derive(Debug, Clone)]
pub struct RecordFailure {
    pub payment_id: PaymentId,
    pub operation: Operation,
    pub code: FailureCode,
    pub detail: Option<Reason>,
}

#[derive(Debug, Clone)]
pub struct RecordCapture {
    pub payment_id: PaymentId,
    pub capture_id: CaptureId,
    pub operation_id: ProviderReference,
    pub amount: Money,
}

#[derive(Debug, Clone)]
pub struct RecordVoid {
    pub payment_id: PaymentId,
    /// `None` where there was nothing to give back.
    pub operation_id: Option<ProviderReference>,
}

#[derive(Debug, Clone)]
pub struct RecordRefund {
    pub payment_id: PaymentId,
    pub refund_id: RefundId,
    pub operation_id: ProviderReference,
    pub amount: Money,
}

/// A definite no to a refund.
#[derive(Debug, Clone)]
pub struct RecordRefundFailure {
    pub payment_id: PaymentId,
    pub refund_id: RefundId,
    pub code: FailureCode,
    pub detail: Option<Reason>,
}

changes_a_payment! {
    RecordAuthorization = "record_authorization", |self, _, now| Command::RecordAuthorized {
        provider_reference: self.provider_reference.clone(),
        at: now,
        expires_at: now + AUTHORIZATION_LIFETIME,
    };
    RecordActionRequired = "record_action_required", |self, _, _| Command::RecordActionRequired {
        provider_reference: self.provider_reference.clone(),
        action_url: self.action_url.clone(),
    };
    RecordFailure = "record_failure", |self, _, _| Command::RecordFailed {
        operation: self.operation,
        operation_id: None,
        code: self.code.clone(),
        detail: self.detail.clone(),
    };
    RecordCapture = "record_capture", |self, _, _| Command::RecordCaptured {
        capture_id: self.capture_id,
        operation_id: self.operation_id.clone(),
        amount: self.amount,
    };
    RecordVoid = "record_void", |self, _, _| Command::RecordVoided { operation_id: self.operation_id.clone() };
    RecordRefund = "record_refund", |self, _, _| Command::RecordRefunded {
        refund_id: self.refund_id,
        operation_id: self.operation_id.clone(),
        amount: self.amount,
    };
    RecordRefundFailure = "record_refund_failure", |self, _, _| Command::RecordRefundFailed {
        refund_id: self.refund_id,
        operation_id: None,
        code: self.code.clone(),
        detail: self.detail.clone(),
    };
}
