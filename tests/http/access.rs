//! Who may do what: every row of the table of routes, tried by everybody. What each may expect is read off the table, and
//! a route without a case here fails.

use api::auth::{
    Role,
    access::{Access, Row, Scope, TABLE},
};
use axum::http::Method;
use serde_json::json;
use support::stripe::{WEBHOOK_SECRET, Webhook};
use uuid::Uuid;

use super::{
    client::{Client, Request},
    shop::Shop,
    steps::{address, gbp, paying_with},
};

/// Things of customer A, each in the state in which the case that needs it succeeds, however often it is tried.
struct Things {
    /// With a mug in it.
    cart: Uuid,
    /// To be discarded.
    cart_to_discard: Uuid,
    cart_to_check_out: Uuid,
    /// A guest's cart, and their token.
    guest: (Uuid, String),
    /// Confirmed, with a unit left for everybody who may ship.
    order: Uuid,
    payment: Uuid,
    /// Of that order, sent already.
    shipment: Uuid,
    order_to_cancel: Uuid,
    /// Delivered, with a return that was asked for.
    order_that_came: Uuid,
    goods_return: Uuid,
    /// Declined, so that it can be paid by another method.
    order_to_pay: Uuid,
    payment_to_void: Uuid,
}

impl Things {
    async fn of(shop: &Shop, owner: &Client) -> Self {
        shop.sell("MUG", 500, 1_000).await;
        let payment_of =
            |order| async move { shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap() };
        let order = shop.confirmed_order(owner, &[("MUG", 20)]).await;
        let parcel = json!({ "lines": [{ "sku": "MUG", "quantity": 1 }], "carrier": "DHL", "tracking": "1" });
        let shipments = format!("/v1/orders/{order}/shipments");
        let shipment = shop.as_staff().post(shipments).keyed().json(parcel).answers(201).await.id();
        let payment = payment_of(order).await;
        shop.until("payment.captured", payment).await;
        let order_to_void = shop.confirmed_order(owner, &[("MUG", 1)]).await;
        let order_that_came = shop.confirmed_order(owner, &[("MUG", 20)]).await;
        let staff = shop.as_staff();
        let sent = staff.ship(order_that_came).answers(201).await.id();
        let delivery = format!("/v1/orders/{order_that_came}/shipments/{sent}/delivery");
        staff.post(delivery).json(json!({})).answers(200).await;
        let body = json!({ "lines": [{ "sku": "MUG", "quantity": 1 }], "reason": "a test" });
        let returns = format!("/v1/orders/{order_that_came}/returns");
        let goods_return = owner.post(returns).json(body).answers(201).await.id();
        shop.until("payment.completed", payment_of(order_that_came).await).await;
        let declined_cart = owner.fill_cart(&[("MUG", 1)]).await;
        let declined = owner.checkout(declined_cart, paying_with("tok_declined")).answers(201).await;
        shop.until("payment.failed", payment_of(declined.id()).await).await;
        Self {
            cart: owner.fill_cart(&[("MUG", 1)]).await,
            cart_to_discard: owner.open_cart().await,
            cart_to_check_out: owner.fill_cart(&[("MUG", 1)]).await,
            guest: shop.guest_with(&[("MUG", 1)]).await,
            order,
            payment,
            shipment,
            order_to_cancel: shop.confirmed_order(owner, &[("MUG", 1)]).await,
            order_that_came,
            goods_return,
            order_to_pay: declined.id(),
            payment_to_void: payment_of(order_to_void).await,
        }
    }

