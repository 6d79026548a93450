//! Sockets: accepts connections up to a cap, serves HTTP/1 and HTTP/2 on them with every phase bounded in time, and stops
//! without cutting a request off. Knows nothing of what is served.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::metrics::OpenConnection;

/// From accepting a connection, or the answer before, to the end of the next request's head. It also ends idle connections.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Beyond it connections wait in the kernel's queue. Each costs a descriptor and, while busy, some 20 KB.
const CONNECTIONS_MAX: usize = 8 * 1024;

/// The head of a request with all its headers.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// One HTTP/2 connection may not take more of the server than a browser's worth of requests.
const STREAMS_MAX: u32 = 128;

/// An HTTP/2 peer that does not answer a ping is gone.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long requests in flight may take to finish once the server stops. Longer than the 30 s of the longest.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(35);

/// Out of descriptors, accepting again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("{address} is in use by another program")]
    InUse { address: SocketAddr },
    #[error("cannot listen on {address}")]
    Other { address: SocketAddr, source: io::Error },
}

/// A bound socket that nobody is served on yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address },
            _ => BindError::Other { address, source },
        };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// With the port that was given, where port 0 asked for any.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stopping` is cancelled and every request in flight is answered, or the bound on that has passed.
    pub async fn serve(self, name: &'static str, router: Router, stopping: CancellationToken) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let tracker = TaskTracker::new();
        let builder = Arc::new(http_builder());
        while let Some((stream, permit)) = self.accept(&connections, &stopping).await {
            let connection = Connection { stream, permit, open: OpenConnection::new(name) };
            tracker.spawn(connection.serve(Arc::clone(&builder), router.clone(), stopping.clone()));
        }
        drop(self.socket);
        tracker.close();
        if timeout(DRAIN_TIMEOUT, tracker.wait()).await.is_err() {
            tracing::warn!(listener = name, connections = tracker.len(), "some requests did not finish in time");
        }
    }

    /// The next connection, once there is room for it; `None` when the server stops.
    async fn accept(
        &self,
        connections: &Arc<Semaphore>,
        stopping: &CancellationToken,
    ) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        let accepted = async {
            let permit = Arc::clone(connections).acquire_owned().await.expect("the semaphore is never closed");
            loop {
                match self.socket.accept().await {
                    Ok((stream, _peer)) => return (stream, permit),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        stopping.run_until_cancelled(accepted).await
    }
}

fn http_builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

struct Connection {
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    open: OpenConnection,
}

impl Connection {
    async fn serve(self, builder: Arc<Builder<TokioExecutor>>, router: Router, stopping: CancellationToken) {
        let Self { stream, permit: _permit, open: _open } = self;
        // Answers are small and written whole: waiting for more to send would only delay them.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let has_asked = Arc::new(AtomicBool::new(false));
        let service = {
            let has_asked = Arc::clone(&has_asked);
            service_fn(move |request: Request<Incoming>| {
                has_asked.store(true, Ordering::Relaxed);
                router.clone().call(request.map(Body::new))
            })
        };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        // hyper's own limit begins only when it has seen which HTTP is spoken; a client that sends nothing must not stay.
        let mut first_request = pin!(sleep(HEADER_READ_TIMEOUT));
        let mut waiting = true;
        let mut draining = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error, "a connection broke");
                    }
                    return;
                }
                () = first_request.as_mut(), if waiting => {
                    if !has_asked.load(Ordering::Relaxed) {
                        return;
                    }
                    waiting = false;
                }
                () = stopping.cancelled(), if !draining => {
                    connection.as_mut().graceful_shutdown();
                    draining = true;
                }
            }
        }
    }
}
