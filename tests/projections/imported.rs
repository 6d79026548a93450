//! Orders of an earlier system, as the read models show them.

use ::projections::{
    Limit, Part, Sort,
    orders::{By, Filter, Order, Orders, find, list},
    sales::{self, Dimension, Sales, report},
};
use chrono::{DateTime, Utc};
use domain::{
    country::Country,
    ids::{CustomerId, LineId, OrderId, Sku},
    money::Currency,
    order::{self, Command, Import, ImportRefund, LineRefund},
};
use uuid::Uuid;

use super::shop::{Shop, Stream, customer, gbp, new_line, quantity, shown, sku, text};

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

struct Sold<'a> {
    customer_id: Option<CustomerId>,
    country: Option<&'a str>,
    occurred_at: &'a str,
    lines: &'a [(&'a Sku, i64, i64)],
}

/// The order, and the ids of its lines.
fn import(shop: &mut Shop, sold: &Sold<'_>) -> (Stream<order::Order>, Vec<LineId>) {
    let mut stream = Stream::new(Uuid::now_v7());
    let lines: Vec<_> = sold.lines.iter().map(|(sku, units, pence)| new_line(sku, *units, *pence)).collect();
    let ids = lines.iter().map(|line| line.id).collect();
    let import = Import {
        order_id: OrderId::from_uuid(stream.id),
        source: text("online-retail"),
        reference: text("536365"),
        customer_id: sold.customer_id,
        currency: Currency::GBP,
        lines,
        country: sold.country.map(|code| Country::new(code).unwrap()),
        occurred_at: at(sold.occurred_at),
    };
    shop.decide(&mut stream, Command::Import(Box::new(import))).unwrap();
    (stream, ids)
}

fn give_back(shop: &mut Shop, order: &mut Stream<order::Order>, line: (LineId, &Sku), units: i64, pence: i64) {
    let (line_id, sku) = line;
    let lines = vec![LineRefund { line_id, sku: sku.clone(), quantity: quantity(units), amount: gbp(pence) }];
    let reference = text(&format!("C{}", order.version));
    let refund = ImportRefund { reference, lines, occurred_at: at("2011-02-01T10:00:00Z") };
    shop.decide(order, Command::ImportRefund(refund)).unwrap();
}

async fn found(shop: &Shop, order: &Stream<order::Order>) -> Order {
    find(&shop.models, OrderId::from_uuid(order.id)).await.unwrap().0.unwrap()
}

#[track_caller]
fn check(order: &Order, payment_status: &str, refunded: i64) {
    let found = (order.status.as_str(), order.payment_status.as_str(), order.fulfillment_status.as_str());
    assert_eq!(found, ("imported", payment_status, "delivered"));
    let from = order.imported.as_ref().unwrap();
    assert_eq!((from.source.as_str(), from.reference.as_str()), ("online-retail", "536365"));
    assert_eq!(from.refunded, gbp(refunded));
}

#[tokio::test]
async fn an_imported_order_is_shown_as_it_was_charged_and_with_what_was_given_back() {
    let mut shop = Shop::open().await;
    let a = sku("A");
    let lines = [(&a, 3, 100), (&a, 2, 95)];
    let sold = Sold {
        customer_id: Some(customer(1)),
        country: Some("FR"),
        occurred_at: "2011-01-31T23:59:00Z",
        lines: &lines,
    };
    let (mut order, ids) = import(&mut shop, &sold);
    shop.post(&Orders).await;
    let shown = found(&shop, &order).await;
    check(&shown, "paid", 0);
    assert_eq!((shown.customer_id, shown.cart_id, shown.shipping_address.is_none()), (Some(customer(1)), None, true));
    assert_eq!((shown.created_at, shown.total, shown.version), (at("2011-01-31T23:59:00Z"), gbp(490), 1));
    let lines: Vec<_> = shown.lines.iter().map(|line| (line.unit_price, line.shipped, line.delivered)).collect();
    assert_eq!(lines, [(gbp(100), 3, 3), (gbp(95), 2, 2)]);

    give_back(&mut shop, &mut order, (ids[0], &a), 1, 90);
    shop.post(&Orders).await;
    check(&found(&shop, &order).await, "partially_refunded", 90);
    give_back(&mut shop, &mut order, (ids[0], &a), 2, 210);
    give_back(&mut shop, &mut order, (ids[1], &a), 2, 190);
    shop.post(&Orders).await;
    check(&found(&shop, &order).await, "refunded", 490);
}

