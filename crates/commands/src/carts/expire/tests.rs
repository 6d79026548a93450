//! When a cart's time is up.

use super::*;
use crate::carts::OpenCart;
use crate::spec::{Shop, add, cart_id, check_out, open};

fn expire() -> ExpireCart {
    ExpireCart { cart_id: cart_id(1) }
}

#[test]
fn c9_a_cart_expires_after_30_days_of_a_guest_and_90_of_a_customer() {
    for (guest, days) in [(true, 30), (false, 90)] {
        let mut shop = Shop::new();
        shop.accept(OpenCart { guest, ..open(1) });
        let due_at = shop.now + TimeDelta::days(days);
        shop.pass(TimeDelta::days(days) - TimeDelta::microseconds(1));
        assert_eq!(shop.accept_as_done(expire()).outcome.again_at, Some(due_at));
        shop.pass(TimeDelta::microseconds(1));
        let done = shop.accept(expire());
        assert_eq!((done.types, done.outcome.again_at), (vec!["cart.expired".to_owned()], None));
        assert_eq!(shop.accept_as_done(expire()).outcome.again_at, None);
    }
}

#[test]
fn c9_whoever_touches_a_cart_keeps_it() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.accept(open(1));
    shop.pass(TimeDelta::days(89));
    shop.accept(add(1, "MUG", 1));
    let due_at = shop.now + TimeDelta::days(90);
    shop.pass(TimeDelta::days(1));
    assert_eq!(shop.accept_as_done(expire()).outcome.again_at, Some(due_at));
}

#[test]
fn c9_a_cart_that_has_ended_does_not_expire() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 1)]);
    shop.accept(check_out(1));
    shop.pass(TimeDelta::days(100));
    assert_eq!(shop.accept_as_done(expire()).outcome.again_at, None);
    assert_eq!(shop.refuse(ExpireCart { cart_id: cart_id(2) }).to_string(), format!("there is no cart {}", cart_id(2)));
}
