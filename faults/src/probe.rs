//! Asks a node for its health, on a connection of its own and in no client's history.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::error::Error;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Waits until the node on this port can serve.
pub(crate) async fn ready(port: u16, within: Duration) -> Result<(), Error> {
    let began = Instant::now();
    while status(port, "/health/ready").await != Some(200) {
        if began.elapsed() > within {
            return Err(Error::TooLate { what: "readiness".to_owned(), within });
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// The status of the answer, if there is one in time.
pub(crate) async fn status(port: u16, path: &str) -> Option<u16> {
    let asking = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: daybook\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
    };
    timeout(ANSWER_WITHIN, asking).await.ok().flatten()
}
