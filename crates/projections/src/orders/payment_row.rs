//! What is shown of a payment: the label over its ledger, and the amounts.

use chrono::{DateTime, Utc};
use domain::payment::{Event, Failed, Initiated, Operation};
use eventstore::RecordedEvent;
use uuid::Uuid;

/// As the table holds it.
#[derive(Debug)]
pub(super) struct PaymentRow {
    pub(super) id: Uuid,
    pub(super) order_id: Uuid,
    pub(super) status: String,
    pub(super) amount: i64,
    pub(super) authorized: i64,
    pub(super) captured: i64,
    pub(super) refunded: i64,
    pub(super) currency: String,
    pub(super) provider: String,
    pub(super) method: String,
    pub(super) action_url: Option<String>,
    pub(super) failure: Option<String>,
    pub(super) initiated_at: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) version: i64,
}

impl PaymentRow {
    pub(super) fn of(event: &RecordedEvent, initiated: &Initiated) -> Self {
        Self {
            id: event.stream.id,
            order_id: initiated.order_id.as_uuid(),
            status: "initiated".to_owned(),
            amount: initiated.amount.amount(),
            authorized: 0,
            captured: 0,
            refunded: 0,
            currency: initiated.amount.currency().to_string(),
            provider: initiated.provider.to_string(),
            method: initiated.method.to_string(),
            action_url: None,
            failure: None,
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
            Event::ActionRequired(required) => {
                self.name("action_required");
                self.action_url = Some(required.action_url.to_string());
            }
            Event::Authorized(authorized) => {
                self.action_url = None;
                self.authorized = authorized.amount.amount();
                self.name_by_amounts();
            }
            Event::Failed(failed) => self.fail(failed),
            Event::Captured(captured) => {
                self.captured += captured.amount.amount();
                self.name_by_amounts();
            }
            // Money that was taken speaks first, as it does in the rules' own label.
            Event::Voided(_) if self.captured == 0 => self.name("voided"),
            Event::Voided(_) => {}
            Event::Expired(_) => self.name("expired"),
            // It begins with the one; the others are questions to the provider, or say again what the amounts say.
            Event::Initiated(_)
            | Event::AuthorizationRequested(_)
            | Event::CaptureRequested(_)
            | Event::Completed(_)
            | Event::VoidRequested(_) => {}
        }
    }

    /// A failed authorisation ends the payment, unless the provider has already said yes.
    fn fail(&mut self, failed: Failed) {
        match failed.operation {
            Operation::Authorization if matches!(self.status.as_str(), "initiated" | "action_required") => {
                self.name("failed");
                self.action_url = None;
                self.failure = Some(failed.code.to_string());
            }
            Operation::Capture { .. } => self.failure = Some(failed.code.to_string()),
            Operation::Authorization | Operation::Void => {}
        }
    }

    fn name(&mut self, status: &str) {
        status.clone_into(&mut self.status);
    }

    fn name_by_amounts(&mut self) {
        self.name(match self.captured {
            0 => "authorized",
            captured if captured < self.amount => "partially_captured",
            _ => "completed",
        });
    }

    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.status.as_str(), "failed" | "voided" | "expired")
    }

    /// What an order is called that stands on this payment.
    pub(super) fn order_status(&self) -> &'static str {
        match self.status.as_str() {
            "action_required" => "action_required",
            "authorized" => "authorized",
            "partially_captured" => "partially_paid",
            "completed" => "paid",
            "failed" => "declined",
            "voided" | "expired" => "voided",
            _ => "pending",
        }
    }
}
