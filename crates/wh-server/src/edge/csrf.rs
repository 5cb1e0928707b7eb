//! Whether a change comes from a page of ours: Sec-Fetch-Site first, Origin where a browser does not send it.
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, header};
use wh_base::{Error, Result};

use super::host::Hosts;
use super::{Transport, codes};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const WEBSOCKET: &[u8] = b"websocket";

/// Refuse changes and `WebSocket` handshakes that another page may have caused.
///
/// | request | Sec-Fetch-Site | Origin | bearer | |
/// |---|---|---|---|---|
/// | GET, HEAD, OPTIONS | any | any | any | passes |
/// | change | same-origin, none | any | any | passes |
/// | change | anything else | any | any | refused |
/// | change | absent | ours | any | passes |
/// | change | absent | another | any | refused |
/// | change | absent | absent | yes | passes |
/// | change | absent | absent | no | refused |
/// | `WebSocket` | any | ours | any | passes |
/// | `WebSocket` | any | absent | yes | passes |
/// | `WebSocket` | any | another or absent | no | refused |
///
/// Where a bearer token speaks, cookies are ignored: they are removed here, so no request carries both.
pub(super) fn check(
    hosts: &Hosts,
    method: &Method,
    transport: Transport,
    authority: &Authority,
    headers: &mut HeaderMap,
) -> Result<()> {
    let bearer = bearer(headers);
    let verdict = if is_handshake(headers) {
        match own_origin(hosts, transport, authority, headers) {
            Some(Whose::Ours) => Ok(()),
            None if bearer == Bearer::Given => Ok(()),
            Some(Whose::Foreign) => Err(refused("the Origin is another")),
            None => Err(refused("a WebSocket handshake needs an Origin")),
        }
    } else if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        Ok(())
    } else {
        change(hosts, transport, authority, headers, bearer)
    };
    if bearer == Bearer::Given {
        headers.remove(header::COOKIE);
    }
    verdict
}

enum Whose {
    Ours,
    Foreign,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bearer {
    Given,
    Absent,
}

fn change(
    hosts: &Hosts,
    transport: Transport,
    authority: &Authority,
    headers: &HeaderMap,
    bearer: Bearer,
) -> Result<()> {
    let mut sites = headers.get_all(FETCH_SITE).iter();
    match (sites.next().map(http::HeaderValue::as_bytes), sites.next()) {
        (Some(b"same-origin" | b"none"), None) => return Ok(()),
        (Some(_), _) => return Err(refused("Sec-Fetch-Site is neither same-origin nor none")),
        (None, _) => {}
    }
    match own_origin(hosts, transport, authority, headers) {
        Some(Whose::Ours) => Ok(()),
        Some(Whose::Foreign) => Err(refused("the Origin is another")),
        None if bearer == Bearer::Given => Ok(()),
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

fn bearer(headers: &HeaderMap) -> Bearer {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match value.and_then(|value| value.get(..7)) {
        Some(scheme) if scheme.eq_ignore_ascii_case("bearer ") => Bearer::Given,
        _ => Bearer::Absent,
    }
}
