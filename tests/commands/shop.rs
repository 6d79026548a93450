//! The shop that the tests of this module sell in: products with stock, carts, orders.

use commands::{
    carts::{AddItem, OpenCart},
    checkout::{CheckOut, PaymentDetails},
    inventory::ReceiveStock,
    products::CreateProduct,
};
use domain::{
    ids::{CartId, CustomerId, Location, OrderId, PaymentId, Quantity, Sku},
    money::{Currency, Money},
    payment::{Method, PaymentToken, Provider},
    product::{Attributes, Name},
    sealed::Sealed,
};
use uuid::Uuid;

use super::node::Node;

pub(crate) fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub(crate) fn units(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

pub(crate) fn pounds(amount: i64) -> Money {
    Money::new(amount * 100, currency())
}

pub(crate) fn currency() -> Currency {
    Currency::new("GBP").unwrap()
}

pub(crate) fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn create_product(code: &str, price: Money) -> CreateProduct {
    CreateProduct {
        sku: sku(code),
        name: Name::new(code).unwrap(),
        description: None,
        category: None,
        price,
        attributes: Attributes::default(),
        parent_sku: None,
        publish: true,
    }
}

pub(crate) fn receive(code: &str, quantity: i64) -> ReceiveStock {
    ReceiveStock { sku: sku(code), location: Location::main(), quantity: units(quantity) }
}

/// A published product of ten pounds, with this many units at `main`.
pub(crate) async fn stocked(node: &Node, code: &str, quantity: i64) {
    node.accept(create_product(code, pounds(10))).await;
    node.accept(receive(code, quantity)).await;
}

pub(crate) fn open_cart(cart_id: CartId) -> OpenCart {
    OpenCart { cart_id, customer_id: customer(1), guest: false, currency: currency() }
}

pub(crate) fn new_cart() -> OpenCart {
    open_cart(CartId::from_uuid(Uuid::now_v7()))
}

pub(crate) fn add(cart_id: CartId, code: &str, quantity: i64) -> AddItem {
    AddItem { cart_id, owner: None, sku: sku(code), quantity: units(quantity) }
}

pub(crate) async fn cart_of(node: &Node, lines: &[(&str, i64)]) -> CartId {
    let cart_id = node.accept(new_cart()).await.outcome.cart_id;
    for (code, quantity) in lines {
        node.accept(add(cart_id, code, *quantity)).await;
    }
    cart_id
}

pub(crate) fn payment(token: &str) -> PaymentDetails {
    PaymentDetails {
        provider: Provider::new("simulated").unwrap(),
        method: Method::new("card").unwrap(),
        token: PaymentToken::new(token).unwrap(),
    }
}

pub(crate) fn check_out(cart_id: CartId, token: &str) -> CheckOut {
    CheckOut {
        cart_id,
        owner: None,
        order_id: OrderId::from_uuid(Uuid::now_v7()),
        payment_id: PaymentId::from_uuid(Uuid::now_v7()),
        payment: payment(token),
        shipping_address: Sealed::new(customer(1).as_uuid(), "c2VhbGVk").unwrap(),
        email: None,
        country: None,
        expected_total: None,
    }
}
