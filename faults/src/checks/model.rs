//! I14: the book, decided again. Before the first event of each command its use case is made anew from the request and run on
//! the pure model of everything before; it must decide these very events.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use commands::{
    carts::{AddItem, OpenCart},
    checkout::{CheckOut, PaymentDetails},
    inventory::ReceiveStock,
    model::Model,
    orders::{
        CancelOrder, DeliverShipment, ShipOrder,
        refunds::RefundOrder,
        returns::{ApproveReturn, ReceiveReturn, RequestReturn},
    },
    payments::RetryPayment,
    use_case::UseCase,
};
use domain::{
    aggregate::EventKind as _,
    ids::{CartId, CustomerId, Location, OrderId, PaymentId, Quantity, Reason, RefundId, ReturnId, ShipmentId, Sku},
    money::Currency,
    order, payment,
};
use eventstore::{NewEvent, RecordedEvent};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    evidence::{Cause, Evidence},
    history::{Kind, Record},
};

pub(super) fn the_model_decides_the_same(evidence: &Evidence) -> Vec<String> {
    let by_op: HashMap<Uuid, &Record> = evidence.by_op();
    let mut model = Model::default();
    let mut violations = Vec::new();
    let mut absorbed = 0;
    for done in &evidence.done {
        let events: Vec<&RecordedEvent> = (done.first..=done.last).filter_map(|at| evidence.event(at)).collect();
        if let Cause::Request(op) = done.cause
            && let Some(record) = by_op.get(&op)
        {
            let differs = decide_again(&mut model, record, &events);
            violations
                .extend(differs.err().map(|why| format!("position {}, {}: {why}", done.first, record.command.path)));
        }
        events.iter().for_each(|event| model.absorb(event));
        absorbed += events.len();
    }
    let folded: i64 = model.streams().map(|(_, version, _)| version).sum();
    if folded != i64::try_from(absorbed).unwrap_or(i64::MAX) {
        violations.push(format!("of {absorbed} events {folded} stand in streams that can be read"));
    }
    violations
}

fn decide_again(model: &mut Model, record: &Record, events: &[&RecordedEvent]) -> Result<(), String> {
    let command = &record.command;
    let body: Value = serde_json::from_str(&command.body).unwrap_or_default();
    let text = |field: &str| body[field].as_str().unwrap_or_default();
    let path: Vec<&str> = command.path.split('/').skip(3).collect();
    let owner = command.customer.map(CustomerId::from_uuid);
    let now = events.first().map(|event| event.recorded_at).ok_or("no events")?;
    match command.kind {
        Kind::Receive => {
            let (sku, quantity) = (read(Sku::new(part(&path, 0)?))?, quantity(&body)?);
            compare(model, &ReceiveStock { sku, location: Location::main(), quantity }, now, events)
        }
        Kind::OpenCart => {
            let cart_id = CartId::from_uuid(stream_of(events, "cart")?);
            let customer_id = owner.unwrap_or(CustomerId::from_uuid(actor_of(events)?));
            compare(model, &OpenCart { cart_id, customer_id, guest: false, currency: Currency::GBP }, now, events)
        }
        Kind::AddItem => {
            let (cart_id, sku) = (CartId::from_uuid(id(&path, 0)?), read(Sku::new(text("sku")))?);
            compare(model, &AddItem { cart_id, owner, sku, quantity: quantity(&body)? }, now, events)
        }
        Kind::CheckOut => {
            let check_out = check_out(CartId::from_uuid(id(&path, 0)?), owner, events)?;
            compare(model, &check_out, now, events)
        }
        Kind::Cancel => {
            let (order_id, reason) = (OrderId::from_uuid(id(&path, 0)?), read(Reason::new(text("reason")))?);
            let lines = body.get("lines").map(lines).transpose()?;
            compare(model, &CancelOrder { order_id, owner, reason, lines }, now, events)
        }
        Kind::Ship => {
            let carrier = read(serde_json::from_value(body["carrier"].clone()))?;
            let tracking = read(serde_json::from_value(body["tracking"].clone()))?;
            let (order_id, shipment_id) = (OrderId::from_uuid(id(&path, 0)?), shipment_of(events)?);
            compare(
                model,
                &ShipOrder { order_id, shipment_id, lines: None, carrier, tracking, location: None },
                now,
                events,
            )
        }
        Kind::Deliver => {
            let (order_id, shipment_id) = (OrderId::from_uuid(id(&path, 0)?), ShipmentId::from_uuid(id(&path, 2)?));
            compare(model, &DeliverShipment { order_id, shipment_id, delivered_at: None }, now, events)
        }
        Kind::RetryPayment => {
            let (payment_id, payment) = initiated(events)?;
            let order_id = OrderId::from_uuid(id(&path, 0)?);
            compare(model, &RetryPayment { order_id, owner, payment_id, payment }, now, events)
        }
        Kind::RequestReturn | Kind::ApproveReturn | Kind::ReceiveReturn | Kind::Refund => {
            decide_about_goods_again(model, record, &body, &path, events)
        }
        // Decided in the quiet before the faults.
        Kind::CreateProduct => Ok(()),
        Kind::ReadCart | Kind::ReadOrder | Kind::Webhook => Err("what asks for nothing has events".to_owned()),
    }
}

