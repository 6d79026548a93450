//! What the sales report takes off: money that was given back of what was sold, and none of what was never sold.

use ::projections::{
    Limit, Part,
    sales::{Dimension, Filter, Sales, SalesRow, report},
};
use domain::{
    ids::{CaptureId, PaymentId, RefundId, Sku},
    order::{self, Command, GrantRefund, Order, RefundPart},
    payment::{self, Payment},
};
use uuid::Uuid;

use super::shop::{Shop, Stream, customer, gbp, quantity, sku, text};

/// A sale that was sent and is paid for.
struct Sold {
    order: Stream<Order>,
    payment: Stream<Payment>,
}

impl Sold {
    fn new(shop: &mut Shop, lines: &[(&Sku, i64, i64)]) -> Self {
        let (order, mut payment) = shop.confirmed_order(customer(1), lines);
        let (capture_id, amount) = (CaptureId::from_uuid(order.id), payment.state.ledger().unwrap().amount);
        let capture = payment::Command::RequestCapture { capture_id, amount, for_shipment: None };
        shop.decide(&mut payment, capture).unwrap();
        let captured = payment::Command::RecordCaptured { capture_id, operation_id: text("capture"), amount };
        shop.decide(&mut payment, captured).unwrap();
        Self { order, payment }
    }

    fn contents(&self) -> &order::Contents {
        self.order.state.contents().unwrap()
    }

    fn payment_id(&self) -> PaymentId {
        PaymentId::from_uuid(self.payment.id)
    }

    /// By decision of somebody, for these goods.
    fn grant(&mut self, shop: &mut Shop, pence: i64, goods: &[(&Sku, i64)]) -> RefundId {
        let refund_id = RefundId::from_uuid(Uuid::now_v7());
        let goods: Vec<_> = goods.iter().map(|(sku, units)| ((*sku).clone(), quantity(*units))).collect();
        let lines = self.contents().ordered_lines_of(&goods).unwrap();
        let payments = vec![RefundPart { payment_id: self.payment_id(), amount: gbp(pence) }];
        let grant = GrantRefund { refund_id, reason: text("broken"), lines, payments };
        shop.decide(&mut self.order, Command::GrantRefund(grant)).unwrap();
        self.ask(shop, refund_id, pence);
        refund_id
    }

    fn ask(&mut self, shop: &mut Shop, refund_id: RefundId, pence: i64) {
        let request = payment::Command::RequestRefund { refund_id, amount: gbp(pence), reason: None };
        shop.decide(&mut self.payment, request).unwrap();
    }

    /// The provider has done it.
    fn done(&mut self, shop: &mut Shop, refund_id: RefundId, pence: i64) {
        let operation_id = text(&format!("refund {}", self.payment.version));
        let done = payment::Command::RecordRefunded { refund_id, operation_id, amount: gbp(pence) };
        shop.decide(&mut self.payment, done).unwrap();
    }

    fn failed(&mut self, shop: &mut Shop, refund_id: RefundId) {
        let (operation_id, code) = (Some(text("no refund")), text("refused"));
        let failed = payment::Command::RecordRefundFailed { refund_id, operation_id, code, detail: None };
        shop.decide(&mut self.payment, failed).unwrap();
    }

    /// What the rules demand back, and the provider has given back.
    fn give_back(&mut self, shop: &mut Shop, pence: i64) {
        let refund_id = RefundId::next_of(self.payment_id(), self.payment.state.ledger().unwrap().refunds.len());
        self.ask(shop, refund_id, pence);
        self.done(shop, refund_id, pence);
    }

    fn kept(&self) -> i64 {
        let ledger = self.payment.state.ledger().unwrap();
        ledger.captured().amount() - ledger.refunded().amount()
    }
}

async fn rows(shop: &Shop, group_by: &[Dimension]) -> Vec<SalesRow> {
    let part = Part { limit: Limit::report_default(), cursor: None };
    report(&shop.models, group_by, &Filter::default(), &part).await.unwrap().0.data
}

/// SKU, units, revenue, refunds.
async fn by_sku(shop: &Shop) -> Vec<(String, i64, i64, i64)> {
    let rows = rows(shop, &[Dimension::Sku]).await.into_iter();
    rows.map(|row| (row.sku.unwrap(), row.units, row.revenue.amount(), row.refunds.amount())).collect()
}

fn row(sku: &str, units: i64, revenue: i64, refunds: i64) -> (String, i64, i64, i64) {
    (sku.to_owned(), units, revenue, refunds)
}

