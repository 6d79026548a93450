//! One invoice is one shopper: opens a cart, adds every line, checks out; turned away for stock, discards the cart.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::account::{Accepted, Ended};
use super::aftermath::ADDRESSED_TO;
use super::baskets::Line;
use super::board::Board;
use super::chaos::Fate;
use super::chaos::draws::Units;
use super::chaos::kinds::{Happened, Kind};
use super::client::{Answer, Ask, Client, Failure, Repeat};
use super::endpoint::Endpoint;
use super::handover::Chaotic;
use super::plan::Plan;
use super::tally::Tally;
use super::tokens::{Guest, Tokens};

/// Adding a line twice adds up, so a cart whose add was lost is left and another one filled; as often as this.
const CARTS_MAX: u32 = 5;

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
    pub happened: Happened,
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
        self.happened.merge(other.happened);
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
    chaotic: Option<Chaotic>,
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
        chaotic: Option<Chaotic>,
    ) -> Self {
        let (plan, tokens, board) = (Arc::clone(plan), Arc::clone(tokens), Arc::clone(board));
        Self { plan, tokens, board, client: Client::new(endpoint), shopped: Shopped::default(), chaotic }
    }

    pub(super) async fn run(mut self) -> Shopped {
        let plan = Arc::clone(&self.plan);
        while let Some(index) = self.board.take() {
            let fate = self.chaotic.as_ref().map_or(Fate::CALM, |chaotic| chaotic.fate(index));
            match self.shop(index, fate).await {
                Ok((cart_id, order_id, bearer)) => self.take_home(index, cart_id, order_id, &bearer, fate).await,
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

    /// An order is accepted: in a chaotic load that is not the end of it.
    async fn take_home(&mut self, invoice: usize, cart_id: Uuid, order_id: Uuid, bearer: &HeaderValue, fate: Fate) {
        self.board.checked_out();
        let mut accepted = Accepted::delivered(invoice, cart_id, order_id);
        if let Some(chaotic) = self.chaotic.clone() {
            accepted.is_captured = fate.is_captured();
            self.afterwards(&mut accepted, bearer, fate).await;
            if accepted.ended == Ended::Cancelled {
                self.board.cancel();
            }
            chaotic.handover.shopped(&accepted, &self.plan);
        }
        self.shopped.accepted.push(accepted);
    }

    /// The cart and the order of an invoice, and who bought it.
    async fn shop(&mut self, index: usize, fate: Fate) -> Result<(Uuid, Uuid, HeaderValue), Failure> {
        let plan = Arc::clone(&self.plan);
        let invoice = &plan.invoices()[index];
        let lines = plan.baskets.lines_of(invoice);
        let merges = fate.merges && invoice.customer.is_some();
        let bearer = self.tokens.shopper(&self.plan, invoice.customer, &mut self.client).await?;
        let mut carts = 1;
        loop {
            let cart = self.open(&bearer).await?;
            let filled = match merges {
                true => self.fill_and_log_in(&cart, &bearer, lines, fate).await,
                false => self.fill(&cart, &bearer, lines).await,
            };
            let outcome = match filled {
                Ok(()) => self.check_out(&cart, &bearer, index, fate).await,
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

    async fn fill(&mut self, cart: &Cart, bearer: &HeaderValue, lines: &[Line]) -> Result<(), Failure> {
        let plan = Arc::clone(&self.plan);
        for line in lines {
            // No character of a SKU needs escaping.
            let body = format!(r#"{{"sku":"{}","quantity":{}}}"#, plan.product(line.product).sku, line.quantity);
            self.post(&cart.items, bearer, body.into(), Repeat::Never).await?;
        }
        Ok(())
    }

    /// The customer begins as a guest. What is in the guest's cart is added to their own when they log in.
    async fn fill_and_log_in(
        &mut self,
        cart: &Cart,
        bearer: &HeaderValue,
        lines: &[Line],
        fate: Fate,
    ) -> Result<(), Failure> {
        let guest = Guest::begin(&mut self.client).await?;
        let guests_cart = self.open(&guest.bearer()).await?;
        let (before, after) = lines.split_at(fate.lines_before_login(lines.len()));
        self.fill(&guests_cart, &guest.bearer(), before).await?;
        self.fill(cart, bearer, after).await?;
        let path = format!("{}/merge", cart.path);
        let body = json!({ "from": guests_cart.id, "guest_token": guest.token }).to_string();
        // Merging what is merged changes nothing.
        for _ in 0..=u8::from(fate.repeats) {
            self.post(&path, bearer, body.clone().into(), Repeat::Harmless).await?;
        }
        self.happened().note(Kind::CartMerged);
        Ok(())
    }

    async fn check_out(
        &mut self,
        cart: &Cart,
        bearer: &HeaderValue,
        index: usize,
        fate: Fate,
    ) -> Result<Uuid, Failure> {
        if let Some(chaotic) = &self.chaotic {
            chaotic.handover.announce(cart.id, index, bearer);
        }
        let body = json!({
            "payment": { "method": "simulated", "token": fate.token },
            "shipping_address": self.address(index, ADDRESSED_TO),
        });
        let (key, body) = (new_key(), Bytes::from(body.to_string()));
        let ask =
            Ask { method: Method::POST, path: &cart.checkout, bearer: Some(bearer), body, repeat: Repeat::Keyed(&key) };
        if fate.hangs_up {
            self.happened().note(Kind::HungUp);
            self.client.hang_up(&ask).await;
        }
        let order_id = id_in_location(&cart.checkout, &self.client.command(&ask).await?)?;
        self.repeat(&ask, order_id, fate).await;
        Ok(order_id)
    }

    pub(super) fn address(&self, invoice: usize, line1: &str) -> Value {
        let invoice = &self.plan.invoices()[invoice];
        let name = match invoice.customer {
            Some(customer) => format!("Customer {}", self.plan.baskets.customers[customer as usize]),
            None => format!("Guest of invoice {}", invoice.number),
        };
        json!({
            "name": name,
            "line1": line1,
            "city": "Anytown",
            "postal_code": "AA1 1AA",
            "country": invoice.country,
        })
    }

    pub(super) fn units_of(&self, invoice: usize) -> Units {
        self.plan.units_of(&self.plan.invoices()[invoice])
    }

    pub(super) fn lines_json(&self, units: &Units) -> Value {
        self.plan.lines_json(units)
    }

    pub(super) fn happened(&mut self) -> &mut Happened {
        &mut self.shopped.happened
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
