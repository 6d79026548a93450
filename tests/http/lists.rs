//! Collections: a page at a time, filtered, sorted and counted, by cursors that cannot be bent.

use serde_json::{Value, json};

use super::{
    client::Client,
    shop::Shop,
    steps::{gbp, paying_with},
};

async fn create(staff: &Client, sku: &str, price: i64, category: &str, colour: &str) {
    let product = json!({
        "sku": sku, "name": format!("Product {sku}"), "price": gbp(price), "category": category,
        "attributes": { "colour": colour, "heavy": price > 300 }, "publish": true,
    });
    staff.post("/v1/products").json(product).answers(201).await;
}

async fn catalogue(shop: &Shop) -> i64 {
    let staff = shop.as_staff();
    create(&staff, "A", 100, "Kitchen", "red").await;
    create(&staff, "B", 200, "Kitchen", "blue").await;
    create(&staff, "C", 300, "Garden", "red").await;
    create(&staff, "D", 400, "Garden", "red").await;
    create(&staff, "E", 500, "Garden", "blue").await;
    let draft = json!({ "sku": "DRAFT", "name": "A draft", "price": gbp(1) });
    staff.post("/v1/products").json(draft).answers(201).await;
    shop.head().await
}

fn skus(listing: &Value) -> Vec<&str> {
    listing["data"].as_array().unwrap().iter().map(|product| product["sku"].as_str().unwrap()).collect()
}

/// The address in `Link: <…>; rel="next"`.
fn next(link: &str) -> Option<String> {
    let (address, rest) = link.strip_prefix('<')?.split_once('>')?;
    assert_eq!(rest, "; rel=\"next\"");
    Some(address.to_owned())
}

#[tokio::test]
async fn the_pages_of_a_list_are_the_list() {
    let shop = Shop::open().await;
    let head = catalogue(&shop).await;
    let mut path = "/v1/products?sort=-price&limit=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = shop.anonymous().get(&path).at(head).answers(200).await;
        pages.push(skus(&page.body).join(""));
        let Some(following) = next(page.header("link")) else {
            assert_eq!(page["next_cursor"], Value::Null);
            break;
        };
        let cursor = page["next_cursor"].as_str().unwrap();
        assert_eq!(following, format!("/v1/products?sort=-price&limit=2&cursor={cursor}"));
        path = following;
    }
    assert_eq!(pages, ["ED", "CB", "A"]);
}

#[tokio::test]
async fn a_product_that_comes_in_while_somebody_pages_moves_nothing() {
    let shop = Shop::open().await;
    let head = catalogue(&shop).await;
    let first = shop.anonymous().get("/v1/products?sort=price&limit=2").at(head).answers(200).await;
    create(&shop.as_staff(), "A2", 150, "Kitchen", "red").await;
    let second = shop.anonymous().get(next(first.header("link")).unwrap()).at(shop.head().await).answers(200).await;
    assert_eq!((skus(&first.body), skus(&second.body)), (vec!["A", "B"], vec!["C", "D"]));
}

#[tokio::test]
async fn a_cursor_that_was_bent_or_belongs_to_another_list_is_refused() {
    let shop = Shop::open().await;
    let head = catalogue(&shop).await;
    let anyone = shop.anonymous();
    let page = anyone.get("/v1/products?limit=2").at(head).answers(200).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let flipped = cursor.replacen(|letter: char| letter.is_ascii_lowercase(), "A", 1);
    let staff = shop.as_staff();
    for (client, path) in [
        (&anyone, format!("/v1/products?cursor={flipped}")),
        (&anyone, format!("/v1/products?cursor={}", &cursor[..cursor.len() - 2])),
        (&anyone, "/v1/products?cursor=".to_owned()),
        (&anyone, "/v1/products?cursor=%F0%9F%99%82".to_owned()),
        (&anyone, format!("/v1/products?category=Garden&cursor={cursor}")),
        (&anyone, format!("/v1/products?sort=price&cursor={cursor}")),
        (&staff, format!("/v1/products?cursor={cursor}")),
        (&staff, format!("/v1/orders?cursor={cursor}")),
        (&staff, format!("/v1/reports/sales?group_by=day&cursor={cursor}")),
    ] {
        let refused = client.get(path).refused_as("invalid_cursor").await;
        refused.names(("parameter", "cursor", "malformed"));
    }
    anyone.get(format!("/v1/products?limit=3&cursor={cursor}")).answers(200).await;
}

