//! What the clients do: a few hot products with little stock, carts, checkouts, cancellations, parcels. Everything that a
//! client chooses comes from its own generator.

use std::{sync::Arc, time::Duration};

use api::auth::{
    Role,
    signing::{Grant, TokenSigner},
};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    client::{Client, Site},
    error::Error,
    history::{Command, Kind, Outcome, Record},
    rng::Rng,
};

/// Few, so that everybody wants the same.
pub(crate) const SKUS: [&str; 4] = ["HOT-1", "HOT-2", "HOT-3", "HOT-4"];
/// Little, so that it runs out.
const STOCK: i64 = 60;
const RECEIPT: i64 = 8;
/// A client keeps asking for as long as this, also after the fault.
const PATIENCE: Duration = Duration::from_secs(25);
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// A client thinks between two requests, or the book grows faster than it can be checked.
const THINK_MAX: Duration = Duration::from_millis(40);
/// How often a parcel is tried while the payment is on its way.
const SHIP_TRIES: usize = 6;
const SHIP_PAUSE: Duration = Duration::from_millis(120);

/// Everybody who can be a client.
pub(crate) struct Tokens<'a> {
    pub(crate) signer: &'a TokenSigner,
}

impl Tokens<'_> {
    fn of(&self, role: Role, subject: Uuid) -> String {
        self.signer.sign(Grant { subject, role, guest: false, lifetime: TOKEN_LIFETIME })
    }

    pub(crate) fn staff(&self, site: &Arc<Site>, rng: &Rng, name: &str) -> Client {
        let mut rng = rng.fork(name);
        let token = self.of(Role::Staff, rng.uuid());
        Client::new(Arc::clone(site), 0, &token, rng)
    }

    pub(crate) fn customer(&self, site: &Arc<Site>, node: usize, id: Uuid, rng: Rng) -> Client {
        Client::new(Arc::clone(site), node, &self.of(Role::Customer, id), rng)
    }
}

pub(crate) fn command(kind: Kind, method: &'static str, path: String, body: &Value) -> Command {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Command { kind, method, path, body, customer: None, min_position: None, min_version: None }
}

pub(crate) fn receipt(sku: &str, quantity: i64) -> Command {
    command(Kind::Receive, "POST", format!("/v1/inventory/{sku}/receipts"), &json!({ "quantity": quantity }))
}

/// The products and their first stock: before any fault, so everything has to succeed.
pub(crate) async fn stock_up(staff: &mut Client, rng: &mut Rng) -> Result<(), Error> {
    for (number, sku) in SKUS.iter().enumerate() {
        let price = json!({ "amount": 995 + 250 * number, "currency": "GBP" });
        let product = json!({ "sku": sku, "name": format!("The {sku}"), "price": price, "publish": true });
        let create = command(Kind::CreateProduct, "POST", "/v1/products".to_owned(), &product);
        for command in [create, receipt(sku, STOCK)] {
            let record = staff.settle(&command, Some(&rng.uuid().to_string()), PATIENCE).await;
            if record.outcome != Outcome::Ok {
                return Err(Error::Impossible(format!("the shop cannot be stocked: {record:?}")));
            }
        }
    }
    Ok(())
}

/// Shoppers that go on until they are told to stop, and then finish what they have begun.
pub(crate) fn open(
    tokens: &Tokens<'_>,
    site: &Arc<Site>,
    rng: &Rng,
    shoppers: usize,
) -> (JoinSet<()>, CancellationToken) {
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    for number in 0..shoppers {
        let mut own = rng.fork(&format!("shopper {number}"));
        let id = own.uuid();
        let shopper = Shopper {
            id,
            client: tokens.customer(site, number, id, own.fork("client")),
            staff: tokens.staff(site, &own, "staff"),
            rng: own,
            stop: stop.clone(),
        };
        tasks.spawn(shopper.shop());
    }
    (tasks, stop)
}

struct Shopper {
    id: Uuid,
    client: Client,
    staff: Client,
    rng: Rng,
    stop: CancellationToken,
}

impl Shopper {
    async fn shop(mut self) {
        while !self.stop.is_cancelled() {
            let bought = self.buy().await;
            if let Some(order) = bought
                && !self.stop.is_cancelled()
            {
                self.afterwards(&order).await;
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

    async fn read(&mut self, kind: Kind, path: String, after: &Record) {
        let asked = command(kind, "GET", path, &Value::Null);
        let (min_position, min_version) = (after.answer.position, after.answer.version);
        let asked = Command { customer: Some(self.id), min_position, min_version, ..asked };
        self.client.send(&asked, None).await;
    }

    /// A cart, up to its order; the order's path.
    async fn buy(&mut self) -> Option<String> {
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

    async fn check_out(&mut self, cart: &str) -> Option<String> {
        let token = if self.rng.percent(85) { "tok_ok" } else { "tok_declined" };
        let address =
            json!({ "name": "Ada", "line1": "1 High St", "city": "Ely", "postal_code": "CB7 4EJ", "country": "GB" });
        let details = json!({ "payment": { "method": "card", "token": token }, "shipping_address": address });
        let check_out = command(Kind::CheckOut, "POST", format!("{cart}/checkout"), &details);
        let bought = self.ask(check_out.clone()).await;
        if bought.outcome != Outcome::Ok {
            return None;
        }
        let order = bought.answer.location.clone()?;
        if self.rng.percent(15) {
            // As from a second tab: another key, the same order.
            self.ask(check_out).await;
        }
        if self.rng.percent(50) {
            self.read(Kind::ReadOrder, order.clone(), &bought).await;
        }
        Some(order)
    }

    async fn afterwards(&mut self, order: &str) {
        match self.rng.below(100) {
            0..30 => {
                let cancel = command(
                    Kind::Cancel,
                    "POST",
                    format!("{order}/cancellation"),
                    &json!({ "reason": "changed my mind" }),
                );
                let cancelled = self.ask(cancel.clone()).await;
                if cancelled.outcome == Outcome::Ok && self.rng.percent(30) {
                    self.ask(cancel).await;
                }
            }
            30..75 => self.ship(order).await,
            _ => {}
        }
        if self.rng.percent(25) {
            let (sku, key) = (SKUS[self.rng.index(SKUS.len())], self.key());
            self.staff.settle(&receipt(sku, RECEIPT), Some(&key), PATIENCE).await;
        }
    }

    async fn ship(&mut self, order: &str) {
        let parcel = json!({ "carrier": "Royal Mail", "tracking": "RM1" });
        let ship = command(Kind::Ship, "POST", format!("{order}/shipments"), &parcel);
        for _ in 0..SHIP_TRIES {
            sleep(SHIP_PAUSE).await;
            // Each try is an intention of its own: one that was refused is not kept.
            let key = self.key();
            let shipped = self.staff.settle(&ship, Some(&key), PATIENCE).await;
            if let (Outcome::Ok, Some(shipment)) = (shipped.outcome, shipped.answer.location) {
                let deliver = command(Kind::Deliver, "POST", format!("{shipment}/delivery"), &json!({}));
                let key = self.key();
                self.staff.settle(&deliver, Some(&key), PATIENCE).await;
                return;
            }
            if self.stop.is_cancelled() {
                return;
            }
        }
    }
}
