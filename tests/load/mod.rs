//! The load on a small book: it sells what the excerpt has, and its reconciliation finds whatever is taken away afterwards.

mod chaos;
mod flash_sale;
mod shop;

use api::load::chaos::Seed;
use api::load::check::Verdict;
use api::load::{LoadError, Loaded, Options, Target};
use api::servers::folder::Folder;
use eventstore::Position;
use shop::Shop;
use support::kafka::Kafka;

const INVOICES: usize = 12;

#[track_caller]
fn check_failed(failed: &[(&'static str, String)], expected: &[(&'static str, &str)]) {
    let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, expected.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{failed:?}");
    for ((_, detail), (_, words)) in failed.iter().zip(expected) {
        assert!(detail.contains(words), "{failed:?}");
    }
}

async fn load(shop: &Shop, stock_factor: &str) -> Result<Loaded, LoadError> {
    load_with(shop, shop::excerpt(), stock_factor, None).await
}

async fn load_with(shop: &Shop, baskets: Folder, stock_factor: &str, chaos: Option<Seed>) -> Result<Loaded, LoadError> {
    let options = Options {
        baskets: baskets.path().join("baskets.csv.gz"),
        clients: 4,
        limit: None,
        stock_factor: stock_factor.parse().unwrap(),
        target: Target::Running(shop.instance.clone()),
        chaos,
    };
    api::load::run(options, |text| println!("{text}")).await
}

/// The checks that fail, with their details.
async fn failed(shop: &Shop, loaded: &Loaded) -> Vec<(&'static str, String)> {
    let mut failed = Vec::new();
    let passed = api::load::reconcile::reconcile(loaded.evidence(), &shop.instance, |check| {
        println!("{check}");
        if check.verdict == Verdict::Fail {
            failed.push((check.name, check.detail.clone()));
        }
    });
    assert_eq!(passed.await.unwrap(), failed.is_empty());
    failed
}

/// Loads everything, and sees that nothing fails yet.
async fn sold_out(kafka: &Kafka) -> (Shop, Loaded) {
    let shop = Shop::open(kafka).await;
    let loaded = load(&shop, "1").await.unwrap();
    assert!(loaded.reconciled);
    assert_eq!(loaded.accepted.len(), INVOICES);
    (shop, loaded)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invoice_is_sold_delivered_and_reconciled_with_its_topics() {
    let Some(kafka) = support::kafka().await else { return };
    let (shop, loaded) = sold_out(kafka).await;
    assert_eq!(loaded.evidence().sums().revenue, 274_919);
    assert_eq!(failed(&shop, &loaded).await, []);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_short_is_refused_and_the_rest_reconciles() {
    let Some(kafka) = support::kafka().await else { return };
    let shop = Shop::open(kafka).await;
    let loaded = load(&shop, "0.5").await.unwrap();
    assert!(loaded.reconciled);
    // Nobody gets the 60,000 pencils, of which there are half as many.
    assert!(!loaded.accepted.is_empty() && loaded.accepted.len() < INVOICES - 1, "{:?}", loaded.accepted);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_load_of_the_same_book_is_refused() {
    let Some(kafka) = support::kafka().await else { return };
    let (shop, _) = sold_out(kafka).await;
    let error = load(&shop, "1").await.unwrap_err();
    assert!(error.to_string().contains("holds orders already"), "{error}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sales_row_that_is_removed_is_missed() {
    let Some(kafka) = support::kafka().await else { return };
    let (shop, loaded) = sold_out(kafka).await;
    shop.as_owner("DELETE FROM sales_v2.sales WHERE sku = '10004'").await;
    check_failed(&failed(&shop, &loaded).await, &[("sales", "10004 0 units for £0.00, expected 30 units for £58.50")]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_row_that_is_removed_is_missed() {
    let Some(kafka) = support::kafka().await else { return };
    let (shop, loaded) = sold_out(kafka).await;
    let gone = &loaded.accepted[0];
    shop.as_owner(&format!("DELETE FROM orders_v3.orders WHERE id = '{}'", gone.order_id)).await;
    let failed = failed(&shop, &loaded).await;
    let missing = format!("order {} of invoice", gone.order_id);
    check_failed(&failed, &[("orders", &missing), ("money", "404 Not Found")]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_removed_is_missed() {
    let Some(kafka) = support::kafka().await else { return };
    let (shop, loaded) = sold_out(kafka).await;
    shop.remove_first_record(kafka, "order").await;
    check_failed(&failed(&shop, &loaded).await, &[("topics", "order lacks position")]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_removed_is_missed() {
    let Some(kafka) = support::kafka().await else { return };
    let (shop, loaded) = sold_out(kafka).await;
    let position = shop.position_of("order.created").await;
    shop.remove_events(&format!("position = {position}")).await;
    let missing = format!("position {position}: is missing");
    let left_over = format!("order holds position {position}, which is not its next");
    check_failed(&failed(&shop, &loaded).await, &[("verify", &missing), ("topics", &left_over)]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_is_cut_off_is_missed() {
    let Some(kafka) = support::kafka().await else { return };
    let (shop, loaded) = sold_out(kafka).await;
    let answered = Position(loaded.position);
    shop.remove_events(&format!("position >= {answered}")).await;
    // What was made of it before it went is still there, in the read models and in Kafka; what it did is nowhere.
    check_failed(&failed(&shop, &loaded).await, &[("verify", "was answered"), ("deeds", "captures")]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_breaks_conservation_is_missed_by_no_reconciliation() {
    let Some(kafka) = support::kafka().await else { return };
    let (shop, loaded) = sold_out(kafka).await;
    shop.as_owner(
        "INSERT INTO conservation_v1.violations (position, number, rule, subject, detail) \
         VALUES (1, 0, 'oversold', 'inventory-1', '3 reserved of 2')",
    )
    .await;
    check_failed(
        &failed(&shop, &loaded).await,
        &[("conserved", "oversold at position 1, inventory-1: 3 reserved of 2")],
    );
    shop.close().await;
}
