//! The OpenAPI document, the reference and the health answers.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Client;
use crate::auth::access::TABLE;
use crate::problems::Code;

async fn document(client: &Client) -> Value {
    client.get("/openapi.json").send().await.json()
}

fn operations(document: &Value) -> impl Iterator<Item = (String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").iter();
        methods.map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation))
    })
}

#[tokio::test]
async fn the_document_and_the_table_name_the_same_routes() {
    let document = document(&Client::of_api()).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented: Vec<_> = operations(&document).map(|(path, method, _)| format!("{method} {path}")).collect();
    let mut rows: Vec<_> = TABLE.iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    documented.sort();
    rows.sort();
    assert_eq!(documented, rows);
}

#[tokio::test]
async fn every_operation_says_what_it_is_and_how_it_fails() {
    let document = document(&Client::of_api()).await;
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{at} has no summary");
        assert!(operation["operationId"].is_string() && operation["tags"].is_array(), "{at}");
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{at}");
        for status in ["400", "500", "503"] {
            assert_eq!(responses[status]["$ref"], format!("#/components/responses/Problem{status}"), "{at}");
        }
        for response in responses.values().filter(|response| response["$ref"].is_null()) {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{at}");
            assert!(response["headers"]["X-Request-Id"].is_object(), "{at}");
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    for document in [document(&Client::of_api()).await, test_document()] {
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("local");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}

fn test_document() -> Value {
    let auth = super::authenticator(super::signer());
    let stopping = tokio_util::sync::CancellationToken::new();
    let app = crate::app::App::new(
        auth,
        crate::health::Health::default(),
        stopping,
        crate::node::Shop::closed(),
        domain::money::Currency::GBP,
    );
    let _router = super::routes::router(app.clone());
    serde_json::from_slice(app.openapi.get().expect("built")).expect("JSON")
}

#[tokio::test]
async fn a_command_documents_its_headers_and_a_query_its_own() {
    let document = test_document();
    let names = |operation: &Value| -> Vec<String> {
        let parameters = operation["parameters"].as_array().expect("parameters");
        let references = parameters.iter().filter_map(|parameter| parameter["$ref"].as_str());
        references.map(|reference| reference.rsplit('/').next().expect("a name").to_owned()).collect()
    };
    let (create, sample) = (&document["paths"]["/v1/samples"]["post"], &document["paths"]["/v1/samples/{id}"]);
    let pay = &document["paths"]["/v1/samples/{id}/payments"]["post"];
    assert_eq!(names(create), ["IdempotencyKey", "IfMatch", "PreferReturn", "RequestId", "TraceParent"]);
    assert_eq!(names(pay)[0], "IdempotencyKeyRequired");
    assert_eq!(names(&sample["patch"])[0], "IfMatchRequired");
    assert_eq!(names(&sample["get"]), ["MinPosition", "PreferWait", "IfNoneMatch", "RequestId", "TraceParent"]);
    assert!(create["responses"]["204"].is_object() && sample["get"]["responses"]["304"].is_object());
    assert!(create["responses"]["201"]["headers"]["Location"].is_object());
    assert_eq!(create["security"], json!([{ "bearer": [] }]));
    let description = create["description"].as_str().expect("who may");
    assert_eq!(description, "Permission `samples:write`: customer (their own), staff, admin.");
    assert!(document["paths"]["/v1/listed"]["get"]["security"].is_null());
}

#[tokio::test]
async fn the_reference_asks_nothing_of_the_network() {
    let client = Client::of_api();
    let page = client.get("/docs").send().await;
    let html = String::from_utf8(page.bytes.to_vec()).expect("UTF-8");
    assert!(!html.contains("http://") && !html.contains("https://"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
    for attribute in html.split(['"']).filter(|text| text.starts_with("/docs/")) {
        let asset = client.get(attribute).send().await;
        assert_eq!(asset.status, StatusCode::OK, "{attribute}");
        assert!(asset.bytes.len() > 100);
        let is_packed = asset.bytes.starts_with(&[0x1f, 0x8b]);
        assert_eq!(asset.header("content-encoding") == "gzip", is_packed, "{attribute}");
    }
}

#[tokio::test]
async fn the_problem_pages_hold_no_script() {
    let client = Client::of_api();
    for path in ["/docs/problems", "/docs/problems/out_of_stock"] {
        let page = client.get(path).send().await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        assert!(!String::from_utf8_lossy(&page.bytes).contains("<script"));
    }
}

#[tokio::test]
async fn a_node_is_ready_when_every_check_is() {
    let client = Client::of_api();
    let (book, views) = (client.health.register("book"), client.health.register("views"));
    let ready = async || client.get("/health/ready").send().await;
    let startup = async || client.get("/health/startup").send().await.status;
    let body = ready().await.is_problem(Code::NotReady);
    assert_eq!(body["checks"][0], json!({ "name": "book", "ready": false, "detail": "starting" }));
    book.ready("at position 7");
    ready().await.is_problem(Code::NotReady);
    assert_eq!(startup().await, StatusCode::SERVICE_UNAVAILABLE);
    views.ready("caught up");
    assert_eq!(ready().await.json()["status"], "ready");
    book.failing("the database is away");
    ready().await.is_problem(Code::NotReady);
    assert_eq!(startup().await, StatusCode::OK, "having started is for ever");
    book.ready("back");
    client.health.stop();
    ready().await.is_problem(Code::NotReady);
    assert_eq!(client.request(Method::GET, "/health/live").send().await.json()["status"], "live");
}
