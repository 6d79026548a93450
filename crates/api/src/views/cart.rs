//! A cart on the wire.

use std::borrow::Cow;

use commands::carts::merge::MergeOutcome;
use commands::world::States;
use domain::cart::Cart;
use domain::ids::CartId;
use domain::money::Money;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::MoneySchema;

/// A cart, at the prices its lines had when they were added or last changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cart)]
pub(crate) struct CartView {
    pub(crate) id: Uuid,
    /// open, checked_out, discarded, merged or expired
    #[schema(value_type = String, example = "open")]
    pub(crate) status: Cow<'static, str>,
    /// ISO 4217
    #[schema(example = "GBP")]
    pub(crate) currency: String,
    pub(crate) customer_id: Uuid,
    pub(crate) lines: Vec<CartLineView>,
    #[schema(value_type = MoneySchema)]
    pub(crate) total: Money,
    /// The order that the cart became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_id: Option<Uuid>,
    /// In the answer to a merge alone: what found no room in the cart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dropped: Option<Vec<DroppedView>>,
    pub(crate) version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CartLine)]
pub(crate) struct CartLineView {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) quantity: i64,
    #[schema(value_type = MoneySchema)]
    pub(crate) unit_price: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) line_total: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DroppedLine)]
pub(crate) struct DroppedView {
    sku: String,
    quantity: i64,
    /// quantity_out_of_range, too_many_lines, currency_mismatch, product_not_published or amount_too_large
    #[schema(example = "product_not_published")]
    reason: String,
}

impl From<projections::carts::Cart> for CartView {
    fn from(cart: projections::carts::Cart) -> Self {
        let lines = cart.lines.into_iter().map(|line| CartLineView {
            sku: line.sku,
            name: line.name,
            quantity: line.quantity,
            unit_price: line.unit_price,
            line_total: line.line_total,
        });
        Self {
            id: cart.id.as_uuid(),
            status: cart.status.into(),
            currency: cart.currency.to_string(),
            customer_id: cart.customer_id.as_uuid(),
            lines: lines.collect(),
            total: cart.total,
            order_id: cart.order_id.map(|order_id| order_id.as_uuid()),
            dropped: None,
            version: cart.version,
        }
    }
}

impl CartView {
    /// `None` only if the cart is not among the states.
    pub(crate) fn of(states: &States, id: CartId) -> Option<Self> {
        let (state, version) = states.get::<Cart>(id.as_uuid())?;
        let contents = state.contents()?;
        let lines = contents.lines.iter().map(|line| CartLineView {
            sku: line.sku.to_string(),
            name: line.name.to_string(),
            quantity: line.quantity.get(),
            unit_price: line.unit_price,
            line_total: line.line_total(),
        });
        Some(Self {
            id: id.as_uuid(),
            status: state.status().into(),
            currency: contents.currency.to_string(),
            customer_id: contents.customer_id.as_uuid(),
            lines: lines.collect(),
            total: contents.total,
            order_id: state.order_id().map(|order_id| order_id.as_uuid()),
            dropped: None,
            version,
        })
    }

    /// The cart that has taken in another one.
    pub(crate) fn merged(states: &States, outcome: &MergeOutcome) -> Option<Self> {
        let dropped = outcome.dropped.iter().map(|dropped| DroppedView {
            sku: dropped.sku.to_string(),
            quantity: dropped.quantity.get(),
            reason: dropped.reason.to_string(),
        });
        Some(Self { dropped: Some(dropped.collect()), ..Self::of(states, outcome.cart_id)? })
    }
}
