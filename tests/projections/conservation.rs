//! The conservation watch: a book that the rules have made balances, and what breaks one of them is found.

use ::projections::{
    conservation::{Conservation, SETTLED_WITHIN, Violation, acknowledge, open},
    reading,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{CaptureId, LineId, OrderId, PaymentId, RefundId, ShipmentId, Sku},
    inventory::{self, Inventory},
    order::{self, Command, Order},
    payment::Payment,
};
use eventstore::StreamId;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::shop::{Shop, Stream, customer, now, quantity, sku, text};

async fn found_at(shop: &Shop, time: DateTime<Utc>) -> Vec<(String, String)> {
    let open = open(&shop.models, time).await.unwrap();
    assert_eq!(open.count, open.first.len() as i64);
    open.first.into_iter().map(|Violation { rule, detail, .. }| (rule, detail)).collect()
}

/// What is open now, after everything that was decided is posted.
async fn found(shop: &mut Shop) -> Vec<(String, String)> {
    shop.post(&Conservation).await;
    found_at(shop, Utc::now()).await
}

#[track_caller]
fn check(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<_> = found.iter().map(|(rule, detail)| (rule.as_str(), detail.as_str())).collect();
    assert_eq!(found, expected);
}

/// When what was not settled is overdue.
fn later() -> DateTime<Utc> {
    Utc::now() + SETTLED_WITHIN + TimeDelta::minutes(1)
}

/// An order of two units of A with the stock that it holds, paid for as far as it is before shipping.
struct Sale {
    a: Sku,
    stock: Stream<Inventory>,
    order: Stream<Order>,
    payment: Stream<Payment>,
}

impl Sale {
    fn order_id(&self) -> OrderId {
        OrderId::from_uuid(self.order.id)
    }
}

fn sale(shop: &mut Shop) -> Sale {
    let a = sku("A");
    let mut stock = shop.received(&a, 5);
    let (mut order, mut payment) = shop.order(customer(1), &[(&a, 2, 100)]);
    let order_id = OrderId::from_uuid(order.id);
    let reserve = inventory::Command::Reserve {
        order_id,
        quantity: quantity(2),
        expires_at: now() + TimeDelta::minutes(15),
        now: now(),
    };
    shop.decide(&mut stock, reserve).unwrap();
    shop.authorize(&mut payment);
    shop.decide(&mut stock, inventory::Command::Allocate { order_id, quantity: quantity(2), now: now() }).unwrap();
    let payment_id = PaymentId::from_uuid(payment.id);
    shop.decide(&mut order, Command::Confirm { payment_id, at: now() }).unwrap();
    Sale { a, stock, order, payment }
}

fn capture_id() -> CaptureId {
    CaptureId::from_uuid(Uuid::from_u128(7))
}

/// Everything is sent, paid for, and arrives.
fn fulfil(shop: &mut Shop, sale: &mut Sale) {
    let (order_id, shipment_id) = (sale.order_id(), ShipmentId::from_uuid(Uuid::from_u128(7)));
    let dispatch = Command::DispatchShipment {
        shipment_id,
        lines: None,
        carrier: text("Royal Mail"),
        tracking: text("RM1"),
        location: None,
        payment_covers: true,
        at: now(),
    };
    shop.decide(&mut sale.order, dispatch).unwrap();
    let ship = inventory::Command::Ship { order_id, quantity: quantity(2), shipment_id };
    shop.decide(&mut sale.stock, ship).unwrap();
    forge_payment(
        shop,
        sale,
        "payment.capture_requested",
        &json!({ "capture_id": capture_id(), "amount": pence(200) }),
    );
    captured(shop, sale, 200);
    shop.decide(&mut sale.order, Command::DeliverShipment { shipment_id, delivered_at: now() }).unwrap();
}

fn pence(amount: i64) -> serde_json::Value {
    json!({ "amount": amount, "currency": "GBP" })
}

/// What no rule has decided, straight into the book.
fn forge_payment(shop: &mut Shop, sale: &mut Sale, event_type: &'static str, payload: &serde_json::Value) {
    let mut payload = payload.clone();
    payload["order_id"] = json!(sale.order_id());
    sale.payment.version += 1;
    let stream = StreamId::new("payment", sale.payment.id);
    shop.forge(stream, sale.payment.version, event_type, &payload.to_string());
}