/// Goods that come back, and money that is given back for an order.
fn decide_about_goods_again(
    model: &mut Model,
    record: &Record,
    body: &Value,
    path: &[&str],
    events: &[&RecordedEvent],
) -> Result<(), String> {
    let owner = record.command.customer.map(CustomerId::from_uuid);
    let now = events.first().map(|event| event.recorded_at).ok_or("no events")?;
    match record.command.kind {
        Kind::RequestReturn => {
            let return_id = ReturnId::from_uuid(made(events, "order.return_requested", "return_id")?);
            let (order_id, reason) =
                (OrderId::from_uuid(id(path, 0)?), read(Reason::new(body["reason"].as_str().unwrap_or_default()))?);
            let lines = lines(&body["lines"])?;
            compare(model, &RequestReturn { order_id, owner, return_id, lines, reason }, now, events)
        }
        Kind::ApproveReturn => {
            let (order_id, return_id) = (OrderId::from_uuid(id(path, 0)?), ReturnId::from_uuid(id(path, 2)?));
            compare(model, &ApproveReturn { order_id, return_id }, now, events)
        }
        Kind::ReceiveReturn => {
            let (order_id, return_id) = (OrderId::from_uuid(id(path, 0)?), ReturnId::from_uuid(id(path, 2)?));
            let restock = |line: &Value| line["restock"].as_bool().unwrap_or_default();
            let received = body["lines"].as_array().into_iter().flatten().map(restock);
            let lines = lines(&body["lines"])?.into_iter().zip(received);
            let lines = lines.map(|((sku, quantity), restock)| (sku, quantity, restock)).collect();
            compare(model, &ReceiveReturn { order_id, return_id, lines, location: None }, now, events)
        }
        Kind::Refund => {
            let refund_id = RefundId::from_uuid(made(events, "order.refund_granted", "refund_id")?);
            let (order_id, reason) =
                (OrderId::from_uuid(id(path, 0)?), read(Reason::new(body["reason"].as_str().unwrap_or_default()))?);
            let amount = read(serde_json::from_value(body["amount"].clone()))?;
            let lines = lines(&body["lines"])?;
            compare(model, &RefundOrder { order_id, refund_id, amount, reason, lines }, now, events)
        }
        other => Err(format!("{other:?} is not about goods")),
    }
}

/// With the ids that were made and the address that was sealed then.
fn check_out(cart_id: CartId, owner: Option<CustomerId>, events: &[&RecordedEvent]) -> Result<CheckOut, String> {
    let created = events.iter().find(|event| event.event_type == "order.created").ok_or("no order")?;
    let Ok(order::Event::Created(order)) =
        order::Event::from_payload(&created.event_type, created.schema_version, &created.payload)
    else {
        return Err("the order cannot be read".to_owned());
    };
    let (payment_id, payment) = initiated(events)?;
    Ok(CheckOut {
        cart_id,
        owner,
        order_id: OrderId::from_uuid(created.stream.id),
        payment_id,
        payment,
        shipping_address: order.shipping_address,
        email: order.email,
        country: order.country,
        expected_total: None,
    })
}

