//! `schemas/openapi.json` is what the routes say of themselves, it is OpenAPI, and it does judge the answers of these tests.

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, Method},
};
use serde_json::{Value, json};
use support::scratch::repository;

use super::{answer::Answer, contract::CONTRACT, shop::Shop};

const RENEW: &str = "cargo run -p api -- openapi > schemas/openapi.json";

fn checked_in() -> Value {
    let text = fs::read_to_string(repository().join("schemas/openapi.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("schemas/openapi.json: {error}; {RENEW}"))
}

/// Every operation with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    })
}

/// The values of every member with this name, anywhere.
fn members<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get(name));
            object.values().for_each(|value| members(value, name, found));
        }
        Value::Array(items) => items.iter().for_each(|item| members(item, name, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_checked_in_openapi_document_is_the_one_of_the_routes() {
    assert!(checked_in() == CONTRACT.document, "schemas/openapi.json is behind the routes: {RENEW}");
}

#[tokio::test]
async fn the_served_document_is_the_checked_in_one() {
    let shop = Shop::open().await;
    assert_eq!(shop.anonymous().get("/openapi.json").answers(200).await.body, checked_in());
}

#[test]
fn the_document_is_valid_openapi_3_1() {
    let document = checked_in();
    let schema: Value = serde_json::from_str(include_str!("openapi.schema.json")).unwrap();
    let faults: Vec<String> = jsonschema::draft202012::new(&schema)
        .unwrap()
        .iter_errors(&document)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_schema_of_the_document_is_a_json_schema() {
    let document = checked_in();
    let mut schemas: Vec<&Value> = document["components"]["schemas"].as_object().unwrap().values().collect();
    members(&document["paths"], "schema", &mut schemas);
    assert!(schemas.len() > 100);
    for schema in schemas {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{schema:#}");
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = checked_in();
    let mut references = Vec::new();
    members(&document, "$ref", &mut references);
    assert!(references.len() > 500);
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_component_of_the_document_is_used() {
    let document = checked_in();
    let mut references = Vec::new();
    members(&document, "$ref", &mut references);
    for kind in ["schemas", "parameters", "headers"] {
        let components = document["components"][kind].as_object().unwrap();
        // The schema of a page holds that of its rows.
        let is_row = |name: &str| components.contains_key(&format!("Page_{name}"));
        for name in components.keys().filter(|name| !is_row(name)) {
            let reference = json!(format!("#/components/{kind}/{name}"));
            assert!(references.contains(&&reference), "nothing refers to {reference}");
        }
    }
}

#[test]
fn every_operation_names_itself_its_tag_and_the_parameters_of_its_path() {
    let document = checked_in();
    let declared: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let (mut ids, mut tags) = (BTreeSet::new(), BTreeSet::new());
    for (at, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{at} has the name of another operation");
        tags.extend(operation["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()));
        let nothing = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&nothing);
        let resolved: Vec<&Value> = parameters
            .iter()
            .map(|parameter| match parameter["$ref"].as_str() {
                Some(reference) => document.pointer(&reference[1..]).unwrap(),
                None => parameter,
            })
            .collect();
        let names: BTreeSet<_> = resolved.iter().map(|one| (one["in"].as_str(), one["name"].as_str())).collect();
        assert_eq!(names.len(), resolved.len(), "{at} has a parameter twice");
        let of_path: BTreeSet<&str> = resolved
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let template = at.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
        assert_eq!(of_path, template.collect(), "{at}");
    }
    assert_eq!(tags, declared, "tags that are used, and tags that are described");
}

/// A refusal of an answer that was tampered with; the panic says why.
#[track_caller]
fn is_no_answer(path: &str, answer: &Answer) {
    let judged = catch_unwind(AssertUnwindSafe(|| CONTRACT.judge(&Method::GET, path, answer)));
    assert!(judged.is_err(), "{path}: {}", answer.text());
}

#[tokio::test]
async fn an_answer_that_the_document_does_not_describe_is_found() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let path = "/v1/products/MUG";
    let good = shop.anonymous().get(path).at(shop.head().await).answers(200).await;
    let with = |body: Value| Answer {
        status: good.status,
        headers: good.headers.clone(),
        bytes: Bytes::from(body.to_string()),
        body,
    };
    let mut more = good.body.clone();
    more["colour"] = json!("blue");
    is_no_answer(path, &with(more));
    let mut deeper = good.body.clone();
    deeper["price"]["amount"] = json!("500");
    is_no_answer(path, &with(deeper));
    let mut less = good.body.clone();
    less.as_object_mut().unwrap().remove("version");
    is_no_answer(path, &with(less));

    let headers = |change: &dyn Fn(&mut HeaderMap)| {
        let mut answer = with(good.body.clone());
        change(&mut answer.headers);
        answer
    };
    is_no_answer(path, &headers(&|headers| _ = headers.remove("daybook-position")));
    is_no_answer(path, &headers(&|headers| _ = headers.insert("daybook-lag-ms", "-1".parse().unwrap())));
    is_no_answer(path, &headers(&|headers| _ = headers.insert("x-powered-by", "tea".parse().unwrap())));
    is_no_answer(path, &headers(&|headers| _ = headers.insert("content-type", "text/html".parse().unwrap())));
    is_no_answer(path, &Answer { status: 202, ..with(good.body.clone()) });
    is_no_answer("/v1/nothing", &with(good.body.clone()));
    CONTRACT.judge(&Method::GET, path, &with(good.body.clone()));
}