fn captured(shop: &mut Shop, sale: &mut Sale, amount: i64) {
    let payload = json!({ "capture_id": capture_id(), "operation_id": "cap_1", "amount": pence(amount) });
    forge_payment(shop, sale, "payment.captured", &payload);
}

fn forge_stock(shop: &mut Shop, sale: &mut Sale, event_type: &'static str, payload: &serde_json::Value) {
    let mut payload = payload.clone();
    (payload["sku"], payload["location"]) = (json!(sale.a), json!("main"));
    sale.stock.version += 1;
    let stream = StreamId::new("inventory", sale.stock.id);
    shop.forge(stream, sale.stock.version, event_type, &payload.to_string());
}

#[tokio::test]
async fn a_sale_from_receipt_to_delivery_balances() {
    let mut shop = Shop::open().await;
    let mut sale = sale(&mut shop);
    check(&found(&mut shop).await, &[]);
    fulfil(&mut shop, &mut sale);
    check(&found(&mut shop).await, &[]);
    check(&found_at(&shop, later()).await, &[]);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM conservation_v1.conserved_holds")
        .fetch_one(&shop.database.owner)
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing is held any more");
}

#[tokio::test]
async fn n1_a_unit_that_is_sold_twice_is_found_whether_it_is_posted_at_once_or_later() {
    let mut shop = Shop::open().await;
    let mut sale = sale(&mut shop);
    let reserved = |units: i64, until: DateTime<Utc>| json!({ "order_id": Uuid::from_u128(8), "quantity": units, "expires_at": until });
    // Three are left, and a reservation whose time is over holds none of them.
    forge_stock(&mut shop, &mut sale, "inventory.reserved", &reserved(3, now() - TimeDelta::minutes(1)));
    let three = json!({ "order_id": Uuid::from_u128(9), "quantity": 3, "expires_at": now() + TimeDelta::minutes(9) });
    forge_stock(&mut shop, &mut sale, "inventory.reserved", &three);
    check(&found(&mut shop).await, &[]);
    forge_stock(&mut shop, &mut sale, "inventory.reserved", &reserved(1, now() + TimeDelta::minutes(9)));
    let oversold = "4 reserved and 2 allocated of 5 on hand, 0 unavailable, 0 on backorder";
    check(&found(&mut shop).await, &[("oversold", oversold)]);
}

#[tokio::test]
async fn n4_what_leaves_without_having_been_promised_or_without_being_there_is_found() {
    let mut shop = Shop::open().await;
    let mut sale = sale(&mut shop);
    let shipped = json!({
        "order_id": sale.order_id(), "shipment_id": Uuid::from_u128(7), "quantity": 6
    });
    forge_stock(&mut shop, &mut sale, "inventory.shipped", &shipped);
    forge_stock(&mut shop, &mut sale, "inventory.out_of_stock", &json!({ "available": 0 }));
    forge_stock(&mut shop, &mut sale, "inventory.transferred_in", &json!({ "from": "attic", "quantity": 2 }));
    let expected = [
        ("on_hand", "-1 on hand after it left"),
        ("held", "6 taken of 2 allocated"),
        ("stated_quantity", "0 available are stated, -1 are counted"),
        ("transfer", "2 more came in than had left"),
    ];
    check(&found(&mut shop).await, &expected);
    // And the order says that nothing was sent.
    let all = found_at(&shop, later()).await;
    assert!(all.contains(&("unsettled".to_owned(), "0 units in its parcels, 6 left stock".to_owned())), "{all:?}");
}

#[tokio::test]
async fn p1_p2_p4_money_beyond_what_was_authorised_or_captured_is_found() {
    let mut shop = Shop::open().await;
    let mut sale = sale(&mut shop);
    fulfil(&mut shop, &mut sale);
    check(&found(&mut shop).await, &[]);
    captured(&mut shop, &mut sale, 201);
    let twice = [
        ("captured", "one operation twice, of 200 before"),
        ("captured", "201 captured and 0 asked for, of 200 authorised"),
        ("kept", "401 kept of an order of 200"),
    ];
    check(&found(&mut shop).await, &twice);
    let refund = json!({ "refund_id": RefundId::from_uuid(Uuid::from_u128(5)), "amount": pence(202) });
    forge_payment(&mut shop, &mut sale, "payment.refund_requested", &refund);
    let refunded = ("refunded", "0 refunded and 202 asked for, of 201 captured");
    check(&found(&mut shop).await, &[twice[0], twice[1], twice[2], refunded]);
}

