//! Whose certificates are believed: those of the machine's own authorities and, where the base URL is that of a proxy, those
//! of the proxy's. A certificate that does not hold ends the exchange before anything was sent.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::StripeError;

pub(super) fn config(authorities: Option<&[u8]>) -> Result<ClientConfig, StripeError> {
    // Named, since another crate of the program may bring a second one, and then there is no default.
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(StripeError::Tls)?;
    Ok(builder.with_root_certificates(roots(authorities)?).with_no_client_auth())
}

/// Of the machine's, one that cannot be read costs nothing but what it would have been good for; a file that somebody has named
/// has to be right.
fn roots(authorities: Option<&[u8]>) -> Result<RootCertStore, StripeError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = authorities {
        let known = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| StripeError::Authorities)?;
            roots.add(certificate).map_err(|_| StripeError::Authorities)?;
        }
        if roots.len() == known {
            return Err(StripeError::Authorities);
        }
    }
    if roots.is_empty() { Err(StripeError::NoRoots) } else { Ok(roots) }
}
