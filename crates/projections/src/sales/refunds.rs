//! What was given back of one order, and how much of it counts.
//!
//! Units that are cancelled are no sales any more, and what is given back for them by the rules is no refund. What somebody
//! grants is one, by its goods where it names any, up to what is left to be paid for the order: of an order that is cancelled
//! afterwards nothing was sold, so nothing of it was refunded.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::{
    ids::RefundId,
    money::{self, Currency, Money},
};
use serde::{Deserialize, Serialize};

/// The SKU of what is given back for no goods in particular.
pub(super) const NO_GOODS: &str = "";

/// Of one order. Nothing is known of most.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Refunds {
    /// The goods that refunds were granted for, each with what was charged for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    granted: BTreeMap<RefundId, Vec<(String, u64)>>,
    /// What was given back that somebody granted.
    given_back: i64,
    /// What counts of it, in the order in which it was counted.
    counted: Vec<Counted>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) day: NaiveDate,
    pub(super) sku: String,
    pub(super) amount: i64,
}

impl Refunds {
    pub(super) fn grant(&mut self, refund_id: RefundId, goods: Vec<(String, u64)>) {
        if !goods.is_empty() {
            self.granted.insert(refund_id, goods);
        }
    }

    /// What is counted of it, by SKU. The parts add up to the whole.
    pub(super) fn give_back(
        &mut self,
        refund_id: RefundId,
        amount: Money,
        day: NaiveDate,
        owed: i64,
    ) -> Result<Vec<Counted>, money::Error> {
        self.given_back += amount.amount();
        self.count(Some(refund_id), amount.currency(), day, owed)
    }

    /// What counts by now and did not before.
    pub(super) fn count(
        &mut self,
        refund_id: Option<RefundId>,
        currency: Currency,
        day: NaiveDate,
        owed: i64,
    ) -> Result<Vec<Counted>, money::Error> {
        let more = (self.given_back.min(owed) - self.counts()).max(0);
        let parts = self.parts(refund_id, Money::new(more, currency))?;
        let counted: Vec<Counted> = parts
            .into_iter()
            .filter(|(_, amount)| *amount != 0)
            .map(|(sku, amount)| Counted { day, sku, amount })
            .collect();
        self.counted.extend(counted.iter().cloned());
        Ok(counted)
    }

    /// Less is owed than before. What counts no more, from where it was counted: the last first.
    pub(super) fn owe_less(&mut self, owed: i64) -> Vec<Counted> {
        let mut less = self.counts() - self.given_back.min(owed);
        let mut taken = Vec::new();
        while less > 0
            && let Some(mut last) = self.counted.pop()
        {
            let amount = last.amount.min(less);
            less -= amount;
            taken.push(Counted { amount: -amount, ..last.clone() });
            last.amount -= amount;
            if last.amount > 0 {
                self.counted.push(last);
            }
        }
        taken
    }

    fn counts(&self) -> i64 {
        self.counted.iter().map(|counted| counted.amount).sum()
    }

    fn parts(&self, refund_id: Option<RefundId>, amount: Money) -> Result<Vec<(String, i64)>, money::Error> {
        let Some(goods) = refund_id.and_then(|refund_id| self.granted.get(&refund_id)) else {
            return Ok(vec![(NO_GOODS.to_owned(), amount.amount())]);
        };
        let weights: Vec<u64> = goods.iter().map(|(_, charged)| *charged).collect();
        let amounts = amount.allocate(&weights)?;
        Ok(goods.iter().zip(amounts).map(|((sku, _), amount)| (sku.clone(), amount.amount())).collect())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).expect("a day")
    }

    fn refund(number: u128) -> RefundId {
        RefundId::from_uuid(Uuid::from_u128(number))
    }

    fn give_back(refunds: &mut Refunds, number: u128, pence: i64, on: u32, owed: i64) -> Vec<(String, i64)> {
        let counted =
            refunds.give_back(refund(number), Money::new(pence, Currency::GBP), day(on), owed).expect("a sum");
        assert!(counted.iter().all(|counted| counted.day == day(on)));
        counted.into_iter().map(|counted| (counted.sku, counted.amount)).collect()
    }

    fn of(sku: &str, amount: i64) -> (String, i64) {
        (sku.to_owned(), amount)
    }

    #[test]
    fn what_is_given_back_for_goods_is_split_by_what_was_charged_for_them_to_the_penny() {
        let mut refunds = Refunds::default();
        refunds.grant(refund(1), vec![("A".to_owned(), 100), ("B".to_owned(), 200)]);
        assert_eq!(give_back(&mut refunds, 1, 100, 1, 300), [of("A", 33), of("B", 67)]);
        // The other payment's part of the same refund.
        assert_eq!(give_back(&mut refunds, 1, 1, 2, 300), [of("B", 1)]);
        assert_eq!(give_back(&mut refunds, 2, 5, 2, 300), [of(NO_GOODS, 5)]);
        assert_eq!(refunds.counts(), 106);
    }

    #[test]
    fn what_was_given_back_before_the_order_was_a_sale_counts_once_it_is_one() {
        let mut refunds = Refunds::default();
        assert_eq!(give_back(&mut refunds, 1, 70, 1, 0), []);
        let counted = refunds.count(None, Currency::GBP, day(2), 100).expect("a sum");
        assert_eq!(counted, [Counted { day: day(2), sku: NO_GOODS.to_owned(), amount: 70 }]);
    }

    #[test]
    fn no_more_counts_than_is_owed_and_what_is_cancelled_afterwards_counts_no_more() {
        let mut refunds = Refunds::default();
        assert_eq!(give_back(&mut refunds, 1, 70, 1, 100), [of(NO_GOODS, 70)]);
        assert_eq!(give_back(&mut refunds, 2, 70, 2, 100), [of(NO_GOODS, 30)]);
        assert_eq!(refunds.owe_less(100), []);
        let taken = |on, amount| Counted { day: day(on), sku: NO_GOODS.to_owned(), amount };
        assert_eq!(refunds.owe_less(60), [taken(2, -30), taken(1, -10)]);
        assert_eq!(refunds.counts(), 60);
        assert_eq!(refunds.owe_less(0), [taken(1, -60)]);
        assert_eq!((refunds.counts(), refunds.owe_less(0)), (0, vec![]));
    }
}
