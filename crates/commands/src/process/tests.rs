//! Whole sales, from checkout to their end, with every process running: on the good path, on each bad one, and on
//! many at once chosen by chance. What ends other than confirmed holds no stock and keeps no money.

mod by_chance;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::ids::{CaptureId, Location, OrderId, PaymentId};
use domain::order::{Contents, Failure};
use domain::payment::{Ledger, Void};

use crate::checkout::CheckOut;
use crate::inventory::AdjustStock;
use crate::orders::{CancelOrder, DeliverShipment};
use crate::payments::{CapturePayment, RetryPayment};
use crate::spec::{Running, Shop, check_out, gbp, order_id, paying_with, payment_id, reason, ship, shipment_id, sku};

/// A cart of two mugs, checked out with this token, and then as far as it goes by itself.
async fn sale(token: &str) -> Running {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 2)]);
    shop.accept(CheckOut { payment: paying_with(token), ..check_out(1) });
    let mut running = Running::new(shop);
    running.settle().await;
    running
}

fn cancel(number: u128) -> CancelOrder {
    CancelOrder { order_id: order_id(number), owner: None, reason: reason("changed my mind"), lines: None }
}

#[tokio::test]
async fn a_sale_goes_from_checkout_to_completion() {
    let mut running = sale("tok_ok").await;
    assert_eq!(running.shop.status(1), ("confirmed", "authorized"));
    running.shop.accept(ship(1, None));
    running.settle().await;
    assert_eq!(running.shop.status(1), ("shipped", "completed"));
    let (order_id, shipment_id) = (order_id(1), shipment_id(1));
    running.shop.accept(DeliverShipment { order_id, shipment_id, delivered_at: None });
    assert_eq!(running.shop.status(1), ("delivered", "completed"));
    assert_eq!((running.shop.stock("MUG"), running.open_calls()), ((7, 0, 0), 0));
}

#[tokio::test]
async fn each_token_carries_its_order_where_it_belongs() {
    for (token, order, payment) in [
        ("tok_ok", "confirmed", "authorized"),
        ("tok_slow", "confirmed", "authorized"),
        ("tok_timeout", "confirmed", "authorized"),
        ("tok_error_once", "confirmed", "authorized"),
        ("tok_capture_fails", "confirmed", "authorized"),
        ("tok_declined", "pending", "failed"),
        ("tok_insufficient_funds", "pending", "failed"),
        ("tok_of_nobody", "pending", "failed"),
        ("tok_requires_action", "pending", "action_required"),
    ] {
        let running = sale(token).await;
        assert_eq!(running.shop.status(1), (order, payment), "{token}");
        assert_eq!(running.open_calls(), 0, "{token}");
    }
}

#[tokio::test]
async fn an_order_that_is_not_paid_ends_after_an_hour_and_holds_nothing() {
    for token in ["tok_declined", "tok_requires_action"] {
        let mut running = sale(token).await;
        running.pass(TimeDelta::minutes(16)).await;
        assert_eq!((running.shop.order_state(1).status(), running.shop.stock("MUG")), ("pending", (9, 0, 0)));
        assert_eq!(running.shop.last("inventory.reservation_expired").stream_version, 3, "{token}");
        running.pass(TimeDelta::minutes(45)).await;
        assert_eq!(running.shop.order_state(1).status(), "failed", "{token}");
        assert_nothing_is_kept(&running.shop);
    }
}

#[tokio::test]
async fn a_declined_order_that_is_paid_by_another_method_is_confirmed() {
    let mut running = sale("tok_declined").await;
    running.pass(TimeDelta::minutes(14)).await;
    let payment = paying_with("tok_ok");
    running.shop.accept(RetryPayment { order_id: order_id(1), owner: None, payment_id: payment_id(2), payment });
    running.settle().await;
    assert_eq!((running.shop.order_state(1).status(), running.shop.stock("MUG")), ("confirmed", (9, 0, 2)));
    running.pass(TimeDelta::hours(2)).await;
    assert_eq!(running.shop.order_state(1).status(), "confirmed");
    assert_nothing_is_kept(&running.shop);
}

#[tokio::test]
async fn an_order_cancelled_while_the_provider_is_asked_gives_the_money_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 2)]);
    shop.accept(CheckOut { payment: paying_with("tok_timeout"), ..check_out(1) });
    shop.request_authorization(1);
    shop.accept(cancel(1));
    let mut running = Running::new(shop);
    running.settle().await;
    assert_eq!((running.shop.order_state(1).status(), running.open_calls()), ("cancelled", 0));
    assert_nothing_is_kept(&running.shop);
}

#[tokio::test]
async fn an_order_cancelled_after_it_was_authorised_gives_the_money_back() {
    let mut running = sale("tok_ok").await;
    running.shop.accept(cancel(1));
    running.settle().await;
    assert_eq!(running.shop.status(1), ("cancelled", "voided"));
    assert_nothing_is_kept(&running.shop);
}

