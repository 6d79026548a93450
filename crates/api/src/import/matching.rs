//! Which orders the cancellations belong to: of the same customer and SKU, made before, with units that did not come back
//! yet. The file does not say; where no orders can account for all of a cancellation, it is left out whole.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::ids::{CustomerId, OrderId, Quantity, Sku};
use domain::money::{Currency, Money};
use domain::order::{Import, ImportRefund, LineRefund, Reference};

use super::verdict::LeftOut;

/// One line of a cancellation.
#[derive(Debug, Clone)]
pub(super) struct Cancellation {
    pub(super) reference: Reference,
    pub(super) customer_id: CustomerId,
    pub(super) sku: Sku,
    pub(super) units: i64,
    pub(super) pence: i64,
    pub(super) at: DateTime<Utc>,
}

/// A line of an order that a cancellation may be of.
#[derive(Debug)]
struct Sold {
    order: usize,
    line: usize,
    at: DateTime<Utc>,
    pence: i64,
    left: i64,
}

/// Refunds by cancellation and order, and what became of each cancellation's line: its units by order.
#[derive(Debug, Default)]
pub(super) struct Matched {
    pub(super) refunds: Vec<(OrderId, ImportRefund)>,
    pub(super) verdicts: Vec<Result<Vec<(usize, i64)>, LeftOut>>,
}

/// Cancellations in the order of the file, each of what is left after those before it.
pub(super) fn matched(orders: &[Import], cancellations: &[Cancellation]) -> Matched {
    let mut sold = sold(orders, cancellations);
    let mut refunds: BTreeMap<(Reference, usize), ImportRefund> = BTreeMap::new();
    let mut verdicts = Vec::with_capacity(cancellations.len());
    for cancellation in cancellations {
        let lines = sold.get_mut(&(cancellation.customer_id, cancellation.sku.clone()));
        let taken = lines.map_or(Err(LeftOut::NotReturnable), |lines| take(lines, cancellation));
        verdicts.push(taken.map(|taken| {
            for &(order, line, units) in &taken {
                let key = (cancellation.reference.clone(), order);
                let refund = refunds.entry(key).or_insert_with(|| ImportRefund {
                    reference: cancellation.reference.clone(),
                    lines: Vec::new(),
                    occurred_at: cancellation.at,
                });
                put(refund, &orders[order], line, units, cancellation.pence);
            }
            taken.into_iter().map(|(order, _, units)| (order, units)).collect()
        }));
    }
    let refunds = refunds.into_iter().map(|((_, order), refund)| (orders[order].order_id, refund)).collect();
    Matched { refunds, verdicts }
}

/// What cancellations ask for, the latest first.
fn sold(orders: &[Import], cancellations: &[Cancellation]) -> HashMap<(CustomerId, Sku), Vec<Sold>> {
    let asked: HashSet<(CustomerId, &Sku)> =
        cancellations.iter().map(|cancellation| (cancellation.customer_id, &cancellation.sku)).collect();
    let mut sold: HashMap<(CustomerId, Sku), Vec<Sold>> = HashMap::new();
    for (order, import) in orders.iter().enumerate() {
        let Some(customer_id) = import.customer_id else { continue };
        for (line, bought) in import.lines.iter().enumerate() {
            if asked.contains(&(customer_id, &bought.sku)) {
                let (pence, left) = (bought.unit_price.amount(), bought.quantity.get());
                let of_it = sold.entry((customer_id, bought.sku.clone())).or_default();
                of_it.push(Sold { order, line, at: import.occurred_at, pence, left });
            }
        }
    }
    for of_it in sold.values_mut() {
        of_it.sort_by_key(|sold| std::cmp::Reverse((sold.at, sold.order, sold.line)));
    }
    sold
}

/// Orders, lines and units. Lines of the same price first; then those that cost more, of which a part was given back.
fn take(lines: &mut [Sold], cancellation: &Cancellation) -> Result<Vec<(usize, usize, i64)>, LeftOut> {
    let before = |sold: &&mut Sold| sold.at <= cancellation.at && sold.left > 0;
    let left: i64 = lines.iter_mut().filter(before).map(|sold| sold.left).sum();
    if left < cancellation.units {
        return Err(LeftOut::NotReturnable);
    }
    let (mut missing, mut taken) = (cancellation.units, Vec::new());
    for same_price in [true, false] {
        let fits = |pence: i64| if same_price { pence == cancellation.pence } else { pence > cancellation.pence };
        for sold in lines.iter_mut().filter(before).filter(|sold| fits(sold.pence)) {
            let units = sold.left.min(missing);
            if units > 0 {
                missing -= units;
                taken.push((sold.order, sold.line, units));
            }
        }
    }
    if missing > 0 {
        return Err(LeftOut::MoreThanCharged);
    }
    for &(order, line, units) in &taken {
        let found = lines.iter_mut().find(|sold| (sold.order, sold.line) == (order, line));
        found.expect("it was taken from these").left -= units;
    }
    Ok(taken)
}

/// Each line once: a cancellation may name a SKU on several of its lines.
fn put(refund: &mut ImportRefund, order: &Import, line: usize, units: i64, pence: i64) {
    let bought = &order.lines[line];
    let money = |pence| Money::new(pence, Currency::GBP);
    let quantity = |units| Quantity::new(units).expect("no more units are taken from a line than it has");
    match refund.lines.iter_mut().find(|known| known.line_id == bought.id) {
        Some(known) => {
            known.quantity = quantity(known.quantity.get() + units);
            known.amount = money(known.amount.amount() + units * pence);
        }
        None => refund.lines.push(LineRefund {
            line_id: bought.id,
            sku: bought.sku.clone(),
            quantity: quantity(units),
            amount: money(units * pence),
        }),
    }
}

#[cfg(test)]
mod tests;
