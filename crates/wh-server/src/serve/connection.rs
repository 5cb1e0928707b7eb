//! One connection from handshake to close: TLS, HTTP/1.1 or HTTP/2, its age, its idleness, its drain.
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, Moving, Running};
use super::seat::Seat;
use super::tls::{ALPN_H2, Certificate};
use super::wire::Wire;
use crate::config::{ServerConfig, ms};
use crate::edge::metrics::CONNECTIONS_BROKEN;
use crate::edge::{Edge, Peer, Transport};

/// What hyper may buffer of a connection in one direction. Bodies are read in pieces of up to this size.
const BUFFER_BYTES_MAX: u32 = 128 * 1024;
/// What one HTTP/2 stream may send before it is read; the default of 64 KiB throttles an upload over a longer line.
const H2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What all streams of an HTTP/2 connection may send before they are read.
const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// What an honest client makes the server reset in the life of a connection: more requests at once than it may, before it knows how
/// many it may, and the rest of bodies that were refused early. They are never counted down.
const HONEST_RESETS: usize = 200;

/// What is the same for all connections of a server.
pub(super) struct Connections {
    edge: Edge,
    tls: Option<Certificate>,
    h1: http1::Builder,
    h2: http2::Builder<TokioExecutor>,
    handshake_timeout: Duration,
    age_max: Duration,
    h2_idle_timeout: Duration,
    write_stall_timeout: Duration,
}

impl Connections {
    pub(super) fn new(edge: Edge, tls: Option<Certificate>, config: &ServerConfig) -> Self {
        Self {
            edge,
            tls,
            h1: h1(config),
            h2: h2(config),
            handshake_timeout: ms(config.tls_handshake_timeout_ms),
            age_max: Duration::from_secs(config.connection_age_max_s),
            h2_idle_timeout: ms(config.h2_idle_timeout_ms),
            write_stall_timeout: ms(config.write_stall_timeout_ms),
        }
    }

    pub(super) fn transport(&self) -> Transport {
        if self.tls.is_some() { Transport::Tls } else { Transport::Cleartext }
    }

    /// Serve one connection until it ends by itself, by age, or at the server's end. What only TLS needs is boxed, so
    /// that a connection in cleartext does not pay for it: an idle one should be small.
    pub(super) async fn run(self: Arc<Self>, wire: Wire, peer: Peer, end: End) {
        if self.tls.is_some() {
            Box::pin(self.run_tls(wire, peer, end)).await;
        } else {
            self.run_h1(wire, peer, end).await;
        }
    }

    async fn run_tls(&self, wire: Wire, peer: Peer, end: End) {
        let Some(tls) = &self.tls else { return };
        let handshake = Box::pin(tokio::time::timeout(self.handshake_timeout, tls.acceptor().accept(wire)));
        match end.stop.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => {
                if stream.get_ref().1.alpn_protocol() == Some(ALPN_H2) {
                    Box::pin(self.run_h2(stream, peer, end)).await;
                } else {
                    Box::pin(self.run_h1(stream, peer, end)).await;
                }
            }
            Some(Ok(Err(error))) => {
                tracing::debug!(address = %peer.address, %error, "TLS handshake failed");
                broken("tls");
            }
            Some(Err(_)) => broken("tls_timeout"),
            None => {}
        }
    }

    async fn run_h1<S>(&self, stream: S, peer: Peer, end: End)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (edge, seat) = (self.edge.clone(), end.seat.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (edge, seat) = (edge.clone(), seat.clone());
            async move { Ok::<_, Infallible>(seat.during(edge.call(Some(peer), request)).await) }
        });
        let mut connection = pin!(self.h1.serve_connection(TokioIo::new(stream), service).with_upgrades());
        // Silence between requests is ended by the header timeout.
        let never = std::future::pending;
        let flows = Flows { stalled: never(), stuck: never() };
        let outcome = drive(connection.as_mut(), &end, self.age_max, never(), flows).await;
        note(peer, outcome);
    }

    async fn run_h2<S>(&self, stream: S, peer: Peer, end: End)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Arc::new(Activity::default());
        let (edge, seat, requests) = (self.edge.clone(), end.seat.clone(), activity.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let edge = edge.clone();
            let begun = seat.begin().map(|busy| Running::new(requests.clone(), busy));
            async move {
                // The connection is about to end: nothing is begun any more.
                let Some(running) = begun else { return std::future::pending().await };
                let response = edge.call(Some(peer), request).await;
                Ok::<_, Infallible>(response.map(|body| Body::new(Moving::new(body, running))))
            }
        });
        let mut connection = pin!(self.h2.serve_connection(TokioIo::new(stream), service));
        let idle = activity.idle(self.h2_idle_timeout);
        let flows = Flows {
            stalled: activity.stalled(self.write_stall_timeout),
            stuck: activity.stuck(self.write_stall_timeout),
        };
        let outcome = drive(connection.as_mut(), &end, self.age_max, idle, flows).await;
        note(peer, outcome);
    }
}

