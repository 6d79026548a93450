//! The baseline: what one would write by hand. Load the cart's events, fold and decide with the very rules that Daybook has,
//! and insert the event with one autocommitted statement. Its positions come from a sequence, so that whoever reads by position
//! can miss events; it has no chain, no keys, and checks nothing but the version of the stream.

use domain::aggregate::{Aggregate, EventKind};
use domain::cart::{Cart, Command, Event};
use domain::ids::{CustomerId, Quantity};
use domain::money::Currency;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::catalogue::{self, Catalogue};
use crate::cluster::POOL_CONNECTIONS_MAX;
use crate::daybook::COMMANDS_A_CART;
use crate::failure::Failure;
use crate::measure::Client;

pub(crate) const SCHEMA: &str = include_str!("../sql/plain_schema.sql");

pub(crate) struct PlainInsert {
    pool: PgPool,
}

impl PlainInsert {
    pub(crate) async fn open(database: &PgConnectOptions) -> Result<Self, Failure> {
        let pool = PgPoolOptions::new().max_connections(POOL_CONNECTIONS_MAX).connect_with(database.clone()).await?;
        Ok(Self { pool })
    }

    pub(crate) async fn stop(self) {
        self.pool.close().await;
    }

    pub(crate) fn buyers(&self, count: usize, catalogue: &Catalogue) -> Vec<Buyer> {
        let buyer = |number| Buyer {
            pool: self.pool.clone(),
            catalogue: catalogue.clone(),
            customer_id: CustomerId::from_uuid(Uuid::now_v7()),
            cart_id: Uuid::nil(),
            done: number * COMMANDS_A_CART,
        };
        (0..count).map(buyer).collect()
    }
}

/// Fills one cart after the other. The price comes with the command: the product is not loaded for it.
pub(crate) struct Buyer {
    pool: PgPool,
    catalogue: Catalogue,
    customer_id: CustomerId,
    cart_id: Uuid,
    done: usize,
}

impl Client for Buyer {
    async fn work(&mut self) -> Result<(), Failure> {
        let command = if self.done.is_multiple_of(COMMANDS_A_CART) {
            self.cart_id = Uuid::now_v7();
            let (customer_id, at) = (self.customer_id, chrono::Utc::now());
            Command::Open { customer_id, guest: false, currency: Currency::GBP, at }
        } else {
            Command::AddItem {
                sku: self.catalogue.sku(self.done).clone(),
                name: catalogue::name(),
                quantity: Quantity::ONE,
                unit_price: catalogue::price(),
            }
        };
        self.execute(command).await?;
        self.done += 1;
        Ok(())
    }
}

impl Buyer {
    async fn execute(&self, command: Command) -> Result<(), Failure> {
        let rows = sqlx::query(include_str!("../sql/plain_load.sql")).bind(self.cart_id).fetch_all(&self.pool).await?;
        let mut state = Cart::initial();
        for row in &rows {
            let event = Event::from_payload(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?).map_err(refused)?;
            state = Cart::evolve(state, &event);
        }
        let events = Cart::decide(&state, command).map_err(refused)?;
        for (version, event) in (rows.len() as i64 + 1..).zip(&events) {
            sqlx::query(include_str!("../sql/plain_insert.sql"))
                .bind(version)
                .bind(event.schema_version())
                .bind(self.cart_id)
                .bind(event.event_type())
                .bind(event.to_payload())
                .bind(catalogue::metadata(self.customer_id))
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }
}

fn refused(error: impl std::error::Error) -> Failure {
    Failure::PlainInsert(error.to_string())
}
