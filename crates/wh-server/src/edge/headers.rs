//! The headers that every answer carries, and those of documents (OWASP secure headers, ASVS 5.0 3.4).
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use uuid::Uuid;
use wh_base::{Random, Result};

/// The id under which the log holds the request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const COEP: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");
const REPORTING_ENDPOINTS: HeaderName = HeaderName::from_static("reporting-endpoints");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Where browsers tell what the policy of a document kept from happening. They say neither who nor from where, so the
/// edge lets these through without asking for an origin, and without who sent them.
pub const CSP_REPORTS: &str = "/csp-reports";

/// Two years, and all names below.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
/// Answers that are no documents are never rendered, framed or run.
const CSP_DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// What a console needs of a browser's devices: security keys, full screen and the clipboard to copy into.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(self), \
     geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
     publickey-credentials-get=(self), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()",
);
/// Headers that an answer ends up with, so that the map grows once.
const HEADERS_USUAL: usize = 16;
/// 128 bits: cannot be guessed within the life of a page.
const NONCE_BYTES: usize = 16;

/// Whether the client reached us by https; plain http must not carry HSTS (RFC 6797 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secure {
    Yes,
    No,
}

/// Whether an answer may lie in a cache when its handler says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storing {
    Never,
    AsSaid,
}

/// What every answer carries. What the handler set stands, except where weakening it would be a hole.
pub(super) fn apply(
    response: &mut axum::response::Response,
    request: Uuid,
    secure: Secure,
    storing: Storing,
) {
    let status = response.status();
    let headers = response.headers_mut();
    headers.reserve(HEADERS_USUAL.saturating_sub(headers.len()));
    headers.insert(REQUEST_ID, id(request));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if secure == Secure::Yes {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    absent(headers, header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    absent(headers, CORP, HeaderValue::from_static("same-origin"));
    if status != StatusCode::SWITCHING_PROTOCOLS && status != StatusCode::NOT_MODIFIED {
        absent(headers, header::CONTENT_SECURITY_POLICY, CSP_DATA);
    }
    let is_refusal = status.is_client_error() || status.is_server_error();
    if storing == Storing::Never || is_refusal {
        absent(headers, header::CACHE_CONTROL, NO_STORE);
    }
    headers.remove(header::SERVER);
}

fn absent(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if let Entry::Vacant(place) = headers.entry(name) {
        place.insert(value);
    }
}

fn id(request: Uuid) -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = request.as_hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// The word that lets a document's own scripts and styles run: new for each answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// A new one.
    pub fn new(random: &dyn Random) -> Result<Self> {
        let mut bytes = [0; NONCE_BYTES];
        random.fill(&mut bytes)?;
        Ok(Self(STANDARD_NO_PAD.encode(bytes)))
    }

    /// As it stands in `<script nonce="…">`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The policy of a document: own scripts and styles by nonce, no inline ones, no frames, trusted types on. What it keeps
/// from happening is told to [`CSP_REPORTS`]: by `report-to` (under TLS alone), by `report-uri` where that is unknown.
pub fn csp(nonce: &Nonce) -> HeaderValue {
    let nonce = nonce.as_str();
    let text = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; object-src 'none'; \
         form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; report-uri {CSP_REPORTS}; \
         report-to csp"
    );
    HeaderValue::from_str(&text).unwrap_or(CSP_DATA)
}

/// What a document carries beside the headers of every answer. A document holds its nonce, so it is never stored.
pub fn document_headers(headers: &mut HeaderMap, nonce: &Nonce) {
    headers.insert(header::CONTENT_SECURITY_POLICY, csp(nonce));
    if let Ok(endpoints) = HeaderValue::from_str(&format!("csp=\"{CSP_REPORTS}\"")) {
        headers.insert(REPORTING_ENDPOINTS, endpoints);
    }
    headers.insert(COOP, HeaderValue::from_static("same-origin"));
    headers.insert(COEP, HeaderValue::from_static("require-corp"));
    headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::X_XSS_PROTECTION, HeaderValue::from_static("0"));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
}
