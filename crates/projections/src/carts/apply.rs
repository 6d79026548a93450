//! Posts the events of carts: a batch folds into what becomes of each cart and of each line, which five statements
//! write.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    cart::{CheckedOut, CustomerAssigned, Event, ItemAdded, Merged, Opened},
    ids::Sku,
};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{DEFINITION, write};
use crate::projection::{ApplyError, Definition, Projection, read};

#[derive(Debug)]
pub struct Carts;

#[async_trait]
impl Projection for Carts {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        let mut batch = Batch::default();
        for event in events {
            batch.fold(event)?;
        }
        write::batch_in_tx(tx, &batch).await
    }
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) carts: BTreeMap<Uuid, CartChange>,
    pub(super) lines: BTreeMap<(Uuid, Sku), LineChange>,
}

/// What a batch makes of a cart. What is `None` stays as it is.
pub(super) struct CartChange {
    pub(super) opened: Option<Opened>,
    pub(super) customer_id: Option<Uuid>,
    pub(super) ending: Option<Ending>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) version: i64,
}

#[derive(Clone, Copy)]
pub(super) struct Ending {
    pub(super) status: &'static str,
    pub(super) order_id: Option<Uuid>,
    pub(super) merged_into: Option<Uuid>,
}

/// What a batch makes of a line, in the order in which it is written: take the row away, add to it or make it, set it.
#[derive(Default)]
pub(super) struct LineChange {
    pub(super) removed: bool,
    pub(super) added: Option<Added>,
    pub(super) set: Option<Set>,
}

pub(super) struct Added {
    pub(super) item: ItemAdded,
    pub(super) units: i64,
    pub(super) position: i64,
}

#[derive(Clone, Copy)]
pub(super) struct Set {
    pub(super) units: Option<i64>,
    pub(super) unit_price: i64,
}

impl LineChange {
    fn add(&mut self, item: ItemAdded, position: i64) {
        let units = item.quantity.get();
        // A line that was given a quantity has that much more; whatever price it was given is the new item's now.
        let (set_units, price) = (self.set.take().and_then(|set| set.units), item.unit_price.amount());
        self.set = set_units.map(|set_units| Set { units: Some(set_units + units), unit_price: price });
        match &mut self.added {
            Some(added) => {
                added.units += units;
                added.item = item;
            }
            None => self.added = Some(Added { item, units, position }),
        }
    }

    fn set(&mut self, units: Option<i64>, unit_price: i64) {
        let units = units.or(self.set.take().and_then(|set| set.units));
        self.set = Some(Set { units, unit_price });
    }

    fn remove(&mut self) {
        *self = Self { removed: true, ..Self::default() };
    }
}

impl Batch {
    fn fold(&mut self, event: &RecordedEvent) -> Result<(), ApplyError> {
        let id = event.stream.id;
        let cart = self.carts.entry(id).or_insert_with(|| CartChange::of(event));
        cart.updated_at = event.recorded_at;
        cart.version = event.stream_version;
        match read::<Event>(event)? {
            Event::Opened(opened) => cart.opened = Some(opened),
            Event::ItemAdded(item) => self.line(id, &item.sku.clone()).add(item, event.position.0),
            Event::ItemQuantityChanged(changed) => {
                let units = changed.quantity.get();
                self.line(id, &changed.sku).set(Some(units), changed.unit_price.amount());
            }
            Event::ItemRemoved(removed) => self.line(id, &removed.sku).remove(),
            Event::Repriced(repriced) => {
                for line in repriced.lines {
                    self.line(id, &line.sku).set(None, line.unit_price.amount());
                }
            }
            Event::CustomerAssigned(CustomerAssigned { customer_id, .. }) => {
                cart.customer_id = Some(customer_id.as_uuid());
            }
            Event::Merged(Merged { into, .. }) => {
                cart.end(Ending { status: "merged", order_id: None, merged_into: Some(into.as_uuid()) });
            }
            Event::CheckedOut(CheckedOut { order_id, .. }) => {
                cart.end(Ending { status: "checked_out", order_id: Some(order_id.as_uuid()), merged_into: None });
            }
            Event::Discarded(_) => cart.end(Ending { status: "discarded", order_id: None, merged_into: None }),
            Event::Expired(_) => cart.end(Ending { status: "expired", order_id: None, merged_into: None }),
        }
        Ok(())
    }

    fn line(&mut self, cart_id: Uuid, sku: &Sku) -> &mut LineChange {
        self.lines.entry((cart_id, sku.clone())).or_default()
    }
}

impl CartChange {
    fn of(event: &RecordedEvent) -> Self {
        Self {
            opened: None,
            customer_id: None,
            ending: None,
            updated_at: event.recorded_at,
            version: event.stream_version,
        }
    }

    fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
    }

    pub(super) fn status(&self) -> Option<&'static str> {
        self.ending.map(|ending| ending.status)
    }

    pub(super) fn order_id(&self) -> Option<Uuid> {
        self.ending.and_then(|ending| ending.order_id)
    }

    pub(super) fn merged_into(&self) -> Option<Uuid> {
        self.ending.and_then(|ending| ending.merged_into)
    }
}
