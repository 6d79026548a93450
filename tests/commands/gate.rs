//! A way to Postgres that can be shut: the network, or a server that is away, as a node sees it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU16, AtomicUsize, Ordering},
    },
};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Passes bytes on while it is open. Shut, it cuts every connection and every new one.
pub(crate) struct Gate {
    port: u16,
    passage: Arc<Passage>,
    accepting: JoinHandle<()>,
}

struct Passage {
    server: AtomicU16,
    is_open: watch::Sender<bool>,
    /// Replies that still get through before one is lost; negative: all of them.
    replies_left: AtomicI64,
    /// Connections that got through so far.
    let_in: AtomicUsize,
    /// Connections that were tried in vain.
    turned_away: watch::Sender<usize>,
}

impl Gate {
    /// To the server at this port.
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let passage = Arc::new(Passage {
            server: AtomicU16::new(server),
            is_open: watch::Sender::new(true),
            replies_left: AtomicI64::new(-1),
            let_in: AtomicUsize::new(0),
            turned_away: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&passage)));
        Self { port, passage, accepting }
    }

    /// To the server that all tests share.
    pub(crate) async fn to_shared() -> Self {
        Self::to(support::postgres::postgres().await.port()).await
    }

    /// How to log in through here: where `url` does.
    pub(crate) fn options(&self, url: &str) -> PgConnectOptions {
        url.parse::<PgConnectOptions>().unwrap().host("127.0.0.1").port(self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn shut(&self) {
        self.passage.is_open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.passage.is_open.send_replace(true);
    }

    /// Opens to a server that has come up elsewhere.
    pub(crate) fn open_to(&self, server: u16) {
        self.passage.server.store(server, Ordering::SeqCst);
        self.open();
    }

    /// The server carries out the next statement, its answer does not arrive, and the gate shuts.
    pub(crate) fn shut_before_the_next_reply(&self) {
        self.shut_before_reply(0);
    }

    /// As many replies arrive, then one does not, and the gate shuts.
    pub(super) fn shut_before_reply(&self, number: i64) {
        self.passage.replies_left.store(number, Ordering::SeqCst);
    }

    /// Whether all that had been asked for arrived: then the gate is told not to shut any more.
    pub(super) fn stays_open(&self) -> bool {
        self.passage.replies_left.swap(-1, Ordering::SeqCst) >= 0
    }

    /// Until somebody has tried this often to get through the shut gate.
    pub(crate) async fn until_turned_away(&self, times: usize) {
        self.passage.turned_away.subscribe().wait_for(|turned_away| *turned_away >= times).await.unwrap();
    }

    pub(super) fn let_in(&self) -> usize {
        self.passage.let_in.load(Ordering::SeqCst)
    }

    pub(crate) async fn until_shut(&self) {
        self.passage.is_open.subscribe().wait_for(|is_open| !is_open).await.unwrap();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, passage: Arc<Passage>) {
    // Ends its connections with the gate.
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let passage = Arc::clone(&passage);
        connections.spawn(async move {
            let mut is_open = passage.is_open.subscribe();
            if *is_open.borrow() {
                passage.let_in.fetch_add(1, Ordering::SeqCst);
                tokio::select! {
                    _ = is_open.wait_for(|is_open| !is_open) => (),
                    _ = connect(client, &passage) => (),
                }
            } else {
                passage.turned_away.send_modify(|turned_away| *turned_away += 1);
            }
        });
    }
}

async fn connect(client: TcpStream, passage: &Passage) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", passage.server.load(Ordering::SeqCst))).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever direction ends first takes the other one with it.
    tokio::select! {
        ended = pass_on(from_client, to_server, || false) => ended,
        ended = pass_on(from_server, to_client, || {
            // At -1 it stays: nothing is counted.
            let left = passage.replies_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| (left >= 0).then(|| left - 1));
            let loses = left == Ok(0);
            if loses {
                passage.is_open.send_replace(false);
            }
            loses
        }) => ended,
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, ends: impl Fn() -> bool) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 || ends() {
            return Ok(());
        }
        to.write_all(&bytes[..read]).await?;
    }
}
