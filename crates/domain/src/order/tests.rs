//! An order's rules, each as given, when, then.

mod conservation;
mod coverage;
mod creation;
mod demand;
mod fulfilment;
mod imported;
mod lifecycle;
mod refund;
mod remaining;
mod returns;
mod transitions;
mod window;

use chrono::Duration;
use uuid::Uuid;

use super::*;
use crate::{
    country::Country,
    ids::{CartId, CustomerId, OrderId, OrderNumber, RefundId, ReturnId},
    product::Name,
    sealed::Sealed,
    spec::{Given, given},
};

fn order(events: impl IntoIterator<Item = Event>) -> Given<Order> {
    given(events)
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

fn units(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

fn hour(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_291_190_400, 0).unwrap() + Duration::hours(hour)
}

fn because() -> Reason {
    Reason::new("changed my mind").unwrap()
}

fn line_id(number: u128) -> LineId {
    LineId::from_uuid(id(number))
}

fn shipment_id(number: u128) -> ShipmentId {
    ShipmentId::from_uuid(id(number))
}

fn payment_id(number: u128) -> PaymentId {
    PaymentId::from_uuid(id(number))
}

fn line(number: u128, text: &str, quantity: i64, price: i64) -> NewLine {
    let (name, unit_price) = (Name::new(text).unwrap(), gbp(price));
    NewLine { id: line_id(number), sku: sku(text), name, quantity: units(quantity), unit_price }
}

/// 3 of A at 1.00 and 2 of B at 2.50: 8.00.
fn wanted() -> Create {
    Create {
        order_id: OrderId::from_uuid(id(0x0190_b6a8_7c3e_7d21_9f0a_3b1c_5d7e_9f01)),
        cart_id: CartId::from_uuid(id(1)),
        payment_id: payment_id(1),
        customer_id: CustomerId::from_uuid(id(3)),
        currency: Currency::GBP,
        lines: vec![line(1, "A", 3, 100), line(2, "B", 2, 250)],
        shipping: gbp(0),
        tax: gbp(0),
        discount: gbp(0),
        shipping_address: Sealed::new(id(3), "c2VhbGVk").unwrap(),
        email: None,
        country: Country::new("GB").ok(),
        at: hour(0),
    }
}

fn create(create: Create) -> Command {
    Command::Create(Box::new(create))
}

fn created_from(create: Create) -> Event {
    Event::Created(Box::new(create.priced().unwrap()))
}

fn created() -> Event {
    created_from(wanted())
}

fn confirmed() -> Event {
    Event::Confirmed(Confirmed { payment_id: payment_id(1), confirmed_at: hour(1) })
}

fn some(lines: &[(u128, &str, i64)]) -> Vec<LineUnits> {
    let units = |(number, text, quantity): &(u128, &str, i64)| LineUnits {
        line_id: line_id(*number),
        sku: sku(text),
        quantity: units(*quantity),
    };
    lines.iter().map(units).collect()
}

fn packed(parcel: u128, lines: &[(u128, &str, i64)], amount: i64) -> Event {
    let (shipment_id, amount) = (shipment_id(parcel), gbp(amount));
    Event::ShipmentCreated(ShipmentCreated { shipment_id, lines: some(lines), amount, location: None })
}

fn dispatched(parcel: u128, amount: i64) -> Event {
    Event::ShipmentDispatched(ShipmentDispatched {
        shipment_id: shipment_id(parcel),
        carrier: Carrier::new("Royal Mail").unwrap(),
        tracking: Tracking::new("RM 1").unwrap(),
        amount: gbp(amount),
        dispatched_at: hour(2),
    })
}

fn delivered(parcel: u128) -> Event {
    Event::ShipmentDelivered(ShipmentDelivered { shipment_id: shipment_id(parcel), delivered_at: hour(3) })
}

fn lines_cancelled(lines: &[(u128, &str, i64)], amount: i64) -> Event {
    Event::LinesCancelled(LinesCancelled { lines: some(lines), amount: gbp(amount), reason: because() })
}

fn completed() -> Event {
    Event::Completed(Completed { completed_at: hour(3) })
}

fn held() -> Event {
    Event::Held(Held { reason: because() })
}

fn cancelled() -> Event {
    Event::Cancelled(Cancelled { reason: because() })
}

fn granted(number: u128, lines: &[(u128, &str, i64)], parts: &[(u128, i64)]) -> Event {
    let amount = gbp(parts.iter().map(|(_, amount)| amount).sum());
    let (refund_id, payments) = (RefundId::from_uuid(id(number)), some_parts(parts));
    Event::RefundGranted(RefundGranted { refund_id, amount, reason: because(), lines: some(lines), payments })
}

fn some_parts(parts: &[(u128, i64)]) -> Vec<RefundPart> {
    let part = |(number, amount): &(u128, i64)| RefundPart { payment_id: payment_id(*number), amount: gbp(*amount) };
    parts.iter().map(part).collect()
}

fn return_id(number: u128) -> ReturnId {
    ReturnId::from_uuid(id(number))
}

fn day(days: i64) -> DateTime<Utc> {
    hour(3 + 24 * days)
}

fn return_requested(number: u128, lines: &[(u128, &str, i64)], requested_at: DateTime<Utc>) -> Event {
    let (return_id, lines, reason) = (return_id(number), some(lines), because());
    Event::ReturnRequested(ReturnRequested { return_id, lines, reason, requested_at })
}

fn return_approved(number: u128) -> Event {
    Event::ReturnApproved(ReturnApproved { return_id: return_id(number), approved_at: day(2) })
}

fn return_rejected(number: u128) -> Event {
    let (return_id, reason) = (return_id(number), Some(because()));
    Event::ReturnRejected(ReturnRejected { return_id, reason, rejected_at: day(2) })
}

/// The flag: whether it goes back into stock.
fn received(lines: &[(u128, &str, i64, bool)]) -> Vec<ReceivedUnits> {
    let units = |(number, text, quantity, restock): &(u128, &str, i64, bool)| ReceivedUnits {
        line_id: line_id(*number),
        sku: sku(text),
        quantity: units(*quantity),
        restock: *restock,
    };
    lines.iter().map(units).collect()
}

fn return_received(number: u128, lines: &[(u128, &str, i64, bool)], amount: i64) -> Event {
    let (return_id, lines, amount) = (return_id(number), received(lines), gbp(amount));
    Event::ReturnReceived(ReturnReceived { return_id, lines, amount, received_at: day(3) })
}

fn address_corrected() -> Event {
    let (shipping_address, country) = (Sealed::new(id(3), "YW5vdGhlcg==").unwrap(), Country::new("FR").ok());
    Event::AddressCorrected(AddressCorrected { shipping_address, country })
}

fn retried(number: u128) -> Event {
    Event::PaymentRetried(PaymentRetried { payment_id: payment_id(number) })
}

fn failed() -> Event {
    Event::Failed(Failed { reason: Failure::OutOfStock })
}

fn confirm() -> Command {
    Command::Confirm { payment_id: payment_id(1), at: hour(1) }
}

fn dispatch(parcel: u128, lines: Option<&[(u128, &str, i64)]>) -> Command {
    Command::DispatchShipment {
        shipment_id: shipment_id(parcel),
        lines: lines.map(some),
        carrier: Carrier::new("Royal Mail").unwrap(),
        tracking: Tracking::new("RM 1").unwrap(),
        location: None,
        payment_covers: true,
        at: hour(2),
    }
}

fn deliver(parcel: u128) -> Command {
    Command::DeliverShipment { shipment_id: shipment_id(parcel), delivered_at: hour(3) }
}

fn cancel() -> Command {
    Command::Cancel { reason: because() }
}

fn cancel_lines(lines: &[(u128, &str, i64)]) -> Command {
    Command::CancelLines { lines: some(lines), reason: because() }
}

fn grant(number: u128, lines: &[(u128, &str, i64)], parts: &[(u128, i64)]) -> Command {
    let (refund_id, payments) = (RefundId::from_uuid(id(number)), some_parts(parts));
    Command::GrantRefund(GrantRefund { refund_id, reason: because(), lines: some(lines), payments })
}

fn request_return(number: u128, lines: &[(u128, &str, i64)], at: DateTime<Utc>) -> Command {
    Command::RequestReturn { return_id: return_id(number), lines: some(lines), reason: because(), at }
}

fn approve(number: u128) -> Command {
    Command::ApproveReturn { return_id: return_id(number), at: day(2) }
}

fn reject(number: u128) -> Command {
    Command::RejectReturn { return_id: return_id(number), reason: Some(because()), at: day(2) }
}

fn receive(number: u128, lines: &[(u128, &str, i64, bool)]) -> Command {
    Command::ReceiveReturn { return_id: return_id(number), lines: received(lines), at: day(3) }
}

fn correct_address() -> Command {
    let (shipping_address, country) = (Sealed::new(id(3), "YW5vdGhlcg==").unwrap(), Country::new("FR").ok());
    Command::CorrectAddress { shipping_address, country }
}

fn fail() -> Command {
    Command::Fail { reason: Failure::OutOfStock }
}

fn illegal(state: &'static str, allowed: &[&'static str]) -> Error {
    Error::IllegalTransition { state, allowed: allowed.to_vec() }
}

