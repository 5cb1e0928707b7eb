//! For which host a request is, and whether that is us: stops rebinding pages, poisoned links and confused proxies.
use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;
use http::{HeaderMap, Uri, Version, header};
use url::Origin;
use wh_base::config::about;
use wh_base::{Error, Result};

use super::{Peer, Transport, codes};
use crate::config::ServerConfig;

/// What of the configuration cannot be read.
pub(super) fn check(config: &ServerConfig) -> impl Iterator<Item = Error> {
    let names = config.allowed_hosts.iter().filter_map(|text| allowed(text).err());
    names.chain(config.public_origin().err())
}

/// An entry of `allowed_hosts`.
fn allowed(text: &str) -> Result<(String, Option<u16>)> {
    let authority: Authority = text.to_ascii_lowercase().parse().map_err(|e| {
        let message = format!("allowed_hosts: `{text}` is no name and no name:port");
        about(wh_base::codes::CONFIG.caused(message, e), &["server.allowed_hosts"])
    })?;
    Ok((authority.host().to_owned(), authority.port_u16()))
}

/// The hosts that this server answers for.
pub(super) struct Hosts {
    listen: SocketAddr,
    /// Lower case; with a port where only that port is meant.
    names: Vec<(String, Option<u16>)>,
    public: Option<Origin>,
}

impl Hosts {
    pub(super) fn new(config: &ServerConfig, listen: SocketAddr) -> Result<Self> {
        let mut names = config.allowed_hosts.iter().map(|text| allowed(text)).collect::<Result<Vec<_>>>()?;
        let public = config.public_origin()?;
        if let Some(Origin::Tuple(_, host, _)) = &public {
            names.push((host.to_string(), None));
        }
        Ok(Self { listen, names, public })
    }

    /// The request's host, checked: exactly one, the same in request line and header, and ours.
    pub(super) fn check(
        &self,
        peer: Option<Peer>,
        version: Version,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Authority> {
        let authority = named(version, uri, headers)?;
        if self.answers_for(peer, &authority) {
            return Ok(authority);
        }
        Err(codes::HOST_FOREIGN.error(format!("`{}` is not this server", authority.as_str())))
    }

    fn answers_for(&self, peer: Option<Peer>, authority: &Authority) -> bool {
        let host = authority.host();
        if is_localhost(host) {
            return true;
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            // The literal that the client dialled cannot be rebound: no name was looked up.
            let dialled = peer.map_or(self.listen, |peer| peer.local).ip().to_canonical();
            if address.is_loopback() || address.to_canonical() == dialled {
                return true;
            }
        }
        self.names.iter().any(|(name, port)| {
            name.eq_ignore_ascii_case(host) && port.is_none_or(|port| authority.port_u16() == Some(port))
        })
    }

    /// Whether `Origin: …` names this server: the host of the request under its scheme, or the public URL.
    pub(super) fn is_own_origin(&self, origin: &str, transport: Transport, authority: &Authority) -> bool {
        let scheme = transport.scheme();
        let direct = origin
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            .is_some_and(|rest| same_host(rest, authority.as_str(), transport.port()));
        direct || self.public.as_ref().is_some_and(|public| public.ascii_serialization() == origin)
    }
}

/// `a` and `b` without regard to case and to a default port that only one of them spells out.
fn same_host(a: &str, b: &str, port: u16) -> bool {
    fn bare(text: &str, port: u16) -> &str {
        text.rsplit_once(':').filter(|(_, tail)| tail.parse() == Ok(port)).map_or(text, |(host, _)| host)
    }
    bare(a, port).eq_ignore_ascii_case(bare(b, port))
}

/// `localhost` and what browsers resolve to loopback without asking anybody.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || host.len() > ".localhost".len()
            && host
                .get(host.len() - ".localhost".len()..)
                .is_some_and(|tail| tail.eq_ignore_ascii_case(".localhost"))
}

/// The one host that the request names.
fn named(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<Authority> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let header = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return Err(codes::HOST.error("more than one Host header")),
        (Some(value), None) => Some(parse(value.as_bytes())?),
        (None, _) => None,
    };
    match (uri.authority(), header) {
        (None, Some(header)) => Ok(header),
        (Some(authority), Some(header)) if same(authority, &header, uri) => Ok(header),
        (Some(_), Some(_)) => Err(codes::TARGET_MISMATCH.error("request line and Host header differ")),
        // HTTP/2 carries it in `:authority`; HTTP/1.1 demands the header in any case.
        (Some(authority), None) if version == Version::HTTP_2 => parse(authority.as_str().as_bytes()),
        (_, None) => Err(codes::HOST.error("no Host header")),
    }
}

fn same(authority: &Authority, header: &Authority, uri: &Uri) -> bool {
    let port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    same_host(authority.as_str(), header.as_str(), port)
}

fn parse(value: &[u8]) -> Result<Authority> {
    let wrong = || codes::HOST.error("the Host header is not a host");
    let authority = Authority::try_from(value).map_err(|_| wrong())?;
    let text = authority.as_str();
    // `user@host` is an authority, and not a Host.
    if text.contains('@') || authority.host().is_empty() || text.ends_with(':') {
        return Err(wrong());
    }
    Ok(authority)
}
