//! The shop that the clients use: a few hot products with little stock, and who may do what.

use std::{sync::Arc, time::Duration};

use api::auth::{
    Role,
    signing::{Grant, TokenSigner},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    client::{Client, Site},
    error::Error,
    history::{Command, Kind, Outcome},
    rng::Rng,
    shopper::Shopper,
};

/// Few, so that everybody wants the same.
pub(crate) const SKUS: [&str; 4] = ["HOT-1", "HOT-2", "HOT-3", "HOT-4"];
/// Little, so that it runs out.
const STOCK: i64 = 60;
/// Long, for a first start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(25);
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

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
    Command { kind, method, path, body, customer: None, min_position: None, min_version: None, signature: None }
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
            bank: site.bank.clone(),
            rng: own,
            stop: stop.clone(),
        };
        tasks.spawn(shopper.shop());
    }
    (tasks, stop)
}
