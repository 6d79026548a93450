//! More is sold than there is.

use std::collections::BTreeMap;

use eventstore::RecordedEvent;
use futures_util::future::join_all;
use serde_json::Value;

use super::{Shop, at_once, paying_with, with_status};

const UNITS: i64 = 20;
const BUYERS: usize = 48;

/// What stock promised after each of its events: never more than there was.
fn check_every_moment(events: &[RecordedEvent]) {
    let mut promised: BTreeMap<String, i64> = BTreeMap::new();
    for event in events.iter().filter(|event| event.stream.category == "inventory") {
        let payload: Value = serde_json::from_str(&event.payload).unwrap();
        let order = payload["order_id"].as_str().unwrap_or_default().to_owned();
        match event.event_type.as_str() {
            // An allocation takes the place of the order's reservation.
            "inventory.reserved" | "inventory.allocated" => {
                promised.insert(order, payload["quantity"].as_i64().unwrap());
            }
            "inventory.reservation_released" | "inventory.allocation_released" => drop(promised.remove(&order)),
            _ => {}
        }
        let sum: i64 = promised.values().sum();
        assert!(sum <= UNITS, "{sum} of {UNITS} are promised after {}", event.position);
    }
    assert!(!promised.is_empty());
}

/// vendure #3508: stock was looked at when a checkout began, and taken when it was paid; two buyers of the last unit both passed
/// the look, both paid, and the count of stock fell below zero. Here 48 buyers want one to three of twenty, all at once, all with a
/// card that is good: what is sold is there, at every moment of the book, and who is refused is told how much is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_who_pay_at_once_are_never_sold_more_than_there_is() {
    let shop = Shop::open().await;
    shop.sell("LAMP", 500, UNITS).await;
    let buyers: Vec<_> = (0..BUYERS).map(|number| (shop.as_customer(), number as i64 % 3 + 1)).collect();
    let carts = join_all(buyers.iter().map(async |(buyer, units)| buyer.fill_cart(&[("LAMP", *units)]).await)).await;
    let checkouts = buyers.iter().zip(carts).map(|((buyer, _), cart)| buyer.checkout(cart, paying_with("tok_ok")));
    let answers = at_once(checkouts).await;
    assert_eq!(with_status(&answers, 201) + with_status(&answers, 422), BUYERS);

    let mut sold = 0;
    for (answer, (_, units)) in answers.iter().zip(&buyers) {
        if answer.status == 201 {
            shop.until("order.confirmed", answer.id()).await;
            sold += units;
            continue;
        }
        assert_eq!((&answer["code"], &answer["skus"][0]["requested"]), (&"out_of_stock".into(), &(*units).into()));
        assert!(answer["skus"][0]["available"].as_i64().unwrap() < *units, "{}", answer.text());
    }
    // Whoever wanted one was refused only once nothing was left.
    assert_eq!((sold, shop.stock("LAMP").await), (UNITS, [UNITS, 0, UNITS, 0]));
    check_every_moment(&shop.events_since(0).await);
}
