//! What nobody should send and somebody will: each is a problem with its code, and nothing is appended.

use std::time::{SystemTime, UNIX_EPOCH};

use api::auth::{Role, signing::AUDIENCE, signing::DEV_ISSUER};
use axum::http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    client::{Client, Request},
    shop::{SIGNING, Shop},
    steps::{address, gbp, paying_with},
};

/// A cart with one mug in it, and whose it is.
async fn cart(shop: &Shop) -> (Client, Uuid) {
    shop.sell("MUG", 500, 5).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    (buyer, cart)
}

fn items(client: &Client, cart: Uuid) -> Request {
    client.post(format!("/v1/carts/{cart}/items"))
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    for text in
        ["", "{", "{\"sku\":}", "{'sku': 'MUG'}", "{} {}", "nul", "{\"quantity\": 01}", "\u{feff}{}", "{\"a\": 1e999}"]
    {
        items(&buyer, cart).text(text).is_refused("malformed_json").await;
    }
    items(&buyer, cart).text(&b"{\"sku\": \"\xff\"}"[..]).is_refused("malformed_json").await;
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    items(&buyer, cart).text(deep).is_refused("json_too_deep").await;
    for text in ["[]", "\"MUG\"", "null", "7"] {
        items(&buyer, cart).text(text).is_refused("invalid_body").await;
    }
    items(&buyer, cart).json(json!({ "sku": "MUG" })).is_refused("invalid_body").await.names((
        "pointer",
        "/quantity",
        "missing_field",
    ));
    let twice = r#"{"sku": "MUG", "quantity": 1, "quantity": 2}"#;
    items(&buyer, cart).text(twice).is_refused("invalid_body").await.names(("pointer", "/quantity", "duplicate_field"));
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_refused_wherever_it_stands() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    let staff = shop.as_staff();
    let product = json!({ "sku": "NEW", "name": "New", "price": { "amount": 1, "currency": "GBP", "vat": 20 } });
    let mut checkout = paying_with("tok_ok");
    checkout["shipping_address"]["street"] = json!("12");
    for (request, body, pointer) in [
        (items(&buyer, cart), json!({ "sku": "MUG", "quantity": 1, "colour": "blue" }), "/colour"),
        (buyer.post("/v1/carts"), json!({ "customer_id": Uuid::nil() }), "/customer_id"),
        (staff.post("/v1/products"), product, "/price/vat"),
        (buyer.post(format!("/v1/carts/{cart}/checkout")).keyed(), checkout, "/shipping_address/street"),
        (staff.patch("/v1/products/MUG").if_match("\"2\""), json!({ "price": gbp(1) }), "/price"),
        (staff.put("/v1/products/MUG/price"), json!({ "price": gbp(1), "a/b~c": 1 }), "/a~1b~0c"),
    ] {
        request.json(body).is_refused("invalid_body").await.names(("pointer", pointer, "unknown_field"));
    }
    let body = json!({ "because": "I say so" });
    buyer.post(format!("/v1/carts/{cart}/repricing")).json(body).is_refused("unexpected_body").await;
}

#[tokio::test]
async fn no_command_of_a_buyer_takes_a_price() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    for field in ["price", "unit_price", "line_total", "name", "discount"] {
        let mut body = json!({ "sku": "MUG", "quantity": 1 });
        body[field] = gbp(1);
        let pointer = format!("/{field}");
        items(&buyer, cart).json(body.clone()).is_refused("invalid_body").await.names((
            "pointer",
            &pointer,
            "unknown_field",
        ));
        body.as_object_mut().unwrap().remove("sku");
        let change = buyer.put(format!("/v1/carts/{cart}/items/MUG")).json(body);
        change.is_refused("invalid_body").await.names(("pointer", &pointer, "unknown_field"));
    }
    for field in ["total", "amount", "price", "discount", "customer_id"] {
        let mut body = paying_with("tok_ok");
        body[field] = gbp(1);
        let refused = buyer.checkout(cart, body).is_refused("invalid_body").await;
        refused.names(("pointer", &format!("/{field}"), "unknown_field"));
    }
}

