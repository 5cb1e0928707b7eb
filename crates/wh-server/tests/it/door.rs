//! A server of its own for one test, and a client that speaks bytes. No operation registry, no database.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wh_base::{IdSource, OsRandom, SystemClock};
use wh_server::config::ServerConfig;
use wh_server::edge::{Edge, EdgeParts, with_fallbacks};
use wh_server::serve::{Certificate, Listener, Sockets, serve};
use wh_server::{Component, Health};

/// Longer than any timeout that a test sets: whoever waits so long is stuck.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The connection was closed without an answer.
pub const NOTHING: [u16; 0] = [];

/// A running server.
pub struct Door {
    pub address: SocketAddr,
    pub sockets: Sockets,
    pub health: Health,
    pub edge: Edge,
    pub certificate: Option<Certificate>,
    pub stop: CancellationToken,
    pub ended: JoinHandle<()>,
}

/// Defaults, on a free port of loopback, where a test reads the figures without being anybody.
pub fn config() -> ServerConfig {
    ServerConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        metrics_local: true,
        ..ServerConfig::default()
    }
}

impl Door {
    pub fn open(config: &ServerConfig, router: Router) -> Self {
        Self::open_with(config, router, Vec::new(), Sockets::new())
    }

    pub fn open_with(
        config: &ServerConfig,
        router: Router,
        components: Vec<Component>,
        sockets: Sockets,
    ) -> Self {
        Self::open_raw(config, with_fallbacks(router, None), components, sockets)
    }

    /// The router has its fallbacks already.
    pub fn open_raw(
        config: &ServerConfig,
        router: Router,
        components: Vec<Component>,
        sockets: Sockets,
    ) -> Self {
        let door = Self::open_early(config, sockets);
        door.edge.open(router);
        door.health.running(components);
        door
    }

    /// The house behind it is not there yet.
    pub fn open_early(config: &ServerConfig, sockets: Sockets) -> Self {
        let listener = Listener::bind(config).unwrap();
        let certificate = listener.certificate();
        let (address, stop, health) = (listener.address(), CancellationToken::new(), Health::starting());
        let edge = Edge::new(EdgeParts {
            router: None,
            config,
            listen: address,
            ids: ids(),
            sockets: sockets.clone(),
            health: health.clone(),
        });
        let edge = edge.unwrap();
        let (config, token, served) = (config.clone(), stop.clone(), edge.clone());
        let ended = tokio::spawn(async move { serve(served, listener, &config, token).await });
        Self { address, sockets, health, edge, certificate, stop, ended }
    }

    /// Only whether it would open.
    pub fn try_open(config: &ServerConfig) -> wh_base::Result<()> {
        let listen = Listener::bind(config)?.address();
        let parts = EdgeParts {
            router: Some(Router::new()),
            config,
            listen,
            ids: ids(),
            sockets: Sockets::new(),
            health: Health::starting(),
        };
        Edge::new(parts).map(|_| ())
    }

    /// A new connection.
    pub async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// A new connection from another loopback address.
    pub async fn connect_from(&self, last: u8) -> Client {
        Client::connect_from(last, self.address).await
    }

    /// One request on a connection of its own. `head` has no end of line at its end; Host and `Connection: close` are added.
    pub async fn ask(&self, head: &str, body: &str) -> Reply {
        let host = self.address;
        self.ask_as(&format!("{head}\r\nhost: {host}"), body).await
    }

    /// The same without a Host of ours.
    pub async fn ask_as(&self, head: &str, body: &str) -> Reply {
        let mut client = self.connect().await;
        let length =
            if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        client.send(&format!("{head}\r\nconnection: close\r\n{length}\r\n{body}")).await;
        Reply::parse(&client.rest().await)
    }

    /// The value of a metric line, which begins with `name`; 0 when it is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.ask("GET /metrics HTTP/1.1", "").await.text();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
    }
}

fn ids() -> IdSource {
    IdSource::new(Arc::new(SystemClock), Arc::new(OsRandom))
}

/// One TCP connection.
pub struct Client(pub TcpStream);

impl Client {
    /// A connection to the server from `127.0.0.last`.
    pub async fn connect_from(last: u8, server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        Self(socket.connect(server).await.unwrap())
    }

    pub async fn send(&mut self, text: &str) {
        // A server that refuses early may stop reading: what it answered is what counts.
        let _ = self.0.write_all(text.as_bytes()).await;
    }

    /// Everything until the server closes; what came before a reset counts.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        let _ = read.expect("the server neither answered nor closed");
        bytes
    }

    /// Until the text has arrived, which says so.
    pub async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !String::from_utf8_lossy(&bytes).contains(end) {
            let byte = tokio::time::timeout(PATIENCE, self.0.read_u8()).await;
            bytes.push(byte.expect("the text did not arrive").unwrap());
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The statuses of all answers until the server closes.
    pub async fn statuses(&mut self) -> Vec<u16> {
        let text = self.rest().await;
        let text = String::from_utf8_lossy(&text);
        text.split("HTTP/1.").skip(1).map(|answer| answer[2..5].parse().unwrap()).collect()
    }
}

/// One answer, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head["HTTP/1.1 ".len()..][..3].parse().unwrap();
        let mut reply = Self { status, head, body: bytes[end + 4..].to_vec() };
        if reply.header("transfer-encoding").is_some() {
            reply.body = unchunked(&reply.body);
        }
        reply
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The code of a problem; everything that a problem must have is checked on the way.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        if let Some(id) = self.header("x-request-id") {
            assert_eq!(problem["request_id"], id);
        }
        problem["code"].as_str().unwrap().to_owned()
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let line = bytes.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        bytes = &bytes[line + 2..];
        if size == 0 {
            return out;
        }
        out.extend_from_slice(&bytes[..size]);
        bytes = &bytes[size + 2..];
    }
}
