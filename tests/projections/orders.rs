//! `GET /v1/orders`, `/v1/orders/{id}` and `/v1/payments/{id}`, as the read model answers them.

use ::projections::{
    Limit, Part, QueryError, Sort,
    orders::{By, Filter, NEWEST_FIRST, Order, Orders, find, find_payment, list, timeline},
};
use domain::{
    ids::{CaptureId, OrderId, OrderNumber, PaymentId, ShipmentId},
    order::{self, Command},
    payment,
};
use uuid::Uuid;

use super::shop::{Shop, Stream, customer, gbp, initiate, now, quantity, shown, sku, text};

async fn found(shop: &Shop, order: &Stream<order::Order>) -> Order {
    find(&shop.models, OrderId::from_uuid(order.id)).await.unwrap().0.unwrap()
}

fn dispatch(number: u128, lines: Option<Vec<order::LineUnits>>) -> Command {
    Command::DispatchShipment {
        shipment_id: ShipmentId::from_uuid(Uuid::from_u128(number)),
        lines,
        carrier: text("Royal Mail"),
        tracking: text("RM1"),
        location: None,
        payment_covers: true,
        at: now(),
    }
}

fn deliver(number: u128) -> Command {
    Command::DeliverShipment { shipment_id: ShipmentId::from_uuid(Uuid::from_u128(number)), delivered_at: now() }
}

#[track_caller]
fn check(order: &Order, status: &str, payment_status: &str, fulfillment_status: &str) {
    let found = (order.status.as_str(), order.payment_status.as_str(), order.fulfillment_status.as_str());
    assert_eq!(found, (status, payment_status, fulfillment_status));
}

#[tokio::test]
async fn an_order_is_followed_from_checkout_to_completion() {
    let mut shop = Shop::open().await;
    let (a, b) = (sku("A"), sku("B"));
    let (mut order, mut payment) = shop.order(customer(1), &[(&a, 2, 500), (&b, 3, 100)]);
    shop.post(&Orders).await;
    let pending = found(&shop, &order).await;
    check(&pending, "pending", "pending", "unfulfilled");
    let contents = order.state.contents().unwrap().clone();
    assert_eq!((pending.number, pending.customer_id), (OrderNumber::of(pending.id), Some(customer(1))));
    assert_eq!((pending.total, pending.subtotal, pending.shipping), (gbp(1_300), gbp(1_300), gbp(0)));
    assert_eq!((pending.created_at, pending.cart_id), (contents.created_at, Some(contents.cart_id)));
    assert_eq!((&pending.shipping_address, &pending.email), (&Some(contents.shipping_address.clone()), &None));
    let lines: Vec<_> = pending.lines.iter().map(|line| (line.sku.as_str(), line.quantity, line.line_total)).collect();
    assert_eq!(lines, [("A", 2, gbp(1_000)), ("B", 3, gbp(300))]);

    shop.authorize(&mut payment);
    let payment_id = PaymentId::from_uuid(payment.id);
    shop.decide(&mut order, Command::Confirm { payment_id, at: now() }).unwrap();
    shop.post(&Orders).await;
    check(&found(&shop, &order).await, "confirmed", "authorized", "unfulfilled");

    let some = order.state.contents().unwrap().lines_of(&[(b.clone(), quantity(2))]).unwrap();
    shop.decide(&mut order, dispatch(1, Some(some))).unwrap();
    shop.post(&Orders).await;
    let processing = found(&shop, &order).await;
    check(&processing, "processing", "authorized", "partially_shipped");
    assert_eq!(shown_units(&processing), [("A", 0, 0), ("B", 2, 0)]);
    assert_eq!(processing.shipments[0].status, "dispatched");
    assert_eq!(processing.shipments[0].carrier.as_deref(), Some("Royal Mail"));

    let capture_id = CaptureId::of_shipment(ShipmentId::from_uuid(Uuid::from_u128(1)));
    let capture = payment::Command::RequestCapture { capture_id, amount: gbp(200), for_shipment: None };
    shop.decide(&mut payment, capture).unwrap();
    let captured = payment::Command::RecordCaptured { capture_id, operation_id: text("cap_1"), amount: gbp(200) };
    shop.decide(&mut payment, captured).unwrap();
    shop.decide(&mut order, dispatch(2, None)).unwrap();
    shop.decide(&mut order, deliver(1)).unwrap();
    shop.post(&Orders).await;
    let shipped = found(&shop, &order).await;
    check(&shipped, "shipped", "partially_paid", "partially_delivered");
    assert_eq!(shown_units(&shipped), [("A", 2, 0), ("B", 3, 2)]);

    shop.decide(&mut order, deliver(2)).unwrap();
    shop.post(&Orders).await;
    let delivered = found(&shop, &order).await;
    check(&delivered, "delivered", "partially_paid", "delivered");
    assert_eq!((delivered.version, delivered.shipments.len()), (order.version, 2));
    assert!(delivered.completed_at.is_some());
}

