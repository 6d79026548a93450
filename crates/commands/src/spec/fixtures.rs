//! The things that tests are about, from short words, and a shop in which some of them have happened.

use std::sync::Arc;

use domain::cart::Cart;
use domain::ids::{
    CaptureId, CartId, CustomerId, Location, OrderId, PaymentId, Quantity, Reason, RefundId, ShipmentId, Sku,
    inventory_stream,
};
use domain::inventory::Inventory;
use domain::money::{Currency, Money};
use domain::order::{self, Order};
use domain::payment::{FailureCode, Ledger, Method, Operation, Payment, PaymentToken, Provider, ProviderReference};
use domain::product::{Attributes, Name};
use domain::sealed::Sealed;
use eventstore::event::RecordedEvent;
use uuid::Uuid;

use super::Shop;
use crate::carts::{AddItem, OpenCart};
use crate::checkout::{CheckOut, PaymentDetails};
use crate::inventory::ReceiveStock;
use crate::orders::ShipOrder;
use crate::orders::settle::ConfirmOrder;
use crate::payments::record::{RecordAuthorization, RecordCapture, RecordFailure};
use crate::payments::{CapturePayment, RequestAuthorization};
use crate::process::{Call, Deadline, Effect, Process};
use crate::products::CreateProduct;

pub(crate) fn sku(text: &str) -> Sku {
    Sku::new(text).expect("a fixture is well-formed")
}

pub(crate) fn quantity(units: i64) -> Quantity {
    Quantity::new(units).expect("a fixture is well-formed")
}

pub(crate) fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

pub(crate) fn reason(text: &str) -> Reason {
    Reason::new(text).expect("a fixture is well-formed")
}

pub(crate) fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(number))
}

/// Everything with a number is of this customer.
pub(crate) fn buyer() -> CustomerId {
    customer(0xb0)
}

pub(crate) fn cart_id(number: u128) -> CartId {
    CartId::from_uuid(Uuid::from_u128(0xca_0000 + number))
}

pub(crate) fn order_id(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(0x0d_0000 + number))
}

pub(crate) fn payment_id(number: u128) -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(0x9a_0000 + number))
}

pub(crate) fn shipment_id(number: u128) -> ShipmentId {
    ShipmentId::from_uuid(Uuid::from_u128(0x58_0000 + number))
}

pub(crate) fn refund_id(number: u128) -> RefundId {
    RefundId::from_uuid(Uuid::from_u128(0x4ef_0000 + number))
}

pub(crate) fn reference(text: &str) -> ProviderReference {
    ProviderReference::new(text).expect("a fixture is well-formed")
}

pub(crate) fn paying_with(token: &str) -> PaymentDetails {
    PaymentDetails {
        provider: Provider::new("simulated").expect("a fixture is well-formed"),
        method: Method::new("card").expect("a fixture is well-formed"),
        token: PaymentToken::new(token).expect("a fixture is well-formed"),
    }
}

pub(crate) fn create(text: &str, price: i64) -> CreateProduct {
    CreateProduct {
        sku: sku(text),
        name: Name::new(text).expect("a fixture is well-formed"),
        description: None,
        category: None,
        price: gbp(price),
        attributes: Attributes::default(),
        parent_sku: None,
        publish: true,
    }
}

pub(crate) fn receive(text: &str, units: i64) -> ReceiveStock {
    ReceiveStock { sku: sku(text), location: Location::main(), quantity: quantity(units) }
}

pub(crate) fn open(number: u128) -> OpenCart {
    OpenCart { cart_id: cart_id(number), customer_id: buyer(), guest: false, currency: Currency::GBP }
}

pub(crate) fn add(number: u128, text: &str, units: i64) -> AddItem {
    AddItem { cart_id: cart_id(number), owner: Some(buyer()), sku: sku(text), quantity: quantity(units) }
}

