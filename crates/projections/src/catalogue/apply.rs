//! Posts the events of products: those that a batch touches are read, folded, and written back, in two statements.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    ids::Sku,
    product::{Attributes, Created, Event, Patch, Scalar, Updated},
};
use eventstore::RecordedEvent;
use sqlx::{PgConnection, types::Json};

use super::DEFINITION;
use crate::projection::{ApplyError, Definition, Projection, read};

#[derive(Debug)]
pub struct Catalogue;

#[async_trait]
impl Projection for Catalogue {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        let decoded: Vec<(&RecordedEvent, Event)> =
            events.iter().map(|event| Ok((&**event, read(event)?))).collect::<Result<_, ApplyError>>()?;
        let mut products = load_in_tx(tx, &decoded).await?;
        for (event, change) in decoded {
            fold(&mut products, event, change)?;
        }
        write_in_tx(tx, &products.into_values().collect::<Vec<_>>()).await
    }
}

/// A row, without what the table derives from it.
struct Row {
    sku: String,
    name: String,
    description: Option<String>,
    category: Option<String>,
    price: i64,
    currency: String,
    attributes: Json<Attributes>,
    parent_sku: Option<String>,
    status: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
}

fn sku_of(event: &Event) -> &Sku {
    match event {
        Event::Created(created) => &created.sku,
        Event::Updated(updated) => &updated.sku,
        Event::CategoryChanged(changed) => &changed.sku,
        Event::PriceChanged(changed) => &changed.sku,
        Event::Published(published) => &published.sku,
        Event::Archived(archived) => &archived.sku,
    }
}

async fn load_in_tx(
    tx: &mut PgConnection,
    events: &[(&RecordedEvent, Event)],
) -> Result<BTreeMap<String, Row>, ApplyError> {
    let mut skus: Vec<&str> = events.iter().map(|(_, event)| sku_of(event).as_str()).collect();
    skus.sort_unstable();
    skus.dedup();
    let rows = sqlx::query_file_as!(Row, "src/catalogue/sql/load_products.sql", &skus as &[&str]).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|row| (row.sku.clone(), row)).collect())
}

fn fold(products: &mut BTreeMap<String, Row>, event: &RecordedEvent, change: Event) -> Result<(), ApplyError> {
    let change = match change {
        Event::Created(created) => {
            products.insert(created.sku.to_string(), Row::of(created, event));
            return Ok(());
        }
        change => change,
    };
    let sku = sku_of(&change).as_str();
    let Some(row) = products.get_mut(sku) else {
        return Err(ApplyError::Contradiction { reason: format!("the product {sku} was never created") });
    };
    row.updated_at = event.recorded_at;
    row.version = event.stream_version;
    match change {
        Event::Created(_) => {}
        Event::Updated(updated) => row.update(updated),
        Event::CategoryChanged(changed) => row.category = changed.category.map(|category| category.to_string()),
        Event::PriceChanged(changed) => {
            row.price = changed.price.amount();
            row.currency = changed.price.currency().to_string();
        }
        Event::Published(_) => "published".clone_into(&mut row.status),
        Event::Archived(_) => "archived".clone_into(&mut row.status),
    }
    Ok(())
}

impl Row {
    fn of(created: Created, event: &RecordedEvent) -> Self {
        Self {
            sku: created.sku.to_string(),
            name: created.name.to_string(),
            description: created.description.map(|description| description.to_string()),
            category: created.category.map(|category| category.to_string()),
            price: created.price.amount(),
            currency: created.price.currency().to_string(),
            attributes: Json(created.attributes),
            parent_sku: created.parent_sku.map(|sku| sku.to_string()),
            status: "draft".to_owned(),
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
            version: event.stream_version,
        }
    }

    fn update(&mut self, updated: Updated) {
        if let Some(name) = updated.name {
            self.name = name.to_string();
        }
        patch(&mut self.description, &updated.description);
        patch(&mut self.parent_sku, &updated.parent_sku);
        if let Some(attributes) = updated.attributes {
            self.attributes = Json(attributes);
        }
    }

    fn attribute_pairs(&self) -> Vec<String> {
        self.attributes.iter().map(|(name, value)| attribute_pair(name.as_str(), &shown(value))).collect()
    }
}

/// How the table holds an attribute for the filters.
pub(super) fn attribute_pair(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

fn shown(value: &Scalar) -> String {
    match value {
        Scalar::Flag(flag) => flag.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text.to_string(),
    }
}

fn patch<T: ToString>(field: &mut Option<String>, patch: &Patch<T>) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *field = None,
        Patch::Set(value) => *field = Some(value.to_string()),
    }
}

async fn write_in_tx(tx: &mut PgConnection, rows: &[Row]) -> Result<(), ApplyError> {
    let attributes: Vec<_> = rows.iter().map(|row| &row.attributes).collect();
    // A list of lists is no type of Postgres unless all have one length: the pairs travel as one JSON list a product.
    let pairs: Vec<_> = rows.iter().map(|row| Json(row.attribute_pairs())).collect();
    sqlx::query_file!(
        "src/catalogue/sql/upsert_products.sql",
        &rows.iter().map(|row| row.sku.as_str()).collect::<Vec<_>>() as &[&str],
        &rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>() as &[&str],
        &rows.iter().map(|row| row.description.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &rows.iter().map(|row| row.category.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &rows.iter().map(|row| row.price).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.currency.as_str()).collect::<Vec<_>>() as &[&str],
        &attributes as &[&Json<Attributes>],
        &rows.iter().map(|row| row.parent_sku.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &rows.iter().map(|row| row.status.as_str()).collect::<Vec<_>>() as &[&str],
        &rows.iter().map(|row| row.created_at).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.updated_at).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.version).collect::<Vec<_>>(),
        &pairs as &[Json<Vec<String>>],
    )
    .execute(tx)
    .await?;
    Ok(())
}
