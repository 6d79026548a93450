//! The things that tests are about, from short words, and a shop in which some of them have happened.

use domain::cart::Cart;
use domain::ids::{
    CartId, CustomerId, Location, OrderId, PaymentId, Quantity, Reason, ShipmentId, Sku, inventory_stream,
};
use domain::inventory::Inventory;
use domain::money::{Currency, Money};
use domain::order::{self, Order};
use domain::payment::{Ledger, Method, Payment, PaymentToken, Provider, ProviderReference};
use domain::product::{Attributes, Name};
use domain::sealed::Sealed;
use uuid::Uuid;

use super::Shop;
use crate::carts::{AddItem, OpenCart};
use crate::checkout::{CheckOut, PaymentDetails};
use crate::inventory::ReceiveStock;
use crate::orders::ShipOrder;
use crate::orders::settle::ConfirmOrder;
use crate::payments::RequestAuthorization;
use crate::payments::record::RecordAuthorization;
use crate::products::CreateProduct;

pub(crate) fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub(crate) fn quantity(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

pub(crate) fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

pub(crate) fn reason(text: &str) -> Reason {
    Reason::new(text).unwrap()
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

pub(crate) fn reference(text: &str) -> ProviderReference {
    ProviderReference::new(text).unwrap()
}

pub(crate) fn paying_with(token: &str) -> PaymentDetails {
    PaymentDetails {
        provider: Provider::new("simulated").unwrap(),
        method: Method::new("card").unwrap(),
        token: PaymentToken::new(token).unwrap(),
    }
}

pub(crate) fn create(text: &str, price: i64) -> CreateProduct {
    CreateProduct {
        sku: sku(text),
        name: Name::new(text).unwrap(),
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
        shipping_address: Sealed::new(buyer().as_uuid(), "sealed").unwrap(),
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
        carrier: order::Carrier::new("Royal Mail").unwrap(),
        tracking: order::Tracking::new("RM1").unwrap(),
    }
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
        let provider_reference = reference(&format!("auth_{number}"));
        self.accept(RecordAuthorization { payment_id: payment_id(number), provider_reference });
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

    pub(crate) fn cart(&self, number: u128) -> &domain::cart::State {
        self.state::<Cart>(cart_id(number).as_uuid())
    }

    pub(crate) fn order_state(&self, number: u128) -> &order::State {
        self.state::<Order>(order_id(number).as_uuid())
    }

    pub(crate) fn payment(&self, number: u128) -> &Ledger {
        self.state::<Payment>(payment_id(number).as_uuid()).ledger().expect("the payment was opened")
    }

    /// Order and payment, as they are shown.
    pub(crate) fn status(&self, number: u128) -> (&'static str, &'static str) {
        (self.order_state(number).status(), self.payment(number).status())
    }

    pub(crate) fn stock(&self, text: &str) -> Stock {
        let stock = self.state::<Inventory>(inventory_stream(&sku(text), &Location::main()));
        (stock.on_hand(), stock.reserved(self.now), stock.allocated())
    }
}
