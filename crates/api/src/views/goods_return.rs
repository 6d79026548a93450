//! Goods that come back, on the wire.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use domain::money::Money;
use domain::order::{self, Progress};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::MoneySchema;
use super::order::ShippedLineView;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Return)]
pub(crate) struct ReturnView {
    pub(crate) id: Uuid,
    /// requested, approved, rejected or received
    #[schema(value_type = String, example = "approved")]
    pub(crate) status: Cow<'static, str>,
    pub(crate) reason: String,
    /// Why it was rejected, if somebody said it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rejection: Option<String>,
    /// What was asked for
    pub(crate) lines: Vec<ShippedLineView>,
    /// What came
    pub(crate) received: Vec<ReceivedLineView>,
    /// What was due for what came: how much of it is given back is decided by a refund
    #[schema(value_type = Option<MoneySchema>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    pub(crate) requested_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) received_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReceivedLine)]
pub(crate) struct ReceivedLineView {
    pub(crate) line_id: Uuid,
    pub(crate) sku: String,
    pub(crate) quantity: i64,
    /// Whether it went back into stock
    pub(crate) restock: bool,
}

impl ReturnView {
    pub(crate) fn of(known: &order::Return) -> Self {
        let (mut rejection, mut amount, mut received_at, mut came) = (None, None, None, Vec::new());
        match &known.progress {
            Progress::Requested | Progress::Approved { .. } => {}
            Progress::Rejected { rejection: why, .. } => rejection = why.as_ref().map(ToString::to_string),
            Progress::Received { received, amount: value, at } => {
                (amount, received_at) = (Some(*value), Some(*at));
                came = received.iter().map(ReceivedLineView::of).collect();
            }
        }
        Self {
            id: known.id.as_uuid(),
            status: known.status().into(),
            reason: known.reason.to_string(),
            rejection,
            lines: known.lines.iter().map(ShippedLineView::of).collect(),
            received: came,
            amount,
            requested_at: known.requested_at,
            received_at,
        }
    }
}

impl ReceivedLineView {
    fn of(units: &order::ReceivedUnits) -> Self {
        let order::ReceivedUnits { line_id, sku, quantity, restock } = units;
        Self { line_id: line_id.as_uuid(), sku: sku.to_string(), quantity: quantity.get(), restock: *restock }
    }
}

impl From<projections::orders::Return> for ReturnView {
    fn from(known: projections::orders::Return) -> Self {
        let received = known.received.into_iter().map(|units| ReceivedLineView {
            line_id: units.line_id.as_uuid(),
            sku: units.sku,
            quantity: units.quantity,
            restock: units.restock,
        });
        Self {
            id: known.id.as_uuid(),
            status: known.status.into(),
            reason: known.reason,
            rejection: known.rejection,
            lines: known.lines.into_iter().map(ShippedLineView::from).collect(),
            received: received.collect(),
            amount: known.amount,
            requested_at: known.requested_at,
            received_at: known.received_at,
        }
    }
}
