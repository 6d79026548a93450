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
        let stale = command.clone().if_match("\"1000\"").is_refused("version_mismatch").await;
        assert_eq!(stale["current_version"], seen["version"]);
        let answer = command.if_still(&seen).answers(status).await;
        let seen = staff.get("/v1/inventory/MUG").after(&answer).answers(200).await;
        assert_eq!((&answer.body, answer.etag()), (&seen.body, seen.etag()), "{step}");
    }
    let policy = json!({ "safety_stock": 1, "low_stock_threshold": 2, "backorder_limit": 0 });
    let answer = staff.put("/v1/inventory/MUG/policy").json(policy).answers(200).await;
    assert_eq!(places(&answer), [("annexe", 3, 3), ("main", 5, 4), ("shop", 5, 4)]);
    assert_eq!((&answer["on_hand"], &answer["available"]), (&json!(13), &json!(11)));
}

#[tokio::test]
async fn stock_moves_only_where_there_is_some() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 2).await;
    let staff = shop.as_staff();
    let post = |step: &str, body: Value| staff.post(format!("/v1/inventory/MUG/{step}")).json(body);
    let refused =
        post("transfers", json!({ "quantity": 3, "from": "main", "to": "shop" })).is_refused("out_of_stock").await;
    assert_eq!(refused["skus"], json!([{ "sku": "MUG", "requested": 3, "available": 2 }]));
    let refused =
        post("transfers", json!({ "quantity": 1, "from": "main", "to": "main" })).is_refused("invalid_value").await;
    refused.names(("pointer", "/to", "invalid_value"));
    let refused =
        post("set-aside", json!({ "quantity": 3, "reason": "damaged" })).is_refused("quantity_exceeded").await;
    assert_eq!(refused["available"], json!(2));
    post("put-back", json!({ "quantity": 1, "reason": "repaired" })).is_refused("quantity_exceeded").await;
    post("receipts", json!({ "quantity": 1, "location": "" })).is_refused("invalid_value").await;
    post("adjustments", json!({ "delta": 1 })).is_refused("invalid_body").await;
    let negative = json!({ "backorder_limit": -1 });
    staff.put("/v1/inventory/MUG/policy").json(negative).is_refused("invalid_value").await;
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
