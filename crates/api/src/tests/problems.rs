//! Every code of the catalogue, and every error that nobody of ours made.

use std::collections::HashSet;

use axum::http::{Method, StatusCode};

use super::Client;
use crate::problems::{CATALOGUE, Code, FieldCode};

#[tokio::test]
async fn every_code_is_rendered_and_has_its_page() {
    let (routes, api) = (Client::of_test_routes(), Client::of_api());
    for entry in CATALOGUE {
        let reply = routes.get(&format!("/test/problems/{}", entry.name)).send().await;
        let body = reply.is_problem(entry.code);
        assert_eq!(body["retryable"], entry.retryable);
        assert_eq!(body["instance"], format!("/test/problems/{}", entry.name));
        assert_eq!(body["hint"], 1);
        let unavailable = entry.status == StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(!reply.header("retry-after").is_empty(), unavailable, "{}", entry.name);
        assert_eq!(!reply.header("www-authenticate").is_empty(), entry.status == StatusCode::UNAUTHORIZED);

        let page = api.get(body["type"].as_str().expect("a path")).send().await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(String::from_utf8_lossy(&page.bytes).contains(&format!("<h1>{}</h1>", entry.title)));
    }
}

#[test]
fn the_catalogue_is_sound() {
    let mut names = HashSet::new();
    for (index, entry) in CATALOGUE.iter().enumerate() {
        let name = entry.name;
        assert!(names.insert(name), "{name} twice");
        assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{name}");
        assert!(entry.status.is_client_error() || entry.status.is_server_error(), "{name}");
        assert_eq!(entry.code as usize, index);
        assert_eq!(Code::named(name), Some(entry.code));
        assert!(entry.title.len() < 60 && !entry.title.ends_with('.'), "{name}");
        assert!(entry.explanation.ends_with('.') && entry.explanation.matches('`').count() % 2 == 0, "{name}");
    }
    let named: HashSet<_> = FieldCode::ALL.iter().map(|(code, _)| code.name()).collect();
    assert_eq!(named.len(), FieldCode::ALL.len());
}

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let client = Client::of_api();
    for path in
        ["/", "/v1", "/v1/nothing", "/v1/guests/", "//v1/guests", "/V1/guests", "/v1/%2e%2e/guests", "/docs/problems/"]
    {
        let body = client.get(path).send().await.is_problem(Code::RouteNotFound);
        assert_eq!(body["instance"], path);
    }
    client.get("/docs/problems/no_such_code").send().await.is_problem(Code::NotFound);
    client.get("/docs/passwd").send().await.is_problem(Code::NotFound);
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_lists_the_right_ones() {
    let client = Client::of_test_routes();
    let path = "/v1/samples/01a1fde4-3b87-75f0-9efa-7796312c22b4";
    for method in [Method::POST, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        let reply = client.request(method, path).send().await;
        reply.is_problem(Code::MethodNotAllowed);
        assert_eq!(reply.header("allow"), "GET,HEAD,PATCH");
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let reply = Client::of_test_routes().get("/test/panic").send().await;
    reply.is_problem(Code::InternalError);
    assert!(!String::from_utf8_lossy(&reply.bytes).contains("secret"));
}

#[tokio::test]
async fn an_error_that_is_no_problem_yet_becomes_one() {
    let reply = Client::of_test_routes().get("/test/teapot").send().await;
    reply.is_problem(Code::BadRequest);
    assert!(!String::from_utf8_lossy(&reply.bytes).contains("SELECT"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_answers_is_503_after_30_seconds() {
    let started = tokio::time::Instant::now();
    Client::of_test_routes().get("/test/forever").send().await.is_problem(Code::TimedOut);
    assert_eq!(started.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let client = Client::of_api();
    let reply = client.request(Method::HEAD, "/health/live").send().await;
    assert_eq!((reply.status, reply.bytes.len()), (StatusCode::OK, 0));
}
