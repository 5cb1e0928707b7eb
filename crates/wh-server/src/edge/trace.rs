//! W3C trace context: which trace a request belongs to, where its caller says so. Starts none, sends nothing anywhere.
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

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
    flags: u8,
}

impl Trace {
    /// The caller's trace with a new span for this request; nothing where the caller names none, or not as the standard
    /// says: what cannot be read is as if it were not there.
    pub(super) fn continued(headers: &HeaderMap, request: Uuid) -> Option<Self> {
        let mut all = headers.get_all(TRACEPARENT).iter();
        let (Some(one), None) = (all.next(), all.next()) else { return None };
        let (id, flags) = parse(one.as_bytes())?;
        // The half of a request id that is random and never zero.
        Some(Self { id, span: request.as_u64_pair().1, flags })
    }

    /// For the log.
    pub(super) fn id(&self) -> String {
        format!("{:032x}", self.id)
    }

    /// For the answer.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let Self { id, span, flags } = self;
        HeaderValue::from_str(&format!("00-{id:032x}-{span:016x}-{flags:02x}")).ok()
    }
}

/// Trace id and flags.
fn parse(text: &[u8]) -> Option<(u128, u8)> {
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
    (known && id != 0 && span != 0).then_some((id, flags & 1))
}

fn hex(text: &str, length: usize) -> Option<u128> {
    let fits = text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    fits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}
