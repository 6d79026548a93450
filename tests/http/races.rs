//! Many at once: what there is one of goes to one, and what was asked once happens once.

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::{
    answer::Answer,
    shop::Shop,
    steps::{gbp, paying_with},
};

fn with_status(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n1_of_64_checkouts_of_the_last_unit_one_is_an_order() {
    let shop = Shop::open().await;
    shop.sell("LAST", 500, 1).await;
    let buyers: Vec<_> = (0..64).map(|_| shop.as_customer()).collect();
    let carts = join_all(buyers.iter().map(|buyer| buyer.fill_cart(&[("LAST", 1)]))).await;
    let checkouts = buyers.iter().zip(&carts).map(|(buyer, cart)| buyer.checkout(*cart, paying_with("tok_ok")).send());
    let answers = join_all(checkouts.map(tokio::spawn)).await;
    let answers: Vec<Answer> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!((with_status(&answers, 201), with_status(&answers, 422)), (1, 63));
    for refused in answers.iter().filter(|answer| answer.status == 422) {
        assert_eq!(refused["code"], "out_of_stock");
        assert_eq!(refused["skus"], json!([{ "sku": "LAST", "requested": 1, "available": 0 }]));
    }
    let order = answers.iter().find(|answer| answer.status == 201).unwrap();
    shop.until("order.confirmed", order.id()).await;
    assert_eq!(shop.stock("LAST").await, [1, 0, 1, 0]);
    let orders = shop.as_staff().get("/v1/orders").answers(200).await;
    assert_eq!(orders["data"].as_array().unwrap().len(), 1);
    let created = shop.types_since(0).await.into_iter().filter(|kind| kind == "order.created").count();
    assert_eq!(created, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c6_a_cart_that_is_checked_out_64_times_at_once_is_one_order() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 100).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    let checkouts = (0..64).map(|_| tokio::spawn(buyer.checkout(cart, paying_with("tok_ok")).send()));
    let answers: Vec<Answer> = join_all(checkouts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!((with_status(&answers, 201), with_status(&answers, 200)), (1, 63));
    for answer in &answers {
        assert_eq!((answer.id(), answer.header("location")), (answers[0].id(), answers[0].header("location")));
    }
    shop.until("order.confirmed", answers[0].id()).await;
    assert_eq!(shop.stock("MUG").await, [100, 0, 1, 99]);
}

/// One effect, and all answers name the same ids, version and position.
#[track_caller]
fn are_one(answers: &[Answer]) {
    let firsts = answers.iter().filter(|answer| !answer.is_replayed()).count();
    assert_eq!(firsts, 1, "one of them did it, the others repeat it");
    for answer in answers {
        assert_eq!((answer.status, &answer.body), (answers[0].status, &answers[0].body));
        assert_eq!((answer.position(), answer.etag()), (answers[0].position(), answers[0].etag()));
        assert_eq!(answer.header("location"), answers[0].header("location"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_50_equal_keys_at_once_one_takes_effect() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 100).await;
    let buyer = shop.as_customer();
    let open = buyer.post("/v1/carts").json(json!({})).key("open");
    let opened: Vec<Answer> = join_all((0..50).map(|_| tokio::spawn(open.clone().answers(201))))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    are_one(&opened);
    let cart = opened[0].id();

    let head = shop.head().await;
    let add = buyer.add(cart, "MUG", 2).key("add");
    let added = join_all((0..50).map(|_| tokio::spawn(add.clone().answers(200)))).await;
    are_one(&added.into_iter().map(Result::unwrap).collect::<Vec<_>>());
    assert_eq!(shop.types_since(head).await, ["cart.item_added"]);

    let check_out = buyer.checkout(cart, paying_with("tok_ok"));
    let orders = join_all((0..50).map(|_| tokio::spawn(check_out.clone().answers(201)))).await;
    let orders: Vec<Answer> = orders.into_iter().map(Result::unwrap).collect();
    are_one(&orders);
    shop.until("order.confirmed", orders[0].id()).await;
    assert_eq!(shop.stock("MUG").await, [100, 0, 2, 98]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_50_equal_keys_with_different_bodies_one_takes_effect_and_the_others_are_refused() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let buyer = shop.as_customer();
    let cart = buyer.open_cart().await;
    let head = shop.head().await;
    let adds = (1..=50).map(|quantity| tokio::spawn(buyer.add(cart, "MUG", quantity).key("k").send()));
    let answers: Vec<Answer> = join_all(adds).await.into_iter().map(Result::unwrap).collect();
    assert_eq!((with_status(&answers, 200), with_status(&answers, 422)), (1, 49));
    assert_eq!(shop.types_since(head).await, ["cart.item_added"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_20_shippers_of_one_order_one_ships_it() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let order = shop.confirmed_order(&shop.as_customer(), &[("MUG", 2)]).await;
    let staff = shop.as_staff();
    let shipments = (0..20).map(|_| tokio::spawn(staff.ship(order).send()));
    let answers: Vec<Answer> = join_all(shipments).await.into_iter().map(Result::unwrap).collect();
    assert_eq!((with_status(&answers, 201), with_status(&answers, 409)), (1, 19));
    let payment = shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.completed", payment).await;
    assert_eq!(shop.stock("MUG").await, [3, 0, 0, 3]);
    assert_eq!(shop.order(order).await["payment_status"], "paid");
}

/// Each of them is small enough alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_of_32_refunds_at_once_no_more_are_granted_than_was_captured() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    let order = shop.confirmed_order(&buyer, &[("MUG", 2)]).await;
    staff.ship(order).answers(201).await;
    let payment: Uuid = shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.completed", payment).await;
    let refunds = (0..32).map(|number| {
        let of_the_order = json!({ "amount": gbp(300), "reason": "goodwill" });
        let request = match number % 2 {
            0 => staff.post(format!("/v1/orders/{order}/refunds")).keyed().json(of_the_order),
            _ => staff.post(format!("/v1/payments/{payment}/refunds")).keyed().json(json!({ "amount": gbp(300) })),
        };
        tokio::spawn(request.send())
    });
    let answers: Vec<Answer> = join_all(refunds).await.into_iter().map(Result::unwrap).collect();
    assert_eq!((with_status(&answers, 201), with_status(&answers, 422)), (3, 29));
    let refused = answers.iter().filter(|answer| answer.status == 422);
    assert!(refused.into_iter().all(|answer| answer["code"] == "amount_exceeded"));
    shop.until_there_are(3, "payment.refund_succeeded", payment).await;
    let seen = staff.get(format!("/v1/payments/{payment}")).at(shop.head().await).answers(200).await;
    assert_eq!((&seen["refunded"], &seen["status"]), (&gbp(900), &json!("partially_refunded")));
}

/// Units that there are at each location, and buyers who want three of them each.
const UNITS: i64 = 40;
const BUYERS: usize = 36;

/// One buyer, and what is done with the order if there is one: shipped, cancelled, left, or never paid and cancelled.
async fn buy_and_do(shop: Shop, number: usize) {
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    let cart = buyer.fill_cart(&[("MUG", 3)]).await;
    let token = if number % 4 == 3 { "tok_declined" } else { "tok_ok" };
    let bought = buyer.checkout(cart, paying_with(token)).send().await;
    if bought.status == 422 {
        assert_eq!(bought["code"], "out_of_stock");
        return;
    }
    let order = bought.id();
    match number % 4 {
        0 => {
            shop.until("order.confirmed", order).await;
            staff.ship(order).answers(201).await;
        }
        1 => {
            shop.until("order.confirmed", order).await;
            buyer.cancel(order).answers(200).await;
        }
        2 => shop.until("order.confirmed", order).await,
        _ => drop(buyer.cancel(order).answers(200).await),
    }
}

/// On hand, reserved and allocated at a location, as the stream itself has it: the answer to a count that finds no difference.
async fn counted(shop: &Shop, location: &str) -> [i64; 3] {
    let count = json!({ "delta": 0, "reason": "count", "location": location });
    let stock = shop.as_staff().post("/v1/inventory/MUG/adjustments").json(count).answers(201).await;
    let places = stock["locations"].as_array().unwrap();
    let place = places.iter().find(|place| place["location"] == location).unwrap();
    ["on_hand", "reserved", "allocated"].map(|part| place[part].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n4_counters_do_not_drift_whatever_buyers_and_staff_do_at_once() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, UNITS).await;
    let staff = shop.as_staff();
    let north = json!({ "quantity": UNITS, "location": "north" });
    staff.post("/v1/inventory/MUG/receipts").json(north).answers(201).await;
    let moves = [("main", "north"), ("north", "main")];
    let transfers = (0..20).map(|number| {
        let (from, to) = moves[number % 2];
        let transfer = json!({ "quantity": 2, "from": from, "to": to });
        tokio::spawn(staff.post("/v1/inventory/MUG/transfers").json(transfer).send())
    });
    let buyers = (0..BUYERS).map(|number| tokio::spawn(buy_and_do(shop.clone(), number)));
    let (bought, moved) = tokio::join!(join_all(buyers), join_all(transfers));
    bought.into_iter().for_each(Result::unwrap);
    for answer in moved.into_iter().map(Result::unwrap) {
        assert!([201, 422].contains(&answer.status), "{:?}", answer.body);
    }

    let (mut shipped, mut promised) = (0, 0);
    let orders = staff.get("/v1/orders?limit=200").at(shop.head().await).answers(200).await;
    for order in orders["data"].as_array().unwrap() {
        let line = &order["lines"][0];
        let sent = line["shipped"].as_i64().unwrap();
        shipped += sent;
        match order["status"].as_str().unwrap() {
            "cancelled" => {}
            "confirmed" | "shipped" => promised += line["quantity"].as_i64().unwrap() - sent,
            other => panic!("an order is {other}"),
        }
    }
    assert!(shipped > 0 && promised > 0, "{shipped} shipped, {promised} promised");
    let [main, north] = [counted(&shop, "main").await, counted(&shop, "north").await];
    let sum = [0, 1, 2].map(|part| main[part] + north[part]);
    assert_eq!(sum, [2 * UNITS - shipped, 0, promised], "as the orders add up to");
    assert!(main[2] <= main[0] && north[2] <= north[0], "{main:?} {north:?}");
    let [on_hand, reserved, allocated, _] = shop.stock("MUG").await;
    assert_eq!([on_hand, reserved, allocated], sum, "as the read model has it");
}
