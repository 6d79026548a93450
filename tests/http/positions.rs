//! Reading what was written: a query names the position that it wants to see, and sees it or is told.

use serde_json::json;

use super::{client::Client, shop::Shop, steps::gbp};

/// One of each query, over a shop with a product, a cart, an order and its payment.
async fn queries(shop: &Shop, staff: &Client) -> Vec<String> {
    shop.sell("MUG", 500, 5).await;
    let order = staff.check_out(staff.fill_cart(&[("MUG", 1)]).await).await;
    shop.until("order.confirmed", order.id()).await;
    vec![
        "/v1/products".to_owned(),
        "/v1/products/MUG".to_owned(),
        "/v1/inventory/MUG".to_owned(),
        format!("/v1/carts/{}", order["cart_id"].as_str().unwrap()),
        "/v1/orders".to_owned(),
        format!("/v1/orders/{}", order.id()),
        format!("/v1/payments/{}", order["payments"][0]["id"].as_str().unwrap()),
        "/v1/reports/sales".to_owned(),
    ]
}

#[tokio::test]
async fn a_query_shows_what_the_command_before_it_wrote() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let (staff, anyone) = (shop.as_staff(), shop.anonymous());
    for price in 501..521 {
        let changed = staff.put("/v1/products/MUG/price").json(json!({ "price": gbp(price) })).answers(200).await;
        let seen = anyone.get("/v1/products/MUG").after(&changed).answers(200).await;
        assert_eq!(seen["price"], gbp(price));
        assert!(seen.position() >= changed.position());
    }
}

#[tokio::test]
async fn a_query_for_what_the_view_has_not_reached_is_refused_and_never_stale() {
    let shop = Shop::open_without_projector().await;
    let staff = shop.as_staff();
    let queries = queries(&shop, &staff).await;
    let head = shop.head().await;
    for path in &queries {
        let query = staff.get(path).header("daybook-min-position", &head.to_string()).header("prefer", "wait=0");
        let refused = query.is_refused("projection_behind").await;
        assert_eq!((&refused["position"], &refused["retryable"]), (&json!(0), &json!(true)), "{path}");
        assert_eq!(refused.header("retry-after"), "1");
        // Nothing is named, so nothing is waited for, and position 0 says how little that shows.
        let now = staff.get(path).send().await;
        assert!(now.status == 404 || now.position() == 0, "{path}: {}", now.text());
    }

    let _projector = shop.start_projector().await;
    for path in &queries {
        let seen = staff.get(path).at(head).answers(200).await;
        assert!(seen.position() >= head, "{path}");
    }
}

#[tokio::test]
async fn a_query_waits_until_the_view_is_there() {
    let shop = Shop::open_without_projector().await;
    shop.sell("MUG", 500, 0).await;
    let waiting = shop.anonymous().get("/v1/products/MUG").at(shop.head().await);
    let start_later = async {
        // The query is asked first; that the projector comes a moment later is what it waits for.
        tokio::task::yield_now().await;
        shop.start_projector().await
    };
    let (seen, _projector) = tokio::join!(waiting.answers(200), start_later);
    assert_eq!(seen["price"], gbp(500));
}

#[tokio::test]
async fn a_position_that_nobody_wrote_is_refused() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    let queries = queries(&shop, &staff).await;
    let head = shop.head().await;
    for path in &queries {
        let refused = staff.get(path).at(head + 1).is_refused("position_beyond_head").await;
        assert_eq!(refused["head"], json!(head));
        for text in ["-1", "+1", " 1", "1.0", "x", "", "9223372036854775808"] {
            let refused = staff.get(path).header("daybook-min-position", text).is_refused("invalid_header").await;
            refused.names(("header", "Daybook-Min-Position", "malformed"));
        }
    }
}

#[tokio::test]
async fn a_command_that_changes_nothing_names_the_head_it_was_decided_on() {
    let shop = Shop::open().await;
    let buyer = shop.as_customer();
    let cart = buyer.open_cart().await;
    shop.sell("MUG", 500, 0).await;
    let head = shop.head().await;
    let removed = buyer.delete(format!("/v1/carts/{cart}/items/MUG")).answers(200).await;
    assert_eq!((removed.position(), &removed["version"]), (head, &json!(1)));
    assert_eq!(shop.head().await, head);
}
