//! The statements that write what a batch makes of stock. Each is sent only if it has something to write.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::inventory::PolicyChanged;
use sqlx::PgConnection;
use uuid::Uuid;

use super::apply::{Batch, PlaceChange, Reservation, ReservationKey};
use crate::projection::{ApplyError, expect_rows};

/// Takes reservations out of the table, those that are there.
pub(super) async fn take_reservations_in_tx(
    tx: &mut PgConnection,
    keys: &BTreeSet<ReservationKey>,
) -> Result<BTreeMap<ReservationKey, Reservation>, ApplyError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (streams, orders): (Vec<Uuid>, Vec<Uuid>) = keys.iter().copied().unzip();
    let rows = sqlx::query_file!("src/stock/sql/take_reservations.sql", &streams, &orders).fetch_all(tx).await?;
    let taken = rows
        .into_iter()
        .map(|row| ((row.stream_id, row.order_id), Reservation { quantity: row.quantity, expires_at: row.expires_at }));
    Ok(taken.collect())
}

pub(super) async fn batch_in_tx(tx: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    let changed = change_places_in_tx(tx, &batch.places).await?;
    let new: Vec<_> = batch.places.iter().filter(|(stream_id, _)| !changed.contains(stream_id)).collect();
    insert_places_in_tx(tx, &new).await?;
    put_reservations_in_tx(tx, &batch.reservations).await
}

/// Changes the places that are there, and says which those are.
async fn change_places_in_tx(
    tx: &mut PgConnection,
    places: &BTreeMap<Uuid, PlaceChange>,
) -> Result<HashSet<Uuid>, ApplyError> {
    let policy = |part: fn(&PolicyChanged) -> i64| -> Vec<Option<i64>> {
        places.values().map(|place| place.policy.as_ref().map(part)).collect()
    };
    let changed = sqlx::query_file_scalar!(
        "src/stock/sql/change_places.sql",
        &places.keys().copied().collect::<Vec<_>>(),
        &places.values().map(|place| place.on_hand).collect::<Vec<_>>(),
        &places.values().map(|place| place.allocated).collect::<Vec<_>>(),
        &places.values().map(|place| place.set_aside).collect::<Vec<_>>(),
        &policy(|policy| policy.low_stock_threshold) as &[Option<i64>],
        &policy(|policy| policy.backorder_limit) as &[Option<i64>],
        &policy(|policy| policy.safety_stock) as &[Option<i64>],
        &policy(|policy| policy.priority) as &[Option<i64>],
        &places.values().map(|place| place.updated_at).collect::<Vec<_>>(),
        &places.values().map(|place| place.version).collect::<Vec<_>>(),
    )
    .fetch_all(tx)
    .await?;
    Ok(changed.into_iter().collect())
}

async fn insert_places_in_tx(tx: &mut PgConnection, places: &[(&Uuid, &PlaceChange)]) -> Result<(), ApplyError> {
    if places.is_empty() {
        return Ok(());
    }
    let policy = |part: fn(&PolicyChanged) -> i64| -> Vec<i64> {
        places.iter().map(|(_, place)| place.policy.as_ref().map_or(0, part)).collect()
    };
    let done = sqlx::query_file!(
        "src/stock/sql/insert_places.sql",
        &places.iter().map(|(stream_id, _)| **stream_id).collect::<Vec<_>>(),
        &places.iter().map(|(_, place)| place.sku.as_str()).collect::<Vec<_>>() as &[&str],
        &places.iter().map(|(_, place)| place.location.as_str()).collect::<Vec<_>>() as &[&str],
        &places.iter().map(|(_, place)| place.on_hand).collect::<Vec<_>>(),
        &places.iter().map(|(_, place)| place.allocated).collect::<Vec<_>>(),
        &places.iter().map(|(_, place)| place.set_aside).collect::<Vec<_>>(),
        &policy(|policy| policy.low_stock_threshold),
        &policy(|policy| policy.backorder_limit),
        &policy(|policy| policy.safety_stock),
        &policy(|policy| policy.priority),
        &places.iter().map(|(_, place)| place.updated_at).collect::<Vec<_>>(),
        &places.iter().map(|(_, place)| place.version).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    expect_rows("stock", places.len(), done.rows_affected())
}

async fn put_reservations_in_tx(
    tx: &mut PgConnection,
    reservations: &BTreeMap<ReservationKey, Reservation>,
) -> Result<(), ApplyError> {
    if reservations.is_empty() {
        return Ok(());
    }
    let (streams, orders): (Vec<Uuid>, Vec<Uuid>) = reservations.keys().copied().unzip();
    sqlx::query_file!(
        "src/stock/sql/put_reservations.sql",
        &streams,
        &orders,
        &reservations.values().map(|reservation| reservation.quantity).collect::<Vec<_>>(),
        &reservations.values().map(|reservation| reservation.expires_at).collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}
