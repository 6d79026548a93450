//! The headers of answers: tags, positions, preferences, ids.

use axum::http::{Method, StatusCode};

use super::{Client, Reply, RequestToSend};
use crate::auth::Role;
use crate::problems::Code;

const PATH: &str = "/v1/samples/01a1fde4-3b87-75f0-9efa-7796312c22b4";
const BODY: &str = r#"{"sku":"a","quantity":1}"#;

fn create(client: &Client) -> RequestToSend<'_> {
    client.as_role(Role::Customer, Method::POST, "/v1/samples").json(BODY)
}

#[tokio::test]
async fn a_command_answers_with_tag_position_and_location() {
    let reply = create(&Client::of_test_routes()).send().await;
    assert_eq!(reply.status, StatusCode::CREATED);
    assert_eq!(reply.header("daybook-position"), "41");
    assert!(reply.header("etag").starts_with("\"3-") && reply.header("etag").len() == 20, "{reply:?}");
    assert!(reply.header("location").starts_with("/v1/samples/"));
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("idempotent-replayed"), "");
}

#[tokio::test]
async fn return_minimal_gets_the_headers_alone() {
    let client = Client::of_test_routes();
    let reply = create(&client).header("prefer", "return=minimal").header("idempotency-key", "k").send().await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert!(reply.bytes.is_empty());
    assert_eq!(reply.header("preference-applied"), "return=minimal");
    assert_eq!(reply.header("daybook-position"), "41");
    assert_eq!(reply.header("etag"), "\"3\"");
    assert_eq!(reply.header("idempotent-replayed"), "true");
    assert!(reply.header("location").starts_with("/v1/samples/"));
}

async fn read(client: &Client, if_none_match: &str) -> Reply {
    client.as_role(Role::Staff, Method::GET, PATH).header("if-none-match", if_none_match).send().await
}

#[tokio::test]
async fn a_query_answers_304_to_who_has_it() {
    let client = Client::of_test_routes();
    let reply = read(&client, "").await;
    assert_eq!(
        (reply.status, reply.header("daybook-position"), reply.header("daybook-lag-ms")),
        (StatusCode::OK, "99", "12")
    );
    let etag = reply.header("etag").to_owned();
    for has in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let reply = read(&client, &has).await;
        assert_eq!(reply.status, StatusCode::NOT_MODIFIED);
        assert!(reply.bytes.is_empty());
        assert_eq!((reply.header("etag"), reply.header("daybook-position")), (etag.as_str(), "99"));
    }
    for other in ["\"7-0000000000000000\"", "\"7\"", "W/\"x\""] {
        assert_eq!(read(&client, other).await.status, StatusCode::OK, "{other}");
    }
}

#[tokio::test]
async fn if_match_compares_the_version_alone() {
    let client = Client::of_test_routes();
    let change = async |if_match: &str| {
        let request = client.as_role(Role::Staff, Method::PATCH, PATH).header("if-match", if_match);
        request.header("content-type", "application/merge-patch+json").body("{}").send().await
    };
    for good in ["\"7-0123456789abcdef\"", "\"7\"", "W/\"7-0\"", "*", " \"7-ff\" "] {
        assert_eq!(change(good).await.status, StatusCode::OK, "{good}");
    }
    let body = change("\"6-0123456789abcdef\"").await.is_problem(Code::VersionMismatch);
    assert_eq!(body["current_version"], 7);
    for foreign in ["\"abc\"", "\"-1\"", "\"\"", "\"99999999999999999999-0\""] {
        change(foreign).await.is_problem(Code::VersionMismatch);
    }
    for broken in ["7", "", "\"7", "\"6-a\", \"7-b\""] {
        change(broken).await.is_problem_at(Code::InvalidHeader, ("header", "If-Match"), "malformed");
    }
}

#[tokio::test]
async fn a_patch_must_say_what_it_changes() {
    let client = Client::of_test_routes();
    client.as_role(Role::Staff, Method::PATCH, PATH).json("{}").send().await.is_problem(Code::IfMatchRequired);
}

#[tokio::test]
async fn a_request_id_is_echoed_if_it_is_a_uuid_and_made_if_not() {
    let client = Client::of_test_routes();
    let echo = async |id: &str| client.get("/v1/listed").header("x-request-id", id).send().await;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(echo(id).await.header("x-request-id"), id);
    assert_eq!(echo(&id.to_uppercase()).await.header("x-request-id"), id);
    for bad in [
        "",
        "1",
        "01890a5dac96774bbcceb302099a8057",
        "00000000-0000-0000-0000-000000000000",
        "<script>",
        &"a".repeat(9000),
    ] {
        let reply = echo(bad).await;
        let made = uuid::Uuid::parse_str(reply.header("x-request-id")).expect("a UUID");
        assert_eq!(made.get_version_num(), 7, "{bad}");
    }
}

#[tokio::test]
async fn a_trace_is_carried_on_or_begun() {
    let client = Client::of_test_routes();
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(create(&client).header("traceparent", given).send().await.json()["traceparent"], given);
    let reply = create(&client).header("traceparent", "nonsense").send().await;
    let trace_id = reply.header("x-request-id").replace('-', "");
    assert!(reply.json()["traceparent"].as_str().expect("begun").starts_with(&format!("00-{trace_id}-")));
}

#[tokio::test]
async fn only_what_anybody_may_read_is_kept_by_a_cache() {
    let client = Client::of_test_routes();
    assert_eq!(client.get("/v1/listed").send().await.header("cache-control"), "no-cache");
    let as_staff = client.as_role(Role::Staff, Method::GET, "/v1/listed").send().await;
    assert_eq!(as_staff.header("cache-control"), "no-store");
    let guest = Client::of_api().request(Method::POST, "/v1/guests").send().await;
    assert_eq!(guest.header("cache-control"), "no-store");
}
