//! A chaotic load at a small scale: it has every kind of mishap in it, reconciles all the same, and says so when it does not.

use api::load::chaos::Seed;
use api::load::chaos::draws::total;
use api::load::chaos::kinds::Kind;
use api::load::{Loaded, account::Accepted};

use super::shop::{self, Shop};
use super::{check_failed, failed, load_with};

/// With this seed so many invoices have fates of all kinds.
const CHAOTIC: Seed = Seed(526);
const INVOICES: usize = 120;

/// Two to four lines of seven products each; every fifth is a guest's.
fn made_up() -> String {
    let mut lines = "invoice,stock_code,description,quantity,invoiced_at,unit_price,customer_id,country\n".to_owned();
    for invoice in 0..INVOICES {
        let customer = if invoice % 5 == 4 { String::new() } else { (20_000 + invoice % 40).to_string() };
        for line in 0..2 + invoice % 3 {
            let product = (invoice + 3 * line) % 7;
            let (units, price) = (1 + (invoice + line) % 6, 85 + 17 * product);
            let (pounds, pence) = (price / 100, price % 100);
            lines += &format!("{},{product}X,THING {product},{units},", 700_000 + invoice);
            lines += &format!("2011-03-01T10:00:00Z,{pounds}.{pence:02},{customer},United Kingdom\n");
        }
    }
    lines
}

/// What the load knows of the first order that is of this sort becomes wrong.
fn mistake(loaded: &mut Loaded, is_it: impl Fn(&Accepted) -> bool, change: impl FnOnce(&mut Accepted)) {
    change(loaded.accepted.iter_mut().find(|accepted| is_it(accepted)).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_mishap_reconciles_and_whatever_is_not_counted_is_missed() {
    let Some(kafka) = support::kafka().await else { return };
    let shop = Shop::open(kafka).await;
    let baskets = shop::baskets(made_up().as_bytes());
    let mut loaded = load_with(&shop, baskets, "1", Some(CHAOTIC)).await.unwrap();
    assert!(loaded.reconciled);
    assert_eq!(loaded.accepted.len(), INVOICES);
    assert_eq!(loaded.happened.missing(), []);
    assert!(loaded.happened.count(Kind::SentInParcels) > 5);

    let as_it_was = loaded.accepted.clone();
    let is_refunded = |accepted: &Accepted| !accepted.refunds.is_empty();
    mistake(&mut loaded, is_refunded, |accepted| accepted.refunds.clear());
    let wrong = [("orders", "is partially_refunded"), ("money", "given back"), ("deeds", "has the refunds")];
    check_failed(&failed(&shop, &loaded).await, &wrong);

    loaded.accepted.clone_from(&as_it_was);
    let is_restocked = |accepted: &Accepted| accepted.returned.as_ref().is_some_and(|back| total(&back.restocked) > 0);
    mistake(&mut loaded, is_restocked, |accepted| accepted.returned.as_mut().unwrap().restocked.clear());
    check_failed(&failed(&shop, &loaded).await, &[("orders", "has the returns"), ("stock", "restocked")]);

    loaded.accepted.clone_from(&as_it_was);
    mistake(&mut loaded, |accepted| accepted.is_moved, |accepted| accepted.is_moved = false);
    let wrong = [("orders", "is 2 Corrected Lane, not 1 Made-up Road"), ("deeds", "had its address corrected")];
    check_failed(&failed(&shop, &loaded).await, &wrong);
    shop.close().await;
}
