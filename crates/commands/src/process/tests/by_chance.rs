//! Thousands of sales at once, of which chance decides everything: how each is paid, what buyers and staff change their minds
//! about, what comes back, and where processes, their workers and the provider crash. Whatever happens, money and stock
//! add up, and what can happen has happened.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::ids::{CaptureId, Location, OrderId, PaymentId, RefundId, ReturnId, ShipmentId};
use domain::order::{Contents, Order, Progress, Return};
use domain::payment::{Outcome, Payment};
use uuid::Uuid;

use super::{PROCESSES, SKUS, assert_nothing_is_kept, cancel};
use crate::checkout::CheckOut;
use crate::inventory::{ReceiveStock, TransferStock};
use crate::orders::refunds::RefundOrder;
use crate::orders::returns::{ApproveReturn, ReceiveReturn, RejectReturn, RequestReturn};
use crate::orders::{CancelOrder, DeliverShipment, ShipOrder};
use crate::payments::{CapturePayment, RefundPayment, RetryPayment, excess};
use crate::spec::{
    Captures, Crashes, Running, Shop, check_out, gbp, order_id, paying_with, quantity, reason, receive, ship, sku,
};
use crate::use_case::UseCase;

/// Sales in one run of chance.
const SALES: u128 = 150;
const RUNS: u64 = 6;
/// What else happens from one sale to the next.
const MEDDLES: usize = 5;

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
/// At each location.
const RECEIVED: i64 = 60;
const PLACES: [&str; 2] = ["main", "north"];

/// Each has to happen, and be accepted where it can be refused.
const KINDS: [&str; 17] = [
    "an order cancelled",
    "lines cancelled",
    "a parcel",
    "a parcel of one unit",
    "a parcel from one place",
    "a delivery",
    "another try to pay",
    "a return asked for",
    "a return approved",
    "a return rejected",
    "a return received and restocked",
    "a return received and thrown away",
    "a capture by hand",
    "a refund of a payment",
    "a refund of an order",
    "a transfer",
    "the provider forgot everything",
];
/// How orders and payments end.
const ENDS: [&str; 11] = [
    "order confirmed",
    "order shipped",
    "order delivered",
    "order cancelled",
    "order failed",
    "payment completed",
    "payment partially_refunded",
    "payment refunded",
    "payment voided",
    "payment failed",
    "payment expired",
];
/// What has run so often has been crashed at.
const RUN_OFTEN: u64 = 300;

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

/// How often each has happened.
#[derive(Default)]
struct Happened(BTreeMap<String, u64>);

impl Happened {
    fn add(&mut self, what: impl Into<String>, times: u64) {
        *self.0.entry(what.into()).or_default() += times;
    }

    #[track_caller]
    fn assert(&self, what: &str) {
        assert!(self.0.contains_key(what), "never happened: {what}, but {:#?}", self.0);
    }
}

/// A run, and what has happened in it.
struct Play<'a> {
    running: Running,
    chance: Chance,
    happened: &'a mut Happened,
}

#[tokio::test]
async fn whatever_happens_money_and_stock_are_conserved() {
    let mut happened = Happened::default();
    for (seed, captures) in (1..=runs()).zip([Captures::MoreThanOnce, Captures::Once].into_iter().cycle()) {
        let chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let running = Running::paying(two_places(), captures).crashing(Crashes::by_chance(seed));
        let mut play = Play { running, chance, happened: &mut happened };
        for number in 1..=SALES {
            play.buy(number);
            for _ in 0..MEDDLES {
                play.meddle(number).await;
            }
        }
        play.running.pass(TimeDelta::days(8)).await;
        assert_eq!(play.running.open_calls(), 0, "seed {seed}");
        let shop = &play.running.shop;
        assert_nothing_is_kept(shop);
        assert_exactly_what_is_owed_is_taken(shop);
        if !play.running.capturing_once().is_empty() {
            assert_nothing_is_held_beside_what_was_taken(shop);
        }
        assert_stock_is_conserved(shop);
        play.count_ends();
    }
    println!("{} sales: {:#?}", u128::from(runs()) * SALES, happened.0);
    assert_everything_happened(&happened);
}

