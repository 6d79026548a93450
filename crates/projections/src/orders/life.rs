//! What changes in the life of an order: how far it is, in units over all its lines, and what that is called.

use chrono::{DateTime, Utc};
use domain::{
    order::{Created, Event, Imported, LineUnits},
    payment::order_axis,
};
use eventstore::RecordedEvent;
use uuid::Uuid;

use super::payment_row::PaymentRow;

/// The columns of an order that change, as the table holds them.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) id: Uuid,
    pub(super) status: String,
    pub(super) payment_status: String,
    pub(super) hold_reason: Option<String>,
    /// Units that were promised to it are still to come.
    pub(super) awaits_stock: bool,
    pub(super) end_reason: Option<String>,
    pub(super) total: i64,
    /// Of an order of an earlier system: what was given back of it there.
    pub(super) imported_refunds: Option<i64>,
    pub(super) ordered: i64,
    pub(super) cancelled: i64,
    pub(super) shipped: i64,
    pub(super) delivered: i64,
    pub(super) returned: i64,
    pub(super) confirmed_at: Option<DateTime<Utc>>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) version: i64,
}

impl Life {
    pub(super) fn of(event: &RecordedEvent, created: &Created) -> Self {
        Self {
            id: event.stream.id,
            status: "pending".to_owned(),
            payment_status: "none".to_owned(),
            hold_reason: None,
            awaits_stock: false,
            end_reason: None,
            total: created.total.amount(),
            imported_refunds: None,
            ordered: created.lines.iter().map(|line| line.quantity.get()).sum(),
            cancelled: 0,
            shipped: 0,
            delivered: 0,
            returned: 0,
            confirmed_at: None,
            completed_at: None,
            updated_at: event.recorded_at,
            version: event.stream_version,
        }
    }

    /// What an earlier system charged it also sent, as far as anyone can tell.
    pub(super) fn imported(event: &RecordedEvent, imported: &Imported) -> Self {
        let units = imported.lines.iter().map(|line| line.quantity.get()).sum();
        Self {
            id: event.stream.id,
            status: "imported".to_owned(),
            payment_status: "paid".to_owned(),
            hold_reason: None,
            awaits_stock: false,
            end_reason: None,
            total: imported.total.amount(),
            imported_refunds: Some(0),
            ordered: units,
            cancelled: 0,
            shipped: units,
            delivered: units,
            returned: 0,
            confirmed_at: None,
            completed_at: None,
            updated_at: event.recorded_at,
            version: event.stream_version,
        }
    }

    pub(super) fn post(&mut self, event: &RecordedEvent, change: &Event) {
        self.updated_at = event.recorded_at;
        self.version = event.stream_version;
        match change {
            Event::Confirmed(confirmed) => {
                "confirmed".clone_into(&mut self.status);
                self.confirmed_at = Some(confirmed.confirmed_at);
            }
            Event::Held(held) => self.hold_reason = Some(held.reason.to_string()),
            Event::Released(_) => self.hold_reason = None,
            Event::CoverageChanged(changed) => self.awaits_stock = !changed.awaited.is_empty(),
            Event::ShipmentCreated(created) => self.shipped += units_of(&created.lines),
            Event::LinesCancelled(cancelled) => self.cancelled += units_of(&cancelled.lines),
            Event::Cancelled(cancelled) => self.end("cancelled", cancelled.reason.to_string()),
            Event::Failed(failed) => self.end("failed", failed.reason.as_str().to_owned()),
            Event::ReturnReceived(received) => {
                self.returned += received.lines.iter().map(|units| units.quantity.get()).sum::<i64>();
            }
            Event::Completed(completed) => self.completed_at = Some(completed.completed_at),
            // It begins with the one; the next two are its shipments': they tell what was delivered. The others are its
            // payments', its returns', or change what stands beside its life.
            Event::Created(_)
            | Event::Imported(_)
            | Event::ShipmentDispatched(_)
            | Event::ShipmentDelivered(_)
            | Event::RefundGranted(_)
            | Event::PaymentRetried(_)
            | Event::ReturnRequested(_)
            | Event::ReturnApproved(_)
            | Event::ReturnRejected(_)
            | Event::AddressCorrected(_) => {}
            Event::ImportedRefund(refund) => self.give_back(refund.amount.amount()),
        }
    }

    fn give_back(&mut self, amount: i64) {
        let refunds = self.imported_refunds.unwrap_or_default() + amount;
        self.imported_refunds = Some(refunds);
        let payment_status = if refunds >= self.total { "refunded" } else { "partially_refunded" };
        payment_status.clone_into(&mut self.payment_status);
    }

    fn end(&mut self, status: &str, reason: String) {
        status.clone_into(&mut self.status);
        self.end_reason = Some(reason);
        self.awaits_stock = false;
    }

    /// Of a confirmed order, how far it is says what it is called.
    pub(super) fn status(&self) -> &str {
        match self.status.as_str() {
            "pending" | "cancelled" | "failed" | "imported" => &self.status,
            _ if self.completed_at.is_some() => "delivered",
            _ if self.shipped == 0 => "confirmed",
            _ if self.shipped == self.due() => "shipped",
            _ => "processing",
        }
    }

    pub(super) fn fulfillment_status(&self) -> &'static str {
        match (self.shipped, self.delivered) {
            _ if self.returned > 0 && self.returned == self.due() => "returned",
            _ if self.returned > 0 => "partially_returned",
            (_, 1..) if self.delivered == self.due() => "delivered",
            (_, 1..) => "partially_delivered",
            (1.., _) if self.shipped == self.due() => "shipped",
            (1.., _) => "partially_shipped",
            _ if self.awaits_stock => "backordered",
            _ => "unfulfilled",
        }
    }

    fn due(&self) -> i64 {
        self.ordered - self.cancelled
    }

    /// Whether it is called otherwise now.
    pub(super) fn pay(&mut self, payments: &[&PaymentRow]) -> bool {
        let payment_status = order_axis(payments.iter().map(|payment| payment.status()));
        let is_other = payment_status != self.payment_status;
        payment_status.clone_into(&mut self.payment_status);
        is_other
    }
}

pub(super) fn units_of(lines: &[LineUnits]) -> i64 {
    lines.iter().map(|line| line.quantity.get()).sum()
}
