//! The web app inside the binary: hashed files as they were built and compressed, the document rendered per answer.
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use wh_base::{Random, Result};
use wh_server::codes::NOT_FOUND;
use wh_server::edge::{Nonce, document_headers};
use wh_server::{Answer, Problem};

/// `web/dist` as `npm run build` left it. Absent while only the server is built: then every page says how to build it.
#[derive(RustEmbed)]
#[folder = "../../web/dist/"]
#[allow_missing = true]
struct Files;

/// Where the build puts the nonce of this answer.
const NONCE_PLACE: &str = "__CSP_NONCE__";
/// Files below it carry a hash of their content in their name.
const HASHED: &str = "assets/";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// The addresses that the app has a page for, as in `web/src/app/router.tsx`; `*` is an id.
const PAGES: &[&str] = &[
    "",
    "setup",
    "sign-in",
    "invite",
    "panels",
    "panels/new",
    "panels/*",
    "panels/*/import",
    "people/members",
    "settings/sessions",
    "settings/api-keys",
    "settings/password",
    "settings/usage",
    "admin",
    "cli-login",
];
const MISSING: &str = "<!doctype html><title>Wheelhouse</title><p>The web app was not built into this binary. Run `make build`.";

/// Everything that is not an operation: the app's files, and the app itself for every page address.
pub fn routes(random: Arc<dyn Random>) -> Router {
    Router::new().fallback(answer).with_state(random)
}

async fn answer(State(random): State<Arc<dyn Random>>, request: Request) -> Answer<Response> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(not_here(&request));
    }
    let path = request.uri().path().trim_start_matches('/');
    // What looks for an icon without reading the page looks here.
    let path = if path == "favicon.ico" { "favicon.svg" } else { path };
    if path != "index.html"
        && let Some(file) = file(path, request.headers())
    {
        return Ok(file);
    }
    // A page address has no ending; a file that is not there must not come back as a page.
    let is_page = !path.rsplit('/').next().unwrap_or("").contains('.') && !path.starts_with(HASHED);
    if !is_page {
        return Err(not_here(&request));
    }
    let mut page = document(&*random)?;
    if !PAGES.iter().any(|known| is_at(known, path.trim_end_matches('/'))) {
        // The app says in its own words that there is nothing.
        *page.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(page)
}

fn is_at(known: &str, path: &str) -> bool {
    let (mut wanted, mut there) = (known.split('/'), path.split('/'));
    loop {
        match (wanted.next(), there.next()) {
            (None, None) => return true,
            (Some("*"), Some(part)) if is_id(part) => {}
            (Some(word), Some(part)) if word == part => {}
            _ => return false,
        }
    }
}

fn is_id(part: &str) -> bool {
    part.len() == 36 && part.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn not_here(request: &Request) -> Problem {
    NOT_FOUND.error(format!("nothing at {}", request.uri().path())).into()
}

fn document(random: &dyn Random) -> Result<Response> {
    let nonce = Nonce::new(random)?;
    let page = Files::get("index.html").map_or_else(
        || MISSING.to_owned(),
        |file| String::from_utf8_lossy(&file.data).replace(NONCE_PLACE, nonce.as_str()),
    );
    let mut response = Response::new(Body::from(page));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    document_headers(headers, &nonce);
    Ok(response)
}

/// The file, in the smallest form that the client takes.
fn file(path: &str, asked: &HeaderMap) -> Option<Response> {
    if path.is_empty() || Path::new(path).extension().is_some_and(|ending| ending == "br" || ending == "gz") {
        return None;
    }
    let plain = Files::get(path)?;
    let accepted = asked.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    let takes = |encoding: &str| accepted.split(',').any(|one| is_taken(one, encoding));
    let (encoding, chosen) = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(encoding, _)| takes(encoding))
        .find_map(|(encoding, ending)| Some((Some(encoding), Files::get(&format!("{path}.{ending}"))?)))
        .unwrap_or((None, plain));
    let tag = etag(&chosen);
    let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    let mut response = if known.flat_map(|known| known.split(',')).any(|known| is_same(known, &tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(chosen.data))
    };
    let headers = response.headers_mut();
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(&kind).ok()?);
    headers.insert(CACHE_CONTROL, if path.starts_with(HASHED) { IMMUTABLE } else { REVALIDATE });
    headers.insert(ETAG, tag);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

/// Whether this one of `Accept-Encoding` names the coding, and with another weight than 0, which refuses it.
fn is_taken(one: &str, encoding: &str) -> bool {
    let mut parts = one.split(';').map(str::trim);
    let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    is_named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
}

/// Whether this one of `If-None-Match` is the tag: weakly compared, as the header's rules are.
fn is_same(known: &str, tag: &HeaderValue) -> bool {
    let known = known.trim();
    known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == tag.as_bytes()
}

fn etag(file: &EmbeddedFile) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let short: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{short}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}
