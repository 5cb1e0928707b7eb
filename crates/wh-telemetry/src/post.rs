//! One message to the collector, and what its answer means (OTLP 1.x, "OTLP/HTTP Response").
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use wh_base::{Result, codes};

use crate::config::Header;

/// For one message, from its first byte to the answer's last.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What became of a message.
pub enum Outcome {
    Taken,
    /// Not now: the collector says so, or is not there. Perhaps after this time.
    Later(Option<Duration>, String),
    /// Never: the same message will not be taken.
    Refused(String),
}

pub struct Poster {
    agent: Agent,
    headers: Vec<Header>,
    /// Set when the process ends: no message takes longer than until then.
    until: Arc<OnceLock<Instant>>,
}

impl Poster {
    pub fn new(address: &str, headers: Vec<Header>, until: Arc<OnceLock<Instant>>) -> Result<Self> {
        let builder = Agent::config_builder()
            .http_status_as_error(false)
            // The headers may hold a token, which follows no redirect.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("wheelhouse/", env!("CARGO_PKG_VERSION")));
        let builder = if address.starts_with("https:") { builder.tls_config(tls()?) } else { builder };
        Ok(Self { agent: builder.build().new_agent(), headers, until })
    }

    /// Whether the process ends.
    pub fn is_ending(&self) -> bool {
        self.until.get().is_some()
    }

    /// How long a message may take that is sent now.
    pub fn time(&self) -> Duration {
        let left = |until: &Instant| until.saturating_duration_since(Instant::now()).min(TIMEOUT);
        self.until.get().map_or(TIMEOUT, left)
    }

    pub fn post(&self, address: &str, message: &[u8]) -> Outcome {
        let request = self.agent.post(address).config().timeout_global(Some(self.time())).build();
        let mut request = request.header("content-type", "application/x-protobuf");
        for header in &self.headers {
            request = request.header(&header.name, header.value.expose());
        }
        let answer = match request.send(message) {
            Ok(answer) => answer,
            Err(error) => return Outcome::Later(None, error.to_string()),
        };
        let status = answer.status().as_u16();
        let why = format!("it answered {status}");
        match status {
            200..300 => Outcome::Taken,
            429 | 502 | 503 | 504 => {
                let after =
                    answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                Outcome::Later(after.map(Duration::from_secs), why)
            }
            _ => Outcome::Refused(why),
        }
    }
}

/// The machine's certificates; `SSL_CERT_FILE` is honoured.
fn tls() -> Result<TlsConfig> {
    let roots = rustls_native_certs::load_native_certs().certs;
    if roots.is_empty() {
        return Err(codes::CONFIG.error("telemetry.otlp_endpoint is https and this machine has no certificates to believe; install ca-certificates"));
    }
    let roots: Vec<Certificate<'static>> =
        roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build())
}
