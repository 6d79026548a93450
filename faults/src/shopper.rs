//! What the clients do: carts, checkouts with every kind of token, cancellations of all or of lines, parcels, returns, refunds.
//! Everything that a client chooses comes from its own generator.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    bank::Bank,
    client::Client,
    history::{Command, Kind, Outcome, Record},
    rng::Rng,
    shop::{SKUS, command, receipt},
};

const RECEIPT: i64 = 8;
/// A client keeps asking for as long as this, also after the fault.
const PATIENCE: Duration = Duration::from_secs(25);
/// A client thinks between two requests, or the book grows faster than it can be checked.
const THINK_MAX: Duration = Duration::from_millis(40);
/// How often that is tried which may come too early, while the payment is on its way.
const TRIES: usize = 6;
const TRIES_PAUSE: Duration = Duration::from_millis(120);

/// Of a hundred checkouts. Those that are answered late are rare, for their orders wait.
const SIMULATED: [(u64, &str); 8] = [
    (62, "tok_ok"),
    (9, "tok_declined"),
    (5, "tok_insufficient_funds"),
    (7, "tok_requires_action"),
    (6, "tok_capture_fails"),
    (8, "tok_error_once"),
    (2, "tok_slow"),
    (1, "tok_timeout"),
];
/// Many that webhooks alone tell of.
const STRIPE: [(u64, &str); 4] = [
    (50, "pm_card_visa"),
    (6, "pm_card_chargeDeclined"),
    (4, "pm_card_chargeDeclinedInsufficientFunds"),
    (40, ASKS_FOR_THE_BUYER),
];
const ASKS_FOR_THE_BUYER: &str = "pm_card_authenticationRequired";

pub(crate) struct Shopper {
    pub(crate) id: Uuid,
    pub(crate) client: Client,
    pub(crate) staff: Client,
    /// Of the buyer, where Stripe carries the payments.
    pub(crate) bank: Option<Arc<Bank>>,
    pub(crate) rng: Rng,
    pub(crate) stop: CancellationToken,
}

/// An order, as its checkout was answered.
struct Bought {
    path: String,
    token: &'static str,
    order: Value,
}

impl Bought {
    /// A product of it, and its price.
    fn item(&self) -> Option<(&str, i64)> {
        let line = self.order["lines"].get(0)?;
        Some((line["sku"].as_str()?, line["unit_price"]["amount"].as_i64()?))
    }

    fn payment(&self) -> Option<Uuid> {
        self.order["payments"].get(0)?["id"].as_str()?.parse().ok()
    }
}

impl Shopper {
    pub(crate) async fn shop(mut self) {
        while !self.stop.is_cancelled() {
            let bought = self.buy().await;
            if let Some(bought) = bought
                && !self.stop.is_cancelled()
            {
                self.afterwards(&bought).await;
            }
        }
    }

    fn key(&mut self) -> String {
        self.rng.uuid().to_string()
    }

    async fn think(&mut self) {
        sleep(self.rng.between(Duration::ZERO, THINK_MAX)).await;
    }

    async fn ask(&mut self, command: Command) -> Record {
        self.think().await;
        let (command, key) = (Command { customer: Some(self.id), ..command }, self.key());
        self.client.settle(&command, Some(&key), PATIENCE).await
    }

    async fn staff_does(&mut self, command: &Command) -> Record {
        let key = self.key();
        self.staff.settle(command, Some(&key), PATIENCE).await
    }

    /// Staff does what may come too early. Each try is an intention of its own: one that was refused is not kept.
    async fn staff_tries(&mut self, command: &Command) -> Option<Record> {
        for _ in 0..TRIES {
            sleep(TRIES_PAUSE).await;
            let done = self.staff_does(command).await;
            if done.outcome == Outcome::Ok {
                return Some(done);
            }
            if self.stop.is_cancelled() {
                return None;
            }
        }
        None
    }

