//! `daybook healthcheck`: asks a node whether it is ready, for a container's health check. No HTTP client: one request, one line.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Failure;
use crate::config::reachable;

/// For each of connecting, asking and reading.
const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// Where the node listens
    #[arg(long, env = "DAYBOOK_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
}

#[derive(Debug, thiserror::Error)]
enum HealthcheckError {
    #[error("no answer from {address}")]
    NoAnswer { address: SocketAddr, source: io::Error },
    #[error("{address} is not ready: it answers {answer}")]
    NotReady { address: SocketAddr, answer: String },
}

impl Healthcheck {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let address = reachable(self.listen);
        let answer = ask(address).map_err(|source| Failure::fault(&HealthcheckError::NoAnswer { address, source }))?;
        if answer.split(' ').nth(1) == Some("200") {
            return Ok(ExitCode::SUCCESS);
        }
        Err(Failure::fault(&HealthcheckError::NotReady { address, answer }))
    }
}

/// The status line of the answer.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        });
        address
    }

    #[test]
    fn a_node_is_healthy_only_if_it_answers_200() {
        let run = |answer| Healthcheck { listen: answering(answer) }.run();
        assert!(run("HTTP/1.1 200 OK\r\n\r\n").is_ok());
        assert!(run("HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
        assert!(run("").is_err());
        assert!(Healthcheck { listen: SocketAddr::from(([127, 0, 0, 1], 1)) }.run().is_err());
    }
}
