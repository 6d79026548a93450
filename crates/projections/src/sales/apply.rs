//! Posts the events of orders, and the refunds of payments, to the sums. The lines of an order stand in `order.created` alone, and
//! money may be given back at any time, so what is needed of an order is kept for good.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::NaiveDate;
use domain::{
    ids::PaymentId,
    money::{self, Currency, Money},
    order::{Event, Imported, ImportedRefund, LinesCancelled},
    payment::{self, RefundSucceeded},
};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    DEFINITION,
    order::{SoldLine, SoldOrder, sold},
    refunds::Counted,
    write,
};
use crate::projection::{ApplyError, Definition, Projection, read};

#[derive(Debug)]
pub struct Sales;

#[async_trait]
impl Projection for Sales {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        let mut changes = Vec::with_capacity(events.len());
        for event in events {
            changes.extend(Change::read(event)?);
        }
        let mut batch = Batch { orders: write::load_orders_in_tx(tx, &needed(&changes)).await?, ..Batch::default() };
        for (order_id, change) in changes {
            batch.post(order_id, change)?;
        }
        write::batch_in_tx(tx, &batch).await
    }
}

enum Change {
    Order(Event),
    /// Somebody granted it, and the provider has given it back.
    GivenBack(RefundSucceeded, NaiveDate),
}

impl Change {
    /// With the order that it is about. What the rules demand back was never sold, or is cancelled: it changes nothing.
    fn read(event: &RecordedEvent) -> Result<Option<(Uuid, Self)>, ApplyError> {
        if event.stream.category != "payment" {
            return Ok(Some((event.stream.id, Self::Order(read(event)?))));
        }
        let payment::Event::RefundSucceeded(refund) = read(event)? else { return Ok(None) };
        if payment::is_demanded(refund.refund_id, PaymentId::from_uuid(event.stream.id)) {
            return Ok(None);
        }
        Ok(Some((refund.order_id.as_uuid(), Self::GivenBack(refund, event.recorded_at.date_naive()))))
    }
}

/// The orders that are needed and are not made in the batch.
fn needed(changes: &[(Uuid, Change)]) -> BTreeSet<Uuid> {
    let mut made = BTreeSet::new();
    let mut needed = BTreeSet::new();
    for (order_id, change) in changes {
        match change {
            Change::Order(Event::Created(_) | Event::Imported(_)) => made.insert(*order_id),
            Change::Order(_) | Change::GivenBack(..) => needed.insert(*order_id),
        };
    }
    needed.difference(&made).copied().collect()
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) orders: BTreeMap<Uuid, SoldOrder>,
    pub(super) sums: BTreeMap<SumKey, Sum>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SumKey {
    pub(super) day: NaiveDate,
    /// Empty: of no goods in particular.
    pub(super) sku: String,
    pub(super) currency: Currency,
    pub(super) country: String,
}

/// By how much a batch changes a row of the report.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) units: i64,
    pub(super) revenue: i64,
    pub(super) refunds: i64,
}

impl Batch {
    fn post(&mut self, order_id: Uuid, change: Change) -> Result<(), ApplyError> {
        let Self { orders, sums } = self;
        let mut sums = Sums(sums);
        match change {
            Change::Order(Event::Created(created)) => drop(orders.insert(order_id, SoldOrder::of(&created))),
            Change::Order(Event::Imported(imported)) => drop(orders.insert(order_id, sums.import(&imported))),
            Change::Order(Event::Confirmed(confirmed)) => {
                sums.confirm(known(orders, order_id)?, confirmed.confirmed_at.date_naive())?;
            }
            Change::Order(Event::LinesCancelled(cancelled)) => {
                sums.cancel_lines(known(orders, order_id)?, order_id, &cancelled)?;
            }
            Change::Order(Event::Cancelled(_)) => {
                let order = known(orders, order_id)?;
                order.lines.iter().for_each(|line| sums.sell(order, line, -line.units));
                sums.owe(order, 0);
            }
            Change::Order(Event::RefundGranted(granted)) => known(orders, order_id)?.grant(order_id, &granted)?,
            Change::Order(Event::ImportedRefund(refund)) => sums.import_refund(known(orders, order_id)?, &refund),
            Change::GivenBack(refund, day) => sums.give_back(known(orders, order_id)?, &refund, day)?,
            // It was never confirmed.
            Change::Order(Event::Failed(_)) => {}
            // Ignored by name.
            Change::Order(
                Event::Held(_)
                | Event::Released(_)
                | Event::ShipmentCreated(_)
                | Event::ShipmentDispatched(_)
                | Event::ShipmentDelivered(_)
                | Event::Completed(_)
                | Event::PaymentRetried(_)
                | Event::ReturnRequested(_)
                | Event::ReturnApproved(_)
                | Event::ReturnRejected(_)
                | Event::ReturnReceived(_)
                | Event::AddressCorrected(_),
            ) => {}
        }
        Ok(())
    }
}

