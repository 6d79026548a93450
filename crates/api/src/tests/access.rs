//! The table of who may, tried cell by cell.

use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::Client;
use crate::auth::Role;
use crate::problems::Code;

const PATH: &str = "/v1/samples/01a1fde4-3b87-75f0-9efa-7796312c22b4";

#[tokio::test]
async fn each_role_may_what_its_cell_says() {
    let client = Client::of_test_routes();
    for (role, may) in [
        (Role::Customer, true),
        (Role::Staff, true),
        (Role::Auditor, true),
        (Role::Admin, true),
        (Role::Service, false),
    ] {
        let reply = client.as_role(role, Method::GET, PATH).send().await;
        if may {
            assert_eq!(reply.status, StatusCode::OK, "{role}");
        } else {
            assert_eq!(reply.is_problem(Code::PermissionDenied)["permission"], "samples:read");
        }
    }
}

#[tokio::test]
async fn a_row_of_one_method_opens_no_other_method() {
    let client = Client::of_test_routes();
    let reply = client.as_role(Role::Auditor, Method::PATCH, PATH).send().await;
    assert_eq!(reply.is_problem(Code::PermissionDenied)["permission"], "samples:write");
    let reply = client.as_role(Role::Auditor, Method::HEAD, PATH).send().await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn a_customer_finds_only_their_own() {
    let client = Client::of_test_routes();
    let (me, other) = (Uuid::now_v7(), Uuid::now_v7());
    let read = async |role: Role, owner: Uuid| {
        let token = client.token(role, me);
        let request = client.get(&format!("{PATH}?owner={owner}"));
        request.header(AUTHORIZATION.as_str(), &format!("Bearer {token}")).send().await
    };
    assert_eq!(read(Role::Customer, me).await.status, StatusCode::OK);
    read(Role::Customer, other).await.is_problem(Code::NotFound);
    assert_eq!(read(Role::Staff, other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_open_route_knows_a_caller_and_refuses_a_bad_token() {
    let client = Client::of_test_routes();
    assert_eq!(client.get("/v1/listed").send().await.json()["only_own"], json!(null));
    let me = Uuid::now_v7();
    let token = client.token(Role::Customer, me);
    let reply = client.get("/v1/listed").header("authorization", &format!("bearer {token}")).send().await;
    assert_eq!(reply.json()["only_own"], json!(me));
    let reply = client.get("/v1/listed").header("authorization", "Bearer nonsense").send().await;
    reply.is_problem(Code::TokenInvalid);
}

#[tokio::test]
async fn without_a_token_the_scheme_is_named() {
    let client = Client::of_test_routes();
    let reply = client.get(PATH).send().await;
    reply.is_problem(Code::TokenRequired);
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"daybook\"");
    for header in ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "bearer a b", ""] {
        let reply = client.get(PATH).header("authorization", header).send().await;
        reply.is_problem(Code::TokenInvalid);
        assert!(reply.header("www-authenticate").contains("invalid_token"));
    }
}

#[tokio::test]
async fn two_tokens_are_none() {
    let client = Client::of_test_routes();
    let request = client.as_role(Role::Admin, Method::GET, PATH).header("authorization", "Bearer other");
    request.send().await.is_problem(Code::TokenInvalid);
}

#[tokio::test]
async fn a_guest_gets_a_token_that_opens_a_customers_routes() {
    let client = Client::of_api();
    let reply = client.request(Method::POST, "/v1/guests").send().await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let principal = client.auth.verify(reply.json()["token"].as_str().expect("a token")).expect("accepted");
    assert_eq!(json!(principal.subject), reply.json()["customer_id"]);
    assert!(principal.guest && principal.roles.contains(Role::Customer) && !principal.roles.contains(Role::Staff));
    let days = (principal.expires_at - crate::auth::token::seconds_now()) / 86_400;
    assert!((29..=30).contains(&days), "{days}");
}
