//! Everything around the router, in one order, in one place. Knows requests and answers; no operation, no session.
//!
//! The order, which is also the order of [`Edge::call`]:
//!
//! 1. `visit`: request id, start of the clock, the log line that will be written whatever happens.
//! 2. `host`: exactly one host, and one of ours.
//! 3. `probe`: `/health` and `/health/ready`; `/metrics` for this machine, where a setting opens it, sees the headers as they came.
//! 4. `forwarded`: the client behind trusted proxies; forwarding headers of strangers removed.
//!    Here requests are counted by address ([`crate::limit`]).
//! 5. `csrf`: changes and `WebSocket` handshakes come from our own pages; reports of browsers lose who sent them.
//! 6. `path`: one spelling per address.
//! 7. `body`: size and pace of the request's body, and room for it beside all others ([`crate::limit`]).
//! 8. `guard`: the router, under a deadline, panics caught. `fallback` is its last answer.
//! 9. `problem`: the body of refusals, with the request id.
//! 10. `etag`: 304 for what the client has.
//! 11. `headers`: security, `no-store`, `X-Request-Id`; what is left of the sender's quotas.
//! 12. `compress`: gzip or br, where it is worth it.
//! 13. `log`: the line and the metrics.
//!
//! It is one future and not a tower of layers: nothing is boxed per request that need not be.
mod body;
pub mod codes;
mod compress;
mod csrf;
mod etag;
mod fallback;
mod forwarded;
mod guard;
mod headers;
mod host;
mod log;
pub mod metrics;
mod path;
mod probe;
mod trace;
mod visit;

use std::convert::Infallible;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, header};
use tower::Service;
use wh_base::{Clock, Error, IdSource, Network, Origin, Result, SpanSink, Traced};

pub(crate) use body::body_streams;
pub use body::{BodyError, body_error};
pub use fallback::with_fallbacks;
pub use headers::{CSP_REPORTS, Nonce, REQUEST_ID, csp, document_headers};
pub use metrics::Route;
pub use probe::exposition;
pub(crate) use probe::{figures, numbers};
pub use visit::Visit;

use crate::config::{ServerConfig, ms};
use crate::health::{self, Health};
use crate::limit::bodies::Bodies;
use crate::limit::{Overload, Rates};
use crate::problem::{self, Problem};
use crate::serve::Sockets;
use headers::{Secure, Storing};

/// How the bytes came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP, or http at a trusted proxy.
    Cleartext,
    /// Our TLS, or https at a trusted proxy.
    Tls,
}

impl Transport {
    const fn scheme(self) -> &'static str {
        match self {
            Self::Cleartext => "http",
            Self::Tls => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Cleartext => 80,
            Self::Tls => 443,
        }
    }
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Theirs.
    pub address: SocketAddr,
    /// Ours: the address they dialled.
    pub local: SocketAddr,
    /// How.
    pub transport: Transport,
}

/// What an edge is made of.
pub struct EdgeParts<'a> {
    /// The operations, with their fallbacks ([`with_fallbacks`]). Without them everything but the probes is refused until
    /// [`Edge::open`]: the server is starting.
    pub router: Option<Router>,
    /// Limits, hosts, proxies.
    pub config: &'a ServerConfig,
    /// The address that the listener got.
    pub listen: SocketAddr,
    /// Request ids.
    pub ids: IdSource,
    /// The open `WebSocket`s, and whether the server is stopping.
    pub sockets: Sockets,
    /// What `/health/ready` asks.
    pub health: Health,
}

/// The router with everything around it. Cheap to clone; one for all connections.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    router: OnceLock<Router>,
    hosts: host::Hosts,
    trusted: Vec<Network>,
    secure: bool,
    metrics_local: bool,
    ids: IdSource,
    sockets: Sockets,
    health: Health,
    tracing: OnceLock<Arc<trace::Tracing>>,
    address_bytes_max: u32,
    body_bytes_max: u64,
    body_pace: body::Pace,
    request_timeout: Duration,
    compress_bytes_min: u32,
    bodies: Arc<Bodies>,
    overload: Option<Arc<Overload>>,
    rates: Arc<Rates>,
}