    /// What somebody asks of A's things, and the statuses of a success. One arm for each row of the table.
    fn case(&self, row: &Row, who: &Client) -> (Request, &'static [u16]) {
        let Self { cart, order, payment, shipment, .. } = self;
        let (one, reason) = (json!({ "quantity": 1 }), json!({ "reason": "a test" }));
        let ask = |path: String| who.request(row.method.clone(), path);
        let here = || ask(row.path.to_owned());
        let mug = || ask(row.path.replace("{sku}", "MUG"));
        let of = |id: &Uuid| {
            row.path
                .replace("{id}", &id.to_string())
                .replace("{sku}", "MUG")
                .replace("{shipment}", &shipment.to_string())
                .replace("{return}", &self.goods_return.to_string())
        };
        match (row.method.as_str(), row.path) {
            ("GET", "/health/live" | "/health/ready" | "/health/startup") => (here(), &[200, 503]),
            ("GET", "/openapi.json" | "/docs" | "/docs/problems") => (here(), &[200]),
            ("GET", "/docs/{asset}") => (ask("/docs/reference.js".to_owned()), &[200]),
            ("GET", "/docs/problems/{code}") => (ask("/docs/problems/out_of_stock".to_owned()), &[200]),
            ("POST", "/v1/guests") => (here(), &[201]),
            ("POST", "/v1/webhooks/{provider}") => {
                let webhook = Webhook::about_nothing();
                let signature = webhook.signature(WEBHOOK_SECRET);
                let request = ask(row.path.replace("{provider}", "stripe")).text(webhook.body);
                (request.header("stripe-signature", &signature), &[202])
            }

            ("GET", "/v1/products") => (here(), &[200]),
            ("GET", "/v1/products/{sku}") => (mug(), &[200]),
            ("POST", "/v1/products") => {
                let sku = format!("NEW-{}", Uuid::now_v7());
                (here().json(json!({ "sku": sku, "name": "New", "price": gbp(1) })), &[201])
            }
            ("PATCH", "/v1/products/{sku}") => (mug().if_match("\"2\"").json(json!({})), &[200]),
            ("PUT", "/v1/products/{sku}/price") => (mug().json(json!({ "price": gbp(500) })), &[200]),
            ("POST", "/v1/products/{sku}/publication") => (mug(), &[200]),
            ("POST", "/v1/products/{sku}/archival") => (ask(row.path.replace("{sku}", "OLD")), &[200]),

            ("GET", "/v1/inventory/{sku}") => (mug(), &[200]),
            ("POST", "/v1/inventory/{sku}/receipts") => (mug().json(one), &[201]),
            ("POST", "/v1/inventory/{sku}/adjustments") => {
                (mug().json(json!({ "delta": 1, "reason": "count" })), &[201])
            }
            ("POST", "/v1/inventory/{sku}/transfers") => {
                (mug().json(json!({ "quantity": 1, "from": "main", "to": "shop" })), &[201])
            }
            ("POST", "/v1/inventory/{sku}/set-aside") => {
                (mug().json(json!({ "quantity": 2, "reason": "damaged" })), &[200])
            }
            ("POST", "/v1/inventory/{sku}/put-back") => {
                (mug().json(json!({ "quantity": 1, "reason": "fine" })), &[200])
            }
            ("PUT", "/v1/inventory/{sku}/policy") => (mug().json(json!({})), &[200]),

            ("POST", "/v1/carts") => (here().json(json!({})), &[201]),
            ("GET", "/v1/carts/{id}") => (ask(of(cart)), &[200]),
            ("DELETE", "/v1/carts/{id}") => (ask(of(&self.cart_to_discard)), &[200]),
            ("POST", "/v1/carts/{id}/items") => (ask(of(cart)).json(json!({ "sku": "MUG", "quantity": 1 })), &[200]),
            ("PUT", "/v1/carts/{id}/items/{sku}") => (ask(of(cart)).json(one), &[200]),
            // It was never in there, which is no error.
            ("DELETE", "/v1/carts/{id}/items/{sku}") => (ask(of(cart).replace("MUG", "PAN")), &[200]),
            ("POST", "/v1/carts/{id}/repricing") => (ask(of(cart)), &[200]),
            ("POST", "/v1/carts/{id}/merge") => {
                let (from, guest_token) = &self.guest;
                (ask(of(cart)).json(json!({ "from": from, "guest_token": guest_token })), &[200])
            }
            ("POST", "/v1/carts/{id}/checkout") => {
                (ask(of(&self.cart_to_check_out)).keyed().json(paying_with("tok_ok")), &[201, 200])
            }

            ("GET", "/v1/orders") => (here(), &[200]),
            ("GET", "/v1/orders/{id}") => (ask(of(order)), &[200]),
            ("POST", "/v1/orders/{id}/cancellation") => (ask(of(&self.order_to_cancel)).json(reason), &[200]),
            ("POST", "/v1/orders/{id}/shipments") => {
                let parcel = json!({ "lines": [{ "sku": "MUG", "quantity": 1 }], "carrier": "DHL", "tracking": "2" });
                (ask(of(order)).keyed().json(parcel), &[201])
            }
            ("POST", "/v1/orders/{id}/shipments/{shipment}/delivery") => (ask(of(order)).json(json!({})), &[200]),
            ("POST", "/v1/orders/{id}/payments") => {
                let method = json!({ "method": "card", "token": "tok_declined" });
                // Whoever comes second may, and is told that the first try has not been answered yet.
                (ask(of(&self.order_to_pay)).keyed().json(method), &[201, 409])
            }
            ("POST", "/v1/orders/{id}/hold") => (ask(of(order)).json(reason), &[200]),
            ("POST", "/v1/orders/{id}/release") => (ask(of(order)), &[200]),

            ("GET", "/v1/payments/{id}") => (ask(of(payment)), &[200]),
            ("POST", "/v1/payments/{id}/refunds") => {
                (ask(of(payment)).keyed().json(json!({ "amount": gbp(1) })), &[201])
            }
            ("POST", "/v1/orders/{id}/refunds") => {
                (ask(of(order)).keyed().json(json!({ "amount": gbp(1), "reason": "broken" })), &[201])
            }
            ("POST", "/v1/orders/{id}/returns") => {
                let body = json!({ "lines": [{ "sku": "MUG", "quantity": 1 }], "reason": "a test" });
                (ask(of(&self.order_that_came)).json(body), &[201])
            }
            ("POST", "/v1/orders/{id}/returns/{return}/approval") => (ask(of(&self.order_that_came)), &[200]),
            // Whoever comes first takes it back; the others may, and are told so.
            ("POST", "/v1/orders/{id}/returns/{return}/receipt") => {
                let lines = json!([{ "sku": "MUG", "quantity": 1, "restock": true }]);
                (ask(of(&self.order_that_came)).json(json!({ "lines": lines })), &[200, 409])
            }
            ("POST", "/v1/orders/{id}/returns/{return}/rejection") => {
                (ask(of(&self.order_that_came)).json(json!({})), &[200])
            }
            ("PUT", "/v1/orders/{id}/shipping-address") => (ask(of(order)).json(address()), &[200]),
            ("POST", "/v1/payments/{id}/captures") => {
                (ask(of(payment)).keyed().json(json!({ "amount": gbp(1) })), &[201])
            }
            ("POST", "/v1/payments/{id}/void") => (ask(of(&self.payment_to_void)).keyed().json(reason), &[201]),

            ("GET", "/v1/reports/sales") => (here(), &[200]),
            (method, path) => panic!("{method} {path} has no case: add one here"),
        }
    }
}

