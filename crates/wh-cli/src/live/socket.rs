//! A WebSocket to the server, with or without TLS. Knows no message.
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Error, HandshakeError, WebSocket};

use crate::app::Connection;
use crate::client::{Credential, of_rustls};
use crate::fail::{Exit, Fail, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After this the server is asked whether it is there, and after as long again given up.
const SILENCE: Duration = Duration::from_secs(45);

/// What a WebSocket goes over.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Connect and shake hands.
pub fn open(connection: &Connection, path: &str) -> Result<WebSocket<Box<dyn Stream>>> {
    let base = &connection.client.base;
    let url = url::Url::parse(base).map_err(|e| Fail::usage(e.to_string(), "check the URL"))?;
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let tcp = connect(host.trim_matches(['[', ']']), port)?;
    let stream: Box<dyn Stream> = if url.scheme() == "https" {
        let name = rustls::pki_types::ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|e| Fail::usage(format!("{host}: {e}"), "check the URL"))?;
        let config = of_rustls(connection.ca_file.as_deref())?;
        let session = ClientConnection::new(config, name).map_err(|e| {
            Fail::new(Exit::Unavailable, "cli.tls", e.to_string(), "check the server's certificate")
        })?;
        Box::new(StreamOwned::new(session, tcp))
    } else {
        Box::new(tcp)
    };
    let address = format!("{}{path}", base.replacen("http", "ws", 1));
    let mut request = address.into_client_request().map_err(|e| lost(&e))?;
    let head = request.headers_mut();
    let mut set = |name: &'static str, value: &str| match value.parse() {
        Ok(value) => {
            head.insert(name, value);
            Ok(())
        }
        Err(_) => Err(Fail::usage(format!("no {name} header can be made of it"), "sign in again")),
    };
    set("origin", base)?;
    match &connection.client.credential {
        Credential::None => {}
        Credential::Cookie(cookie) => set("cookie", cookie)?,
        Credential::Token(token) => set("authorization", &format!("Bearer {token}"))?,
    }
    for (name, value) in connection.client.trace() {
        request.headers_mut().insert(*name, value.clone());
    }
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(Error::Http(answer))) => {
            let status = answer.status().as_u16();
            Err(Fail::problem(status, answer.body().as_deref().unwrap_or_default(), |_| None))
        }
        Err(HandshakeError::Failure(e)) => Err(lost(&e)),
        Err(HandshakeError::Interrupted(_)) => {
            Err(Fail::new(Exit::Unavailable, "cli.timeout", "the server did not answer in time", "try again"))
        }
    }
}

fn connect(host: &str, port: u16) -> Result<TcpStream> {
    let failed = |e: std::io::Error| {
        Fail::new(Exit::Unavailable, "cli.unreachable", format!("{host}:{port}: {e}"), "does the server run?")
    };
    let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs().map_err(failed)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(tcp) => {
                tcp.set_read_timeout(Some(SILENCE)).map_err(failed)?;
                tcp.set_write_timeout(Some(SILENCE)).map_err(failed)?;
                return Ok(tcp);
            }
            Err(e) => last = e,
        }
    }
    Err(failed(last))
}

/// Whether nothing came for a while.
pub fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The connection broke.
pub fn lost(error: &Error) -> Fail {
    Fail::new(Exit::Unavailable, "cli.broken", error.to_string(), "try again")
}
