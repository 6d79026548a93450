//! The sum is a cent beside its parts.

use chrono::{DateTime, Utc};
use domain::{
    aggregate::{Aggregate as _, fold},
    ids::{CartId, CustomerId, LineId, OrderId, PaymentId, Quantity, ReturnId, ShipmentId, Sku},
    money::{Currency, Money},
    order::{self, Command, Create, Line, LineUnits, NewLine, Order, ReceivedUnits},
    sealed::Sealed,
};
use serde_json::json;
use uuid::Uuid;

use super::{Shop, gbp, paying_with, payment_of};

const AT: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn usd(cents: i64) -> Money {
    Money::new(cents, "USD".parse::<Currency>().unwrap())
}

fn line(number: u128, quantity: i64, price: i64) -> NewLine {
    let sku: Sku = format!("SKU-{number}").parse().unwrap();
    let (name, quantity) = ("Anything".parse().unwrap(), Quantity::new(quantity).unwrap());
    NewLine { id: LineId::from_uuid(id(number)), sku, name, quantity, unit_price: usd(price) }
}

fn order_of(lines: Vec<NewLine>, shipping: i64, tax: i64, discount: i64) -> Command {
    Command::Create(Box::new(Create {
        order_id: OrderId::from_uuid(id(1)),
        cart_id: CartId::from_uuid(id(1)),
        payment_id: PaymentId::from_uuid(id(1)),
        customer_id: CustomerId::from_uuid(id(1)),
        currency: usd(0).currency(),
        lines,
        shipping: usd(shipping),
        tax: usd(tax),
        discount: usd(discount),
        shipping_address: Sealed::new(id(1), "c2VhbGVk").unwrap(),
        email: None,
        country: None,
        at: AT,
    }))
}

fn decide(state: order::State, command: Command) -> order::State {
    let events = Order::decide(&state, command).unwrap();
    fold::<Order>(state, &events)
}

fn confirmed(create: Command) -> order::State {
    let state = decide(Order::initial(), create);
    decide(state, Command::Confirm { payment_id: PaymentId::from_uuid(id(1)), at: AT })
}

/// Every unit of every line, each by itself.
fn units_of(state: &order::State) -> Vec<LineUnits> {
    let one = Quantity::new(1).unwrap();
    let unit = |line: &Line| LineUnits { line_id: line.id, sku: line.sku.clone(), quantity: one };
    let units_of = |line: &Line| vec![unit(line); usize::try_from(line.quantity.get()).unwrap()];
    state.contents().unwrap().lines.iter().flat_map(units_of).collect()
}

fn shipment(number: usize) -> ShipmentId {
    ShipmentId::from_uuid(id(1_000 + number as u128))
}

fn send(state: order::State, number: usize, unit: LineUnits) -> order::State {
    let dispatch = Command::DispatchShipment {
        shipment_id: shipment(number),
        lines: Some(vec![unit]),
        carrier: "DHL".parse().unwrap(),
        tracking: "1".parse().unwrap(),
        location: None,
        payment_covers: true,
        at: AT,
    };
    decide(state, dispatch)
}

fn cancel(state: order::State, unit: LineUnits) -> order::State {
    decide(state, Command::CancelLines { lines: vec![unit], reason: "enough".parse().unwrap() })
}

fn send_back(state: order::State, number: usize, unit: LineUnits) -> order::State {
    let (return_id, lines) = (ReturnId::from_uuid(id(5_000 + number as u128)), vec![unit.clone()]);
    let state = decide(state, Command::DeliverShipment { shipment_id: shipment(number), delivered_at: AT });
    let request = Command::RequestReturn { return_id, lines, reason: "broken".parse().unwrap(), at: AT };
    let state = decide(decide(state, request), Command::ApproveReturn { return_id, at: AT });
    let LineUnits { line_id, sku, quantity } = unit;
    let received = vec![ReceivedUnits { line_id, sku, quantity, restock: true }];
    decide(state, Command::ReceiveReturn { return_id, lines: received, at: AT })
}

/// What the parcels of an order come to together.
fn sent(state: &order::State) -> i64 {
    state.contents().unwrap().shipments.iter().map(|shipment| shipment.amount.amount()).sum()
}

/// Sent a unit at a time: what the order comes to, and what its parcels come to together.
fn parcels_of(create: Command) -> (Money, i64) {
    let state = confirmed(create);
    let units = units_of(&state).into_iter().enumerate();
    let state = units.fold(state, |state, (number, unit)| send(state, number, unit));
    (state.contents().unwrap().totals.total, sent(&state))
}

/// Shipping, tax and discount.
const EXTRAS: [(i64, i64, i64); 5] = [(644, 269, 0), (1, 1, 1), (100, 0, 1), (0, 7, 3), (999, 1_001, 333)];

fn lines_that_divide_badly() -> Vec<NewLine> {
    vec![line(1, 3, 2_499), line(2, 7, 333), line(3, 1, 1)]
}

