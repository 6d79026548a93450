//! Money given back for an order, on the wire.

use domain::money::Money;
use domain::order::{RefundGranted, RefundPart};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::MoneySchema;
use super::order::ShippedLineView;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub(crate) struct RefundView {
    pub(crate) id: Uuid,
    #[schema(value_type = MoneySchema)]
    pub(crate) amount: Money,
    pub(crate) reason: String,
    /// The goods that it is for; none where it is not for goods
    pub(crate) lines: Vec<ShippedLineView>,
    /// What each payment gives
    pub(crate) payments: Vec<RefundPartView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefundPart)]
pub(crate) struct RefundPartView {
    pub(crate) payment_id: Uuid,
    #[schema(value_type = MoneySchema)]
    pub(crate) amount: Money,
}

impl RefundView {
    pub(crate) fn of(granted: &RefundGranted) -> Self {
        let part = |part: &RefundPart| RefundPartView { payment_id: part.payment_id.as_uuid(), amount: part.amount };
        Self {
            id: granted.refund_id.as_uuid(),
            amount: granted.amount,
            reason: granted.reason.to_string(),
            lines: granted.lines.iter().map(ShippedLineView::of).collect(),
            payments: granted.payments.iter().map(part).collect(),
        }
    }
}
