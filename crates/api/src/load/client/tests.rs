use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Answer, Ask, Client, Failure, Repeat};

/// What the stand-in does with a request.
#[derive(Clone, Copy)]
enum Reply {
    /// A status line, and a body.
    Say(&'static str, &'static str),
    HangUp,
}

use Reply::{HangUp, Say};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\nLocation: /v1/orders/7\r\nDaybook-Position: 42\r\n\r\n";

fn problem(status: &'static str, code: &str) -> String {
    let body = format!(r#"{{"code":"{code}","title":"no"}}"#);
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A server that gives one reply after another, and keeps what it was sent.
async fn stand_in(replies: Vec<Reply>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        let mut replies = replies.into_iter();
        while replies.len() > 0 {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            loop {
                let length = socket.read(&mut buffer).await.unwrap_or(0);
                if length == 0 {
                    break;
                }
                seen.lock().unwrap().push(String::from_utf8_lossy(&buffer[..length]).into_owned());
                match replies.next() {
                    Some(Say(status, "")) => socket.write_all(status.as_bytes()).await.unwrap(),
                    Some(Say(status, code)) => socket.write_all(problem(status, code).as_bytes()).await.unwrap(),
                    Some(HangUp) | None => break,
                }
            }
        }
    });
    (Client::new(&endpoint), requests)
}

/// Sends one command and says what became of it, and how often it was sent.
async fn command(repeat: Repeat<'_>, replies: &[Reply]) -> (Result<Answer, Failure>, Vec<String>, Client) {
    let (mut client, requests) = stand_in(replies.to_vec()).await;
    let (path, body) = ("/v1/carts/1/items", Bytes::from_static(b"{}"));
    let bearer = HeaderValue::from_static("Bearer x");
    let ask = Ask { method: Method::POST, path, bearer: Some(&bearer), body, repeat };
    let outcome = tokio::time::timeout(Duration::from_secs(20), client.command(&ask)).await.unwrap();
    let requests = requests.lock().unwrap().clone();
    (outcome, requests, client)
}

fn key() -> HeaderValue {
    HeaderValue::from_static("the-key")
}

#[tokio::test]
async fn an_accepted_command_is_counted_with_its_position_and_location() {
    let (outcome, requests, client) = command(Repeat::Never, &[Say(NO_CONTENT, "")]).await;
    assert_eq!(outcome.unwrap().location.unwrap(), "/v1/orders/7");
    assert_eq!((client.tally.accepted, client.tally.sent(), client.tally.position), (1, 1, 42));
    let request = requests[0].to_lowercase();
    for header in ["post /v1/carts/1/items http/1.1", "prefer: return=minimal", "authorization: bearer x", "host: 127"]
    {
        assert!(request.contains(header), "{request}");
    }
    assert!(!request.contains("idempotency-key"), "{request}");
}

#[tokio::test]
async fn a_refusal_is_final_and_counted_by_its_code() {
    let key = key();
    let replies = [Say("422 Unprocessable Content", "out_of_stock")];
    let (outcome, requests, client) = command(Repeat::Keyed(&key), &replies.map(status_line)).await;
    assert_eq!(outcome.unwrap_err().code(), "out_of_stock");
    assert_eq!(requests.len(), 1);
    assert_eq!(client.tally.refused.iter().next().unwrap(), (&"out_of_stock".into(), &1));
}

#[tokio::test]
async fn what_was_not_done_is_sent_again_without_a_key() {
    let replies = [Say("503 Service Unavailable", "overloaded"), Say(NO_CONTENT, "")];
    let (outcome, requests, client) = command(Repeat::Never, &replies.map(status_line)).await;
    assert!(outcome.is_ok());
    assert_eq!((requests.len(), client.tally.repeats, client.tally.sent()), (2, 1, 1));
}

#[tokio::test]
async fn an_unknown_outcome_is_sent_again_with_the_same_key_until_it_is_known() {
    let key = key();
    let unknown = Say("503 Service Unavailable", "unavailable");
    let replies = [HangUp, unknown, Say("409 Conflict", "idempotency_key_in_flight"), HangUp, Say(NO_CONTENT, "")];
    let (outcome, requests, client) = command(Repeat::Keyed(&key), &replies.map(status_line)).await;
    assert!(outcome.is_ok());
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.to_lowercase().contains("idempotency-key: the-key")));
    assert_eq!((client.tally.repeats, client.tally.accepted, client.tally.sent()), (4, 1, 1));
}

#[tokio::test]
async fn an_unknown_outcome_without_a_key_is_left_unknown() {
    for reply in [HangUp, Say("503 Service Unavailable", "timed_out"), Say("502 Bad Gateway", "")] {
        let (outcome, requests, client) = command(Repeat::Never, &[status_line(reply)]).await;
        assert!(matches!(outcome, Err(Failure::Unknown { .. })));
        assert_eq!((requests.len(), client.tally.unknown, client.tally.sent()), (1, 1, 1));
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_told_as_such() {
    let body = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[1,]";
    let (mut client, _) = stand_in(vec![Say(body, "")]).await;
    let failure = client.read::<Value>("/v1/orders", &HeaderValue::from_static("Bearer x"), 7).await.unwrap_err();
    assert_eq!(failure.code(), "foreign_answer");
}

#[tokio::test]
async fn a_read_names_the_position_it_must_reflect() {
    let body = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let (mut client, requests) =
        stand_in(vec![Say("503 Service Unavailable", "projection_behind"), Say(body, "")]).await;
    client.read::<Value>("/v1/orders", &HeaderValue::from_static("Bearer x"), 7).await.unwrap();
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| request.to_lowercase().contains("daybook-min-position: 7")), "{requests:?}");
    assert_eq!(client.tally.sent(), 0);
}

/// A bare status becomes a status line with an empty body.
fn status_line(reply: Reply) -> Reply {
    match reply {
        Say("502 Bad Gateway", "") => Say("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", ""),
        other => other,
    }
}
