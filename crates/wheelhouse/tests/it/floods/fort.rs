//! A running server with TLS, somebody signed in, and attackers who speak bytes.
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use wh_testkit::engines::EngineKind;

use super::frames::{GOAWAY, HEADERS, PATIENCE, RST_STREAM};
use crate::house::{House, PASSWORD, Site};

/// The server.
pub struct Fort {
    house: House,
    roots: RootCertStore,
    cookie: String,
    _site: Site,
}

/// One connection.
pub struct Attacker {
    stream: StreamOwned<ClientConnection, TcpStream>,
    unread: Vec<u8>,
    reason: Option<u32>,
    closed: bool,
    answers: Vec<Reply>,
}

/// What came back on one stream.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    stream: u32,
    /// The status; none when the stream or the connection was ended instead.
    pub status: Option<u16>,
}

impl Reply {
    /// Whether it is anything but an answer of success.
    pub fn is_refused(&self) -> bool {
        self.status.is_none_or(|status| (400..500).contains(&status))
    }
}

impl Fort {
    /// Start it with further settings, and set it up.
    pub fn build(settings: &[(&str, &str)]) -> Self {
        let site = Site::new(EngineKind::Sqlite);
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let (certificate, key) = (site.folder.path().join("cert.pem"), site.folder.path().join("key.pem"));
        std::fs::write(&certificate, own.cert.pem()).expect("written");
        std::fs::write(&key, own.signing_key.serialize_pem()).expect("written");
        let mut all = vec![
            ("WHEELHOUSE_SERVER_TLS_CERTIFICATE", certificate.to_str().expect("a path")),
            ("WHEELHOUSE_SERVER_TLS_KEY", key.to_str().expect("a path")),
        ];
        all.extend(settings);
        let house = House::start_with(site.folder.path(), &all);
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).expect("a root");
        let mut fort = Self { house, roots, cookie: String::new(), _site: site };
        let token = fort.house.setup_token.clone().expect("not set up yet");
        let body = json!({ "token": token, "company": "Acme", "name": "Olga", "email": "olga@acme.example", "password": PASSWORD });
        let answer = fort.ask("POST", "/v1/identity/setup", &body.to_string());
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
        cookie.split(';').next().expect("a pair").clone_into(&mut fort.cookie);
        fort
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.house.address
    }

    /// A connection under TLS.
    pub fn connect(&self, protocols: &[&str]) -> Attacker {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("a client").with_root_certificates(self.roots.clone());
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let tcp = TcpStream::connect(self.house.address).expect("the server listens");
        tcp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        tcp.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Attacker {
            stream: StreamOwned::new(client, tcp),
            unread: Vec::new(),
            reason: None,
            closed: false,
            answers: Vec::new(),
        }
    }

    /// One request over HTTP/1.1; the whole answer as text.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut connection = self.connect(&["http/1.1"]).stream;
        let host = self.house.address;
        let cookie = &self.cookie;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.write_all(head.as_bytes()).expect("the server takes a request");
        let mut answer = Vec::new();
        // A server may close without the last word of TLS: what it answered counts.
        let _closed = connection.read_to_end(&mut answer);
        String::from_utf8(answer).expect("text")
    }

    /// A member gets an answer, and so does whoever asks whether the server is alive.
    pub fn others_are_answered(&self, meanwhile: &str) {
        for path in ["/health", "/v1/panels"] {
            let answer = self.ask("GET", path, "");
            assert!(answer.starts_with("HTTP/1.1 200"), "{path} during {meanwhile}: {answer}");
        }
    }

    /// Its memory.
    pub fn resident_mb(&self) -> u64 {
        resident_mb(self.house.pid())
    }

    /// The value of a metric's line.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.ask("GET", "/metrics", "");
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().expect("a number"))
    }
}

/// The status of an answer's head: the first field, from the static table or with its name from there (RFC 7541 appendix A).
fn status(block: &[u8]) -> Option<u16> {
    match *block.first()? {
        at @ 0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500].get(usize::from(at - 0x88)).copied(),
        // A literal whose name is one of those; its three digits are Huffman-coded or plain.
        0x08..=0x0e | 0x48..=0x4e => {
            let (length, text) = (block.get(1)? & 0x7f, block.get(2..)?);
            let text = text.get(..usize::from(length))?;
            if block[1] & 0x80 == 0 { std::str::from_utf8(text).ok()?.parse().ok() } else { digits(text) }
        }
        _ => None,
    }
}

/// Digits in Huffman's code: 0, 1 and 2 have five bits, the others six (RFC 7541 appendix B).
fn digits(bytes: &[u8]) -> Option<u16> {
    let bits: Vec<u16> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1))).collect();
    let read = |from: usize, count: usize| {
        bits.get(from..from + count).map(|bits| bits.iter().fold(0, |sum, bit| sum << 1 | bit))
    };
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let (digit, length) = match read(at, 5)? {
            small @ 0..=2 => (small, 5),
            _ => (read(at, 6)?.checked_sub(0x19)? + 3, 6),
        };
        number = number * 10 + digit;
        at += length;
    }
    Some(number)
}

/// Resident memory of a process in MiB.
pub fn resident_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") / 1024
}

impl Attacker {
    /// Whether the server still takes bytes.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Read what is there, for as long as the next bytes come within the patience; whether the connection is still open.
    pub fn listen(&mut self, patience: Duration) -> bool {
        self.stream.sock.set_read_timeout(Some(patience)).expect("a timeout");
        let mut chunk = [0; 16_384];
        while !self.closed {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.closed = true,
                Ok(read) => {
                    self.unread.extend_from_slice(&chunk[..read]);
                    self.take_frames();
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(_) => self.closed = true,
            }
        }
        !self.closed
    }

    /// What the server makes of a stream: its answer, its end, or the end of the connection.
    pub fn answer(&mut self, stream: u32, patience: Duration) -> Reply {
        let begun = Instant::now();
        loop {
            let open = self.listen(Duration::from_millis(5));
            if let Some(answer) = self.answers.iter().find(|answer| answer.stream == stream) {
                return answer.clone();
            }
            if !open {
                return Reply { stream, ..Reply::default() };
            }
            assert!(begun.elapsed() < patience, "the server says nothing about stream {stream}");
        }
    }

    /// Why the server ends the connection, if it said so.
    pub fn reason(&self) -> Option<u32> {
        self.reason
    }

    fn take_frames(&mut self) {
        while let Some(head) = self.unread.first_chunk::<9>() {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let kind = head[3];
            if self.unread.len() < 9 + length {
                return;
            }
            let whole: Vec<u8> = self.unread.drain(..9 + length).collect();
            let stream = u32::from_be_bytes([whole[5], whole[6], whole[7], whole[8]]);
            match kind {
                HEADERS => self.answers.push(Reply { stream, status: status(&whole[9..]) }),
                RST_STREAM => self.answers.push(Reply { stream, status: None }),
                _ => {}
            }
            if kind == GOAWAY
                && let Some(code) = whole[13..].first_chunk::<4>()
            {
                self.reason = Some(u32::from_be_bytes(*code));
            }
        }
    }
}
