//! What a body may be, and what every other body is told.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use futures_util::stream;

use super::{Client, Reply};
use crate::auth::Role;
use crate::problems::Code;

async fn post(body: impl Into<Body>) -> Reply {
    let client = Client::of_test_routes();
    client.as_role(Role::Staff, Method::POST, "/v1/samples").json(body).send().await
}

async fn check(body: &str, code: Code, pointer: &str, field_code: &str) {
    post(body.to_owned()).await.is_problem_at(code, ("pointer", pointer), field_code);
}

#[tokio::test]
async fn a_good_body_is_read_whole() {
    let reply = post(
        r#" {"sku":"a\u00e9\n","quantity":4294967295,"kind":"fancy","lines":[{"amount":-5,"price":1}],"attributes":{"x":[null,true,1.5,{}]}} "#,
    )
    .await;
    assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
    let value = &reply.json()["value"];
    assert_eq!(value["sku"], "aé\n");
    assert_eq!(value["quantity"], 4_294_967_295_u32);
    assert_eq!(value["kind"], "fancy");
    assert_eq!(value["lines"][0]["amount"], -5);
    assert_eq!(value["attributes"]["x"][2], 1.5);
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    for body in [
        "",
        "  ",
        "{",
        r#"{"sku":"a""#,
        r#"{"sku":"a","quantity":1}}"#,
        r#"{"sku":"a","quantity":1} x"#,
        r#"{'sku':'a'}"#,
        r#"{"sku":NaN}"#,
        r#"{"sku":"a","quantity":1,}"#,
        r#"{"sku":"a","quantity":01}"#,
        r#"{"sku":"a","quantity":1e400}"#,
        r#"{"sku":"\ud800","quantity":1}"#,
        "{\"sku\":\"a\0\",\"quantity\":1}",
        "\u{feff}{}",
    ] {
        post(body).await.is_problem(Code::MalformedJson);
    }
    post(&b"{\"sku\":\"\xff\"}"[..]).await.is_problem(Code::MalformedJson);
}

