//! A product's rules, each as given, when, then.

mod transitions;

use serde_json::json;

use super::*;
use crate::{
    money::Currency,
    spec::{Given, given},
};

fn product(events: impl IntoIterator<Item = Event>) -> Given<Product> {
    given(events)
}

fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

fn attributes(entries: serde_json::Value) -> Attributes {
    serde_json::from_value(entries).unwrap()
}

fn facts() -> Created {
    Created {
        sku: sku("85123A"),
        name: Name::new("White hanging heart").unwrap(),
        description: None,
        category: Some(Category::new("Decoration").unwrap()),
        price: gbp(255),
        attributes: attributes(json!({"colour": "white", "pieces": 1})),
        parent_sku: None,
    }
}

fn create(created: Created) -> Command {
    let Created { sku, name, description, category, price, attributes, parent_sku } = created;
    Command::Create { sku, name, description, category, price, attributes, parent_sku }
}

fn created() -> Event {
    Event::Created(facts())
}

fn published() -> Event {
    Event::Published(Published { sku: sku("85123A") })
}

fn archived() -> Event {
    Event::Archived(Archived { sku: sku("85123A") })
}

fn illegal(state: &'static str, allowed: &[&'static str]) -> Error {
    Error::IllegalTransition { state, allowed: allowed.to_vec() }
}

const OF_A_DRAFT: &[&str] = &["update", "change_price", "publish"];

#[test]
fn a_created_product_is_a_draft() {
    product([]).when(create(facts())).then([created()]).then_state(|state| {
        assert_eq!(state.status(), "draft");
        assert!(state.exists());
        assert_eq!(state.details().unwrap().price, gbp(255));
    });
}

#[test]
fn creating_the_same_product_again_changes_nothing() {
    product([created(), published()]).when(create(facts())).then_nothing();
}

#[test]
fn a_sku_is_given_once() {
    let other = Created { price: gbp(300), ..facts() };
    product([created()]).when(create(other)).then_error(Error::SkuTaken { sku: sku("85123A") });
}

#[test]
fn a_price_is_above_zero() {
    for price in [gbp(0), gbp(-1)] {
        product([]).when(create(Created { price, ..facts() })).then_error(Error::PriceNotPositive { price });
        product([created()]).when(Command::ChangePrice { price }).then_error(Error::PriceNotPositive { price });
    }
}

#[test]
fn a_product_is_no_variant_of_itself() {
    let own = Error::OwnParent { sku: sku("85123A") };
    product([]).when(create(Created { parent_sku: Some(sku("85123A")), ..facts() })).then_error(own.clone());
    let changes = Changes { parent_sku: Patch::Set(sku("85123A")), ..Changes::default() };
    product([created()]).when(Command::Update(changes)).then_error(own);
    product([]).when(create(Created { parent_sku: Some(sku("85123")), ..facts() })).then_state(|state| {
        assert_eq!(state.details().unwrap().parent_sku, Some(sku("85123")));
    });
}

#[test]
fn a_product_goes_from_draft_to_published_to_archived() {
    product([created()])
        .when(Command::Publish)
        .then([published()])
        .when(Command::Archive)
        .then([archived()])
        .then_state(|state| assert_eq!(state.status(), "archived"));
}

#[test]
fn publishing_or_archiving_again_changes_nothing() {
    product([created(), published()]).when(Command::Publish).then_nothing();
    product([created(), published(), archived()]).when(Command::Archive).then_nothing();
}

#[test]
fn an_illegal_transition_names_the_state_and_what_is_allowed() {
    product([]).when(Command::Publish).then_error(illegal("absent", &["create"]));
    product([]).when(Command::Archive).then_error(illegal("absent", &["create"]));
    product([]).when(Command::Update(Changes::default())).then_error(illegal("absent", &["create"]));
    product([created()]).when(Command::Archive).then_error(illegal("draft", OF_A_DRAFT));
    let retired = [created(), published(), archived()];
    product(retired.clone()).when(Command::Publish).then_error(illegal("archived", &[]));
    product(retired.clone()).when(Command::ChangePrice { price: gbp(1) }).then_error(illegal("archived", &[]));
    product(retired).when(Command::Update(Changes::default())).then_error(illegal("archived", &[]));
    assert_eq!(
        illegal("draft", OF_A_DRAFT).to_string(),
        "the product is draft; it would accept update, change_price, publish"
    );
    assert_eq!(illegal("archived", &[]).to_string(), "the product is archived; it would accept nothing");
}