fn shown_units(order: &Order) -> Vec<(&str, i64, i64)> {
    order.lines.iter().map(|line| (line.sku.as_str(), line.shipped, line.delivered)).collect()
}

#[tokio::test]
async fn a_hold_a_cancellation_of_lines_and_the_end_of_an_order_are_shown() {
    let mut shop = Shop::open().await;
    let a = sku("A");
    let (mut order, _) = shop.confirmed_order(customer(1), &[(&a, 5, 100)]);
    shop.decide(&mut order, Command::Hold { reason: text("fraud check") }).unwrap();
    let lines = order.state.contents().unwrap().lines_of(&[(a, quantity(2))]).unwrap();
    shop.decide(&mut order, Command::CancelLines { lines, reason: text("changed their mind") }).unwrap();
    shop.post(&Orders).await;
    let held = found(&shop, &order).await;
    assert_eq!((held.on_hold, held.hold_reason.as_deref(), held.lines[0].cancelled), (true, Some("fraud check"), 2));

    shop.decide(&mut order, Command::Release).unwrap();
    shop.decide(&mut order, Command::Cancel { reason: text("sold out") }).unwrap();
    shop.post(&Orders).await;
    let cancelled = found(&shop, &order).await;
    check(&cancelled, "cancelled", "authorized", "unfulfilled");
    assert_eq!((cancelled.on_hold, cancelled.end_reason.as_deref()), (false, Some("sold out")));
}

#[tokio::test]
async fn another_try_to_pay_counts_for_the_order_though_the_first_was_declined() {
    let mut shop = Shop::open().await;
    let (order, mut first) = shop.order(customer(1), &[(&sku("A"), 1, 700)]);
    shop.decide(&mut first, payment::Command::RequestAuthorization { deadline: now() }).unwrap();
    let declined = payment::Command::RecordFailed {
        operation: payment::Operation::Authorization,
        operation_id: Some(text("auth_1")),
        code: text("card_declined"),
        detail: None,
    };
    shop.decide(&mut first, declined).unwrap();
    shop.post(&Orders).await;
    check(&found(&shop, &order).await, "pending", "declined", "unfulfilled");

    let mut second = Stream::new(Uuid::now_v7());
    shop.decide(&mut second, initiate(OrderId::from_uuid(order.id), gbp(700))).unwrap();
    shop.authorize(&mut second);
    shop.post(&Orders).await;
    let retried = found(&shop, &order).await;
    check(&retried, "pending", "authorized", "unfulfilled");
    let payments: Vec<_> = retried.payments.iter().map(|payment| (payment.id, payment.status.as_str())).collect();
    let ids = [first.id, second.id].map(PaymentId::from_uuid);
    assert_eq!(payments, [(ids[0], "failed"), (ids[1], "authorized")]);

    let shown = find_payment(&shop.models, ids[0]).await.unwrap().0.unwrap();
    assert_eq!((shown.status.as_str(), shown.failure.as_deref()), ("failed", Some("card_declined")));
    assert_eq!((shown.authorized, shown.captured, shown.customer_id), (gbp(0), gbp(0), Some(customer(1))));
    assert_eq!(find_payment(&shop.models, PaymentId::from_uuid(order.id)).await.unwrap().0, None);
}

#[tokio::test]
async fn a_timeline_tells_what_happened_to_the_order_and_its_payments_as_far_as_it_is_posted() {
    let mut shop = Shop::open().await;
    let (mut order, payment) = shop.confirmed_order(customer(1), &[(&sku("A"), 5, 100)]);
    shop.order(customer(2), &[(&sku("A"), 1, 100)]);
    let posted = shop.post(&Orders).await;
    shop.decide(&mut order, Command::Cancel { reason: text("sold out") }).unwrap();
    shop.append().await;
    let id = OrderId::from_uuid(order.id);
    let (found, reflects) = timeline(&shop.models, id).await.unwrap();
    let found = found.unwrap();
    let types: Vec<_> = found.data.iter().map(|entry| entry.event_type.as_str()).collect();
    assert_eq!(
        types,
        [
            "order.created",
            "payment.initiated",
            "payment.authorization_requested",
            "payment.authorized",
            "order.confirmed"
        ]
    );
    assert_eq!((found.customer_id, reflects.position), (Some(customer(1)), posted));
    assert_eq!((found.data[0].payment_id, found.data[3].payment_id), (None, Some(payment.id)));
    assert_eq!((found.data[3].amount, &found.data[3].actor["kind"]), (Some(gbp(500)), &"test".into()));

    shop.post(&Orders).await;
    let found = timeline(&shop.models, id).await.unwrap().0.unwrap();
    assert_eq!(found.data.last().unwrap().reason.as_deref(), Some("sold out"));
    assert_eq!(timeline(&shop.models, OrderId::from_uuid(payment.id)).await.unwrap().0, None);
}

