//! What an order is, folded from its events: its life, and what became of each line.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Error,
    events::{
        Carrier, Completed, Confirmed, Created, CreatedLine, Failure, LineUnits, LinesCancelled, RefundGranted,
        RefundPart, ReturnReceived, ShipmentCreated, ShipmentDelivered, ShipmentDispatched, Tracking,
    },
    imported::{Imported, ImportedOrder, ImportedRefund},
    returns::{Progress, Return},
};
use crate::{
    country::Country,
    ids::{
        CartId, CustomerId, LineId, Location, OrderNumber, PaymentId, Quantity, Reason, RefundId, ReturnId, ShipmentId,
        Sku,
    },
    money::{Currency, Money},
    product::Name,
    sealed::Sealed,
};

/// The contents are shared, so that copying an order of 2,000 lines costs nothing until it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    Absent,
    Pending(Arc<Contents>),
    /// From its confirmation until everything is delivered: how far it is, its lines say.
    Confirmed(Arc<Contents>),
    Cancelled(Arc<Contents>, Reason),
    Failed(Arc<Contents>, Failure),
    /// An order of an earlier system. It has none of the contents that lead to stock, payments and parcels.
    Imported(Arc<ImportedOrder>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    pub number: OrderNumber,
    pub cart_id: CartId,
    pub customer_id: CustomerId,
    /// The payment it was created with.
    pub payment_id: PaymentId,
    /// Further tries to pay, in their order.
    pub retries: Vec<PaymentId>,
    /// The payment that covers it, once it is confirmed.
    pub confirmed_by: Option<PaymentId>,
    pub lines: Vec<Line>,
    pub totals: Totals,
    /// What will not be due any more, since it was cancelled.
    pub cancelled_amount: Money,
    pub shipments: Vec<Shipment>,
    pub refunds: Vec<RefundGranted>,
    pub returns: Vec<Return>,
    /// What was due for the units that came back.
    pub returned_amount: Money,
    /// Why it must not be shipped for now.
    pub hold: Option<Reason>,
    /// N1: SKUs of which units that were promised to it are still to come.
    pub awaited: BTreeSet<Sku>,
    pub shipping_address: Sealed,
    pub email: Option<Sealed>,
    pub country: Option<Country>,
    pub created_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
}

/// O3: `subtotal + shipping + tax - discount = total`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub subtotal: Money,
    pub shipping: Money,
    pub tax: Money,
    pub discount: Money,
    pub total: Money,
}

/// O1: `0 <= delivered <= shipped <= quantity - cancelled`, and `returned <= delivered`, in units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub id: LineId,
    pub sku: Sku,
    pub name: Name,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub line_total: Money,
    pub shipped: i64,
    pub delivered: i64,
    pub cancelled: i64,
    pub returned: i64,
}

impl Line {
    /// What is still to be sent.
    pub fn unshipped(&self) -> i64 {
        self.quantity.get() - self.cancelled - self.shipped
    }

    fn of(line: &CreatedLine) -> Self {
        let CreatedLine { id, sku, name, quantity, unit_price, line_total } = line.clone();
        Self { id, sku, name, quantity, unit_price, line_total, shipped: 0, delivered: 0, cancelled: 0, returned: 0 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shipment {
    pub id: ShipmentId,
    pub lines: Vec<LineUnits>,
    /// What is due for it.
    pub amount: Money,
    /// The one location that it left, where that is known and another than `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    pub dispatch: Option<Dispatch>,
    pub delivered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dispatch {
    pub carrier: Carrier,
    pub tracking: Tracking,
    pub dispatched_at: DateTime<Utc>,
}

impl Shipment {
    /// As shown to people and in JSON.
    pub fn status(&self) -> &'static str {
        match (&self.dispatch, self.delivered_at) {
            (_, Some(_)) => "delivered",
            (Some(_), None) => "dispatched",
            (None, None) => "created",
        }
    }
}

impl State {
    pub fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    pub fn contents(&self) -> Option<&Contents> {
        match self {
            Self::Absent | Self::Imported(_) => None,
            Self::Pending(contents)
            | Self::Confirmed(contents)
            | Self::Cancelled(contents, _)
            | Self::Failed(contents, _) => Some(contents),
        }
    }

    /// The life cycle, as shown to people and in JSON.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Pending(_) => "pending",
            Self::Confirmed(contents) if contents.completed_at.is_some() => "delivered",
            Self::Confirmed(contents) if contents.shipments.is_empty() => "confirmed",
            Self::Confirmed(contents) if contents.is_shipped() => "shipped",
            Self::Confirmed(_) => "processing",
            Self::Cancelled(..) => "cancelled",
            Self::Failed(..) => "failed",
            Self::Imported(_) => "imported",
        }
    }

    pub fn fulfillment_status(&self) -> &'static str {
        self.contents().map_or("unfulfilled", Contents::fulfillment_status)
    }

