//! W3C trace context: which trace a request belongs to, where its caller says so, or a new one where spans are collected.
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;
use wh_base::{Attribute, Clock, Span, SpanKind, SpanSink, Timestamp, Traced};

use super::Visit;
use super::metrics::{self, Route};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What the answer says of the same trace (W3C Trace Context, Level 2).
pub(super) const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// `00-<32 hex>-<16 hex>-<2 hex>`.
const LENGTH: usize = 55;

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
        path: &str,
        scheme: &'static str,
    ) -> Option<Self> {
        let (tracing, trace) = (tracing?, trace?);
        // Probes come every few seconds and say nothing.
        let is_probe = matches!(path, "/health" | "/health/ready" | "/metrics");
        (trace.flags & 1 == 1 && !is_probe).then(|| Self {
            trace,
            tracing: Arc::clone(tracing),
            path: path.to_owned(),
            scheme,
        })
    }

    /// What spans within the request belong to.
    pub(super) fn traced(&self) -> Traced {
        Traced::new(Arc::clone(&self.tracing.sink), self.trace.id, self.trace.span)
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

fn hex(text: &str, length: usize) -> Option<u128> {
    let fits = text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    fits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}
