//! The front door itself: an answer that needs nothing, one that needs a session, and signing in.
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::Arguments;
use crate::client::request;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::{EMAIL, PASSWORD, Session};

const CONNECTIONS: usize = 16;
/// Sign-ins at the same time; a sign-in is a password's hash, of which the server does as many as it has cores.
const SIGNING_IN: usize = 8;

/// `http.ping.rps`, `http.auth_read.rps`, `http.auth_read.cpu_us`, `login.per_s`.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(&arguments.binary, folder.path())?;
    let session = Session::set_up(&server).await?;
    let seconds = Duration::from_secs(arguments.seconds);
    let ping = request("GET", "/health", "", b"");
    let (done, took, _) = driven(&server, &session, CONNECTIONS, ping, 200, seconds).await?;
    figures.value("http.ping.rps", "1/s", done, done as f64 / took.as_secs_f64());

    let me = session.prepared("GET", "/v1/identity/me", None);
    let (done, took, cpu) = driven(&server, &session, CONNECTIONS, me, 200, seconds).await?;
    figures.value("http.auth_read.rps", "1/s", done, done as f64 / took.as_secs_f64());
    figures.value("http.auth_read.cpu_us", "us", done, cpu.as_secs_f64() * 1e6 / done as f64);

    let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
    let headers = "Content-Type: application/json\r\n";
    let sign_in = request("POST", "/v1/identity/sessions", headers, body.as_bytes());
    let (done, took, _) = driven(&server, &session, SIGNING_IN, sign_in, 201, seconds).await?;
    figures.value("login.per_s", "1/s", done, done as f64 / took.as_secs_f64());
    Ok(())
}

/// The same request over so many connections: how many were answered, in what time, for how much of the server's CPU.
async fn driven(
    server: &Server,
    session: &Session,
    connections: usize,
    request: Vec<u8>,
    status: u16,
    duration: Duration,
) -> Result<(usize, Duration, Duration)> {
    let request = Arc::new(request);
    let (cpu, began) = (server.cpu()?, Instant::now());
    let mut tasks = Vec::with_capacity(connections);
    for _ in 0..connections {
        let (mut own, request) = (session.another().await?, Arc::clone(&request));
        tasks.push(tokio::spawn(async move {
            let mut done = 0_usize;
            while began.elapsed() < duration {
                own.client.timed(&request, status).await?;
                done += 1;
            }
            anyhow::Ok(done)
        }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok((done, began.elapsed(), server.cpu()?.saturating_sub(cpu)))
}