#[tokio::test]
async fn stock_sold_to_others_while_the_payment_was_late_fails_the_order_and_gives_the_money_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 2)]);
    shop.order(1, &[("MUG", 2)]);
    shop.pass(TimeDelta::minutes(20));
    shop.order(2, &[("MUG", 1)]);
    let mut running = Running::new(shop);
    running.settle().await;
    let failed = running.shop.contents(1);
    assert_eq!(*running.shop.order_state(1), domain::order::State::Failed(failed, Failure::OutOfStock));
    assert_eq!((running.shop.payment(1).status(), running.shop.stock("MUG")), ("voided", (2, 0, 1)));
    assert_nothing_is_kept(&running.shop);
}

#[tokio::test]
async fn what_is_not_shipped_is_captured_before_the_authorisation_lapses() {
    let mut running = sale("tok_ok").await;
    running.pass(TimeDelta::days(6)).await;
    assert_eq!(running.shop.status(1), ("confirmed", "completed"));
    running.shop.accept(ship(1, None));
    running.settle().await;
    assert_eq!(running.shop.payment(1).captured(), gbp(1_000));
}

#[tokio::test]
async fn a_capture_that_failed_is_tried_again_by_staff() {
    let mut running = sale("tok_capture_fails").await;
    running.shop.accept(ship(1, None));
    running.settle().await;
    assert_eq!(running.shop.status(1), ("shipped", "failed"));
    let capture_id = CaptureId::of_shipment(shipment_id(1));
    running.shop.accept(CapturePayment {
        payment_id: payment_id(1),
        capture_id,
        amount: None,
        capturing_once: Default::default(),
    });
    running.settle().await;
    assert_eq!((running.shop.payment(1).status(), running.open_calls()), ("failed", 0));
}

#[tokio::test]
async fn n1_a_count_puts_the_youngest_orders_on_hold_until_their_stock_is_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 5)]);
    shop.order(1, &[("MUG", 2)]);
    shop.order(2, &[("MUG", 3)]);
    let mut running = Running::new(shop);
    running.settle().await;
    let location = Location::main();
    running.shop.accept(AdjustStock { sku: sku("MUG"), location, delta: -1, reason: reason("count") });
    running.settle().await;
    let held = |running: &Running| [1, 2].map(|number| running.shop.contents(number).hold.is_some());
    assert_eq!(held(&running), [false, true]);
    running.shop.accept(cancel(1));
    running.settle().await;
    assert_eq!(held(&running), [false, false], "what the first one let go of is enough for the second");
    running.shop.accept(ship(2, None));
}

#[tokio::test]
async fn c9_a_cart_expires_90_days_after_it_was_last_touched() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 2)]);
    let mut running = Running::new(shop);
    running.pass(TimeDelta::days(60)).await;
    running.shop.accept(crate::spec::add(1, "MUG", 1));
    running.pass(TimeDelta::days(89)).await;
    assert_eq!(running.shop.cart(1).status(), "open");
    running.pass(TimeDelta::days(1)).await;
    assert_eq!(running.shop.cart(1).status(), "expired");
}

#[tokio::test]
async fn a_process_that_reads_its_events_again_does_nothing_twice() {
    let mut running = sale("tok_ok").await;
    running.shop.accept(ship(1, None));
    running.settle().await;
    let before = running.shop.book.len();
    for process in 0..PROCESSES {
        running.rewind(process, before);
    }
    running.restart_provider();
    running.settle().await;
    assert_eq!((running.shop.book.len(), running.open_calls()), (before, 0));
}

/// As many as `process::all` has.
const PROCESSES: usize = 4;
/// What is sold in these shops.
const SKUS: [&str; 4] = ["MUG", "PAN", "CUP", "POT"];

/// Of every order that ended other than confirmed: no stock is held for it and no money is kept. Of every other: no
/// more is captured than was shipped, or than the whole once the authorisation was about to lapse.
fn assert_nothing_is_kept(shop: &Shop) {
    let mut payments: BTreeMap<OrderId, Vec<(PaymentId, &Ledger)>> = BTreeMap::new();
    for (payment_id, ledger) in shop.payments() {
        payments.entry(ledger.order_id).or_default().push((payment_id, ledger));
    }
    for (order_id, state) in shop.orders() {
        let payments = payments.remove(&order_id).expect("every order has a payment");
        let order: &Contents = state.contents().expect("the order was created");
        let taking = order.confirmed_by.filter(|_| !matches!(state.status(), "cancelled" | "failed"));
        for (payment_id, ledger) in payments {
            let (captured, refunded) = (ledger.captured().amount(), ledger.refunded().amount());
            assert!(0 <= refunded && refunded <= captured && captured <= order.totals.total.amount());
            assert_eq!(ledger.refund_pending(), gbp(0));
            if taking != Some(payment_id) {
                let is_let_go = matches!(ledger.void, Void::Voided(_)) || ledger.expired;
                let held = ledger.authorization.is_some() && ledger.uncaptured() != gbp(0) && !is_let_go;
                assert_eq!((captured, held), (refunded, false), "{} {order_id} keeps {payment_id}", state.status());
            }
        }
        let held = |text: &&str| shop.promised(text, order_id) != 0;
        if taking.is_none() {
            assert_eq!(SKUS.iter().copied().find(|text| held(text)), None, "stock of {order_id}, {}", state.status());
        }
    }
    assert!(payments.is_empty(), "payments of no order: {payments:?}");
}
