//! Goods that come back, and where an order is sent.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    client::{Client, Request},
    shop::Shop,
    steps::{address, gbp},
};

/// Three mugs at 5.00, delivered and paid.
async fn delivered(shop: &Shop, buyer: &Client) -> Uuid {
    shop.sell("MUG", 500, 5).await;
    let order = shop.confirmed_order(buyer, &[("MUG", 3)]).await;
    let staff = shop.as_staff();
    let parcel = staff.ship(order).answers(201).await.id();
    staff.post(format!("/v1/orders/{order}/shipments/{parcel}/delivery")).json(json!({})).answers(200).await;
    let payment = shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.completed", payment).await;
    order
}

fn ask(client: &Client, order: Uuid, units: i64) -> Request {
    let lines = json!([{ "sku": "MUG", "quantity": units }]);
    client.post(format!("/v1/orders/{order}/returns")).json(json!({ "lines": lines, "reason": "arrived broken" }))
}

fn about(client: &Client, order: Uuid, goods_return: Uuid, what: &str) -> Request {
    client.post(format!("/v1/orders/{order}/returns/{goods_return}/{what}"))
}

fn receive(client: &Client, order: Uuid, goods_return: Uuid, lines: Value) -> Request {
    about(client, order, goods_return, "receipt").json(json!({ "lines": lines }))
}

#[tokio::test]
async fn goods_are_sent_back_counted_and_paid_for() {
    let shop = Shop::open().await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    let order = delivered(&shop, &buyer).await;
    let asked = ask(&buyer, order, 2).answers(201).await;
    let id = asked.id();
    assert_eq!(asked.header("location"), format!("/v1/orders/{order}/returns/{id}"));
    assert_eq!((&asked["status"], &asked["lines"][0]["quantity"]), (&json!("requested"), &json!(2)));

    let lines =
        json!([{ "sku": "MUG", "quantity": 1, "restock": true }, { "sku": "MUG", "quantity": 1, "restock": false }]);
    let early = receive(&staff, order, id, lines.clone()).refused_as("illegal_transition").await;
    assert_eq!((&early["current_state"], &early["allowed"]), (&json!("requested"), &json!(["approve", "reject"])));
    assert_eq!(about(&staff, order, id, "approval").answers(200).await["status"], "approved");
    let received = receive(&staff, order, id, lines.clone()).answers(200).await;
    assert_eq!((&received["status"], &received["amount"]), (&json!("received"), &gbp(1_000)));
    receive(&staff, order, id, lines).answers(200).await;
    assert_eq!(shop.stock("MUG").await, [3, 0, 0, 3], "one of the two is fit to be sold again");

    let seen = shop.order(order).await;
    assert_eq!([&seen["status"], &seen["fulfillment_status"]], ["delivered", "partially_returned"]);
    assert_eq!((&seen["lines"][0]["returned"], &seen["payment_status"]), (&json!(2), &json!("paid")));
    let known = &seen["returns"][0];
    assert_eq!((&known["status"], &known["received"][1]["restock"]), (&json!("received"), &json!(false)));
    assert_eq!((&known["amount"], &known["reason"]), (&gbp(1_000), &json!("arrived broken")));

    let body = json!({ "amount": known["amount"], "reason": "sent back", "lines": [{ "sku": "MUG", "quantity": 2 }] });
    staff.post(format!("/v1/orders/{order}/refunds")).keyed().json(body).answers(201).await;
    let payment = seen["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.refund_succeeded", payment).await;
    assert_eq!(shop.order(order).await["payment_status"], "partially_refunded");
}

#[tokio::test]
async fn n4_goods_are_unpacked_where_staff_says_or_where_they_were_sent_from() {
    let shop = Shop::open().await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    shop.sell("MUG", 500, 0).await;
    staff.post("/v1/inventory/MUG/receipts").json(json!({ "quantity": 5, "location": "LEEDS" })).answers(201).await;
    let order = shop.confirmed_order(&buyer, &[("MUG", 3)]).await;
    let parcel = staff.ship(order).answers(201).await.id();
    staff.post(format!("/v1/orders/{order}/shipments/{parcel}/delivery")).json(json!({})).answers(200).await;
    let mugs = |units| json!([{ "sku": "MUG", "quantity": units, "restock": true }]);
    for (units, location, expected) in
        [(1, json!("YORK"), [("LEEDS", 2), ("YORK", 1)]), (2, Value::Null, [("LEEDS", 4), ("YORK", 1)])]
    {
        let id = ask(&buyer, order, units).answers(201).await.id();
        about(&staff, order, id, "approval").answers(200).await;
        let mut receipt = json!({ "lines": mugs(units) });
        if !location.is_null() {
            receipt["location"] = location;
        }
        about(&staff, order, id, "receipt").json(receipt).answers(200).await;
        let stock = staff.get("/v1/inventory/MUG").at(shop.head().await).answers(200).await;
        let places = stock["locations"].as_array().unwrap().iter();
        let held: Vec<_> = places.filter(|place| place["on_hand"] != 0).collect();
        let held: Vec<_> = held
            .iter()
            .map(|place| (place["location"].as_str().unwrap(), place["on_hand"].as_i64().unwrap()))
            .collect();
        assert_eq!(held, expected);
    }
    let id = ask(&buyer, order, 1).refused_as("quantity_exceeded").await;
    assert_eq!(id["available"], 0);
}

