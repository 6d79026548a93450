//! Idempotency keys: who repeats a command whose answer was lost gets that answer, and nothing happens twice.

use serde_json::json;
use uuid::Uuid;

use super::{
    answer::Answer,
    client::Request,
    shop::Shop,
    steps::{address, gbp, paying_with},
};

impl Shop {
    /// Sends the request as if the first answer to it had been lost: the same comes back, and nothing is appended.
    async fn repeats(&self, request: Request, first: &Answer) -> Answer {
        let head = self.head().await;
        let again = request.send().await;
        assert!(again.is_replayed() && !first.is_replayed(), "{}", again.text());
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        for header in ["etag", "location", "daybook-position"] {
            assert_eq!(again.header(header), first.header(header), "{header}");
        }
        assert_eq!(self.head().await, head, "{:?}", self.types_since(head).await);
        again
    }
}

#[tokio::test]
async fn a_repeated_command_is_answered_as_the_first_time() {
    let shop = Shop::open().await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let product = json!({ "sku": "MUG", "name": "Mug", "price": gbp(500), "publish": true });
    let create = staff.post("/v1/products").json(product).key("1");
    let created = create.clone().answers(201).await;
    shop.repeats(create.clone(), &created).await;
    let receive = staff.post("/v1/inventory/MUG/receipts").json(json!({ "quantity": 9 })).key("2");
    let received = receive.clone().answers(201).await;
    let open = buyer.post("/v1/carts").json(json!({})).key("3");
    let opened = open.clone().answers(201).await;
    let cart = opened.id();
    let add = buyer.add(cart, "MUG", 2).key("4");
    let added = add.clone().answers(200).await;
    let check_out = buyer.checkout(cart, paying_with("tok_ok"));
    let order = check_out.clone().answers(201).await;
    shop.until("order.confirmed", order.id()).await;
    let ship = staff.ship(order.id());
    let shipment = ship.clone().answers(201).await;
    shop.until("payment.completed", order["payments"][0]["id"].as_str().unwrap().parse().unwrap()).await;

    // Long after: each is answered with how things stood then.
    shop.repeats(create, &created).await;
    shop.repeats(receive, &received).await;
    shop.repeats(open, &opened).await;
    let then = shop.repeats(add, &added).await;
    assert_eq!((&then["status"], &then["total"]), (&json!("open"), &gbp(1_000)), "its cart was checked out since");
    let then = shop.repeats(check_out, &order).await;
    assert_eq!((&then["status"], &then["shipping_address"]), (&json!("pending"), &address()));
    shop.repeats(ship, &shipment).await;
    assert_eq!(shop.stock("MUG").await, [7, 0, 0, 7]);
}

#[tokio::test]
async fn whoever_hangs_up_and_asks_again_has_asked_once() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let buyer = shop.as_customer();
    let cart = buyer.open_cart().await;
    for number in 0..20 {
        let add = buyer.add(cart, "MUG", 1).key(&number.to_string());
        // The command is on its way when its client goes; whether it gets there is nobody's to know.
        let mut first = Box::pin(add.clone().send());
        let _pending = futures_util::poll!(&mut first);
        drop(first);
        let answer = add.answers(200).await;
        assert_eq!(answer["lines"][0]["quantity"], json!(number + 1));
    }
}

#[tokio::test]
async fn a_key_outlives_the_node_that_took_it() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let buyer = shop.as_customer();
    let cart = buyer.open_cart().await;
    let add = buyer.add(cart, "MUG", 2).key("add");
    let added = add.clone().answers(200).await;
    let check_out = buyer.checkout(cart, paying_with("tok_ok"));
    let order = check_out.clone().answers(201).await;
    shop.until("order.confirmed", order.id()).await;

    shop.restart().await;
    shop.repeats(add.clone(), &added).await;
    shop.repeats(check_out.clone(), &order).await;
    let other = buyer.add(cart, "MUG", 3).key("add").refused_as("idempotency_key_reused").await;
    assert_eq!(other["retryable"], json!(false));

    // The world is cold again, and this time the first to ask is a new command.
    shop.restart().await;
    buyer.add(cart, "MUG", 1).refused_as("illegal_transition").await;
    shop.repeats(add, &added).await;
    shop.repeats(check_out, &order).await;
    assert_eq!(shop.stock("MUG").await, [9, 0, 2, 7]);
}