/// Which hosts, proxies and public URL of the configuration cannot be read.
pub(crate) fn check(config: &ServerConfig) -> Vec<Error> {
    let proxies = config.trusted_proxies.iter().filter_map(|text| forwarded::trusted(text).err());
    proxies.chain(host::check(config)).collect()
}

fn proxies(config: &ServerConfig) -> Result<Vec<Network>> {
    config.trusted_proxies.iter().map(|text| forwarded::trusted(text)).collect()
}

impl Edge {
    /// Fails when hosts, proxies or the public URL of the configuration cannot be read.
    pub fn new(parts: EdgeParts<'_>) -> Result<Self> {
        metrics::recorder();
        let config = parts.config;
        let trusted = proxies(config)?;
        Ok(Self(Arc::new(Inner {
            router: parts.router.map_or_else(OnceLock::new, OnceLock::from),
            hosts: host::Hosts::new(config, parts.listen)?,
            trusted,
            secure: config.is_secure(),
            metrics_local: config.metrics_local,
            ids: parts.ids,
            sockets: parts.sockets,
            health: parts.health,
            tracing: OnceLock::new(),
            address_bytes_max: config.address_bytes_max,
            body_bytes_max: config.body_bytes_max,
            body_pace: body::Pace {
                timeout: ms(config.body_progress_timeout_ms),
                bytes_min: u64::from(config.body_progress_bytes_min),
            },
            request_timeout: ms(config.request_timeout_ms),
            compress_bytes_min: config.compress_bytes_min,
            bodies: Arc::new(Bodies::new(config)),
            overload: Overload::new(config).map(Arc::new),
            rates: Arc::new(Rates::new(config)),
        })))
    }

    /// The operations are there: from now on they answer. Only the first call counts.
    pub fn open(&self, router: Router) {
        let _first = self.0.router.set(router);
    }

    /// Collect the spans of requests: those whose caller asks for it, and this share (0 to 1) of those without a trace.
    /// Only the first call counts.
    pub fn trace_to(&self, sink: Arc<dyn SpanSink>, clock: Arc<dyn Clock>, ratio: f64) {
        let _first = self.0.tracing.set(Arc::new(trace::Tracing { sink, clock, ratio }));
    }

    /// How this server is.
    pub(crate) fn health(&self) -> &Health {
        &self.0.health
    }

    /// The proxies that are trusted.
    pub(crate) fn proxies(&self) -> &[Network] {
        &self.0.trusted
    }

    /// The open `WebSocket`s of this server.
    pub(crate) fn sockets(&self) -> &Sockets {
        &self.0.sockets
    }

    /// Answer one request of a connection; without a peer it came from inside the process.
    pub async fn call<B>(&self, peer: Option<Peer>, mut request: Request<B>) -> Response
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let edge = &*self.0;
        let announced = request.body().size_hint().exact();
        let visit = Visit::new(edge.ids.next(), request.method().clone(), announced, edge.body_bytes_max);
        let tracing = edge.tracing.get();
        let trace = trace::Trace::continued(request.headers(), visit.request())
            .or_else(|| tracing.map(|tracing| trace::Trace::begun(visit.request(), tracing.ratio)));
        let scheme = peer.map_or(Transport::Cleartext, |peer| peer.transport).scheme();
        let collected =
            trace::Collected::new(tracing, trace, request.headers(), request.uri().path(), scheme);
        let traced = collected.as_ref().map(trace::Collected::traced);
        let line = log::Line::new(visit.clone(), trace, collected);
        let held = etag::condition(request.method(), request.headers());
        let accepted = compress::accepted(request.method(), request.headers());

        let answer = match edge.admit(peer, &visit, &mut request) {
            Ok(Admitted::ToRouter) => edge.route(&visit, request, traced).await,
            Ok(Admitted::Health) => {
                visit.at_route(&probe::HEALTH);
                Ok(probe::alive(visit.method()))
            }
            Ok(Admitted::Ready) => {
                visit.at_route(&probe::READY);
                Ok(visit.served(None).within(probe::ready(visit.method(), &edge.health)).await)
            }
            Ok(Admitted::Metrics) => {
                visit.at_route(&probe::METRICS);
                Ok(numbers())
            }
            Err(error) => Err(error),
        };

