//! Whether a change comes from a page of ours: Sec-Fetch-Site first, Origin where a browser does not send it.
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, header};
use wh_base::{Error, Result};

use super::host::Hosts;
use super::{Transport, codes};
use crate::{SessionCookie, bearer};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const WEBSOCKET: &[u8] = b"websocket";

/// Refuse changes and `WebSocket` handshakes that another page may have caused.
///
/// | request | Sec-Fetch-Site | Origin | |
/// |---|---|---|---|
/// | GET, HEAD, OPTIONS | any | any | passes |
/// | change | same-origin, none | any | passes |
/// | change | anything else | any | refused |
/// | change | absent | ours | passes |
/// | change | absent | another or absent | refused |
/// | `WebSocket` | any | ours | passes |
/// | `WebSocket` | any | another or absent | refused |
///
/// Where a bearer speaks there is nothing to refuse: a browser sends no key by itself, and a page of another origin would
/// have to ask first, which nobody answers. Its cookies are removed; a session cookie beside it is refused, because nobody
/// could say which of the two was meant.
pub(super) fn check(
    hosts: &Hosts,
    method: &Method,
    transport: Transport,
    authority: &Authority,
    headers: &mut HeaderMap,
) -> Result<()> {
    if bearer::speaks(headers) {
        if SessionCookie::any(headers) {
            return Err(codes::BEARER_AND_COOKIE.error("both a session cookie and a bearer token"));
        }
        headers.remove(header::COOKIE);
        return Ok(());
    }
    if is_handshake(headers) {
        return match own_origin(hosts, transport, authority, headers) {
            Some(Whose::Ours) => Ok(()),
            Some(Whose::Foreign) => Err(refused("the Origin is another")),
            None => Err(refused("a WebSocket handshake needs an Origin")),
        };
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    change(hosts, transport, authority, headers)
}

enum Whose {
    Ours,
    Foreign,
}

fn change(hosts: &Hosts, transport: Transport, authority: &Authority, headers: &HeaderMap) -> Result<()> {
    let mut sites = headers.get_all(FETCH_SITE).iter();
    match (sites.next().map(http::HeaderValue::as_bytes), sites.next()) {
        (Some(b"same-origin" | b"none"), None) => return Ok(()),
        (Some(_), _) => return Err(refused("Sec-Fetch-Site is neither same-origin nor none")),
        (None, _) => {}
    }
    match own_origin(hosts, transport, authority, headers) {
        Some(Whose::Ours) => Ok(()),
        Some(Whose::Foreign) => Err(refused("the Origin is another")),
        None => Err(refused("neither Sec-Fetch-Site nor Origin says where it comes from")),
    }
}

fn refused(why: &str) -> Error {
    codes::CROSS_ORIGIN.error(why)
}

fn own_origin(
    hosts: &Hosts,
    transport: Transport,
    authority: &Authority,
    headers: &HeaderMap,
) -> Option<Whose> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next()?;
    let ours = origins.next().is_none()
        && origin.to_str().is_ok_and(|origin| hosts.is_own_origin(origin, transport, authority));
    Some(if ours { Whose::Ours } else { Whose::Foreign })
}

/// Other upgrades (`h2c`, which curl offers) are not taken up and need no check.
fn is_handshake(headers: &HeaderMap) -> bool {
    headers.get_all(header::UPGRADE).iter().any(|value| {
        value.as_bytes().windows(WEBSOCKET.len()).any(|window| window.eq_ignore_ascii_case(WEBSOCKET))
    })
}