#[tokio::test]
async fn an_imported_order_and_its_refund_may_come_in_one_batch() {
    let mut shop = Shop::open().await;
    let a = sku("A");
    let sold = Sold { customer_id: None, country: None, occurred_at: "2011-01-01T10:00:00Z", lines: &[(&a, 3, 100)] };
    let (mut order, ids) = import(&mut shop, &sold);
    give_back(&mut shop, &mut order, (ids[0], &a), 3, 300);
    shop.post(&Orders).await;
    let shown = found(&shop, &order).await;
    check(&shown, "refunded", 300);
    assert_eq!((shown.customer_id, shown.country), (None, None));
}

#[tokio::test]
async fn imported_orders_are_listed_by_when_they_were_made_and_by_whom() {
    let mut shop = Shop::open().await;
    let a = sku("A");
    let mut orders = Vec::new();
    for (number, time) in [(1, "2011-03-01T10:00:00Z"), (2, "2011-01-01T10:00:00Z"), (1, "2011-02-01T10:00:00Z")] {
        let sold =
            Sold { customer_id: Some(customer(number)), country: None, occurred_at: time, lines: &[(&a, 1, 100)] };
        orders.push(import(&mut shop, &sold).0.id);
    }
    shop.post(&Orders).await;
    let sort = Sort { by: By::CreatedAt, descending: false };
    let part = || Part { limit: Limit::default(), cursor: None };
    let of_status = Filter { status: Some("imported".to_owned()), ..Filter::default() };
    let (page, _) = list(&shop.models, &of_status, sort, &part()).await.unwrap();
    assert_eq!(shown(&page, |order| order.id.as_uuid()), [orders[1], orders[2], orders[0]]);
    let of_one = Filter { customer_id: Some(customer(1)), ..Filter::default() };
    let (page, _) = list(&shop.models, &of_one, sort, &part()).await.unwrap();
    assert_eq!(shown(&page, |order| order.id.as_uuid()), [orders[2], orders[0]]);
}

#[tokio::test]
async fn imported_sales_and_refunds_are_counted_when_and_where_they_were_made() {
    let mut shop = Shop::open().await;
    let (a, b) = (sku("A"), sku("B"));
    let lines = [(&a, 3, 100), (&b, 1, 250), (&a, 1, 90)];
    let sold = |country, occurred_at| Sold { customer_id: Some(customer(1)), country, occurred_at, lines: &lines };
    let (mut order, ids) = import(&mut shop, &sold(Some("FR"), "2011-01-31T23:59:00Z"));
    import(&mut shop, &sold(Some("GB"), "2011-02-01T00:00:00Z"));
    import(&mut shop, &sold(None, "2011-02-28T12:00:00Z"));
    give_back(&mut shop, &mut order, (ids[0], &a), 3, 300);
    shop.post(&Sales).await;

    let part = Part { limit: Limit::report_default(), cursor: None };
    let by_month = [Dimension::Month, Dimension::Country];
    let (page, _) = report(&shop.models, &by_month, &sales::Filter::default(), &part).await.unwrap();
    let sums = |row: &sales::SalesRow| (row.units, row.revenue, row.refunds, row.net);
    let rows = shown(&page, |row| (row.month.clone().unwrap(), row.country.clone().unwrap(), sums(row)));
    let row = |month: &str, country: &str, sums| (month.to_owned(), country.to_owned(), sums);
    let sale = (5, gbp(640), gbp(0), gbp(640));
    // Where the order went, when it was given back.
    let back = (0, gbp(0), gbp(300), gbp(-300));
    let expected =
        [row("2011-01", "FR", sale), row("2011-02", "", sale), row("2011-02", "FR", back), row("2011-02", "GB", sale)];
    assert_eq!(rows, expected);
    let (page, _) = report(&shop.models, &[Dimension::Sku], &sales::Filter::default(), &part).await.unwrap();
    let rows = shown(&page, |row| (row.sku.clone().unwrap(), sums(row)));
    let (a, b) = ((12, gbp(1_170), gbp(300), gbp(870)), (3, gbp(750), gbp(0), gbp(750)));
    assert_eq!(rows, [("A".to_owned(), a), ("B".to_owned(), b)]);
}
