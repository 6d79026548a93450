//! The catalogue, as staff keep it.

use serde_json::{Value, json};

use super::{shop::Shop, steps::gbp};

fn mug() -> Value {
    json!({
        "sku": "MUG", "name": "Mug", "description": "Holds tea", "category": "Kitchen", "price": gbp(500),
        "attributes": { "colour": "blue", "millilitres": 330, "dishwasher": true, "rating": 4.5 },
    })
}

#[tokio::test]
async fn a_product_is_created_once_and_only_by_one() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    let created = staff.post("/v1/products").json(mug()).answers(201).await;
    let head = shop.head().await;
    let again = staff.post("/v1/products").json(mug()).answers(201).await;
    assert_eq!((&again.body, shop.head().await), (&created.body, head));
    let mut other = mug();
    other["name"] = json!("Another mug");
    let refused = staff.post("/v1/products").json(other).refused_as("already_exists").await;
    assert_eq!((refused.status, &refused["skus"]), (409, &json!(["MUG"])));
    // Case counts: 110 stock codes of the real data differ by nothing else.
    let mut small = mug();
    small["sku"] = json!("mug");
    staff.post("/v1/products").json(small).answers(201).await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_takes_away_what_is_null() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    let created = staff.post("/v1/products").json(mug()).answers(201).await;
    let changes = json!({
        "name": "Blue mug", "description": null, "category": "Tea", "attributes": { "colour": null, "millilitres": 350 },
    });
    let patch = staff.patch("/v1/products/MUG").body(changes.to_string());
    let patch = patch.header("content-type", "application/merge-patch+json");
    let changed = patch.clone().if_still(&created).answers(200).await;
    assert_eq!((&changed["name"], &changed["category"]), (&json!("Blue mug"), &json!("Tea")));
    assert_eq!(changed["attributes"], json!({ "millilitres": 350, "dishwasher": true, "rating": 4.5 }));
    assert_eq!((changed.body.get("description"), &changed["price"]), (None, &gbp(500)));
    patch.if_still(&created).refused_as("version_mismatch").await;

    let patch = |changes: Value| staff.patch("/v1/products/MUG").if_still(&changed).json(changes);
    patch(json!({ "name": null })).refused_as("invalid_value").await.names(("pointer", "/name", "invalid_value"));
    patch(json!({ "name": "" })).refused_as("invalid_value").await.names(("pointer", "/name", "invalid_value"));
    patch(json!({ "parent_sku": "MUG" })).refused_as("invalid_value").await.names((
        "pointer",
        "/parent_sku",
        "invalid_value",
    ));
    let nested = patch(json!({ "attributes": { "nested": { "a": 1 } } })).refused_as("invalid_value").await;
    assert_eq!(nested["errors"][0]["detail"], "expected a text, a number, true or false");
    let many: Value =
        (0..40).map(|number| (format!("a{number}"), json!(number))).collect::<serde_json::Map<_, _>>().into();
    patch(json!({ "attributes": many })).refused_as("invalid_value").await.names((
        "pointer",
        "/attributes",
        "invalid_value",
    ));
    let same = patch(json!({})).answers(200).await;
    assert_eq!((&same.body, same.etag()), (&changed.body, changed.etag()));
}

#[tokio::test]
async fn a_product_is_a_draft_then_for_sale_then_gone_for_good() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    staff.post("/v1/products").json(mug()).answers(201).await;
    for (step, status, version) in [
        ("publication", "published", 2),
        ("publication", "published", 2),
        ("archival", "archived", 3),
        ("archival", "archived", 3),
    ] {
        let answer = staff.post(format!("/v1/products/MUG/{step}")).answers(200).await;
        assert_eq!((&answer["status"], &answer["version"]), (&json!(status), &json!(version)));
    }
    let refused = staff.post("/v1/products/MUG/publication").refused_as("illegal_transition").await;
    assert_eq!((refused.status, &refused["current_state"]), (409, &json!("archived")));
    staff.put("/v1/products/MUG/price").json(json!({ "price": gbp(1) })).refused_as("illegal_transition").await;
}

#[tokio::test]
async fn a_price_is_above_nothing_in_a_currency_that_exists() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    staff.post("/v1/products").json(mug()).answers(201).await;
    for (price, code) in [
        (json!({ "amount": 0, "currency": "GBP" }), "invalid_value"),
        (json!({ "amount": -1, "currency": "GBP" }), "invalid_value"),
        (json!({ "amount": 1, "currency": "XXQ" }), "invalid_value"),
        (json!({ "amount": 1, "currency": "gbp" }), "invalid_value"),
        (json!({ "amount": 1.5, "currency": "GBP" }), "invalid_body"),
        (json!({ "amount": "1", "currency": "GBP" }), "invalid_body"),
        (json!({ "amount": 1 }), "invalid_body"),
        (json!(5), "invalid_body"),
    ] {
        staff.put("/v1/products/MUG/price").json(json!({ "price": price })).refused_as(code).await;
    }
    staff
        .put("/v1/products/MUG/price")
        .json(json!({ "price": { "amount": 1_234, "currency": "BHD" } }))
        .answers(200)
        .await;
}
