//! What has become of one order, as the load has brought it about: who was accepted with what. Everything that the reconciliation
//! expects of the order follows from this and from the file, and from no amount that the server returned.

use uuid::Uuid;

use super::chaos::ReturnEnds;
use super::chaos::draws::{Units, less, more, total};
use super::plan::Plan;

/// An invoice that became an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// An index into the invoices of the plan.
    pub invoice: usize,
    pub cart_id: Uuid,
    pub order_id: Uuid,
    pub ended: Ended,
    /// Whether what was sent has been paid for.
    pub is_captured: bool,
    /// A try to pay for it was declined, or may have been before the order was cancelled.
    pub may_be_declined: bool,
    /// It goes to the corrected address.
    pub is_moved: bool,
    /// Of an order that was not cancelled.
    pub cancelled: Units,
    /// What was in each parcel, where there were several.
    pub parcels: Vec<Units>,
    pub returned: Option<Returned>,
    pub refunds: Vec<Refund>,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Delivered,
    Cancelled,
}

/// Goods that were asked to be taken back, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    pub ends: ReturnEnds,
    pub asked: Units,
    pub received: Units,
    /// Of what was received.
    pub restocked: Units,
}

impl Returned {
    pub fn is_rejected(&self) -> bool {
        !matches!(self.ends, ReturnEnds::Received { .. })
    }
}

/// Money that was given back, in pence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refund {
    pub amount: i64,
    /// Granted for the order, which says so; otherwise of its payment alone.
    pub of_order: bool,
}

/// What the staff did with an order.
#[derive(Debug, Default)]
pub(super) struct Handled {
    /// What was in the parcels before the last.
    pub(super) parcels: Vec<Units>,
    /// Everything that was left went in a last parcel.
    pub(super) rest_is_sent: bool,
    pub(super) cancelled: Units,
}

impl Accepted {
    /// Bought, paid for and delivered.
    pub fn delivered(invoice: usize, cart_id: Uuid, order_id: Uuid) -> Self {
        Self {
            invoice,
            cart_id,
            order_id,
            ended: Ended::Delivered,
            is_captured: true,
            may_be_declined: false,
            is_moved: false,
            cancelled: Units::new(),
            parcels: Vec::new(),
            returned: None,
            refunds: Vec::new(),
        }
    }

    /// Whether it went otherwise than it should.
    pub(super) fn is_otherwise(&self) -> bool {
        *self != Self::delivered(self.invoice, self.cart_id, self.order_id)
    }

    /// What the staff did comes in addition to what the customer did.
    pub(super) fn handle(&mut self, handled: Handled, plan: &Plan) {
        more(&mut self.cancelled, handled.cancelled);
        self.parcels = handled.parcels;
        if handled.rest_is_sent {
            let mut rest = self.sent(plan);
            self.parcels.iter().for_each(|parcel| less(&mut rest, parcel.clone()));
            self.parcels.push(rest);
        }
        if self.parcels.len() == 1 {
            self.parcels.clear();
        }
    }

    /// The units that were sent, and arrived.
    pub fn sent(&self, plan: &Plan) -> Units {
        match self.ended {
            Ended::Cancelled => Units::new(),
            Ended::Delivered => {
                let mut units = plan.units_of(&plan.invoices()[self.invoice]);
                less(&mut units, self.cancelled.clone());
                units
            }
        }
    }

    /// What was in each parcel.
    pub fn parcels_sent(&self, plan: &Plan) -> Vec<Units> {
        match self.ended {
            Ended::Cancelled => Vec::new(),
            Ended::Delivered if self.parcels.is_empty() => vec![self.sent(plan)],
            Ended::Delivered => self.parcels.clone(),
        }
    }

    /// What has been taken for each parcel, in pence.
    pub fn charged(&self, plan: &Plan) -> Vec<i128> {
        let parcels = if self.is_captured { self.parcels_sent(plan) } else { Vec::new() };
        parcels.iter().map(|parcel| plan.value_of(parcel)).collect()
    }

    /// What has been given back, in pence.
    pub fn refunded(&self) -> i128 {
        self.refunds.iter().map(|refund| i128::from(refund.amount)).sum()
    }

    /// What came back.
    pub fn received(&self) -> Units {
        self.returned.as_ref().map(|returned| returned.received.clone()).unwrap_or_default()
    }

