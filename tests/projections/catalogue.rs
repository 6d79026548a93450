//! `GET /v1/products` and `/v1/products/{sku}`, as the read model answers them.

use std::collections::BTreeMap;

use ::projections::{
    Limit, Part, Sort,
    catalogue::{Audience, By, Catalogue, Filter, Products, find, list},
};
use domain::{
    ids::{Sku, product_stream},
    product::{Attributes, Changes, Command, Patch, Product, Scalar},
};

use super::shop::{Shop, Stream, gbp, name, shown, sku, text};

fn attributes(entries: &[(&str, Scalar)]) -> Attributes {
    Attributes::new(entries.iter().map(|(name, value)| (text(name), value.clone())).collect()).unwrap()
}

/// A published product.
fn publish(shop: &mut Shop, code: &str, shown: &str, category: &str, pence: i64, colour: &str) -> Stream<Product> {
    let mut product = Stream::new(product_stream(&sku(code)));
    let created = Command::Create {
        sku: sku(code),
        name: name(shown),
        description: None,
        category: Some(text(category)),
        price: gbp(pence),
        attributes: attributes(&[("colour", Scalar::Text(text(colour))), ("pieces", Scalar::Number(3.into()))]),
        parent_sku: None,
    };
    shop.decide(&mut product, created).unwrap();
    shop.decide(&mut product, Command::Publish).unwrap();
    product
}

async fn lanterns_and_bags() -> Shop {
    let mut shop = Shop::open().await;
    publish(&mut shop, "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", "lights", 255, "white");
    publish(&mut shop, "71053", "White metal lantern", "lights", 339, "white");
    publish(&mut shop, "20725", "Lunch bag red retrospot", "bags", 165, "red");
    let mut draft = Stream::<Product>::new(product_stream(&sku("20726")));
    let created = Command::Create {
        sku: sku("20726"),
        name: name("Lunch bag woodland"),
        description: Some(text("For foxes.\nAnd owls.")),
        category: Some(text("bags")),
        price: gbp(165),
        attributes: Attributes::default(),
        parent_sku: None,
    };
    shop.decide(&mut draft, created).unwrap();
    shop.post(&Catalogue).await;
    shop
}

async fn listed(shop: &Shop, filter: &Filter) -> Products {
    list(&shop.models, filter, Sort::default(), &Part::default()).await.unwrap().0
}

async fn skus(shop: &Shop, filter: &Filter) -> Vec<String> {
    shown(&listed(shop, filter).await.page, |product| product.sku.clone())
}

#[tokio::test]
async fn a_product_is_shown_as_it_was_last_changed() {
    let mut shop = Shop::open().await;
    let mut product = publish(&mut shop, "A", "First", "lights", 255, "white");
    shop.post(&Catalogue).await;
    shop.decide(&mut product, Command::ChangePrice { price: gbp(300) }).unwrap();
    let patch = BTreeMap::from([(text("colour"), None), (text("glows"), Some(Scalar::Flag(true)))]);
    let changes = Changes {
        name: Some(name("Second")),
        description: Patch::Set(text("It glows.")),
        category: Patch::Clear,
        attributes: Patch::Set(patch),
        parent_sku: Patch::Set(sku("PARENT")),
    };
    shop.decide(&mut product, Command::Update(changes)).unwrap();
    shop.post(&Catalogue).await;

    let found = find(&shop.models, &sku("A"), Audience::Customers).await.unwrap().0.unwrap();
    assert_eq!((found.name.as_str(), found.description.as_deref()), ("Second", Some("It glows.")));
    assert_eq!((found.category, found.price, found.version), (None, gbp(300), product.version));
    assert_eq!(serde_json::json!(found.attributes), serde_json::json!({"pieces": 3, "glows": true}));
    assert_eq!((found.parent_sku.as_deref(), found.status.as_str()), (Some("PARENT"), "published"));
}

