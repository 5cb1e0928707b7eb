//! A running server with TLS, somebody signed in, and a way in for attackers who speak bytes.
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use wh_testkit::engines::EngineKind;
use wh_testkit::flood::{Attacker, Secured, SelfSigned};

use crate::house::{House, PASSWORD, Site};

/// Longer than any timeout that these tests set.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The server.
pub struct Fort {
    house: House,
    own: SelfSigned,
    cookie: String,
    _site: Site,
}

impl Fort {
    /// Start it with further settings, and set it up.
    pub fn build(settings: &[(&str, &str)]) -> Self {
        let site = Site::new(EngineKind::Sqlite);
        let own = SelfSigned::write(site.folder.path()).expect("a certificate");
        let mut all = vec![
            ("WHEELHOUSE_SERVER_TLS_CERTIFICATE", own.certificate.to_str().expect("a path")),
            ("WHEELHOUSE_SERVER_TLS_KEY", own.key.to_str().expect("a path")),
            // Figures must be read while operations are refused.
            ("WHEELHOUSE_SERVER_METRICS_LOCAL", "true"),
        ];
        all.extend(settings);
        let house = House::start_with(site.folder.path(), &all);
        let mut fort = Self { house, own, cookie: String::new(), _site: site };
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

    /// Somebody who attacks over a connection under TLS.
    pub fn connect(&self, protocols: &[&str]) -> Attacker {
        Attacker::on(self.secured(protocols))
    }

    fn secured(&self, protocols: &[&str]) -> Secured {
        self.own.connect(self.house.address, protocols, PATIENCE).expect("the server listens")
    }

    /// One request over HTTP/1.1; the whole answer as text.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut connection = self.secured(&["http/1.1"]);
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

/// Resident memory of a process in MiB.
pub fn resident_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") / 1024
}
