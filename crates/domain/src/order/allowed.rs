//! What an order would take: of this a refusal tells whoever asked for what it does not take. What may be done to its returns, they
//! say themselves.

use super::{Contents, Error, State};
use crate::aggregate::acceptable;

impl State {
    /// What a command is told that this state does not take.
    pub fn illegal(&self) -> Error {
        Error::IllegalTransition { state: self.status(), allowed: self.allowed() }
    }

    /// The commands that would change something now.
    pub(super) fn allowed(&self) -> Vec<&'static str> {
        match self {
            Self::Absent => vec!["create"],
            Self::Pending(order) => order.allowed_while_pending(),
            Self::Confirmed(order) => order.allowed_once_confirmed(),
            Self::Cancelled(..) | Self::Failed(..) => vec!["grant_refund"],
            Self::Imported(_) => vec![],
        }
    }

    /// The same, of an order that no payment covers.
    pub(super) fn allowed_unpaid(&self) -> Vec<&'static str> {
        let mut allowed = self.allowed();
        allowed.retain(|command| *command != "dispatch_shipment");
        allowed
    }
}

impl Contents {
    fn allowed_while_pending(&self) -> Vec<&'static str> {
        acceptable([
            ("confirm", true),
            ("cancel", true),
            ("fail", true),
            ("retry_payment", true),
            ("correct_address", true),
            ("grant_refund", true),
            ("hold", true),
            ("release", self.hold.is_some()),
        ])
    }

    fn allowed_once_confirmed(&self) -> Vec<&'static str> {
        let (is_held, is_unsent) = (self.hold.is_some(), !self.is_shipped());
        acceptable([
            ("dispatch_shipment", is_unsent && !is_held),
            ("deliver_shipment", self.shipments.iter().any(|shipment| shipment.delivered_at.is_none())),
            ("cancel", self.shipments.is_empty()),
            ("cancel_lines", is_unsent),
            ("request_return", self.may_come_back()),
            ("correct_address", is_unsent),
            ("grant_refund", true),
            // Also while it is on hold, for another reason.
            ("hold", is_unsent),
            ("release", is_held),
        ])
    }
}
