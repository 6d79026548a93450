//! A connection to Postgres that breaks at the worst moment: after the statement was sent and before its answer
//! arrived.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use eventstore::Writer;
use sqlx::postgres::PgConnectOptions;
use support::Database;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{JoinHandle, JoinSet},
};

const REQUEST: u8 = 1;
const REPLY: u8 = 2;

/// Passes bytes on, until it is told to lose some; then it closes the connection they came on.
pub(super) struct Proxy {
    port: u16,
    to_lose: Arc<AtomicU8>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = support::postgres::postgres().await.port();
        let to_lose = Arc::new(AtomicU8::new(0));
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&to_lose)));
        Self { port, to_lose, accepting }
    }

    /// A writer whose connection goes through here.
    pub(super) async fn writer(&self, database: &Database) -> Writer {
        let options: PgConnectOptions = database.app_url().parse().unwrap();
        Writer::connect(options.port(self.port)).await.unwrap()
    }

    /// The next statement does not reach the server.
    pub(super) fn lose_the_next_request(&self) {
        self.to_lose.store(REQUEST, Ordering::SeqCst);
    }

    /// The server carries out the next statement, and its answer does not arrive.
    pub(super) fn lose_the_next_reply(&self) {
        self.to_lose.store(REPLY, Ordering::SeqCst);
    }

    /// Whether that has happened.
    pub(super) fn has_lost(&self) -> bool {
        self.to_lose.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: u16, to_lose: Arc<AtomicU8>) {
    // Ends its connections with the proxy.
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
        let to_lose = Arc::clone(&to_lose);
        connections.spawn(async move {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            // Whichever direction ends first takes the other one with it.
            tokio::select! {
                () = pass_on(from_client, to_server, &to_lose, REQUEST) => (),
                () = pass_on(from_server, to_client, &to_lose, REPLY) => (),
            }
        });
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, to_lose: &AtomicU8, mine: u8) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else { return };
        if to_lose.compare_exchange(mine, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
