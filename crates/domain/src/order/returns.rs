//! Goods that come back: asked for, allowed or not, received line by line. What was paid for them is given back by a decision
//! of its own (a refund that names the lines): whoever opens the parcel sees goods, not what was agreed about money.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Contents, Error, Event, Line, LineUnits, ReceivedUnits, ReturnApproved, ReturnReceived, ReturnRejected,
    ReturnRequested, State, due::due_after, named, too_large,
};
use crate::{
    ids::{LineId, Quantity, Reason, ReturnId, Sku},
    money::Money,
};

/// O7: how long after its delivery a unit may be sent back.
pub const RETURN_DAYS: i64 = 30;

/// Returns of one order: as many as it has parcels at most, and a bound on what its state holds.
pub const RETURNS_MAX: usize = super::SHIPMENTS_MAX;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Return {
    pub id: ReturnId,
    /// What was asked for.
    pub lines: Vec<LineUnits>,
    pub reason: Reason,
    pub requested_at: DateTime<Utc>,
    pub progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Progress {
    Requested,
    Approved {
        at: DateTime<Utc>,
    },
    Rejected {
        rejection: Option<Reason>,
        at: DateTime<Utc>,
    },
    /// What came, and what was due for it.
    Received {
        received: Vec<ReceivedUnits>,
        amount: Money,
        at: DateTime<Utc>,
    },
}

impl Return {
    pub(super) fn of(requested: &ReturnRequested) -> Self {
        let ReturnRequested { return_id, lines, reason, requested_at } = requested.clone();
        Self { id: return_id, lines, reason, requested_at, progress: Progress::Requested }
    }

    /// As shown to people and in JSON.
    pub fn status(&self) -> &'static str {
        match self.progress {
            Progress::Requested => "requested",
            Progress::Approved { .. } => "approved",
            Progress::Rejected { .. } => "rejected",
            Progress::Received { .. } => "received",
        }
    }

    /// It may still come: its units cannot be asked for again.
    fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Requested | Progress::Approved { .. })
    }

    fn units_of(&self, line_id: LineId) -> i64 {
        units_of(&self.lines, line_id)
    }

    /// What is on its way back, or is back.
    fn gone_of(&self, line_id: LineId) -> i64 {
        match &self.progress {
            Progress::Requested | Progress::Approved { .. } => self.units_of(line_id),
            Progress::Rejected { .. } => 0,
            Progress::Received { received, .. } => {
                received.iter().filter(|units| units.line_id == line_id).map(|units| units.quantity.get()).sum()
            }
        }
    }

    /// What came by SKU, as people name it, on the lines that the return is of. Units of one SKU fill its lines in their order.
    pub fn received_of(&self, wanted: &[(Sku, Quantity, bool)]) -> Result<Vec<ReceivedUnits>, Error> {
        let mut left: Vec<(&LineUnits, i64)> = self.lines.iter().map(|units| (units, units.quantity.get())).collect();
        let mut found = Vec::new();
        for (sku, quantity, restock) in wanted {
            let mut missing = quantity.get();
            for (units, left) in left.iter_mut().filter(|(units, _)| units.sku == *sku) {
                if let Ok(quantity) = Quantity::new(missing.min(*left)) {
                    (missing, *left) = (missing - quantity.get(), *left - quantity.get());
                    let (line_id, sku, restock) = (units.line_id, sku.clone(), *restock);
                    found.push(ReceivedUnits { line_id, sku, quantity, restock });
                }
            }
            if missing > 0 {
                return Err(self.too_many(sku, wanted));
            }
        }
        Ok(found)
    }

    fn too_many(&self, sku: &Sku, wanted: &[(Sku, Quantity, bool)]) -> Error {
        let of_it = self.lines.iter().filter(|units| units.sku == *sku);
        let remaining: i64 = of_it.map(|units| units.quantity.get()).sum();
        if remaining == 0 {
            return Error::LineNotFound { line: sku.to_string() };
        }
        let requested = wanted.iter().filter(|(other, ..)| other == sku).map(|(_, quantity, _)| quantity.get()).sum();
        Error::TooManyUnits { sku: sku.clone(), requested, remaining }
    }

    pub(super) fn illegal(&self) -> Error {
        let allowed = match self.progress {
            Progress::Requested => vec!["approve", "reject"],
            Progress::Approved { .. } => vec!["receive", "reject"],
            Progress::Rejected { .. } | Progress::Received { .. } => vec![],
        };
        Error::IllegalReturn { state: self.status(), allowed }
    }

    pub(super) fn weight(&self) -> usize {
        let received = match &self.progress {
            Progress::Received { received, .. } => received.len() * size_of::<ReceivedUnits>(),
            Progress::Requested | Progress::Approved { .. } | Progress::Rejected { .. } => 0,
        };
        size_of::<Self>() + self.reason.as_str().len() + self.lines.len() * size_of::<LineUnits>() + received
    }
}

