//! One kept-alive HTTP/1.1 connection, for what is prepared and asked before a measurement; wrk makes the load.

use std::error::Error;
use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::failure::Failure;

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        // It ends with the sender; what went wrong is told to whoever asks next.
        tokio::spawn(connection);
        Ok(Self { sender, address })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Bytes, Failure> {
        self.ask(Method::GET, path, None, Bytes::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, token: &str, body: &'static str) -> Result<Bytes, Failure> {
        self.ask(Method::POST, path, Some(token), Bytes::from_static(body.as_bytes())).await
    }

    async fn ask(&mut self, method: Method, path: &str, token: Option<&str>, body: Bytes) -> Result<Bytes, Failure> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}")).header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body)).map_err(failed)?;
        self.sender.ready().await.map_err(failed)?;
        let response = self.sender.send_request(request).await.map_err(failed)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(failed)?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        Err(Failure::Refused { asked: path.to_owned(), status: status.as_u16() })
    }
}

fn failed(error: impl Error + Send + Sync + 'static) -> Failure {
    Failure::Http(Box::new(error))
}
