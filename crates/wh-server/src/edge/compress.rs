//! Compression of what is worth it: big enough, of a compressible type, not encoded yet. Precompressed files pass as they are.
use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, Request, Response as HttpResponse, StatusCode, header};
use http_body::Body as _;
use tower::{ServiceExt, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::Compression;
use tower_http::compression::predicate::Predicate;

use super::etag;

/// The text types we answer with. Images, fonts and Parquet are compressed by nature; event streams must not be held back.
const TYPES: [&str; 8] = [
    "application/json",
    "application/problem+json",
    "text/html",
    "text/css",
    "text/plain",
    "text/csv",
    "text/javascript",
    "image/svg+xml",
];

const BR: &str = "br";
const GZIP: &str = "gzip";

/// The client's Accept-Encoding, if it can matter.
pub(super) fn accepted(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    if *method == Method::HEAD {
        return None;
    }
    let value = headers.get(header::ACCEPT_ENCODING)?;
    let text = value.to_str().ok()?;
    (text.contains(GZIP) || text.contains(BR)).then(|| value.clone())
}

/// Compress the answer for a client that accepts it. Others get it as it is, and the cache is told of the difference.
pub(super) async fn apply(accepted: Option<HeaderValue>, bytes_min: u32, mut response: Response) -> Response {
    if !is_worth_it(&response, bytes_min) {
        return response;
    }
    vary(response.headers_mut());
    let Some(accepted) = accepted else { return response };
    let status = response.status();
    let mut request = Request::new(());
    request.headers_mut().insert(header::ACCEPT_ENCODING, accepted);
    let mut held = Some(response);
    let ready = service_fn(move |_| std::future::ready(Ok::<_, Infallible>(held.take().unwrap_or_default())));
    // The fastest level: on a local network the time to compress is what the reader waits for.
    let service = Compression::new(ready).quality(CompressionLevel::Fastest).compress_when(Always);
    let response = match service.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (mut parts, body) = response.into_parts();
    // A client that refuses even the plain form gets it all the same: a body it cannot use beats none.
    parts.status = status;
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        etag::weaken(&mut parts.headers);
    }
    Response::from_parts(parts, Body::new(body))
}

/// The decision was made before.
#[derive(Clone, Copy)]
struct Always;

impl Predicate for Always {
    fn should_compress<B: http_body::Body>(&self, _: &HttpResponse<B>) -> bool {
        true
    }
}

fn is_worth_it(response: &Response, bytes_min: u32) -> bool {
    let status = response.status();
    if status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return false;
    }
    let headers = response.headers();
    if headers.contains_key(header::CONTENT_ENCODING) || headers.contains_key(header::CONTENT_RANGE) {
        return false;
    }
    // A body of unknown length is a stream: likely long.
    let size = response.body().size_hint().exact().unwrap_or(u64::MAX);
    size >= u64::from(bytes_min) && is_text(headers)
}

fn is_text(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let media = value.split(';').next().unwrap_or(value).trim_end();
    TYPES.iter().any(|known| known.eq_ignore_ascii_case(media))
}

/// Whether compressed or not, the answer depends on the request's Accept-Encoding.
fn vary(headers: &mut HeaderMap) {
    let known = headers.get_all(header::VARY).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|text| text.split(',').any(|name| name.trim().eq_ignore_ascii_case("accept-encoding")))
    });
    if !known {
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}