impl Contents {
    /// Something arrived that is neither back nor on its way back. Whether it came too long ago, the clock says.
    pub(super) fn may_come_back(&self) -> bool {
        self.lines.iter().any(|line| returnable(self, line) > 0)
    }

    /// The lines of these SKUs, as far as they can be sent back now: what people name in place of ids.
    pub fn returnable_lines_of(&self, wanted: &[(Sku, Quantity)], at: DateTime<Utc>) -> Result<Vec<LineUnits>, Error> {
        let refused = match self.lines_with(wanted, |line| returnable(self, line).min(in_time(self, line, at))) {
            Err(Error::TooManyUnits { sku, requested, remaining }) => (sku, requested, remaining),
            found => return found,
        };
        // There are as many, and too many of them came too long ago.
        self.lines_with(wanted, |line| returnable(self, line))?;
        let (sku, requested, remaining) = refused;
        Err(Error::ReturnWindowClosed { sku, requested, remaining })
    }
}

/// O1: delivered, not back yet, and not on its way back.
fn returnable(order: &Contents, line: &Line) -> i64 {
    let open = order.returns.iter().filter(|known| known.is_open());
    line.delivered - line.returned - open.map(|known| known.units_of(line.id)).sum::<i64>()
}

/// O7: the units of a line that were delivered at most so long ago, and have not gone back since. A return takes the oldest of those
/// that were in time when it was asked for: otherwise units that are too old could go back one at a time, in the name of younger ones.
fn in_time(order: &Contents, line: &Line, at: DateTime<Utc>) -> i64 {
    let arrived = order.shipments.iter().filter_map(|shipment| Some((shipment.delivered_at?, shipment)));
    let mut arrived: Vec<(DateTime<Utc>, i64)> =
        arrived.map(|(delivered_at, shipment)| (delivered_at, units_of(&shipment.lines, line.id))).collect();
    arrived.sort_unstable_by_key(|(delivered_at, _)| *delivered_at);
    for known in &order.returns {
        let mut gone = known.gone_of(line.id);
        for (_, units) in arrived.iter_mut().filter(|(delivered_at, _)| is_in_time(*delivered_at, known.requested_at)) {
            let taken = gone.min(*units);
            (gone, *units) = (gone - taken, *units - taken);
        }
    }
    arrived.iter().filter(|(delivered_at, _)| is_in_time(*delivered_at, at)).map(|(_, units)| units).sum()
}

fn is_in_time(delivered_at: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    at <= delivered_at + TimeDelta::days(RETURN_DAYS)
}

fn units_of(lines: &[LineUnits], line_id: LineId) -> i64 {
    lines.iter().filter(|units| units.line_id == line_id).map(|units| units.quantity.get()).sum()
}

