//! A product on the wire.

use std::borrow::Cow;

use commands::world::States;
use domain::ids::{Sku, product_stream};
use domain::money::Money;
use domain::product::{Product, Scalar};
use serde::Serialize;
use serde_json::{Map, Value};
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
    pub(crate) attributes: Map<String, Value>,
    /// Variants share a parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_sku: Option<String>,
    /// draft, published or archived
    #[schema(value_type = String, example = "published")]
    pub(crate) status: Cow<'static, str>,
    pub(crate) version: i64,
}

impl From<projections::catalogue::Product> for ProductView {
    fn from(product: projections::catalogue::Product) -> Self {
        Self {
            sku: product.sku,
            name: product.name,
            description: product.description,
            category: product.category,
            price: product.price,
            attributes: product.attributes,
            parent_sku: product.parent_sku,
            status: product.status.into(),
            version: product.version,
        }
    }
}

impl ProductView {
    pub(crate) fn of(states: &States, sku: &Sku) -> Option<Self> {
        let (state, version) = states.get::<Product>(product_stream(sku))?;
        let details = state.details()?;
        let attributes = details.attributes.iter().map(|(name, value)| (name.to_string(), value_of(value)));
        Some(Self {
            sku: details.sku.to_string(),
            name: details.name.to_string(),
            description: details.description.as_ref().map(ToString::to_string),
            category: details.category.as_ref().map(ToString::to_string),
            price: details.price,
            attributes: attributes.collect(),
            parent_sku: details.parent_sku.as_ref().map(ToString::to_string),
            status: state.status().into(),
            version,
        })
    }
}

fn value_of(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Flag(flag) => Value::Bool(*flag),
        Scalar::Number(number) => Value::Number(number.clone()),
        Scalar::Text(text) => Value::String(text.to_string()),
    }
}
