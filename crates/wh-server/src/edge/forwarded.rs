//! Who a request is from when a proxy stands before us. Headers of strangers are removed, never believed.
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header};
use wh_base::config::about;
use wh_base::{Error, Network, Result, codes};

use super::{Peer, Transport};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What proxies write, and what a client may write to deceive.
const FORWARDING: [HeaderName; 8] = [
    header::FORWARDED,
    FORWARDED_FOR,
    FORWARDED_PROTO,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-real-ip"),
];

/// A trusted proxy of the configuration.
pub(super) fn trusted(text: &str) -> Result<Network> {
    text.parse().map_err(|error: Error| {
        let message = format!("trusted_proxies: {}", error.message());
        about(codes::CONFIG.error(message), &["server.trusted_proxies"])
    })
}

/// The client as far as it can be known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) address: Option<IpAddr>,
    pub(super) transport: Transport,
}

/// Read the forwarding headers of trusted proxies, and remove them all, so that nothing behind the edge can believe them.
pub(super) fn client(peer: Option<Peer>, trusted: &[Network], headers: &mut HeaderMap) -> Client {
    let Some(peer) = peer else { return Client { address: None, transport: Transport::Cleartext } };
    let address = peer.address.ip().to_canonical();
    let mut client = Client { address: Some(address), transport: peer.transport };
    if !trusted.is_empty() && is_trusted(trusted, address) {
        // The list grows to the right, so the first stranger from the right is the client.
        let listed = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let mut hops: Vec<&str> = listed.flat_map(|value| value.split(',')).map(str::trim).collect();
        while let Some(hop) = hops.pop().and_then(address_of) {
            client.address = Some(hop.to_canonical());
            if !is_trusted(trusted, hop.to_canonical()) {
                break;
            }
        }
        match headers.get(FORWARDED_PROTO).map(http::HeaderValue::as_bytes) {
            Some(b"https") => client.transport = Transport::Tls,
            Some(b"http") => client.transport = Transport::Cleartext,
            _ => {}
        }
    }
    strip(headers);
    client
}

/// The address of a hop. Some proxies write its port too, and then IPv6 in brackets.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(bare).or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn is_trusted(trusted: &[Network], address: IpAddr) -> bool {
    trusted.iter().any(|network| network.holds(address))
}

/// Whether somebody passed this request on.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(header::VIA) || FORWARDING.iter().any(|name| headers.contains_key(name))
}

fn strip(headers: &mut HeaderMap) {
    for name in &FORWARDING {
        headers.remove(name);
    }
}
