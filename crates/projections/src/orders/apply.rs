//! Posts the events of orders and of their payments. Those that a batch touches are read, folded, and written back; a
//! payment also moves its order, whose payment status is derived anew from all its payments.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    ids::{OrderId, ReturnId},
    order::{self, AddressCorrected, LineUnits},
    payment,
};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    DEFINITION,
    fixed::Fixed,
    life::{Life, units_of},
    payment_row::PaymentRow,
    returns::{self, ReturnChange, Returns},
    write,
};
use crate::projection::{ApplyError, Definition, Projection, read};

#[derive(Debug)]
pub struct Orders;

#[async_trait]
impl Projection for Orders {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        let changes: Vec<(&RecordedEvent, Change)> =
            events.iter().map(|event| Ok((&**event, Change::read(event)?))).collect::<Result<_, ApplyError>>()?;
        let mut batch = Batch::load_in_tx(tx, &changes).await?;
        for (event, change) in changes {
            match change {
                Change::Order(change) => batch.post_to_order(event, change)?,
                Change::Payment(change) => batch.post_to_payment(event, change)?,
            }
        }
        batch.write_in_tx(tx).await
    }
}

/// The order that a payment is for: every event of it says so.
pub(crate) fn order_of(event: &payment::Event) -> OrderId {
    match event {
        payment::Event::Initiated(it) => it.order_id,
        payment::Event::AuthorizationRequested(it) => it.order_id,
        payment::Event::ActionRequired(it) => it.order_id,
        payment::Event::Authorized(it) => it.order_id,
        payment::Event::Failed(it) => it.order_id,
        payment::Event::CaptureRequested(it) => it.order_id,
        payment::Event::Captured(it) => it.order_id,
        payment::Event::Completed(it) => it.order_id,
        payment::Event::VoidRequested(it) => it.order_id,
        payment::Event::Voided(it) => it.order_id,
        payment::Event::Expired(it) => it.order_id,
        payment::Event::RefundRequested(it) => it.order_id,
        payment::Event::RefundSucceeded(it) => it.order_id,
        payment::Event::Refunded(it) => it.order_id,
        payment::Event::RefundFailed(it) => it.order_id,
        payment::Event::Disputed(it) => it.order_id,
        payment::Event::ChargedBack(it) => it.order_id,
        payment::Event::DisputeWon(it) => it.order_id,
        payment::Event::Reconciled(it) => it.order_id,
        payment::Event::DiscrepancyFound(it) => it.order_id,
    }
}

enum Change {
    Order(order::Event),
    Payment(payment::Event),
}

impl Change {
    fn read(event: &RecordedEvent) -> Result<Self, ApplyError> {
        if event.stream.category == "payment" {
            return read(event).map(Self::Payment);
        }
        read(event).map(Self::Order)
    }
}

#[derive(Default)]
struct Batch {
    /// Every order that the batch touches, itself or by a payment.
    lives: BTreeMap<Uuid, Life>,
    /// Those of them that are not as the table has them.
    moved: BTreeSet<Uuid>,
    /// Of the orders that begin in this batch, what never changes.
    created: BTreeMap<Uuid, Fixed>,
    /// Units, by order and line.
    cancelled: BTreeMap<(Uuid, Uuid), i64>,
    /// By order and shipment.
    shipments: BTreeMap<(Uuid, Uuid), ShipmentChange>,
    returns: Returns,
    /// Where orders are sent from now on.
    corrected: BTreeMap<Uuid, AddressCorrected>,
    /// Every payment of the orders that payments of the batch belong to.
    payments: BTreeMap<Uuid, PaymentRow>,
    initiated: BTreeSet<Uuid>,
    touched_payments: BTreeSet<Uuid>,
}

/// What a batch makes of a shipment. What is `None` stays as it is.
#[derive(Default)]
pub(super) struct ShipmentChange {
    pub(super) packed: Option<Packed>,
    pub(super) carrier: Option<String>,
    pub(super) tracking: Option<String>,
    pub(super) dispatched_at: Option<DateTime<Utc>>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
}

pub(super) struct Packed {
    pub(super) lines: Vec<LineUnits>,
    pub(super) units: i64,
    pub(super) created_at: i64,
}

impl Batch {
    /// Two statements.
    async fn load_in_tx(tx: &mut PgConnection, changes: &[(&RecordedEvent, Change)]) -> Result<Self, ApplyError> {
        let mut orders = BTreeSet::new();
        // Orders that begin, and those whose payments move: all their payments together decide their payment status.
        let mut paying = BTreeSet::new();
        for (event, change) in changes {
            match change {
                Change::Order(order::Event::Created(_)) => paying.insert(event.stream.id),
                // It begins with that, and no payment is of it.
                Change::Order(order::Event::Imported(_)) => false,
                Change::Order(_) => orders.insert(event.stream.id),
                Change::Payment(change) => paying.insert(order_of(change).as_uuid()),
            };
        }
        let payments = write::load_payments_in_tx(tx, &paying).await?;
        orders.extend(paying);
        Ok(Self { lives: write::load_lives_in_tx(tx, &orders).await?, payments, ..Self::default() })
    }

