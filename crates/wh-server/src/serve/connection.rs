//! One connection from handshake to close: TLS, HTTP/1.1 or HTTP/2, its age, its idleness, its drain.
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::tls::ALPN_H2;
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

/// What is the same for all connections of a server.
pub(super) struct Connections {
    edge: Edge,
    tls: Option<TlsAcceptor>,
    h1: http1::Builder,
    h2: http2::Builder<TokioExecutor>,
    handshake_timeout: Duration,
    age_max: Duration,
    h2_idle_timeout: Duration,
    write_stall_timeout: Duration,
}

impl Connections {
    pub(super) fn new(edge: Edge, tls: Option<TlsAcceptor>, config: &ServerConfig) -> Self {
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
        let handshake = Box::pin(tokio::time::timeout(self.handshake_timeout, tls.accept(wire)));
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
        let edge = self.edge.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let edge = edge.clone();
            async move { Ok::<_, Infallible>(edge.call(Some(peer), request).await) }
        });
        let mut connection = pin!(self.h1.serve_connection(TokioIo::new(stream), service).with_upgrades());
        // Silence between requests is ended by the header timeout.
        let never = std::future::pending;
        let outcome = drive(connection.as_mut(), &end, self.age_max, never(), never()).await;
        note(peer, outcome);
    }

    async fn run_h2<S>(&self, stream: S, peer: Peer, end: End)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Arc::new(Activity::default());
        let (edge, busy) = (self.edge.clone(), activity.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (edge, running) = (edge.clone(), Running::new(busy.clone()));
            async move {
                let response = edge.call(Some(peer), request).await;
                Ok::<_, Infallible>(
                    response.map(|body| Body::new(Moving { body, running: running.answers() })),
                )
            }
        });
        let mut connection = pin!(self.h2.serve_connection(TokioIo::new(stream), service));
        let idle = activity.idle(self.h2_idle_timeout);
        let stuck = activity.stuck(self.write_stall_timeout);
        let outcome = drive(connection.as_mut(), &end, self.age_max, idle, stuck).await;
        note(peer, outcome);
    }
}

/// How the server ends, as its connections see it.
pub(super) struct End {
    /// Finish what runs.
    pub(super) stop: CancellationToken,
    /// The drain timeout is over.
    pub(super) kill: CancellationToken,
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
    stuck: impl Future<Output = ()>,
) -> hyper::Result<()> {
    tokio::select! {
        biased;
        outcome = connection.as_mut() => return outcome,
        () = end.stop.cancelled() => {}
        () = tokio::time::sleep(age_max) => {}
        () = idle => {}
    }
    connection.as_mut().finish();
    tokio::select! {
        biased;
        outcome = connection => outcome,
        () = end.kill.cancelled() => Ok(()),
        () = stuck => {
            broken("write_stalled");
            Ok(())
        }
    }
}

/// What an HTTP/2 connection did lately. HTTP/1.1 needs none: hyper's header timeout ends its silence, and an answer that
/// nobody takes stalls the socket. On HTTP/2 a client can leave an answer lying by giving no window, and still be lively.
#[derive(Default)]
struct Activity {
    /// Requests whose answer has not gone out as a whole.
    running: AtomicU32,
    /// Of these, the ones whose answer has begun.
    answering: AtomicU32,
    /// Requests begun and pieces of answers taken, ever.
    moves: AtomicU64,
}

impl Activity {
    /// Resolves when no request ran or began for one to two times `timeout`.
    async fn idle(&self, timeout: Duration) {
        self.still(timeout, || self.running.load(Ordering::Relaxed) == 0).await;
    }

    /// Resolves when all that is left are answers of which nothing was taken for one to two times `timeout`.
    async fn stuck(&self, timeout: Duration) {
        let waits = || {
            let answering = self.answering.load(Ordering::Relaxed);
            answering > 0 && answering == self.running.load(Ordering::Relaxed)
        };
        self.still(timeout, waits).await;
    }

    async fn still(&self, timeout: Duration, so: impl Fn() -> bool) {
        loop {
            let moves = self.moves.load(Ordering::Relaxed);
            tokio::time::sleep(timeout).await;
            if so() && self.moves.load(Ordering::Relaxed) == moves {
                return;
            }
        }
    }
}

/// A request, from its head to the end of its answer.
struct Running {
    activity: Arc<Activity>,
    answering: bool,
}

impl Running {
    fn new(activity: Arc<Activity>) -> Self {
        activity.running.fetch_add(1, Ordering::Relaxed);
        activity.moves.fetch_add(1, Ordering::Relaxed);
        Self { activity, answering: false }
    }

    fn answers(mut self) -> Self {
        self.activity.answering.fetch_add(1, Ordering::Relaxed);
        self.answering = true;
        self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.running.fetch_sub(1, Ordering::Relaxed);
        if self.answering {
            self.activity.answering.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// An answer's body that tells when a piece of it is taken: hyper asks only when the client gives room.
struct Moving {
    body: Body,
    running: Running,
}

impl HttpBody for Moving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.running.activity.moves.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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

fn broken(reason: &'static str) {
    metrics::counter!(CONNECTIONS_BROKEN, "reason" => reason).increment(1);
}
