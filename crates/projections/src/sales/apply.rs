//! Posts the events of orders to the sums. The lines of an order stand in `order.created` alone, so they are kept until
//! it can be neither confirmed nor cancelled any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::NaiveDate;
use domain::{
    country::Country,
    ids::{LineId, Sku},
    money::Currency,
    order::{Created, CreatedLine, Event, Imported, LineUnits},
};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{DEFINITION, write};
use crate::projection::{ApplyError, Definition, Projection, read};

#[derive(Debug)]
pub struct Sales;

#[async_trait]
impl Projection for Sales {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        let decoded: Vec<(Uuid, Event)> =
            events.iter().map(|event| Ok((event.stream.id, read(event)?))).collect::<Result<_, ApplyError>>()?;
        let mut batch = Batch { orders: write::load_orders_in_tx(tx, &needed(&decoded)).await?, ..Batch::default() };
        for (order_id, change) in decoded {
            batch.post(order_id, change)?;
        }
        write::batch_in_tx(tx, &batch).await
    }
}

/// The orders whose lines are needed and are not in the batch.
fn needed(changes: &[(Uuid, Event)]) -> BTreeSet<Uuid> {
    let mut created = BTreeSet::new();
    let mut needed = BTreeSet::new();
    for (order_id, change) in changes {
        match change {
            Event::Created(_) => created.insert(*order_id),
            Event::Confirmed(_) | Event::LinesCancelled(_) | Event::Cancelled(_) => needed.insert(*order_id),
            // What ends without a sum changing only goes; what is imported is over.
            Event::Failed(_) | Event::Completed(_) | Event::Imported(_) => false,
            // Ignored by name.
            Event::Held(_)
            | Event::Released(_)
            | Event::CoverageChanged(_)
            | Event::ShipmentCreated(_)
            | Event::ShipmentDispatched(_)
            | Event::ShipmentDelivered(_)
            | Event::RefundGranted(_)
            | Event::PaymentRetried(_)
            | Event::ReturnRequested(_)
            | Event::ReturnApproved(_)
            | Event::ReturnRejected(_)
            | Event::ReturnReceived(_)
            | Event::AddressCorrected(_)
            | Event::ImportedRefund(_) => false,
        };
    }
    needed.difference(&created).copied().collect()
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) orders: BTreeMap<Uuid, OpenOrder>,
    /// Orders that can be neither confirmed nor cancelled any more.
    pub(super) closed: BTreeSet<Uuid>,
    pub(super) sums: BTreeMap<SumKey, Sum>,
}

/// An order that may still be confirmed or cancelled.
pub(super) struct OpenOrder {
    pub(super) currency: Currency,
    pub(super) country: String,
    pub(super) day: Option<NaiveDate>,
    pub(super) lines: Vec<OpenLine>,
    pub(super) is_new: bool,
    pub(super) has_other_lines: bool,
}

/// The units of a line that are not cancelled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OpenLine {
    id: LineId,
    sku: Sku,
    units: i64,
    unit_price: i64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SumKey {
    pub(super) day: NaiveDate,
    pub(super) sku: Sku,
    pub(super) currency: Currency,
    pub(super) country: String,
}

/// By how much a batch changes a row of the report.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) units: i64,
    pub(super) revenue: i64,
}

impl Batch {
    fn post(&mut self, order_id: Uuid, change: Event) -> Result<(), ApplyError> {
        match change {
            Event::Created(created) => drop(self.orders.insert(order_id, OpenOrder::of(&created))),
            Event::Confirmed(confirmed) => {
                let order = open(&mut self.orders, order_id)?;
                let day = confirmed.confirmed_at.date_naive();
                order.day = Some(day);
                for line in &order.lines {
                    count(&mut self.sums, order, day, line, line.units);
                }
            }
            Event::LinesCancelled(cancelled) => {
                let order = open(&mut self.orders, order_id)?;
                for units in &cancelled.lines {
                    let line = order.take(order_id, units)?;
                    if let Some(day) = order.day {
                        count(&mut self.sums, order, day, &line, -units.quantity.get());
                    }
                }
            }
            Event::Cancelled(_) => {
                let order = open(&mut self.orders, order_id)?;
                if let Some(day) = order.day {
                    for line in &order.lines {
                        count(&mut self.sums, order, day, line, -line.units);
                    }
                }
                self.close(order_id);
            }
            Event::Failed(_) | Event::Completed(_) => self.close(order_id),
            Event::Imported(imported) => self.count_imported(&imported),
            // Ignored by name.
            Event::Held(_)
            | Event::Released(_)
            | Event::CoverageChanged(_)
            | Event::ShipmentCreated(_)
            | Event::ShipmentDispatched(_)
            | Event::ShipmentDelivered(_)
            | Event::RefundGranted(_)
            | Event::PaymentRetried(_)
            | Event::ReturnRequested(_)
            | Event::ReturnApproved(_)
            | Event::ReturnRejected(_)
            | Event::ReturnReceived(_)
            | Event::AddressCorrected(_)
            | Event::ImportedRefund(_) => {}
        }
        Ok(())
    }

    /// It was sold when it was sold, and nothing of it is cancelled any more.
    fn count_imported(&mut self, imported: &Imported) {
        let day = imported.occurred_at.date_naive();
        let order = OpenOrder::with(&imported.lines, imported.total.currency(), imported.country);
        for line in &order.lines {
            count(&mut self.sums, &order, day, line, line.units);
        }
    }

    fn close(&mut self, order_id: Uuid) {
        self.orders.remove(&order_id);
        self.closed.insert(order_id);
    }
}

fn open(orders: &mut BTreeMap<Uuid, OpenOrder>, order_id: Uuid) -> Result<&mut OpenOrder, ApplyError> {
    orders.get_mut(&order_id).ok_or_else(|| ApplyError::Contradiction {
        reason: format!("the order {order_id} is not one that can be confirmed or cancelled"),
    })
}

fn count(sums: &mut BTreeMap<SumKey, Sum>, order: &OpenOrder, day: NaiveDate, line: &OpenLine, units: i64) {
    let key = SumKey { day, sku: line.sku.clone(), currency: order.currency, country: order.country.clone() };
    let sum = sums.entry(key).or_default();
    sum.units += units;
    sum.revenue += line.unit_price * units;
}

impl OpenOrder {
    fn of(created: &Created) -> Self {
        Self::with(&created.lines, created.total.currency(), created.country)
    }

    fn with(lines: &[CreatedLine], currency: Currency, country: Option<Country>) -> Self {
        let line = |line: &CreatedLine| OpenLine {
            id: line.id,
            sku: line.sku.clone(),
            units: line.quantity.get(),
            unit_price: line.unit_price.amount(),
        };
        Self {
            currency,
            country: country.map(|country| country.to_string()).unwrap_or_default(),
            day: None,
            lines: lines.iter().map(line).collect(),
            is_new: true,
            has_other_lines: false,
        }
    }

    /// Takes cancelled units off their line.
    fn take(&mut self, order_id: Uuid, cancelled: &LineUnits) -> Result<OpenLine, ApplyError> {
        let line = self.lines.iter_mut().find(|line| line.id == cancelled.line_id).ok_or_else(|| {
            let reason = format!("the order {order_id} has no line {}", cancelled.line_id);
            ApplyError::Contradiction { reason }
        })?;
        line.units -= cancelled.quantity.get();
        self.has_other_lines = true;
        Ok(line.clone())
    }
}
