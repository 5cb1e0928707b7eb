//! W3C trace context: which trace a request belongs to, where its caller says so, or a new one where spans are collected.
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;
use wh_base::{Attribute, Clock, Span, SpanKind, SpanSink, Timestamp, Traced};

use super::Visit;
use super::metrics::{self, Route};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// What the answer says of the same trace (W3C Trace Context, Level 2).
pub(super) const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// `00-<32 hex>-<16 hex>-<2 hex>`.
const LENGTH: usize = 55;
/// Entries and characters of a `tracestate`: what the standard allows, and what it asks one to keep at least. A longer one is left out.
const STATE_ENTRIES_MAX: usize = 32;
const STATE_CHARS_MAX: usize = 512;
/// Characters of a key and of a value in it.
const STATE_WORD_MAX: usize = 256;

/// A trace, and this request's own place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    id: u128,
    span: u64,
    /// The caller's span.
    parent: Option<u64>,
    flags: u8,
}

/// Collects the spans of requests.
pub(super) struct Tracing {
    pub(super) sink: Arc<dyn SpanSink>,
    pub(super) clock: Arc<dyn Clock>,
    /// The share of requests without a caller's trace that is collected, 0 to 1.
    pub(super) ratio: f64,
}

/// A request that is collected: its place, and what is known of it at its beginning.
pub(super) struct Collected {
    trace: Trace,
    state: Option<Arc<str>>,
    tracing: Arc<Tracing>,
    path: String,
    scheme: &'static str,
}

/// What is known of it at its end.
pub(super) struct Ended<'a> {
    pub(super) visit: &'a Visit,
    pub(super) route: &'a Route,
    pub(super) status: u16,
    pub(super) took: Duration,
    pub(super) code: Option<&'static str>,
}

impl Collected {
    /// None when the caller says, or chance says, that this one is not collected.
    pub(super) fn new(
        tracing: Option<&Arc<Tracing>>,
        trace: Option<Trace>,
        headers: &HeaderMap,
        path: &str,
        scheme: &'static str,
    ) -> Option<Self> {
        let (tracing, trace) = (tracing?, trace?);
        // Probes come every few seconds and say nothing.
        let is_probe = matches!(path, "/health" | "/health/ready" | "/metrics");
        (trace.flags & 1 == 1 && !is_probe).then(|| Self {
            trace,
            state: trace.parent.and_then(|_| state(headers)),
            tracing: Arc::clone(tracing),
            path: path.to_owned(),
            scheme,
        })
    }

    /// What spans within the request belong to.
    pub(super) fn traced(&self) -> Traced {
        let sink = Arc::clone(&self.tracing.sink);
        Traced::new(sink, self.trace.id, self.trace.span, self.state.clone())
    }

    /// The request's own span (OpenTelemetry semantic conventions for HTTP servers, stable).
    pub(super) fn end(self, ended: &Ended<'_>) {
        let Ended { visit, route, status, took, code } = ended;
        let text = |value: &dyn std::fmt::Display| Attribute::Text(value.to_string());
        let method = metrics::label(visit.method());
        let mut attributes = vec![
            ("http.request.method", text(&method)),
            ("http.route", text(&route.template())),
            ("http.response.status_code", Attribute::Int(i64::from(*status))),
            ("url.path", Attribute::Text(self.path)),
            ("url.scheme", text(&self.scheme)),
            ("wheelhouse.operation", text(&route.operation())),
            ("wheelhouse.request.id", text(&visit.request())),
        ];
        if let Some((user, tenant)) = visit.member() {
            attributes.extend([("user.id", text(&user)), ("wheelhouse.tenant.id", text(&tenant))]);
        }
        attributes.extend(code.map(|code| ("error.type", text(&code))));
        let now = self.tracing.clock.now();
        let took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        self.tracing.sink.take(Span {
            trace: self.trace.id,
            id: self.trace.span,
            parent: self.trace.parent,
            state: self.state,
            kind: SpanKind::Server,
            name: format!("{method} {}", route.template()),
            started: Timestamp::from_micros(now.micros().saturating_sub(took)),
            ended: now,
            attributes,
            // A refusal is the caller's failure, not this side's.
            failure: (*status >= 500).then(|| code.map_or_else(|| status.to_string(), str::to_owned)),
        });
    }
}

