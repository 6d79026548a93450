//! Whole sales, from checkout to their end, with every process running: on the good path, on each bad one, and on
//! many at once chosen by chance. What ends other than confirmed holds no stock and keeps no money.

mod steps;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::ids::{CaptureId, Location, OrderId, PaymentId, RefundId, ShipmentId};
use domain::order::{Contents, Failure, Order};
use domain::payment::{Ledger, Outcome, Payment, Void};

use super::*;
use crate::checkout::CheckOut;
use crate::inventory::{AdjustStock, ReceiveStock, TransferStock};
use crate::orders::refunds::RefundOrder;
use crate::orders::{CancelOrder, DeliverShipment, ShipOrder};
use crate::payments::{CapturePayment, RefundPayment, RetryPayment, excess};
use crate::spec::{
    Captures, Running, Shop, check_out, gbp, order_id, paying_with, payment_id, quantity, reason, receive, ship,
    shipment_id, sku,
};

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
async fn step_5_a_sale_goes_from_checkout_to_completion() {
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
async fn step_6_a_pending_order_fails_after_60_minutes_and_holds_nothing() {
    for token in ["tok_declined", "tok_requires_action"] {
        let mut running = sale(token).await;
        running.pass(TimeDelta::minutes(16)).await;
        assert_eq!((running.shop.order_state(1).status(), running.shop.stock("MUG")), ("pending", (9, 0, 0)));
        assert_eq!(running.shop.last("inventory.reservation_expired").stream_version, 3, "{token}");
        running.pass(TimeDelta::minutes(43)).await;
        assert_eq!(running.shop.order_state(1).status(), "pending", "{token}");
        running.pass(TimeDelta::minutes(1)).await;
        assert_eq!(running.shop.order_state(1).status(), "failed", "{token}");
        assert_nothing_is_kept(&running.shop);
    }
}

#[tokio::test]
async fn step_2_a_declined_payment_leaves_the_order_pending_and_another_method_may_pay() {
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
async fn step_6_an_order_cancelled_while_the_provider_is_asked_gives_the_money_back() {
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
async fn step_6_an_order_cancelled_after_it_was_authorised_gives_the_money_back() {
    let mut running = sale("tok_ok").await;
    running.shop.accept(cancel(1));
    running.settle().await;
    assert_eq!(running.shop.status(1), ("cancelled", "voided"));
    assert_nothing_is_kept(&running.shop);
}

#[tokio::test]
async fn step_3_stock_sold_to_others_while_the_payment_was_late_fails_the_order_and_gives_the_money_back() {
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
async fn step_4_what_is_not_shipped_is_captured_a_day_before_the_authorisation_lapses() {
    let mut running = sale("tok_ok").await;
    let authorization = running.shop.payment(1).authorization.expect("it was authorised");
    let lapses_in = authorization.expires_at - running.shop.now;
    running.pass(lapses_in - TimeDelta::days(1) - TimeDelta::seconds(1)).await;
    assert_eq!(running.shop.status(1), ("confirmed", "authorized"));
    running.pass(TimeDelta::seconds(1)).await;
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
/// Sales in one run of chance.
const SALES: u128 = 150;
const RUNS: u64 = 6;

/// `DAYBOOK_RANDOM_RUNS=67 cargo test -p commands --lib whatever_happens` is ten thousand sales.
fn runs() -> u64 {
    std::env::var("DAYBOOK_RANDOM_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number of runs"))
}

const TOKENS: [&str; 10] = [
    "tok_ok",
    "tok_ok",
    "tok_ok",
    "tok_declined",
    "tok_insufficient_funds",
    "tok_requires_action",
    "tok_slow",
    "tok_timeout",
    "tok_capture_fails",
    "tok_error_once",
];
const SKUS: [&str; 4] = ["MUG", "PAN", "CUP", "POT"];
/// At each location.
const RECEIVED: i64 = 60;
const PLACES: [&str; 2] = ["main", "north"];

/// Marsaglia's xorshift: the same seed gives the same run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

#[tokio::test]
async fn step_6_whatever_happens_money_and_stock_are_conserved() {
    for (seed, captures) in (1..=runs()).zip([Captures::MoreThanOnce, Captures::Once].into_iter().cycle()) {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut running = Running::paying(two_places(), captures);
        for number in 1..=SALES {
            buy(&mut running, &mut chance, number);
            for _ in 0..3 {
                meddle(&mut running, &mut chance, number).await;
            }
        }
        running.pass(TimeDelta::days(8)).await;
        assert_eq!(running.open_calls(), 0, "seed {seed}");
        assert_nothing_is_kept(&running.shop);
        assert_exactly_what_is_owed_is_taken(&running.shop);
        if !running.capturing_once().is_empty() {
            assert_nothing_is_held_beside_what_was_taken(&running.shop);
        }
        assert_stock_is_conserved(&running.shop);
    }
}

fn place(name: &str) -> Location {
    Location::new(name).expect("a fixture is well-formed")
}

fn two_places() -> Shop {
    let mut shop = Shop::selling(&SKUS.map(|text| (text, 500, RECEIVED)));
    for text in SKUS {
        shop.accept(ReceiveStock { location: place("north"), ..receive(text, RECEIVED) });
    }
    shop
}

fn buy(running: &mut Running, chance: &mut Chance, number: u128) {
    let lines: BTreeMap<&str, i64> =
        (0..=chance.below(3)).map(|_| (chance.pick(&SKUS), 1 + chance.below(4) as i64)).collect();
    running.shop.fill_cart(number, &lines.into_iter().collect::<Vec<_>>());
    let payment = paying_with(chance.pick(&TOKENS));
    // Refused where the stock has run out: the cart stays open, and that is all.
    let _ = running.shop.run(CheckOut { payment, ..check_out(number) });
}

/// Something that buyers, staff, the network or time may do at any moment. Most of it is refused, and may be.
async fn meddle(running: &mut Running, chance: &mut Chance, newest: u128) {
    let number = 1 + u128::from(chance.below(newest as u64));
    let (order_id, order) = (order_id(number), running.shop.find::<Order>(order_id(number).as_uuid()));
    let sent = order.and_then(|order| order.contents()?.shipments.last()).map(|shipment| shipment.id);
    let fresh = Uuid::from_u128(1 << 64 | u128::from(chance.below(u64::MAX)));
    match chance.below(18) {
        0 if chance.below(2) == 0 => drop(running.shop.run(cancel(number))),
        0 => {
            let lines = Some(vec![(sku(chance.pick(&SKUS)), quantity(1 + chance.below(2) as i64))]);
            drop(running.shop.run(CancelOrder { lines, ..cancel(number) }));
        }
        1 => {
            let shipment_id = ShipmentId::from_uuid(fresh);
            let lines = Some(vec![(sku(chance.pick(&SKUS)), quantity(1))]);
            drop(running.shop.run(ShipOrder { shipment_id, lines, ..ship(number, None) }));
        }
        2 | 3 => {
            let shipment_id = ShipmentId::from_uuid(fresh);
            drop(running.shop.run(ShipOrder { shipment_id, ..ship(number, None) }));
        }
        4 => {
            if let Some(shipment_id) = sent {
                drop(running.shop.run(DeliverShipment { order_id, shipment_id, delivered_at: None }));
            }
        }
        5 => {
            let payment = paying_with(chance.pick(&TOKENS));
            let payment_id = PaymentId::from_uuid(fresh);
            drop(running.shop.run(RetryPayment { order_id, owner: None, payment_id, payment }));
        }
        6 => {
            let (process, events) = (chance.below(PROCESSES as u64) as usize, chance.below(40) as usize);
            running.rewind(process, events);
        }
        7 => running.restart_provider(),
        8 => running.lose_answers(),
        9 => running.pass(TimeDelta::minutes(chance.below(20) as i64)).await,
        10 => running.shop.pass(TimeDelta::minutes(chance.below(20) as i64)),
        11 => running.make_calls().await,
        12 => running.record_answers().await,
        13 => {
            let (from, to) = chance.pick(&[("main", "north"), ("north", "main")]);
            let quantity = quantity(1 + chance.below(9) as i64);
            let sku = sku(chance.pick(&SKUS));
            drop(running.shop.run(TransferStock { sku, quantity, from: place(from), to: place(to) }));
        }
        14 => {
            let (shipment_id, location) = (ShipmentId::from_uuid(fresh), Some(place(chance.pick(&PLACES))));
            drop(running.shop.run(ShipOrder { shipment_id, location, ..ship(number, None) }));
        }
        15 => money_by_hand(running, chance, order_id, fresh),
        _ => running.follow(chance.below(PROCESSES as u64) as usize).await,
    }
}

/// What staff takes and gives back, as they see fit.
fn money_by_hand(running: &mut Running, chance: &mut Chance, order_id: OrderId, fresh: Uuid) {
    let Some(order) = running.shop.find::<Order>(order_id.as_uuid()).and_then(|order| order.contents()) else { return };
    let (payment_id, amount) = (order.confirmed_by.unwrap_or(order.payment_id), gbp(1 + chance.below(900) as i64));
    let refund_id = RefundId::from_uuid(fresh);
    match chance.below(3) {
        0 => {
            let (capture_id, capturing_once) = (CaptureId::from_uuid(fresh), running.capturing_once());
            let amount = Some(amount).filter(|_| chance.below(3) > 0);
            drop(running.shop.run(CapturePayment { payment_id, capture_id, amount, capturing_once }));
        }
        1 => drop(running.shop.run(RefundPayment { payment_id, refund_id, amount: Some(amount), reason: None })),
        _ => {
            let (reason, lines) = (reason("goodwill"), Vec::new());
            drop(running.shop.run(RefundOrder { order_id, refund_id, amount, reason, lines }));
        }
    }
}

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

/// To the penny, once the authorisations have lapsed. What staff gave back by hand is beside it.
fn assert_exactly_what_is_owed_is_taken(shop: &Shop) {
    let mut checked = 0;
    for (_, state) in shop.orders() {
        let domain::order::State::Confirmed(order) = state else { continue };
        let payment_id = order.confirmed_by.expect("it is confirmed");
        let ledger = shop.state::<Payment>(payment_id.as_uuid()).ledger().expect("it was opened");
        if ledger.failure.is_some() {
            continue;
        }
        let given_back = excess::given_back(payment_id, ledger).amount();
        let (taken, owed) = (ledger.captured().amount() - given_back, order.owed().amount());
        let is_all_given_back = ledger.refundable() == gbp(0);
        assert!(taken == owed || taken > owed && is_all_given_back, "{payment_id}: {taken} taken, {owed} owed");
        checked += 1;
    }
    assert!(checked > 10, "only {checked} orders were paid");
}

/// A provider that captures once has let go of the rest, and the ledger knows.
fn assert_nothing_is_held_beside_what_was_taken(shop: &Shop) {
    let taken: Vec<_> = shop.payments().into_iter().filter(|(_, ledger)| ledger.captured().is_positive()).collect();
    assert!(taken.len() > 10, "only {} payments were taken", taken.len());
    for (payment_id, ledger) in taken {
        assert_eq!(ledger.figures().held, gbp(0), "{payment_id}");
        let captures = ledger.captures.iter().filter(|capture| capture.outcome != Outcome::Failed);
        assert_eq!(captures.count(), 1, "{payment_id}");
    }
}

fn assert_stock_is_conserved(shop: &Shop) {
    for text in SKUS {
        let (mut shipped, mut unshipped) = (0, 0);
        for (_, state) in shop.orders() {
            let order = state.contents().expect("the order was created");
            for line in order.lines.iter().filter(|line| line.sku.as_str() == text) {
                shipped += line.shipped;
                unshipped += if matches!(state.status(), "cancelled" | "failed") { 0 } else { line.unshipped() };
            }
        }
        let stocks = PLACES.map(|name| shop.stock_at(text, name));
        let sum = |part: fn(&(i64, i64, i64)) -> i64| stocks.iter().map(part).sum::<i64>();
        let (on_hand, reserved, allocated) = (sum(|stock| stock.0), sum(|stock| stock.1), sum(|stock| stock.2));
        assert_eq!((on_hand + shipped, reserved, allocated), (2 * RECEIVED, 0, unshipped), "{text}");
        assert!(stocks.iter().all(|(on_hand, _, allocated)| on_hand >= allocated), "{text} is oversold");
    }
}