#[tokio::test]
async fn a_quantity_is_a_whole_number_of_1_to_100_000() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    let staff = shop.as_staff();
    let requests = |quantity: &str| {
        [
            items(&buyer, cart).text(format!(r#"{{"sku": "MUG", "quantity": {quantity}}}"#)),
            buyer.put(format!("/v1/carts/{cart}/items/MUG")).text(format!(r#"{{"quantity": {quantity}}}"#)),
            staff.post("/v1/inventory/MUG/receipts").text(format!(r#"{{"quantity": {quantity}}}"#)),
        ]
    };
    for (quantity, code, field) in [
        ("0", "invalid_value", "invalid_value"),
        ("-1", "invalid_value", "invalid_value"),
        ("100001", "invalid_value", "invalid_value"),
        ("9223372036854775807", "invalid_value", "invalid_value"),
        ("9223372036854775808", "invalid_value", "out_of_range"),
        ("-9223372036854775809", "invalid_value", "out_of_range"),
        ("1e30", "invalid_value", "out_of_range"),
        ("1.5", "invalid_body", "wrong_type"),
        ("\"1\"", "invalid_body", "wrong_type"),
        ("null", "invalid_body", "wrong_type"),
        ("true", "invalid_body", "wrong_type"),
        ("[1]", "invalid_body", "wrong_type"),
    ] {
        for request in requests(quantity) {
            let refused = request.is_refused(code).await;
            assert_eq!(refused["errors"][0]["code"], field, "{quantity}: {}", refused.text());
            assert_eq!(refused["errors"][0]["pointer"], "/quantity");
        }
    }
    // Two that are fine one by one: the line would have too many.
    items(&buyer, cart).json(json!({ "sku": "MUG", "quantity": 100_000 })).is_refused("invalid_value").await;
    for amount in ["9223372036854775808", "0", "-1"] {
        let body = format!(r#"{{"price": {{"amount": {amount}, "currency": "GBP"}}}}"#);
        staff.put("/v1/products/MUG/price").text(body).is_refused("invalid_value").await;
    }
    staff
        .post("/v1/inventory/MUG/adjustments")
        .text(r#"{"delta": 9223372036854775807, "reason": "count"}"#)
        .is_refused("invalid_value")
        .await;
}

#[tokio::test]
async fn what_is_not_sold_goes_into_no_cart() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    let staff = shop.as_staff();
    let draft = json!({ "sku": "DRAFT", "name": "Draft", "price": gbp(1) });
    staff.post("/v1/products").json(draft).answers(201).await;
    shop.sell("OLD", 500, 0).await;
    staff.post("/v1/products/OLD/archival").answers(200).await;
    let yen = json!({ "sku": "YEN", "name": "Yen", "price": { "amount": 1, "currency": "JPY" }, "publish": true });
    staff.post("/v1/products").json(yen).answers(201).await;

    for sku in ["NONE", "mug"] {
        assert_eq!(buyer.add(cart, sku, 1).is_refused("unknown_sku").await["skus"], json!([sku]), "case counts");
    }
    for sku in ["DRAFT", "OLD"] {
        assert_eq!(buyer.add(cart, sku, 1).is_refused("product_not_published").await["skus"], json!([sku]));
    }
    buyer.add(cart, "YEN", 1).is_refused("currency_mismatch").await;
    for sku in ["", "A B", "Ä", &"A".repeat(65)] {
        let refused = buyer.add(cart, sku, 1).is_refused("invalid_value").await;
        refused.names(("pointer", "/sku", "invalid_value"));
    }
    buyer.put(format!("/v1/carts/{cart}/items/NONE")).json(json!({ "quantity": 1 })).is_refused("not_found").await;
    staff.post("/v1/inventory/NONE/receipts").json(json!({ "quantity": 1 })).is_refused("not_found").await;
    staff.put("/v1/products/NONE/price").json(json!({ "price": gbp(1) })).is_refused("not_found").await;
}

#[tokio::test]
async fn a_cart_of_somebody_else_is_not_there() {
    let shop = Shop::open().await;
    let (_, cart) = cart(&shop).await;
    let one = json!({ "quantity": 1 });
    for stranger in [shop.as_customer(), shop.as_guest().await] {
        for cart in [cart, Uuid::now_v7()] {
            stranger.get(format!("/v1/carts/{cart}")).at(shop.head().await).is_refused("not_found").await;
            stranger.add(cart, "MUG", 1).is_refused("not_found").await;
            stranger.put(format!("/v1/carts/{cart}/items/MUG")).json(one.clone()).is_refused("not_found").await;
            stranger.delete(format!("/v1/carts/{cart}/items/MUG")).is_refused("not_found").await;
            stranger.post(format!("/v1/carts/{cart}/repricing")).is_refused("not_found").await;
            stranger.checkout(cart, paying_with("tok_ok")).is_refused("not_found").await;
            stranger.delete(format!("/v1/carts/{cart}")).is_refused("not_found").await;
        }
    }
}

#[tokio::test]
async fn a_checkout_needs_a_full_cart_an_address_and_a_token_that_is_no_card() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    let empty = buyer.open_cart().await;
    buyer.checkout(empty, paying_with("tok_ok")).is_refused("empty_cart").await;
    let with = |pointer: &str, value: Value| {
        let mut body = paying_with("tok_ok");
        *body.pointer_mut(pointer).unwrap() = value;
        buyer.checkout(cart, body)
    };
    with("/payment/token", json!("4111 1111 1111 1111")).is_refused("invalid_value").await.names((
        "pointer",
        "/payment/token",
        "invalid_value",
    ));
    with("/payment/token", json!("4111111111111111")).is_refused("invalid_value").await.names((
        "pointer",
        "/payment/token",
        "invalid_value",
    ));
    with("/shipping_address/country", json!("XX")).is_refused("invalid_value").await.names((
        "pointer",
        "/shipping_address/country",
        "invalid_value",
    ));
    with("/shipping_address/name", json!("")).is_refused("invalid_value").await.names((
        "pointer",
        "/shipping_address/name",
        "invalid_value",
    ));
    with("/shipping_address/name", json!("x".repeat(201))).is_refused("invalid_value").await;
    with("/shipping_address/postal_code", json!(null)).is_refused("invalid_body").await;
    let no_address = json!({ "payment": { "method": "card", "token": "tok_ok" } });
    buyer.checkout(cart, no_address).is_refused("invalid_body").await.names((
        "pointer",
        "/shipping_address",
        "missing_field",
    ));
    let no_payment = json!({ "shipping_address": address() });
    buyer.checkout(cart, no_payment).is_refused("invalid_body").await.names(("pointer", "/payment", "missing_field"));
    let discarded = buyer.fill_cart(&[("MUG", 1)]).await;
    buyer.delete(format!("/v1/carts/{discarded}")).answers(200).await;
    let refused = buyer.checkout(discarded, paying_with("tok_ok")).is_refused("illegal_transition").await;
    assert_eq!((&refused["current_state"], &refused["allowed"]), (&json!("discarded"), &json!([])));
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({
        "iss": DEV_ISSUER, "aud": AUDIENCE, "sub": Uuid::now_v7(), "iat": now(), "exp": now() + 3_600, "roles": ["staff"],
    })
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

fn base64url(value: &Value) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let text = value.to_string();
    let digits = text.as_bytes().chunks(3).flat_map(|chunk| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |digit| char::from(ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize]))
    });
    digits.collect()
}

#[tokio::test]
async fn a_token_that_was_not_given_out_opens_nothing() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let ours = EncodingKey::from_ed_pem(SIGNING.pem.as_bytes()).unwrap();
    let header = Header::new(Algorithm::EdDSA);
    let with = |member: &str, value: Value| {
        let mut claims = claims();
        claims[member] = value;
        signed(&header, &claims, &ours)
    };
    let good = signed(&header, &claims(), &ours);
    let request =
        |token: &str| shop.with_token(token).post("/v1/inventory/MUG/receipts").json(json!({ "quantity": 1 }));
    request(&good).answers(201).await;

    request(&with("exp", json!(now() - 31))).is_refused("token_expired").await;
    let (body, signature) = good.rsplit_once('.').unwrap();
    let other_body = format!("{}.{}", body.split('.').next().unwrap(), base64url(&claims()));
    let none = base64url(&json!({ "alg": "none", "typ": "JWT" }));
    let symmetric = Header::new(Algorithm::HS256);
    for (what, token) in [
        ("forged", format!("{other_body}.{signature}")),
        ("cut", format!("{body}.{}", &signature[..80])),
        ("unsigned", format!("{body}.")),
        ("alg: none", format!("{none}.{}.", base64url(&claims()))),
        ("alg: none with a signature", format!("{none}.{}.{signature}", base64url(&claims()))),
        ("symmetric", signed(&symmetric, &claims(), &EncodingKey::from_secret(SIGNING.pem.as_bytes()))),
        ("of another issuer", with("iss", json!("https://elsewhere.example"))),
        ("for another audience", with("aud", json!("somebody-else"))),
        ("not valid yet", with("nbf", json!(now() + 3_600))),
        ("issued in the future", with("iat", json!(now() + 3_600))),
        ("of no person", with("sub", json!("admin"))),
        ("for ever", with("exp", json!(null))),
        ("no token", "staff".to_owned()),
        ("too long", "a".repeat(9_000)),
    ] {
        let refused = request(&token).is_refused("token_invalid").await;
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"daybook\", error=\"invalid_token\"", "{what}");
    }
    let refused = shop.anonymous().post("/v1/carts").json(json!({})).is_refused("token_required").await;
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"daybook\"");
    // A bad token is told also where none is needed: its owner believes to be somebody.
    shop.with_token("staff").get("/v1/products").is_refused("token_invalid").await;
    shop.anonymous().get("/v1/products").header("authorization", "Basic c3RhZmY6").is_refused("token_invalid").await;
    // Roles that nobody knows grant nothing.
    request(&with("roles", json!(["owner"]))).is_refused("permission_denied").await;
}