    pub(super) fn map(mut self, change: impl FnOnce(&mut Contents)) -> Self {
        match &mut self {
            Self::Absent | Self::Imported(_) => {}
            Self::Pending(contents)
            | Self::Confirmed(contents)
            | Self::Cancelled(contents, _)
            | Self::Failed(contents, _) => change(Arc::make_mut(contents)),
        }
        self
    }

    pub(super) fn end(self, ended: impl FnOnce(Arc<Contents>) -> Self) -> Self {
        match self {
            Self::Pending(mut contents) | Self::Confirmed(mut contents) => {
                // It holds no stock from now on.
                if !contents.awaited.is_empty() {
                    Arc::make_mut(&mut contents).awaited.clear();
                }
                ended(contents)
            }
            Self::Absent | Self::Cancelled(..) | Self::Failed(..) | Self::Imported(_) => self,
        }
    }

    pub(super) fn imported(imported: &Imported) -> Self {
        Self::Imported(Arc::new(ImportedOrder { order: imported.clone(), refunds: BTreeMap::new() }))
    }

    pub(super) fn refund_imported(mut self, refund: &ImportedRefund) -> Self {
        if let Self::Imported(imported) = &mut self {
            Arc::make_mut(imported).refunds.insert(refund.reference.clone(), refund.clone());
        }
        self
    }

    pub(super) fn confirm(self, confirmed: &Confirmed) -> Self {
        let Self::Pending(mut contents) = self else { return self };
        let changed = Arc::make_mut(&mut contents);
        changed.confirmed_by = Some(confirmed.payment_id);
        changed.confirmed_at = Some(confirmed.confirmed_at);
        Self::Confirmed(contents)
    }
}

impl Contents {
    pub(super) fn of(created: &Created) -> Self {
        let Created { subtotal, shipping, tax, discount, total, .. } = *created;
        Self {
            number: created.number,
            cart_id: created.cart_id,
            customer_id: created.customer_id,
            payment_id: created.payment_id,
            retries: Vec::new(),
            confirmed_by: None,
            lines: created.lines.iter().map(Line::of).collect(),
            totals: Totals { subtotal, shipping, tax, discount, total },
            cancelled_amount: Money::zero(total.currency()),
            shipments: Vec::new(),
            refunds: Vec::new(),
            returns: Vec::new(),
            returned_amount: Money::zero(total.currency()),
            hold: None,
            awaited: BTreeSet::new(),
            shipping_address: created.shipping_address.clone(),
            email: created.email.clone(),
            country: created.country,
            created_at: created.created_at,
            confirmed_at: None,
            completed_at: None,
        }
    }

    pub fn currency(&self) -> Currency {
        self.totals.total.currency()
    }

    /// The payments it knows of, in the order in which they were tried.
    pub fn payment_ids(&self) -> Vec<PaymentId> {
        let mut tried: Vec<PaymentId> = std::iter::once(self.payment_id).chain(self.retries.iter().copied()).collect();
        // A try of before they were noted.
        tried.extend(self.confirmed_by.filter(|confirming| !tried.contains(confirming)));
        tried
    }

    /// What is to be paid for it, once everything is sent that was not cancelled.
    pub fn owed(&self) -> Money {
        self.totals.total.saturating_sub(self.cancelled_amount)
    }

