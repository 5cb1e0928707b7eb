//! `/.well-known/security.txt` (RFC 9116): where to report a hole of this installation. Only when the operator names a
//! contact: nobody else can answer for their machine.
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use axum::routing::get;
use wh_base::{Clock, Result, Timestamp};
use wh_server::ServerConfig;

/// How long the answer may be believed, in seconds: 90 days, well below the year that RFC 9116 2.5.5 names.
const VALID_S: i64 = 90 * 86_400;

struct Contact {
    address: String,
    canonical: Option<String>,
    clock: Arc<dyn Clock>,
}

/// The address, or no route at all without `security_contact`.
pub fn routes(config: &ServerConfig, clock: Arc<dyn Clock>) -> Result<Router> {
    let Some(contact) = config.security_contact()? else { return Ok(Router::new()) };
    // Canonical has to be https (RFC 9116 2.5.2).
    let public = config.public_origin()?.map(|origin| origin.ascii_serialization());
    let canonical = public.filter(|origin| origin.starts_with("https://"));
    let contact = Contact {
        address: contact.into(),
        canonical: canonical.map(|origin| format!("{origin}/.well-known/security.txt")),
        clock,
    };
    let routes = Router::new().route("/.well-known/security.txt", get(shown));
    Ok(routes.with_state(Arc::new(contact)))
}

async fn shown(State(contact): State<Arc<Contact>>) -> Response {
    let mut response = Response::new(Body::from(text(&contact)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    response
}

fn text(contact: &Contact) -> String {
    let expires = contact.clock.now().plus_seconds(VALID_S);
    // Whole seconds: readers of RFC 3339 need not know fractions.
    let expires = Timestamp::from_micros(expires.micros().div_euclid(1_000_000) * 1_000_000);
    let canonical = contact.canonical.as_ref().map_or_else(String::new, |url| format!("Canonical: {url}\n"));
    format!("Contact: {}\nExpires: {expires}\nPreferred-Languages: en\n{canonical}", contact.address)
}