#[test]
fn a_new_price_says_what_the_old_one_was() {
    let changed = PriceChanged { sku: sku("85123A"), price: gbp(295), previous_price: gbp(255) };
    product([created(), published()])
        .when(Command::ChangePrice { price: gbp(295) })
        .then([Event::PriceChanged(changed)])
        .when(Command::ChangePrice { price: gbp(295) })
        .then_nothing()
        .then_state(|state| {
            assert_eq!(state.details().unwrap().price, gbp(295));
            assert_eq!(state.status(), "published");
        });
}

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let changes = Changes {
        name: Some(Name::new("Heart").unwrap()),
        description: Patch::Set(Description::new("Two\nlines").unwrap()),
        category: Patch::Clear,
        attributes: Patch::Set(serde_json::from_value(json!({"colour": null, "pieces": 2, "new": true})).unwrap()),
        parent_sku: Patch::Set(sku("85123")),
    };
    let updated = Updated {
        sku: sku("85123A"),
        name: Some(Name::new("Heart").unwrap()),
        description: Patch::Set(Description::new("Two\nlines").unwrap()),
        attributes: Some(attributes(json!({"pieces": 2, "new": true}))),
        parent_sku: Patch::Set(sku("85123")),
    };
    let recategorised = CategoryChanged {
        sku: sku("85123A"),
        category: None,
        previous_category: Some(Category::new("Decoration").unwrap()),
    };
    product([created()])
        .when(Command::Update(changes.clone()))
        .then([Event::Updated(updated), Event::CategoryChanged(recategorised)])
        .when(Command::Update(changes))
        .then_nothing()
        .then_state(|state| {
            let details = state.details().unwrap();
            assert_eq!(details.name.as_str(), "Heart");
            assert_eq!(details.description.as_ref().unwrap().as_str(), "Two\nlines");
            assert_eq!(details.category, None);
            assert_eq!(details.attributes, attributes(json!({"pieces": 2, "new": true})));
            assert_eq!(details.parent_sku, Some(sku("85123")));
            assert_eq!(details.price, gbp(255));
        });
}

#[test]
fn each_member_of_a_patch_is_enough_for_an_event() {
    let patches = [
        Changes { name: Some(Name::new("Heart").unwrap()), ..Changes::default() },
        Changes { description: Patch::Set(Description::new("New").unwrap()), ..Changes::default() },
        Changes { attributes: Patch::Clear, ..Changes::default() },
        Changes { parent_sku: Patch::Set(sku("85123")), ..Changes::default() },
        Changes { category: Patch::Set(Category::new("Gifts").unwrap()), ..Changes::default() },
    ];
    for changes in patches {
        let decided = Product::decide(&given::<Product>([created()]).into_state(), Command::Update(changes.clone()));
        assert_eq!(decided.unwrap().len(), 1, "{changes:?}");
    }
}

#[test]
fn a_patch_that_clears_is_stored_as_null_and_one_that_keeps_is_not_stored() {
    let changes = Changes { parent_sku: Patch::Clear, attributes: Patch::Clear, ..Changes::default() };
    let variant = Created { parent_sku: Some(sku("85123")), ..facts() };
    let updated = Updated {
        sku: sku("85123A"),
        name: None,
        description: Patch::Keep,
        attributes: Some(Attributes::default()),
        parent_sku: Patch::Clear,
    };
    assert_eq!(serde_json::to_value(&updated).unwrap(), json!({"sku": "85123A", "attributes": {}, "parent_sku": null}));
    product([Event::Created(variant)])
        .when(Command::Update(changes))
        .then([Event::Updated(updated)])
        .then_state(|state| assert_eq!(state.details().unwrap().parent_sku, None));
}

