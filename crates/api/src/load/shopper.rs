//! One invoice is one shopper: opens a cart, adds every line, checks out; turned away for stock, discards the cart.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::baskets::Invoice;
use super::board::Board;
use super::chaos::{Fate, Mishaps, Seed};
use super::client::{Answer, Ask, Client, Failure, Repeat};
use super::endpoint::Endpoint;
use super::plan::Plan;
use super::tally::Tally;
use super::tokens::Tokens;

/// Adding a line twice adds up, so a cart whose add was lost is left and another one filled; as often as this.
const CARTS_MAX: u32 = 5;

/// An invoice that became an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// An index into the invoices of the plan.
    pub invoice: usize,
    pub cart_id: Uuid,
    pub order_id: Uuid,
    pub ended: Ended,
    /// Whether what was sent has been paid for.
    pub is_captured: bool,
    /// In pence.
    pub refunded: i64,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Delivered,
    Cancelled,
}

impl Accepted {
    /// Whether it went otherwise than it should.
    pub(super) fn is_otherwise(&self) -> bool {
        *self != Self::delivered(self.invoice, self.cart_id, self.order_id)
    }

    /// Bought, paid for and delivered.
    pub fn delivered(invoice: usize, cart_id: Uuid, order_id: Uuid) -> Self {
        Self { invoice, cart_id, order_id, ended: Ended::Delivered, is_captured: true, refunded: 0 }
    }
}

/// What came of the invoices.
#[derive(Default)]
pub struct Shopped {
    pub accepted: Vec<Accepted>,
    /// Invoices that became no order, by the code of the problem that ended them.
    pub refused: BTreeMap<Box<str>, u64>,
    /// How often a checkout was refused for want of this SKU.
    pub short: BTreeMap<Box<str>, u64>,
    /// Carts that were left half-filled because the answer to an add was lost.
    pub carts_left: u64,
    pub mishaps: Mishaps,
    pub tally: Tally,
}

impl Shopped {
    pub(super) fn merge(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        for (mine, theirs) in [(&mut self.refused, other.refused), (&mut self.short, other.short)] {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
        self.carts_left += other.carts_left;
        self.mishaps.merge(other.mishaps);
        self.tally.merge(&other.tally);
    }
}

/// A client that serves one invoice after another, on one connection.
pub(super) struct Shopper {
    plan: Arc<Plan>,
    tokens: Arc<Tokens>,
    board: Arc<Board>,
    pub(super) client: Client,
    pub(super) shopped: Shopped,
    chaos: Option<Seed>,
}

#[derive(Deserialize)]
struct OutOfStock {
    skus: Vec<Short>,
}

#[derive(Deserialize)]
struct Short {
    sku: Box<str>,
}

impl Shopper {
    pub(super) fn new(
        endpoint: &Endpoint,
        plan: &Arc<Plan>,
        tokens: &Arc<Tokens>,
        board: &Arc<Board>,
        chaos: Option<Seed>,
    ) -> Self {
        let (plan, tokens, board) = (Arc::clone(plan), Arc::clone(tokens), Arc::clone(board));
        Self { plan, tokens, board, client: Client::new(endpoint), shopped: Shopped::default(), chaos }
    }

    pub(super) async fn run(mut self) -> Shopped {
        let plan = Arc::clone(&self.plan);
        while let Some(index) = self.board.take() {
            let fate = self.chaos.map_or(Fate::CALM, |seed| Fate::of(seed, index));
            match self.shop(&plan.invoices()[index], fate).await {
                Ok((cart_id, order_id, bearer)) => {
                    self.board.checked_out();
                    let ended = self.afterwards(order_id, &bearer, fate).await;
                    if ended == Ended::Cancelled {
                        self.board.cancel();
                    }
                    let is_captured = fate.is_captured();
                    let accepted = Accepted { invoice: index, cart_id, order_id, ended, is_captured, refunded: 0 };
                    self.shopped.accepted.push(accepted);
                }
                Err(failure) => {
                    tracing::debug!(invoice = %plan.invoices()[index].number, %failure, "an invoice became no order");
                    *self.shopped.refused.entry(failure.code().into()).or_default() += 1;
                    self.count_shortages(&failure);
                    self.board.turned_away();
                }
            }
        }
        self.shopped.tally = self.client.tally;
        self.shopped
    }