#[tokio::test]
async fn products_are_found_by_every_filter_and_counted_by_facet() {
    let shop = Shop::open().await;
    let head = catalogue(&shop).await;
    for (query, expected) in [
        ("sort=price", "ABCDE"),
        ("q=product+c", "C"),
        ("q=prod&sort=-name", "EDCBA"),
        ("category=Garden", "CDE"),
        ("min_price=200&max_price=400", "BCD"),
        ("attribute.colour=red", "ACD"),
        ("attribute.colour=red&attribute.heavy=true", "D"),
        ("status=draft", ""),
        ("parent_sku=A", ""),
        ("q=%2B%26%7C", ""),
    ] {
        let listing = shop.anonymous().get(format!("/v1/products?{query}")).at(head).answers(200).await;
        assert_eq!(skus(&listing.body).concat(), expected, "{query}");
    }
    let garden = shop.anonymous().get("/v1/products?category=Garden&attribute.colour=red").answers(200).await;
    let counted = json!([{ "value": "Garden", "count": 2 }, { "value": "Kitchen", "count": 1 }]);
    assert_eq!(garden["facets"], json!({ "category": counted }), "under all filters but that on the facet itself");
    let drafts = shop.as_staff().get("/v1/products?status=draft").answers(200).await;
    assert_eq!(skus(&drafts.body), ["DRAFT"]);
    let counted = json!([{ "value": "published", "count": 5 }, { "value": "draft", "count": 1 }]);
    assert_eq!(drafts["facets"]["status"], counted);
}

#[tokio::test]
async fn orders_are_found_by_every_filter() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    shop.sell("PAN", 900, 9).await;
    let (one, other, staff) = (shop.as_customer(), shop.as_customer(), shop.as_staff());
    let confirmed = shop.confirmed_order(&one, &[("MUG", 1)]).await;
    let cart = other.fill_cart(&[("PAN", 1)]).await;
    let declined = other.checkout(cart, paying_with("tok_declined")).answers(201).await;
    shop.until("payment.failed", declined["payments"][0]["id"].as_str().unwrap().parse().unwrap()).await;
    let declined = shop.order(declined.id()).await;
    let (id, number, created_at) = (declined.id(), &declined["number"], &declined["created_at"]);
    let [number, created_at] = [number, created_at].map(|text| text.as_str().unwrap());
    for (query, expected) in [
        ("", vec![id, confirmed]),
        ("sort=created_at", vec![confirmed, id]),
        ("sort=total", vec![confirmed, id]),
        ("sort=-total&limit=1", vec![id]),
        ("status=pending", vec![id]),
        ("status=confirmed", vec![confirmed]),
        ("payment_status=declined", vec![id]),
        ("fulfillment_status=unfulfilled", vec![id, confirmed]),
        ("fulfillment_status=shipped", vec![]),
        (&format!("customer_id={}", one.id), vec![confirmed]),
        ("sku=PAN", vec![id]),
        (&format!("number={number}"), vec![id]),
        (&format!("created_from={created_at}"), vec![id]),
        (&format!("created_to={created_at}"), vec![confirmed]),
    ] {
        let listing = staff.get(format!("/v1/orders?{query}")).answers(200).await;
        let found: Vec<_> = listing["data"].as_array().unwrap().iter().map(|order| &order["id"]).collect();
        assert_eq!(json!(found), json!(expected), "{query}");
    }
    let listed = staff.get(format!("/v1/orders?number={number}")).answers(200).await;
    assert_eq!(listed["data"][0], declined.body, "a row of the list is the order");
}

