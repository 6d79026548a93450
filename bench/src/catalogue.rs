//! What is sold in every measurement: the same products in every book, published and in stock.

use std::sync::Arc;

use commands::command::{Actor, Causation, Envelope};
use commands::executor::Commands;
use commands::inventory::ReceiveStock;
use commands::products::CreateProduct;
use domain::ids::{CustomerId, Location, Quantity, Sku};
use domain::money::{Currency, Money};
use domain::product::{Attributes, Name};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::failure::Failure;

/// As many as a small shop has; all of them stay warm.
pub(crate) const PRODUCTS: usize = 1_000;
/// More than any measurement sells.
const UNITS_IN_STOCK: i64 = 100_000;
/// Products published at once.
const CLERKS: usize = 64;
const PRICE_MINOR: i64 = 1_295;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue(Arc<Vec<Sku>>);

impl Catalogue {
    pub(crate) fn new() -> Self {
        let sku = |number| Sku::new(&format!("BENCH-{number:04}")).expect("letters, digits and a hyphen");
        Self(Arc::new((0..PRODUCTS).map(sku).collect()))
    }

    /// The catalogue goes round.
    pub(crate) fn sku(&self, at: usize) -> &Sku {
        &self.0[at % PRODUCTS]
    }

    pub(crate) async fn publish(&self, commands: &Commands) -> Result<(), Failure> {
        let mut clerks = JoinSet::new();
        for clerk in 0..CLERKS {
            let (commands, skus) = (commands.clone(), Arc::clone(&self.0));
            clerks.spawn(async move {
                for sku in skus.iter().skip(clerk).step_by(CLERKS) {
                    commands.run(product(sku), envelope(Uuid::nil())).await?;
                    commands.run(receive(sku, UNITS_IN_STOCK), envelope(Uuid::nil())).await?;
                }
                Ok::<_, Failure>(())
            });
        }
        while let Some(done) = clerks.join_next().await {
            done??;
        }
        Ok(())
    }
}

fn product(sku: &Sku) -> CreateProduct {
    CreateProduct {
        sku: sku.clone(),
        name: name(),
        description: None,
        category: None,
        price: price(),
        attributes: Attributes::default(),
        parent_sku: None,
        publish: true,
    }
}

pub(crate) fn receive(sku: &Sku, units: i64) -> ReceiveStock {
    let quantity = Quantity::new(units).expect("within the bounds of a movement of stock");
    ReceiveStock { sku: sku.clone(), location: Location::main(), quantity }
}

/// The best-selling line of a real year of sales.
pub(crate) fn name() -> Name {
    Name::new("WHITE HANGING HEART T-LIGHT HOLDER").expect("a line of text")
}

pub(crate) fn price() -> Money {
    Money::new(PRICE_MINOR, Currency::GBP)
}

/// What comes with a command over HTTP, too.
pub(crate) fn envelope(asker: Uuid) -> Envelope {
    Envelope {
        actor: Actor::Customer { id: asker },
        correlation_id: asker,
        causation: Causation::Request("bench".to_owned()),
        traceparent: None,
        key: None,
        expected: None,
    }
}

/// Of an event, as the executor writes it: for those who write events without it.
pub(crate) fn metadata(customer: CustomerId) -> String {
    let command = Uuid::now_v7();
    format!(
        r#"{{"actor":{{"kind":"customer","id":"{customer}"}},"correlation_id":"{customer}","causation":{{"request":"bench"}},"command_id":"{command}"}}"#
    )
}