#[tokio::test]
async fn a_text_with_nul_is_refused_wherever_it_stands() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    let staff = shop.as_staff();
    let product = json!({ "sku": "NEW", "name": "N\u{0}w", "price": gbp(1) });
    staff.post("/v1/products").json(product).is_refused("invalid_value").await.names((
        "pointer",
        "/name",
        "nul_character",
    ));
    let attributes = json!({ "sku": "NEW", "name": "New", "price": gbp(1), "attributes": { "a": "\u{0}" } });
    staff.post("/v1/products").json(attributes).is_refused("invalid_value").await.names((
        "pointer",
        "/attributes/a",
        "nul_character",
    ));
    let key = json!({ "sku": "NEW", "name": "New", "price": gbp(1), "attributes": { "a\u{0}": 1 } });
    staff.post("/v1/products").json(key).is_refused("invalid_value").await;
    buyer.add(cart, "M\u{0}G", 1).is_refused("invalid_value").await.names(("pointer", "/sku", "nul_character"));
    let mut checkout = paying_with("tok_ok");
    checkout["shipping_address"]["city"] = json!("Lon\u{0}don");
    let refused = buyer.checkout(cart, checkout).is_refused("invalid_value").await;
    refused.names(("pointer", "/shipping_address/city", "nul_character"));
    staff.get("/v1/products/M%00G").is_refused("invalid_value").await.names(("parameter", "sku", "nul_character"));
    buyer.delete(format!("/v1/carts/{cart}/items/M%00G")).is_refused("invalid_value").await;
}