    fn post_to_order(&mut self, event: &RecordedEvent, change: order::Event) -> Result<(), ApplyError> {
        let id = event.stream.id;
        let change = match change {
            order::Event::Created(created) => {
                self.lives.insert(id, Life::of(event, &created));
                self.created.insert(id, Fixed::from(*created));
                return Ok(());
            }
            order::Event::Imported(imported) => {
                self.lives.insert(id, Life::imported(event, &imported));
                self.created.insert(id, Fixed::from(*imported));
                return Ok(());
            }
            change => change,
        };
        let Some(life) = self.lives.get_mut(&id) else {
            return Err(ApplyError::Contradiction { reason: format!("the order {id} was never created") });
        };
        life.post(event, &change);
        self.moved.insert(id);
        match change {
            order::Event::ShipmentCreated(packed) => {
                let units = units_of(&packed.lines);
                self.shipments.entry((id, packed.shipment_id.as_uuid())).or_default().packed =
                    Some(Packed { lines: packed.lines, units, created_at: event.position.0 });
            }
            order::Event::ShipmentDispatched(dispatched) => {
                let shipment = self.shipments.entry((id, dispatched.shipment_id.as_uuid())).or_default();
                shipment.carrier = Some(dispatched.carrier.to_string());
                shipment.tracking = Some(dispatched.tracking.to_string());
                shipment.dispatched_at = Some(dispatched.dispatched_at);
            }
            order::Event::ShipmentDelivered(delivered) => {
                let shipment = self.shipments.entry((id, delivered.shipment_id.as_uuid())).or_default();
                shipment.delivered_at = Some(delivered.delivered_at);
            }
            order::Event::LinesCancelled(cancelled) => {
                for line in cancelled.lines {
                    *self.cancelled.entry((id, line.line_id.as_uuid())).or_default() += line.quantity.get();
                }
            }
            order::Event::ReturnRequested(requested) => {
                self.goods_return(id, requested.return_id).request(requested, event.position.0);
            }
            order::Event::ReturnApproved(approved) => self.goods_return(id, approved.return_id).approve(&approved),
            order::Event::ReturnRejected(rejected) => self.goods_return(id, rejected.return_id).reject(&rejected),
            order::Event::ReturnReceived(received) => self.goods_return(id, received.return_id).receive(received),
            order::Event::AddressCorrected(corrected) => drop(self.corrected.insert(id, corrected)),
            // All there is to them is the order's life.
            order::Event::Created(_)
            | order::Event::Confirmed(_)
            | order::Event::Held(_)
            | order::Event::Released(_)
            | order::Event::CoverageChanged(_)
            | order::Event::Cancelled(_)
            | order::Event::Failed(_)
            | order::Event::Completed(_)
            | order::Event::RefundGranted(_)
            | order::Event::PaymentRetried(_)
            | order::Event::Imported(_)
            | order::Event::ImportedRefund(_) => {}
        }
        Ok(())
    }

    fn goods_return(&mut self, order_id: Uuid, return_id: ReturnId) -> &mut ReturnChange {
        self.returns.entry((order_id, return_id.as_uuid())).or_default()
    }

    fn post_to_payment(&mut self, event: &RecordedEvent, change: payment::Event) -> Result<(), ApplyError> {
        let id = event.stream.id;
        self.touched_payments.insert(id);
        if let payment::Event::Initiated(initiated) = &change {
            self.initiated.insert(id);
            self.payments.insert(id, PaymentRow::of(event, initiated));
            return Ok(());
        }
        let Some(payment) = self.payments.get_mut(&id) else {
            return Err(ApplyError::Contradiction { reason: format!("the payment {id} was never initiated") });
        };
        payment.post(event, change);
        Ok(())
    }

    /// What was delivered is known once the shipments are written; the orders come after them.
    async fn write_in_tx(mut self, tx: &mut PgConnection) -> Result<(), ApplyError> {
        for (order_id, units) in write::shipments_in_tx(tx, &self.shipments).await? {
            if let Some(life) = self.lives.get_mut(&order_id) {
                life.delivered += units;
            }
        }
        let mut payments_of: BTreeMap<Uuid, Vec<&PaymentRow>> = BTreeMap::new();
        for payment in self.payments.values() {
            payments_of.entry(payment.order_id).or_default().push(payment);
        }
        for (order_id, payments) in payments_of {
            // An order that is not there is parked. It finds its payments when it is let go.
            if let Some(life) = self.lives.get_mut(&order_id)
                && life.pay(&payments)
            {
                self.moved.insert(order_id);
            }
        }
        let new: Vec<_> =
            self.created.iter().filter_map(|(id, created)| Some((self.lives.get(id)?, created))).collect();
        write::insert_orders_in_tx(tx, &new).await?;
        write::insert_lines_in_tx(tx, &self.created).await?;
        let is_old = |life: &&Life| self.moved.contains(&life.id) && !self.created.contains_key(&life.id);
        let old: Vec<_> = self.lives.values().filter(is_old).collect();
        write::update_orders_in_tx(tx, &old).await?;
        write::cancel_lines_in_tx(tx, &self.cancelled).await?;
        returns::write_in_tx(tx, &self.returns).await?;
        returns::correct_addresses_in_tx(tx, &self.corrected).await?;
        let touched = self.payments.values().filter(|payment| self.touched_payments.contains(&payment.id));
        let (new, old): (Vec<_>, Vec<_>) = touched.partition(|payment| self.initiated.contains(&payment.id));
        write::insert_payments_in_tx(tx, &new).await?;
        write::update_payments_in_tx(tx, &old).await
    }
}
