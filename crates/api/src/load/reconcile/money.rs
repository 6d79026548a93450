//! What was taken and given back for each order, as its payments show it, against what the file and the load's own doings say.

use serde::Deserialize;
use uuid::Uuid;

use super::super::account::Accepted;
use super::super::check::Check;
use super::super::numbers::{grouped, pounds};
use super::super::plan::Plan;
use super::read_models::{Differences, Money};

/// The payments of an order.
#[derive(Debug, Deserialize)]
pub(super) struct Paid {
    pub(super) payments: Vec<PaymentOf>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PaymentOf {
    pub(super) id: Uuid,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ledger {
    pub(super) status: Box<str>,
    pub(super) captured: Money,
    pub(super) refunded: Money,
}

pub(super) struct Moneys<'a> {
    plan: &'a Plan,
    orders: u64,
    captured: i128,
    refunded: i128,
    differences: Differences,
}

impl<'a> Moneys<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self { plan, orders: 0, captured: 0, refunded: 0, differences: Differences::default() }
    }

    pub(super) fn see(&mut self, accepted: &Accepted, ledgers: &[Ledger]) {
        let sum = |of: fn(&Ledger) -> &Money| ledgers.iter().map(|ledger| i128::from(of(ledger).amount)).sum::<i128>();
        let (captured, refunded) = (sum(|ledger| &ledger.captured), sum(|ledger| &ledger.refunded));
        self.orders += 1;
        self.captured += captured;
        self.refunded += refunded;
        let number = &self.plan.invoices()[accepted.invoice].number;
        let wanted = (accepted.charged(self.plan).iter().sum(), accepted.refunded());
        if (captured, refunded) != wanted {
            let words = |(captured, refunded)| format!("{} taken, {} given back", pounds(captured), pounds(refunded));
            self.differences
                .add(|| format!("invoice {number}: {}, expected {}", words((captured, refunded)), words(wanted)));
        }
        // What is held on a buyer's account and not owed is let go.
        let held = ledgers.iter().find(|ledger| &*ledger.status == "authorized");
        if let Some(Ledger { status, .. }) = held.filter(|_| accepted.is_captured) {
            self.differences.add(|| format!("invoice {number}: a payment is still {status}"));
        }
    }

    pub(super) fn check(self) -> Check {
        let (captured, refunded) = (pounds(self.captured), pounds(self.refunded));
        let numbers = format!("of {} orders {captured} taken, {refunded} given back", grouped(self.orders));
        self.differences.check("money", numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::account::{Ended, Refund};
    use super::super::super::check::Verdict;
    use super::*;
    use crate::load::baskets::tests::excerpt;
    use crate::load::chaos::draws::Units;
    use crate::load::plan::StockFactor;

    fn plan() -> Plan {
        Plan::new(excerpt(), None, StockFactor::ONE)
    }

    fn ledger(status: &str, captured: i64, refunded: i64) -> Ledger {
        let pence = |amount| Money { amount, currency: "GBP".into() };
        Ledger { status: status.into(), captured: pence(captured), refunded: pence(refunded) }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Accepted), ledgers: &[Ledger], verdict: Verdict, detail: &str) {
        let plan = plan();
        let mut accepted = Accepted::delivered(0, Uuid::nil(), Uuid::nil());
        change(&mut accepted);
        let mut moneys = Moneys::new(&plan);
        moneys.see(&accepted, ledgers);
        let check = moneys.check();
        assert_eq!(check.verdict, verdict, "{check}");
        assert!(check.detail.contains(detail), "{check}");
    }

    #[test]
    fn an_order_is_paid_for_to_the_penny_by_whichever_try() {
        check(
            |_| {},
            &[ledger("failed", 0, 0), ledger("completed", 3_891, 0)],
            Verdict::Ok,
            "£38.91 taken, £0.00 given back",
        );
        let words = "invoice 600001: £38.90 taken, £0.00 given back, expected £38.91 taken";
        check(|_| {}, &[ledger("partially_captured", 3_890, 0)], Verdict::Fail, words);
    }

    #[test]
    fn a_refund_that_was_never_granted_or_is_missing_fails() {
        let refunded = |accepted: &mut Accepted| accepted.refunds = vec![Refund { amount: 51, of_order: true }];
        check(refunded, &[ledger("partially_refunded", 3_891, 51)], Verdict::Ok, "£0.51 given back");
        check(refunded, &[ledger("completed", 3_891, 0)], Verdict::Fail, "expected £38.91 taken, £0.51 given back");
        check(|_| {}, &[ledger("partially_refunded", 3_891, 51)], Verdict::Fail, "£0.51 given back, expected");
    }

    #[test]
    fn nothing_is_taken_for_what_was_cancelled_and_nothing_held() {
        check(|order| order.ended = Ended::Cancelled, &[ledger("voided", 0, 0)], Verdict::Ok, "£0.00 taken");
        // Also where it was given back: nothing of it was ever due.
        check(
            |order| order.ended = Ended::Cancelled,
            &[ledger("refunded", 9, 9)],
            Verdict::Fail,
            "expected £0.00 taken",
        );
        check(
            |order| order.cancelled = Units::from([(2, 2)]),
            &[ledger("completed", 3_891, 0)],
            Verdict::Fail,
            "£36.51",
        );
        let held = [ledger("completed", 3_891, 0), ledger("authorized", 0, 0)];
        check(|_| {}, &held, Verdict::Fail, "a payment is still authorized");
        check(|order| order.is_captured = false, &[ledger("failed", 0, 0)], Verdict::Ok, "£0.00 taken");
    }
}
