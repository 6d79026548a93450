//! The shop that the tests of this module sell in: products with stock, carts, orders.

use commands::{
    carts::{AddItem, OpenCart},
    checkout::{CheckOut, PaymentDetails},
    inventory::ReceiveStock,
    orders::{CancelOrder, DeliverShipment, ShipOrder, refunds::RefundOrder},
    payments::{CapturePayment, RetryPayment},
    products::CreateProduct,
};
use domain::{
    ids::{CaptureId, CartId, CustomerId, Location, OrderId, PaymentId, Quantity, Reason, RefundId, ShipmentId, Sku},
    money::{Currency, Money},
    order::{Carrier, Tracking},
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
        // Stripe's tokens say whose they are.
        provider: Provider::new(if token.starts_with("pm_") { "stripe" } else { "simulated" }).unwrap(),
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

/// One line of a SKU, from the cart on. What is asked for twice is the same thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sale {
    pub(super) cart_id: CartId,
    pub(super) order_id: OrderId,
    pub(super) payment_id: PaymentId,
    shipment_id: ShipmentId,
    code: &'static str,
    quantity: i64,
    token: &'static str,
}

impl Sale {
    pub(super) fn of(code: &'static str, quantity: i64, token: &'static str) -> Self {
        Self {
            cart_id: CartId::from_uuid(Uuid::now_v7()),
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
            code,
            quantity,
            token,
        }
    }

    pub(super) async fn check_out(node: &Node, code: &'static str, quantity: i64, token: &'static str) -> Self {
        let sale = Self::of(code, quantity, token);
        sale.open(node).await;
        sale
    }

    /// The cart is filled and checked out.
    pub(super) async fn open(&self, node: &Node) {
        node.accept(self.open_cart()).await;
        node.accept(self.add()).await;
        node.accept(self.check_out_cart()).await;
    }

    pub(super) fn open_cart(&self) -> OpenCart {
        open_cart(self.cart_id)
    }

    pub(super) fn add(&self) -> AddItem {
        add(self.cart_id, self.code, self.quantity)
    }

    pub(super) fn check_out_cart(&self) -> CheckOut {
        let (order_id, payment_id) = (self.order_id, self.payment_id);
        CheckOut { order_id, payment_id, ..check_out(self.cart_id, self.token) }
    }

    pub(super) fn ship(&self) -> ShipOrder {
        ShipOrder {
            order_id: self.order_id,
            shipment_id: self.shipment_id,
            lines: None,
            carrier: Carrier::new("Royal Mail").unwrap(),
            tracking: Tracking::new("RM1").unwrap(),
            location: None,
        }
    }

    pub(super) fn deliver(&self) -> DeliverShipment {
        DeliverShipment { order_id: self.order_id, shipment_id: self.shipment_id, delivered_at: None }
    }

    /// The same amount is the same refund.
    pub(super) fn refund(&self, amount: i64) -> RefundOrder {
        RefundOrder {
            order_id: self.order_id,
            refund_id: RefundId::from_uuid(Uuid::new_v5(&self.order_id.as_uuid(), &amount.to_be_bytes())),
            amount: Money::new(amount, currency()),
            reason: Reason::new("arrived broken").unwrap(),
            lines: Vec::new(),
        }
    }

    /// Of what is unsent.
    pub(super) fn cancel_units(&self, quantity: i64) -> CancelOrder {
        CancelOrder { lines: Some(vec![(sku(self.code), units(quantity))]), ..self.cancel() }
    }

    /// Everything that is held.
    pub(super) fn capture(&self) -> CapturePayment {
        let capture_id = CaptureId::from_uuid(self.order_id.as_uuid());
        CapturePayment { payment_id: self.payment_id, capture_id, amount: None, capturing_once: Default::default() }
    }

    pub(super) fn ship_one(&self) -> ShipOrder {
        let shipment_id = ShipmentId::from_uuid(self.order_id.as_uuid());
        ShipOrder { shipment_id, lines: Some(vec![(sku(self.code), units(1))]), ..self.ship() }
    }

    /// With a good card.
    pub(super) fn retry(&self) -> RetryPayment {
        RetryPayment { order_id: self.order_id, owner: None, payment_id: self.second_try(), payment: payment("tok_ok") }
    }

    pub(super) fn second_try(&self) -> PaymentId {
        PaymentId::from_uuid(Uuid::new_v5(&self.payment_id.as_uuid(), b"second"))
    }

    pub(super) fn cancel(&self) -> CancelOrder {
        CancelOrder {
            order_id: self.order_id,
            owner: None,
            reason: Reason::new("changed my mind").unwrap(),
            lines: None,
        }
    }
}