/// medusa #14818: tax was kept with as many digits as the arithmetic gave, 24.99 at 10.75 % with 6.44 for shipping were 34.116425, and
/// the card was charged 34.12: order and payment never agreed. Here an amount is a whole number of the currency's smallest
/// unit and the parts add up to the whole, for the complaint's own figures and for those that divide worst.
#[test]
fn what_is_charged_for_the_parcels_of_an_order_is_its_total_to_the_cent() {
    assert_eq!(parcels_of(order_of(vec![line(1, 1, 2_499)], 644, 269, 0)), (usd(3_412), 3_412));
    for (shipping, tax, discount) in EXTRAS {
        let subtotal = 3 * 2_499 + 7 * 333 + 1;
        let total = subtotal + shipping + tax - discount;
        assert_eq!(parcels_of(order_of(lines_that_divide_badly(), shipping, tax, discount)), (usd(total), total));
    }
}

/// The same where not everything is kept: every third unit is cancelled between the parcels, and all the others come back, each by itself.
#[test]
fn what_is_cancelled_or_comes_back_leaves_no_cent_over() {
    for (shipping, tax, discount) in EXTRAS {
        let state = confirmed(order_of(lines_that_divide_badly(), shipping, tax, discount));
        let units: Vec<_> = units_of(&state).into_iter().enumerate().collect();
        let state = units.iter().cloned().fold(state, |state, (number, unit)| match number % 3 {
            1 => cancel(state, unit),
            _ => send(state, number, unit),
        });
        let order = state.contents().unwrap();
        assert_eq!(sent(&state) + order.cancelled_amount.amount(), order.totals.total.amount());
        assert_eq!(order.owed(), usd(sent(&state)));

        let kept = units.into_iter().filter(|(number, _)| number % 3 != 1);
        let state = kept.fold(state, |state, (number, unit)| send_back(state, number, unit));
        let order = state.contents().unwrap();
        assert_eq!(order.returned_amount, usd(sent(&state)));
    }
}

/// The same complaint over HTTP: no fraction of a penny gets in, and what is captured by parcel, cancelled by line and refunded
/// in thirds, for goods among which no third can be split evenly, leaves nothing over.
#[tokio::test]
async fn no_fraction_of_a_penny_gets_in_and_none_is_left_over() {
    let shop = Shop::open().await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    for amount in ["24.99", "2499.5", "1e3", "\"2499\""] {
        let body = format!(r#"{{"sku": "LAMP", "name": "Lamp", "price": {{"amount": {amount}, "currency": "GBP"}}}}"#);
        let refused = staff.post("/v1/products").text(body).send().await;
        assert!([400, 422].contains(&refused.status), "{amount}: {}", refused.text());
    }
    shop.sell("LAMP", 2_499, 9).await;
    shop.sell("PIN", 333, 9).await;
    shop.sell("CAP", 101, 9).await;
    let cart = buyer.fill_cart(&[("LAMP", 3), ("PIN", 7), ("CAP", 1)]).await;
    let order = buyer.checkout(cart, paying_with("tok_ok")).answers(201).await;
    let (order, payment) = (order.id(), payment_of(&order));
    shop.until("order.confirmed", order).await;
    let parcel = |sku: &str, quantity: i64| {
        let lines = json!([{ "sku": sku, "quantity": quantity }]);
        let body = json!({ "lines": lines, "carrier": "DHL", "tracking": "1" });
        staff.post(format!("/v1/orders/{order}/shipments")).keyed().json(body)
    };
    parcel("LAMP", 1).answers(201).await;
    parcel("PIN", 3).answers(201).await;
    let cancel = json!({ "reason": "enough", "lines": [{ "sku": "PIN", "quantity": 2 }] });
    staff.post(format!("/v1/orders/{order}/cancellation")).json(cancel).answers(200).await;
    staff.ship(order).answers(201).await;
    shop.until_there_are(3, "payment.captured", payment).await;
    let owed = 3 * 2_499 + 5 * 333 + 101;
    let paid = staff.get(format!("/v1/payments/{payment}")).at(shop.head().await).answers(200).await;
    assert_eq!(paid["captured"], gbp(owed));
    // None of the thirds can be split by what these goods cost.
    let goods = json!(["LAMP", "PIN", "CAP"].map(|sku| json!({ "sku": sku, "quantity": 1 })));
    for part in [owed / 3, owed / 3, owed - 2 * (owed / 3)] {
        let body = json!({ "amount": gbp(part), "reason": "all of it, in thirds", "lines": goods });
        staff.post(format!("/v1/orders/{order}/refunds")).keyed().json(body).answers(201).await;
    }
    shop.until("payment.refunded", payment).await;
    let seen = shop.order(order).await;
    assert_eq!(seen["payment_status"], "refunded");
    let sales = staff.get("/v1/reports/sales?group_by=sku").at(shop.head().await).answers(200).await;
    let goods = sales["data"].as_array().unwrap();
    assert_eq!(goods.len(), 3, "nothing is refunded but for goods");
    for sum in ["revenue", "refunds"] {
        assert_eq!(goods.iter().map(|row| row[sum]["amount"].as_i64().unwrap()).sum::<i64>(), owed, "{sum}");
    }
}