#[tokio::test]
async fn no_more_is_sent_back_than_came_and_what_is_refused_can_be_asked_for_again() {
    let shop = Shop::open().await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    let order = delivered(&shop, &buyer).await;
    let refused = ask(&buyer, order, 4).refused_as("quantity_exceeded").await;
    assert_eq!((&refused["skus"], &refused["available"]), (&json!(["MUG"]), &json!(3)));
    ask(&shop.as_customer(), order, 1).refused_as("not_found").await;
    let id = ask(&buyer, order, 3).answers(201).await.id();
    assert_eq!(ask(&buyer, order, 1).refused_as("quantity_exceeded").await["available"], 0);
    about(&buyer, order, id, "approval").refused_as("permission_denied").await;
    about(&staff, order, Uuid::now_v7(), "approval").refused_as("not_found").await;
    let rejected = about(&staff, order, id, "rejection").json(json!({ "reason": "used" })).answers(200).await;
    assert_eq!((&rejected["status"], &rejected["rejection"]), (&json!("rejected"), &json!("used")));
    about(&staff, order, id, "approval").refused_as("illegal_transition").await;
    let again = ask(&buyer, order, 3).answers(201).await.id();
    about(&staff, order, again, "approval").answers(200).await;
    let four = json!([{ "sku": "MUG", "quantity": 4, "restock": true }]);
    assert_eq!(receive(&staff, order, again, four).refused_as("quantity_exceeded").await["available"], 3);
    let pans = json!([{ "sku": "PAN", "quantity": 1, "restock": true }]);
    receive(&staff, order, again, pans).refused_as("invalid_value").await.names(("pointer", "/lines", "invalid_value"));
    let seen = shop.order(order).await;
    let statuses: Vec<_> = seen["returns"].as_array().unwrap().iter().map(|known| &known["status"]).collect();
    assert_eq!(statuses, ["rejected", "approved"]);
}

#[tokio::test]
async fn o7_what_came_longer_than_30_days_ago_stays_and_what_has_not_come_does_too() {
    let shop = Shop::open().await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    shop.sell("MUG", 500, 5).await;
    let order = shop.confirmed_order(&buyer, &[("MUG", 3)]).await;
    let parcel = staff.ship(order).answers(201).await.id();
    let payment = shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.completed", payment).await;
    assert_eq!(ask(&buyer, order, 1).refused_as("illegal_transition").await["current_state"], "shipped");
    let long_ago = json!({ "delivered_at": chrono::Utc::now() - chrono::TimeDelta::days(31) });
    staff.post(format!("/v1/orders/{order}/shipments/{parcel}/delivery")).json(long_ago).answers(200).await;
    let refused = ask(&buyer, order, 1).refused_as("return_window_closed").await;
    assert_eq!((&refused["skus"], &refused["available"]), (&json!(["MUG"]), &json!(0)));
}

#[tokio::test]
async fn an_address_is_corrected_until_the_order_is_shipped_and_never_stands_open_in_the_book() {
    let shop = Shop::open().await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    shop.sell("MUG", 500, 5).await;
    let order = shop.confirmed_order(&buyer, &[("MUG", 3)]).await;
    let mut right = address();
    right["line1"] = json!("5 Rue de Rivoli");
    right["city"] = json!("Paris");
    right["country"] = json!("FR");
    let correct = |client: &Client, address: &Value| {
        client.put(format!("/v1/orders/{order}/shipping-address")).json(address.clone())
    };
    let answer = correct(&buyer, &right).answers(200).await;
    assert_eq!(answer["shipping_address"], right);
    assert_eq!(shop.order(order).await["shipping_address"], right);
    correct(&shop.as_customer(), &right).refused_as("not_found").await;
    right["line2"] = json!("Escalier B");
    correct(&staff, &right).answers(200).await;
    // Under the buyer's key, whoever corrects it.
    assert_eq!(
        buyer.get(format!("/v1/orders/{order}")).at(shop.head().await).answers(200).await["shipping_address"],
        right
    );
    let mut wrong = right.clone();
    wrong["country"] = json!("ZZ");
    correct(&buyer, &wrong).refused_as("invalid_value").await;
    let book = shop.events_since(0).await;
    assert!(book.iter().all(|event| !event.payload.contains("Rivoli")), "an address stands open in the book");
    staff.ship(order).answers(201).await;
    let payment = shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.completed", payment).await;
    assert_eq!(correct(&buyer, &right).refused_as("illegal_transition").await["current_state"], "shipped");
}