#[tokio::test]
async fn customers_see_only_what_is_published() {
    let shop = lanterns_and_bags().await;
    for (audience, bags) in [(Audience::Customers, vec!["20725"]), (Audience::Staff, vec!["20725", "20726"])] {
        let filter = Filter { category: Some("bags".to_owned()), ..Filter::all(audience) };
        assert_eq!(skus(&shop, &filter).await, bags);
        let draft = find(&shop.models, &sku("20726"), audience).await.unwrap().0;
        assert_eq!(draft.is_some(), audience == Audience::Staff);
    }
}

#[tokio::test]
async fn a_search_finds_words_of_the_name_in_any_case_and_the_beginning_of_the_last() {
    let shop = lanterns_and_bags().await;
    for (q, found) in [
        ("white", vec!["85123A", "71053"]),
        ("white lant", vec!["71053"]),
        ("WHITE metal", vec!["71053"]),
        ("85123a", vec!["85123A"]),
        ("bag", vec!["20725"]),
        ("zebra", vec![]),
        ("?!", vec![]),
        ("it's 'quoted' & | ! :*", vec![]),
    ] {
        let filter = Filter { q: Some(q.to_owned()), ..Filter::all(Audience::Customers) };
        assert_eq!(skus(&shop, &filter).await, found, "{q}");
    }
}

#[tokio::test]
async fn filters_narrow_the_list_together() {
    let shop = lanterns_and_bags().await;
    let all = Filter::all(Audience::Customers);
    let priced = Filter { min_price: Some(165), max_price: Some(255), ..all.clone() };
    assert_eq!(skus(&shop, &priced).await, ["20725", "85123A"]);
    let attribute = |name: &str, value: &str| Filter {
        attributes: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        ..all.clone()
    };
    assert_eq!(skus(&shop, &attribute("colour", "white")).await, ["85123A", "71053"]);
    assert_eq!(skus(&shop, &attribute("pieces", "3")).await.len(), 3);
    assert!(skus(&shop, &attribute("pieces", "4")).await.is_empty());
    let both = Filter { max_price: Some(300), ..attribute("colour", "white") };
    assert_eq!(skus(&shop, &both).await, ["85123A"]);
}

#[tokio::test]
async fn facets_count_under_all_filters_but_their_own() {
    let shop = lanterns_and_bags().await;
    let counts = |products: &Products| -> Vec<(String, i64)> {
        products.facets.category.iter().map(|facet| (facet.value.clone(), facet.count)).collect()
    };
    let bags = Filter { category: Some("bags".to_owned()), ..Filter::all(Audience::Customers) };
    let products = listed(&shop, &bags).await;
    assert_eq!(counts(&products), [("lights".to_owned(), 2), ("bags".to_owned(), 1)]);
    assert_eq!(products.facets.status, None);

    let staff = Filter { status: Some("draft".to_owned()), ..Filter::all(Audience::Staff) };
    let products = listed(&shop, &staff).await;
    assert_eq!(counts(&products), [("bags".to_owned(), 1)]);
    let statuses: Vec<_> =
        products.facets.status.unwrap().into_iter().map(|facet| (facet.value, facet.count)).collect();
    assert_eq!(statuses, [("published".to_owned(), 3), ("draft".to_owned(), 1)]);
}

#[tokio::test]
async fn pages_in_every_order_show_each_product_once() {
    let mut shop = Shop::open().await;
    let codes: Vec<Sku> = (0..23).map(|number| sku(&format!("P{number:02}"))).collect();
    for (number, code) in codes.iter().enumerate() {
        // Prices and names that several share.
        shop.product(code, 100 + number as i64 / 4);
        shop.append().await;
    }
    shop.post(&Catalogue).await;
    let filter = Filter::all(Audience::Customers);
    for by in [By::Name, By::Price, By::CreatedAt] {
        for descending in [false, true] {
            let (mut seen, mut part) = (Vec::new(), Part { limit: Limit::new(5).unwrap(), cursor: None });
            loop {
                let (products, _) = list(&shop.models, &filter, Sort { by, descending }, &part).await.unwrap();
                seen.extend(shown(&products.page, |product| product.sku.clone()));
                part.cursor = products.page.next_cursor;
                if part.cursor.is_none() {
                    break;
                }
            }
            let mut expected: Vec<String> = codes.iter().map(Sku::to_string).collect();
            if descending {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{by:?} {descending}");
        }
    }
}
