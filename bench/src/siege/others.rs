//! Somebody who is no part of an attack: asks at a steady pace from an address of their own, each time over a new connection,
//! because who is in already does not notice that the door is blocked.
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::client::{Client, Reply, request};
use crate::server::Server;
use crate::session::{EMAIL, PASSWORD};

/// Attackers come from 127.0.0.1; limits of one address are to be theirs alone.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Between two requests, whether the earlier one is answered or not.
const EVERY: Duration = Duration::from_millis(20);
/// An answer that takes longer is none, and counts with this time.
const GIVE_UP: Duration = Duration::from_secs(10);
const READ: &str = "/v1/panels";

/// A client and where it asks.
#[derive(Clone)]
pub struct Others {
    address: SocketAddr,
    tls: Option<TlsConnector>,
    read: Arc<Vec<u8>>,
}

/// What they were told.
#[derive(Default)]
pub struct Heard {
    /// All times, those of the unanswered too.
    pub times: Vec<Duration>,
    /// How many got no answer, or another one than 200.
    pub unanswered: usize,
}

impl Others {
    /// Somebody with this cookie line, under TLS or in cleartext.
    pub fn new(address: SocketAddr, tls: Option<TlsConnector>, cookie: &str) -> Self {
        let read = request("GET", READ, &format!("{cookie}Connection: close\r\n"), b"");
        Self { address, tls, read: Arc::new(read) }
    }

    /// Complete the setup with the printed token; the cookie line of who did.
    pub async fn set_up(&self, server: &Server) -> Result<String> {
        let token = server.setup_token.as_deref().context("the data folder is not empty")?;
        let body = json!({ "token": token, "company": "Bench", "name": "Bench", "email": EMAIL, "password": PASSWORD });
        let headers = "Content-Type: application/json\r\nConnection: close\r\n";
        let bytes = request("POST", "/v1/identity/setup", headers, body.to_string().as_bytes());
        let reply = self.send(&bytes).await?.expect(201)?;
        Ok(format!("Cookie: {}\r\n", reply.cookie.context("no cookie")?))
    }

    /// Ask at the steady pace for so long.
    pub async fn ask(&self, duration: Duration) -> Result<Heard> {
        let mut pace = tokio::time::interval(EVERY);
        let mut asked = JoinSet::new();
        for _ in 0..duration.as_millis() / EVERY.as_millis() {
            pace.tick().await;
            let own = self.clone();
            asked.spawn(async move {
                let began = Instant::now();
                match tokio::time::timeout(GIVE_UP, own.answered()).await {
                    Ok(Ok(())) => (began.elapsed(), None),
                    Ok(Err(reason)) => (GIVE_UP, Some(reason)),
                    Err(_) => (GIVE_UP, Some(anyhow!("no answer in time"))),
                }
            });
        }
        let mut heard = Heard::default();
        while let Some(answer) = asked.join_next().await {
            let (took, reason) = answer?;
            heard.times.push(took);
            if let Some(reason) = reason {
                eprintln!("unanswered: {reason:#}");
                heard.unanswered += 1;
            }
        }
        Ok(heard)
    }

    async fn answered(&self) -> Result<()> {
        let reply = self.send(&self.read).await?;
        if reply.status != 200 {
            bail!("status {}: {}", reply.status, String::from_utf8_lossy(&reply.body));
        }
        Ok(())
    }

    async fn send(&self, request: &[u8]) -> Result<Reply> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((ADDRESS, 0)))?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            Some(tls) => {
                let secured = tls.connect(ServerName::try_from("localhost")?, stream).await?;
                Client::on(secured).send(request).await
            }
            None => Client::on(stream).send(request).await,
        }
    }
}
