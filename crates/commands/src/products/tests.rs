//! The catalogue's use cases.

use domain::product::Patch;

use super::*;
use crate::spec::{Shop, create, gbp, sku};

fn product<'a>(shop: &'a Shop, text: &str) -> &'a product::State {
    shop.state::<Product>(ids::product_stream(&sku(text)))
}

#[test]
fn a_product_is_created_and_published_in_one_append() {
    let mut shop = Shop::new();
    let done = shop.accept(create("MUG", 500));
    assert_eq!(done.types, ["product.created", "product.published"]);
    assert_eq!(done.outcome, ProductOutcome { sku: sku("MUG") });
    let shown = done.states.get::<Product>(ids::product_stream(&sku("MUG"))).unwrap();
    assert_eq!((shown.0.status(), shown.1), ("published", 2));
}

#[test]
fn a_product_that_is_not_to_be_published_stays_a_draft() {
    let mut shop = Shop::new();
    let done = shop.accept(CreateProduct { publish: false, ..create("MUG", 500) });
    assert_eq!(done.types, ["product.created"]);
    assert_eq!(product(&shop, "MUG").status(), "draft");
}

#[test]
fn creating_the_same_product_again_is_satisfied() {
    let mut shop = Shop::new();
    shop.accept(create("MUG", 500));
    shop.accept_as_done(create("MUG", 500));
}

#[test]
fn a_sku_with_other_content_is_taken() {
    let mut shop = Shop::new();
    shop.accept(create("MUG", 500));
    assert_eq!(shop.refuse(create("MUG", 501)), Rejection::SkuTaken { sku: "MUG".to_owned() });
    assert_eq!(shop.accept(create("mug", 501)).outcome.sku, sku("mug"));
}

#[test]
fn a_price_of_nothing_is_refused() {
    let refused = Shop::new().refuse(create("MUG", 0));
    assert_eq!(refused, Rejection::Product(product::Error::PriceNotPositive { price: gbp(0) }));
}

#[test]
fn a_product_is_changed_repriced_and_archived() {
    let mut shop = Shop::new();
    shop.accept(create("MUG", 500));
    let changes = Changes { category: Patch::Set(Category::new("kitchen").unwrap()), ..Changes::default() };
    let update = UpdateProduct { sku: sku("MUG"), changes };
    assert_eq!(shop.accept(update.clone()).types, ["product.category_changed"]);
    shop.accept_as_done(update);
    let price = ChangePrice { sku: sku("MUG"), price: gbp(550) };
    assert_eq!(shop.accept(price.clone()).types, ["product.price_changed"]);
    shop.accept_as_done(price);
    shop.accept_as_done(PublishProduct { sku: sku("MUG") });
    assert_eq!(shop.accept(ArchiveProduct { sku: sku("MUG") }).types, ["product.archived"]);
    let refused = shop.refuse(PublishProduct { sku: sku("MUG") });
    assert_eq!(refused, Rejection::Product(product::Error::IllegalTransition { state: "archived", allowed: vec![] }));
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let mut shop = Shop::new();
    let unknown = Rejection::NotFound { what: "product", id: "MUG".to_owned() };
    assert_eq!(shop.refuse(UpdateProduct { sku: sku("MUG"), changes: Changes::default() }), unknown);
    assert_eq!(shop.refuse(ChangePrice { sku: sku("MUG"), price: gbp(1) }), unknown);
    assert_eq!(shop.refuse(PublishProduct { sku: sku("MUG") }), unknown);
    assert_eq!(shop.refuse(ArchiveProduct { sku: sku("MUG") }), unknown);
}
