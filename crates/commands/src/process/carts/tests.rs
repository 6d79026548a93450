//! The deadlines of carts.

use super::*;
use crate::carts::{DiscardCart, OpenCart};
use crate::spec::{Shop, add, cart_id, check_out, effects, open};

#[test]
fn c9_a_cart_has_a_deadline_while_it_is_open() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    let opening = |guest| OpenCart { guest, ..open(u128::from(guest)) };
    for (guest, expected) in
        [(true, "set untouched_cart of 00ca0001 in 30 days"), (false, "set untouched_cart of 00ca0000 in 90 days")]
    {
        shop.accept(opening(guest));
        assert_eq!(effects(&CartProcess, shop.last("cart.opened")), [expected]);
    }
    shop.accept(add(1, "MUG", 1));
    assert_eq!(effects(&CartProcess, shop.last("cart.item_added")), [""; 0]);
    shop.accept(check_out(1));
    assert_eq!(effects(&CartProcess, shop.last("cart.checked_out")), ["clear untouched_cart of 00ca0001"]);
    shop.accept(DiscardCart { cart_id: cart_id(0), owner: None });
    assert_eq!(effects(&CartProcess, shop.last("cart.discarded")), ["clear untouched_cart of 00ca0000"]);
}

#[test]
fn c9_the_deadline_of_a_cart_expires_it() {
    let deadline = |kind: &'static str| Deadline {
        kind: kind.into(),
        subject: cart_id(1).as_uuid(),
        due_at: chrono::DateTime::UNIX_EPOCH,
    };
    let name = |kind| CartProcess.fire(&deadline(kind)).map(|runnable| runnable.name());
    assert_eq!((name(UNTOUCHED_CART), name("another")), (Some("expire_cart"), None));
}