    pub(super) fn status(&self) -> &'static str {
        match self.ended {
            Ended::Delivered => "delivered",
            Ended::Cancelled => "cancelled",
        }
    }

    pub(super) fn fulfillment_status(&self, plan: &Plan) -> &'static str {
        match (self.ended, total(&self.received())) {
            (Ended::Cancelled, _) => "unfulfilled",
            (Ended::Delivered, 0) => "delivered",
            (Ended::Delivered, units) if units == total(&self.sent(plan)) => "returned",
            (Ended::Delivered, _) => "partially_returned",
        }
    }

    /// Where a payment was declined about when its order was cancelled, either may have come first.
    pub(super) fn payment_statuses(&self, plan: &Plan) -> &'static [&'static str] {
        let (charged, refunded) = (self.charged(plan).iter().sum::<i128>(), self.refunded());
        match self.ended {
            Ended::Cancelled if self.may_be_declined => &["voided", "declined"],
            Ended::Cancelled => &["voided"],
            Ended::Delivered if !self.is_captured => &["declined"],
            Ended::Delivered if refunded > 0 && refunded == charged => &["refunded"],
            Ended::Delivered if refunded > 0 => &["partially_refunded"],
            Ended::Delivered if !self.cancelled.is_empty() => &["partially_paid"],
            Ended::Delivered => &["paid"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::baskets::tests::excerpt;
    use crate::load::plan::StockFactor;

    fn plan() -> Plan {
        Plan::new(excerpt(), None, StockFactor::ONE)
    }

    /// 9 lanterns for 2.55, 4 for 3.39 and 2 tin boxes for 1.20.
    fn first() -> Accepted {
        Accepted::delivered(0, Uuid::nil(), Uuid::nil())
    }

    #[test]
    fn what_goes_as_it_should_is_one_parcel_that_is_paid_for() {
        let (plan, order) = (plan(), first());
        assert_eq!((order.charged(&plan), order.refunded()), (vec![3_891], 0));
        assert_eq!((order.fulfillment_status(&plan), order.payment_statuses(&plan)), ("delivered", &["paid"][..]));
        assert!(!order.is_otherwise());
    }

    #[test]
    fn parcels_and_cancelled_lines_add_up_to_the_order() {
        let (plan, mut order) = (plan(), first());
        order.cancelled = Units::from([(0, 1)]);
        let handled = Handled {
            parcels: vec![Units::from([(0, 3), (2, 2)])],
            rest_is_sent: true,
            cancelled: Units::from([(1, 2)]),
        };
        order.handle(handled, &plan);
        assert_eq!(order.parcels, [Units::from([(0, 3), (2, 2)]), Units::from([(0, 5), (1, 2)])]);
        assert_eq!(order.charged(&plan), [3 * 255 + 2 * 120, 5 * 255 + 2 * 339]);
        assert_eq!(order.payment_statuses(&plan), ["partially_paid"]);
    }

    #[test]
    fn a_last_parcel_that_never_left_leaves_the_others() {
        let (plan, mut order) = (plan(), first());
        let cancelled = Units::from([(0, 9), (1, 4)]);
        order.handle(Handled { parcels: vec![Units::from([(2, 2)])], rest_is_sent: false, cancelled }, &plan);
        assert_eq!((order.parcels_sent(&plan), order.charged(&plan)), (vec![Units::from([(2, 2)])], vec![240]));
    }

    #[test]
    fn what_comes_back_and_what_is_given_back_show_in_the_statuses() {
        let (plan, mut order) = (plan(), first());
        let received = Units::from([(0, 9)]);
        let (ends, restocked) = (ReturnEnds::Received { short: false }, Units::new());
        order.returned = Some(Returned { ends, asked: received.clone(), received, restocked });
        order.refunds = vec![Refund { amount: 9 * 255, of_order: true }];
        assert_eq!(order.fulfillment_status(&plan), "partially_returned");
        assert_eq!(order.payment_statuses(&plan), ["partially_refunded"]);
        order.returned.as_mut().unwrap().received = order.sent(&plan);
        order.refunds.push(Refund { amount: 3_891 - 9 * 255, of_order: false });
        assert_eq!(order.fulfillment_status(&plan), "returned");
        assert_eq!(order.payment_statuses(&plan), ["refunded"]);
    }

    #[test]
    fn nothing_is_sent_or_charged_of_what_was_cancelled() {
        let (plan, mut order) = (plan(), first());
        order.ended = Ended::Cancelled;
        assert_eq!((order.charged(&plan), order.parcels_sent(&plan)), (Vec::new(), Vec::new()));
        assert_eq!((order.fulfillment_status(&plan), order.payment_statuses(&plan)), ("unfulfilled", &["voided"][..]));
        order.may_be_declined = true;
        assert_eq!(order.payment_statuses(&plan), ["voided", "declined"]);
    }
}
