//! The statements that read what is kept of orders, and write what a batch makes of them and of the sums.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::money::Currency;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    apply::{Batch, Sum, SumKey},
    order::{SoldLine, SoldOrder},
    refunds::Refunds,
};
use crate::projection::{ApplyError, expect_rows};

struct SoldOrderRow {
    order_id: Uuid,
    currency: String,
    country: String,
    day: Option<NaiveDate>,
    owed: i64,
    lines: Json<Vec<SoldLine>>,
    refunds: Option<Json<Refunds>>,
}

pub(super) async fn load_orders_in_tx(
    tx: &mut PgConnection,
    orders: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, SoldOrder>, ApplyError> {
    if orders.is_empty() {
        return Ok(BTreeMap::new());
    }
    let orders: Vec<Uuid> = orders.iter().copied().collect();
    let rows = sqlx::query_file_as!(SoldOrderRow, "src/sales/sql/load_orders.sql", &orders).fetch_all(tx).await?;
    rows.into_iter().map(|row| Ok((row.order_id, row.sold()?))).collect()
}

impl SoldOrderRow {
    fn sold(self) -> Result<SoldOrder, ApplyError> {
        let currency = Currency::new(&self.currency).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(SoldOrder {
            currency,
            country: self.country,
            day: self.day,
            owed: self.owed,
            lines: self.lines.0,
            refunds: self.refunds.map(|refunds| refunds.0).unwrap_or_default(),
            is_new: false,
            has_other_lines: false,
            has_other_refunds: false,
        })
    }
}

pub(super) async fn batch_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    let (new, old): (Vec<_>, Vec<_>) = batch.orders.iter().partition(|(_, order)| order.is_new);
    insert_orders_in_tx(tx, &new).await?;
    update_orders_in_tx(tx, &old).await?;
    add_to_sums_in_tx(tx, &batch.sums).await
}

async fn insert_orders_in_tx(tx: &mut PgConnection, orders: &[(&Uuid, &SoldOrder)]) -> Result<(), ApplyError> {
    if orders.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "src/sales/sql/insert_orders.sql",
        &orders.iter().map(|(order_id, _)| **order_id).collect::<Vec<_>>(),
        &orders.iter().map(|(_, order)| order.currency.as_str()).collect::<Vec<_>>() as &[&str],
        &orders.iter().map(|(_, order)| order.country.as_str()).collect::<Vec<_>>() as &[&str],
        &orders.iter().map(|(_, order)| order.day).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|(_, order)| order.owed).collect::<Vec<_>>(),
        &orders.iter().map(|(_, order)| Json(&order.lines)).collect::<Vec<_>>() as &[Json<_>],
        &orders.iter().map(|(_, order)| other_refunds(order)).collect::<Vec<_>>() as &[Option<Json<_>>],
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn update_orders_in_tx(tx: &mut PgConnection, orders: &[(&Uuid, &SoldOrder)]) -> Result<(), ApplyError> {
    if orders.is_empty() {
        return Ok(());
    }
    let done = sqlx::query_file!(
        "src/sales/sql/update_orders.sql",
        &orders.iter().map(|(order_id, _)| **order_id).collect::<Vec<_>>(),
        &orders.iter().map(|(_, order)| order.day).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|(_, order)| order.owed).collect::<Vec<_>>(),
        &orders.iter().map(|(_, order)| order.has_other_lines.then_some(Json(&order.lines))).collect::<Vec<_>>()
            as &[Option<Json<_>>],
        &orders.iter().map(|(_, order)| other_refunds(order)).collect::<Vec<_>>() as &[Option<Json<_>>],
    )
    .execute(tx)
    .await?;
    expect_rows("sales_orders", orders.len(), done.rows_affected())
}

fn other_refunds(order: &SoldOrder) -> Option<Json<&Refunds>> {
    order.has_other_refunds.then_some(Json(&order.refunds))
}

async fn add_to_sums_in_tx(tx: &mut PgConnection, sums: &BTreeMap<SumKey, Sum>) -> Result<(), ApplyError> {
    if sums.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "src/sales/sql/add_to_sums.sql",
        &sums.keys().map(|key| key.day).collect::<Vec<_>>(),
        &sums.keys().map(|key| key.sku.as_str()).collect::<Vec<_>>() as &[&str],
        &sums.keys().map(|key| key.currency.as_str()).collect::<Vec<_>>() as &[&str],
        &sums.keys().map(|key| key.country.as_str()).collect::<Vec<_>>() as &[&str],
        &sums.values().map(|sum| sum.units).collect::<Vec<_>>(),
        &sums.values().map(|sum| sum.revenue).collect::<Vec<_>>(),
        &sums.values().map(|sum| sum.refunds).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}
