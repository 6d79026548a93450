//! The network between a node and Postgres, as bad as it is told to be: late, cut, or losing the reply to a commit.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::wire::Frontend;

const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Debug)]
struct Settings {
    upstream: AtomicU16,
    /// Before each piece is passed on, in either direction.
    delay_ms: AtomicU64,
    /// Refuses whoever comes.
    closed: AtomicBool,
    /// Of how many commits from here on the reply is swallowed.
    to_swallow: AtomicU32,
    swallowed: AtomicU32,
    /// Changes when every connection is to be cut.
    cuts: watch::Sender<u64>,
}

/// Ends with its connections when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    settings: Arc<Settings>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(upstream: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let settings = Arc::new(Settings {
            upstream: AtomicU16::new(upstream),
            delay_ms: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            to_swallow: AtomicU32::new(0),
            swallowed: AtomicU32::new(0),
            cuts: watch::channel(0).0,
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&settings)));
        Ok(Self { port, settings, accepting })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the server is now.
    pub(crate) fn lead_to(&self, port: u16) {
        self.settings.upstream.store(port, Ordering::SeqCst);
    }

    pub(crate) fn delay(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.settings.delay_ms.store(milliseconds, Ordering::SeqCst);
    }

    /// Cuts every connection there is.
    pub(crate) fn cut(&self) {
        self.settings.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(crate) fn close(&self, closed: bool) {
        self.settings.closed.store(closed, Ordering::SeqCst);
    }

    /// The next commits are carried out, and whoever asked for them never hears of it: the connection is reset.
    pub(crate) fn swallow_commits(&self, commits: u32) {
        self.settings.to_swallow.store(commits, Ordering::SeqCst);
    }

    pub(crate) fn swallowed(&self) -> u32 {
        self.settings.swallowed.load(Ordering::SeqCst)
    }

    pub(crate) fn heal(&self) {
        self.delay(Duration::ZERO);
        self.close(false);
        self.swallow_commits(0);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, settings: Arc<Settings>) {
    // Ends its connections with the proxy.
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        if settings.closed.load(Ordering::SeqCst) {
            reset(client);
            continue;
        }
        connections.spawn(serve(client, Arc::clone(&settings)));
        while connections.try_join_next().is_some() {}
    }
}

/// As a host that has lost the connection answers: what was under way is lost.
fn reset(stream: TcpStream) {
    // That it cannot be set any more means that the connection is broken already.
    let _broken = stream.set_zero_linger();
}

async fn serve(mut client: TcpStream, settings: Arc<Settings>) {
    let mut cuts = settings.cuts.subscribe();
    cuts.mark_unchanged();
    let upstream = settings.upstream.load(Ordering::SeqCst);
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", upstream)).await else { return reset(client) };
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let was_lost = tokio::select! {
        _ = cuts.changed() => true,
        was_lost = pass_both(&mut client, &mut server, &settings) => was_lost,
    };
    if was_lost {
        reset(client);
        reset(server);
    }
}

/// Until either side ends. Whether the connection is to be reset, and not closed.
async fn pass_both(client: &mut TcpStream, server: &mut TcpStream, settings: &Settings) -> bool {
    let swallow = AtomicBool::new(false);
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let asks = async {
        let mut frontend = Frontend::default();
        let mut bytes = vec![0; BUFFER_BYTES];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            if frontend.commits(&bytes[..read]) && takes_one(&settings.to_swallow) {
                swallow.store(true, Ordering::SeqCst);
            }
            pause(settings).await;
            if to_server.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
        false
    };
    let answers = async {
        let mut bytes = vec![0; BUFFER_BYTES];
        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
            if swallow.load(Ordering::SeqCst) {
                settings.swallowed.fetch_add(1, Ordering::SeqCst);
                return true;
            }
            pause(settings).await;
            if to_client.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
        false
    };
    tokio::select! {
        was_lost = asks => was_lost,
        was_lost = answers => was_lost,
    }
}

async fn pause(settings: &Settings) {
    let delay_ms = settings.delay_ms.load(Ordering::SeqCst);
    if delay_ms > 0 {
        sleep(Duration::from_millis(delay_ms)).await;
    }
}

fn takes_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}