#[tokio::test]
async fn a_key_with_another_request_is_refused() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let (buyer, other) = (shop.as_customer(), shop.as_customer());
    let (cart, another_cart) = (buyer.open_cart().await, buyer.open_cart().await);
    buyer.add(cart, "MUG", 2).key("k").answers(200).await;
    for request in [
        buyer.add(cart, "MUG", 3),
        buyer.add(another_cart, "MUG", 2),
        buyer.post(format!("/v1/carts/{cart}/items")).text(r#"{ "sku": "MUG", "quantity": 2 }"#),
        buyer.post(format!("/v1/carts/{cart}/repricing")),
        buyer.post("/v1/carts").json(json!({})),
        // Also where the request itself would be refused.
        buyer.add(cart, "NONE", 2),
        buyer.add(Uuid::now_v7(), "MUG", 2),
        buyer.post(format!("/v1/carts/{cart}/checkout")).json(paying_with("tok_ok")),
    ] {
        request.key("k").refused_as("idempotency_key_reused").await;
    }
    // A key is its caller's own.
    let theirs = other.open_cart().await;
    assert!(!other.add(theirs, "MUG", 2).key("k").answers(200).await.is_replayed());
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    let check_out = buyer.checkout(cart, paying_with("tok_ok"));
    check_out.clone().refused_as("out_of_stock").await;
    check_out.clone().refused_as("out_of_stock").await;
    shop.as_staff().receive("MUG", 1).await;
    let order = check_out.clone().answers(201).await;
    assert!(!order.is_replayed());
    shop.until("order.confirmed", order.id()).await;
    shop.repeats(check_out, &order).await;
}

#[tokio::test]
async fn a_command_that_changed_nothing_is_remembered_too() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let staff = shop.as_staff();
    let publish = staff.post("/v1/products/MUG/publication").key("again");
    let published = publish.clone().answers(200).await;
    staff.post("/v1/products/MUG/archival").answers(200).await;
    let again = shop.repeats(publish, &published).await;
    assert_eq!((&again["status"], &again["version"]), (&json!("published"), &json!(2)));
}

#[tokio::test]
async fn a_repeat_may_want_less_than_the_first_and_gets_the_same_tag_of_versions() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let buyer = shop.as_customer();
    let cart = buyer.open_cart().await;
    let add = buyer.add(cart, "MUG", 2).key("k");
    let first = add.clone().if_match("\"1\"").answers(200).await;
    let minimal = add.clone().minimal().answers(204).await;
    assert!(minimal.is_replayed());
    assert_eq!(minimal.position(), first.position());
    assert_eq!(minimal.etag(), "\"2\"");
    // The version that it asked for is gone, by its own doing.
    shop.repeats(add.if_match("\"1\""), &first).await;
}

#[tokio::test]
async fn a_repeated_receipt_shows_the_stock_of_then_at_every_location() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let staff = shop.as_staff();
    let receipt = json!({ "quantity": 3, "location": "shop" });
    let receive = staff.post("/v1/inventory/MUG/receipts").json(receipt).key("k");
    let before = staff.get("/v1/inventory/MUG").at(shop.head().await).answers(200).await;
    let received = receive.clone().if_still(&before).answers(201).await;
    assert_eq!((&received["on_hand"], &received["version"]), (&json!(8), &json!(3)));
    let later = staff.receive("MUG", 1).await;
    staff.get("/v1/inventory/MUG").after(&later).answers(200).await;
    shop.repeats(receive, &received).await;
}
