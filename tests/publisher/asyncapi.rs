//! `schemas/asyncapi.json` says what the publisher does, and its references lead somewhere.

use std::fs;

use eventstore::publisher::asyncapi::{PublishedType, document};
use serde_json::Value;
use support::scratch::repository;

#[test]
fn the_asyncapi_document_is_the_generated_one() {
    let types = domain::registry::versions().map(|known| PublishedType {
        category: known.category,
        event_type: known.event_type,
        schema_version: known.schema_version,
    });
    let generated = document(types);
    let path = repository().join("schemas/asyncapi.json");
    let written: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(
        written == generated,
        "schemas/asyncapi.json is behind: cargo run -p api -- asyncapi > schemas/asyncapi.json"
    );
}

#[test]
fn every_reference_of_the_asyncapi_document_leads_somewhere() {
    let schemas = repository().join("schemas");
    let text = fs::read_to_string(schemas.join("asyncapi.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 100, "{} references", references.len());
    for reference in references {
        match reference.strip_prefix('#') {
            Some(pointer) => assert!(document.pointer(pointer).is_some(), "{reference}"),
            None => assert!(schemas.join(reference).exists(), "{reference}"),
        }
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