#[tokio::test]
async fn a_body_that_is_too_large_or_of_another_type_is_refused() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    let megabyte = format!(r#"{{"sku": "{}", "quantity": 1}}"#, "A".repeat(1 << 20));
    items(&buyer, cart).text(megabyte.clone()).is_refused("body_too_large").await;
    let announced = items(&buyer, cart).text("{}").header("content-length", "1048576");
    announced.is_refused("body_too_large").await;
    let item = json!({ "sku": "MUG", "quantity": 1 }).to_string();
    for kind in
        ["text/plain", "application/xml", "application/json; charset=latin1", "application/merge-patch+json", ""]
    {
        items(&buyer, cart).body(item.clone()).header("content-type", kind).is_refused("unsupported_media_type").await;
    }
    items(&buyer, cart).body(item.clone()).is_refused("unsupported_media_type").await;
    items(&buyer, cart).text(item).header("content-encoding", "gzip").is_refused("unsupported_media_type").await;
}

#[tokio::test]
async fn a_key_is_one_short_word_and_some_commands_need_it() {
    let shop = Shop::open().await;
    let (buyer, cart) = cart(&shop).await;
    let order = shop.confirmed_order(&buyer, &[("MUG", 1)]).await;
    let staff = shop.as_staff();
    for (client, path) in [
        (&buyer, format!("/v1/carts/{cart}/checkout")),
        (&buyer, format!("/v1/orders/{order}/payments")),
        (&staff, format!("/v1/orders/{order}/shipments")),
        (&staff, format!("/v1/payments/{order}/captures")),
        (&staff, format!("/v1/payments/{order}/void")),
    ] {
        client.post(path).json(json!({})).is_refused("idempotency_key_required").await;
    }
    let item = json!({ "sku": "MUG", "quantity": 1 });
    for key in ["", "two words", "schlüssel", &"k".repeat(256)] {
        let refused = items(&buyer, cart).json(item.clone()).key(key).is_refused("invalid_header").await;
        refused.names(("header", "Idempotency-Key", "malformed"));
    }
    items(&buyer, cart).json(item).key("one").key("two").is_refused("invalid_header").await;
}

#[tokio::test]
async fn what_is_nowhere_or_takes_another_method_is_told_so() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    for path in ["/", "/v1", "/v1/products/", "/v1//products", "/v2/products", "/v1/carts/x/y/z"] {
        staff.get(path).is_refused("route_not_found").await;
    }
    let refused = staff.delete("/v1/products").is_refused("method_not_allowed").await;
    assert_eq!(refused.header("allow"), "GET,HEAD,POST");
    staff.get(format!("/v1/carts/{}/checkout", Uuid::nil())).is_refused("method_not_allowed").await;
    for accept in ["text/html", "application/json;q=0", "nonsense"] {
        let refused = staff.get("/v1/products").header("accept", accept).is_refused("not_acceptable").await;
        assert_eq!(refused["produces"], json!(["application/json"]));
    }
    staff.get("/v1/products").header("accept", "text/html, application/*;q=0.1").answers(200).await;
    for (path, parameter) in [("/v1/carts/mine", "id"), ("/v1/orders/1", "id"), ("/v1/products/A%20B", "sku")] {
        staff.get(path).is_refused("invalid_parameter").await.names(("parameter", parameter, "invalid_value"));
    }
    let admin = shop.as_role(Role::Admin);
    admin.request(Method::GET, format!("/v1/orders/{}", Uuid::nil())).is_refused("not_found").await;
}