#[tokio::test]
async fn o1_o3_an_order_that_does_not_add_up_or_sends_more_than_was_ordered_is_found() {
    let mut shop = Shop::open().await;
    let (order, _) = shop.order(customer(1), &[(&sku("A"), 2, 100)]);
    let order::State::Pending(contents) = &order.state else { panic!("{:?}", order.state) };
    let created = json!({
        "number": contents.number, "cart_id": contents.cart_id, "payment_id": contents.payment_id,
        "customer_id": contents.customer_id, "subtotal": pence(201), "shipping": pence(0), "tax": pence(0),
        "discount": pence(0), "total": pence(201), "shipping_address": contents.shipping_address,
        "created_at": contents.created_at,
        "lines": [{ "id": LineId::from_uuid(Uuid::from_u128(1)), "sku": "A", "name": "A", "quantity": 2,
            "unit_price": pence(100), "line_total": pence(200) }],
    });
    let forged = StreamId::new("order", Uuid::from_u128(99));
    shop.forge(forged.clone(), 1, "order.created", &created.to_string());
    let packed = json!({
        "shipment_id": Uuid::from_u128(7), "amount": pence(300),
        "lines": [{ "line_id": Uuid::from_u128(1), "sku": "A", "quantity": 3 }],
    });
    shop.forge(forged, 2, "order.shipment_created", &packed.to_string());
    let expected = [
        ("order_total", "a subtotal of 201 and a total of 201; the lines come to 200, the parts to 201"),
        ("order_units", "3 units in parcels, of 2"),
        ("order_total", "300 due for parcels, of 201"),
    ];
    check(&found(&mut shop).await, &expected);
}

#[tokio::test]
async fn an_order_that_came_to_nothing_keeps_neither_stock_nor_money_beyond_its_deadline() {
    let mut shop = Shop::open().await;
    let mut sale = sale(&mut shop);
    // Cancelled, and nothing is let go.
    shop.decide(&mut sale.order, Command::Cancel { reason: text("no") }).unwrap();
    forge_payment(
        &mut shop,
        &mut sale,
        "payment.capture_requested",
        &json!({ "capture_id": capture_id(), "amount": pence(200) }),
    );
    captured(&mut shop, &mut sale, 200);
    check(&found(&mut shop).await, &[]);
    let overdue = "stock holds 2 units for it though it has ended; 200 is kept for it though it has ended";
    check(&found_at(&shop, later()).await, &[("unsettled", overdue)]);

    // What came of it late is all right.
    let order_id = sale.order_id();
    shop.decide(&mut sale.stock, inventory::Command::ReleaseAllocation { order_id, quantity: None }).unwrap();
    let refund = json!({ "refund_id": Uuid::from_u128(5), "amount": pence(200) });
    forge_payment(&mut shop, &mut sale, "payment.refund_requested", &refund);
    let mut succeeded = refund.clone();
    succeeded["operation_id"] = json!("ref_1");
    forge_payment(&mut shop, &mut sale, "payment.refund_succeeded", &succeeded);
    check(&found(&mut shop).await, &[]);
    check(&found_at(&shop, later()).await, &[]);
}

#[tokio::test]
async fn what_was_seen_to_is_named_no_more_and_what_was_not_stays() {
    let mut shop = Shop::open().await;
    let mut sale = sale(&mut shop);
    forge_stock(&mut shop, &mut sale, "inventory.out_of_stock", &json!({ "available": 9 }));
    let position = shop.append().await;
    forge_stock(&mut shop, &mut sale, "inventory.out_of_stock", &json!({ "available": 8 }));
    assert_eq!(found(&mut shop).await.len(), 2);
    let pool = PgPool::connect_lazy_with(reading(shop.database.app_options()));
    assert!(acknowledge(&pool, position).await.unwrap());
    assert!(!acknowledge(&pool, position).await.unwrap());
    check(&found_at(&shop, Utc::now()).await, &[("stated_quantity", "8 available are stated, 3 are counted")]);
}
