//! TLS from a certificate and a key: rustls with aws-lc-rs, HTTP/2 or HTTP/1.1 by ALPN. Read once, at start.
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use wh_base::config::about;
use wh_base::{Error, Result, codes};

/// What ALPN calls HTTP/2.
pub(super) const ALPN_H2: &[u8] = b"h2";
/// What ALPN calls HTTP/1.1.
const ALPN_H1: &[u8] = b"http/1.1";
/// The settings that name the files.
const CERTIFICATE: &str = "server.tls_certificate";
const KEY: &str = "server.tls_key";

/// The acceptor for this certificate chain and key.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    together(certificate, chain(certificate)?, private(key)?)
}

/// What is wrong with these files: each of them by itself, then whether they belong together.
pub(super) fn check(certificate: &Path, key: &Path) -> Vec<Error> {
    match (chain(certificate), private(key)) {
        (Ok(chain), Ok(private)) => together(certificate, chain, private).err().into_iter().collect(),
        (chain, private) => [chain.err(), private.err()].into_iter().flatten().collect(),
    }
}

fn chain(certificate: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| wrong(certificate, &e, &[CERTIFICATE]))?;
    if chain.is_empty() {
        let message = format!("{}: no certificate inside", certificate.display());
        return Err(about(codes::CONFIG.error(message), &[CERTIFICATE]));
    }
    Ok(chain)
}

fn private(key: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(key).map_err(|e| wrong(key, &e, &[KEY]))
}

fn together(
    certificate: &Path,
    chain: Vec<CertificateDer<'static>>,
    private: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor> {
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|e| wrong(certificate, &e, &[CERTIFICATE, KEY]))?;
    config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_H1.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn wrong(file: &Path, cause: &dyn std::error::Error, keys: &[&str]) -> Error {
    about(codes::CONFIG.error(format!("{}: {cause}", file.display())), keys)
}
