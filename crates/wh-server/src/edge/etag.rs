//! Conditional GET: an answer that the client has already is not sent again (RFC 9110 13.1.2).
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// The request's If-None-Match, if it can matter.
pub(super) fn condition(method: &Method, headers: &HeaderMap) -> Vec<HeaderValue> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Vec::new();
    }
    headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()
}

/// Turn the answer into a 304 when its `ETag` is among those that the client holds.
pub(super) fn apply(held: &[HeaderValue], response: &mut Response) {
    if held.is_empty() || response.status() != StatusCode::OK {
        return;
    }
    let Some(tag) = response.headers().get(header::ETAG) else { return };
    if !held.iter().any(|held| lists(held.as_bytes(), tag.as_bytes())) {
        return;
    }
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.body_mut() = Body::empty();
    let headers = response.headers_mut();
    for name in
        [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_DISPOSITION]
    {
        headers.remove(name);
    }
}

/// Weak comparison against a comma-separated list. A quoted tag may hold commas, so the quotes are what is looked for.
fn lists(list: &[u8], tag: &[u8]) -> bool {
    let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
    list.trim_ascii() == b"*" || tag.len() >= 2 && list.windows(tag.len()).any(|window| window == tag)
}

/// A compressed form is the same answer in other bytes: its tag may only be a weak one.
pub(super) fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) else {
        return;
    };
    let weak = [b"W/", tag.as_bytes()].concat();
    if let Ok(weak) = HeaderValue::from_bytes(&weak) {
        headers.insert(header::ETAG, weak);
    }
}
