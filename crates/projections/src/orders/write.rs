//! The statements that read what a batch touches of orders, and write what it makes of them. Each is sent only if there
//! is something to ask or to write.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    ids::{CartId, CustomerId},
    money::Money,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    apply::ShipmentChange,
    fixed::Fixed,
    life::Life,
    payment_row::{Ledger, PaymentRow},
};
use crate::projection::{ApplyError, expect_rows};

pub(super) async fn load_lives_in_tx(
    tx: &mut PgConnection,
    orders: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, Life>, ApplyError> {
    let orders: Vec<Uuid> = orders.iter().copied().collect();
    let lives = sqlx::query_file_as!(Life, "src/orders/sql/load_lives.sql", &orders).fetch_all(tx).await?;
    Ok(lives.into_iter().map(|life| (life.id, life)).collect())
}

/// All payments of these orders.
pub(super) async fn load_payments_in_tx(
    tx: &mut PgConnection,
    orders: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, PaymentRow>, ApplyError> {
    if orders.is_empty() {
        return Ok(BTreeMap::new());
    }
    let orders: Vec<Uuid> = orders.iter().copied().collect();
    let rows = sqlx::query_file_as!(PaymentRow, "src/orders/sql/load_payments.sql", &orders).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|payment| (payment.id, payment)).collect())
}

