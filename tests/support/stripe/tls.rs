//! The stand-in over TLS, with certificates of an authority that one test has.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// Signs certificates, and is trusted by nobody who was not told to.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a server proves itself with.
#[derive(Debug, Clone)]
pub struct Certificate(Arc<ServerConfig>);

/// When a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    Now,
    Lapsed,
}

impl Default for Authority {
    fn default() -> Self {
        let key = KeyPair::generate().expect("keys can be made");
        let mut params = CertificateParams::new([]).expect("no name is not wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("its own key signs").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }
}

impl Authority {
    /// Its certificate, for whoever is to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// For a server of this name or address.
    pub fn certify(&self, name: &str, validity: Validity) -> Certificate {
        let key = KeyPair::generate().expect("keys can be made");
        let mut params = CertificateParams::new([name.to_owned()]).expect("it is a name or an address");
        if validity == Validity::Lapsed {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 2, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority's key signs");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it was made as one");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key is that of the certificate");
        Certificate(Arc::new(config))
    }
}

pub(super) struct TlsListener {
    pub(super) listener: TcpListener,
    pub(super) certificate: Certificate,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    /// Who does not believe the certificate is gone again.
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.expect("a listener of this machine accepts");
            if let Ok(stream) = TlsAcceptor::from(Arc::clone(&self.certificate.0)).accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
