//! What is due for goods that are sent, cancelled or come back: their prices, and their share of what is charged beside them.

use super::{Contents, Line, LineUnits, Totals};
use crate::money::{self, Money};

/// What is due for a parcel: its lines' prices, and their share of shipping, tax and discount.
pub(super) fn due_for_parcel(order: &Contents, parcel: &[LineUnits]) -> Result<Money, money::Error> {
    let Totals { subtotal, total, .. } = order.totals;
    if subtotal.is_zero() && order.shipments.is_empty() {
        // Goods that are free have no shares: what is due comes with the first parcel.
        return Ok(total);
    }
    due(order, parcel)
}

/// O3: the prices of these units and their share of shipping, tax and discount. Shares are rounded over all that was sent or
/// cancelled so far, so that the parcels and the cancellations of an order add up to its total exactly.
pub(super) fn due(order: &Contents, lines: &[LineUnits]) -> Result<Money, money::Error> {
    due_after(order, |line| line.shipped + line.cancelled, lines)
}

/// After these units of each line.
pub(super) fn due_after(
    order: &Contents,
    gone: impl Fn(&Line) -> i64,
    lines: &[LineUnits],
) -> Result<Money, money::Error> {
    let Totals { subtotal, total, .. } = order.totals;
    if subtotal.is_zero() {
        return Ok(subtotal);
    }
    let extras = total.checked_sub(subtotal)?;
    let share = |goods: Money| extras.fraction(goods.amount(), subtotal.amount());
    let gone = order.lines.iter().map(|line| line.unit_price.saturating_mul(gone(line)));
    let gone = Money::total(total.currency(), gone)?;
    let with_these = gone.checked_add(value(order, lines)?)?;
    with_these.checked_add(share(with_these)?)?.checked_sub(gone.checked_add(share(gone)?)?)
}

/// The prices of these units.
fn value(order: &Contents, lines: &[LineUnits]) -> Result<Money, money::Error> {
    let mut last = 0;
    let mut value = Money::zero(order.totals.total.currency());
    for LineUnits { line_id, quantity, .. } in lines {
        if let Some(place) = order.place(*line_id, last) {
            value = value.checked_add(order.lines[place].unit_price.checked_mul(*quantity)?)?;
            last = place;
        }
    }
    Ok(value)
}
