//! Read your writes: whoever waits for a position finds what was written.

use std::time::Duration;

use ::projections::{
    Progress, QueryError, ReadModels,
    carts::{self, Carts, find},
    stock,
};
use domain::ids::CartId;
use eventstore::{HeadWatch, Position};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::shop::{Shop, customer, drain, sku};

/// Longer than any test runner waits.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_query_that_waits_for_a_position_finds_what_was_written() {
    let mut shop = Shop::open().await;
    let heads = HeadWatch::new();
    let stop = CancellationToken::new();
    let running = tokio::spawn(shop.runner(&Carts).run(heads.clone(), stop.clone()));
    let mut cart = shop.cart(customer(1));
    for units in 1..=20 {
        shop.put(&mut cart, &sku("A"), 1, 100);
        let position = shop.append().await;
        heads.publish(position);
        shop.models.wait_for(&[&carts::DEFINITION], position, PATIENCE).await.unwrap();
        let (found, reflects) = find(&shop.models, CartId::from_uuid(cart.id)).await.unwrap();
        assert!(reflects.position >= position);
        assert_eq!(found.unwrap().lines[0].quantity, units);
    }
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_wait_sees_what_a_runner_of_another_process_has_posted() {
    let mut shop = Shop::open().await;
    shop.cart(customer(1));
    let position = shop.append().await;
    let pool = PgPool::connect_lazy_with(::projections::reading(shop.database.app_options()));
    let elsewhere = ReadModels::new(pool, Progress::default());
    let mut runner = shop.runner(&Carts);
    let carts = [&carts::DEFINITION];
    let (waited, posted) = tokio::join!(elsewhere.wait_for(&carts, position, PATIENCE), drain(&mut runner));
    assert_eq!((waited.is_ok(), posted), (true, 1));
}

#[tokio::test]
async fn a_wait_that_is_in_vain_says_how_far_the_projection_is() {
    let mut shop = Shop::open().await;
    shop.cart(customer(1));
    let first = shop.post(&Carts).await;
    shop.cart(customer(1));
    let second = shop.append().await;
    let both = [&carts::DEFINITION, &stock::DEFINITION];
    let wait = async |position, patience| match shop.models.wait_for(&both, position, patience).await {
        Err(QueryError::Behind { projection, wanted, reached }) => (projection, wanted, reached),
        waited => panic!("{waited:?}"),
    };
    assert_eq!(wait(second, Duration::from_millis(30)).await, ("carts", second, first));
    assert_eq!(wait(first, Duration::ZERO).await, ("stock", first, Position::TITLE));
}

#[tokio::test]
async fn an_answer_says_for_how_long_the_next_event_has_waited() {
    let mut shop = Shop::open().await;
    let cart = shop.cart(customer(1));
    shop.append().await;
    let id = CartId::from_uuid(cart.id);
    // The clock of the database moves on by itself; until it has, the lag may still round to nothing.
    while find(&shop.models, id).await.unwrap().1.lag_ms == 0 {}
    shop.post(&Carts).await;
    assert_eq!(find(&shop.models, id).await.unwrap().1.lag_ms, 0);
}
