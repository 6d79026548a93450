//! The sum is a cent beside its parts.

use chrono::{DateTime, Utc};
use domain::{
    aggregate::{Aggregate as _, fold},
    ids::{CartId, CustomerId, LineId, OrderId, PaymentId, Quantity, ShipmentId, Sku},
    money::{Currency, Money},
    order::{self, Command, Create, LineUnits, NewLine, Order},
    sealed::Sealed,
};
use serde_json::json;
use uuid::Uuid;

use super::{Shop, gbp, paying_with, payment_of};

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
        at: DateTime::<Utc>::UNIX_EPOCH,
    }))
}

fn decide(state: order::State, command: Command) -> order::State {
    let events = Order::decide(&state, command).unwrap();
    fold::<Order>(state, &events)
}

/// Sent a unit at a time: what the order comes to, and what its parcels come to together.
fn parcels_of(create: Command) -> (Money, i64) {
    let at = DateTime::<Utc>::UNIX_EPOCH;
    let mut state = decide(Order::initial(), create);
    state = decide(state, Command::Confirm { payment_id: PaymentId::from_uuid(id(1)), at });
    let lines = state.contents().unwrap().lines.clone();
    let units = lines.iter().flat_map(|line| (0..line.quantity.get()).map(move |_| line));
    for (number, line) in units.enumerate() {
        let one = LineUnits { line_id: line.id, sku: line.sku.clone(), quantity: Quantity::new(1).unwrap() };
        let dispatch = Command::DispatchShipment {
            shipment_id: ShipmentId::from_uuid(id(1_000 + number as u128)),
            lines: Some(vec![one]),
            carrier: "DHL".parse().unwrap(),
            tracking: "1".parse().unwrap(),
            location: None,
            payment_covers: true,
            at,
        };
        state = decide(state, dispatch);
    }
    let order = state.contents().unwrap();
    (order.totals.total, order.shipments.iter().map(|shipment| shipment.amount.amount()).sum())
}

/// medusa #14818: tax was kept with as many digits as the arithmetic gave, 24.99 at 10.75 % with 6.44 for shipping were 34.116425, and
/// the card was charged 34.12: order and payment never agreed. Here an amount is a whole number of the currency's smallest
/// unit and the parts add up to the whole, for the complaint's own figures and for those that divide worst.
#[test]
fn what_is_charged_for_the_parcels_of_an_order_is_its_total_to_the_cent() {
    assert_eq!(parcels_of(order_of(vec![line(1, 1, 2_499)], 644, 269, 0)), (usd(3_412), 3_412));
    for (shipping, tax, discount) in [(644, 269, 0), (1, 1, 1), (100, 0, 1), (0, 7, 3), (999, 1_001, 333)] {
        let lines = vec![line(1, 3, 2_499), line(2, 7, 333), line(3, 1, 1)];
        let subtotal = 3 * 2_499 + 7 * 333 + 1;
        let total = subtotal + shipping + tax - discount;
        assert_eq!(parcels_of(order_of(lines, shipping, tax, discount)), (usd(total), total));
    }
}

/// The same complaint over HTTP: no fraction of a penny gets in, and what is captured by parcel, cancelled by line and refunded
/// in thirds leaves nothing over.
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
    let cart = buyer.fill_cart(&[("LAMP", 3), ("PIN", 7)]).await;
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
    let owed = 3 * 2_499 + 5 * 333;
    let paid = staff.get(format!("/v1/payments/{payment}")).at(shop.head().await).answers(200).await;
    assert_eq!(paid["captured"], gbp(owed));
    for part in [owed / 3, owed / 3, owed - 2 * (owed / 3)] {
        let body = json!({ "amount": gbp(part), "reason": "all of it, in thirds" });
        staff.post(format!("/v1/orders/{order}/refunds")).keyed().json(body).answers(201).await;
    }
    shop.until("payment.refunded", payment).await;
    let seen = shop.order(order).await;
    assert_eq!(seen["payment_status"], "refunded");
}
