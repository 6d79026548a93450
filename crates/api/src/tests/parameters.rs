//! Paths, queries and headers.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::{Client, Reply};
use crate::auth::Role;
use crate::problems::Code;

const ID: &str = "01a1fde4-3b87-75f0-9efa-7796312c22b4";

async fn list(query: &str) -> Reply {
    Client::of_test_routes().get(&format!("/v1/listed?{query}")).send().await
}

#[tokio::test]
async fn a_query_is_read_by_type() {
    let reply = list("limit=50&after=-3&category=a%20b%2Bc+d&in_stock=true&kind=plain").await;
    let expected = json!({ "limit": 50, "after": -3, "category": "a b+c d", "in_stock": true, "kind": "plain" });
    assert_eq!(reply.json()["listing"], expected);
    assert_eq!(list("").await.status, StatusCode::OK);
    assert_eq!(list("&&category=").await.json()["listing"]["category"], "");
}

#[tokio::test]
async fn a_query_that_cannot_be_read_names_the_parameter() {
    for (query, name, field_code) in [
        ("colour=red", "colour", "unknown_field"),
        ("limit=1&limit=2", "limit", "duplicate_field"),
        ("limit=ten", "limit", "wrong_type"),
        ("limit=", "limit", "wrong_type"),
        ("limit=1.5", "limit", "wrong_type"),
        ("in_stock=yes", "in_stock", "wrong_type"),
        ("category=%ff", "category", "malformed"),
    ] {
        list(query).await.is_problem_at(Code::InvalidParameter, ("parameter", name), field_code);
    }
    for (query, name, field_code) in [
        ("limit=256", "limit", "out_of_range"),
        ("limit=-1", "limit", "out_of_range"),
        ("after=9223372036854775808", "after", "out_of_range"),
        ("kind=grand", "kind", "invalid_value"),
        ("category=a%00b", "category", "nul_character"),
    ] {
        list(query).await.is_problem_at(Code::InvalidValue, ("parameter", name), field_code);
    }
    list(&"a&".repeat(1000)).await.is_problem(Code::InvalidParameter);
}

#[tokio::test]
async fn a_path_is_read_by_type() {
    let client = Client::of_test_routes();
    let line = async |path: &str| client.as_role(Role::Staff, Method::POST, path).send().await;
    let reply = line(&format!("/v1/samples/{ID}/lines/a%2Fb%20c")).await;
    assert_eq!(reply.json(), json!({ "id": ID, "sku": "a/b c" }));
    let reply = line("/v1/samples/1/lines/a").await;
    reply.is_problem_at(Code::InvalidParameter, ("parameter", "id"), "invalid_value");
    let reply = line(&format!("/v1/samples/{ID}/lines/a%00")).await;
    reply.is_problem_at(Code::InvalidValue, ("parameter", "sku"), "nul_character");
    line(&format!("/v1/samples/{ID}/lines/%ff")).await.is_problem(Code::InvalidParameter);

    let reply = client.as_role(Role::Staff, Method::GET, "/v1/samples/x'%20OR%201=1").send().await;
    reply.is_problem_at(Code::InvalidParameter, ("parameter", "id"), "invalid_value");
}

#[tokio::test]
async fn a_minimum_position_is_a_bare_decimal() {
    let client = Client::of_test_routes();
    let read = async |name: &str, value: &str| {
        let request = client.as_role(Role::Staff, Method::GET, &format!("/v1/samples/{ID}"));
        request.header("prefer", "wait=2").header(name, value).send().await
    };
    let reply = read("daybook-min-position", "17").await.json();
    assert_eq!((&reply["min_position"], &reply["wait_ms"]), (&json!(17), &json!(2000)));
    for value in ["", "-1", "+1", " 1x", "1.0", "0x10", "9223372036854775808", "one"] {
        let reply = read("daybook-min-position", value).await;
        reply.is_problem_at(Code::InvalidHeader, ("header", "Daybook-Min-Position"), "malformed");
    }
}

#[tokio::test]
async fn a_wait_is_at_most_five_seconds_and_half_of_one_unless_said() {
    let client = Client::of_test_routes();
    for (prefer, wait_ms) in [
        ("", 500),
        ("wait=0", 0),
        ("wait=1.5", 1500),
        ("respond-async, wait=3; foo", 3000),
        ("wait=600", 5000),
        ("wait=1e300", 5000),
        ("wait=-1", 500),
        ("wait=NaN", 500),
        ("wait=soon", 500),
    ] {
        let request = client.as_role(Role::Staff, Method::GET, &format!("/v1/samples/{ID}"));
        let reply = request.header("prefer", prefer).send().await;
        assert_eq!(reply.json()["wait_ms"], wait_ms, "{prefer}");
    }
}

#[tokio::test]
async fn accept_may_exclude_everything() {
    let client = Client::of_test_routes();
    let read = async |accept: &str| client.get("/v1/listed").header("accept", accept).send().await;
    for accept in ["*/*", "application/json", "text/html, application/*;q=0.1", "Application/JSON;v=1"] {
        assert_eq!(read(accept).await.status, StatusCode::OK, "{accept}");
    }
    for accept in ["text/html", "application/json;q=0", "", "nonsense", "image/*"] {
        let body = read(accept).await.is_problem(Code::NotAcceptable);
        assert_eq!(body["produces"], json!(["application/json"]));
    }
}
