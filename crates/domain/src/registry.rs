//! Every event type there is. Whoever needs the whole list, such as schemas, topics and documentation, takes it from here.

use crate::{
    aggregate::{Aggregate, EventKind},
    cart::Cart,
    inventory::Inventory,
    order::Order,
    payment::Payment,
    product::Product,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventType {
    pub category: &'static str,
    pub event_type: &'static str,
    /// In [`event_types`] the one that is written today.
    pub schema_version: i32,
}

/// Every category, in reading order.
pub const CATEGORIES: [&str; 5] =
    [Product::CATEGORY, Cart::CATEGORY, Inventory::CATEGORY, Order::CATEGORY, Payment::CATEGORY];

pub fn event_types() -> impl Iterator<Item = EventType> {
    types_of::<Product>()
        .chain(types_of::<Cart>())
        .chain(types_of::<Inventory>())
        .chain(types_of::<Order>())
        .chain(types_of::<Payment>())
}

/// Every version of every event type that was ever written: all of them stand in somebody's book, and in its topics.
pub fn versions() -> impl Iterator<Item = EventType> {
    event_types().flat_map(versions_of)
}

fn versions_of(today: EventType) -> impl Iterator<Item = EventType> {
    (1..=today.schema_version).map(move |schema_version| EventType { schema_version, ..today })
}

fn types_of<A: Aggregate>() -> impl Iterator<Item = EventType> {
    let of = |(event_type, schema_version): &(&'static str, i32)| EventType {
        category: A::CATEGORY,
        event_type,
        schema_version: *schema_version,
    };
    A::Event::TYPES.iter().map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_up_to_todays_was_written_once() {
        let today = EventType { category: "door", event_type: "door.opened", schema_version: 3 };
        let written: Vec<_> = versions_of(today).collect();
        assert_eq!(written, [1, 2, 3].map(|schema_version| EventType { schema_version, ..today }));
    }
}