/// Somebody with at most one role, and whether A's things are theirs.
struct Somebody {
    who: &'static str,
    role: Option<Role>,
    is_owner: bool,
    client: Client,
}

#[derive(Debug, PartialEq)]
enum Expected {
    Success,
    TokenRequired,
    PermissionDenied,
    NotFound,
}

impl Somebody {
    fn expects(&self, row: &Row) -> Expected {
        let Access::Roles(cells) = row.access else { return Expected::Success };
        let Some(role) = self.role else { return Expected::TokenRequired };
        match cells[role as usize] {
            None => Expected::PermissionDenied,
            Some(Scope::Any) => Expected::Success,
            // A path without an id names nobody's things.
            Some(Scope::Own) if self.is_owner || !row.path.contains("{id}") => Expected::Success,
            Some(Scope::Own) => Expected::NotFound,
        }
    }

    async fn tries(&self, row: &Row, things: &Things) {
        let (request, successes) = things.case(row, &self.client);
        let at = format!("{} {} by {}", row.method, row.path, self.who);
        match self.expects(row) {
            Expected::Success => {
                let answer = request.send().await;
                assert!(successes.contains(&answer.status), "{at}: {} {}", answer.status, answer.text());
            }
            Expected::TokenRequired => _ = request.refused_as("token_required").await,
            Expected::PermissionDenied => {
                assert_eq!(request.refused_as("permission_denied").await["permission"], row.permission, "{at}");
            }
            Expected::NotFound => _ = request.refused_as("not_found").await,
        }
    }
}

