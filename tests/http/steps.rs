//! The steps of a sale, as staff and shoppers take them, for the tests that begin where these end.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{answer::Answer, client::Client, client::Request, shop::Shop};

pub(crate) fn gbp(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "GBP" })
}

pub(crate) fn address() -> Value {
    json!({ "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London", "postal_code": "SW1Y 4JH", "country": "GB" })
}

pub(crate) fn paying_with(token: &str) -> Value {
    json!({ "payment": { "method": "card", "token": token }, "shipping_address": address() })
}

impl Shop {
    /// Published, at this price in pence, with this many in stock.
    pub(crate) async fn sell(&self, sku: &str, price: i64, units: i64) {
        let staff = self.as_staff();
        let product = json!({ "sku": sku, "name": format!("The {sku}"), "price": gbp(price), "publish": true });
        staff.post("/v1/products").json(product).answers(201).await;
        if units > 0 {
            staff.receive(sku, units).await;
        }
    }

    /// The cart of a guest with these lines, and the token that opens it.
    pub(crate) async fn guest_with(&self, lines: &[(&str, i64)]) -> (Uuid, String) {
        let guest = self.as_guest().await;
        (guest.fill_cart(lines).await, guest.token().to_owned())
    }

    /// Paid and allocated, nothing of it shipped; the book is quiet.
    pub(crate) async fn confirmed_order(&self, buyer: &Client, lines: &[(&str, i64)]) -> Uuid {
        let cart = buyer.fill_cart(lines).await;
        let order = buyer.check_out(cart).await.id();
        self.until("order.confirmed", order).await;
        order
    }

    /// As the read model has it once it reflects everything so far.
    pub(crate) async fn order(&self, order: Uuid) -> Answer {
        self.as_staff().get(format!("/v1/orders/{order}")).at(self.head().await).answers(200).await
    }

    /// On hand, reserved, allocated, available, once the read model reflects everything so far.
    pub(crate) async fn stock(&self, sku: &str) -> [i64; 4] {
        let stock = self.as_staff().get(format!("/v1/inventory/{sku}")).at(self.head().await).answers(200).await;
        ["on_hand", "reserved", "allocated", "available"].map(|part| stock[part].as_i64().unwrap())
    }
}

impl Client {
    pub(crate) async fn receive(&self, sku: &str, units: i64) -> Answer {
        self.post(format!("/v1/inventory/{sku}/receipts")).json(json!({ "quantity": units })).answers(201).await
    }

    pub(crate) async fn open_cart(&self) -> Uuid {
        self.post("/v1/carts").json(json!({})).answers(201).await.id()
    }

    pub(crate) fn add(&self, cart: Uuid, sku: &str, quantity: i64) -> Request {
        self.post(format!("/v1/carts/{cart}/items")).json(json!({ "sku": sku, "quantity": quantity }))
    }

    pub(crate) async fn fill_cart(&self, lines: &[(&str, i64)]) -> Uuid {
        let cart = self.open_cart().await;
        for (sku, quantity) in lines {
            self.add(cart, sku, *quantity).answers(200).await;
        }
        cart
    }

    /// With a card that is good.
    pub(crate) async fn check_out(&self, cart: Uuid) -> Answer {
        self.checkout(cart, paying_with("tok_ok")).answers(201).await
    }

    pub(crate) fn checkout(&self, cart: Uuid, body: Value) -> Request {
        self.post(format!("/v1/carts/{cart}/checkout")).keyed().json(body)
    }

    /// Everything that is unsent, in one parcel.
    pub(crate) fn ship(&self, order: Uuid) -> Request {
        let parcel = json!({ "carrier": "Royal Mail", "tracking": "RM123456789GB" });
        self.post(format!("/v1/orders/{order}/shipments")).keyed().json(parcel)
    }

    pub(crate) fn cancel(&self, order: Uuid) -> Request {
        self.post(format!("/v1/orders/{order}/cancellation")).json(json!({ "reason": "changed my mind" }))
    }
}
