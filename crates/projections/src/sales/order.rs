//! An order as the sales know it: the lines as they were charged, and what was given back.

use chrono::NaiveDate;
use domain::{
    country::Country,
    ids::{LineId, Sku},
    money::Currency,
    order::{Created, CreatedLine, LineUnits, RefundGranted},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refunds::Refunds;
use crate::projection::ApplyError;

pub(super) struct SoldOrder {
    pub(super) currency: Currency,
    pub(super) country: String,
    /// On which it was confirmed. Until then it is no sale.
    pub(super) day: Option<NaiveDate>,
    /// What is to be paid once everything is sent that was not cancelled.
    pub(super) owed: i64,
    pub(super) lines: Vec<SoldLine>,
    pub(super) refunds: Refunds,
    pub(super) is_new: bool,
    pub(super) has_other_lines: bool,
    pub(super) has_other_refunds: bool,
}

/// The units of a line that are not cancelled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SoldLine {
    id: LineId,
    pub(super) sku: Sku,
    pub(super) units: i64,
    pub(super) unit_price: i64,
}

impl SoldOrder {
    pub(super) fn of(created: &Created) -> Self {
        let (lines, total) = (sold(&created.lines), created.total);
        Self { owed: total.amount(), lines, ..Self::to(created.country, total.currency()) }
    }

    /// Of an order of an earlier system nothing changes any more but what was given back, and that says for what.
    pub(super) fn to(country: Option<Country>, currency: Currency) -> Self {
        Self {
            currency,
            country: country.map(|country| country.to_string()).unwrap_or_default(),
            day: None,
            owed: 0,
            lines: Vec::new(),
            refunds: Refunds::default(),
            is_new: true,
            has_other_lines: false,
            has_other_refunds: false,
        }
    }

    /// Of what is to be paid, what has been sold.
    pub(super) fn owed_for_sales(&self) -> i64 {
        self.day.map_or(0, |_| self.owed)
    }

    /// Takes cancelled units off their line.
    pub(super) fn take(&mut self, order_id: Uuid, cancelled: &LineUnits) -> Result<SoldLine, ApplyError> {
        let line = self.lines.iter_mut().find(|line| line.id == cancelled.line_id);
        let line = line.ok_or_else(|| no_line(order_id, cancelled.line_id))?;
        line.units -= cancelled.quantity.get();
        self.has_other_lines = true;
        Ok(line.clone())
    }

    pub(super) fn grant(&mut self, order_id: Uuid, granted: &RefundGranted) -> Result<(), ApplyError> {
        let charged_for = |units: &LineUnits| {
            let line = self.lines.iter().find(|line| line.id == units.line_id);
            let line = line.ok_or_else(|| no_line(order_id, units.line_id))?;
            let charged = line.unit_price.saturating_mul(units.quantity.get()).unsigned_abs();
            Ok((units.sku.to_string(), charged))
        };
        let goods = granted.lines.iter().map(charged_for).collect::<Result<_, ApplyError>>()?;
        self.refunds.grant(granted.refund_id, goods);
        self.has_other_refunds = true;
        Ok(())
    }
}

pub(super) fn sold(lines: &[CreatedLine]) -> Vec<SoldLine> {
    let line = |line: &CreatedLine| SoldLine {
        id: line.id,
        sku: line.sku.clone(),
        units: line.quantity.get(),
        unit_price: line.unit_price.amount(),
    };
    lines.iter().map(line).collect()
}

fn no_line(order_id: Uuid, line_id: LineId) -> ApplyError {
    ApplyError::Contradiction { reason: format!("the order {order_id} has no line {line_id}") }
}
