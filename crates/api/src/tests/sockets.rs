//! What only a real connection shows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::server::{BindError, Listener};

struct Server {
    address: SocketAddr,
    stopping: CancellationToken,
    running: JoinHandle<()>,
}

async fn start(router: Router) -> Server {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
    let (address, stopping) = (listener.address(), CancellationToken::new());
    let running = tokio::spawn(listener.serve("test", router, stopping.clone()));
    Server { address, stopping, running }
}

async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("listening");
    stream.write_all(request).await.expect("open");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_port_in_use_is_told_as_such() {
    let server = start(Router::new()).await;
    let error = Listener::bind(server.address).await.expect_err("taken");
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
}

#[tokio::test]
async fn a_request_in_flight_outlives_the_stop() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        move || async move {
            entered.notify_one();
            release.notified().await;
            "done"
        }
    };
    let server = start(Router::new().route("/", get(handler))).await;
    let idle = TcpStream::connect(server.address).await.expect("listening");
    let request = tokio::spawn(exchange(server.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    entered.notified().await;
    server.stopping.cancel();
    tokio::task::yield_now().await;
    release.notify_one();
    let answer = request.await.expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    drop(idle);
    server.running.await.expect("ends by itself");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let server = start(Router::new().route("/", get(async || "hello"))).await;
    let mut stream = TcpStream::connect(server.address).await.expect("listening");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("open");
    let mut some = [0; 12];
    stream.read_exact(&mut some).await.expect("an answer");
    let silent = TcpStream::connect(server.address).await.expect("listening");
    server.stopping.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.running).await.expect("at once").expect("no panic");
    drop(silent);
}

#[tokio::test]
async fn http_2_with_prior_knowledge_is_spoken() {
    let server = start(Router::new()).await;
    let preface_and_empty_settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let mut stream = TcpStream::connect(server.address).await.expect("listening");
    stream.write_all(preface_and_empty_settings).await.expect("open");
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.expect("a frame");
    assert_eq!(frame[3], 4, "the first frame is SETTINGS");
}

#[tokio::test]
async fn a_client_that_sends_no_head_is_let_go() {
    // Time runs by itself here: the sockets are real, so paused time would outrun them.
    let server = start(Router::new()).await;
    let started = std::time::Instant::now();
    let (silent, slow, half_a_preface) = tokio::join!(
        exchange(server.address, b""),
        exchange(server.address, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "),
        exchange(server.address, b"PRI * HT"),
    );
    assert_eq!((silent.as_str(), half_a_preface.as_str()), ("", ""));
    assert!(!slow.contains("200"), "{slow}");
    assert!((9..15).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_is_not_http_does_not_harm_others() {
    let server = start(Router::new().route("/", get(async || "hello"))).await;
    for nonsense in [&b"\x16\x03\x01\x02\x00"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n\0\r\n"] {
        let answer = exchange(server.address, nonsense).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    let smuggled =
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello";
    assert!(exchange(server.address, smuggled).await.starts_with("HTTP/1.1 400"));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(10_000));
    assert!(!exchange(server.address, many.as_bytes()).await.contains(" 200 "));
    let fine = exchange(server.address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(fine.ends_with("hello"));
}
