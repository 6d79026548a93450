//! A shop in which anything happens that the rules allow, and the read models compared with the states that the rules
//! hold.

use std::collections::BTreeMap;

use ::projections::{
    Limit, Part, carts,
    catalogue::{self, Audience},
    orders,
    sales::{self, Dimension},
    stock,
};
use chrono::{TimeDelta, Utc};
use domain::{
    cart::{self, Cart},
    country::Country,
    ids::{CaptureId, CartId, Location, OrderId, PaymentId, RefundId, ReturnId, ShipmentId, Sku, inventory_stream},
    inventory::{self, Inventory},
    order::{self, Order},
    payment::{self, Payment, order_axis},
    product::{self, Product},
    sealed::Sealed,
};
use uuid::Uuid;

use super::shop::{Shop, Stream, customer, gbp, new_line, now, quantity, receive, sku, text};

const SKUS: u64 = 6;

/// Deterministic, and no more random than this needs.
pub(super) struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn units(&mut self, max: u64) -> i64 {
        self.roll(max) as i64 + 1
    }

    fn pick<'a, T>(&mut self, from: &'a mut [T]) -> Option<&'a mut T> {
        if from.is_empty() {
            return None;
        }
        let place = self.roll(from.len() as u64) as usize;
        from.get_mut(place)
    }
}

pub(super) struct RandomShop {
    pub(super) shop: Shop,
    dice: Dice,
    products: Vec<Stream<Product>>,
    stock: Vec<(Sku, Location, Stream<Inventory>)>,
    carts: Vec<Stream<Cart>>,
    orders: Vec<Stream<Order>>,
    payments: Vec<Stream<Payment>>,
}

impl RandomShop {
    pub(super) async fn open(seed: u64) -> Self {
        let mut shop = Shop::open().await;
        let (mut products, mut stock) = (Vec::new(), Vec::new());
        for number in 0..SKUS {
            let code = sku(&format!("P{number}"));
            products.push(shop.product(&code, 100));
            stock.push((code.clone(), Location::main(), shop.received(&code, 50)));
            let annex: Location = text("annex");
            let stream = Stream::new(inventory_stream(&code, &annex));
            stock.push((code, annex, stream));
        }
        let (carts, orders, payments) = (Vec::new(), Vec::new(), Vec::new());
        Self { shop, dice: Dice(seed), products, stock, carts, orders, payments }
    }

