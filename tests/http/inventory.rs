//! Stock, as staff see and move it: whole, over every location.

use serde_json::{Value, json};

use super::{answer::Answer, shop::Shop};

fn places(stock: &Answer) -> Vec<(&str, i64, i64)> {
    let places = stock["locations"].as_array().unwrap().iter();
    let number = |value: &Value| value.as_i64().unwrap();
    places.map(|at| (at["location"].as_str().unwrap(), number(&at["on_hand"]), number(&at["available"]))).collect()
}

#[tokio::test]
async fn the_answer_to_a_command_is_the_stock_of_all_locations_as_a_query_gives_it() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 10).await;
    let staff = shop.as_staff();
    let steps = [
        ("receipts", json!({ "quantity": 5, "location": "shop" }), 201),
        ("adjustments", json!({ "delta": -2, "reason": "count" }), 201),
        ("transfers", json!({ "quantity": 3, "from": "main", "to": "annexe" }), 201),
        ("set-aside", json!({ "quantity": 2, "reason": "damaged", "location": "shop" }), 200),
        ("put-back", json!({ "quantity": 1, "reason": "repaired", "location": "shop" }), 200),
    ];
    for (step, body, status) in steps {
        let seen = staff.get("/v1/inventory/MUG").at(shop.head().await).answers(200).await;
        let command = staff.post(format!("/v1/inventory/MUG/{step}")).json(body);
        let stale = command.clone().if_match("\"1000\"").refused_as("version_mismatch").await;
        assert_eq!(stale["current_version"], seen["version"]);
        let answer = command.if_still(&seen).answers(status).await;
        let seen = staff.get("/v1/inventory/MUG").after(&answer).answers(200).await;
        assert_eq!((&answer.body, answer.etag()), (&seen.body, seen.etag()), "{step}");
    }
    let policy = json!({ "safety_stock": 1, "low_stock_threshold": 2, "backorder_limit": 0 });
    let answer = staff.put("/v1/inventory/MUG/policy").json(policy).answers(200).await;
    assert_eq!(answer["locations"][1]["safety_stock"], 1);
    assert_eq!(places(&answer), [("annexe", 3, 3), ("main", 5, 4), ("shop", 5, 4)]);
    assert_eq!((&answer["on_hand"], &answer["available"]), (&json!(13), &json!(11)));
}

/// On hand and allocated, at each location.
async fn standing(shop: &Shop) -> Vec<(String, i64, i64)> {
    let stock = shop.as_staff().get("/v1/inventory/MUG").at(shop.head().await).answers(200).await;
    let number = |value: &Value| value.as_i64().unwrap();
    let places = stock["locations"].as_array().unwrap().iter();
    places
        .map(|at| (at["location"].as_str().unwrap().to_owned(), number(&at["on_hand"]), number(&at["allocated"])))
        .collect()
}

fn at(name: &str, on_hand: i64, allocated: i64) -> (String, i64, i64) {
    (name.to_owned(), on_hand, allocated)
}

#[tokio::test]
async fn n6_an_order_is_served_from_several_locations_and_shipped_from_each() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 3).await;
    let staff = shop.as_staff();
    let inventory = |step: &str, body: Value| staff.post(format!("/v1/inventory/MUG/{step}")).json(body);
    inventory("receipts", json!({ "quantity": 5, "location": "north" })).answers(201).await;
    staff.put("/v1/inventory/MUG/policy").json(json!({ "priority": 1_001 })).refused_as("invalid_value").await;
    let first = json!({ "priority": 7 });
    staff.put("/v1/inventory/MUG/policy").json(first).answers(200).await;
    let order = shop.confirmed_order(&shop.as_customer(), &[("MUG", 6)]).await;
    assert_eq!(standing(&shop).await, [at("main", 3, 1), at("north", 5, 5)]);
    let parcel = |location: &str| {
        let parcel = json!({ "carrier": "DHL", "tracking": "1", "location": location });
        staff.post(format!("/v1/orders/{order}/shipments")).keyed().json(parcel)
    };
    let nowhere = parcel("south").refused_as("quantity_exceeded").await;
    assert_eq!(nowhere["available"], 0);
    let sent = parcel("north").answers(201).await;
    assert_eq!(sent["lines"][0]["quantity"], 5);
    assert_eq!(standing(&shop).await, [at("main", 3, 1), at("north", 0, 0)]);
    parcel("main").answers(201).await;
    assert_eq!(standing(&shop).await, [at("main", 2, 0), at("north", 0, 0)]);
}

#[tokio::test]
async fn n1_an_order_whose_stock_is_missing_is_on_hold_until_it_is_back() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let (first, second) =
        (shop.confirmed_order(&buyer, &[("MUG", 2)]).await, shop.confirmed_order(&buyer, &[("MUG", 3)]).await);
    let count = json!({ "delta": -1, "reason": "count" });
    staff.post("/v1/inventory/MUG/adjustments").json(count).answers(201).await;
    shop.until("order.held", second).await;
    assert_eq!(shop.order(second).await["on_hold"], true);
    assert_eq!(shop.order(first).await["on_hold"], false);
    staff.ship(second).refused_as("illegal_transition").await;
    staff.receive("MUG", 1).await;
    shop.until("order.released", second).await;
    staff.ship(second).answers(201).await;
}

#[tokio::test]
async fn stock_moves_only_where_there_is_some() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 2).await;
    let staff = shop.as_staff();
    let post = |step: &str, body: Value| staff.post(format!("/v1/inventory/MUG/{step}")).json(body);
    let refused =
        post("transfers", json!({ "quantity": 3, "from": "main", "to": "shop" })).refused_as("out_of_stock").await;
    assert_eq!(refused["skus"], json!([{ "sku": "MUG", "requested": 3, "available": 2 }]));
    let refused =
        post("transfers", json!({ "quantity": 1, "from": "main", "to": "main" })).refused_as("invalid_value").await;
    refused.names(("pointer", "/to", "invalid_value"));
    let refused =
        post("set-aside", json!({ "quantity": 3, "reason": "damaged" })).refused_as("quantity_exceeded").await;
    assert_eq!(refused["available"], json!(2));
    post("put-back", json!({ "quantity": 1, "reason": "repaired" })).refused_as("quantity_exceeded").await;
    post("receipts", json!({ "quantity": 1, "location": "" })).refused_as("invalid_value").await;
    post("adjustments", json!({ "delta": 1 })).refused_as("invalid_body").await;
    let negative = json!({ "backorder_limit": -1 });
    staff.put("/v1/inventory/MUG/policy").json(negative).refused_as("invalid_value").await;
    // A count is a fact, whatever it leaves uncovered.
    let counted = post("adjustments", json!({ "delta": -3, "reason": "count" })).answers(201).await;
    assert_eq!((&counted["on_hand"], &counted["available"]), (&json!(-1), &json!(-1)));
}

#[tokio::test]
async fn stock_is_received_while_nobody_posts_the_read_models() {
    let shop = Shop::open_without_projector().await;
    shop.sell("MUG", 500, 2).await;
    let received = shop.as_staff().receive("MUG", 3).await;
    assert_eq!((&received["on_hand"], &received["version"]), (&json!(5), &json!(2)));
}
