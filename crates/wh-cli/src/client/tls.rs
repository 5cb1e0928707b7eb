//! Whom we believe: the certificates of the machine, and those that were named. No switch turns this off.
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::fail::{Exit, Fail, Result};

/// The machine's certificates (`SSL_CERT_FILE` is honoured) and those of the file.
pub fn roots(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>> {
    let mut roots = rustls_native_certs::load_native_certs().certs;
    if let Some(file) = ca_file {
        let failed = |e: rustls::pki_types::pem::Error| {
            Fail::new(
                Exit::Usage,
                "cli.tls",
                format!("{}: {e}", file.display()),
                "name a file of PEM certificates",
            )
        };
        for certificate in CertificateDer::pem_file_iter(file).map_err(failed)? {
            roots.push(certificate.map_err(failed)?);
        }
    }
    if roots.is_empty() {
        return Err(Fail::new(
            Exit::Usage,
            "cli.tls",
            "this machine has no certificates to believe",
            "install ca-certificates, or name a file: WHEELHOUSE_CLI_CA_FILE",
        ));
    }
    Ok(roots)
}

/// For HTTP.
pub fn of_ureq(ca_file: Option<&Path>) -> Result<TlsConfig> {
    let certificates: Vec<Certificate<'static>> =
        roots(ca_file)?.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build())
}

/// For the live connection.
pub fn of_rustls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots(ca_file)?);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Fail::new(Exit::Refused, "cli.tls", e.to_string(), "report this"))?;
    Ok(Arc::new(builder.with_root_certificates(store).with_no_client_auth()))
}