const ALL: &[(u128, &str, i64)] = &[(1, "A", 3), (2, "B", 2)];
const OF_PENDING: &[&str] = &["confirm", "cancel", "fail", "retry_payment", "correct_address", "grant_refund", "hold"];
const OF_CONFIRMED: &[&str] =
    &["dispatch_shipment", "cancel", "cancel_lines", "correct_address", "grant_refund", "hold"];
const OF_PROCESSING: &[&str] =
    &["dispatch_shipment", "deliver_shipment", "cancel_lines", "correct_address", "grant_refund", "hold"];
const OF_SHIPPED: &[&str] = &["deliver_shipment", "grant_refund"];
const OF_DELIVERED: &[&str] = &["request_return", "grant_refund"];
/// Cancelled or failed.
const OF_ENDED: &[&str] = &["grant_refund"];

/// One history for each state.
fn pending() -> Vec<Event> {
    vec![created()]
}

fn ready() -> Vec<Event> {
    vec![created(), confirmed()]
}

fn processing() -> Vec<Event> {
    vec![created(), confirmed(), packed(1, &[(1, "A", 2)], 200), dispatched(1, 200)]
}

fn shipped() -> Vec<Event> {
    vec![created(), confirmed(), packed(1, ALL, 800), dispatched(1, 800)]
}