/// Ten orders: by two customers in turn, the first five of A and the others of B, with totals of 100 to 1,000.
async fn ten_orders() -> (Shop, Vec<OrderId>) {
    let mut shop = Shop::open().await;
    let mut ids = Vec::new();
    for number in 1..=10 {
        let code = sku(if number <= 5 { "A" } else { "B" });
        let lines = [(&code, 1, 100 * number)];
        let whose = customer(number as u128 % 2);
        let (order, _) = if number % 3 == 0 { shop.confirmed_order(whose, &lines) } else { shop.order(whose, &lines) };
        ids.push(OrderId::from_uuid(order.id));
    }
    shop.post(&Orders).await;
    (shop, ids)
}

#[tokio::test]
async fn filters_narrow_the_list_of_orders() {
    let (shop, ids) = ten_orders().await;
    let dates: Vec<_> = {
        let (page, _) = list(&shop.models, &Filter::default(), NEWEST_FIRST, &Part::default()).await.unwrap();
        shown(&page, |order| order.created_at)
    };
    let newest = dates[0];
    for (filter, expected) in [
        (Filter { status: Some("confirmed".to_owned()), ..Filter::default() }, vec![9, 6, 3]),
        (Filter { payment_status: Some("authorized".to_owned()), ..Filter::default() }, vec![9, 6, 3]),
        (Filter { fulfillment_status: Some("shipped".to_owned()), ..Filter::default() }, vec![]),
        (Filter { customer_id: Some(customer(1)), ..Filter::default() }, vec![9, 7, 5, 3, 1]),
        (Filter { sku: Some(sku("A")), ..Filter::default() }, vec![5, 4, 3, 2, 1]),
        (Filter { sku: Some(sku("A")), customer_id: Some(customer(0)), ..Filter::default() }, vec![4, 2]),
        (Filter { number: Some(OrderNumber::of(ids[6])), ..Filter::default() }, vec![7]),
        (Filter { created_from: Some(newest), ..Filter::default() }, vec![10]),
        (Filter { created_to: Some(newest), ..Filter::default() }, (1..=9).rev().collect()),
        (Filter { status: Some("no such status".to_owned()), ..Filter::default() }, vec![]),
    ] {
        let (page, _) = list(&shop.models, &filter, NEWEST_FIRST, &Part::default()).await.unwrap();
        let expected: Vec<OrderId> = expected.into_iter().map(|number: usize| ids[number - 1]).collect();
        assert_eq!(shown(&page, |order| order.id), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn pages_stay_as_they_are_when_orders_come_in_between() {
    let (mut shop, ids) = ten_orders().await;
    let filter = Filter::default();
    let mut part = Part { limit: Limit::new(4).unwrap(), cursor: None };
    let mut seen = Vec::new();
    loop {
        let (page, _) = list(&shop.models, &filter, NEWEST_FIRST, &part).await.unwrap();
        seen.extend(shown(&page, |order| order.id));
        part.cursor = page.next_cursor;
        if part.cursor.is_none() {
            break;
        }
        shop.order(customer(5), &[(&sku("A"), 1, 1)]);
        shop.post(&Orders).await;
    }
    assert_eq!(seen, ids.into_iter().rev().collect::<Vec<_>>());

    let dearest = Sort { by: By::Total, descending: true };
    let (page, _) = list(&shop.models, &filter, dearest, &part).await.unwrap();
    assert_eq!(shown(&page, |order| order.total), [gbp(1_000), gbp(900), gbp(800), gbp(700)]);
    assert_eq!(shown(&page, |order| order.lines.len()), [1; 4]);
}

#[tokio::test]
async fn a_cursor_of_another_list_and_a_value_that_no_text_holds_are_the_clients_errors() {
    let (shop, _) = ten_orders().await;
    let mut part = Part { limit: Limit::new(4).unwrap(), cursor: None };
    let (page, _) = list(&shop.models, &Filter::default(), NEWEST_FIRST, &part).await.unwrap();
    part.cursor = page.next_cursor;
    let filter = Filter { customer_id: Some(customer(1)), ..Filter::default() };
    let refused = list(&shop.models, &filter, NEWEST_FIRST, &part).await;
    assert!(matches!(refused, Err(QueryError::InvalidCursor)), "{refused:?}");

    let filter = Filter { status: Some("nul\0".to_owned()), ..Filter::default() };
    let refused = list(&shop.models, &filter, NEWEST_FIRST, &Part::default()).await;
    assert!(matches!(refused, Err(QueryError::UnusableValue(_))), "{refused:?}");
}