fn assert_everything_happened(happened: &Happened) {
    for token in BTreeSet::from(TOKENS) {
        happened.assert(token);
    }
    KINDS.iter().chain(&ENDS).for_each(|kind| happened.assert(kind));
    for call in ["authorize", "capture", "void", "refund"] {
        happened.assert(&format!("crash after the answer to {call}"));
        happened.assert(&format!("crash after the record of {call}"));
    }
    let is_often = |(what, times): &(&String, &u64)| !what.starts_with("crash") && **times >= RUN_OFTEN;
    let ran = |what: &str| what.starts_with("effect ") || what.starts_with("deadline ");
    for (what, _) in happened.0.iter().filter(is_often).filter(|(what, _)| ran(what)) {
        happened.assert(&format!("crash before {what}"));
        happened.assert(&format!("crash after {what}"));
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

impl Play<'_> {
    /// What is refused has not happened, and may be.
    fn run<U: UseCase>(&mut self, kind: &str, use_case: U) {
        if self.running.shop.run(use_case).is_ok_and(|done| !done.types.is_empty()) {
            self.happened.add(kind, 1);
        }
    }

    /// Refused where the stock has run out: the cart stays open, and that is all.
    fn buy(&mut self, number: u128) {
        let chance = &mut self.chance;
        let lines: BTreeMap<&str, i64> =
            (0..=chance.below(3)).map(|_| (chance.pick(&SKUS), 1 + chance.below(4) as i64)).collect();
        let token = chance.pick(&TOKENS);
        self.running.shop.fill_cart(number, &lines.into_iter().collect::<Vec<_>>());
        self.run(token, CheckOut { payment: paying_with(token), ..check_out(number) });
    }

    fn order(&self, order_id: OrderId) -> Option<&Contents> {
        self.running.shop.find::<Order>(order_id.as_uuid())?.contents()
    }

    /// Any order, or the next one of which this is so.
    fn some(&mut self, newest: u128, is_so: impl Fn(&Contents) -> bool) -> u128 {
        let any = u128::from(self.chance.below(newest as u64));
        let numbers = (0..newest).map(|next| 1 + (any + next) % newest);
        let found = numbers.into_iter().find(|number| self.order(order_id(*number)).is_some_and(&is_so));
        found.unwrap_or(1 + any)
    }

    /// Something that buyers, staff, the network or time may do at any moment. Most of it is refused, and may be.
    async fn meddle(&mut self, newest: u128) {
        let number = 1 + u128::from(self.chance.below(newest as u64));
        match self.chance.below(21) {
            0 => self.cancel(number),
            1..=3 => self.send(number),
            4 => self.deliver(newest),
            5 => {
                let (order_id, payment) = (order_id(number), paying_with(self.chance.pick(&TOKENS)));
                let payment_id = PaymentId::from_uuid(self.fresh());
                self.run("another try to pay", RetryPayment { order_id, owner: None, payment_id, payment });
            }
            6 => {
                let (process, events) = (self.chance.below(PROCESSES as u64) as usize, self.chance.below(40) as usize);
                self.running.rewind(process, events);
            }
            7 => {
                self.running.restart_provider();
                self.happened.add("the provider forgot everything", 1);
            }
            8 => self.running.lose_answers(),
            9 => self.running.pass(TimeDelta::minutes(self.chance.below(20) as i64)).await,
            10 => self.running.shop.pass(TimeDelta::minutes(self.chance.below(20) as i64)),
            11 => self.running.make_calls().await,
            12 => self.running.record_answers().await,
            13 => {
                let (from, to) = self.chance.pick(&[("main", "north"), ("north", "main")]);
                let (quantity, sku) = (quantity(1 + self.chance.below(9) as i64), sku(self.chance.pick(&SKUS)));
                self.run("a transfer", TransferStock { sku, quantity, from: place(from), to: place(to) });
            }
            14 => self.take_by_hand(number),
            15 => self.give_back_by_hand(newest),
            16 | 17 => self.send_back(newest),
            _ => self.running.follow(self.chance.below(PROCESSES as u64) as usize).await,
        }
    }

    fn fresh(&mut self) -> Uuid {
        Uuid::from_u128(1 << 64 | u128::from(self.chance.below(u64::MAX)))
    }

    fn cancel(&mut self, number: u128) {
        if self.chance.below(2) == 0 {
            return self.run("an order cancelled", cancel(number));
        }
        let lines = Some(vec![(sku(self.chance.pick(&SKUS)), quantity(1 + self.chance.below(2) as i64))]);
        self.run("lines cancelled", CancelOrder { lines, ..cancel(number) });
    }

    /// Parcels of all sorts leave.
    fn send(&mut self, number: u128) {
        let shipment_id = ShipmentId::from_uuid(self.fresh());
        match self.chance.below(4) {
            0 => {
                let lines = Some(vec![(sku(self.chance.pick(&SKUS)), quantity(1))]);
                self.run("a parcel of one unit", ShipOrder { shipment_id, lines, ..ship(number, None) });
            }
            1 => {
                let location = Some(place(self.chance.pick(&PLACES)));
                self.run("a parcel from one place", ShipOrder { shipment_id, location, ..ship(number, None) });
            }
            _ => self.run("a parcel", ShipOrder { shipment_id, ..ship(number, None) }),
        }
    }

    fn deliver(&mut self, newest: u128) {
        let on_its_way = |order: &Contents| order.lines.iter().any(|line| line.shipped > line.delivered);
        let order_id = order_id(self.some(newest, on_its_way));
        let sent = self.order(order_id).and_then(|order| order.shipments.last());
        if let Some(shipment_id) = sent.map(|shipment| shipment.id) {
            self.run("a delivery", DeliverShipment { order_id, shipment_id, delivered_at: None });
        }
    }

    /// What staff takes ahead of any parcel, as they see fit: all of it, or some.
    fn take_by_hand(&mut self, number: u128) {
        let Some(order) = self.order(order_id(number)) else { return };
        let payment_id = order.confirmed_by.unwrap_or(order.payment_id);
        let amount = Some(gbp(1 + self.chance.below(900) as i64)).filter(|amount| amount.amount() % 2 == 0);
        let (capture_id, capturing_once) = (CaptureId::from_uuid(self.fresh()), self.running.capturing_once());
        self.run("a capture by hand", CapturePayment { payment_id, capture_id, amount, capturing_once });
    }

    /// And what they give back.
    fn give_back_by_hand(&mut self, newest: u128) {
        let order_id = order_id(self.some(newest, |order| order.lines.iter().any(|line| line.shipped > 0)));
        let Some(order) = self.order(order_id) else { return };
        let payment_id = order.confirmed_by.unwrap_or(order.payment_id);
        let (refund_id, amount) = (RefundId::from_uuid(self.fresh()), gbp(1 + self.chance.below(900) as i64));
        if self.chance.below(2) == 0 {
            let refund = RefundPayment { payment_id, refund_id, amount: Some(amount), reason: None };
            return self.run("a refund of a payment", refund);
        }
        let (reason, lines) = (reason("goodwill"), Vec::new());
        self.run("a refund of an order", RefundOrder { order_id, refund_id, amount, reason, lines });
    }

    /// Goods of an order that has arrived are asked for, allowed or not, and come.
    fn send_back(&mut self, newest: u128) {
        let order_id = order_id(self.some(newest, Contents::has_arrived));
        let (fresh, choice) = (self.fresh(), self.chance.below(4));
        let Some(order) = self.order(order_id) else { return };
        let newest = order.returns.last().map(|newest| (newest.id, newest.lines.clone(), newest.progress.clone()));
        match newest {
            Some((return_id, lines, Progress::Approved { .. })) => {
                let restock = choice != 0;
                let sku = |line_id| Some(order.line(line_id)?.sku.clone());
                let lines = lines.into_iter().filter_map(|units| Some((sku(units.line_id)?, units.quantity, restock)));
                let (lines, kind) = (lines.collect(), if restock { "restocked" } else { "thrown away" });
                let location = Some(place("north")).filter(|_| choice == 1);
                let receive = ReceiveReturn { order_id, return_id, lines, location };
                self.run(&format!("a return received and {kind}"), receive);
            }
            Some((return_id, _, Progress::Requested)) if choice == 0 => {
                self.run("a return rejected", RejectReturn { order_id, return_id, reason: None });
            }
            Some((return_id, _, Progress::Requested)) => {
                self.run("a return approved", ApproveReturn { order_id, return_id });
            }
            _ => {
                let (return_id, reason) = (ReturnId::from_uuid(fresh), reason("arrived broken"));
                let wanted = order.lines.iter().find(|line| line.delivered > line.returned);
                let lines = wanted.into_iter().map(|line| (line.sku.clone(), quantity(1))).collect();
                self.run("a return asked for", RequestReturn { order_id, owner: None, return_id, lines, reason });
            }
        }
    }

    fn count_ends(&mut self) {
        for (_, state) in self.running.shop.orders() {
            self.happened.add(format!("order {}", state.status()), 1);
        }
        for (_, ledger) in self.running.shop.payments() {
            self.happened.add(format!("payment {}", ledger.status()), 1);
        }
        for (what, times) in self.running.counts() {
            self.happened.add(what, *times);
        }
    }
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

fn units_restocked(back: &Return, text: &str) -> i64 {
    let Progress::Received { received, .. } = &back.progress else { return 0 };
    let restocked = received.iter().filter(|units| units.restock && units.sku.as_str() == text);
    restocked.map(|units| units.quantity.get()).sum()
}

fn assert_stock_is_conserved(shop: &Shop) {
    for text in SKUS {
        let (mut shipped, mut unshipped, mut restocked) = (0, 0, 0);
        for (_, state) in shop.orders() {
            let order = state.contents().expect("the order was created");
            for line in order.lines.iter().filter(|line| line.sku.as_str() == text) {
                shipped += line.shipped;
                unshipped += if matches!(state.status(), "cancelled" | "failed") { 0 } else { line.unshipped() };
            }
            restocked += order.returns.iter().map(|back| units_restocked(back, text)).sum::<i64>();
        }
        let stocks = PLACES.map(|name| shop.stock_at(text, name));
        let sum = |part: fn(&(i64, i64, i64)) -> i64| stocks.iter().map(part).sum::<i64>();
        let (on_hand, reserved, allocated) = (sum(|stock| stock.0), sum(|stock| stock.1), sum(|stock| stock.2));
        assert_eq!((on_hand + shipped - restocked, reserved, allocated), (2 * RECEIVED, 0, unshipped), "{text}");
        assert!(stocks.iter().all(|(on_hand, _, allocated)| on_hand >= allocated), "{text} is oversold");
    }
}