/// Of the cart with this number, the order and the payment with the same.
pub(crate) fn check_out(number: u128) -> CheckOut {
    CheckOut {
        cart_id: cart_id(number),
        owner: Some(buyer()),
        order_id: order_id(number),
        payment_id: payment_id(number),
        payment: paying_with("tok_ok"),
        shipping_address: Sealed::new(buyer().as_uuid(), "sealed").expect("a fixture is well-formed"),
        email: None,
        country: None,
        expected_total: None,
    }
}

pub(crate) fn confirm(number: u128) -> ConfirmOrder {
    ConfirmOrder { order_id: order_id(number), payment_id: payment_id(number) }
}

pub(crate) fn ship(number: u128, lines: Option<&[(&str, i64)]>) -> ShipOrder {
    let units = |(text, units): &(&str, i64)| (sku(text), quantity(*units));
    ShipOrder {
        order_id: order_id(number),
        shipment_id: shipment_id(number),
        lines: lines.map(|lines| lines.iter().map(units).collect()),
        carrier: order::Carrier::new("Royal Mail").expect("a fixture is well-formed"),
        tracking: order::Tracking::new("RM1").expect("a fixture is well-formed"),
        location: None,
    }
}

impl ShipOrder {
    /// The same parcel, of this order.
    pub(crate) fn of(self, number: u128) -> Self {
        Self { order_id: order_id(number), ..self }
    }
}

/// What a process does about an event, an effect a line. Ids are shown by their last eight digits.
pub(crate) fn effects(process: &dyn Process, event: &RecordedEvent) -> Vec<String> {
    let short = |id: Uuid| id.simple().to_string()[24..].to_owned();
    let effects = process.react(event).expect("the event can be read").into_iter();
    let shown = effects.map(|effect| match effect {
        Effect::Run(runnable) => format!("run {}", runnable.name()),
        Effect::SetDeadline(Deadline { kind, subject, due_at }) => {
            let time = due_at - event.recorded_at;
            let span = match time.num_days() {
                0 => format!("{} minutes", time.num_minutes()),
                days => format!("{days} days"),
            };
            format!("set {kind} of {} in {span}", short(subject))
        }
        Effect::ClearDeadline { kind, subject } => format!("clear {kind} of {}", short(subject)),
        Effect::Call(Call { kind, order_id, .. }) => format!("call {} for {}", kind.name(), short(order_id)),
    });
    shown.collect()
}

/// What a stock holds: on hand, reserved, allocated.
pub(crate) type Stock = (i64, i64, i64);

impl Shop {
    /// With published products, each with its price and its stock.
    pub(crate) fn selling(products: &[(&str, i64, i64)]) -> Self {
        let mut shop = Self::new();
        for (text, price, units) in products {
            shop.accept(create(text, *price));
            if *units > 0 {
                shop.accept(receive(text, *units));
            }
        }
        shop
    }

    #[track_caller]
    pub(crate) fn fill_cart(&mut self, number: u128, lines: &[(&str, i64)]) {
        self.accept(open(number));
        for (text, units) in lines {
            self.accept(add(number, text, *units));
        }
    }

    /// A cart, checked out.
    #[track_caller]
    pub(crate) fn order(&mut self, number: u128, lines: &[(&str, i64)]) {
        self.fill_cart(number, lines);
        self.accept(check_out(number));
    }

    /// The provider has been asked, and has answered.
    #[track_caller]
    pub(crate) fn authorize(&mut self, number: u128) {
        self.request_authorization(number);
        self.authorize_payment(number);
    }

    #[track_caller]
    pub(crate) fn authorize_payment(&mut self, number: u128) {
        let provider_reference = reference(&format!("auth_{number}"));
        self.accept(RecordAuthorization { payment_id: payment_id(number), provider_reference });
    }

    /// The provider has been asked, and has said no.
    #[track_caller]
    pub(crate) fn decline(&mut self, number: u128) {
        self.request_authorization(number);
        self.accept(RecordFailure {
            payment_id: payment_id(number),
            operation: Operation::Authorization,
            code: FailureCode::new("card_declined").expect("a fixture is well-formed"),
            detail: None,
        });
    }

