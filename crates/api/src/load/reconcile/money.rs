//! What was taken and given back for each order, against what the file and the load's own doings say.

use serde::Deserialize;
use uuid::Uuid;

use super::super::check::Check;
use super::super::numbers::{grouped, pounds};
use super::super::plan::Plan;
use super::super::shopper::{Accepted, Ended};
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
        let invoice = &self.plan.invoices()[accepted.invoice];
        let total = self.plan.total_of(invoice);
        let wanted = match accepted.ended {
            Ended::Delivered if accepted.is_captured => (total, i128::from(accepted.refunded)),
            Ended::Delivered => (0, 0),
            // Whatever was taken of it has been given back.
            Ended::Cancelled => (captured, captured),
        };
        if (captured, refunded) != wanted {
            let words = |(captured, refunded)| format!("{} taken, {} given back", pounds(captured), pounds(refunded));
            let found = words((captured, refunded));
            self.differences.add(|| format!("invoice {}: {found}, expected {}", invoice.number, words(wanted)));
        }
        // What is held on a buyer's account and not owed is let go.
        let held = ledgers.iter().find(|ledger| &*ledger.status == "authorized");
        if let Some(Ledger { status, .. }) = held.filter(|_| accepted.is_captured) {
            self.differences.add(|| format!("invoice {}: a payment is still {status}", invoice.number));
        }
    }

    pub(super) fn check(self) -> Check {
        let (captured, refunded) = (pounds(self.captured), pounds(self.refunded));
        let numbers = format!("of {} orders {captured} taken, {refunded} given back", grouped(self.orders));
        self.differences.check("money", numbers)
    }
}