/// With the id that was made then.
fn initiated(events: &[&RecordedEvent]) -> Result<(PaymentId, PaymentDetails), String> {
    let initiated = events.iter().find(|event| event.event_type == "payment.initiated").ok_or("no payment")?;
    let Ok(payment::Event::Initiated(payment)) =
        payment::Event::from_payload(&initiated.event_type, initiated.schema_version, &initiated.payload)
    else {
        return Err("the payment cannot be read".to_owned());
    };
    let details = PaymentDetails { provider: payment.provider, method: payment.method, token: payment.token };
    Ok((PaymentId::from_uuid(initiated.stream.id), details))
}

fn compare<U: UseCase>(
    model: &mut Model,
    use_case: &U,
    now: DateTime<Utc>,
    events: &[&RecordedEvent],
) -> Result<(), String> {
    let (decided, _) = model.decide(use_case, now).map_err(|rejection| format!("the model refuses it: {rejection}"))?;
    let same = |decided: &NewEvent, event: &&RecordedEvent| {
        decided.stream == event.stream
            && decided.stream_version == event.stream_version
            && decided.event_type == event.event_type
            && decided.payload == event.payload
    };
    if decided.len() == events.len() && decided.iter().zip(events).all(|(decided, event)| same(decided, event)) {
        return Ok(());
    }
    let types = |types: Vec<&str>| types.join(", ");
    Err(format!(
        "the model decides {}, the book has {}",
        types(decided.iter().map(|event| event.event_type.as_ref()).collect()),
        types(events.iter().map(|event| event.event_type.as_str()).collect())
    ))
}

fn read<T, E: std::fmt::Display>(value: Result<T, E>) -> Result<T, String> {
    value.map_err(|error| error.to_string())
}

fn part<'a>(path: &[&'a str], at: usize) -> Result<&'a str, String> {
    path.get(at).copied().ok_or_else(|| "a path that is too short".to_owned())
}

fn id(path: &[&str], at: usize) -> Result<Uuid, String> {
    read(part(path, at)?.parse())
}

fn quantity(body: &Value) -> Result<Quantity, String> {
    read(Quantity::new(body["quantity"].as_i64().unwrap_or_default()))
}

fn stream_of(events: &[&RecordedEvent], category: &str) -> Result<Uuid, String> {
    let found = events.iter().find(|event| event.stream.category == category);
    found.map(|event| event.stream.id).ok_or_else(|| format!("no event of a {category}"))
}

fn actor_of(events: &[&RecordedEvent]) -> Result<Uuid, String> {
    let metadata = events.first().and_then(|event| serde_json::from_str::<Value>(&event.metadata).ok());
    let actor = metadata.and_then(|metadata| metadata["actor"]["id"].as_str()?.parse().ok());
    actor.ok_or_else(|| "no actor".to_owned())
}

fn shipment_of(events: &[&RecordedEvent]) -> Result<ShipmentId, String> {
    Ok(ShipmentId::from_uuid(made(events, "order.shipment_created", "shipment_id")?))
}

/// An id that was made by the command, and stands in this field of an event of this type.
fn made(events: &[&RecordedEvent], event_type: &str, field: &str) -> Result<Uuid, String> {
    let event = events.iter().find(|event| event.event_type == event_type);
    let event = event.ok_or_else(|| format!("no {event_type}"))?;
    let payload: Value = read(serde_json::from_str(&event.payload))?;
    read(payload[field].as_str().unwrap_or_default().parse())
}

/// Units by SKU.
fn lines(lines: &Value) -> Result<Vec<(Sku, Quantity)>, String> {
    let line = |line: &Value| Ok((read(Sku::new(line["sku"].as_str().unwrap_or_default()))?, quantity(line)?));
    lines.as_array().into_iter().flatten().map(line).collect()
}