    async fn read(&mut self, kind: Kind, path: String, after: &Record) {
        let asked = command(kind, "GET", path, &Value::Null);
        let (min_position, min_version) = (after.answer.position, after.answer.version);
        let asked = Command { customer: Some(self.id), min_position, min_version, ..asked };
        self.client.send(&asked, None).await;
    }

    /// A cart, up to its order.
    async fn buy(&mut self) -> Option<Bought> {
        let opened = self.ask(command(Kind::OpenCart, "POST", "/v1/carts".to_owned(), &json!({}))).await;
        let cart = opened.answer.location.clone().filter(|_| opened.outcome == Outcome::Ok)?;
        for _ in 0..=self.rng.below(3) {
            let sku = SKUS[self.rng.index(SKUS.len())];
            let item = json!({ "sku": sku, "quantity": 1 + self.rng.below(2) });
            let added = self.ask(command(Kind::AddItem, "POST", format!("{cart}/items"), &item)).await;
            if added.outcome != Outcome::Ok || self.stop.is_cancelled() {
                return None;
            }
            if self.rng.percent(40) {
                self.read(Kind::ReadCart, cart.clone(), &added).await;
            }
        }
        self.check_out(&cart).await
    }

    fn token(&mut self) -> &'static str {
        let tokens = if self.bank.is_some() { &STRIPE[..] } else { &SIMULATED[..] };
        let mut drawn = self.rng.below(100);
        for (share, token) in tokens {
            if drawn < *share {
                return token;
            }
            drawn -= share;
        }
        tokens[0].1
    }

    async fn check_out(&mut self, cart: &str) -> Option<Bought> {
        let token = self.token();
        let address =
            json!({ "name": "Ada", "line1": "1 High St", "city": "Ely", "postal_code": "CB7 4EJ", "country": "GB" });
        let details = json!({ "payment": { "method": "card", "token": token }, "shipping_address": address });
        let check_out = command(Kind::CheckOut, "POST", format!("{cart}/checkout"), &details);
        let bought = self.ask(check_out.clone()).await;
        if bought.outcome != Outcome::Ok {
            return None;
        }
        let path = bought.answer.location.clone()?;
        if self.rng.percent(15) {
            // As from a second tab: another key, the same order.
            self.ask(check_out).await;
        }
        if self.rng.percent(50) {
            self.read(Kind::ReadOrder, path.clone(), &bought).await;
        }
        let order = serde_json::from_str(&bought.answer.body).unwrap_or_default();
        Some(Bought { path, token, order })
    }

    async fn afterwards(&mut self, bought: &Bought) {
        if self.rng.percent(25) {
            let sku = SKUS[self.rng.index(SKUS.len())];
            self.staff_does(&receipt(sku, RECEIPT)).await;
        }
        if let Some(bank) = self.bank.clone() {
            if self.rng.percent(3) {
                bank.opens_another();
            }
            if bought.token == ASKS_FOR_THE_BUYER && self.rng.percent(75) {
                return self.pay_at_the_bank(&bank, bought).await;
            }
        }
        let is_declined = bought.token.contains("declined") || bought.token.contains("insufficient");
        match self.rng.below(100) {
            0..60 if is_declined => self.pay_again(bought).await,
            0..18 => self.cancel(bought).await,
            18..30 => {
                self.cancel_a_unit(bought).await;
                if self.rng.percent(50) {
                    self.ship(bought).await;
                }
            }
            30..80 => self.send_and_take_back(bought).await,
            _ => {}
        }
    }

    /// Nothing else is done about it, so that it has to be confirmed.
    async fn pay_at_the_bank(&mut self, bank: &Bank, bought: &Bought) {
        let Some(payment_id) = bought.payment() else { return };
        for _ in 0..TRIES {
            sleep(TRIES_PAUSE).await;
            if bank.buyer_pays(payment_id) {
                return;
            }
        }
    }

    async fn pay_again(&mut self, bought: &Bought) {
        let payment = json!({ "method": "card", "token": self.token() });
        let pay = command(Kind::RetryPayment, "POST", format!("{}/payments", bought.path), &payment);
        for _ in 0..TRIES {
            // The first one is declined in a moment.
            sleep(TRIES_PAUSE).await;
            if self.ask(pay.clone()).await.outcome == Outcome::Ok || self.stop.is_cancelled() {
                return;
            }
        }
    }

    async fn cancel(&mut self, bought: &Bought) {
        let reason = json!({ "reason": "changed my mind" });
        let cancel = command(Kind::Cancel, "POST", format!("{}/cancellation", bought.path), &reason);
        if self.rng.percent(60) {
            self.wait_until_paid(bought).await;
        }
        let cancelled = self.ask(cancel.clone()).await;
        if cancelled.outcome == Outcome::Ok && self.rng.percent(30) {
            self.ask(cancel).await;
        }
    }

    async fn wait_until_paid(&mut self, bought: &Bought) {
        for _ in 0..TRIES {
            sleep(TRIES_PAUSE).await;
            let asked = command(Kind::ReadOrder, "GET", bought.path.clone(), &Value::Null);
            let read = self.client.send(&Command { customer: Some(self.id), ..asked }, None).await;
            let order: Value = serde_json::from_str(&read.answer.body).unwrap_or_default();
            if order["status"] == "confirmed" || self.stop.is_cancelled() {
                return;
            }
        }
    }

    async fn cancel_a_unit(&mut self, bought: &Bought) {
        let Some((sku, _)) = bought.item() else { return };
        let what = json!({ "reason": "one too many", "lines": [{ "sku": sku, "quantity": 1 }] });
        self.ask(command(Kind::Cancel, "POST", format!("{}/cancellation", bought.path), &what)).await;
    }

    async fn send_and_take_back(&mut self, bought: &Bought) {
        if self.ship(bought).await && self.rng.percent(50) {
            self.send_back(bought).await;
        }
    }

    /// Whether it has arrived.
    async fn ship(&mut self, bought: &Bought) -> bool {
        let parcel = json!({ "carrier": "Royal Mail", "tracking": "RM1" });
        let ship = command(Kind::Ship, "POST", format!("{}/shipments", bought.path), &parcel);
        let shipped = self.staff_tries(&ship).await;
        let Some(shipment) = shipped.and_then(|shipped| shipped.answer.location) else { return false };
        let deliver = command(Kind::Deliver, "POST", format!("{shipment}/delivery"), &json!({}));
        self.staff_does(&deliver).await.outcome == Outcome::Ok
    }

    /// A unit comes back, to be sold again or not, and its price is given back.
    async fn send_back(&mut self, bought: &Bought) {
        let Some((sku, price)) = bought.item() else { return };
        let what = json!({ "reason": "arrived broken", "lines": [{ "sku": sku, "quantity": 1 }] });
        let asked = self.ask(command(Kind::RequestReturn, "POST", format!("{}/returns", bought.path), &what)).await;
        let Some(path) = asked.answer.location.filter(|_| asked.outcome == Outcome::Ok) else { return };
        let approve = command(Kind::ApproveReturn, "POST", format!("{path}/approval"), &Value::Null);
        self.staff_does(&approve).await;
        let came = json!({ "lines": [{ "sku": sku, "quantity": 1, "restock": self.rng.percent(60) }] });
        self.staff_does(&command(Kind::ReceiveReturn, "POST", format!("{path}/receipt"), &came)).await;
        let refund = json!({
            "amount": { "amount": price, "currency": "GBP" },
            "reason": "arrived broken",
            "lines": [{ "sku": sku, "quantity": 1 }],
        });
        // Nothing can be given back before it was captured.
        self.staff_tries(&command(Kind::Refund, "POST", format!("{}/refunds", bought.path), &refund)).await;
    }
}