/// How the answers of a connection flow.
struct Flows<A, B> {
    /// Resolves when the client takes nothing of one of them for too long.
    stalled: A,
    /// Resolves when nothing moves any more and no handler is at work.
    stuck: B,
}

/// How the server ends, as its connections see it.
pub(super) struct End {
    /// Finish what runs.
    pub(super) stop: CancellationToken,
    /// The drain timeout is over.
    pub(super) kill: CancellationToken,
    /// Whether it is at work.
    pub(super) seat: Arc<Seat>,
}

fn h1(config: &ServerConfig) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(ms(config.header_read_timeout_ms))
        .max_header_size(config.header_bytes_max as usize)
        .max_buf_size(BUFFER_BYTES_MAX.max(config.header_bytes_max) as usize);
    if config.headers_max != ServerConfig::default().headers_max {
        // The default count lies on hyper's stack; another one costs an allocation per request.
        builder.max_headers(config.headers_max as usize);
    }
    builder
}

fn h2(config: &ServerConfig) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.h2_streams_max)
        .max_header_list_size(config.header_bytes_max)
        .max_pending_accept_reset_streams(config.h2_resets_max as usize)
        // A client can also make the server reset its streams, by breaking the protocol on each: it costs as much.
        .max_local_error_reset_streams((config.h2_resets_max as usize).saturating_add(HONEST_RESETS))
        .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(BUFFER_BYTES_MAX as usize)
        .keep_alive_interval(ms(config.h2_ping_interval_ms))
        .keep_alive_timeout(ms(config.h2_ping_timeout_ms));
    builder
}

/// A connection of either version.
trait Graceful: Future<Output = hyper::Result<()>> {
    /// Take no further request; end behind those that run.
    fn finish(self: Pin<&mut Self>);
}

impl<S, Svc> Graceful for http1::UpgradeableConnection<TokioIo<S>, Svc>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    Svc: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, Svc> Graceful for http2::Connection<TokioIo<S>, Svc, TokioExecutor>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    Svc: Service<Request<Incoming>, Response = Response, Error = Infallible>,
    Svc::Future: Send + 'static,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn drive(
    mut connection: Pin<&mut impl Graceful>,
    end: &End,
    age_max: Duration,
    idle: impl Future<Output = ()>,
    flows: Flows<impl Future<Output = ()>, impl Future<Output = ()>>,
) -> hyper::Result<()> {
    tokio::select! {
        biased;
        outcome = connection.as_mut() => return outcome,
        () = flows.stalled => {
            broken("write_stalled");
            return Ok(());
        }
        () = end.stop.cancelled() => {}
        () = tokio::time::sleep(age_max) => {}
        () = idle => {}
    }
    connection.as_mut().finish();
    tokio::select! {
        biased;
        outcome = connection => outcome,
        () = end.kill.cancelled() => Ok(()),
        () = flows.stuck => {
            broken("write_stalled");
            Ok(())
        }
    }
}

fn note(peer: Peer, outcome: hyper::Result<()>) {
    let Err(error) = outcome else { return };
    tracing::debug!(address = %peer.address, %error, "connection broke");
    broken(if error.is_timeout() {
        "header_timeout"
    } else if error.is_parse() {
        "malformed"
    } else {
        "other"
    });
}

pub(super) fn broken(reason: &'static str) {
    metrics::counter!(CONNECTIONS_BROKEN, "reason" => reason).increment(1);
}
