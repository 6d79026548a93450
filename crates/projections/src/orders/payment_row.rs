//! What is shown of a payment: the label over its ledger, and the amounts. The ledger is folded as the rules fold it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    ids::{CaptureId, RefundId},
    payment::{Event, Failed, Initiated, Operation, ProviderReference},
};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

/// As the table holds it. The label and the sums, which the ledger says, stand beside it for the queries.
#[derive(Debug)]
pub(super) struct PaymentRow {
    pub(super) id: Uuid,
    pub(super) order_id: Uuid,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) provider: String,
    pub(super) method: String,
    pub(super) action_url: Option<String>,
    pub(super) ledger: Json<Ledger>,
    pub(super) initiated_at: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) version: i64,
}

/// What has come of the payment, as far as the label and the amounts depend on it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    authorized: bool,
    captures: BTreeMap<Uuid, Request>,
    /// Not there in ledgers that were written before there were any.
    #[serde(default)]
    refunds: BTreeMap<Uuid, Request>,
    /// By the provider's id of it. Not there in ledgers that were written before there were any.
    #[serde(default)]
    disputes: BTreeMap<String, Dispute>,
    pub(super) failure: Option<String>,
    voided: bool,
    expired: bool,
}

/// What came of a capture or a refund that was asked for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Pending,
    #[serde(alias = "captured")]
    Succeeded(i64),
    Failed,
}

/// What a buyer's bank wants back, and what came of that.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Dispute {
    Open(i64),
    ChargedBack(i64),
    Won,
}

impl PaymentRow {
    pub(super) fn of(event: &RecordedEvent, initiated: &Initiated) -> Self {
        Self {
            id: event.stream.id,
            order_id: initiated.order_id.as_uuid(),
            amount: initiated.amount.amount(),
            currency: initiated.amount.currency().to_string(),
            provider: initiated.provider.to_string(),
            method: initiated.method.to_string(),
            action_url: None,
            ledger: Json(Ledger::default()),
            initiated_at: event.position.0,
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
            version: event.stream_version,
        }
    }

    pub(super) fn post(&mut self, event: &RecordedEvent, change: Event) {
        self.updated_at = event.recorded_at;
        self.version = event.stream_version;
        match change {
            Event::ActionRequired(required) => self.action_url = Some(required.action_url.to_string()),
            Event::Authorized(_) => self.ledger.authorize(),
            Event::Failed(failed) => self.ledger.fail(&failed),
            Event::CaptureRequested(requested) => self.ledger.capture(requested.capture_id, Request::Pending),
            Event::Captured(captured) => {
                self.ledger.capture(captured.capture_id, Request::Succeeded(captured.amount.amount()));
            }
            Event::Voided(_) => self.ledger.voided = true,
            Event::Expired(_) => self.ledger.expired = true,
            Event::RefundRequested(requested) => self.ledger.refund(requested.refund_id, Request::Pending),
            Event::RefundSucceeded(succeeded) => {
                self.ledger.refund(succeeded.refund_id, Request::Succeeded(succeeded.amount.amount()));
            }
            Event::RefundFailed(failed) => self.ledger.fail_refund(failed.refund_id),
            Event::Disputed(it) => self.ledger.dispute(&it.dispute_id, Dispute::Open(it.amount.amount())),
            Event::ChargedBack(it) => self.ledger.dispute(&it.dispute_id, Dispute::ChargedBack(it.amount.amount())),
            Event::DisputeWon(it) => self.ledger.dispute(&it.dispute_id, Dispute::Won),
            // It begins with the one; the others are questions to the provider, or say again what the amounts say.
            Event::Initiated(_)
            | Event::AuthorizationRequested(_)
            | Event::Completed(_)
            | Event::VoidRequested(_)
            | Event::Refunded(_)
            | Event::Reconciled(_)
            | Event::DiscrepancyFound(_) => {}
        }
    }

    /// Money that is wanted back speaks first, then what was given back, then what was taken, then how it ended, then how far it came.
    pub(super) fn status(&self) -> &'static str {
        let any = |of: fn(&Dispute) -> bool| self.ledger.disputes.values().any(of);
        match (self.captured(), self.refunded()) {
            _ if any(|dispute| matches!(dispute, Dispute::ChargedBack(1..))) => "charged_back",
            _ if any(|dispute| matches!(dispute, Dispute::Open(1..))) => "disputed",
            (captured, refunded @ 1..) if refunded >= captured => "refunded",
            (_, 1..) => "partially_refunded",
            (1.., _) if !self.ledger.disputes.is_empty() => "dispute_won",
            (captured @ 1.., _) if captured >= self.amount => "completed",
            (1.., _) => "partially_captured",
            _ if self.ledger.voided => "voided",
            _ if self.ledger.expired => "expired",
            _ if self.ledger.failure.is_some() => "failed",
            _ if self.ledger.authorized => "authorized",
            _ if self.action_url.is_some() => "action_required",
            _ => "initiated",
        }
    }

    pub(super) fn authorized(&self) -> i64 {
        if self.ledger.authorized { self.amount } else { 0 }
    }

    pub(super) fn captured(&self) -> i64 {
        self.ledger.captures.values().map(Request::amount).sum()
    }

    pub(super) fn refunded(&self) -> i64 {
        self.ledger.refunds.values().map(Request::amount).sum()
    }
}

impl Request {
    fn amount(&self) -> i64 {
        match self {
            Self::Succeeded(amount) => *amount,
            Self::Pending | Self::Failed => 0,
        }
    }

    /// Whether it was open.
    fn fail(&mut self) -> bool {
        let is_open = *self == Self::Pending;
        if is_open {
            *self = Self::Failed;
        }
        is_open
    }
}

impl Ledger {
    /// Whatever was recorded before, the money is held now.
    fn authorize(&mut self) {
        self.authorized = true;
        self.failure = None;
        self.expired = false;
        self.voided = false;
    }

    fn capture(&mut self, capture_id: CaptureId, capture: Request) {
        self.failure = None;
        self.captures.insert(capture_id.as_uuid(), capture);
    }

    fn refund(&mut self, refund_id: RefundId, refund: Request) {
        self.refunds.insert(refund_id.as_uuid(), refund);
    }

    fn dispute(&mut self, dispute_id: &ProviderReference, dispute: Dispute) {
        self.disputes.insert(dispute_id.to_string(), dispute);
    }

    fn fail_refund(&mut self, refund_id: RefundId) {
        self.refunds.get_mut(&refund_id.as_uuid()).map(Request::fail);
    }

    /// What fails after it has succeeded changes nothing.
    fn fail(&mut self, failed: &Failed) {
        let fails = match failed.operation {
            Operation::Authorization => !self.authorized,
            Operation::Capture { capture_id } => {
                self.captures.get_mut(&capture_id.as_uuid()).is_some_and(Request::fail)
            }
            Operation::Void => false,
        };
        if fails {
            self.failure = Some(failed.code.to_string());
        }
    }
}
