//! TLS from a certificate and a key: rustls with aws-lc-rs, HTTP/2 or HTTP/1.1 by ALPN. Read once, at start.
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use wh_base::{Error, Result, codes};

/// What ALPN calls HTTP/2.
pub(super) const ALPN_H2: &[u8] = b"h2";
/// What ALPN calls HTTP/1.1.
const ALPN_H1: &[u8] = b"http/1.1";

/// The acceptor for this certificate chain and key.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| wrong(certificate, e))?;
    if chain.is_empty() {
        return Err(codes::CONFIG.error(format!("{}: no certificate inside", certificate.display())));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong(key, e))?;
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|e| wrong(certificate, e))?;
    config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_H1.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn wrong(file: &Path, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    codes::CONFIG.error(format!("{}: {cause}", file.display()))
}
