//! One sale from the first receipt of stock to the report, by everybody who has a part in it.

use serde_json::json;

use super::{
    shop::Shop,
    steps::{address, gbp, paying_with},
};

#[tokio::test]
async fn a_sale_goes_from_the_product_to_the_report() {
    let shop = Shop::open().await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());

    let product = json!({
        "sku": "MUG-BLUE", "name": "Blue mug", "description": "Holds tea", "category": "Kitchen", "price": gbp(1250),
        "attributes": { "colour": "blue", "millilitres": 330, "dishwasher": true },
    });
    let created = staff.post("/v1/products").json(product).answers(201).await;
    assert_eq!(created.header("location"), "/v1/products/MUG-BLUE");
    assert_eq!((&created["status"], &created["version"]), (&json!("draft"), &json!(1)));
    let published = staff.post("/v1/products/MUG-BLUE/publication").answers(200).await;
    assert_eq!(published["status"], "published");
    let stock = staff.receive("MUG-BLUE", 10).await;
    assert_eq!(stock.header("location"), "/v1/inventory/MUG-BLUE");
    assert_eq!((&stock["on_hand"], &stock["available"]), (&json!(10), &json!(10)));

    let seen = shop.anonymous().get("/v1/products/MUG-BLUE").after(&stock).answers(200).await;
    assert_eq!(seen.body, published.body, "a query shows what the command answered");

    let cart = buyer.post("/v1/carts").json(json!({})).answers(201).await;
    let cart_id = cart.id();
    assert_eq!(cart.header("location"), format!("/v1/carts/{cart_id}"));
    assert_eq!((&cart["status"], &cart["total"]), (&json!("open"), &gbp(0)));
    buyer.add(cart_id, "MUG-BLUE", 1).answers(200).await;
    let cart = buyer.add(cart_id, "MUG-BLUE", 2).answers(200).await;
    let line = json!({ "sku": "MUG-BLUE", "name": "Blue mug", "quantity": 3, "unit_price": gbp(1250), "line_total": gbp(3750) });
    assert_eq!((&cart["lines"], &cart["total"]), (&json!([line]), &gbp(3750)));
    let seen = buyer.get(format!("/v1/carts/{cart_id}")).after(&cart).answers(200).await;
    assert_eq!((&seen.body, seen.etag()), (&cart.body, cart.etag()), "one shape and one tag for both sides");

    let checkout = json!({
        "payment": { "method": "card", "token": "tok_ok" }, "shipping_address": address(), "email": "ada@example.org",
        "expected_total": gbp(3750),
    });
    let order = buyer.checkout(cart_id, checkout).answers(201).await;
    let order_id = order.id();
    assert_eq!(order.header("location"), format!("/v1/orders/{order_id}"));
    assert_eq!(
        (&order["status"], &order["total"], &order["cart_id"]),
        (&json!("pending"), &gbp(3750), &json!(cart_id))
    );
    assert_eq!((&order["shipping_address"], &order["email"]), (&address(), &json!("ada@example.org")));
    assert_eq!(order["updated_at"], order["created_at"]);

    shop.until("order.confirmed", order_id).await;
    let order = shop.order(order_id).await;
    assert_eq!((&order["status"], &order["payment_status"]), (&json!("confirmed"), &json!("authorized")));
    assert_eq!(shop.stock("MUG-BLUE").await, [10, 0, 3, 7]);

    let shipment = staff.ship(order_id).answers(201).await;
    let shipment_path = format!("/v1/orders/{order_id}/shipments/{}", shipment.id());
    assert_eq!(shipment.header("location"), shipment_path);
    assert_eq!((&shipment["status"], &shipment["lines"][0]["quantity"]), (&json!("dispatched"), &json!(3)));
    let payment_id = order["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.completed", payment_id).await;
    let delivered = staff.post(format!("{shipment_path}/delivery")).json(json!({})).answers(200).await;
    assert_eq!(delivered["status"], "delivered");

    let order = buyer.get(format!("/v1/orders/{order_id}")).at(shop.head().await).answers(200).await;
    assert_eq!(
        [&order["status"], &order["payment_status"], &order["fulfillment_status"]],
        [&json!("delivered"), &json!("paid"), &json!("delivered")]
    );
    assert_eq!(order["shipments"], json!([delivered.body]));
    assert_eq!(shop.stock("MUG-BLUE").await, [7, 0, 0, 7]);
    let payment = buyer.get(format!("/v1/payments/{payment_id}")).answers(200).await;
    assert_eq!(
        (&payment["status"], &payment["captured"], &payment["order_id"]),
        (&json!("completed"), &gbp(3750), &json!(order_id))
    );

    let report = staff.get("/v1/reports/sales?group_by=sku").at(shop.head().await).answers(200).await;
    let row = json!({ "sku": "MUG-BLUE", "units": 3, "revenue": gbp(3750), "refunds": gbp(0), "net": gbp(3750) });
    assert_eq!(report["data"], json!([row]));
}

#[tokio::test]
async fn a_guest_buys_with_the_token_that_the_shop_gave() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 1).await;
    let guest = shop.as_guest().await;
    let cart = guest.fill_cart(&[("MUG", 1)]).await;
    let order = guest.checkout(cart, paying_with("tok_ok")).answers(201).await;
    assert_eq!(order["customer_id"], json!(guest.id));
    shop.until("order.confirmed", order.id()).await;
    let orders = guest.get("/v1/orders").at(shop.head().await).answers(200).await;
    assert_eq!((&orders["data"][0]["id"], orders["data"].as_array().unwrap().len()), (&order["id"], 1));
    let other = shop.as_guest().await;
    other.get(format!("/v1/orders/{}", order.id())).answers(404).await;
    assert_eq!(other.get("/v1/orders").answers(200).await["data"], json!([]));
}