fn arrived() -> Vec<Event> {
    vec![created(), confirmed(), packed(1, ALL, 800), dispatched(1, 800), delivered(1), completed()]
}

fn called_off() -> Vec<Event> {
    vec![created(), confirmed(), cancelled()]
}

fn lost() -> Vec<Event> {
    vec![created(), failed()]
}

#[test]
fn every_refusal_has_a_code() {
    let all = [
        (illegal("pending", &[]), "illegal_transition"),
        (Error::EmptyOrder, "empty_order"),
        (Error::TooManyLines { max: 1 }, "too_many_lines"),
        (Error::TooManyShipments { max: 1 }, "too_many_shipments"),
        (Error::DuplicateLine { line_id: line_id(1) }, "duplicate_line"),
        (Error::QuantityOutOfRange { sku: sku("A"), found: 2, max: 1 }, "quantity_out_of_range"),
        (Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR }, "currency_mismatch"),
        (Error::AmountTooLarge, "amount_too_large"),
        (Error::NegativeAmount { amount: gbp(-1) }, "negative_amount"),
        (Error::AmountNotPositive { amount: gbp(0) }, "amount_not_positive"),
        (Error::TooManyRefunds { max: 1 }, "too_many_refunds"),
        (Error::TooManyPayments { max: 1 }, "too_many_payments"),
        (Error::IllegalReturn { state: "received", allowed: vec![] }, "illegal_transition"),
        (Error::ReturnNotFound { return_id: return_id(1) }, "return_not_found"),
        (Error::ReturnWindowClosed { sku: sku("A"), requested: 2, remaining: 1 }, "return_window_closed"),
        (Error::TooManyReturns { max: 1 }, "too_many_returns"),
        (Error::NoLines, "no_lines"),
        (Error::LineNotFound { line: "A".into() }, "line_not_found"),
        (Error::TooManyUnits { sku: sku("A"), requested: 2, remaining: 1 }, "quantity_exceeds_remaining"),
        (Error::ShipmentNotFound { shipment_id: shipment_id(1) }, "shipment_not_found"),
        (Error::OnHold { reason: because(), allowed: vec![] }, "order_on_hold"),
        (Error::PaymentNotAuthorized { allowed: vec![] }, "payment_not_authorized"),
        (Error::ImportDiffers { reference: Reference::new("1").unwrap() }, "import_differs"),
        (Error::RefundTooLarge { sku: sku("A"), requested: gbp(2), remaining: gbp(1) }, "amount_exceeds_remaining"),
    ];
    for (error, code) in all {
        assert_eq!(error.code(), code);
    }
}

#[test]
fn an_order_weighs_what_its_lines_and_parcels_do() {
    let weight = |events: Vec<Event>| Order::weight(&given::<Order>(events).into_state());
    assert_eq!(weight(vec![]), size_of::<State>());
    let sealed = "c2VhbGVk".len();
    let bare = size_of::<State>() + size_of::<Contents>() + sealed + 2 * (size_of::<Line>() + 2);
    assert_eq!(weight(ready()), bare);
    assert_eq!(weight(processing()), bare + size_of::<Shipment>() + size_of::<LineUnits>());
    let refund = size_of::<RefundGranted>() + because().as_str().len() + size_of::<LineUnits>();
    let refunded = ready().into_iter().chain([granted(1, &[(1, "A", 1)], &[(1, 100)])]);
    assert_eq!(weight(refunded.collect()), bare + refund + size_of::<RefundPart>());
    assert_eq!(weight(vec![created(), retried(2)]), bare + size_of::<PaymentId>());
    let awaited = [sku("A"), sku("BB")].into_iter().collect();
    let told = ready().into_iter().chain([Event::CoverageChanged(CoverageChanged { awaited })]);
    assert_eq!(weight(told.collect()), bare + 2 * size_of::<Sku>() + "ABB".len());
    let arrived = weight(arrived());
    let asked = |more: Vec<Event>| weight(self::arrived().into_iter().chain(more).collect());
    let request = || return_requested(1, &[(1, "A", 1)], day(1));
    let one = arrived + size_of::<Return>() + because().as_str().len() + size_of::<LineUnits>();
    assert_eq!(asked(vec![request()]), one);
    let back = asked(vec![request(), return_received(1, &[(1, "A", 1, true)], 100)]);
    assert_eq!(back, one + size_of::<ReceivedUnits>());
    let with_email = Create { email: Some(wanted().shipping_address), ..wanted() };
    assert_eq!(weight(vec![created_from(with_email)]), bare + sealed);
}

#[test]
fn copying_an_order_copies_no_line() {
    let state = given::<Order>(ready()).into_state();
    assert!(std::ptr::eq(state.contents().unwrap(), state.clone().contents().unwrap()));
}
