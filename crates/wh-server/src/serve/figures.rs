//! A port of its own for scrapers and probes: `/metrics`, `/health`, `/health/ready` and nothing else, in cleartext.
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wh_base::{Result, codes};

use super::admission::Admission;
use super::wire::Wire;
use super::{ACCEPT_PAUSE, bound, is_of_connection};
use crate::edge;
use crate::health::Health;

/// Scrapers and probes that are served at once; more are closed. Waiting would fail a probe as well, and a failed probe ends the server.
const CONNECTIONS_MAX: u32 = 256;
/// Of one address: nobody takes all places of the probes.
const CONNECTIONS_PER_ADDRESS_MAX: u32 = 16;
/// For a request head, and for the silence between two scrapes of a connection.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Of a client that takes no bytes of its answer.
const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request head.
const HEAD_BYTES_MAX: usize = 8_192;

/// The bound port.
pub struct FiguresPort {
    tcp: TcpListener,
    address: SocketAddr,
}

impl FiguresPort {
    /// Bind it. Inside a tokio runtime.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let failed = |e: io::Error| codes::CONFIG.error(format!("cannot listen on {address}: {e}"));
        let tcp = bound(address).map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        Ok(Self { tcp, address })
    }

    /// The address with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answer until `stop`. Probes see the drain here too, because this port is closed last.
    pub async fn run(self, health: Health, stop: CancellationToken) {
        // In no gauge: that of the open connections stands beside the limit of the main port.
        let admission = Admission::new(CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, Vec::new());
        loop {
            match stop.run_until_cancelled(self.tcp.accept()).await {
                None => return,
                Some(Ok((stream, address))) => {
                    let Ok(place) = admission.admit(address.ip()) else { continue };
                    let wire = Wire::new(stream, WRITE_STALL_TIMEOUT, Some(place));
                    let (health, stop) = (health.clone(), stop.clone());
                    tokio::spawn(async move {
                        stop.run_until_cancelled(connection(wire, health)).await;
                    });
                }
                Some(Err(error)) if is_of_connection(&error) => {}
                Some(Err(error)) => {
                    tracing::error!(%error, "cannot accept connections for metrics");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn connection(wire: Wire, health: Health) {
    let service = service_fn(move |request: Request<Incoming>| {
        let health = health.clone();
        async move { Ok::<Response, Infallible>(edge::figures(&request, &health).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(wire), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a scraper's connection broke");
    }
}