    #[track_caller]
    pub(crate) fn request_authorization(&mut self, number: u128) {
        self.accept(RequestAuthorization { payment_id: payment_id(number), order_id: order_id(number) });
    }

    /// An order that is paid.
    #[track_caller]
    pub(crate) fn confirmed_order(&mut self, number: u128, lines: &[(&str, i64)]) {
        self.order(number, lines);
        self.authorize(number);
        self.accept(confirm(number));
    }

    /// Takes so much of what is held, ahead of any parcel.
    #[track_caller]
    pub(crate) fn capture(&mut self, number: u128, amount: i64) {
        let (payment_id, capture_id) =
            (payment_id(number), CaptureId::from_uuid(Uuid::from_u128(self.book.len() as u128)));
        self.accept(CapturePayment {
            payment_id,
            capture_id,
            amount: Some(gbp(amount)),
            capturing_once: Default::default(),
        });
        let operation_id = reference(&format!("capture_{capture_id}"));
        self.accept(RecordCapture { payment_id, capture_id, operation_id, amount: gbp(amount) });
    }

    pub(crate) fn cart(&self, number: u128) -> &domain::cart::State {
        self.state::<Cart>(cart_id(number).as_uuid())
    }

    pub(crate) fn order_state(&self, number: u128) -> &order::State {
        self.state::<Order>(order_id(number).as_uuid())
    }

    pub(crate) fn contents(&self, number: u128) -> Arc<order::Contents> {
        Arc::new(self.order_state(number).contents().expect("the order was created").clone())
    }

    pub(crate) fn payment(&self, number: u128) -> &Ledger {
        self.state::<Payment>(payment_id(number).as_uuid()).ledger().expect("the payment was opened")
    }

    /// Order and payment, as they are shown.
    pub(crate) fn status(&self, number: u128) -> (&'static str, &'static str) {
        (self.order_state(number).status(), self.payment(number).status())
    }

    /// At `main`.
    pub(crate) fn stock(&self, text: &str) -> Stock {
        self.stock_at(text, "main")
    }

    pub(crate) fn stock_at(&self, text: &str, location: &str) -> Stock {
        let location = Location::new(location).expect("a fixture is well-formed");
        let stock = self.state::<Inventory>(inventory_stream(&sku(text), &location));
        (stock.on_hand(), stock.reserved(self.now), stock.allocated())
    }

    pub(crate) fn orders(&self) -> Vec<(OrderId, &order::State)> {
        self.opened("order.created").map(|id| (OrderId::from_uuid(id), self.state::<Order>(id))).collect()
    }

    pub(crate) fn payments(&self) -> Vec<(PaymentId, &Ledger)> {
        let ledger = |id| self.state::<Payment>(id).ledger().expect("the payment was opened");
        self.opened("payment.initiated").map(|id| (PaymentId::from_uuid(id), ledger(id))).collect()
    }

    /// The streams that began with this event.
    fn opened(&self, event_type: &str) -> impl Iterator<Item = Uuid> {
        self.book.iter().filter(move |event| event.event_type == event_type).map(|event| event.stream.id)
    }

    /// Units that are reserved, even if no longer, or allocated for an order, wherever they are.
    pub(crate) fn promised(&self, text: &str, order_id: OrderId) -> i64 {
        let main = Location::main();
        let Some(stock) = self.find::<Inventory>(inventory_stream(&sku(text), &main)) else { return 0 };
        let everywhere = std::iter::once(&main).chain(stock.elsewhere());
        let promised = everywhere.map(|location| {
            let stock = self.state::<Inventory>(inventory_stream(&sku(text), location));
            let reserved = stock.reservation(order_id).map_or(0, |reservation| reservation.quantity.get());
            reserved + stock.allocation(order_id).map_or(0, |allocation| allocation.quantity.get())
        });
        promised.sum()
    }
}