pub(super) async fn insert_orders_in_tx(tx: &mut PgConnection, orders: &[(&Life, &Fixed)]) -> Result<(), ApplyError> {
    if orders.is_empty() {
        return Ok(());
    }
    let amounts =
        |part: fn(&Fixed) -> Money| -> Vec<i64> { orders.iter().map(|(_, created)| part(created).amount()).collect() };
    sqlx::query_file!(
        "src/orders/sql/insert_orders.sql",
        &orders.iter().map(|(life, _)| life.id).collect::<Vec<_>>(),
        &orders.iter().map(|(_, created)| created.number.to_string()).collect::<Vec<_>>(),
        &orders.iter().map(|(life, _)| life.status()).collect::<Vec<_>>() as &[&str],
        &orders.iter().map(|(life, _)| life.payment_status.as_str()).collect::<Vec<_>>() as &[&str],
        &orders.iter().map(|(life, _)| life.fulfillment_status()).collect::<Vec<_>>() as &[&str],
        &orders.iter().map(|(life, _)| life.hold_reason.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &orders.iter().map(|(life, _)| life.end_reason.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &orders.iter().map(|(_, created)| created.customer_id.map(CustomerId::as_uuid)).collect::<Vec<_>>()
            as &[Option<_>],
        &orders.iter().map(|(_, created)| created.cart_id.map(CartId::as_uuid)).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|(_, created)| created.currency.as_str()).collect::<Vec<_>>() as &[&str],
        &amounts(|created| created.subtotal),
        &amounts(|created| created.shipping),
        &amounts(|created| created.tax),
        &amounts(|created| created.discount),
        &amounts(|created| created.total),
        &orders.iter().map(|(_, created)| created.shipping_address.as_ref().map(Json)).collect::<Vec<_>>()
            as &[Option<Json<_>>],
        &orders.iter().map(|(_, created)| created.email.as_ref().map(Json)).collect::<Vec<_>>() as &[Option<Json<_>>],
        &orders.iter().map(|(_, created)| created.country.map(|country| country.as_str())).collect::<Vec<_>>()
            as &[Option<&str>],
        &orders.iter().map(|(life, _)| life.ordered).collect::<Vec<_>>(),
        &orders.iter().map(|(life, _)| life.cancelled).collect::<Vec<_>>(),
        &orders.iter().map(|(life, _)| life.shipped).collect::<Vec<_>>(),
        &orders.iter().map(|(life, _)| life.delivered).collect::<Vec<_>>(),
        &orders.iter().map(|(life, _)| life.returned).collect::<Vec<_>>(),
        &orders.iter().map(|(_, created)| created.created_at).collect::<Vec<_>>(),
        &orders.iter().map(|(life, _)| life.confirmed_at).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|(life, _)| life.completed_at).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|(life, _)| life.updated_at).collect::<Vec<_>>(),
        &orders.iter().map(|(life, _)| life.version).collect::<Vec<_>>(),
        &orders
            .iter()
            .map(|(_, created)| created.imported.as_ref().map(|(source, _)| source.as_str()))
            .collect::<Vec<_>>() as &[Option<&str>],
        &orders.iter().map(|(_, created)| created.imported.as_ref().map(|(_, name)| name.as_str())).collect::<Vec<_>>()
            as &[Option<&str>],
        &orders.iter().map(|(life, _)| life.imported_refunds).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|(life, _)| life.awaits_stock).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn update_orders_in_tx(tx: &mut PgConnection, orders: &[&Life]) -> Result<(), ApplyError> {
    if orders.is_empty() {
        return Ok(());
    }
    let done = sqlx::query_file!(
        "src/orders/sql/update_orders.sql",
        &orders.iter().map(|life| life.id).collect::<Vec<_>>(),
        &orders.iter().map(|life| life.status()).collect::<Vec<_>>() as &[&str],
        &orders.iter().map(|life| life.payment_status.as_str()).collect::<Vec<_>>() as &[&str],
        &orders.iter().map(|life| life.fulfillment_status()).collect::<Vec<_>>() as &[&str],
        &orders.iter().map(|life| life.hold_reason.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &orders.iter().map(|life| life.end_reason.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &orders.iter().map(|life| life.cancelled).collect::<Vec<_>>(),
        &orders.iter().map(|life| life.shipped).collect::<Vec<_>>(),
        &orders.iter().map(|life| life.delivered).collect::<Vec<_>>(),
        &orders.iter().map(|life| life.returned).collect::<Vec<_>>(),
        &orders.iter().map(|life| life.confirmed_at).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|life| life.completed_at).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|life| life.updated_at).collect::<Vec<_>>(),
        &orders.iter().map(|life| life.version).collect::<Vec<_>>(),
        &orders.iter().map(|life| life.imported_refunds).collect::<Vec<_>>() as &[Option<_>],
        &orders.iter().map(|life| life.awaits_stock).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    expect_rows("orders", orders.len(), done.rows_affected())
}

pub(super) async fn insert_lines_in_tx(
    tx: &mut PgConnection,
    created: &BTreeMap<Uuid, Fixed>,
) -> Result<(), ApplyError> {
    if created.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = created
        .iter()
        .flat_map(|(order_id, created)| (0_i32..).zip(&created.lines).map(move |(place, line)| (order_id, place, line)))
        .collect();
    sqlx::query_file!(
        "src/orders/sql/insert_lines.sql",
        &lines.iter().map(|(order_id, ..)| **order_id).collect::<Vec<_>>(),
        &lines.iter().map(|(_, place, _)| *place).collect::<Vec<_>>(),
        &lines.iter().map(|(.., line)| line.id.as_uuid()).collect::<Vec<_>>(),
        &lines.iter().map(|(.., line)| line.sku.as_str()).collect::<Vec<_>>() as &[&str],
        &lines.iter().map(|(.., line)| line.name.as_str()).collect::<Vec<_>>() as &[&str],
        &lines.iter().map(|(.., line)| line.quantity.get()).collect::<Vec<_>>(),
        &lines.iter().map(|(.., line)| line.unit_price.amount()).collect::<Vec<_>>(),
        &lines.iter().map(|(.., line)| line.line_total.amount()).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn cancel_lines_in_tx(
    tx: &mut PgConnection,
    cancelled: &BTreeMap<(Uuid, Uuid), i64>,
) -> Result<(), ApplyError> {
    if cancelled.is_empty() {
        return Ok(());
    }
    let (orders, lines): (Vec<Uuid>, Vec<Uuid>) = cancelled.keys().copied().unzip();
    let units: Vec<i64> = cancelled.values().copied().collect();
    let done = sqlx::query_file!("src/orders/sql/cancel_lines.sql", &orders, &lines, &units).execute(tx).await?;
    expect_rows("order_lines", cancelled.len(), done.rows_affected())
}

/// Returns the units that the batch delivered, with their orders.
pub(super) async fn shipments_in_tx(
    tx: &mut PgConnection,
    shipments: &BTreeMap<(Uuid, Uuid), ShipmentChange>,
) -> Result<Vec<(Uuid, i64)>, ApplyError> {
    let new: Vec<_> =
        shipments.iter().filter_map(|(key, change)| Some((key, change, change.packed.as_ref()?))).collect();
    if !new.is_empty() {
        sqlx::query_file!(
            "src/orders/sql/insert_shipments.sql",
            &new.iter().map(|((order_id, _), ..)| *order_id).collect::<Vec<_>>(),
            &new.iter().map(|((_, id), ..)| *id).collect::<Vec<_>>(),
            &new.iter().map(|(.., packed)| Json(&packed.lines)).collect::<Vec<_>>() as &[Json<_>],
            &new.iter().map(|(.., packed)| packed.units).collect::<Vec<_>>(),
            &new.iter().map(|(_, change, _)| change.carrier.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
            &new.iter().map(|(_, change, _)| change.tracking.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
            &new.iter().map(|(_, change, _)| change.dispatched_at).collect::<Vec<_>>() as &[Option<_>],
            &new.iter().map(|(_, change, _)| change.delivered_at).collect::<Vec<_>>() as &[Option<_>],
            &new.iter().map(|(.., packed)| packed.created_at).collect::<Vec<_>>(),
        )
        .execute(&mut *tx)
        .await?;
    }
    let of_the_new = new.iter().filter(|(_, change, _)| change.delivered_at.is_some());
    let mut delivered: Vec<(Uuid, i64)> =
        of_the_new.map(|((order_id, _), _, packed)| (*order_id, packed.units)).collect();
    delivered.extend(update_shipments_in_tx(tx, shipments).await?);
    Ok(delivered)
}

async fn update_shipments_in_tx(
    tx: &mut PgConnection,
    shipments: &BTreeMap<(Uuid, Uuid), ShipmentChange>,
) -> Result<Vec<(Uuid, i64)>, ApplyError> {
    let old: Vec<_> = shipments.iter().filter(|(_, change)| change.packed.is_none()).collect();
    if old.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_file!(
        "src/orders/sql/update_shipments.sql",
        &old.iter().map(|((order_id, _), _)| *order_id).collect::<Vec<_>>(),
        &old.iter().map(|((_, id), _)| *id).collect::<Vec<_>>(),
        &old.iter().map(|(_, change)| change.carrier.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &old.iter().map(|(_, change)| change.tracking.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &old.iter().map(|(_, change)| change.dispatched_at).collect::<Vec<_>>() as &[Option<_>],
        &old.iter().map(|(_, change)| change.delivered_at).collect::<Vec<_>>() as &[Option<_>],
    )
    .fetch_all(tx)
    .await?;
    expect_rows("shipments", old.len(), rows.len() as u64)?;
    Ok(rows.into_iter().filter(|row| row.is_delivered).map(|row| (row.order_id, row.units)).collect())
}

pub(super) async fn insert_payments_in_tx(tx: &mut PgConnection, payments: &[&PaymentRow]) -> Result<(), ApplyError> {
    if payments.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "src/orders/sql/insert_payments.sql",
        &payments.iter().map(|payment| payment.id).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.order_id).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.status()).collect::<Vec<_>>() as &[&str],
        &payments.iter().map(|payment| payment.amount).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.authorized()).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.captured()).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.refunded()).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.currency.as_str()).collect::<Vec<_>>() as &[&str],
        &payments.iter().map(|payment| payment.provider.as_str()).collect::<Vec<_>>() as &[&str],
        &payments.iter().map(|payment| payment.method.as_str()).collect::<Vec<_>>() as &[&str],
        &payments.iter().map(|payment| payment.action_url.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &payments.iter().map(|payment| payment.ledger.failure.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &payments.iter().map(|payment| &payment.ledger).collect::<Vec<_>>() as &[&Json<Ledger>],
        &payments.iter().map(|payment| payment.initiated_at).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.created_at).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.updated_at).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.version).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn update_payments_in_tx(tx: &mut PgConnection, payments: &[&PaymentRow]) -> Result<(), ApplyError> {
    if payments.is_empty() {
        return Ok(());
    }
    let done = sqlx::query_file!(
        "src/orders/sql/update_payments.sql",
        &payments.iter().map(|payment| payment.id).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.status()).collect::<Vec<_>>() as &[&str],
        &payments.iter().map(|payment| payment.authorized()).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.captured()).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.refunded()).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.action_url.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &payments.iter().map(|payment| payment.ledger.failure.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &payments.iter().map(|payment| &payment.ledger).collect::<Vec<_>>() as &[&Json<Ledger>],
        &payments.iter().map(|payment| payment.updated_at).collect::<Vec<_>>(),
        &payments.iter().map(|payment| payment.version).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    expect_rows("payments", payments.len(), done.rows_affected())
}