        let response = answer.unwrap_or_else(|error| Problem::from(error).into_response());
        let mut response = problem::complete(response, visit.request());
        etag::apply(&held, &mut response);
        let secure = if edge.secure || peer.is_some_and(|peer| peer.transport == Transport::Tls) {
            Secure::Yes
        } else {
            Secure::No
        };
        let storing = if visit.member().is_some() { Storing::Never } else { Storing::AsSaid };
        headers::apply(&mut response, visit.request(), secure, storing);
        visit.tally().tell(response.headers_mut());
        if let Some(header) = trace.and_then(|trace| trace.header()) {
            response.headers_mut().insert(trace::TRACERESPONSE, header);
        }
        let response = compress::apply(accepted, edge.compress_bytes_min, response).await;
        line.close(response)
    }
}

/// Who answers.
enum Admitted {
    ToRouter,
    Health,
    Ready,
    Metrics,
}

impl Inner {
    /// The checks before the router, and what the router is told about the request.
    fn admit<B>(&self, peer: Option<Peer>, visit: &Visit, request: &mut Request<B>) -> Result<Admitted> {
        let authority = self.hosts.check(peer, request.version(), request.uri(), request.headers())?;
        match request.uri().path() {
            "/health" => return Ok(Admitted::Health),
            "/health/ready" => return Ok(Admitted::Ready),
            // With parameters it is for the operation, which refuses them.
            "/metrics"
                if self.metrics_local
                    && request.uri().query().is_none()
                    && probe::is_scraper_here(request.method(), peer, request.headers()) =>
            {
                return Ok(Admitted::Metrics);
            }
            _ => {}
        }
        let client = forwarded::client(peer, &self.trusted, request.headers_mut());
        if let Some(address) = client.address {
            self.rates.address(address, visit.tally())?;
        }
        let method = request.method().clone();
        if request.uri().path() == CSP_REPORTS {
            // A browser says neither Origin nor Sec-Fetch-Site with its reports. Nobody's word, then: it proves nothing.
            request.headers_mut().remove(header::COOKIE);
            request.headers_mut().remove(header::AUTHORIZATION);
        } else {
            csrf::check(&self.hosts, &method, client.transport, &authority, request.headers_mut())?;
        }
        if let Some(uri) = path::normal(request.uri(), self.address_bytes_max)? {
            *request.uri_mut() = uri;
        }
        let extensions = request.extensions_mut();
        extensions.insert(Origin { address: client.address, request: visit.request() });
        extensions.insert(visit.clone());
        // A call from inside the process is part of a request that has its turn and was counted.
        if peer.is_some() {
            if let Some(overload) = &self.overload {
                extensions.insert(overload.clone());
            }
            extensions.insert(self.rates.clone());
        }
        Ok(Admitted::ToRouter)
    }

    async fn route<B>(&self, visit: &Visit, request: Request<B>, traced: Option<Traced>) -> Result<Response>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let request = self.with_limits(visit, request);
        // The clone shares all routes; calling needs a handle of its own.
        let Some(mut router) = self.router.get().cloned() else { return Err(health::starting()) };
        let call = visit.served(traced).within(router.call(request));
        guard::answer(call, visit, self.request_timeout).await
    }

    /// The request with its body under the limits, if it has one.
    fn with_limits<B>(&self, visit: &Visit, mut request: Request<B>) -> Request<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        if request.body().is_end_stream() {
            return request.map(|_| Body::empty());
        }
        // A call from inside the process has no address: somebody holds its body already.
        let address = request.extensions().get::<Origin>().and_then(|origin| origin.address);
        let held = address.map(|address| self.bodies.of(address));
        if let Some(held) = &held {
            request.extensions_mut().insert(held.clone());
        }
        request.map(|body| Body::new(body::GuardedBody::new(body, visit.clone(), self.body_pace, held)))
    }
}

/// For callers inside the process: a request without a connection.
impl Service<Request<Body>> for Edge {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let edge = self.clone();
        async move { Ok(Self::call(&edge, None, request).await) }.boxed()
    }
}
