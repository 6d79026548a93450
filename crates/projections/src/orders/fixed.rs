//! What of an order never changes: what it was created with, here or in an earlier system.

use chrono::{DateTime, Utc};
use domain::{
    country::Country,
    ids::{CartId, CustomerId, OrderNumber},
    money::{Currency, Money},
    order::{Created, CreatedLine, Imported},
    sealed::Sealed,
};

/// An order of an earlier system has neither a cart nor an address, and not always a customer.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) number: OrderNumber,
    pub(super) customer_id: Option<CustomerId>,
    pub(super) cart_id: Option<CartId>,
    pub(super) currency: Currency,
    pub(super) subtotal: Money,
    pub(super) shipping: Money,
    pub(super) tax: Money,
    pub(super) discount: Money,
    pub(super) total: Money,
    pub(super) shipping_address: Option<Sealed>,
    pub(super) email: Option<Sealed>,
    pub(super) country: Option<Country>,
    pub(super) created_at: DateTime<Utc>,
    /// The earlier system, and what it called the order.
    pub(super) imported: Option<(String, String)>,
    pub(super) lines: Vec<CreatedLine>,
}

impl From<Created> for Fixed {
    fn from(created: Created) -> Self {
        Self {
            number: created.number,
            customer_id: Some(created.customer_id),
            cart_id: Some(created.cart_id),
            currency: created.total.currency(),
            subtotal: created.subtotal,
            shipping: created.shipping,
            tax: created.tax,
            discount: created.discount,
            total: created.total,
            shipping_address: Some(created.shipping_address),
            email: created.email,
            country: created.country,
            created_at: created.created_at,
            imported: None,
            lines: created.lines,
        }
    }
}

/// It was created when it was sold.
impl From<Imported> for Fixed {
    fn from(imported: Imported) -> Self {
        let currency = imported.total.currency();
        let nothing = Money::zero(currency);
        Self {
            number: imported.number,
            customer_id: imported.customer_id,
            cart_id: None,
            currency,
            subtotal: imported.total,
            shipping: nothing,
            tax: nothing,
            discount: nothing,
            total: imported.total,
            shipping_address: None,
            email: None,
            country: imported.country,
            created_at: imported.occurred_at,
            imported: Some((imported.source.to_string(), imported.reference.to_string())),
            lines: imported.lines,
        }
    }
}