    pub fn line(&self, line_id: LineId) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == line_id)
    }

    pub fn refund(&self, refund_id: RefundId) -> Option<&RefundGranted> {
        self.refunds.iter().find(|refund| refund.refund_id == refund_id)
    }

    /// The one location that all parcels with this SKU left, where that is known and another than `main`.
    pub fn sent_from(&self, sku: &Sku) -> Option<&Location> {
        let with_it = self.shipments.iter().filter(|shipment| shipment.lines.iter().any(|units| units.sku == *sku));
        let mut locations = with_it.map(|shipment| shipment.location.as_ref());
        let first = locations.next()??;
        locations.all(|other| other == Some(first)).then_some(first)
    }

    pub fn shipment(&self, shipment_id: ShipmentId) -> Option<&Shipment> {
        self.shipments.iter().find(|shipment| shipment.id == shipment_id)
    }

    /// N5: the units still to be sent, added up by SKU. This is what the order needs of stock.
    pub fn demand(&self) -> BTreeMap<Sku, Quantity> {
        let mut units: BTreeMap<Sku, i64> = BTreeMap::new();
        for line in &self.lines {
            *units.entry(line.sku.clone()).or_default() += line.unshipped();
        }
        units.into_iter().filter_map(|(sku, units)| Some((sku, Quantity::new(units).ok()?))).collect()
    }

    /// The unsent lines of these SKUs: what people name in place of ids. Units of one SKU fill its lines in their order.
    pub fn lines_of(&self, wanted: &[(Sku, Quantity)]) -> Result<Vec<LineUnits>, Error> {
        self.lines_with(wanted, Line::unshipped)
    }

    /// The lines of these SKUs, whatever became of them.
    pub fn ordered_lines_of(&self, wanted: &[(Sku, Quantity)]) -> Result<Vec<LineUnits>, Error> {
        self.lines_with(wanted, |line| line.quantity.get())
    }

    pub(super) fn lines_with(
        &self,
        wanted: &[(Sku, Quantity)],
        left: impl Fn(&Line) -> i64,
    ) -> Result<Vec<LineUnits>, Error> {
        let mut missing: BTreeMap<&Sku, i64> = BTreeMap::new();
        for (sku, quantity) in wanted {
            *missing.entry(sku).or_default() += quantity.get();
        }
        let mut found = Vec::new();
        for line in &self.lines {
            let Some(units) = missing.get_mut(&line.sku) else { continue };
            if let Ok(quantity) = Quantity::new(left(line).min(*units)) {
                *units -= quantity.get();
                found.push(LineUnits { line_id: line.id, sku: line.sku.clone(), quantity });
            }
        }
        let Some((sku, units)) = missing.into_iter().find(|(_, units)| *units > 0) else { return Ok(found) };
        let lines = || self.lines.iter().filter(|line| line.sku == *sku);
        if lines().next().is_none() {
            return Err(Error::LineNotFound { line: sku.to_string() });
        }
        let remaining = lines().map(left).sum();
        Err(Error::TooManyUnits { sku: sku.clone(), requested: remaining + units, remaining })
    }

    pub fn fulfillment_status(&self) -> &'static str {
        let sum = |count: fn(&Line) -> i64| self.lines.iter().map(count).sum::<i64>();
        let due = sum(|line| line.quantity.get() - line.cancelled);
        let (shipped, delivered, returned) =
            (sum(|line| line.shipped), sum(|line| line.delivered), sum(|line| line.returned));
        match (shipped, delivered, returned) {
            (_, _, 1..) => {
                if returned == due {
                    "returned"
                } else {
                    "partially_returned"
                }
            }
            (_, 1.., _) => {
                if delivered == due {
                    "delivered"
                } else {
                    "partially_delivered"
                }
            }
            (1.., _, _) => {
                if shipped == due {
                    "shipped"
                } else {
                    "partially_shipped"
                }
            }
            _ if !self.awaited.is_empty() => "backordered",
            _ => "unfulfilled",
        }
    }

    pub fn goods_return(&self, return_id: ReturnId) -> Option<&Return> {
        self.returns.iter().find(|known| known.id == return_id)
    }

    /// Something of it was delivered.
    pub fn has_arrived(&self) -> bool {
        self.lines.iter().any(|line| line.delivered > 0)
    }

    /// Nothing is left to be sent, and something was.
    pub fn is_shipped(&self) -> bool {
        !self.shipments.is_empty() && self.lines.iter().all(|line| line.unshipped() == 0)
    }

    /// Everything that was sent arrived, and nothing is left to be sent.
    pub(super) fn is_delivered(&self) -> bool {
        self.is_shipped() && self.lines.iter().all(|line| line.delivered == line.shipped)
    }

    pub(super) fn weight(&self) -> usize {
        let line = |line: &Line| size_of::<Line>() + line.sku.as_str().len() + line.name.as_str().len();
        let shipment = |shipment: &Shipment| size_of::<Shipment>() + shipment.lines.len() * size_of::<LineUnits>();
        let refund = |granted: &RefundGranted| {
            size_of::<RefundGranted>()
                + granted.reason.as_str().len()
                + granted.lines.len() * size_of::<LineUnits>()
                + granted.payments.len() * size_of::<RefundPart>()
        };
        let sealed = |sealed: &Sealed| sealed.sealed_box().len();
        size_of::<Self>()
            + self.lines.iter().map(line).sum::<usize>()
            + self.shipments.iter().map(shipment).sum::<usize>()
            + self.refunds.iter().map(refund).sum::<usize>()
            + self.returns.iter().map(Return::weight).sum::<usize>()
            + self.retries.len() * size_of::<PaymentId>()
            + self.awaited.iter().map(|sku| size_of::<Sku>() + sku.as_str().len()).sum::<usize>()
            + sealed(&self.shipping_address)
            + self.email.as_ref().map_or(0, sealed)
    }

    pub(super) fn pack(&mut self, created: &ShipmentCreated) {
        self.count(&created.lines, |line, units| line.shipped += units);
        self.shipments.push(Shipment {
            id: created.shipment_id,
            lines: created.lines.clone(),
            amount: created.amount,
            location: created.location.clone(),
            dispatch: None,
            delivered_at: None,
        });
    }

    pub(super) fn dispatch(&mut self, dispatched: &ShipmentDispatched) {
        let ShipmentDispatched { shipment_id, carrier, tracking, dispatched_at, .. } = dispatched.clone();
        if let Some(shipment) = self.shipments.iter_mut().find(|shipment| shipment.id == shipment_id) {
            shipment.dispatch = Some(Dispatch { carrier, tracking, dispatched_at });
        }
    }

    pub(super) fn deliver(&mut self, delivered: &ShipmentDelivered) {
        let arrived = self.shipments.iter_mut().find(|shipment| shipment.id == delivered.shipment_id);
        let Some(shipment) = arrived.filter(|shipment| shipment.delivered_at.is_none()) else { return };
        shipment.delivered_at = Some(delivered.delivered_at);
        let lines = shipment.lines.clone();
        self.count(&lines, |line, units| line.delivered += units);
    }

    pub(super) fn cancel(&mut self, cancelled: &LinesCancelled) {
        self.count(&cancelled.lines, |line, units| line.cancelled += units);
        self.cancelled_amount = self.cancelled_amount.saturating_add(cancelled.amount);
    }

    pub(super) fn go_on_with(&mut self, return_id: ReturnId, progress: Progress) {
        if let Some(known) = self.returns.iter_mut().find(|known| known.id == return_id) {
            known.progress = progress;
        }
    }

    pub(super) fn take_back(&mut self, returned: &ReturnReceived) {
        let ReturnReceived { return_id, lines: received, amount, received_at } = returned.clone();
        for units in &received {
            if let Some(place) = self.place(units.line_id, 0) {
                self.lines[place].returned += units.quantity.get();
            }
        }
        self.returned_amount = self.returned_amount.saturating_add(amount);
        self.go_on_with(return_id, Progress::Received { received, amount, at: received_at });
    }

    pub(super) fn complete(&mut self, completed: &Completed) {
        self.completed_at = Some(completed.completed_at);
    }

    /// Events name lines in their order, so each is looked for where the last one was found: a parcel of 2,000 lines
    /// takes 2,000 steps, not 2,000 times 2,000.
    fn count(&mut self, counted: &[LineUnits], add: impl Fn(&mut Line, i64)) {
        let mut last = 0;
        for LineUnits { line_id, quantity, .. } in counted {
            if let Some(place) = self.place(*line_id, last) {
                add(&mut self.lines[place], quantity.get());
                last = place;
            }
        }
    }

    pub(super) fn place(&self, line_id: LineId, near: usize) -> Option<usize> {
        let count = self.lines.len();
        (near..near + count).map(|place| place % count).find(|place| self.lines[*place].id == line_id)
    }
}
