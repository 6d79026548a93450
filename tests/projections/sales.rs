//! `GET /v1/reports/sales`, as the read model answers it.

use ::projections::{
    Limit, Part,
    sales::{Dimension, Filter, Sales, SalesRow, report},
};
use chrono::{Days, Utc};
use domain::order::Command;

use super::shop::{Shop, customer, gbp, quantity, shown, sku, text};

fn all() -> Part {
    Part { limit: Limit::report_default(), cursor: None }
}

async fn rows(shop: &Shop, group_by: &[Dimension], filter: &Filter) -> Vec<SalesRow> {
    report(&shop.models, group_by, filter, &all()).await.unwrap().0.data
}

/// Units and revenue by SKU.
async fn by_sku(shop: &Shop) -> Vec<(String, i64, i64)> {
    let rows = rows(shop, &[Dimension::Sku], &Filter::default()).await;
    rows.into_iter().map(|row| (row.sku.unwrap(), row.units, row.revenue.amount())).collect()
}

fn sold(code: &str, units: i64, pence: i64) -> (String, i64, i64) {
    (code.to_owned(), units, pence)
}

#[tokio::test]
async fn sales_are_counted_when_an_order_is_confirmed_and_not_before() {
    let mut shop = Shop::open().await;
    let (a, b) = (sku("A"), sku("B"));
    shop.order(customer(1), &[(&a, 9, 100)]);
    let (mut order, mut payment) = shop.order(customer(1), &[(&a, 2, 100), (&b, 1, 250), (&a, 1, 90)]);
    shop.post(&Sales).await;
    assert!(by_sku(&shop).await.is_empty());

    shop.authorize(&mut payment);
    let payment_id = domain::ids::PaymentId::from_uuid(payment.id);
    shop.decide(&mut order, Command::Confirm { payment_id, at: super::shop::now() }).unwrap();
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [sold("A", 3, 290), sold("B", 1, 250)]);
}

#[tokio::test]
async fn what_is_cancelled_is_taken_off_the_day_on_which_it_was_counted() {
    let mut shop = Shop::open().await;
    let (a, b) = (sku("A"), sku("B"));
    let (mut first, _) = shop.confirmed_order(customer(1), &[(&a, 5, 100)]);
    let (mut second, _) = shop.confirmed_order(customer(2), &[(&a, 1, 80), (&b, 2, 70)]);
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [sold("A", 6, 580), sold("B", 2, 140)]);

    let lines = first.state.contents().unwrap().lines_of(&[(a.clone(), quantity(2))]).unwrap();
    shop.decide(&mut first, Command::CancelLines { lines, reason: text("no") }).unwrap();
    shop.decide(&mut second, Command::Cancel { reason: text("no") }).unwrap();
    shop.post(&Sales).await;
    assert_eq!(by_sku(&shop).await, [sold("A", 3, 300)]);

    shop.decide(&mut first, Command::Cancel { reason: text("no") }).unwrap();
    shop.post(&Sales).await;
    assert!(by_sku(&shop).await.is_empty());
}

#[tokio::test]
async fn the_report_is_grouped_by_what_is_asked_for_and_filtered_by_day() {
    let mut shop = Shop::open().await;
    let (a, b) = (sku("A"), sku("B"));
    shop.confirmed_order(customer(1), &[(&a, 5, 100), (&b, 1, 30)]);
    shop.post(&Sales).await;
    let today = Utc::now().date_naive();

    let by_day = rows(&shop, &[Dimension::Day, Dimension::Sku], &Filter::default()).await;
    let days: Vec<_> = by_day.iter().map(|row| (row.day.clone().unwrap(), row.sku.clone().unwrap())).collect();
    assert_eq!(days, [(today.to_string(), "A".to_owned()), (today.to_string(), "B".to_owned())]);
    let by_month = rows(&shop, &[Dimension::Month, Dimension::Currency], &Filter::default()).await;
    assert_eq!(by_month[0].month.as_deref(), Some(&*today.format("%Y-%m").to_string()));
    assert_eq!((by_month[0].currency.map(|it| it.as_str()), by_month[0].revenue), (Some("GBP"), gbp(530)));
    let total = rows(&shop, &[], &Filter::default()).await;
    assert_eq!((total.len(), total[0].units, total[0].revenue), (1, 6, gbp(530)));

    let filter = Filter { from: Some(today), to: Some(today), sku: Some(b), ..Filter::default() };
    assert_eq!(rows(&shop, &[], &filter).await[0].revenue, gbp(30));
    let tomorrow = Filter { from: today.checked_add_days(Days::new(1)), ..Filter::default() };
    assert!(rows(&shop, &[], &tomorrow).await.is_empty());
}

#[tokio::test]
async fn a_long_report_is_read_in_pages() {
    let mut shop = Shop::open().await;
    let codes: Vec<_> = (0..10).map(|number| sku(&format!("P{number}"))).collect();
    let lines: Vec<_> = codes.iter().map(|code| (code, 1, 10)).collect();
    shop.confirmed_order(customer(1), &lines);
    shop.post(&Sales).await;
    for group_by in [vec![Dimension::Day, Dimension::Sku], vec![Dimension::Sku], vec![Dimension::Sku, Dimension::Month]]
    {
        let (mut seen, mut part) = (Vec::new(), Part { limit: Limit::of_report(3).unwrap(), cursor: None });
        loop {
            let (page, _) = report(&shop.models, &group_by, &Filter::default(), &part).await.unwrap();
            seen.extend(shown(&page, |row| row.sku.clone().unwrap()));
            part.cursor = page.next_cursor;
            if part.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, codes.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
}
