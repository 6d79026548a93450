//! `GET /v1/carts/{id}`, as the read model answers it.

use ::projections::carts::{Carts, find};
use domain::{
    cart::{Cart, Command},
    ids::{CartId, CustomerId},
};
use eventstore::Position;
use uuid::Uuid;

use super::shop::{Shop, Stream, customer, gbp, quantity, sku};

#[tokio::test]
async fn a_cart_shows_its_lines_in_the_order_of_first_addition_with_their_totals() {
    let mut shop = Shop::open().await;
    let mut cart = shop.cart(customer(1));
    for (code, units, pence) in [("B", 2, 250), ("A", 1, 1_999), ("B", 3, 240)] {
        shop.put(&mut cart, &sku(code), units, pence);
    }
    let head = shop.post(&Carts).await;

    let (found, reflects) = find(&shop.models, CartId::from_uuid(cart.id)).await.unwrap();
    let found = found.unwrap();
    assert_eq!((found.status.as_str(), found.customer_id, found.version), ("open", customer(1), 4));
    let lines: Vec<_> = found.lines.iter().map(|line| (line.sku.as_str(), line.quantity, line.line_total)).collect();
    assert_eq!(lines, [("B", 5, gbp(1_200)), ("A", 1, gbp(1_999))]);
    assert_eq!(found.lines[0].unit_price, gbp(240));
    assert_eq!(found.total, gbp(3_199));
    assert_eq!((reflects.position, reflects.lag_ms), (head, 0));
}

#[tokio::test]
async fn a_line_that_was_removed_and_added_again_comes_last_whether_in_one_batch_or_in_several() {
    for batched in [true, false] {
        let mut shop = Shop::open().await;
        let mut cart = shop.cart(customer(1));
        for code in ["A", "B"] {
            shop.put(&mut cart, &sku(code), 9, 100);
        }
        if !batched {
            shop.post(&Carts).await;
        }
        shop.decide(&mut cart, Command::RemoveItem { sku: sku("A") }).unwrap();
        if !batched {
            shop.post(&Carts).await;
        }
        shop.put(&mut cart, &sku("A"), 2, 110);
        let changed = Command::ChangeQuantity { sku: sku("B"), quantity: quantity(4), unit_price: gbp(90) };
        shop.decide(&mut cart, changed).unwrap();
        shop.put(&mut cart, &sku("B"), 1, 95);
        shop.post(&Carts).await;

        let (found, _) = find(&shop.models, CartId::from_uuid(cart.id)).await.unwrap();
        let lines: Vec<_> =
            found.unwrap().lines.into_iter().map(|line| (line.sku, line.quantity, line.unit_price)).collect();
        assert_eq!(lines, [("B".to_owned(), 5, gbp(95)), ("A".to_owned(), 2, gbp(110))]);
    }
}

#[tokio::test]
async fn a_cart_that_is_not_there_is_told_with_the_position_at_which_it_is_not() {
    let mut shop = Shop::open().await;
    let cart = shop.cart(customer(1));
    shop.append().await;
    let (found, reflects) = find(&shop.models, CartId::from_uuid(cart.id)).await.unwrap();
    assert_eq!((found, reflects.position), (None, Position::TITLE));
    shop.post(&Carts).await;
    let (found, reflects) = find(&shop.models, CartId::from_uuid(Uuid::now_v7())).await.unwrap();
    assert_eq!((found, reflects.position), (None, Position(1)));
}

#[tokio::test]
async fn a_cart_says_what_became_of_it_and_whose_it_is_now() {
    let mut shop = Shop::open().await;
    let guest = customer(7);
    let mut cart = Stream::<Cart>::new(Uuid::now_v7());
    let opened = Command::Open { customer_id: guest, guest: true, currency: gbp(0).currency(), at: super::shop::now() };
    shop.decide(&mut cart, opened).unwrap();
    shop.post(&Carts).await;
    shop.decide(&mut cart, Command::AssignCustomer { customer_id: customer(8) }).unwrap();
    shop.post(&Carts).await;
    let into = CartId::from_uuid(Uuid::from_u128(99));
    shop.decide(&mut cart, Command::Merge { into, dropped: Vec::new() }).unwrap();
    shop.post(&Carts).await;

    let found = find(&shop.models, CartId::from_uuid(cart.id)).await.unwrap().0.unwrap();
    let whose: (CustomerId, bool) = (found.customer_id, found.guest);
    assert_eq!((found.status.as_str(), found.merged_into, whose), ("merged", Some(into), (customer(8), false)));
}
