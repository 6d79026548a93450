//! The statements that write what a batch makes of carts. Each is sent only if it has something to write.

use domain::ids::Sku;
use sqlx::PgConnection;
use uuid::Uuid;

use super::apply::{Batch, CartChange, LineChange};
use crate::projection::{ApplyError, expect_rows};

/// The order is what a [`LineChange`] relies on.
pub(super) async fn batch_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    insert_carts_in_tx(tx, batch).await?;
    update_carts_in_tx(tx, batch).await?;
    delete_lines_in_tx(tx, batch).await?;
    add_to_lines_in_tx(tx, batch).await?;
    set_lines_in_tx(tx, batch).await
}

async fn insert_carts_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    let carts: Vec<_> = batch.carts.iter().filter_map(|(id, cart)| Some((id, cart, cart.opened.as_ref()?))).collect();
    if carts.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "src/carts/sql/insert_carts.sql",
        &carts.iter().map(|(id, ..)| **id).collect::<Vec<_>>(),
        &carts
            .iter()
            .map(|(_, cart, opened)| cart.customer_id.unwrap_or(opened.customer_id.as_uuid()))
            .collect::<Vec<_>>(),
        &carts.iter().map(|(_, cart, opened)| opened.guest && cart.customer_id.is_none()).collect::<Vec<_>>(),
        &carts.iter().map(|(.., opened)| opened.currency.as_str()).collect::<Vec<_>>() as &[&str],
        &carts.iter().map(|(_, cart, _)| cart.status().unwrap_or("open")).collect::<Vec<_>>() as &[&str],
        &carts.iter().map(|(_, cart, _)| cart.order_id()).collect::<Vec<_>>() as &[Option<Uuid>],
        &carts.iter().map(|(_, cart, _)| cart.merged_into()).collect::<Vec<_>>() as &[Option<Uuid>],
        &carts.iter().map(|(.., opened)| opened.opened_at).collect::<Vec<_>>(),
        &carts.iter().map(|(_, cart, _)| cart.updated_at).collect::<Vec<_>>(),
        &carts.iter().map(|(_, cart, _)| cart.version).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn update_carts_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    let carts: Vec<(&Uuid, &CartChange)> = batch.carts.iter().filter(|(_, cart)| cart.opened.is_none()).collect();
    if carts.is_empty() {
        return Ok(());
    }
    let done = sqlx::query_file!(
        "src/carts/sql/update_carts.sql",
        &carts.iter().map(|(id, _)| **id).collect::<Vec<_>>(),
        &carts.iter().map(|(_, cart)| cart.customer_id).collect::<Vec<_>>() as &[Option<Uuid>],
        &carts.iter().map(|(_, cart)| cart.status()).collect::<Vec<_>>() as &[Option<&str>],
        &carts.iter().map(|(_, cart)| cart.order_id()).collect::<Vec<_>>() as &[Option<Uuid>],
        &carts.iter().map(|(_, cart)| cart.merged_into()).collect::<Vec<_>>() as &[Option<Uuid>],
        &carts.iter().map(|(_, cart)| cart.updated_at).collect::<Vec<_>>(),
        &carts.iter().map(|(_, cart)| cart.version).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    expect_rows("carts", carts.len(), done.rows_affected())
}

async fn delete_lines_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    let lines: Vec<_> = batch.lines.iter().filter(|(_, line)| line.removed).map(|(key, _)| key).collect();
    if lines.is_empty() {
        return Ok(());
    }
    sqlx::query_file!("src/carts/sql/delete_lines.sql", &cart_ids(&lines), &skus(&lines) as &[&str])
        .execute(tx)
        .await?;
    Ok(())
}

async fn add_to_lines_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    let (keys, lines): (Vec<_>, Vec<_>) =
        batch.lines.iter().filter_map(|(key, line)| Some((key, line.added.as_ref()?))).unzip();
    if lines.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "src/carts/sql/add_to_lines.sql",
        &cart_ids(&keys),
        &skus(&keys) as &[&str],
        &lines.iter().map(|line| line.item.name.as_str()).collect::<Vec<_>>() as &[&str],
        &lines.iter().map(|line| line.units).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.item.unit_price.amount()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.position).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn set_lines_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    let set = |(key, line): (_, &'_ LineChange)| Some((key, line.set?));
    let (keys, lines): (Vec<_>, Vec<_>) = batch.lines.iter().filter_map(set).unzip();
    if lines.is_empty() {
        return Ok(());
    }
    let done = sqlx::query_file!(
        "src/carts/sql/set_lines.sql",
        &cart_ids(&keys),
        &skus(&keys) as &[&str],
        &lines.iter().map(|line| line.units).collect::<Vec<_>>() as &[Option<i64>],
        &lines.iter().map(|line| line.unit_price).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    expect_rows("cart_lines", lines.len(), done.rows_affected())
}

fn cart_ids(lines: &[&(Uuid, Sku)]) -> Vec<Uuid> {
    lines.iter().map(|(cart_id, _)| *cart_id).collect()
}

fn skus<'a>(lines: &[&'a (Uuid, Sku)]) -> Vec<&'a str> {
    lines.iter().map(|(_, sku)| sku.as_str()).collect()
}
