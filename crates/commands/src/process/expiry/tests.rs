//! The deadlines of pending orders.

use super::*;
use crate::orders::CancelOrder;
use crate::spec::{Shop, effects, order_id, reason};

#[test]
fn an_order_has_an_hour_and_its_reservations_a_quarter_of_it() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    let all: Vec<_> = shop.book.iter().flat_map(|event| effects(&ExpiryProcess, event)).collect();
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
fn each_deadline_has_its_use_case() {
    let deadline = |kind: &'static str| Deadline {
        kind: kind.into(),
        subject: order_id(1).as_uuid(),
        due_at: chrono::DateTime::UNIX_EPOCH,
    };
    let name = |kind| ExpiryProcess.fire(&deadline(kind)).map(|runnable| runnable.name());
    assert_eq!(name(PENDING_ORDER), Some("fail_pending_order"));
    assert_eq!(name(RESERVATIONS), Some("expire_reservations"));
    assert_eq!(name(crate::process::carts::UNTOUCHED_CART), None);
    assert_eq!(name("another"), None);
}