    /// The cart and the order of an invoice, and who bought it.
    async fn shop(&mut self, invoice: &Invoice, fate: Fate) -> Result<(Uuid, Uuid, HeaderValue), Failure> {
        let bearer = self.tokens.shopper(&self.plan, invoice.customer, &mut self.client).await?;
        let mut carts = 1;
        loop {
            let cart = self.open(&bearer).await?;
            let filled = self.fill(&cart, &bearer, invoice).await;
            let outcome = match filled {
                Ok(()) => self.check_out(&cart, &bearer, invoice, fate).await,
                Err(Failure::Unknown { .. }) if carts < CARTS_MAX => {
                    carts += 1;
                    self.shopped.carts_left += 1;
                    self.discard(&cart, &bearer).await;
                    continue;
                }
                Err(failure) => Err(failure),
            };
            if outcome.is_err() {
                self.discard(&cart, &bearer).await;
            }
            return Ok((cart.id, outcome?, bearer));
        }
    }

    /// A cart that is opened twice is one that nobody fills.
    async fn open(&mut self, bearer: &HeaderValue) -> Result<Cart, Failure> {
        let body = Bytes::from_static(br#"{"currency":"GBP"}"#);
        let answer = self.post("/v1/carts", bearer, body, Repeat::Harmless).await?;
        Ok(Cart::of(id_in_location("/v1/carts", &answer)?))
    }

    async fn fill(&mut self, cart: &Cart, bearer: &HeaderValue, invoice: &Invoice) -> Result<(), Failure> {
        let plan = Arc::clone(&self.plan);
        for line in plan.baskets.lines_of(invoice) {
            // No character of a SKU needs escaping.
            let body = format!(r#"{{"sku":"{}","quantity":{}}}"#, plan.product(line.product).sku, line.quantity);
            self.post(&cart.items, bearer, body.into(), Repeat::Never).await?;
        }
        Ok(())
    }

    async fn check_out(
        &mut self,
        cart: &Cart,
        bearer: &HeaderValue,
        invoice: &Invoice,
        fate: Fate,
    ) -> Result<Uuid, Failure> {
        let name = match invoice.customer {
            Some(customer) => format!("Customer {}", self.plan.baskets.customers[customer as usize]),
            None => format!("Guest of invoice {}", invoice.number),
        };
        let body = json!({
            "payment": { "method": "simulated", "token": fate.token },
            "shipping_address": {
                "name": name,
                "line1": "1 Made-up Road",
                "city": "Anytown",
                "postal_code": "AA1 1AA",
                "country": invoice.country,
            },
        });
        let (key, body) = (new_key(), Bytes::from(body.to_string()));
        let ask =
            Ask { method: Method::POST, path: &cart.checkout, bearer: Some(bearer), body, repeat: Repeat::Keyed(&key) };
        if fate.hangs_up {
            self.shopped.mishaps.hang_ups += 1;
            self.client.hang_up(&ask).await;
        }
        let order_id = id_in_location(&cart.checkout, &self.client.command(&ask).await?)?;
        self.repeat(&ask, order_id, fate).await;
        Ok(order_id)
    }

    /// A cart that cannot be discarded stays open: it holds nothing and becomes no order.
    async fn discard(&mut self, cart: &Cart, bearer: &HeaderValue) {
        let (method, body) = (Method::DELETE, Bytes::new());
        let ask = Ask { method, path: &cart.path, bearer: Some(bearer), body, repeat: Repeat::Harmless };
        if let Err(failure) = self.client.command(&ask).await {
            tracing::debug!(%failure, "a cart could not be discarded");
        }
    }

    pub(super) async fn post(
        &mut self,
        path: &str,
        bearer: &HeaderValue,
        body: Bytes,
        repeat: Repeat<'_>,
    ) -> Result<Answer, Failure> {
        self.client.command(&Ask { method: Method::POST, path, bearer: Some(bearer), body, repeat }).await
    }

    fn count_shortages(&mut self, failure: &Failure) {
        let Failure::Refused { code, body, .. } = failure else { return };
        if &**code != "out_of_stock" {
            return;
        }
        if let Ok(problem) = serde_json::from_slice::<OutOfStock>(body) {
            for short in problem.skus {
                *self.shopped.short.entry(short.sku).or_default() += 1;
            }
        }
    }
}

/// The addresses of one cart.
struct Cart {
    id: Uuid,
    path: String,
    items: String,
    checkout: String,
}

impl Cart {
    fn of(id: Uuid) -> Self {
        let path = format!("/v1/carts/{id}");
        Self { id, items: format!("{path}/items"), checkout: format!("{path}/checkout"), path }
    }
}

/// A key of one intention, for all of its sendings.
pub(super) fn new_key() -> HeaderValue {
    HeaderValue::try_from(Uuid::now_v7().to_string()).expect("a UUID is a header value")
}

/// What a command created: the last segment of its `Location`.
pub(super) fn id_in_location(path: &str, answer: &Answer) -> Result<Uuid, Failure> {
    let location = answer.location.as_ref().and_then(|value| value.to_str().ok());
    let id = location.and_then(|location| location.rsplit('/').next()?.parse().ok());
    id.ok_or_else(|| Failure::NoLocation { path: path.to_owned() })
}
