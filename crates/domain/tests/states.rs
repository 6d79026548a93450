//! The states that snapshots hold. For each aggregate a golden file has rich histories, told in the examples of the event
//! schemas, and the states they come to. A state that is written in another shape, or that its events come to in another
//! way, and an event that is new, have another `STATE_VERSION`: snapshots of before are then folded anew.
#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use domain::{
    aggregate::{Aggregate, EventKind},
    cart::Cart,
    inventory::Inventory,
    order::Order,
    payment::Payment,
    product::Product,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Golden {
    /// Every event type that the state may come of, with its version of today.
    event_types: BTreeMap<String, i32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    /// `cart.merged.v1 2` is the second example of that schema.
    history: Vec<String>,
    state: Value,
}

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// An event as it stands in the examples, decoded as it would be from a book.
fn example<E: EventKind>(told: &str) -> E {
    let (schema, number) = told.split_once(' ').unwrap_or((told, "1"));
    let (event_type, version) = schema.rsplit_once(".v").unwrap();
    let text = fs::read(folder("../../schemas/events").join(format!("{schema}.json"))).unwrap();
    let examples: Value = serde_json::from_slice(&text).unwrap();
    let payload = &examples["examples"][number.parse::<usize>().unwrap() - 1];
    E::from_payload(event_type, version.parse().unwrap(), &payload.to_string()).unwrap()
}

#[track_caller]
fn check<A: Aggregate<State: PartialEq>>() {
    let name = format!("{}.v{}.json", A::CATEGORY, A::STATE_VERSION);
    let text = fs::read(folder("tests/states").join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let golden: Golden = serde_json::from_slice(&text).unwrap();
    let types: BTreeMap<String, i32> = A::Event::TYPES.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
    assert_eq!(golden.event_types, types, "{name}: a new event, or a new version of one, is a new STATE_VERSION");

    let (mut told, mut shown) = (BTreeSet::new(), BTreeMap::new());
    for Case { history, state } in &golden.cases {
        let events: Vec<A::Event> = history.iter().map(|told| example(told)).collect();
        told.extend(events.iter().map(EventKind::event_type));
        let folded = domain::aggregate::fold::<A>(A::initial(), &events);
        let written = serde_json::to_value(&folded).unwrap();
        assert_eq!(
            written, *state,
            "{name}: another state is another STATE_VERSION. It is now, after {history:?}:\n{written}"
        );
        let read: A::State = serde_json::from_slice(&serde_json::to_vec(&folded).unwrap()).unwrap();
        assert_eq!(read, folded, "{name}: the state does not come back as it was, after {history:?}");
        show(state, &mut shown);
    }
    assert_eq!(told, types.keys().map(String::as_str).collect(), "{name}: every event is told in some history");
    let bare: Vec<&String> = shown.iter().filter(|(_, is_shown)| !**is_shown).map(|(name, _)| name).collect();
    assert!(bare.is_empty(), "{name}: no case shows what these look like when they are not empty: {bare:?}");
}

/// Each member of a state by its name, and whether there is something in it in any case.
fn show(state: &Value, shown: &mut BTreeMap<String, bool>) {
    match state {
        Value::Array(items) => items.iter().for_each(|item| show(item, shown)),
        Value::Object(members) => {
            for (name, member) in members {
                let is_empty = [Value::Null, json!([]), json!({})].contains(member);
                *shown.entry(name.clone()).or_default() |= !is_empty;
                show(member, shown);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_products_state_is_written_as_its_version_says() {
    check::<Product>();
}

#[test]
fn a_carts_state_is_written_as_its_version_says() {
    check::<Cart>();
}

#[test]
fn the_state_of_stock_is_written_as_its_version_says() {
    check::<Inventory>();
}

#[test]
fn an_orders_state_is_written_as_its_version_says() {
    check::<Order>();
}

#[test]
fn a_payments_state_is_written_as_its_version_says() {
    check::<Payment>();
}

#[test]
fn there_is_one_golden_file_a_state_and_it_is_todays() {
    let file = |category: &str, version: i32| format!("{category}.v{version}.json");
    let expected = BTreeSet::from([
        file(Product::CATEGORY, Product::STATE_VERSION),
        file(Cart::CATEGORY, Cart::STATE_VERSION),
        file(Inventory::CATEGORY, Inventory::STATE_VERSION),
        file(Order::CATEGORY, Order::STATE_VERSION),
        file(Payment::CATEGORY, Payment::STATE_VERSION),
    ]);
    let found = fs::read_dir(folder("tests/states")).unwrap();
    let found: BTreeSet<String> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected);
}
