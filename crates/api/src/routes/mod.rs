//! The routes, one file a URL noun.

pub(crate) mod addresses;
pub(crate) mod carts;
pub(crate) mod guests;
pub(crate) mod inventory;
pub(crate) mod orders;
pub(crate) mod payments;
pub(crate) mod products;
pub(crate) mod refunds;
pub(crate) mod reports;
pub(crate) mod returns;
pub(crate) mod webhooks;