#[tokio::test]
async fn a_parameter_that_means_nothing_is_refused() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    for (path, code, parameter, field) in [
        ("/v1/products?colour=red", "invalid_parameter", "colour", "unknown_field"),
        ("/v1/products?attribute.=red", "invalid_parameter", "attribute.", "unknown_field"),
        ("/v1/orders?stat=pending", "invalid_parameter", "stat", "unknown_field"),
        ("/v1/orders?status=a&status=b", "invalid_parameter", "status", "duplicate_field"),
        ("/v1/orders?limit=many", "invalid_parameter", "limit", "wrong_type"),
        ("/v1/orders?limit=0", "invalid_value", "limit", "invalid_value"),
        ("/v1/products?limit=201", "invalid_value", "limit", "invalid_value"),
        ("/v1/reports/sales?limit=10001", "invalid_value", "limit", "invalid_value"),
        ("/v1/products?min_price=9223372036854775808", "invalid_value", "min_price", "out_of_range"),
        ("/v1/products?sort=colour", "invalid_value", "sort", "invalid_value"),
        ("/v1/orders?sort=number", "invalid_value", "sort", "invalid_value"),
        ("/v1/reports/sales?group_by=hour", "invalid_value", "group_by", "invalid_value"),
        ("/v1/orders?customer_id=me", "invalid_value", "customer_id", "invalid_value"),
        ("/v1/orders?created_from=yesterday", "invalid_value", "created_from", "invalid_value"),
        ("/v1/reports/sales?from=2026-02-30", "invalid_value", "from", "invalid_value"),
        ("/v1/products?q=a%00b", "invalid_value", "q", "nul_character"),
        ("/v1/products?q=%FF", "invalid_parameter", "q", "malformed"),
    ] {
        staff.get(path).refused_as(code).await.names(("parameter", parameter, field));
    }
}

#[tokio::test]
async fn a_time_or_a_number_at_the_edge_of_everything_breaks_nothing() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    for path in [
        "/v1/orders?created_from=0000-01-01T00:00:00Z&created_to=9999-12-31T23:59:59.999999999Z",
        "/v1/orders?created_from=-262143-01-01T00:00:00Z",
        "/v1/orders?created_to=%2B262142-12-31T23:59:59Z",
        "/v1/orders?created_from=2026-06-30T23:59:60Z",
        "/v1/reports/sales?from=-262143-01-01&to=%2B262142-12-31",
        "/v1/reports/sales?group_by=day,day,month,sku,currency,country",
        "/v1/products?min_price=-9223372036854775808&max_price=9223372036854775807",
        "/v1/products?q='%22%5C%3A*%26%21%28%29%3C-%3E",
        "/v1/products?attribute.%22%5C%25_=%27%3B--",
    ] {
        let answer = staff.get(path).send().await;
        assert!([200, 400, 422].contains(&answer.status), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn sales_are_reported_by_every_dimension_a_page_at_a_time() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    shop.sell("PAN", 900, 9).await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    shop.confirmed_order(&buyer, &[("MUG", 2), ("PAN", 1)]).await;
    let cancelled = shop.confirmed_order(&buyer, &[("MUG", 1)]).await;
    buyer.cancel(cancelled).answers(200).await;
    let head = shop.head().await;
    let confirmed = shop.events_since(0).await.into_iter().find(|event| event.event_type == "order.confirmed").unwrap();
    let day = confirmed.recorded_at.date_naive();
    let report = |query: String| staff.get(format!("/v1/reports/sales?{query}")).at(head).answers(200);
    let data = |query: String| async { report(query).await["data"].clone() };
    let sold = |mut row: Value, units: i64, pence: i64| {
        let sums = json!({ "units": units, "revenue": gbp(pence), "refunds": gbp(0), "net": gbp(pence) });
        row.as_object_mut().unwrap().extend(sums.as_object().unwrap().clone());
        row
    };
    assert_eq!(data(String::new()).await, json!([sold(json!({}), 3, 1_900)]));
    let mugs = sold(json!({ "sku": "MUG" }), 2, 1_000);
    let pans = sold(json!({ "sku": "PAN" }), 1, 900);
    assert_eq!(data("group_by=sku".to_owned()).await, json!([mugs, pans]), "less what was cancelled");
    let row = sold(json!({ "day": day, "country": "GB", "currency": "GBP" }), 3, 1_900);
    assert_eq!(data("group_by=day,country,currency".to_owned()).await, json!([row]));
    assert_eq!(data(format!("from={day}&to={day}&sku=PAN&group_by=sku")).await, json!([pans]));
    assert_eq!(data("to=2020-01-01&group_by=sku".to_owned()).await, json!([]));
    let first = report("group_by=sku&limit=1".to_owned()).await;
    let second = staff.get(next(first.header("link")).unwrap()).answers(200).await;
    assert_eq!(
        (&first["data"], &second["data"], &second["next_cursor"]),
        (&json!([mugs]), &json!([pans]), &json!(null))
    );
}
