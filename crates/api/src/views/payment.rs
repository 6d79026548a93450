//! A payment on the wire.

use std::borrow::Cow;

use commands::world::States;
use domain::ids::PaymentId;
use domain::money::Money;
use domain::payment::Payment;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::MoneySchema;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentView {
    pub(crate) id: Uuid,
    pub(crate) order_id: Uuid,
    /// initiated, action_required, authorized, partially_captured, completed, partially_refunded, refunded, failed, voided, …
    #[schema(value_type = String, example = "authorized")]
    pub(crate) status: Cow<'static, str>,
    #[schema(value_type = MoneySchema)]
    pub(crate) amount: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) authorized: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) captured: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) refunded: Money,
    #[schema(example = "simulated")]
    pub(crate) provider: String,
    /// Where the payer is to go, while the payment waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action_url: Option<String>,
    pub(crate) version: i64,
}

/// The one status in which the payer has somewhere to go.
const WAITING: &str = "action_required";

impl From<projections::orders::Payment> for PaymentView {
    fn from(payment: projections::orders::Payment) -> Self {
        let action_url = payment.action_url.filter(|_| payment.status == WAITING);
        Self {
            id: payment.id.as_uuid(),
            order_id: payment.order_id.as_uuid(),
            status: payment.status.into(),
            amount: payment.amount,
            authorized: payment.authorized,
            captured: payment.captured,
            refunded: payment.refunded,
            provider: payment.provider,
            action_url,
            version: payment.version,
        }
    }
}

impl PaymentView {
    pub(crate) fn of(states: &States, id: PaymentId) -> Option<Self> {
        let (state, version) = states.get::<Payment>(id.as_uuid())?;
        let ledger = state.ledger()?;
        let action_url = ledger.action_url.as_ref().filter(|_| ledger.status() == WAITING);
        Some(Self {
            id: id.as_uuid(),
            order_id: ledger.order_id.as_uuid(),
            status: ledger.status().into(),
            amount: ledger.amount,
            authorized: ledger.authorized(),
            captured: ledger.captured(),
            refunded: ledger.refunded(),
            provider: ledger.provider.to_string(),
            action_url: action_url.map(ToString::to_string),
            version,
        })
    }
}
