//! The peer: `cqrs-es` on `postgres-es`, with the tables that it documents. Its framework is shared by all clients and its
//! pool has as many connections as Daybook may hold.
//!
//! A cart is event-sourced (`postgres_cqrs`), as its documentation begins with: a cart of ten events is loaded faster than a
//! snapshot is kept. The stock of a SKU has no end of events, so it is kept with snapshots; see `hot_stream.rs`.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, AggregateError, DomainEvent};
use domain::cart::LINES_MAX;
use domain::ids::{CustomerId, Quantity, Sku};
use domain::money::{Currency, Money};
use domain::product::Name;
use postgres_es::{PostgresCqrs, postgres_cqrs};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use sqlx_of_postgres_es::postgres as older;
use uuid::Uuid;

use crate::catalogue::{self, Catalogue};
use crate::cluster::POOL_CONNECTIONS_MAX;
use crate::daybook::COMMANDS_A_CART;
use crate::failure::Failure;
use crate::measure::Client;

pub(crate) const SCHEMA: &str = include_str!("../sql/cqrs_es_schema.sql");

/// A pool of the older sqlx, over the same kind of connection as ours: the server's socket, where its path is short enough.
pub(crate) async fn pool(url: &str, ours: &PgConnectOptions) -> Result<older::PgPool, Failure> {
    let mut options = older::PgConnectOptions::from_str(url).map_err(failed)?;
    if let Some(socket) = ours.get_socket() {
        options = options.socket(socket);
    }
    older::PgPoolOptions::new().max_connections(POOL_CONNECTIONS_MAX).connect_with(options).await.map_err(failed)
}

pub(crate) fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::CqrsEs(Box::new(error))
}

/// What Daybook's events carry, as it documents it: a map of strings.
pub(crate) fn metadata(asker: Uuid) -> HashMap<String, String> {
    HashMap::from([
        ("actor".to_owned(), format!("customer {asker}")),
        ("correlation_id".to_owned(), asker.to_string()),
        ("causation".to_owned(), "bench".to_owned()),
        ("command_id".to_owned(), Uuid::now_v7().to_string()),
    ])
}

/// The cart, with the rules that bear on opening it and adding to it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cart {
    customer_id: Option<CustomerId>,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    sku: Sku,
    name: Name,
    quantity: i64,
    unit_price: Money,
}

pub(crate) enum CartCommand {
    Open { customer_id: CustomerId, currency: Currency },
    AddItem { sku: Sku, name: Name, quantity: Quantity, unit_price: Money },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum CartEvent {
    Opened { customer_id: CustomerId, guest: bool, currency: Currency, opened_at: chrono::DateTime<chrono::Utc> },
    ItemAdded { sku: Sku, name: Name, quantity: Quantity, unit_price: Money },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CartError {
    #[error("the cart is open already")]
    Open,
    #[error("there is no such cart")]
    Absent,
    #[error("the cart is full")]
    Full,
}

impl DomainEvent for CartEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "cart.opened".to_owned(),
            Self::ItemAdded { .. } => "cart.item_added".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Cart {
    const TYPE: &'static str = "cart";
    type Command = CartCommand;
    type Event = CartEvent;
    type Error = CartError;
    type Services = ();

    async fn handle(&mut self, command: CartCommand, (): &(), sink: &EventSink<Self>) -> Result<(), CartError> {
        let event = match command {
            CartCommand::Open { .. } if self.customer_id.is_some() => return Err(CartError::Open),
            CartCommand::Open { customer_id, currency } => {
                CartEvent::Opened { customer_id, guest: false, currency, opened_at: chrono::Utc::now() }
            }
            CartCommand::AddItem { .. } if self.customer_id.is_none() => return Err(CartError::Absent),
            CartCommand::AddItem { .. } if self.lines.len() >= LINES_MAX => return Err(CartError::Full),
            CartCommand::AddItem { sku, name, quantity, unit_price } => {
                CartEvent::ItemAdded { sku, name, quantity, unit_price }
            }
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: CartEvent) {
        match event {
            CartEvent::Opened { customer_id, .. } => self.customer_id = Some(customer_id),
            CartEvent::ItemAdded { sku, name, quantity, unit_price } => {
                match self.lines.iter_mut().find(|line| line.sku == sku) {
                    Some(line) => line.quantity += quantity.get(),
                    None => self.lines.push(Line { sku, name, quantity: quantity.get(), unit_price }),
                }
            }
        }
    }
}

pub(crate) struct CqrsEs {
    pool: older::PgPool,
    carts: Arc<PostgresCqrs<Cart>>,
}

impl CqrsEs {
    pub(crate) fn new(pool: older::PgPool) -> Self {
        Self { carts: Arc::new(postgres_cqrs(pool.clone(), Vec::new(), ())), pool }
    }

    pub(crate) async fn stop(self) {
        self.pool.close().await;
    }

    pub(crate) fn buyers(&self, count: usize, catalogue: &Catalogue) -> Vec<Buyer> {
        let buyer = |number| Buyer {
            carts: Arc::clone(&self.carts),
            catalogue: catalogue.clone(),
            customer_id: CustomerId::from_uuid(Uuid::now_v7()),
            cart_id: String::new(),
            done: number * COMMANDS_A_CART,
        };
        (0..count).map(buyer).collect()
    }
}

/// Fills one cart after the other. The price comes with the command: cqrs-es need not load the product for it.
pub(crate) struct Buyer {
    carts: Arc<PostgresCqrs<Cart>>,
    catalogue: Catalogue,
    customer_id: CustomerId,
    cart_id: String,
    done: usize,
}

impl Client for Buyer {
    async fn work(&mut self) -> Result<(), Failure> {
        let command = if self.done.is_multiple_of(COMMANDS_A_CART) {
            self.cart_id = Uuid::now_v7().to_string();
            CartCommand::Open { customer_id: self.customer_id, currency: Currency::GBP }
        } else {
            CartCommand::AddItem {
                sku: self.catalogue.sku(self.done).clone(),
                name: catalogue::name(),
                quantity: Quantity::ONE,
                unit_price: catalogue::price(),
            }
        };
        let metadata = metadata(self.customer_id.as_uuid());
        let done: Result<(), AggregateError<CartError>> =
            self.carts.execute_with_metadata(&self.cart_id, command, metadata).await;
        done.map_err(failed)?;
        self.done += 1;
        Ok(())
    }
}
