//! Stored events are forever: each version of each type has its schema, and its examples are the golden file of that
//! version. Each of them is still read, through the upcasters, as today's event; those of today's version are written as
//! they stand. An example is added to and never changed: what was written so is in somebody's book.
#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use domain::{
    aggregate::{Aggregate, EventKind, UnreadableEvent},
    cart::Cart,
    inventory::Inventory,
    order::Order,
    payment::Payment,
    product::Product,
    registry,
};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/events")
}

/// Every schema by its file's name without the `.json`.
fn schemas() -> BTreeMap<String, Value> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let schema =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, schema)
    };
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).map(read).collect()
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn check_schema(name: &str, event_type: &str, schema: &Value) {
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
    assert_eq!(schema["title"], event_type, "{name}");
    assert_eq!(schema["type"], "object", "{name}");
    assert_eq!(schema["additionalProperties"], true, "{name}: readers are tolerant");
    assert!(!schema["description"].as_str().unwrap().is_empty(), "{name}");
    let properties = names(&schema["properties"]);
    let required: BTreeSet<&str> =
        schema["required"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
    assert!(required.is_subset(&properties), "{name}");

    let examples = schema["examples"].as_array().unwrap();
    let mut shown = BTreeSet::new();
    for example in examples {
        assert!(required.is_subset(&names(example)), "{name}: an example lacks what is required");
        shown.extend(names(example));
    }
    assert!(!examples.is_empty(), "{name} has no example");
    assert_eq!(shown, properties, "{name}: the examples together show every property and nothing else");
}

#[track_caller]
fn check_examples<A: Aggregate>() {
    let schemas = schemas();
    let mut everything = A::initial();
    for (event_type, today) in A::Event::TYPES {
        assert!(event_type.starts_with(&format!("{}.", A::CATEGORY)), "{event_type}");
        for version in 1..=*today {
            let name = format!("{event_type}.v{version}");
            let schema = schemas.get(&name).unwrap_or_else(|| panic!("schemas/events/{name}.json is missing"));
            check_schema(&name, event_type, schema);
            for example in schema["examples"].as_array().unwrap() {
                let event = check_example::<A::Event>(event_type, version, *today, example);
                // Alone, and after all that went before: whatever the rules would say of it, a fact is folded.
                A::evolve(A::initial(), &event);
                everything = A::evolve(everything, &event);
            }
        }
        check_newer_is_refused::<A::Event>(event_type, *today, &schemas[&format!("{event_type}.v{today}")]);
    }
}

#[track_caller]
fn check_example<E: EventKind>(event_type: &str, version: i32, today: i32, example: &Value) -> E {
    let event = E::from_payload(event_type, version, &example.to_string())
        .unwrap_or_else(|error| panic!("{event_type}.v{version} is not read any more: {error}"));
    assert_eq!((event.event_type(), event.schema_version()), (event_type, today));
    let written: Value = serde_json::from_str(&event.to_payload()).unwrap();
    assert_eq!(E::from_payload(event_type, today, &event.to_payload()).as_ref(), Ok(&event), "{event_type}.v{version}");
    if version == today {
        assert_eq!(written, *example, "{event_type}.v{version}: what is written has changed: that is a new version");
    }

    let mut later = example.clone();
    later["a_field_of_a_later_release"] = json!({"any": ["thing"]});
    assert_eq!(
        E::from_payload(event_type, version, &later.to_string()).as_ref(),
        Ok(&event),
        "{event_type}.v{version}"
    );
    event
}

/// However well the payload would read: a version that this program does not know is never guessed at.
#[track_caller]
fn check_newer_is_refused<E: EventKind>(event_type: &str, today: i32, schema: &Value) {
    let read = E::from_payload(event_type, today + 1, &schema["examples"][0].to_string());
    let future =
        UnreadableEvent::FutureVersion { event_type: event_type.to_owned(), found: today + 1, readable: today };
    assert_eq!(read, Err(future));
}

#[test]
fn every_version_of_every_product_event_is_read_and_todays_is_written_as_its_schema_shows() {
    check_examples::<Product>();
}

#[test]
fn every_version_of_every_cart_event_is_read_and_todays_is_written_as_its_schema_shows() {
    check_examples::<Cart>();
}

#[test]
fn every_version_of_every_inventory_event_is_read_and_todays_is_written_as_its_schema_shows() {
    check_examples::<Inventory>();
}

#[test]
fn every_version_of_every_order_event_is_read_and_todays_is_written_as_its_schema_shows() {
    check_examples::<Order>();
}

#[test]
fn every_version_of_every_payment_event_is_read_and_todays_is_written_as_its_schema_shows() {
    check_examples::<Payment>();
}

#[test]
fn what_is_required_is_required_and_what_is_not_is_not() {
    let schemas = schemas();
    for registry::EventType { category, event_type, schema_version } in registry::event_types() {
        let name = format!("{event_type}.v{schema_version}");
        let schema = &schemas[&name];
        let required: Vec<&str> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for example in schema["examples"].as_array().unwrap() {
            for field in names(example) {
                let mut poorer = example.clone();
                poorer.as_object_mut().unwrap().remove(field);
                let read = read(category, event_type, schema_version, &poorer.to_string());
                // A capture's id belongs to a capture: the one field that another one requires.
                let tied = event_type == "payment.failed" && field == "capture_id";
                assert_eq!(read.is_err(), required.contains(&field) || tied, "{name}: {field}");
            }
        }
    }
}

fn read(category: &str, event_type: &str, version: i32, payload: &str) -> Result<(), UnreadableEvent> {
    match category {
        Product::CATEGORY => <Product as Aggregate>::Event::from_payload(event_type, version, payload).map(drop),
        Cart::CATEGORY => <Cart as Aggregate>::Event::from_payload(event_type, version, payload).map(drop),
        Inventory::CATEGORY => <Inventory as Aggregate>::Event::from_payload(event_type, version, payload).map(drop),
        Order::CATEGORY => <Order as Aggregate>::Event::from_payload(event_type, version, payload).map(drop),
        Payment::CATEGORY => <Payment as Aggregate>::Event::from_payload(event_type, version, payload).map(drop),
        _ => panic!("{category} is no category"),
    }
}

#[test]
fn there_is_no_schema_without_an_event_and_none_of_any_version_is_missing() {
    let known: BTreeSet<String> =
        registry::versions().map(|known| format!("{}.v{}", known.event_type, known.schema_version)).collect();
    let written: BTreeSet<String> = schemas().into_keys().collect();
    assert_eq!(written, known);
}

#[test]
fn every_event_type_is_of_one_listed_category() {
    let types: Vec<_> = registry::event_types().collect();
    let distinct: BTreeSet<_> = types.iter().map(|known| known.event_type).collect();
    assert_eq!(distinct.len(), types.len());
    let categories: BTreeSet<_> = types.iter().map(|known| known.category).collect();
    assert_eq!(categories, registry::CATEGORIES.into());
}

#[test]
fn what_this_program_cannot_read_is_named() {
    let read = <Cart as Aggregate>::Event::from_payload;
    let unknown = UnreadableEvent::UnknownType { event_type: "cart.sold".into() };
    assert_eq!(read("cart.sold", 1, "{}"), Err(unknown));
    let future = UnreadableEvent::FutureVersion { event_type: "cart.discarded".into(), found: 2, readable: 1 };
    assert_eq!(read("cart.discarded", 2, "{}"), Err(future));
    let Err(UnreadableEvent::Payload { event_type, .. }) = read("cart.item_removed", 1, "{}") else {
        panic!("a payload without its fields was read");
    };
    assert_eq!(event_type, "cart.item_removed");
}
