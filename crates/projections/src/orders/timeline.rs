//! What happened to an order and its payments, event by event, and who did it. Read from the book: the read model says
//! which streams they are, and how far.

use chrono::{DateTime, Utc};
use domain::{
    ids::{CustomerId, OrderId, ShipmentId},
    money::Money,
};
use eventstore::Position;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::DEFINITION;
use crate::read_models::{QueryError, ReadModels, Reflects};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// Whose order it is, for whoever must know before showing it.
    #[serde(skip)]
    pub customer_id: Option<CustomerId>,
    pub data: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    pub position: Position,
    pub at: DateTime<Utc>,
    #[serde(rename = "type")]
    pub event_type: String,
    /// As the event's metadata has it.
    pub actor: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Why, or what the provider said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipment_id: Option<ShipmentId>,
    /// The payment that it happened to, if it was not the order itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<Uuid>,
}

/// One round trip. `None`: there is no such order.
pub async fn timeline(models: &ReadModels, id: OrderId) -> Result<(Option<Timeline>, Reflects), QueryError> {
    let answer = sqlx::query_file!("src/orders/sql/list_timeline.sql", DEFINITION.schema_name, id.as_uuid())
        .fetch_optional(models.pool())
        .await?
        .ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, answer.position, answer.lag_ms, answer.is_incomplete)?;
    if !answer.is_there {
        return Ok((None, reflects));
    }
    let customer_id = answer.customer_id.map(CustomerId::from_uuid);
    let entries = answer.entries.map(|Json(rows)| rows).unwrap_or_default();
    let data = entries.into_iter().map(|row| row.shown(id)).collect();
    Ok((Some(Timeline { customer_id, data }), reflects))
}

#[derive(Debug, Deserialize)]
struct EntryRow {
    position: Position,
    at: DateTime<Utc>,
    event_type: String,
    stream_id: Uuid,
    actor: Option<Value>,
    amount: Option<Money>,
    reason: Option<String>,
    code: Option<String>,
    shipment_id: Option<ShipmentId>,
}

impl EntryRow {
    fn shown(self, order_id: OrderId) -> Entry {
        Entry {
            position: self.position,
            at: self.at,
            event_type: self.event_type,
            actor: self.actor.unwrap_or_default(),
            amount: self.amount,
            reason: self.reason.or(self.code),
            shipment_id: self.shipment_id,
            payment_id: (self.stream_id != order_id.as_uuid()).then_some(self.stream_id),
        }
    }
}
