//! Which stock the locations process looks at.

use super::*;
use crate::inventory::TransferStock;
use crate::spec::{Shop, effects, quantity, sku};

fn transfer() -> TransferStock {
    let to = Location::new("LEEDS").unwrap();
    TransferStock { sku: sku("MUG"), quantity: quantity(1), from: Location::main(), to }
}

#[test]
fn a_location_is_looked_at_by_its_first_event_alone() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    assert_eq!(shop.book.iter().flat_map(|event| effects(&LocationProcess, event)).count(), 0, "main is on no list");
    shop.accept(transfer());
    shop.accept(transfer());
    let found: Vec<_> = shop.book.iter().filter(|event| !effects(&LocationProcess, event).is_empty()).collect();
    let found: Vec<_> = found.iter().map(|event| (event.event_type.as_str(), event.stream_version)).collect();
    assert_eq!(found, [("inventory.transferred_in", 1)]);
    assert_eq!(effects(&LocationProcess, shop.last("inventory.location_opened")), [""; 0]);
}

#[test]
fn a_location_that_is_known_is_not_added_again() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.accept(transfer());
    let location = transfer().to;
    shop.accept_as_done(OpenLocation { sku: sku("MUG"), location });
    shop.accept_as_done(OpenLocation { sku: sku("MUG"), location: Location::main() });
}

#[test]
fn a_product_may_lie_at_another_location_alone() {
    let mut shop = Shop::selling(&[("MUG", 500, 0)]);
    let location = transfer().to;
    let done = shop.accept(OpenLocation { sku: sku("MUG"), location });
    assert_eq!(
        (done.types, done.outcome.locations),
        (vec!["inventory.location_opened".to_owned()], vec![Location::main()])
    );
}
