//! Before the first shopper: the book is empty of orders, every product is published, and the stock is received.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::Method;
use hyper::header::HeaderValue;
use indicatif::ProgressBar;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::task::JoinSet;

use super::baskets::Product;
use super::board::bar;
use super::client::{Ask, Client, Failure, Repeat};
use super::endpoint::Endpoint;
use super::plan::Plan;
use super::shopper::new_key;
use super::tally::Tally;
use super::tokens::Tokens;

const CONNECTIONS: usize = 8;
/// What one receipt may hold; more comes in several.
const RECEIPT_UNITS_MAX: u64 = domain::ids::QUANTITY_MAX.unsigned_abs();

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(
        "the book at {url} holds {what} already: the load compares whole read models and needs a book without; \
         start `daybook dev --fresh`, or leave out --url"
    )]
    NotEmpty { url: String, what: String },
    #[error("the catalogue could not be set up")]
    Failed(#[source] Failure),
}

#[derive(Deserialize)]
struct Orders {
    data: Vec<IgnoredAny>,
}

/// Refuses a book that has orders: the reconciliation compares whole read models, and could not tell whose they are.
pub(super) async fn require_no_orders(endpoint: &Endpoint, tokens: &Tokens) -> Result<(), SetupError> {
    let mut client = Client::new(endpoint);
    let orders: Orders = client.read("/v1/orders?limit=1", tokens.staff(), 0).await.map_err(SetupError::Failed)?;
    if orders.data.is_empty() {
        return Ok(());
    }
    Err(SetupError::NotEmpty { url: endpoint.to_string(), what: "orders".to_owned() })
}

/// Creates and stocks every product of the plan.
pub(super) async fn run(endpoint: &Endpoint, plan: &Arc<Plan>, tokens: &Arc<Tokens>) -> Result<Tally, SetupError> {
    let bar = bar(plan.stock().len() as u64, "products");
    let next = Arc::new(AtomicUsize::new(0));
    let mut clerks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (plan, tokens, next) = (Arc::clone(plan), Arc::clone(tokens), Arc::clone(&next));
        clerks.spawn(stock_products(Client::new(endpoint), plan, tokens, next, bar.clone()));
    }
    let mut tally = Tally::default();
    while let Some(stocked) = clerks.join_next().await {
        tally.merge(&stocked.expect("a clerk does not panic")?);
    }
    bar.finish_and_clear();
    Ok(tally)
}

async fn stock_products(
    mut client: Client,
    plan: Arc<Plan>,
    tokens: Arc<Tokens>,
    next: Arc<AtomicUsize>,
    bar: ProgressBar,
) -> Result<Tally, SetupError> {
    while let Some(&(product, units)) = plan.stock().get(next.fetch_add(1, Ordering::Relaxed)) {
        let product = plan.product(product);
        create(&mut client, product, tokens.staff()).await?;
        receive(&mut client, product, units, tokens.staff()).await.map_err(SetupError::Failed)?;
        bar.inc(1);
    }
    Ok(client.tally)
}

async fn create(client: &mut Client, product: &Product, bearer: &HeaderValue) -> Result<(), SetupError> {
    let body = json!({
        "sku": product.sku,
        "name": product.name.as_ref().unwrap_or(&product.sku),
        "price": { "amount": product.price, "currency": "GBP" },
        "publish": true,
    });
    match post(client, "/v1/products", bearer, body.to_string()).await {
        Err(Failure::Refused { code, .. }) if &*code == "already_exists" => Err(SetupError::NotEmpty {
            url: client.endpoint().to_string(),
            what: format!("the product {}", product.sku),
        }),
        outcome => outcome.map_err(SetupError::Failed),
    }
}

/// Nothing is received of a product whose stock was rounded down to nothing.
async fn receive(client: &mut Client, product: &Product, units: u64, bearer: &HeaderValue) -> Result<(), Failure> {
    let path = format!("/v1/inventory/{}/receipts", product.sku);
    let mut left = units;
    while left > 0 {
        let quantity = left.min(RECEIPT_UNITS_MAX);
        post(client, &path, bearer, json!({ "quantity": quantity }).to_string()).await?;
        left -= quantity;
    }
    Ok(())
}

/// Receiving adds up, so a repeat carries its key.
async fn post(client: &mut Client, path: &str, bearer: &HeaderValue, body: String) -> Result<(), Failure> {
    let key = new_key();
    let (body, repeat) = (body.into(), Repeat::Keyed(&key));
    client.command(&Ask { method: Method::POST, path, bearer: Some(bearer), body, repeat }).await?;
    Ok(())
}
