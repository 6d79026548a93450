//! The catalogue, as staff change it: one product, one stream.

use chrono::{DateTime, Utc};
use domain::ids::{self, Sku};
use domain::money::Money;
use domain::product::{self, Attributes, Category, Changes, Command, Description, Name, Product};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// The product that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductOutcome {
    pub sku: Sku,
}

impl ProductOutcome {
    fn shows(&self) -> Vec<StreamId> {
        vec![Product::stream(ids::product_stream(&self.sku))]
    }
}

/// A draft or, with `publish`, a product that is for sale at once. Repeated with the same content it is already
/// satisfied; with another it is refused.
#[derive(Debug, Clone)]
pub struct CreateProduct {
    pub sku: Sku,
    pub name: Name,
    pub description: Option<Description>,
    pub category: Option<Category>,
    pub price: Money,
    pub attributes: Attributes,
    pub parent_sku: Option<Sku>,
    pub publish: bool,
}

impl UseCase for CreateProduct {
    type Outcome = ProductOutcome;

    const NAME: &'static str = "create_product";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Product>(ids::product_stream(&self.sku))
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<ProductOutcome>, Rejection> {
        let Self { sku, name, description, category, price, attributes, parent_sku, publish } = self.clone();
        let id = ids::product_stream(&sku);
        let create = Command::Create { sku: sku.clone(), name, description, category, price, attributes, parent_sku };
        let mut events = Events::default();
        events.decide::<Product>(view, id, create).map_err(|rejection| match rejection {
            Rejection::Product(product::Error::SkuTaken { sku }) => Rejection::SkuTaken { sku: sku.to_string() },
            other => other,
        })?;
        if publish {
            events.decide_next::<Product>(view, id, Command::Publish)?;
        }
        Ok(events.answer(ProductOutcome { sku }))
    }

    fn shows(outcome: &ProductOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// Changes what a JSON Merge Patch names. Which version the client saw comes with the command.
#[derive(Debug, Clone)]
pub struct UpdateProduct {
    pub sku: Sku,
    pub changes: Changes,
}

#[derive(Debug, Clone)]
pub struct ChangePrice {
    pub sku: Sku,
    pub price: Money,
}

#[derive(Debug, Clone)]
pub struct PublishProduct {
    pub sku: Sku,
}

#[derive(Debug, Clone)]
pub struct ArchiveProduct {
    pub sku: Sku,
}

/// Use cases that are one command to a product that has to be there.
macro_rules! changes_a_product {
    ($($use_case:ident = $name:literal, |$self:ident| $command:expr;)+) => {$(
        impl UseCase for $use_case {
            type Outcome = ProductOutcome;

            const NAME: &'static str = $name;

            fn streams(&self, _: &View<'_>) -> Streams {
                Streams::default().read::<Product>(ids::product_stream(&self.sku))
            }

            fn decide(&$self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<ProductOutcome>, Rejection> {
                require_product(view, &$self.sku)?;
                let mut events = Events::default();
                events.decide::<Product>(view, ids::product_stream(&$self.sku), $command)?;
                Ok(events.answer(ProductOutcome { sku: $self.sku.clone() }))
            }

            fn shows(outcome: &ProductOutcome) -> Vec<StreamId> {
                outcome.shows()
            }
        }
    )+};
}

changes_a_product! {
    UpdateProduct = "update_product", |self| Command::Update(self.changes.clone());
    ChangePrice = "change_price", |self| Command::ChangePrice { price: self.price };
    PublishProduct = "publish_product", |self| Command::Publish;
    ArchiveProduct = "archive_product", |self| Command::Archive;
}

/// That there is a product with this SKU: for what is about it, such as its stock.
pub(crate) fn require_product(view: &View<'_>, sku: &Sku) -> Result<(), Rejection> {
    if view.state::<Product>(ids::product_stream(sku))?.exists() {
        return Ok(());
    }
    Err(Rejection::NotFound { what: "product", id: sku.to_string() })
}

#[cfg(test)]
mod tests;
