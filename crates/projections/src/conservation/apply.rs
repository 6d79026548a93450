//! A batch of events over the sums that it touches, and what it breaks.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{inventory, order, payment as payments};
use eventstore::{Position, RecordedEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Broken, DEFINITION, order::Order, payment::Payment, rules, shelf::Stocked, write};
use crate::projection::{ApplyError, Definition, Projection, read};

#[derive(Debug)]
pub struct Conservation;

#[async_trait]
impl Projection for Conservation {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        let seen: Vec<(&RecordedEvent, Seen)> =
            events.iter().map(|event| Ok((&**event, Seen::read(event)?))).collect::<Result<_, ApplyError>>()?;
        let mut batch = Batch::load_in_tx(tx, &seen).await?;
        for (event, seen) in seen {
            batch.see(event, &seen);
        }
        batch.tell();
        write::batch_in_tx(tx, &batch).await
    }
}

enum Seen {
    Inventory(inventory::Event),
    Order(order::Event),
    Payment(payments::Event, Uuid),
}

impl Seen {
    fn read(event: &RecordedEvent) -> Result<Self, ApplyError> {
        match event.stream.category.as_ref() {
            "inventory" => read(event).map(Self::Inventory),
            "order" => read(event).map(Self::Order),
            _ => read(event).map(|seen| {
                let order_id = crate::orders::order_of(&seen).as_uuid();
                Self::Payment(seen, order_id)
            }),
        }
    }
}

/// What an event broke, as the table has it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) position: Position,
    pub(super) number: i32,
    pub(super) rule: &'static str,
    pub(super) subject: String,
    pub(super) detail: String,
}

/// An order's sums, and what of them does not balance at the end of the batch.
#[derive(Debug, Default)]
pub(super) struct Balanced {
    pub(super) order: Order,
    pub(super) unsettled: Option<(String, DateTime<Utc>)>,
}

impl Balanced {
    /// As it was at the end of the batch before.
    pub(super) fn of(mut order: Order) -> Self {
        let unsettled = order.unsettled(DateTime::UNIX_EPOCH);
        Self { order, unsettled }
    }
}

/// Units between two locations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transit {
    pub(super) units: i64,
    pub(super) since: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) shelves: HashMap<Uuid, Stocked>,
    pub(super) orders: HashMap<Uuid, Balanced>,
    pub(super) payments: HashMap<Uuid, Payment>,
    pub(super) transit: BTreeMap<String, Transit>,
    pub(super) found: Vec<Found>,
}

impl Batch {
    async fn load_in_tx(tx: &mut PgConnection, seen: &[(&RecordedEvent, Seen)]) -> Result<Self, ApplyError> {
        let (mut shelves, mut orders, mut payments) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut skus = BTreeSet::new();
        for (event, seen) in seen {
            match seen {
                Seen::Inventory(change) => {
                    shelves.insert(event.stream.id);
                    orders.extend(order_of(change));
                    skus.extend(transferred(change).map(|(sku, _)| sku));
                }
                Seen::Order(_) => drop(orders.insert(event.stream.id)),
                Seen::Payment(_, order_id) => {
                    payments.insert(event.stream.id);
                    orders.insert(*order_id);
                }
            }
        }
        Ok(Self {
            shelves: write::load_shelves_in_tx(tx, &shelves, &orders).await?,
            orders: write::load_orders_in_tx(tx, &orders).await?,
            payments: write::load_payments_in_tx(tx, &payments).await?,
            transit: write::load_transit_in_tx(tx, &skus).await?,
            found: Vec::new(),
        })
    }

    fn see(&mut self, event: &RecordedEvent, seen: &Seen) {
        let (id, now) = (event.stream.id, event.recorded_at);
        let (order_id, mut broken) = match seen {
            Seen::Inventory(change) => {
                let (of_order, mut broken) = self.shelves.entry(id).or_default().see(change, now);
                broken.extend(self.transfer(change, now));
                if let Some(of_order) = of_order {
                    self.orders.entry(of_order.order_id).or_default().order.see_stock(of_order);
                }
                (of_order.map(|of_order| of_order.order_id), broken)
            }
            Seen::Order(change) => (Some(id), self.orders.entry(id).or_default().order.see(change)),
            Seen::Payment(change, order_id) => {
                let (of_order, mut broken) = self.payments.entry(id).or_default().see(change);
                broken.extend(self.orders.entry(*order_id).or_default().order.see_payment(of_order));
                (Some(*order_id), broken)
            }
        };
        if let Some(balanced) = order_id.and_then(|order_id| self.orders.get_mut(&order_id)) {
            balanced.unsettled = balanced.order.unsettled(now);
        }
        for (number, (rule, detail)) in (0..).zip(broken.drain(..)) {
            let subject = event.stream.to_string();
            self.found.push(Found { position: event.position, number, rule, subject, detail });
        }
    }

    /// N4: what comes in somewhere has left somewhere else.
    fn transfer(&mut self, change: &inventory::Event, now: DateTime<Utc>) -> Option<Broken> {
        let (sku, units) = transferred(change)?;
        let transit = self.transit.entry(sku).or_insert(Transit { units: 0, since: now });
        *transit = Transit { units: transit.units + units, since: now };
        (transit.units < 0).then(|| (rules::TRANSFER, format!("{} more came in than had left", -transit.units)))
    }

    /// Told once a batch: one that is repeated after a crash tells again.
    fn tell(&self) {
        for Found { position, rule, subject, detail, .. } in &self.found {
            tracing::error!(position = position.0, rule, subject, detail, "something is not conserved");
            metrics::counter!("daybook_conservation_violations_total", "rule" => *rule).increment(1);
        }
    }
}

/// Units of the SKU on their way: those that left, less those that came.
fn transferred(change: &inventory::Event) -> Option<(String, i64)> {
    match change {
        inventory::Event::TransferredOut(it) => Some((it.sku.to_string(), it.quantity.get())),
        inventory::Event::TransferredIn(it) => Some((it.sku.to_string(), -it.quantity.get())),
        _ => None,
    }
}

fn order_of(change: &inventory::Event) -> Option<Uuid> {
    let order_id = match change {
        inventory::Event::Reserved(it) => it.order_id,
        inventory::Event::ReservationExtended(it) => it.order_id,
        inventory::Event::ReservationReleased(it) => it.order_id,
        inventory::Event::ReservationExpired(it) => it.order_id,
        inventory::Event::Allocated(it) => it.order_id,
        inventory::Event::AllocationReleased(it) => it.order_id,
        inventory::Event::Shipped(it) => it.order_id,
        _ => return None,
    };
    Some(order_id.as_uuid())
}