#[test]
fn an_empty_patch_or_one_that_is_true_already_changes_nothing() {
    product([created()]).when(Command::Update(Changes::default())).then_nothing();
    let same = Changes {
        name: Some(facts().name),
        description: Patch::Clear,
        category: Patch::Set(Category::new("Decoration").unwrap()),
        attributes: Patch::Set(serde_json::from_value(json!({"pieces": 1, "gone": null})).unwrap()),
        parent_sku: Patch::Clear,
    };
    product([created()]).when(Command::Update(same)).then_nothing();
}

#[test]
fn attributes_are_flat_and_at_most_32() {
    let entries = |count: usize| -> serde_json::Value {
        (0..count).map(|entry| (format!("a{entry}"), json!(entry))).collect::<serde_json::Map<_, _>>().into()
    };
    assert_eq!(attributes(entries(32)).iter().count(), 32);
    let many = serde_json::from_value::<Attributes>(entries(33)).unwrap_err();
    assert_eq!(many.to_string(), "a product has at most 32 attributes, not 33");
    for bad in [json!({"a": []}), json!({"a": {}}), json!({"a": null}), json!({"a": "\0"}), json!({"": 1}), json!([])] {
        assert!(serde_json::from_value::<Attributes>(bad.clone()).is_err(), "{bad}");
    }
    let full = Created { attributes: attributes(entries(32)), ..facts() };
    let one_more = serde_json::from_value(json!({"one_more": 1.5})).unwrap();
    product([Event::Created(full)])
        .when(Command::Update(Changes { attributes: Patch::Set(one_more), ..Changes::default() }))
        .then_error(Error::TooManyAttributes { found: 33, max: 32 });
}

#[test]
fn c5_only_a_published_product_is_offered() {
    let offer = |events: Vec<Event>| given::<Product>(events).into_state().offer();
    let refused = |state| Err(Error::NotPublished { sku: sku("85123A"), state });
    assert_eq!(offer(vec![]), Err(Error::UnknownSku));
    assert_eq!(offer(vec![created()]), refused("draft"));
    assert_eq!(offer(vec![created(), published(), archived()]), refused("archived"));
    let offered = Offer { sku: sku("85123A"), name: facts().name, unit_price: gbp(255) };
    assert_eq!(offer(vec![created(), published()]), Ok(offered));
}

#[test]
fn what_cannot_follow_is_folded_without_harm() {
    product([published(), archived()]).then_state(|state| assert_eq!((state, state.exists()), (&State::Absent, false)));
    product([created(), published(), archived(), published()]).then_state(|state| {
        assert_eq!(state.status(), "archived");
    });
}

#[test]
fn a_product_weighs_what_its_text_does() {
    let (empty, full) = (State::Absent, given::<Product>([created()]).into_state());
    let text = "85123A".len() + "White hanging heart".len() + "Decoration".len();
    let entries = "colour".len() + "white".len() + "pieces".len() + 2 * size_of::<(AttributeName, Scalar)>();
    assert_eq!(Product::weight(&full), Product::weight(&empty) + text + entries);
    let changes = Changes { description: Patch::Set(Description::new("abc").unwrap()), ..Changes::default() };
    product([created()]).when(Command::Update(changes)).then_state(|state| {
        assert_eq!(Product::weight(state), Product::weight(&full) + 3);
    });
}

#[test]
fn every_refusal_has_a_code() {
    let all = [
        (Error::UnknownSku, "unknown_sku"),
        (Error::SkuTaken { sku: sku("A") }, "sku_taken"),
        (illegal("draft", &[]), "illegal_transition"),
        (Error::NotPublished { sku: sku("A"), state: "draft" }, "product_not_published"),
        (Error::PriceNotPositive { price: gbp(0) }, "price_not_positive"),
        (Error::TooManyAttributes { found: 33, max: 32 }, "too_many_attributes"),
        (Error::OwnParent { sku: sku("A") }, "own_parent"),
    ];
    for (error, code) in all {
        assert_eq!(error.code(), code);
    }
}
