//! Why a command was refused: a rule said no, and repeating it as it is will not help.

use domain::aggregate::UnreadableEvent;
use domain::money::Money;
use domain::{cart, inventory, order, payment, product};
use serde::Serialize;

/// A SKU of which less is available than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shortage {
    pub sku: String,
    pub requested: i64,
    pub available: i64,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejection {
    #[error(transparent)]
    Product(#[from] product::Error),
    #[error(transparent)]
    Cart(#[from] cart::Error),
    #[error(transparent)]
    Inventory(#[from] inventory::Error),
    #[error(transparent)]
    Order(#[from] order::Error),
    #[error(transparent)]
    Payment(#[from] payment::Error),
    /// Also what a customer is told of somebody else's.
    #[error("there is no {what} {id}")]
    NotFound { what: &'static str, id: String },
    #[error("there is no product {sku}")]
    UnknownSku { sku: String },
    #[error("a product {sku} exists already")]
    SkuTaken { sku: String },
    #[error("the product {sku} is not published")]
    ProductNotPublished { sku: String },
    #[error("not enough stock for {} SKUs", skus.len())]
    OutOfStock { skus: Vec<Shortage> },
    /// Another try has to wait for the answer to the one before.
    #[error("the payment {payment_id} is {state}, and may yet pay for the order")]
    PaymentInProgress { payment_id: String, state: &'static str, allowed: Vec<&'static str> },
    /// Its provider lets go of what is not taken with the one capture.
    #[error("{provider} captures a payment once, and the order owes {owed}: that much at once, or nothing")]
    CapturesOnce { provider: String, owed: Money },
    #[error("{provider} captures a payment once, and {taken} of this one are taken")]
    CapturedOnce { provider: String, taken: Money },
    #[error("the expected version was {expected}, the stream is at {current}")]
    VersionMismatch { expected: i64, current: i64 },
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error("{stream} holds an event that this release cannot read")]
    UnreadableStream { stream: String, unreadable: UnreadableEvent },
}
