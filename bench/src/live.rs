//! A thousand open sockets: what an idle one costs, and how long a commit takes to reach all of them.
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

use crate::Arguments;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;

const SOCKETS: usize = 1_000;
/// Opened beside these, each thousand by somebody else, to see what they cost: the first thousand pays for what all share
/// (buffers that are pooled, code that is paged in) and hides behind what the start has freed.
const FURTHER: usize = 2_000;
/// Half seconds without a new low.
const SETTLED_ROUNDS: usize = 10;
const ROUNDS: usize = 50;

/// `socket.idle_kb`, `live.commit_to_socket.1000`: from the answer of the change to the arrival at each socket.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let data_dir = tempfile::tempdir()?;
    let server = Server::start(&arguments.binary, data_dir.path())?;
    let mut session = Session::set_up(&server).await?;
    let panel = session.panel("live").await?;
    let mut others = Vec::new();
    for number in 0..FURTHER / SOCKETS {
        others.push(session.invite(&format!("other{number}@example.com")).await?);
    }
    // Hashing a password takes tens of MB that stay resident for a while and would then be used for the sockets: they are
    // measured on a server that has hashed none.
    drop(server);
    let server = Server::start(&arguments.binary, data_dir.path())?;
    let mut session = session.at(&server).await?;
    let (heard, mut arrivals) = mpsc::unbounded_channel();
    for _ in 0..SOCKETS {
        let socket = open(&server, &session, &panel).await?;
        tokio::spawn(listen(socket, heard.clone()));
    }
    let before = settled(&server, &mut session).await?;
    let mut idle = Vec::with_capacity(FURTHER);
    for other in &others {
        for _ in 0..SOCKETS {
            idle.push(open(&server, other, &panel).await?);
        }
    }
    let after = settled(&server, &mut session).await?;
    let grown = after.saturating_sub(before) as f64 / 1e3;
    figures.value("socket.idle_kb", "kB", FURTHER, grown / FURTHER as f64);
    drop(idle);
    let mut times = Vec::with_capacity(SOCKETS * ROUNDS);
    for round in 0..ROUNDS {
        let body = json!({ "title": format!("live {round}") });
        session.call("PATCH", &format!("/v1/panels/{panel}"), Some(&body)).await?.expect(200)?;
        let committed = Instant::now();
        for _ in 0..SOCKETS {
            let arrival: Instant = tokio::time::timeout(Duration::from_secs(10), arrivals.recv())
                .await?
                .context("no arrival")?;
            times.push(arrival.saturating_duration_since(committed));
        }
    }
    figures.times("live.commit_to_socket.1000", times);
    Ok(())
}

/// Resident memory once the allocator has given back what is free: it does so late, and only while it is used.
async fn settled(server: &Server, session: &mut Session) -> Result<u64> {
    let mut least = u64::MAX;
    let mut unchanged = 0;
    while unchanged < SETTLED_ROUNDS {
        tokio::time::sleep(Duration::from_millis(500)).await;
        session.call("GET", "/v1/identity/me", None).await?.expect(200)?;
        let now = server.rss()?;
        unchanged = if now < least { 0 } else { unchanged + 1 };
        least = least.min(now);
    }
    server.rss()
}

type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

async fn open(server: &Server, session: &Session, panel: &str) -> Result<Socket> {
    let mut request = format!("ws://{}/v1/live", server.address).into_client_request()?;
    let cookie = session.cookie.trim_start_matches("Cookie: ").trim().parse()?;
    request.headers_mut().insert("cookie", cookie);
    request.headers_mut().insert("origin", format!("http://{}", server.address).parse()?);
    let stream = tokio::net::TcpStream::connect(server.address).await?;
    let small = WebSocketConfig::default().read_buffer_size(2_048).write_buffer_size(0);
    let (mut socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(small)).await?;
    let topics = json!({ "type": "subscribe", "topics": [format!("panels.{panel}")] });
    socket.send(Message::text(topics.to_string())).await?;
    while let Some(message) = socket.next().await {
        if message?.to_text()?.contains("\"subscribed\"") {
            return Ok(socket);
        }
    }
    anyhow::bail!("the socket closed before it was subscribed")
}

async fn listen(mut socket: Socket, heard: mpsc::UnboundedSender<Instant>) {
    while let Some(Ok(message)) = socket.next().await {
        let arrived = Instant::now();
        let event: Value =
            message.to_text().ok().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if event["type"] == "event" && heard.send(arrived).is_err() {
            return;
        }
    }
}
