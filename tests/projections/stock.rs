//! `GET /v1/inventory/{sku}`, as the read model answers it.

use ::projections::stock::{Stock, StockLevel, find};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{Location, OrderId, Sku, inventory_stream},
    inventory::{Command, Inventory, PolicyChange},
};
use uuid::Uuid;

use super::shop::{Shop, Stream, now, quantity, receive, sku, text};

fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

fn reserve(number: u128, units: i64, expires_at: DateTime<Utc>) -> Command {
    Command::Reserve { order_id: order(number), quantity: quantity(units), expires_at, now: now() }
}

async fn level(shop: &Shop, sku: &Sku) -> StockLevel {
    find(&shop.models, sku).await.unwrap().0.unwrap()
}

/// On hand, reserved, allocated, unavailable, available.
#[track_caller]
fn check(level: &StockLevel, expected: [i64; 5]) {
    assert_eq!([level.on_hand, level.reserved, level.allocated, level.unavailable, level.available], expected);
}

#[tokio::test]
async fn stock_is_followed_from_receipt_to_dispatch() {
    let (mut shop, code) = (Shop::open().await, sku("85123A"));
    let mut stock = shop.received(&code, 10);
    let later = now() + TimeDelta::minutes(15);
    shop.decide(&mut stock, reserve(1, 3, later)).unwrap();
    shop.decide(&mut stock, reserve(2, 4, later)).unwrap();
    shop.post(&Stock).await;
    check(&level(&shop, &code).await, [10, 7, 0, 0, 3]);

    let allocate = Command::Allocate { order_id: order(1), quantity: quantity(3), now: now() };
    shop.decide(&mut stock, allocate).unwrap();
    shop.decide(&mut stock, Command::ReleaseReservation { order_id: order(2) }).unwrap();
    shop.decide(&mut stock, Command::SetAside { quantity: quantity(2), reason: text("damaged") }).unwrap();
    shop.post(&Stock).await;
    check(&level(&shop, &code).await, [10, 0, 3, 2, 5]);

    let shipment_id = domain::ids::ShipmentId::from_uuid(Uuid::from_u128(5));
    shop.decide(&mut stock, Command::Ship { order_id: order(1), quantity: quantity(2), shipment_id }).unwrap();
    shop.decide(&mut stock, Command::ReleaseAllocation { order_id: order(1), quantity: None }).unwrap();
    shop.post(&Stock).await;
    check(&level(&shop, &code).await, [8, 0, 0, 2, 6]);
    assert_eq!(level(&shop, &code).await.version, stock.version);
}

#[tokio::test]
async fn an_expired_reservation_does_not_count_before_its_expiry_is_recorded() {
    let (mut shop, code) = (Shop::open().await, sku("A"));
    let mut stock = shop.received(&code, 10);
    shop.decide(&mut stock, reserve(1, 3, now())).unwrap();
    shop.decide(&mut stock, reserve(2, 4, now() + TimeDelta::minutes(15))).unwrap();
    shop.post(&Stock).await;
    check(&level(&shop, &code).await, [10, 4, 0, 0, 6]);

    let expires_at = now() + TimeDelta::minutes(30);
    shop.decide(&mut stock, Command::ExtendReservation { order_id: order(2), expires_at, now: now() }).unwrap();
    shop.decide(&mut stock, Command::ExpireReservation { order_id: order(1), now: now() }).unwrap();
    shop.post(&Stock).await;
    check(&level(&shop, &code).await, [10, 4, 0, 0, 6]);
}

#[tokio::test]
async fn a_reservation_that_is_used_up_within_its_batch_leaves_no_row() {
    let (mut shop, code) = (Shop::open().await, sku("A"));
    let mut stock = shop.received(&code, 10);
    shop.decide(&mut stock, reserve(1, 3, now() + TimeDelta::minutes(15))).unwrap();
    let allocate = Command::Allocate { order_id: order(1), quantity: quantity(3), now: now() };
    shop.decide(&mut stock, allocate).unwrap();
    shop.post(&Stock).await;
    check(&level(&shop, &code).await, [10, 0, 3, 0, 7]);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM stock_v2.stock_reservations")
        .fetch_one(&shop.database.owner)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn the_stock_of_a_sku_is_that_of_all_its_locations() {
    let (mut shop, code) = (Shop::open().await, sku("A"));
    let north: Location = text("north");
    let mut main = shop.received(&code, 10);
    let mut other = Stream::<Inventory>::new(inventory_stream(&code, &north));
    let change =
        PolicyChange { safety_stock: Some(2), low_stock_threshold: Some(1), backorder_limit: None, priority: Some(3) };
    let policy = Command::ChangePolicy { sku: code.clone(), location: north.clone(), change };
    shop.decide(&mut other, policy).unwrap();
    shop.decide(&mut other, receive(&code, &north, 5)).unwrap();
    let out = Command::TransferOut { to: north.clone(), quantity: quantity(4), now: now() };
    shop.decide(&mut main, out).unwrap();
    let arrived = Command::TransferIn {
        sku: code.clone(),
        location: north.clone(),
        from: Location::main(),
        quantity: quantity(4),
    };
    shop.decide(&mut other, arrived).unwrap();
    shop.post(&Stock).await;

    let level = level(&shop, &code).await;
    check(&level, [15, 0, 0, 2, 13]);
    assert_eq!(level.version, main.version + other.version);
    let places: Vec<_> = level.locations.iter().map(|place| (place.location.as_str(), place.on_hand)).collect();
    assert_eq!(places, [("main", 6), ("north", 9)]);
    assert_eq!((level.locations[1].safety_stock, level.locations[1].low_stock_threshold), (2, 1));
    assert_eq!((level.locations[0].priority, level.locations[1].priority), (0, 3));
    assert_eq!(find(&shop.models, &sku("a")).await.unwrap().0, None);
}
