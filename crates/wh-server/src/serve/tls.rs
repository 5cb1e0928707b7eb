//! TLS from a certificate and a key: rustls with aws-lc-rs, HTTP/2 or HTTP/1.1 by ALPN. A renewed pair is served without a restart.
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use wh_base::{Error, Result, Timestamp, codes};
use x509_cert::der::Decode;
use x509_cert::time::Time;

use crate::config::ServerConfig;
use crate::edge::metrics::{CERTIFICATE_EXPIRES, recorder};

/// What ALPN calls HTTP/2.
pub(super) const ALPN_H2: &[u8] = b"h2";
/// What ALPN calls HTTP/1.1.
const ALPN_H1: &[u8] = b"http/1.1";
/// Bytes of a file with a chain or a key: both are some kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// From when until when a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub begins_at: Timestamp,
    /// Not after.
    pub expires_at: Timestamp,
}

/// What a server would show of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFound {
    /// When its certificate holds; nothing where its dates cannot be read.
    pub validity: Option<Validity>,
    /// The name of `public_url`, where the certificate does not hold it.
    pub name_missing: Option<String>,
}

/// Why the files are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is time to look: what did not change is not told again.
    Time,
    /// Somebody asked for it, and is told in any case.
    Asked,
}

/// What came of reading the files again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reread {
    /// They are as they were at the last look.
    Unchanged,
    /// What they hold is served from now on.
    Served,
    /// They cannot be used: what was served before is served still.
    Kept,
}

/// The certificate that is served, and the files that it comes from. Cheap to clone.
#[derive(Clone)]
pub struct Certificate(Arc<Held>);

struct Held {
    certificate: PathBuf,
    key: PathBuf,
    served: RwLock<TlsAcceptor>,
    /// The digest of what was found at the last look, an error too.
    seen: Mutex<[u8; 32]>,
}

impl Certificate {
    /// Read the pair for the first time: without one that can be used no server starts.
    pub(super) fn open(certificate: &Path, key: &Path) -> Result<Self> {
        let files = Files::read(certificate, key)?;
        let pair = files.pair(certificate, key)?;
        publish(pair.validity());
        Ok(Self(Arc::new(Held {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            seen: Mutex::new(files.digest()),
            served: RwLock::new(pair.acceptor),
        })))
    }

    /// The acceptor of connections that come now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.0.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Read the files again and serve what they hold, if they changed and belong together. Connections that are open go on with what
    /// they began with. A pair that cannot be used is told and changes nothing: between two writes of a renewal it may not fit yet.
    /// Blocks on the files.
    pub fn reread(&self, reason: Reason) -> Reread {
        let held = &*self.0;
        let files = Files::read(&held.certificate, &held.key);
        let digest = match &files {
            Ok(files) => files.digest(),
            Err(error) => Sha256::digest(error.message()).into(),
        };
        let mut seen = held.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == digest && reason == Reason::Time {
            return Reread::Unchanged;
        }
        *seen = digest;
        match files.and_then(|files| files.pair(&held.certificate, &held.key)) {
            Ok(pair) => {
                let validity = pair.validity();
                publish(validity);
                *held.served.write().unwrap_or_else(PoisonError::into_inner) = pair.acceptor;
                let expires_at = validity.map(|validity| validity.expires_at.to_string());
                tracing::info!(expires_at, "the certificate was read again and is served");
                Reread::Served
            }
            Err(error) => {
                tracing::error!(
                    ?error,
                    "the certificate could not be read again: the one from before is served"
                );
                Reread::Kept
            }
        }
    }
}

/// Read certificate and key as at the start; nothing where no TLS is configured.
pub(super) fn examine(config: &ServerConfig) -> Result<Option<TlsFound>> {
    let Some((certificate, key)) = config.tls_files()? else { return Ok(None) };
    let pair = Files::read(certificate, key)?.pair(certificate, key)?;
    let missing = match config.public_origin()? {
        Some(url::Origin::Tuple(_, host, _)) if !pair.holds(&host) => Some(host.to_string()),
        _ => None,
    };
    Ok(Some(TlsFound { validity: pair.validity(), name_missing: missing }))
}

/// The bytes of both files, read at one moment as nearly as files allow.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self> {
        Ok(Self { certificate: bytes(certificate)?, key: bytes(key)? })
    }

    /// Compared instead of dates of files: those of a mounted secret change in other ways than its content.
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update((self.certificate.len() as u64).to_be_bytes());
        digest.update(&self.certificate);
        digest.update(&self.key);
        digest.finalize().into()
    }

    /// What they hold, if it can be used and belongs together. The paths are for the words of refusals.
    fn pair(&self, certificate: &Path, key: &Path) -> Result<Pair> {
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| wrong(certificate, e))?;
        let Some(own) = chain.first().cloned() else {
            return Err(codes::CONFIG.error(format!("{}: no certificate inside", certificate.display())));
        };
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|e| wrong(key, e))?;
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|e| wrong(certificate, e))?;
        config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_H1.to_vec()];
        Ok(Pair { own, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

/// A certificate with its key, as it can be served.
struct Pair {
    /// The server's own certificate, without its chain.
    own: CertificateDer<'static>,
    acceptor: TlsAcceptor,
}

impl Pair {
    fn validity(&self) -> Option<Validity> {
        let read = x509_cert::Certificate::from_der(self.own.as_ref());
        let read =
            read.inspect_err(|error| tracing::warn!(%error, "the dates of the certificate cannot be read"));
        let validity = read.ok()?.tbs_certificate.validity;
        Some(Validity { begins_at: moment(validity.not_before), expires_at: moment(validity.not_after) })
    }

    /// Whether a browser that was sent to this name finds it in the certificate.
    fn holds(&self, host: &url::Host<String>) -> bool {
        let name = match host {
            url::Host::Domain(name) => ServerName::try_from(name.clone()).ok(),
            url::Host::Ipv4(address) => Some(ServerName::from(*address)),
            url::Host::Ipv6(address) => Some(ServerName::from(*address)),
        };
        let parsed = ParsedCertificate::try_from(&self.own);
        name.zip(parsed.ok()).is_some_and(|(name, own)| verify_server_name(&own, &name).is_ok())
    }
}

fn moment(time: Time) -> Timestamp {
    Timestamp::from_micros(i64::try_from(time.to_unix_duration().as_micros()).unwrap_or(i64::MAX))
}

fn publish(validity: Option<Validity>) {
    let Some(validity) = validity else { return };
    // A gauge that is set before there is a recorder is lost.
    recorder();
    metrics::gauge!(CERTIFICATE_EXPIRES).set((validity.expires_at.micros() / 1_000_000) as f64);
}

fn bytes(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|e| wrong(file, e))?;
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| wrong(file, e))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(codes::CONFIG.error(format!("{}: more than {FILE_BYTES_MAX} bytes", file.display())));
    }
    Ok(bytes)
}

fn wrong(file: &Path, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    codes::CONFIG.error(format!("{}: {cause}", file.display()))
}
