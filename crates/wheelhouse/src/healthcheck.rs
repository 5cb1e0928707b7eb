//! `wheelhouse healthcheck`: asks the server of these settings how it is, for containers without a shell. Knows no operation.
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use wh_base::{ErrorCode, Kind, Result, codes};
use wh_server::config::ServerConfig;

use crate::print;
use crate::settings::{Settings, Sources};

/// The server is not there, or says that it is not well.
pub const UNHEALTHY: ErrorCode = ErrorCode::new(
    "wheelhouse.unhealthy",
    Kind::Unavailable,
    "the server does not answer, or is not ready",
    "look at its log; `wheelhouse doctor` with the same settings names what is in the way",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[&UNHEALTHY];

/// How long the server may take to accept, and then to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 65_536;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether requests can be served.
    Ready,
    /// Whether the process answers at all.
    Alive,
}

impl Question {
    const fn path(self) -> &'static str {
        match self {
            Self::Ready => "/health/ready",
            Self::Alive => "/health",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Alive => "alive",
        }
    }
}

/// Ask. Fails when the answer is not 200.
pub fn run(sources: &Sources, question: Question) -> Result<()> {
    let address = address(&Settings::load(sources)?.server)?;
    let answer = ask(address, question)
        .map_err(|e| UNHEALTHY.caused(format!("{address} does not answer {}", question.path()), e))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_whitespace().nth(1).unwrap_or("nothing");
    if status != "200" {
        return Err(UNHEALTHY.error(format!("{address} answers {status}{}", said(body))));
    }
    print::line(question.word());
    Ok(())
}

/// Where to ask: the port for probes where there is one, otherwise the front door; from this machine.
fn address(config: &ServerConfig) -> Result<SocketAddr> {
    let address = match config.metrics_listen {
        Some(address) => address,
        None if config.tls_files()?.is_none() => config.listen,
        None => {
            let message = "the front door speaks TLS and probes speak cleartext: set server.metrics_listen, for example \"127.0.0.1:9090\"";
            return Err(codes::CONFIG.error(message));
        }
    };
    if address.port() == 0 {
        let message = format!("{address}: port 0 is another one at each start; set a port for whoever looks");
        return Err(codes::CONFIG.error(message));
    }
    let here = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(here, address.port()))
}

fn ask(address: SocketAddr, question: Question) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    let path = question.path();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What a problem says of itself.
fn said(body: &str) -> String {
    let problem = serde_json::from_str::<serde_json::Value>(body).unwrap_or_default();
    let part = |name: &str| problem[name].as_str().map(str::to_owned);
    match (part("detail"), part("code")) {
        (Some(detail), Some(code)) => format!(": {detail} ({code})"),
        _ => String::new(),
    }
}