async fn net(shop: &Shop) -> i64 {
    let rows = rows(shop, &[]).await;
    rows.iter().for_each(|row| assert_eq!(row.net.amount(), row.revenue.amount() - row.refunds.amount()));
    rows.first().map_or(0, |row| row.net.amount())
}

#[tokio::test]
async fn what_is_given_back_is_taken_off_by_its_goods_when_the_provider_has_done_it() {
    let mut shop = Shop::open().await;
    let (a, b) = (sku("A"), sku("B"));
    let mut sold = Sold::new(&mut shop, &[(&a, 5, 100), (&b, 1, 30)]);
    let granted = sold.grant(&mut shop, 101, &[(&a, 2), (&b, 1)]);
    let refused = sold.grant(&mut shop, 30, &[(&b, 1)]);
    sold.failed(&mut shop, refused);
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [row("A", 5, 500, 0), row("B", 1, 30, 0)], "it is asked for");

    sold.done(&mut shop, granted, 101);
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [row("A", 5, 500, 88), row("B", 1, 30, 13)], "200 to 30, to the penny");
    // For no goods: of the order, and of its payment alone.
    let goodwill = sold.grant(&mut shop, 7, &[]);
    sold.done(&mut shop, goodwill, 7);
    let of_the_payment = RefundId::from_uuid(Uuid::now_v7());
    sold.ask(&mut shop, of_the_payment, 2);
    sold.done(&mut shop, of_the_payment, 2);
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [row("", 0, 0, 9), row("A", 5, 500, 88), row("B", 1, 30, 13)]);
    assert_eq!((net(&shop).await, sold.kept()), (420, 420));
    let today = &rows(&shop, &[Dimension::Day]).await[0];
    assert_eq!((today.revenue, today.refunds, today.net), (gbp(530), gbp(110), gbp(420)));
}

#[tokio::test]
async fn what_is_given_back_for_cancelled_units_is_no_refund() {
    let mut shop = Shop::open().await;
    let (a, b) = (sku("A"), sku("B"));
    let mut sold = Sold::new(&mut shop, &[(&a, 5, 100), (&b, 1, 30)]);
    let lines = sold.contents().lines_of(&[(a.clone(), quantity(2))]).unwrap();
    shop.decide(&mut sold.order, Command::CancelLines { lines, reason: text("no more") }).unwrap();
    sold.give_back(&mut shop, 200);
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [row("A", 3, 300, 0), row("B", 1, 30, 0)]);
    assert_eq!((net(&shop).await, sold.kept()), (330, 330));
}

#[tokio::test]
async fn of_an_order_that_is_cancelled_after_a_refund_nothing_was_sold_and_nothing_refunded() {
    let mut shop = Shop::open().await;
    let a = sku("A");
    let mut sold = Sold::new(&mut shop, &[(&a, 2, 100)]);
    let granted = sold.grant(&mut shop, 150, &[(&a, 2)]);
    sold.done(&mut shop, granted, 150);
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [row("A", 2, 200, 150)]);

    let lines = sold.contents().lines_of(&[(a.clone(), quantity(1))]).unwrap();
    shop.decide(&mut sold.order, Command::CancelLines { lines, reason: text("no more") }).unwrap();
    sold.give_back(&mut shop, 50);
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [row("A", 1, 100, 100)], "no more of it was given back than it came to");
    assert_eq!((net(&shop).await, sold.kept()), (0, 0));

    shop.decide(&mut sold.order, Command::Cancel { reason: text("no") }).unwrap();
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, []);
}

#[tokio::test]
async fn money_given_back_for_an_order_that_was_never_confirmed_is_no_refund() {
    let mut shop = Shop::open().await;
    let a = sku("A");
    let (mut order, mut payment) = shop.order(customer(1), &[(&a, 2, 100)]);
    shop.authorize(&mut payment);
    let fail = Command::Fail { reason: order::Failure::OutOfStock };
    shop.decide(&mut order, fail).unwrap();
    let (capture_id, amount) = (CaptureId::from_uuid(order.id), gbp(200));
    let commands = [
        payment::Command::RequestCapture { capture_id, amount, for_shipment: None },
        payment::Command::RecordCaptured { capture_id, operation_id: text("capture"), amount },
    ];
    for command in commands {
        shop.decide(&mut payment, command).unwrap();
    }
    let mut sold = Sold { order, payment };
    let named = RefundId::from_uuid(Uuid::now_v7());
    sold.ask(&mut shop, named, 50);
    sold.done(&mut shop, named, 50);
    sold.give_back(&mut shop, 150);
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, []);
}
