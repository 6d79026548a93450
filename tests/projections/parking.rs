//! An event that cannot be posted: its stream waits, the others go on, and what adds up over all of them stops.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ::projections::{
    ApplyError, Definition, Part, Projection, QueryError, RunError, State,
    carts::{self, Carts},
    orders::{self, Orders},
    sales::{self, Sales},
    stock::{self, Stock},
};
use async_trait::async_trait;
use domain::ids::{CartId, Location, OrderId, inventory_stream};
use eventstore::{RecordedEvent, StreamId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::shop::{Shop, customer, drain, sku};

/// Posts carts, but takes no item away until it is mended.
struct Broken {
    is_mended: AtomicBool,
}

#[async_trait]
impl Projection for Broken {
    fn definition(&self) -> &'static Definition {
        Carts.definition()
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        Carts.apply(tx, events).await?;
        let removes = events.iter().any(|event| event.event_type == "cart.item_removed");
        if removes && !self.is_mended.load(Ordering::Relaxed) {
            return Err(ApplyError::Contradiction { reason: "it is broken".to_owned() });
        }
        Ok(())
    }
}

async fn cart(shop: &Shop, id: Uuid) -> Result<Option<carts::Cart>, QueryError> {
    carts::find(&shop.models, CartId::from_uuid(id)).await.map(|(cart, _)| cart)
}

#[tokio::test]
async fn a_poison_event_parks_its_stream_and_a_retry_catches_it_up() {
    let mut shop = Shop::open().await;
    let (mut poisoned, mut sound) = (shop.cart(customer(1)), shop.cart(customer(2)));
    for code in ["A", "B"] {
        shop.put(&mut poisoned, &sku(code), 1, 100);
        shop.put(&mut sound, &sku(code), 1, 100);
    }
    shop.decide(&mut poisoned, domain::cart::Command::RemoveItem { sku: sku("A") }).unwrap();
    shop.put(&mut poisoned, &sku("C"), 1, 100);
    shop.put(&mut sound, &sku("C"), 1, 100);
    let projection: &'static Broken = Box::leak(Box::new(Broken { is_mended: AtomicBool::new(false) }));
    let mut runner = shop.runner(projection);
    shop.append().await;
    drain(&mut runner).await;
    shop.put(&mut poisoned, &sku("D"), 1, 100);
    shop.put(&mut sound, &sku("D"), 1, 100);
    let head = shop.append().await;
    drain(&mut runner).await;

    assert_eq!(cart(&shop, sound.id).await.unwrap().unwrap().lines.len(), 4);
    let refused = cart(&shop, poisoned.id).await;
    assert!(matches!(refused, Err(QueryError::Incomplete { projection: "carts" })), "{refused:?}");
    let status = &shop.models.status(&[&carts::DEFINITION]).await.unwrap()[0];
    assert_eq!((status.position, status.parked_streams, status.state), (head, 1, State::Running));

    assert_eq!(runner.retry_parked(None).await.unwrap(), 0);
    projection.is_mended.store(true, Ordering::Relaxed);
    assert_eq!(runner.retry_parked(Some(sound.id)).await.unwrap(), 0);
    assert_eq!(runner.retry_parked(Some(poisoned.id)).await.unwrap(), 1);
    let mended = cart(&shop, poisoned.id).await.unwrap().unwrap();
    assert_eq!(mended.lines.iter().map(|line| line.sku.as_str()).collect::<Vec<_>>(), ["B", "C", "D"]);
    assert_eq!(mended.version, poisoned.version);
    assert_eq!(shop.models.status(&[&carts::DEFINITION]).await.unwrap()[0].parked_streams, 0);
}

#[tokio::test]
async fn an_event_type_that_is_not_known_is_not_passed_over() {
    let mut shop = Shop::open().await;
    let (cart_id, other) = (Uuid::now_v7(), shop.cart(customer(1)));
    shop.forge(StreamId::new("cart", cart_id), 1, "cart.sung_to", "{}");
    shop.post(&Carts).await;
    let refused = cart(&shop, cart_id).await;
    assert!(matches!(refused, Err(QueryError::Incomplete { .. })), "{refused:?}");
    assert!(cart(&shop, other.id).await.unwrap().is_some());
    let reason: String =
        sqlx::query_scalar("SELECT reason FROM projection.parked").fetch_one(&shop.database.owner).await.unwrap();
    assert!(reason.contains("cart.sung_to is unknown"), "{reason}");
}

