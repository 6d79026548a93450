//! The sums of one order over everything that concerns it: O1, O3, and that nothing is kept for what came to nothing.

use chrono::{DateTime, Utc};
use domain::order::{Created, CreatedLine, Event, Imported};
use serde::{Deserialize, Serialize};

use super::{Broken, payment, rules, shelf};

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    total: i64,
    /// Units that were ordered, less what was cancelled.
    units: i64,
    /// Units in parcels, as the order says, and as stock says.
    sent: i64,
    left_stock: i64,
    /// What is due for the parcels.
    due: i64,
    /// Units that stock holds for it.
    held: i64,
    captured: i64,
    refunded: i64,
    ending: Ending,
    /// Since when it does not balance.
    since: Option<DateTime<Utc>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Ending {
    #[default]
    None,
    /// Cancelled or failed: it came to nothing.
    Ended,
    /// Everything is delivered.
    Completed,
    /// An earlier system's.
    Imported,
}

impl Order {
    pub(super) fn see(&mut self, event: &Event) -> Vec<Broken> {
        let mut broken = Vec::new();
        match event {
            Event::Created(created) => {
                (self.total, self.units) = (created.total.amount(), units(&created.lines));
                broken.extend(wrong_total(created));
            }
            Event::Imported(imported) => {
                (self.total, self.units) = (imported.total.amount(), units(&imported.lines));
                self.ending = Ending::Imported;
                broken.extend(wrong_sum(imported));
            }
            Event::ImportedRefund(refund) => {
                self.refunded += refund.amount.amount();
                let lines: i64 = refund.lines.iter().map(|line| line.amount.amount()).sum();
                if lines != refund.amount.amount() || self.refunded > self.total {
                    let of = format!("{} refunded of {}", self.refunded, self.total);
                    broken.push((rules::REFUNDED, format!("{of}, {lines} in its lines")));
                }
            }
            Event::ShipmentCreated(created) => {
                self.sent += created.lines.iter().map(|line| line.quantity.get()).sum::<i64>();
                self.due += created.amount.amount();
                broken.extend(self.too_many_units());
                if self.due > self.total {
                    broken.push((rules::ORDER_TOTAL, format!("{} due for parcels, of {}", self.due, self.total)));
                }
            }
            Event::LinesCancelled(cancelled) => {
                self.units -= cancelled.lines.iter().map(|line| line.quantity.get()).sum::<i64>();
                broken.extend(self.too_many_units());
            }
            Event::Cancelled(_) | Event::Failed(_) => self.ending = Ending::Ended,
            Event::Completed(_) => self.ending = Ending::Completed,
            // They move nothing: what a refund comes to, its payments say.
            Event::Confirmed(_)
            | Event::Held(_)
            | Event::Released(_)
            | Event::CoverageChanged(_)
            | Event::ShipmentDispatched(_)
            | Event::ShipmentDelivered(_)
            | Event::PaymentRetried(_)
            | Event::RefundGranted(_)
            | Event::ReturnRequested(_)
            | Event::ReturnApproved(_)
            | Event::ReturnRejected(_)
            | Event::ReturnReceived(_)
            | Event::AddressCorrected(_) => {}
        }
        broken
    }

    pub(super) fn see_stock(&mut self, change: shelf::OfOrder) {
        self.held += change.held;
        self.left_stock += change.shipped;
    }

    pub(super) fn see_payment(&mut self, change: payment::OfOrder) -> Vec<Broken> {
        let mut broken = Vec::new();
        self.captured += change.captured;
        self.refunded += change.refunded;
        if change.initiated.is_some_and(|amount| amount > self.total) {
            let amount = change.initiated.unwrap_or_default();
            broken.push((rules::AUTHORIZED, format!("a payment of {amount} for an order of {}", self.total)));
        }
        if change.captured > 0 && self.kept() > self.total {
            broken.push((rules::KEPT, format!("{} kept of an order of {}", self.kept(), self.total)));
        }
        broken
    }

    /// What does not balance now and has to in the end, and since when: `now`, if that is new. It may be that a provider is
    /// still to answer.
    pub(super) fn unsettled(&mut self, now: DateTime<Utc>) -> Option<(String, DateTime<Utc>)> {
        let what = self.unbalanced();
        self.since = what.as_ref().and(self.since.or(Some(now)));
        what.zip(self.since)
    }

    fn unbalanced(&self) -> Option<String> {
        let mut what = Vec::new();
        if self.sent != self.left_stock {
            what.push(format!("{} units in its parcels, {} left stock", self.sent, self.left_stock));
        }
        if self.ending == Ending::Ended && self.held != 0 {
            what.push(format!("stock holds {} units for it though it has ended", self.held));
        }
        // Less than nothing is kept where a bank charged back what was refunded: P2 tells of a refund too many.
        if self.ending == Ending::Ended && self.kept() > 0 {
            what.push(format!("{} is kept for it though it has ended", self.kept()));
        }
        if self.ending == Ending::Completed && self.kept() > self.due {
            what.push(format!("{} is kept for it, of {} that was due", self.kept(), self.due));
        }
        if self.ending == Ending::Completed && self.held != 0 {
            what.push(format!("stock holds {} units for it though all is delivered", self.held));
        }
        (!what.is_empty()).then(|| what.join("; "))
    }

    fn kept(&self) -> i64 {
        self.captured - self.refunded
    }

    /// O1.
    fn too_many_units(&self) -> Option<Broken> {
        (self.sent > self.units || self.units < 0)
            .then(|| (rules::ORDER_UNITS, format!("{} units in parcels, of {}", self.sent, self.units)))
    }
}

fn units(lines: &[CreatedLine]) -> i64 {
    lines.iter().map(|line| line.quantity.get()).sum()
}

/// The sum of the lines; `None` if one of them is not its price times its units.
fn sum(lines: &[CreatedLine]) -> Option<i128> {
    lines.iter().try_fold(0, |sum, line| {
        let exact = i128::from(line.unit_price.amount()) * i128::from(line.quantity.get());
        (exact == i128::from(line.line_total.amount())).then_some(sum + exact)
    })
}

/// O3.
fn wrong_total(created: &Created) -> Option<Broken> {
    let Created { subtotal, shipping, tax, discount, total, .. } = created;
    let parts = i128::from(subtotal.amount()) + i128::from(shipping.amount()) + i128::from(tax.amount())
        - i128::from(discount.amount());
    let lines = sum(&created.lines);
    (lines != Some(i128::from(subtotal.amount())) || parts != i128::from(total.amount())).then(|| {
        let stated = format!("a subtotal of {} and a total of {}", subtotal.amount(), total.amount());
        (rules::ORDER_TOTAL, format!("{stated}; the lines come to {}, the parts to {parts}", shown(lines)))
    })
}

fn wrong_sum(imported: &Imported) -> Option<Broken> {
    let (lines, total) = (sum(&imported.lines), imported.total.amount());
    (lines != Some(i128::from(total)))
        .then(|| (rules::ORDER_TOTAL, format!("a total of {total}; the lines come to {}", shown(lines))))
}

fn shown(lines: Option<i128>) -> String {
    lines.map_or_else(|| "no sum, for one is not its price times its units".to_owned(), |sum| sum.to_string())
}
