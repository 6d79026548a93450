//! The rows of the sums that a batch touches: two statements a kind.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    apply::{Balanced, Batch, Found, Transit},
    order::Order,
    payment::Payment,
    shelf::{Hold, Shelf, Stocked},
};
use crate::projection::ApplyError;

pub(super) async fn load_shelves_in_tx(
    tx: &mut PgConnection,
    shelves: &BTreeSet<Uuid>,
    orders: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Stocked>, ApplyError> {
    if shelves.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = shelves.iter().copied().collect();
    let orders: Vec<Uuid> = orders.iter().copied().collect();
    let rows = sqlx::query_file!("src/conservation/sql/load_shelves.sql", &ids).fetch_all(&mut *tx).await?;
    let stocked = |shelf: Shelf| Stocked { shelf, holds: HashMap::new() };
    let mut loaded: HashMap<Uuid, Stocked> = rows.into_iter().map(|row| (row.id, stocked(row.state.0))).collect();
    let holds = sqlx::query_file!("src/conservation/sql/load_holds.sql", &ids, &orders).fetch_all(tx).await?;
    for row in holds {
        let hold = Hold { reserved: row.reserved, reserved_until: row.reserved_until, allocated: row.allocated };
        loaded.entry(row.shelf_id).or_default().holds.insert(row.order_id, hold);
    }
    Ok(loaded)
}

pub(super) async fn load_orders_in_tx(
    tx: &mut PgConnection,
    orders: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Balanced>, ApplyError> {
    let ids: Vec<Uuid> = orders.iter().copied().collect();
    let rows = sqlx::query_file!("src/conservation/sql/load_conserved_orders.sql", &ids).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, Balanced::of(row.state.0))).collect())
}

pub(super) async fn load_payments_in_tx(
    tx: &mut PgConnection,
    payments: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Payment>, ApplyError> {
    if payments.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = payments.iter().copied().collect();
    let rows = sqlx::query_file!("src/conservation/sql/load_conserved_payments.sql", &ids).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.state.0)).collect())
}

pub(super) async fn load_transit_in_tx(
    tx: &mut PgConnection,
    skus: &BTreeSet<String>,
) -> Result<BTreeMap<String, Transit>, ApplyError> {
    if skus.is_empty() {
        return Ok(BTreeMap::new());
    }
    let skus: Vec<String> = skus.iter().cloned().collect();
    let rows = sqlx::query_file!("src/conservation/sql/load_transit.sql", &skus).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|row| (row.sku, Transit { units: row.units, since: row.since })).collect())
}

pub(super) async fn batch_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    shelves_in_tx(tx, &batch.shelves).await?;
    if !batch.orders.is_empty() {
        orders_in_tx(tx, &batch.orders).await?;
    }
    if !batch.payments.is_empty() {
        let (ids, states): (Vec<_>, Vec<_>) = batch.payments.iter().map(|(id, state)| (*id, Json(state))).unzip();
        sqlx::query_file!("src/conservation/sql/put_payments.sql", &ids, &states as &[Json<&Payment>])
            .execute(&mut *tx)
            .await?;
    }
    if !batch.transit.is_empty() {
        let skus: Vec<&str> = batch.transit.keys().map(String::as_str).collect();
        let units: Vec<i64> = batch.transit.values().map(|transit| transit.units).collect();
        let since: Vec<_> = batch.transit.values().map(|transit| transit.since).collect();
        sqlx::query_file!("src/conservation/sql/put_transit.sql", &skus as &[&str], &units, &since)
            .execute(&mut *tx)
            .await?;
    }
    if !batch.found.is_empty() {
        violations_in_tx(tx, &batch.found).await?;
    }
    Ok(())
}

async fn shelves_in_tx(tx: &mut PgConnection, shelves: &HashMap<Uuid, Stocked>) -> Result<(), ApplyError> {
    if shelves.is_empty() {
        return Ok(());
    }
    let (ids, states): (Vec<_>, Vec<_>) = shelves.iter().map(|(id, stocked)| (*id, Json(&stocked.shelf))).unzip();
    sqlx::query_file!("src/conservation/sql/put_shelves.sql", &ids, &states as &[Json<&Shelf>])
        .execute(&mut *tx)
        .await?;
    let all = shelves.iter().flat_map(|(id, stocked)| stocked.holds.iter().map(|(order, hold)| (*id, *order, *hold)));
    let (ended, kept): (Vec<_>, Vec<_>) = all.partition(|(.., hold)| hold.is_nothing());
    if !kept.is_empty() {
        sqlx::query_file!(
            "src/conservation/sql/put_holds.sql",
            &kept.iter().map(|(shelf, ..)| *shelf).collect::<Vec<_>>(),
            &kept.iter().map(|(_, order, _)| *order).collect::<Vec<_>>(),
            &kept.iter().map(|(.., hold)| hold.reserved).collect::<Vec<_>>(),
            &kept.iter().map(|(.., hold)| hold.reserved_until).collect::<Vec<_>>() as &[Option<_>],
            &kept.iter().map(|(.., hold)| hold.allocated).collect::<Vec<_>>(),
        )
        .execute(&mut *tx)
        .await?;
    }
    if !ended.is_empty() {
        let (shelves, orders): (Vec<Uuid>, Vec<Uuid>) =
            ended.into_iter().map(|(shelf, order, _)| (shelf, order)).unzip();
        sqlx::query_file!("src/conservation/sql/delete_holds.sql", &shelves, &orders).execute(tx).await?;
    }
    Ok(())
}

async fn orders_in_tx(tx: &mut PgConnection, orders: &HashMap<Uuid, Balanced>) -> Result<(), ApplyError> {
    let unsettled = |balanced: &Balanced| balanced.unsettled.clone().unzip();
    sqlx::query_file!(
        "src/conservation/sql/put_orders.sql",
        &orders.keys().copied().collect::<Vec<_>>(),
        &orders.values().map(|balanced| Json(&balanced.order)).collect::<Vec<_>>() as &[Json<&Order>],
        &orders.values().map(|balanced| unsettled(balanced).0).collect::<Vec<_>>() as &[Option<String>],
        &orders.values().map(|balanced| unsettled(balanced).1).collect::<Vec<_>>() as &[Option<_>],
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn violations_in_tx(tx: &mut PgConnection, found: &[Found]) -> Result<(), ApplyError> {
    sqlx::query_file!(
        "src/conservation/sql/insert_violations.sql",
        &found.iter().map(|found| found.position.0).collect::<Vec<_>>(),
        &found.iter().map(|found| found.number).collect::<Vec<_>>(),
        &found.iter().map(|found| found.rule).collect::<Vec<_>>() as &[&str],
        &found.iter().map(|found| found.subject.as_str()).collect::<Vec<_>>() as &[&str],
        &found.iter().map(|found| found.detail.as_str()).collect::<Vec<_>>() as &[&str],
    )
    .execute(tx)
    .await?;
    Ok(())
}