#[tokio::test]
async fn the_wrong_shape_is_400_and_names_the_place() {
    check(r#"{"sku":"a","quantity":1,"price":1}"#, Code::InvalidBody, "/price", "unknown_field").await;
    check(
        r#"{"sku":"a","quantity":1,"lines":[{"amount":1,"price":1,"a/b~":1}]}"#,
        Code::InvalidBody,
        "/lines/0/a~1b~0",
        "unknown_field",
    )
    .await;
    check(r#"{"sku":"a"}"#, Code::InvalidBody, "/quantity", "missing_field").await;
    check(r#"{"sku":"a","quantity":1,"sku":"b"}"#, Code::InvalidBody, "/sku", "duplicate_field").await;
    check(
        r#"{"sku":"a","quantity":1,"attributes":{"x":{"y":1,"\u0079":2}}}"#,
        Code::InvalidBody,
        "/attributes/x/y",
        "duplicate_field",
    )
    .await;
    check(r#"{"sku":1,"quantity":1}"#, Code::InvalidBody, "/sku", "wrong_type").await;
    check(r#"{"sku":null,"quantity":1}"#, Code::InvalidBody, "/sku", "wrong_type").await;
    check(r#"{"sku":"a","quantity":"1"}"#, Code::InvalidBody, "/quantity", "wrong_type").await;
    check(r#"{"sku":"a","quantity":1.5}"#, Code::InvalidBody, "/quantity", "wrong_type").await;
    check(
        r#"{"sku":"a","quantity":1,"lines":[{"amount":1,"price":1},[1,1]]}"#,
        Code::InvalidBody,
        "/lines/1",
        "wrong_type",
    )
    .await;
    check(r#"["a",1]"#, Code::InvalidBody, "", "wrong_type").await;
    check("null", Code::InvalidBody, "", "wrong_type").await;
}

#[tokio::test]
async fn a_value_out_of_range_is_422_and_names_the_place() {
    check(r#"{"sku":"a","quantity":-1}"#, Code::InvalidValue, "/quantity", "out_of_range").await;
    check(r#"{"sku":"a","quantity":4294967296}"#, Code::InvalidValue, "/quantity", "out_of_range").await;
    check(r#"{"sku":"a","quantity":9223372036854775808}"#, Code::InvalidValue, "/quantity", "out_of_range").await;
    check(r#"{"sku":"a","quantity":18446744073709551616}"#, Code::InvalidValue, "/quantity", "out_of_range").await;
    check(
        r#"{"sku":"a","quantity":1,"lines":[{"amount":9223372036854775808,"price":1}]}"#,
        Code::InvalidValue,
        "/lines/0/amount",
        "out_of_range",
    )
    .await;
    check(
        r#"{"sku":"a","quantity":1,"lines":[{"amount":1e30,"price":1}]}"#,
        Code::InvalidValue,
        "/lines/0/amount",
        "out_of_range",
    )
    .await;
    check(r#"{"sku":"a","quantity":1,"kind":"grand"}"#, Code::InvalidValue, "/kind", "invalid_value").await;
}

#[tokio::test]
async fn nul_in_a_string_is_422_wherever_it_stands() {
    check(r#"{"sku":"a\u0000b","quantity":1}"#, Code::InvalidValue, "/sku", "nul_character").await;
    check(
        r#"{"sku":"a","quantity":1,"attributes":{"x":["\u0000"]}}"#,
        Code::InvalidValue,
        "/attributes/x/0",
        "nul_character",
    )
    .await;
    check(r#"{"sku":"a","quantity":1,"attributes":{"x\u0000":1}}"#, Code::InvalidValue, "/attributes", "nul_character")
        .await;
}

#[tokio::test]
async fn json_is_64_deep_at_most() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"sku":"a","quantity":1,"attributes":{{"x":{open}{close}}}}}"#)
    };
    assert_eq!(post(nested(62)).await.status, StatusCode::CREATED);
    post(nested(63)).await.is_problem(Code::JsonTooDeep);
    post(nested(10_000)).await.is_problem(Code::JsonTooDeep);
    post("[".repeat(200_000)).await.is_problem(Code::JsonTooDeep);
}

#[tokio::test]
async fn an_object_with_many_keys_is_read_in_time() {
    let keys: Vec<String> = (0..20_000).map(|key| format!(r#""{key}":0"#)).collect();
    let object = |keys: &[String]| format!(r#"{{"sku":"a","quantity":1,"attributes":{{{}}}}}"#, keys.join(","));
    assert_eq!(post(object(&keys)).await.status, StatusCode::CREATED);
    let mut twice = keys.clone();
    twice.push(r#""77":1"#.to_owned());
    post(object(&twice)).await.is_problem_at(Code::InvalidBody, ("pointer", "/attributes/77"), "duplicate_field");
}

#[tokio::test]
async fn a_body_has_256_kib_at_most_announced_or_not() {
    let padded = |length: usize| format!(r#"{{"sku":"{}","quantity":1}}"#, "a".repeat(length));
    assert_eq!(post(padded(256 * 1024 - 26)).await.status, StatusCode::CREATED);
    post(padded(256 * 1024)).await.is_problem(Code::BodyTooLarge);
    let chunks = (0..1_000).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1024])));
    post(Body::from_stream(stream::iter(chunks))).await.is_problem(Code::BodyTooLarge);

    let client = Client::of_test_routes();
    let request = client.as_role(Role::Staff, Method::POST, "/v1/samples").header("content-length", "10485761");
    request
        .json(Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()))
        .send()
        .await
        .is_problem(Code::BodyTooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_408() {
    let endless = stream::pending::<Result<Bytes, std::io::Error>>();
    let started = tokio::time::Instant::now();
    post(Body::from_stream(endless)).await.is_problem(Code::RequestTimeout);
    assert_eq!(started.elapsed().as_secs(), Duration::from_secs(15).as_secs());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("reset"))]);
    post(Body::from_stream(broken)).await.is_problem(Code::BadRequest);
}

#[tokio::test]
async fn only_json_in_utf_8_without_a_coding_is_taken() {
    let client = Client::of_test_routes();
    let send = async |name: &str, value: &str| {
        let request = client.as_role(Role::Staff, Method::POST, "/v1/samples").header(name, value);
        request.body(r#"{"sku":"a","quantity":1}"#).send().await
    };
    for value in [
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "Application/JSON",
        "application/json;",
    ] {
        assert_eq!(send("content-type", value).await.status, StatusCode::CREATED, "{value}");
    }
    for value in [
        "text/plain",
        "application/json; charset=latin1",
        "application/xml",
        "application/merge-patch+json",
        "json",
        "application/json; x=y",
    ] {
        send("content-type", value).await.is_problem(Code::UnsupportedMediaType);
    }
    send("x-nothing", "").await.is_problem(Code::UnsupportedMediaType);

    let request = client.as_role(Role::Staff, Method::POST, "/v1/samples").header("content-encoding", "gzip");
    request.json("x").send().await.is_problem(Code::UnsupportedMediaType);
}

#[tokio::test]
async fn a_route_without_a_body_takes_none_or_an_empty_object() {
    let client = Client::of_test_routes();
    let path = "/v1/samples/01a1fde4-3b87-75f0-9efa-7796312c22b4/payments";
    let pay = async |body: &'static str| {
        let request = client.as_role(Role::Staff, Method::POST, path).header("idempotency-key", "k");
        request.body(body).send().await
    };
    assert_eq!(pay("").await.status, StatusCode::OK);
    assert_eq!(pay(" {} ").await.status, StatusCode::OK);
    pay(r#"{"amount":1}"#).await.is_problem(Code::UnexpectedBody);
    pay("[]").await.is_problem(Code::UnexpectedBody);
    pay("nonsense").await.is_problem(Code::MalformedJson);
}

#[tokio::test]
async fn a_raw_body_keeps_its_bytes_and_its_bound() {
    let client = Client::of_test_routes();
    let reply = client.request(Method::POST, "/v1/raw").body(&b"\x00\xff{"[..]).send().await;
    assert_eq!(reply.bytes, "3");
    let reply = client.request(Method::POST, "/v1/raw").body(vec![0; 256 * 1024 + 1]).send().await;
    reply.is_problem(Code::BodyTooLarge);
}

#[tokio::test]
async fn a_key_goes_with_a_fingerprint_of_method_path_and_body() {
    let client = Client::of_test_routes();
    let send = async |key: &str, body: &str| {
        let request = client.as_role(Role::Staff, Method::POST, "/v1/samples").header("idempotency-key", key);
        request.json(body.to_owned()).send().await
    };
    let first = send("k1", r#"{"sku":"a","quantity":1}"#).await.json();
    assert_eq!(first["idempotency"][0], "k1");
    assert_eq!(first["idempotency"], send("k1", r#"{"sku":"a","quantity":1}"#).await.json()["idempotency"]);
    assert_ne!(first["idempotency"], send("k1", r#"{"sku":"a","quantity":2}"#).await.json()["idempotency"]);
    assert_eq!(post(r#"{"sku":"a","quantity":1}"#).await.json()["idempotency"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_ascii_characters() {
    let client = Client::of_test_routes();
    let longest = "k".repeat(255);
    for (key, status) in
        [("x", 201), (longest.as_str(), 201), ("", 400), ("a b", 400), ("ké", 400), (&"k".repeat(256), 400)]
    {
        let request = client.as_role(Role::Staff, Method::POST, "/v1/samples").header("idempotency-key", key);
        let reply = request.json(r#"{"sku":"a","quantity":1}"#).send().await;
        assert_eq!(reply.status, status, "{key:?}");
    }
    let request = client.as_role(Role::Staff, Method::POST, "/v1/samples").header("idempotency-key", "a");
    let reply = request.header("idempotency-key", "b").json(r#"{"sku":"a","quantity":1}"#).send().await;
    reply.is_problem_at(Code::InvalidHeader, ("header", "Idempotency-Key"), "malformed");
}

#[tokio::test]
async fn a_route_may_require_the_key() {
    let client = Client::of_test_routes();
    let path = "/v1/samples/01a1fde4-3b87-75f0-9efa-7796312c22b4/payments";
    client.as_role(Role::Staff, Method::POST, path).send().await.is_problem(Code::IdempotencyKeyRequired);
}