pub(super) fn request(
    state: &State,
    return_id: ReturnId,
    lines: Vec<LineUnits>,
    reason: Reason,
    requested_at: DateTime<Utc>,
) -> Result<Vec<Event>, Error> {
    let State::Confirmed(order) = state else { return Err(state.illegal()) };
    if order.goods_return(return_id).is_some() {
        return Ok(vec![]);
    }
    if !order.has_arrived() {
        return Err(state.illegal());
    }
    if order.returns.len() >= RETURNS_MAX {
        return Err(Error::TooManyReturns { max: RETURNS_MAX });
    }
    let lines = named(order, lines, |line| returnable(order, line))?;
    for LineUnits { line_id, sku, quantity } in &lines {
        let remaining = order.line(*line_id).map_or(0, |line| in_time(order, line, requested_at));
        if quantity.get() > remaining {
            return Err(Error::ReturnWindowClosed { sku: sku.clone(), requested: quantity.get(), remaining });
        }
    }
    Ok(vec![Event::ReturnRequested(ReturnRequested { return_id, lines, reason, requested_at })])
}

fn known(state: &State, return_id: ReturnId) -> Result<(&Contents, &Return), Error> {
    let order = state.contents().ok_or_else(|| state.illegal())?;
    let known = order.goods_return(return_id).ok_or(Error::ReturnNotFound { return_id })?;
    Ok((order, known))
}

pub(super) fn approve(state: &State, return_id: ReturnId, approved_at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
    let (_, known) = known(state, return_id)?;
    match known.progress {
        Progress::Requested => Ok(vec![Event::ReturnApproved(ReturnApproved { return_id, approved_at })]),
        Progress::Approved { .. } => Ok(vec![]),
        Progress::Rejected { .. } | Progress::Received { .. } => Err(known.illegal()),
    }
}

/// Also one that was approved, and whose goods never came: they can be asked for again.
pub(super) fn reject(
    state: &State,
    return_id: ReturnId,
    reason: Option<Reason>,
    rejected_at: DateTime<Utc>,
) -> Result<Vec<Event>, Error> {
    let (_, known) = known(state, return_id)?;
    match known.progress {
        Progress::Requested | Progress::Approved { .. } => {
            Ok(vec![Event::ReturnRejected(ReturnRejected { return_id, reason, rejected_at })])
        }
        Progress::Rejected { .. } => Ok(vec![]),
        Progress::Received { .. } => Err(known.illegal()),
    }
}

/// Once, and no more than was asked for. What did not come can be asked for again.
pub(super) fn receive(
    state: &State,
    return_id: ReturnId,
    lines: Vec<ReceivedUnits>,
    received_at: DateTime<Utc>,
) -> Result<Vec<Event>, Error> {
    let (order, known) = known(state, return_id)?;
    match &known.progress {
        Progress::Approved { .. } => {}
        Progress::Received { received, .. } if *received == lines => return Ok(vec![]),
        Progress::Requested | Progress::Rejected { .. } | Progress::Received { .. } => return Err(known.illegal()),
    }
    let mut units: BTreeMap<LineId, i64> = BTreeMap::new();
    for received in &lines {
        *units.entry(received.line_id).or_default() += received.quantity.get();
    }
    let of_the_order = lines.iter().map(|ReceivedUnits { line_id, sku, quantity, .. }| LineUnits {
        line_id: *line_id,
        sku: sku.clone(),
        quantity: *quantity,
    });
    let counted = named(order, of_the_order.collect(), |line| known.units_of(line.id))?;
    let amount = value_of(order, &counted, &units)?;
    Ok(vec![Event::ReturnReceived(ReturnReceived { return_id, lines, amount, received_at })])
}

/// O3: what was due for these units. The last that come back take what is left, so that everything together is worth exactly what
/// was due for the parcels that it was sent in, and never a penny more.
fn value_of(order: &Contents, counted: &[LineUnits], units: &BTreeMap<LineId, i64>) -> Result<Money, Error> {
    let sent =
        Money::total(order.currency(), order.shipments.iter().map(|shipment| shipment.amount)).map_err(too_large)?;
    let left = sent.checked_sub(order.returned_amount).map_err(too_large)?;
    let is_back = |line: &Line| {
        let now = units.get(&line.id).copied().unwrap_or_default();
        line.returned + now == line.shipped
    };
    if order.lines.iter().all(is_back) {
        return Ok(left);
    }
    Ok(due_after(order, |line| line.returned, counted).map_err(too_large)?.at_most(left))
}
