//! The front door itself: an answer that needs nothing, one that needs a session, and signing in.
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::Arguments;
use crate::client::request;
use crate::data;
use crate::drive::{Driven, drive};
use crate::figures::Figures;
use crate::server::Server;
use crate::session::{EMAIL, PASSWORD, Session};

const CONNECTIONS: usize = 16;
/// Sign-ins at the same time; a sign-in is a password's hash, of which the server does as many as it has cores.
const SIGNING_IN: usize = 8;

/// `http.ping.rps`, `http.auth_read.rps`, `http.auth_read.cpu_us`, `login.per_s`.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let folder = data::folder()?;
    let server = Server::start(&arguments.binary, folder.path())?;
    let session = Session::set_up(&server).await?;
    let seconds = Duration::from_secs(arguments.seconds);
    let ping = request("GET", "/health", "", b"");
    let ping = same(&server, &session, CONNECTIONS, ping, 200, seconds).await?;
    figures.value("http.ping.rps", "1/s", ping.done, ping.per_second());

    let me = session.prepared("GET", "/v1/identity/me", None);
    let me = same(&server, &session, CONNECTIONS, me, 200, seconds).await?;
    figures.value("http.auth_read.rps", "1/s", me.done, me.per_second());
    figures.value("http.auth_read.cpu_us", "us", me.done, me.cpu_each() * 1e6);

    let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
    let headers = "Content-Type: application/json\r\n";
    let sign_in = request("POST", "/v1/identity/sessions", headers, body.as_bytes());
    let sign_in = same(&server, &session, SIGNING_IN, sign_in, 201, seconds).await?;
    figures.value("login.per_s", "1/s", sign_in.done, sign_in.per_second());
    Ok(())
}

/// The same request over so many connections.
async fn same(
    server: &Server,
    session: &Session,
    connections: usize,
    request: Vec<u8>,
    status: u16,
    duration: Duration,
) -> Result<Driven> {
    let mut own = Vec::with_capacity(connections);
    for _ in 0..connections {
        own.push((session.another().await?, vec![request.clone()]));
    }
    drive(server, own, status, duration).await
}
