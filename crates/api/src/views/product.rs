//! A product on the wire.

use std::borrow::Cow;

use commands::world::States;
use domain::ids::{Sku, product_stream};
use domain::money::Money;
use domain::product::{Attributes, Product};
use serde::Serialize;
use utoipa::ToSchema;

use super::money::MoneySchema;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product)]
pub(crate) struct ProductView {
    #[schema(example = "85123A")]
    pub(crate) sku: String,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    #[schema(value_type = MoneySchema)]
    pub(crate) price: Money,
    /// Flat: texts, numbers, booleans.
    #[schema(value_type = Object)]
    pub(crate) attributes: Attributes,
    /// Variants share a parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_sku: Option<String>,
    /// draft, published or archived
    #[schema(value_type = String, example = "published")]
    pub(crate) status: Cow<'static, str>,
    pub(crate) version: i64,
}

impl ProductView {
    pub(crate) fn of(states: &States, sku: &Sku) -> Option<Self> {
        let (state, version) = states.get::<Product>(product_stream(sku))?;
        let details = state.details()?;
        Some(Self {
            sku: details.sku.to_string(),
            name: details.name.to_string(),
            description: details.description.as_ref().map(ToString::to_string),
            category: details.category.as_ref().map(ToString::to_string),
            price: details.price,
            attributes: details.attributes.clone(),
            parent_sku: details.parent_sku.as_ref().map(ToString::to_string),
            status: state.status().into(),
            version,
        })
    }
}
