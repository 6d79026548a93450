//! The deadlines of pending orders.

use super::*;
use crate::carts::{DiscardCart, OpenCart};
use crate::orders::CancelOrder;
use crate::spec::{Shop, add, cart_id, check_out, effects, open, order_id, reason};

#[test]
fn step_6_an_order_has_an_hour_and_its_reservations_a_quarter_of_it() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    let about_carts = |event: &&RecordedEvent| event.stream.category == "cart";
    let events = shop.book.iter().filter(|event| !about_carts(event));
    let all: Vec<_> = events.flat_map(|event| effects(&ExpiryProcess, event)).collect();
    assert_eq!(all, ["set pending_order of 000d0001 in 60 minutes", "set reservations of 000d0001 in 15 minutes"]);
}

#[test]
fn an_order_that_is_no_longer_pending_has_none() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    let cleared = ["clear pending_order of 000d0001", "clear reservations of 000d0001"];
    shop.confirmed_order(1, &[("MUG", 2)]);
    assert_eq!(effects(&ExpiryProcess, shop.last("order.confirmed")), cleared);
    shop.accept(CancelOrder { order_id: order_id(1), owner: None, reason: reason("test"), lines: None });
    assert_eq!(effects(&ExpiryProcess, shop.last("order.cancelled")), cleared);
}

#[test]
fn c9_a_cart_has_a_deadline_while_it_is_open() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    let opening = |guest| OpenCart { guest, ..open(u128::from(guest)) };
    for (guest, expected) in
        [(true, "set untouched_cart of 00ca0001 in 30 days"), (false, "set untouched_cart of 00ca0000 in 90 days")]
    {
        shop.accept(opening(guest));
        assert_eq!(effects(&ExpiryProcess, shop.last("cart.opened")), [expected]);
    }
    assert_eq!(
        effects(&ExpiryProcess, {
            shop.accept(add(1, "MUG", 1));
            shop.last("cart.item_added")
        }),
        [""; 0]
    );
    shop.accept(check_out(1));
    assert_eq!(effects(&ExpiryProcess, shop.last("cart.checked_out")), ["clear untouched_cart of 00ca0001"]);
    shop.accept(DiscardCart { cart_id: cart_id(0), owner: None });
    assert_eq!(effects(&ExpiryProcess, shop.last("cart.discarded")), ["clear untouched_cart of 00ca0000"]);
}

#[test]
fn each_deadline_has_its_use_case() {
    let deadline = |kind: &'static str| Deadline {
        kind: kind.into(),
        subject: order_id(1).as_uuid(),
        due_at: chrono::DateTime::UNIX_EPOCH,
    };
    let name = |kind| ExpiryProcess.fire(&deadline(kind)).map(|runnable| runnable.name());
    assert_eq!(name(PENDING_ORDER), Some("fail_pending_order"));
    assert_eq!(name(RESERVATIONS), Some("expire_reservations"));
    assert_eq!(name(UNTOUCHED_CART), Some("expire_cart"));
    assert_eq!(name("another"), None);
}
