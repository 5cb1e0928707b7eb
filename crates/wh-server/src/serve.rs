//! The accept loop: connections in, within their caps; a graceful end. Knows bytes and time, no request.
mod activity;
mod admission;
mod connection;
mod figures;
mod refusal;
mod seat;
mod sockets;
mod tls;
mod wire;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wh_base::{Error, Result, codes};

pub(crate) use admission::counted;
pub use figures::FiguresPort;
pub use sockets::Sockets;
pub use tls::{Certificate, Reason, Reread, TlsFound, Validity};

use crate::config::{ServerConfig, ms};
use crate::edge::metrics::{CONNECTIONS, CONNECTIONS_REFUSED, UPKEEP_INTERVAL, recorder};
use crate::edge::{Edge, Peer};
use crate::health::Health;
use admission::{Admission, Full};
use connection::{Connections, End, broken};
use refusal::Refusals;
use wire::Wire;

/// Connections that the system holds for us until they are accepted.
const BACKLOG: u32 = 1024;
/// Without a free file descriptor accepting fails at once, again and again: wait for connections to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Every so many rounds of the upkeep all components are asked: twice a minute.
const COMPONENTS_EVERY_ROUNDS: u64 = 6;
/// What the system keeps of an answer that it cannot send yet. It would take megabytes for each connection, and a thousand clients
/// that read slowly take all the memory that it has for TCP: then it drops what is for others.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// A bound socket, with its certificate.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<Certificate>,
    address: SocketAddr,
}

impl Listener {
    /// Bind the configured address and read the certificate. Inside a tokio runtime.
    pub fn bind(config: &ServerConfig) -> Result<Self> {
        let tls = match config.tls_files()? {
            Some((certificate, key)) => Some(Certificate::open(certificate, key)?),
            None => None,
        };
        let failed = |e: io::Error| codes::CONFIG.error(format!("cannot listen on {}: {e}", config.listen));
        let tcp = bound(config.listen).map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        Ok(Self { tcp, tls, address })
    }

    /// The address with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that it serves, so that a renewed one can be read while it runs; nothing without TLS.
    pub fn certificate(&self) -> Option<Certificate> {
        self.tls.clone()
    }
}

/// What a server would show of itself, once certificate and key have been read as at the start; nothing where no TLS is configured.
pub fn check_tls(config: &ServerConfig) -> Result<Option<TlsFound>> {
    tls::examine(config)
}

/// What is wrong with certificate and key.
pub(crate) fn check_files(certificate: &Path, key: &Path) -> Vec<Error> {
    tls::check(certificate, key)
}

fn bound(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serve until `stop`, then drain: no new connection, running requests end, sockets are told and waited for, all within
/// the drain timeout.
pub async fn serve(edge: Edge, listener: Listener, config: &ServerConfig, stop: CancellationToken) {
    let Listener { tcp, tls, .. } = listener;
    let (sockets, health) = (edge.sockets().clone(), edge.health().clone());
    let server = Server {
        admission: Admission::shown(
            config.connections_max,
            config.connections_per_address_max,
            edge.proxies().to_vec(),
            CONNECTIONS,
        ),
        connections: Arc::new(Connections::new(edge, tls, config)),
        refusals: Refusals::new(),
        tasks: TaskTracker::new(),
        write_timeout: ms(config.write_stall_timeout_ms),
        stop: CancellationToken::new(),
        kill: CancellationToken::new(),
    };
    let upkeep = tokio::spawn(stop.child_token().run_until_cancelled_owned(upkeep(health.clone())));
    stop.run_until_cancelled(server.accept(&tcp)).await;
    health.draining();
    if config.drain_delay_ms > 0 {
        let _over = tokio::time::timeout(ms(config.drain_delay_ms), server.accept(&tcp)).await;
    }
    drop(tcp);
    server.drain(&sockets, ms(config.drain_timeout_ms)).await;
    upkeep.abort();
}

/// The connection was gone before it was taken: says nothing about the next one.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Durations are kept one by one until somebody folds them. Readiness does not ask the components of the second rank, and what the figures
/// tell of them must be true also while nobody looks.
async fn upkeep(health: Health) {
    let recorder = recorder();
    for round in 1_u64.. {
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        recorder.run_upkeep();
        if round % COMPONENTS_EVERY_ROUNDS == 1 {
            let _figures_are_set = health.components().await;
        }
    }
}

struct Server {
    admission: Admission,
    connections: Arc<Connections>,
    refusals: Refusals,
    tasks: TaskTracker,
    write_timeout: Duration,
    /// Finish what runs.
    stop: CancellationToken,
    /// The drain timeout is over.
    kill: CancellationToken,
}

impl Server {
    /// For ever.
    async fn accept(&self, tcp: &TcpListener) {
        loop {
            match tcp.accept().await {
                Ok((stream, address)) => self.take(stream, address),
                Err(error) if is_of_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    metrics::counter!(CONNECTIONS_REFUSED, "reason" => "system").increment(1);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, address: SocketAddr) {
        let place = match self.admission.admit(address.ip()) {
            Ok(place) => place,
            Err(full) => return self.refuse(stream, full),
        };
        // The peer may be gone already; its connection then ends by itself.
        let Ok(local) = stream.local_addr() else { return };
        let _ = stream.set_nodelay(true);
        bound_unsent(&stream);
        let seat = place.seat().clone();
        let wire = Wire::new(stream, self.write_timeout, Some(place));
        let peer = Peer { address, local, transport: self.connections.transport() };
        let end = End { stop: self.stop.child_token(), kill: self.kill.clone(), seat: seat.clone() };
        let connections = self.connections.clone();
        self.tasks.spawn(async move {
            let mut run = pin!(connections.run(wire, peer, end));
            let run = poll_fn(|cx| {
                // At work, as long as an answer may be on its way from its handler to the socket.
                let _working = seat.begin();
                run.as_mut().poll(cx)
            });
            tokio::select! {
                // Once its place is taken nothing is begun any more, but what is ready to go out goes out first.
                biased;
                () = run => {}
                () = seat.taken() => broken("displaced"),
            }
        });
    }

    fn refuse(&self, stream: TcpStream, full: Full) {
        metrics::counter!(CONNECTIONS_REFUSED, "reason" => full.label()).increment(1);
        self.refusals.send(Wire::new(stream, self.write_timeout, None), self.connections.transport());
    }

    async fn drain(&self, sockets: &Sockets, timeout: Duration) {
        sockets.stop();
        self.stop.cancel();
        self.tasks.close();
        let ended = async {
            self.tasks.wait().await;
            sockets.ended().await;
        };
        if tokio::time::timeout(timeout, ended).await.is_err() {
            let (connections, changes, sockets) = (self.tasks.len(), sockets.changes(), sockets.count());
            tracing::warn!(connections, changes, sockets, "the drain timeout is over; the rest is cut off");
        }
        self.kill.cancel();
        self.tasks.wait().await;
    }
}

/// A peer that is gone already refuses it; its connection then ends by itself.
#[cfg(target_os = "linux")]
fn bound_unsent(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
}

#[cfg(not(target_os = "linux"))]
fn bound_unsent(_: &TcpStream) {}
