//! `daybook flash-sale`: many buyers at once for fewer units of one SKU. Exactly as many orders are confirmed as there are
//! units, everybody else is told that it is out of stock, and nothing is left over.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use super::check::{Check, Verdict};
use super::client::{Answer, Ask, Client, Failure, Repeat};
use super::endpoint::Endpoint;
use super::numbers::grouped;
use super::own_dev::OwnDevError;
use super::report::{Table, millis};
use super::run::{Target, find};
use super::shopper::{id_in_location, new_key};
use super::tally::Tally;
use super::tokens::Tokens;
use crate::auth::signing::SigningKeyError;

/// Confirming takes a gateway call of a process; an order that is not confirmed after this long never is.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks at what is confirmed.
const PAUSE: Duration = Duration::from_millis(50);
/// The most that a page of orders may have.
const PAGE: u32 = 200;
const CARTS: &str = "/v1/carts";
const OUT_OF_STOCK: &str = "out_of_stock";

#[derive(Debug, Clone)]
pub struct FlashSale {
    /// Each wants one unit.
    pub buyers: u32,
    pub units: u32,
    /// Connections that buy at once.
    pub clients: usize,
    pub target: Target,
}

#[derive(Debug, thiserror::Error)]
pub enum FlashSaleError {
    #[error(transparent)]
    OwnDev(#[from] OwnDevError),
    #[error("no tokens can be made for this Daybook")]
    Tokens(#[source] SigningKeyError),
    #[error("the sale could not be set up")]
    SetUp(#[source] Failure),
    #[error("what was sold could not be read")]
    Read(#[source] Failure),
}

/// What became of the sale: all that the checks look at.
#[derive(Clone)]
pub struct Sold {
    pub tally: Tally,
    /// Those of the SKU, whatever their state.
    pub orders: u64,
    pub confirmed: u64,
    pub stock: Stock,
    pub filled_in: Duration,
    /// From the first checkout on.
    pub answered_in: Duration,
    pub confirmed_in: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Stock {
    pub on_hand: i64,
    pub reserved: i64,
    pub allocated: i64,
    pub available: i64,
}

/// A cart with the one unit in it, and whose it is.
struct Ready {
    checkout: String,
    bearer: HeaderValue,
}

/// `tell` gets the report and the checks. True if everything came out to the unit.
pub async fn run(sale: FlashSale, mut tell: impl FnMut(&dyn Display)) -> Result<bool, FlashSaleError> {
    let (own, instance) = find(sale.target.clone()).await?;
    let tokens = Arc::new(Tokens::open(&instance.data, 0).map_err(FlashSaleError::Tokens)?);
    let sku = format!("FLASH-{}", Uuid::now_v7().simple());
    offer(&instance.api, &tokens, &sku, sale.units).await.map_err(FlashSaleError::SetUp)?;
    let begun = Instant::now();
    let ready = fill(&instance.api, &tokens, &sku, &sale).await.map_err(FlashSaleError::SetUp)?;
    let filled_in = begun.elapsed();
    let begun = Instant::now();
    let tally = check_out(&instance.api, ready, sale.clients).await;
    let answered_in = begun.elapsed();
    let (orders, confirmed, stock) =
        settled(&instance.api, &tokens, &sku, &tally).await.map_err(FlashSaleError::Read)?;
    let sold = Sold { tally, orders, confirmed, stock, filled_in, answered_in, confirmed_in: begun.elapsed() };
    tell(&Report { sale: &sale, sold: &sold });
    let checks = checks(&sale, &sold);
    checks.iter().for_each(|check| tell(check));
    drop(own);
    Ok(checks.iter().all(|check| check.verdict == Verdict::Ok))
}

async fn offer(endpoint: &Endpoint, tokens: &Tokens, sku: &str, units: u32) -> Result<(), Failure> {
    let mut client = Client::new(endpoint);
    let price = json!({ "amount": 1_999, "currency": "GBP" });
    let product = json!({ "sku": sku, "name": "Flash sale", "price": price, "publish": true });
    let receipt = json!({ "quantity": units });
    for (path, body) in [("/v1/products".to_owned(), product), (format!("/v1/inventory/{sku}/receipts"), receipt)] {
        post(&mut client, &path, tokens.staff(), body.to_string(), &new_key()).await?;
    }
    Ok(())
}

/// Every buyer with a cart of their own, before the sale begins.
async fn fill(endpoint: &Endpoint, tokens: &Arc<Tokens>, sku: &str, sale: &FlashSale) -> Result<Vec<Ready>, Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut shoppers = JoinSet::new();
    for _ in 0..sale.clients {
        let (mut client, tokens, next) = (Client::new(endpoint), Arc::clone(tokens), Arc::clone(&next));
        let (buyers, item) = (sale.buyers as usize, format!(r#"{{"sku":"{sku}","quantity":1}}"#));
        shoppers.spawn(async move {
            let mut ready = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < buyers {
                let bearer = tokens.customer(Uuid::now_v7());
                let opened = post(&mut client, CARTS, &bearer, "{}".to_owned(), &new_key()).await?;
                let cart = format!("{CARTS}/{}", id_in_location(CARTS, &opened)?);
                post(&mut client, &format!("{cart}/items"), &bearer, item.clone(), &new_key()).await?;
                ready.push(Ready { checkout: format!("{cart}/checkout"), bearer });
            }
            Ok(ready)
        });
    }
    let mut ready = Vec::new();
    while let Some(filled) = shoppers.join_next().await {
        ready.extend(filled.expect("a shopper does not panic")?);
    }
    Ok(ready)
}

async fn post(
    client: &mut Client,
    path: &str,
    bearer: &HeaderValue,
    body: String,
    key: &HeaderValue,
) -> Result<Answer, Failure> {
    let (body, repeat) = (Bytes::from(body), Repeat::Keyed(key));
    client.command(&Ask { method: Method::POST, path, bearer: Some(bearer), body, repeat }).await
}

/// All of them at once. What becomes of each is counted by its connection.
async fn check_out(endpoint: &Endpoint, ready: Vec<Ready>, clients: usize) -> Tally {
    let (ready, next) = (Arc::new(ready), Arc::new(AtomicUsize::new(0)));
    let address = json!({ "name": "A buyer", "line1": "1 Made-up Road", "city": "Anytown", "postal_code": "AA1 1AA", "country": "GB" });
    let body = json!({ "payment": { "method": "simulated", "token": "tok_ok" }, "shipping_address": address });
    let body = body.to_string();
    let mut buyers = JoinSet::new();
    for _ in 0..clients {
        let (mut client, ready, next) = (Client::new(endpoint), Arc::clone(&ready), Arc::clone(&next));
        let body = body.clone();
        buyers.spawn(async move {
            while let Some(Ready { checkout, bearer }) = ready.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(failure) = post(&mut client, checkout, bearer, body.clone(), &new_key()).await {
                    tracing::debug!(%failure, "a buyer got none");
                }
            }
            client.tally
        });
    }
    let mut tally = Tally::default();
    while let Some(bought) = buyers.join_next().await {
        tally.merge(&bought.expect("a buyer does not panic"));
    }
    tally
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Order>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Order {
    status: Box<str>,
}

/// Orders, confirmed orders and stock, once every order that was accepted is confirmed or none will be.
async fn settled(endpoint: &Endpoint, tokens: &Tokens, sku: &str, tally: &Tally) -> Result<(u64, u64, Stock), Failure> {
    let mut client = Client::new(endpoint);
    let begun = Instant::now();
    loop {
        let path = format!("/v1/inventory/{sku}");
        let stock: Stock = client.read(&path, tokens.staff(), tally.position).await?;
        let is_late = begun.elapsed() > CONFIRMED_WITHIN;
        if stock.reserved == 0 || is_late {
            let (orders, confirmed) = count(&mut client, tokens, sku, tally.position).await?;
            if confirmed >= tally.accepted || is_late {
                return Ok((orders, confirmed, stock));
            }
        }
        sleep(PAUSE).await;
    }
}

async fn count(client: &mut Client, tokens: &Tokens, sku: &str, position: i64) -> Result<(u64, u64), Failure> {
    let first = format!("/v1/orders?sku={sku}&limit={PAGE}");
    let (mut orders, mut confirmed, mut path) = (0, 0, first.clone());
    loop {
        let page: Page = client.read(&path, tokens.staff(), position).await?;
        orders += page.data.len() as u64;
        confirmed += page.data.iter().filter(|order| &*order.status == "confirmed").count() as u64;
        match page.next_cursor {
            Some(cursor) => path = format!("{first}&cursor={cursor}"),
            None => return Ok((orders, confirmed)),
        }
    }
}

/// To the unit, or not at all.
fn checks(sale: &FlashSale, sold: &Sold) -> [Check; 3] {
    let expected = u64::from(sale.units.min(sale.buyers));
    let (turned_away, units) = (u64::from(sale.buyers) - expected, i64::from(sale.units));
    let allocated = expected as i64;
    let wanted = Stock { on_hand: units, reserved: 0, allocated, available: units - allocated };
    let check = |name, holds, detail| if holds { Check::ok(name, detail) } else { Check::fail(name, detail) };
    let refused = sold.tally.refused.get(OUT_OF_STOCK).copied().unwrap_or(0);
    [
        check(
            "orders",
            (sold.orders, sold.confirmed, sold.tally.accepted) == (expected, expected, expected),
            format!("{} confirmed of {}, expected {expected}", sold.confirmed, sold.orders),
        ),
        check(
            "refusals",
            (refused, sold.tally.refused_total(), sold.tally.unknown) == (turned_away, turned_away, 0),
            format!("{refused} out of stock of {}, expected {turned_away}", sold.tally.refused_total()),
        ),
        check(
            "stock",
            sold.stock == wanted,
            format!(
                "{} available, {} allocated of {} on hand",
                sold.stock.available, sold.stock.allocated, sold.stock.on_hand
            ),
        ),
    ]
}

struct Report<'a> {
    sale: &'a FlashSale,
    sold: &'a Sold,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sale, sold } = self;
        let mut table = Table::default();
        table.heading("The flash sale");
        table.row("buyers", grouped(sale.buyers));
        table.row("units", grouped(sale.units));
        table.row("connections", grouped(sale.clients));
        table.row("orders confirmed", grouped(sold.confirmed));
        for (code, count) in &sold.tally.refused {
            table.row(format!("refused: {code}"), grouped(count));
        }
        if sold.tally.unknown > 0 {
            table.row("outcome unknown", grouped(sold.tally.unknown));
        }
        table.row("checkout p50", millis(sold.tally.latency(500)));
        table.row("checkout p99", millis(sold.tally.latency(990)));
        table.row("checkout slowest", millis(sold.tally.latency(1_000)));
        table.row("carts filled in", millis(sold.filled_in));
        table.row("every checkout answered after", millis(sold.answered_in));
        table.row("every order confirmed after", millis(sold.confirmed_in));
        table.row("the whole of it", millis(sold.filled_in + sold.confirmed_in));
        f.write_str(&table.0)
    }
}

#[cfg(test)]
mod tests;