fn known(orders: &mut BTreeMap<Uuid, SoldOrder>, order_id: Uuid) -> Result<&mut SoldOrder, ApplyError> {
    orders
        .get_mut(&order_id)
        .ok_or_else(|| ApplyError::Contradiction { reason: format!("the order {order_id} was never made") })
}

fn contradiction(error: money::Error) -> ApplyError {
    ApplyError::Contradiction { reason: error.to_string() }
}

/// The rows of the report, while a batch adds to them.
struct Sums<'a>(&'a mut BTreeMap<SumKey, Sum>);

impl Sums<'_> {
    fn row(&mut self, order: &SoldOrder, day: NaiveDate, sku: String) -> &mut Sum {
        let SoldOrder { currency, country, .. } = order;
        self.0.entry(SumKey { day, sku, currency: *currency, country: country.clone() }).or_default()
    }

    /// Of an order that is confirmed, on the day of that.
    fn sell(&mut self, order: &SoldOrder, line: &SoldLine, units: i64) {
        let Some(day) = order.day else { return };
        let sum = self.row(order, day, line.sku.to_string());
        sum.units += units;
        sum.revenue += line.unit_price * units;
    }

    /// What was given back before it was a sale counts from now on.
    fn confirm(&mut self, order: &mut SoldOrder, day: NaiveDate) -> Result<(), ApplyError> {
        order.day = Some(day);
        order.lines.iter().for_each(|line| self.sell(order, line, line.units));
        let counted = order.refunds.count(None, order.currency, day, order.owed).map_err(contradiction)?;
        order.has_other_refunds |= !counted.is_empty();
        self.refund(order, counted);
        Ok(())
    }

    fn cancel_lines(
        &mut self,
        order: &mut SoldOrder,
        order_id: Uuid,
        cancelled: &LinesCancelled,
    ) -> Result<(), ApplyError> {
        for units in &cancelled.lines {
            let line = order.take(order_id, units)?;
            self.sell(order, &line, -units.quantity.get());
        }
        self.owe(order, order.owed - cancelled.amount.amount());
        Ok(())
    }

    fn owe(&mut self, order: &mut SoldOrder, owed: i64) {
        order.owed = owed;
        let taken = order.refunds.owe_less(order.owed_for_sales());
        order.has_other_refunds |= !taken.is_empty();
        self.refund(order, taken);
    }

    fn give_back(&mut self, order: &mut SoldOrder, refund: &RefundSucceeded, day: NaiveDate) -> Result<(), ApplyError> {
        let RefundSucceeded { refund_id, amount, .. } = refund;
        let owed = order.owed_for_sales();
        let counted = order.refunds.give_back(*refund_id, *amount, day, owed).map_err(contradiction)?;
        order.has_other_refunds = true;
        self.refund(order, counted);
        Ok(())
    }

    fn refund(&mut self, order: &SoldOrder, counted: Vec<Counted>) {
        for Counted { day, sku, amount } in counted {
            self.row(order, day, sku).refunds += amount;
        }
    }

    /// It was sold when it was sold, and nothing of it is cancelled any more.
    fn import(&mut self, imported: &Imported) -> SoldOrder {
        let mut order = SoldOrder::to(imported.country, imported.total.currency());
        order.day = Some(imported.occurred_at.date_naive());
        sold(&imported.lines).iter().for_each(|line| self.sell(&order, line, line.units));
        order
    }

    /// It was given back when it was given back, and of what the earlier system says.
    fn import_refund(&mut self, order: &SoldOrder, refund: &ImportedRefund) {
        let day = refund.occurred_at.date_naive();
        let counted = |sku: String, amount: Money| Counted { day, sku, amount: amount.amount() };
        self.refund(order, refund.lines.iter().map(|line| counted(line.sku.to_string(), line.amount)).collect());
    }
}
