//! The representations on the wire. Commands make them from states, queries from read models: one shape for both.

pub(crate) mod address;
pub(crate) mod cart;
pub(crate) mod goods_return;
pub(crate) mod money;
pub(crate) mod order;
pub(crate) mod payment;
pub(crate) mod product;
pub(crate) mod refund;
pub(crate) mod stock;