#[tokio::test]
async fn what_the_tables_refuse_parks_the_stock_of_one_sku() {
    let mut shop = Shop::open().await;
    let (poisoned, sound) = (sku("A"), sku("B"));
    shop.received(&poisoned, 5);
    let stream = StreamId::new("inventory", inventory_stream(&poisoned, &Location::main()));
    let id = Uuid::nil();
    let payload = format!(r#"{{"sku":"A","location":"main","order_id":"{id}","shipment_id":"{id}","quantity":3}}"#);
    shop.forge(stream, 2, "inventory.shipped", &payload);
    shop.received(&sound, 5);
    shop.post(&Stock).await;
    assert_eq!(stock::find(&shop.models, &sound).await.unwrap().0.unwrap().on_hand, 5);
    let refused = stock::find(&shop.models, &poisoned).await;
    assert!(matches!(refused, Err(QueryError::Incomplete { .. })), "{refused:?}");
}

#[tokio::test]
async fn more_poison_than_events_can_be_to_blame_for_stops_the_projection() {
    let mut shop = Shop::open().await;
    for _ in 0..101 {
        shop.forge(StreamId::new("cart", Uuid::now_v7()), 1, "cart.sung_to", "{}");
    }
    shop.append().await;
    let stopped = shop.runner(&Carts).run_once().await;
    assert!(matches!(stopped, Err(RunError::Stopped { position, .. }) if position.0 == 101), "{stopped:?}");
    let status = &shop.models.status(&[&carts::DEFINITION]).await.unwrap()[0];
    assert_eq!((status.state, status.parked_streams, status.position.0), (State::Stopped, 0, 0));
}

#[tokio::test]
async fn sales_stop_at_what_they_cannot_post_rather_than_be_short() {
    let mut shop = Shop::open().await;
    let code = sku("A");
    shop.confirmed_order(customer(1), &[(&code, 2, 100)]);
    let before = shop.post(&Sales).await;
    shop.confirmed_order(customer(1), &[(&code, 2, 100)]);
    let payload = r#"{"payment_id":"01890000-0000-7000-8000-000000000000","confirmed_at":"2026-01-01T00:00:00Z"}"#;
    shop.forge(StreamId::new("order", Uuid::now_v7()), 1, "order.confirmed", payload);
    let poison = shop.append().await;
    let stopped = shop.runner(&Sales).run_once().await;
    assert!(matches!(stopped, Err(RunError::Stopped { position, .. }) if position == poison), "{stopped:?}");

    let status = &shop.models.status(&[&sales::DEFINITION]).await.unwrap()[0];
    assert_eq!((status.state, status.position), (State::Stopped, before));
    assert!(status.reason.as_ref().unwrap().contains(&poison.to_string()), "{:?}", status.reason);
    let part = Part { limit: ::projections::Limit::report_default(), cursor: None };
    let (report, reflects) = sales::report(&shop.models, &[], &sales::Filter::default(), &part).await.unwrap();
    assert_eq!((report.data[0].units, reflects.position), (2, before));
}

#[tokio::test]
async fn a_parked_order_makes_the_lists_incomplete_that_it_belongs_to_and_no_others() {
    let mut shop = Shop::open().await;
    let code = sku("A");
    let (poisoned, _) = shop.order(customer(1), &[(&code, 1, 100)]);
    let (sound, _) = shop.order(customer(2), &[(&code, 1, 100)]);
    shop.forge(StreamId::new("order", poisoned.id), 2, "order.sung_to", "{}");
    shop.post(&Orders).await;

    for (customer_id, is_complete) in [(Some(customer(2)), true), (Some(customer(1)), false), (None, false)] {
        let filter = orders::Filter { customer_id, ..orders::Filter::default() };
        let listed = orders::list(&shop.models, &filter, orders::NEWEST_FIRST, &Part::default()).await;
        assert_eq!(listed.is_ok(), is_complete, "{listed:?}");
    }
    assert!(orders::find(&shop.models, OrderId::from_uuid(sound.id)).await.unwrap().0.is_some());
    let refused = orders::find(&shop.models, OrderId::from_uuid(poisoned.id)).await;
    assert!(matches!(refused, Err(QueryError::Incomplete { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_parked_payment_makes_its_order_incomplete() {
    let mut shop = Shop::open().await;
    let code = sku("A");
    let (order, payment) = shop.order(customer(1), &[(&code, 1, 100)]);
    let (other, _) = shop.order(customer(1), &[(&code, 1, 100)]);
    shop.forge(StreamId::new("payment", payment.id), 2, "payment.sung_to", "{}");
    shop.post(&Orders).await;
    let refused = orders::find(&shop.models, OrderId::from_uuid(order.id)).await;
    assert!(matches!(refused, Err(QueryError::Incomplete { .. })), "{refused:?}");
    assert!(orders::find(&shop.models, OrderId::from_uuid(other.id)).await.unwrap().0.is_some());
}