    /// So many things are tried. What the rules refuse does not happen.
    pub(super) fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.dice.roll(10) {
                0 => self.change_product(),
                1 | 2 => self.move_stock(),
                3..=5 => self.fill_cart(),
                6 => self.begin(),
                7 | 8 => self.move_order(),
                _ => self.move_payment(),
            }
        }
    }

    fn sku(&mut self) -> Sku {
        sku(&format!("P{}", self.dice.roll(SKUS)))
    }

    fn change_product(&mut self) {
        let command = match self.dice.roll(5) {
            0 => product::Command::ChangePrice { price: gbp(self.dice.units(500)) },
            1 => {
                let category = product::Patch::Set(text(&format!("category {}", self.dice.roll(3))));
                product::Command::Update(product::Changes { category, ..product::Changes::default() })
            }
            2 => {
                let description = product::Patch::Set(text(&format!("It is {}.", self.dice.roll(100))));
                product::Command::Update(product::Changes { description, ..product::Changes::default() })
            }
            3 if self.dice.roll(10) == 0 => product::Command::Archive,
            _ => product::Command::Publish,
        };
        let Some(product) = self.dice.pick(&mut self.products) else { return };
        let _refused = self.shop.decide(product, command).is_err();
    }

    fn move_stock(&mut self) {
        let orders: Vec<Uuid> = self.orders.iter().map(|order| order.id).collect();
        let order_id = OrderId::from_uuid(self.dice.pick(&mut orders.clone()).copied().unwrap_or_default());
        let units = quantity(self.dice.units(5));
        let lapse = TimeDelta::minutes(if self.dice.roll(4) == 0 { 0 } else { 15 });
        let (roll, delta) = (self.dice.roll(11), self.dice.units(9) - 5);
        let Some((sku, location, stock)) = self.dice.pick(&mut self.stock) else { return };
        let (sku, location) = (sku.clone(), location.clone());
        let command = match roll {
            0 => receive(&sku, &location, units.get()),
            1 | 2 => inventory::Command::Reserve { order_id, quantity: units, expires_at: now() + lapse, now: now() },
            3 => inventory::Command::ExtendReservation { order_id, expires_at: now() + lapse * 2, now: now() },
            4 => inventory::Command::ReleaseReservation { order_id },
            5 => inventory::Command::ExpireReservation { order_id, now: now() },
            6 => inventory::Command::Allocate { order_id, quantity: units, now: now() },
            7 => inventory::Command::ReleaseAllocation { order_id, quantity: None },
            8 => inventory::Command::Ship { order_id, quantity: units, shipment_id: shipment(roll) },
            9 => inventory::Command::Adjust { sku, location, delta, reason: text("counted") },
            _ => inventory::Command::SetAside { quantity: units, reason: text("damaged") },
        };
        let _refused = self.shop.decide(stock, command).is_err();
    }

    fn begin(&mut self) {
        let whose = customer(u128::from(self.dice.roll(3)));
        if self.dice.roll(3) > 0 {
            self.carts.push(self.shop.cart(whose));
            return;
        }
        let count = self.dice.units(4);
        let lines = (0..count).map(|_| new_line(&self.sku(), self.dice.units(9), self.dice.units(300))).collect();
        let (order, payment) = self.shop.order_of(whose, CartId::from_uuid(Uuid::now_v7()), lines);
        self.orders.push(order);
        self.payments.push(payment);
    }

    fn fill_cart(&mut self) {
        let (sku, units) = (self.sku(), quantity(self.dice.units(9)));
        let (roll, unit_price) = (self.dice.roll(12), gbp(self.dice.units(300)));
        let Some(cart) = self.dice.pick(&mut self.carts) else { return };
        let prices = || cart::Prices::from([(sku.clone(), unit_price)]);
        let command = match roll {
            0..=5 => cart::Command::AddItem { sku, name: text("Anything"), quantity: units, unit_price },
            6 | 7 => cart::Command::ChangeQuantity { sku, quantity: units, unit_price },
            8 | 9 => cart::Command::RemoveItem { sku },
            10 => cart::Command::Reprice { prices: prices() },
            _ => cart::Command::Discard,
        };
        let _refused = self.shop.decide(cart, command).is_err();
    }

    fn move_order(&mut self) {
        let (roll, parcel, units) = (self.dice.roll(20), self.dice.roll(3), self.dice.units(4));
        let address = format!("c2Vh{units:04}");
        let Some(order) = self.dice.pick(&mut self.orders) else { return };
        let Some(contents) = order.state.contents() else { return };
        let some = contents.lines_of(&[(contents.lines[0].sku.clone(), quantity(units))]);
        let shipment_id = shipment(parcel);
        let return_id = ReturnId::from_uuid(Uuid::from_u128(u128::from(parcel)));
        let back = contents.returnable_lines_of(&[(contents.lines[0].sku.clone(), quantity(units))], now());
        let received = contents.goods_return(return_id).map(|known| {
            known.received_of(&[(contents.lines[0].sku.clone(), quantity(units), roll == 16)]).unwrap_or_default()
        });
        let command = match roll {
            0..=3 => order::Command::Confirm { payment_id: contents.payment_id, at: now() },
            4..=6 => order::Command::DispatchShipment {
                shipment_id,
                lines: some.ok().filter(|_| roll > 4),
                carrier: text("Royal Mail"),
                tracking: text("RM1"),
                location: None,
                payment_covers: true,
                at: now(),
            },
            7 | 8 => order::Command::DeliverShipment { shipment_id, delivered_at: now() },
            9 => order::Command::CancelLines { lines: some.unwrap_or_default(), reason: text("no more") },
            10 if parcel == 0 => order::Command::Cancel { reason: text("no") },
            10 if parcel == 1 => order::Command::Fail { reason: order::Failure::OutOfStock },
            10 => order::Command::Hold { reason: text("look at it") },
            11 => order::Command::Release,
            12 => {
                order::Command::RetryPayment { payment_id: PaymentId::from_uuid(Uuid::from_u128(u128::from(parcel))) }
            }
            14 | 15 => order::Command::RequestReturn {
                return_id,
                lines: back.unwrap_or_default(),
                reason: text("broken"),
                at: now(),
            },
            16 | 17 => order::Command::ReceiveReturn { return_id, lines: received.unwrap_or_default(), at: now() },
            18 => order::Command::ApproveReturn { return_id, at: now() },
            19 if parcel == 0 => order::Command::RejectReturn { return_id, reason: Some(text("used")), at: now() },
            19 => order::Command::CorrectAddress {
                shipping_address: Sealed::new(order.id, &address).unwrap(),
                country: Country::new("FR").ok().filter(|_| parcel == 1),
            },
            _ => order::Command::GrantRefund(order::GrantRefund {
                refund_id: RefundId::from_uuid(Uuid::from_u128(u128::from(parcel))),
                reason: text("goodwill"),
                lines: some.unwrap_or_default(),
                payments: vec![order::RefundPart { payment_id: contents.payment_id, amount: gbp(units) }],
            }),
        };
        let _refused = self.shop.decide(order, command).is_err();
    }

    fn move_payment(&mut self) {
        let (roll, number) = (self.dice.roll(16), self.dice.roll(3));
        let amount = gbp(self.dice.units(400));
        let Some(payment) = self.dice.pick(&mut self.payments) else { return };
        let capture_id = CaptureId::of_shipment(shipment(number));
        let refund_id = RefundId::from_uuid(Uuid::from_u128(u128::from(number)));
        let operations =
            [payment::Operation::Authorization, payment::Operation::Capture { capture_id }, payment::Operation::Void];
        let command = match roll {
            0..=2 => payment::Command::RequestAuthorization { deadline: now() },
            3 | 4 => {
                payment::Command::RecordAuthorized { provider_reference: text("pay"), at: now(), expires_at: now() }
            }
            5 => payment::Command::RecordActionRequired {
                provider_reference: text("pay"),
                action_url: text("https://pay.example/challenge"),
            },
            6 => payment::Command::RecordFailed {
                operation: operations[number as usize],
                operation_id: Some(text(&format!("failed {number}"))),
                code: text("refused"),
                detail: None,
            },
            7 | 8 => payment::Command::RequestCapture { capture_id, amount, for_shipment: None },
            9 => {
                let operation_id = text(&format!("capture {number}"));
                payment::Command::RecordCaptured { capture_id, operation_id, amount }
            }
            10 if number == 0 => payment::Command::RequestVoid { reason: text("no") },
            10 => payment::Command::Expire,
            12 | 13 => payment::Command::RequestRefund { refund_id, amount, reason: None },
            14 => {
                let operation_id = text(&format!("refund {number}"));
                payment::Command::RecordRefunded { refund_id, operation_id, amount }
            }
            15 => payment::Command::RecordRefundFailed {
                refund_id,
                operation_id: Some(text(&format!("no refund {number}"))),
                code: text("refused"),
                detail: None,
            },
            _ => payment::Command::RecordVoided { operation_id: None },
        };
        let _refused = self.shop.decide(payment, command).is_err();
    }

    /// The read models show what the rules hold.
    pub(super) async fn check(&self) {
        self.check_conservation().await;
        self.check_products().await;
        self.check_stock().await;
        self.check_carts().await;
        self.check_orders().await;
        self.check_payments().await;
        self.check_sales().await;
    }

    /// No event that the rules have decided breaks what must balance. What an order is owed by stock is not asked: here stock
    /// and orders go each their own way.
    async fn check_conservation(&self) {
        let open = ::projections::conservation::open(&self.shop.models, Utc::now()).await.unwrap();
        let broken: Vec<_> = open.first.iter().filter(|found| found.position.is_some()).collect();
        assert!(broken.is_empty(), "{broken:?}");
    }

    async fn check_products(&self) {
        for product in &self.products {
            let details = product.state.details().unwrap();
            let shown = catalogue::find(&self.shop.models, &details.sku, Audience::Staff).await.unwrap().0.unwrap();
            let category = details.category.as_ref().map(ToString::to_string);
            let description = details.description.as_ref().map(ToString::to_string);
            assert_eq!((shown.status.as_str(), shown.version), (product.state.status(), product.version));
            assert_eq!((shown.price, shown.category, shown.description), (details.price, category, description));
        }
    }

    async fn check_stock(&self) {
        for (sku, location, stream) in &self.stock {
            let level = stock::find(&self.shop.models, sku).await.unwrap().0.unwrap();
            let Some(shown) = level.locations.iter().find(|place| place.location == location.as_str()) else {
                assert!(!stream.state.exists());
                continue;
            };
            let state = &stream.state;
            let held = [
                state.on_hand(),
                state.reserved(now()),
                state.allocated(),
                state.unavailable(),
                state.available(now()),
                stream.version,
            ];
            let shown =
                [shown.on_hand, shown.reserved, shown.allocated, shown.unavailable, shown.available, shown.version];
            assert_eq!(shown, held, "{sku} at {location}");
        }
    }

    async fn check_carts(&self) {
        for cart in &self.carts {
            let shown = carts::find(&self.shop.models, CartId::from_uuid(cart.id)).await.unwrap().0.unwrap();
            let contents = cart.state.contents().unwrap();
            assert_eq!((shown.status.as_str(), shown.version), (cart.state.status(), cart.version));
            assert_eq!(shown.total, contents.total);
            let lines = shown.lines.into_iter().map(|line| (line.sku, line.quantity, line.unit_price, line.name));
            let held = contents
                .lines
                .iter()
                .map(|line| (line.sku.to_string(), line.quantity.get(), line.unit_price, line.name.to_string()));
            assert_eq!(lines.collect::<Vec<_>>(), held.collect::<Vec<_>>());
        }
    }

    async fn check_orders(&self) {
        for order in &self.orders {
            let shown = orders::find(&self.shop.models, OrderId::from_uuid(order.id)).await.unwrap().0.unwrap();
            let contents = order.state.contents().unwrap();
            let payments = self
                .payments
                .iter()
                .filter(|payment| contents.payment_ids().contains(&PaymentId::from_uuid(payment.id)));
            let labels = [
                order.state.status(),
                order_axis(payments.map(|payment| payment.state.status())),
                order.state.fulfillment_status(),
            ];
            assert_eq!([&shown.status, &shown.payment_status, &shown.fulfillment_status], labels);
            assert_eq!(
                (shown.total, shown.on_hold, shown.version),
                (contents.totals.total, contents.hold.is_some(), order.version)
            );
            let lines: Vec<_> = shown
                .lines
                .iter()
                .map(|line| (line.id, [line.quantity, line.shipped, line.delivered, line.cancelled, line.returned]))
                .collect();
            let held: Vec<_> = contents
                .lines
                .iter()
                .map(|line| {
                    let units = [line.quantity.get(), line.shipped, line.delivered, line.cancelled, line.returned];
                    (line.id, units)
                })
                .collect();
            assert_eq!(lines, held);
            let shipments: Vec<_> = shown.shipments.iter().map(|shipment| (shipment.id, shipment.status)).collect();
            let held: Vec<_> = contents.shipments.iter().map(|shipment| (shipment.id, shipment.status())).collect();
            assert_eq!(shipments, held);
            let returns: Vec<_> = shown.returns.iter().map(|known| (known.id, known.status.as_str())).collect();
            let held: Vec<_> = contents.returns.iter().map(|known| (known.id, known.status())).collect();
            assert_eq!(returns, held);
            assert_eq!(
                (shown.shipping_address, shown.country),
                (Some(contents.shipping_address.clone()), contents.country)
            );
        }
    }

    async fn check_payments(&self) {
        for payment in &self.payments {
            let ledger = payment.state.ledger().unwrap();
            let shown =
                orders::find_payment(&self.shop.models, PaymentId::from_uuid(payment.id)).await.unwrap().0.unwrap();
            assert_eq!((shown.status.as_str(), shown.version), (ledger.status(), payment.version));
            let held = (ledger.amount, ledger.authorized(), ledger.captured(), ledger.refunded());
            assert_eq!((shown.amount, shown.authorized, shown.captured, shown.refunded), held);
            assert_eq!(shown.failure, ledger.failure.as_ref().map(|failure| failure.code.to_string()));
        }
    }

    async fn check_sales(&self) {
        let mut held: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for order in &self.orders {
            let order::State::Confirmed(contents) = &order.state else { continue };
            for line in &contents.lines {
                let units = line.quantity.get() - line.cancelled;
                let sum = held.entry(line.sku.to_string()).or_default();
                *sum = (sum.0 + units, sum.1 + units * line.unit_price.amount());
            }
        }
        held.retain(|_, sum| *sum != (0, 0));
        let part = Part { limit: Limit::report_default(), cursor: None };
        let filter = sales::Filter::default();
        let report = sales::report(&self.shop.models, &[Dimension::Sku], &filter, &part).await.unwrap().0;
        let refunds: i64 = report.data.iter().map(|row| row.refunds.amount()).sum();
        assert_eq!(refunds, self.refunded());
        let sold = report.data.into_iter().map(|row| (row.sku.unwrap(), (row.units, row.revenue.amount())));
        // What was given back for no goods in particular has no units.
        assert_eq!(sold.filter(|(_, sum)| *sum != (0, 0)).collect::<BTreeMap<_, _>>(), held);
    }

    /// What was given back of each order, and no more than it came to in the end.
    fn refunded(&self) -> i64 {
        let of = |order: &Stream<Order>| {
            let order::State::Confirmed(contents) = &order.state else { return 0 };
            let ledgers = self.payments.iter().map(|payment| payment.state.ledger().unwrap());
            let of_it = ledgers.filter(|ledger| ledger.order_id.as_uuid() == order.id);
            let given_back: i64 = of_it.map(|ledger| ledger.refunded().amount()).sum();
            given_back.min(contents.owed().amount())
        };
        self.orders.iter().map(of).sum()
    }
}

fn shipment(number: u64) -> ShipmentId {
    ShipmentId::from_uuid(Uuid::from_u128(u128::from(number) + 1))
}

#[tokio::test]
async fn the_read_models_show_what_the_rules_hold_whatever_happens() {
    for seed in 1..=3 {
        let mut random = RandomShop::open(seed).await;
        for _ in 0..20 {
            random.live(60);
            random.shop.post_all().await;
        }
        random.check().await;
    }
}

#[tokio::test]
async fn the_read_models_show_what_the_rules_hold_when_all_of_it_is_one_batch() {
    let mut random = RandomShop::open(4).await;
    random.live(1_500);
    random.shop.post_all().await;
    random.check().await;
}