async fn everybody(shop: &Shop, owner: &Client) -> [Somebody; 8] {
    let with_role = |who, role| Somebody { who, role: Some(role), is_owner: false, client: shop.as_role(role) };
    let customer = Some(Role::Customer);
    [
        Somebody { who: "nobody", role: None, is_owner: false, client: shop.anonymous() },
        Somebody { who: "a guest", role: customer, is_owner: false, client: shop.as_guest().await },
        Somebody { who: "customer A", role: customer, is_owner: true, client: owner.clone() },
        with_role("customer B", Role::Customer),
        with_role("staff", Role::Staff),
        with_role("an auditor", Role::Auditor),
        with_role("an admin", Role::Admin),
        with_role("a service", Role::Service),
    ]
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let shop = Shop::open().await;
    let owner = shop.as_customer();
    let things = Things::of(&shop, &owner).await;
    shop.sell("OLD", 500, 0).await;
    // What the processes do about one try must not be mistaken for what the next one did: they are not running.
    shop.restart_without_processes().await;
    let everybody = everybody(&shop, &owner).await;
    shop.as_staff().get("/v1/products").at(shop.head().await).answers(200).await;
    for row in TABLE {
        for somebody in &everybody {
            somebody.tries(row, &things).await;
        }
    }
}

#[tokio::test]
async fn customers_see_what_is_published_and_staff_see_everything() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    shop.sell("MUG", 500, 0).await;
    shop.sell("OLD", 500, 0).await;
    staff.post("/v1/products/OLD/archival").answers(200).await;
    staff.post("/v1/products").json(json!({ "sku": "DRAFT", "name": "Draft", "price": gbp(1) })).answers(201).await;
    let head = shop.head().await;
    for client in [shop.anonymous(), shop.as_customer(), shop.as_guest().await] {
        client.get("/v1/products/MUG").at(head).answers(200).await;
        for sku in ["OLD", "DRAFT", "NONE"] {
            client.get(format!("/v1/products/{sku}")).at(head).refused_as("not_found").await;
        }
        for status in ["", "&status=draft", "&status=archived"] {
            let listed = client.get(format!("/v1/products?sort=name{status}")).at(head).answers(200).await;
            let skus: Vec<_> = listed["data"].as_array().unwrap().iter().map(|product| &product["sku"]).collect();
            assert!(skus.iter().all(|sku| *sku == "MUG"), "{skus:?}");
        }
    }
    for sku in ["MUG", "OLD", "DRAFT"] {
        staff.get(format!("/v1/products/{sku}")).at(head).answers(200).await;
    }
}

#[tokio::test]
async fn customers_list_their_own_orders_and_nobody_elses() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let (one, other) = (shop.as_customer(), shop.as_customer());
    let mine = shop.confirmed_order(&one, &[("MUG", 1)]).await;
    let theirs = shop.confirmed_order(&other, &[("MUG", 1)]).await;
    let head = shop.head().await;
    for (client, order) in [(&one, mine), (&other, theirs)] {
        for query in ["", "?sku=MUG", "?status=confirmed"] {
            let listed = client.get(format!("/v1/orders{query}")).at(head).answers(200).await;
            let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|order| &order["id"]).collect();
            assert_eq!(json!(ids), json!([order]));
        }
    }
    let number = shop.order(theirs).await["number"].as_str().unwrap().to_owned();
    assert_eq!(one.get(format!("/v1/orders?number={number}")).answers(200).await["data"], json!([]));
    one.get(format!("/v1/orders?customer_id={}", other.id)).refused_as("not_found").await;
    for order in [theirs, Uuid::now_v7()] {
        one.get(format!("/v1/orders/{order}")).refused_as("not_found").await;
        one.request(Method::POST, format!("/v1/orders/{order}/cancellation"))
            .json(json!({ "reason": "mine" }))
            .refused_as("not_found")
            .await;
    }
}