impl Trace {
    /// The caller's trace with a new span for this request; nothing where the caller names none, or not as the standard
    /// says: what cannot be read is as if it were not there.
    pub(super) fn continued(headers: &HeaderMap, request: Uuid) -> Option<Self> {
        let mut all = headers.get_all(TRACEPARENT).iter();
        let (Some(one), None) = (all.next(), all.next()) else { return None };
        let (id, parent, flags) = parse(one.as_bytes())?;
        Some(Self { id, span: span(request), parent: Some(parent), flags })
    }

    /// A trace that begins with this request and has its id; collected with a chance of `ratio`.
    pub(super) fn begun(request: Uuid, ratio: f64) -> Self {
        // 32 of the random bits of the id, as a number from 0 up to 1.
        let chance = f64::from(request.as_u128() as u32) / (f64::from(u32::MAX) + 1.0);
        Self { id: request.as_u128(), span: span(request), parent: None, flags: u8::from(chance < ratio) }
    }

    /// For the log.
    pub(super) fn id(&self) -> String {
        format!("{:032x}", self.id)
    }

    /// For the answer.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let Self { id, span, flags, .. } = self;
        HeaderValue::from_str(&format!("00-{id:032x}-{span:016x}-{flags:02x}")).ok()
    }
}

/// The half of a request id that is random and never zero.
fn span(request: Uuid) -> u64 {
    request.as_u64_pair().1
}

/// Trace id, the caller's span and flags.
fn parse(text: &[u8]) -> Option<(u128, u64, u8)> {
    let text = std::str::from_utf8(text).ok()?;
    let (head, rest) = text.split_at_checked(LENGTH)?;
    let mut parts = head.split('-');
    let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let version = u8::try_from(hex(version, 2)?).ok()?;
    // A later version may say more behind these; this one may not.
    let known = version != 0xff && (rest.is_empty() || (version > 0 && rest.starts_with('-')));
    let (id, span) = (hex(id, 32)?, hex(span, 16)?);
    let flags = u8::try_from(hex(flags, 2)?).ok()?;
    // Of the flags only `sampled` is known.
    let span = u64::try_from(span).ok()?;
    (known && id != 0 && span != 0).then_some((id, span, flags & 1))
}

/// What the caller and those before it say of the trace; several headers are one list. Nothing where it is not as the
/// standard says, or too much: a trace is whole without it.
fn state(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut entries: Vec<&str> = Vec::new();
    for value in headers.get_all(TRACESTATE) {
        let text = value.to_str().ok()?;
        entries.extend(
            text.split(',').map(|entry| entry.trim_matches([' ', '\t'])).filter(|entry| !entry.is_empty()),
        );
    }
    let fits = !entries.is_empty()
        && entries.len() <= STATE_ENTRIES_MAX
        && entries.iter().all(|entry| is_entry(entry));
    let joined = fits.then(|| entries.join(","))?;
    (joined.len() <= STATE_CHARS_MAX).then(|| joined.into())
}

/// `key=value`, both of few signs.
fn is_entry(entry: &str) -> bool {
    let Some((key, value)) = entry.split_once('=') else { return false };
    let of_key = |sign: char| {
        sign.is_ascii_lowercase() || sign.is_ascii_digit() || matches!(sign, '_' | '-' | '*' | '/' | '@')
    };
    let begins = key.starts_with(|sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit());
    let of_value = |sign: char| matches!(sign, ' '..='~') && !matches!(sign, ',' | '=');
    begins
        && key.len() <= STATE_WORD_MAX
        && key.chars().all(of_key)
        && (1..=STATE_WORD_MAX).contains(&value.len())
        && value.chars().all(of_value)
}

fn hex(text: &str, length: usize) -> Option<u128> {
    let fits = text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    fits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}
