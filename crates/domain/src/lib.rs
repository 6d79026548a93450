//! The rules of commerce as pure functions. Knows no async, clock, randomness, SQL, HTTP or logging.
//!
//! Read [`aggregate`] for what an aggregate is ([`upcast`] for how old events are read), then any one aggregate from top to bottom: commands, events, errors,
//! state, `evolve`, `decide`. [`spec`] is how each rule is tested.

pub mod aggregate;
pub mod upcast;

pub mod ids;
pub mod money;

pub mod country;
pub mod sealed;

pub mod product;

pub mod cart;
pub mod inventory;
pub mod order;
pub mod payment;

pub mod registry;
pub mod spec;
