//! A thousand open sockets: what an idle one costs, and how long a commit takes to reach all of them.
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;

const SOCKETS: usize = 1_000;
/// Opened beside these, each thousand by somebody else: the first thousand pays for what all share (buffers that are pooled, code
/// that is paged in), or hides behind what the start has freed.
const FURTHER: usize = 2_000;
/// Half seconds without a new low.
const SETTLED_ROUNDS: usize = 10;
const ROUNDS: usize = 50;
/// Pages that look at a panel while it is imported anew, so many times.
const PAGES: usize = 100;
const IMPORTS: usize = 10;
const ROWS: usize = 100_000;

/// `socket.idle_kb` of the first thousand and of those behind them. `live.commit_to_socket.1000`: from before the change is sent to
/// its arrival at each socket, so with the change itself. `live.import_to_rows.100`: from the
/// moment in which the first of a hundred pages hears of an import until each of them has the new rows.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let data_dir = data::folder()?;
    let server = Server::start(&arguments.binary, data_dir.path())?;
    let mut session = Session::set_up(&server).await?;
    let panel = session.panel("live").await?;
    let mut others = Vec::new();
    for number in 0..=FURTHER / SOCKETS {
        others.push(session.invite(&format!("other{number}@example.com")).await?);
    }
    // Hashing a password takes tens of MB that stay resident for a while and would then be used for the sockets: they are
    // measured on a server that has hashed none.
    drop(server);
    let server = Server::start(&arguments.binary, data_dir.path())?;
    let mut session = session.at(&server).await?;
    let empty = settled(&server, &mut session).await?;
    let (heard, mut arrivals) = mpsc::unbounded_channel();
    for _ in 0..SOCKETS {
        let socket = open(server.address, &session, &panel).await?;
        tokio::spawn(listen(socket, heard.clone()));
    }
    let before = settled(&server, &mut session).await?;
    let mut idle = Vec::with_capacity(FURTHER);
    for other in &others[..FURTHER / SOCKETS] {
        for _ in 0..SOCKETS {
            idle.push(open(server.address, other, &panel).await?);
        }
    }
    let after = settled(&server, &mut session).await?;
    let each = |more: u64, less: u64, count: usize| (more as f64 - less as f64) / 1e3 / count as f64;
    figures.value("socket.idle_kb", "kB", SOCKETS, each(before, empty, SOCKETS));
    figures.value("socket.idle_kb.further", "kB", FURTHER, each(after, before, FURTHER));
    drop(idle);
    let mut times = Vec::with_capacity(SOCKETS * ROUNDS);
    for round in 0..ROUNDS {
        let body = json!({ "title": format!("live {round}") });
        let asked = Instant::now();
        session.call("PATCH", &format!("/v1/panels/{panel}"), Some(&body)).await?.expect(200)?;
        for _ in 0..SOCKETS {
            let arrival: Instant = tokio::time::timeout(Duration::from_secs(10), arrivals.recv())
                .await?
                .context("no arrival")?;
            times.push(arrival.duration_since(asked));
        }
    }
    figures.times("live.commit_to_socket.1000", times);
    let looker = others.last().context("somebody else")?.at(&server).await?;
    imports(arguments, &server, (&mut session, &looker), &panel, figures).await
}

/// Import again and again while others look at the panel; each page asks for its rows as soon as it hears of it.
async fn imports(
    arguments: &Arguments,
    server: &Server,
    (importer, looker): (&mut Session, &Session),
    panel: &str,
    figures: &mut Figures,
) -> Result<()> {
    let csv = data::flights(&arguments.flights, ROWS)?;
    importer.import(panel, data::pieces(&csv)).await?;
    let (seen, mut rows) = mpsc::unbounded_channel();
    for _ in 0..PAGES {
        let (socket, own) = (open(server.address, looker, panel).await?, looker.another().await?);
        tokio::spawn(look(socket, own, panel.to_owned(), seen.clone()));
    }
    let mut times = Vec::with_capacity(PAGES * IMPORTS);
    for _ in 0..IMPORTS {
        let asked = Instant::now();
        importer.import(panel, data::pieces(&csv)).await?;
        let mut round = Vec::with_capacity(PAGES);
        while round.len() < PAGES {
            let page = tokio::time::timeout(Duration::from_secs(10), rows.recv()).await?;
            let (heard, answered) = page.context("a page heard nothing, or got no rows")?;
            // Some hear of the import before they were opened.
            if heard >= asked {
                round.push((heard, answered));
            }
        }
        let first: Instant = round.iter().map(|(heard, _)| *heard).min().context("pages")?;
        times.extend(round.iter().map(|(_, answered)| answered.duration_since(first)));
    }
    figures.times("live.import_to_rows.100", times);
    Ok(())
}

/// A page: when it heard of an import, and when it had the rows.
async fn look(
    mut socket: Socket,
    mut own: Session,
    panel: String,
    seen: mpsc::UnboundedSender<(Instant, Instant)>,
) {
    let request = own.prepared("GET", &format!("/v1/panels/{panel}/rows?limit=50"), None);
    while let Some(Ok(message)) = socket.next().await {
        let heard = Instant::now();
        if !message.to_text().is_ok_and(|text| text.contains("\"panels.imported\"")) {
            continue;
        }
        if own.client.timed(&request, 200).await.is_err() || seen.send((heard, Instant::now())).is_err() {
            return;
        }
    }
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

/// An open one.
pub type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

/// A socket that hears of this panel.
pub async fn open(address: SocketAddr, session: &Session, panel: &str) -> Result<Socket> {
    let mut request = format!("ws://{address}/v1/live").into_client_request()?;
    let cookie = session.cookie.trim_start_matches("Cookie: ").trim().parse()?;
    request.headers_mut().insert("cookie", cookie);
    request.headers_mut().insert("origin", format!("http://{address}").parse()?);
    let stream = tokio::net::TcpStream::connect(address).await?;
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
