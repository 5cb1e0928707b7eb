//! The `[server]` section: addresses, limits and timeouts of the front door. Holds values; decides nothing.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wh_base::config::{Holds, Key, Section, about};
use wh_base::{Error, Result, codes};

/// The front door's settings. Field by field the same as the keys of [`SECTION`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The origin that people type, when it is not the listen address: `https://wheelhouse.example.com`.
    pub public_url: Option<String>,
    /// Where to report a security hole of this installation: `mailto:…` or `https://…`.
    pub security_contact: Option<String>,
    /// More names this server answers for, `name` or `name:port`.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses or networks (`10.0.0.0/8`).
    pub trusted_proxies: Vec<String>,
    /// PEM file of the certificate chain; with `tls_key` the server speaks TLS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file of the certificate's private key.
    pub tls_key: Option<PathBuf>,
    /// Seconds between two looks whether certificate and key changed.
    pub tls_reread_every_s: u64,
    /// Open connections in all.
    pub connections_max: u32,
    /// Open connections of one address (IPv6: of one /64 network).
    pub connections_per_address_max: u32,
    /// Milliseconds for a whole request head, and for the silence between two requests of a connection.
    pub header_read_timeout_ms: u64,
    /// Milliseconds for the TLS handshake.
    pub tls_handshake_timeout_ms: u64,
    /// Bytes of a request head.
    pub header_bytes_max: u32,
    /// Header lines of a request.
    pub headers_max: u32,
    /// Bytes of path and query.
    pub address_bytes_max: u32,
    /// Bytes of a request body, where the operation sets no limit of its own.
    pub body_bytes_max: u64,
    /// Bytes of all request bodies in memory at the same time; one address may have a quarter of it.
    pub body_held_bytes_max: u64,
    /// Milliseconds that a body may make us wait for its next `body_progress_bytes_min` bytes.
    pub body_progress_timeout_ms: u64,
    /// Bytes that must arrive within `body_progress_timeout_ms` of waiting.
    pub body_progress_bytes_min: u32,
    /// Milliseconds that a client may take no byte of its answer.
    pub write_stall_timeout_ms: u64,
    /// Milliseconds for a request until its answer begins, where the operation sets no limit of its own; streams of data are exempt.
    pub request_timeout_ms: u64,
    /// Seconds after which a connection is closed behind its running request.
    pub connection_age_max_s: u64,
    /// Requests at the same time on one HTTP/2 connection.
    pub h2_streams_max: u32,
    /// Streams that an HTTP/2 client may reset before they are taken up; it may make the server reset 200 more than that.
    pub h2_resets_max: u32,
    /// Milliseconds of an HTTP/2 connection without a request.
    pub h2_idle_timeout_ms: u64,
    /// Milliseconds between two pings on HTTP/2.
    pub h2_ping_interval_ms: u64,
    /// Milliseconds to answer a ping on HTTP/2.
    pub h2_ping_timeout_ms: u64,
    /// Bytes from which an answer is worth compressing.
    pub compress_bytes_min: u32,
    /// Whether operations wait for a turn, and are refused when there is too much to do.
    pub overload: bool,
    /// Operations of one class that may run at the same time however slow they are.
    pub overload_running_min: u32,
    /// Operations of one class that may run at the same time however quick they are.
    pub overload_running_max: u32,
    /// Operations of one class that may wait for their turn.
    pub overload_waiting_max: u32,
    /// Milliseconds that a burst may last, and that an operation may wait in it.
    pub overload_wait_ms_max: u64,
    /// Milliseconds that an operation may wait when a burst lasts longer.
    pub overload_wait_ms_target: u64,
    /// Whether requests are counted by sender.
    pub rate_limits: bool,
    /// Requests a minute of one address (IPv6: of one /64 network).
    pub rate_address_per_min: u32,
    /// Requests a minute with one API key.
    pub rate_key_per_min: u32,
    /// Requests a minute of one person.
    pub rate_user_per_min: u32,
    /// Requests a minute of all members of one company.
    pub rate_tenant_per_min: u32,
    /// Milliseconds for everything to end at shutdown: requests, sockets, what goes on beside them.
    pub drain_timeout_ms: u64,
    /// Milliseconds between the signal and the end of accepting, in which `/health/ready` says draining.
    pub drain_delay_ms: u64,
    /// Address and port of a listener of its own for `/metrics`, `/health` and `/health/ready`.
    pub metrics_listen: Option<SocketAddr>,
    /// Whether the front door answers `/metrics` to callers of the same machine without a credential.
    pub metrics_local: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            security_contact: None,
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            tls_reread_every_s: 60,
            connections_max: 10_000,
            connections_per_address_max: 1_024,
            header_read_timeout_ms: 10_000,
            tls_handshake_timeout_ms: 10_000,
            header_bytes_max: 65_536,
            headers_max: 100,
            address_bytes_max: 49_152,
            body_bytes_max: 1_048_576,
            body_held_bytes_max: 268_435_456,
            body_progress_timeout_ms: 10_000,
            body_progress_bytes_min: 4_096,
            write_stall_timeout_ms: 30_000,
            request_timeout_ms: 30_000,
            connection_age_max_s: 3_600,
            h2_streams_max: 100,
            h2_resets_max: 20,
            h2_idle_timeout_ms: 60_000,
            h2_ping_interval_ms: 20_000,
            h2_ping_timeout_ms: 10_000,
            compress_bytes_min: 1_024,
            overload: true,
            overload_running_min: 16,
            overload_running_max: 1_024,
            overload_waiting_max: 1_024,
            overload_wait_ms_max: 2_000,
            overload_wait_ms_target: 250,
            rate_limits: true,
            rate_address_per_min: 1_200_000,
            rate_key_per_min: 300_000,
            rate_user_per_min: 600_000,
            rate_tenant_per_min: 3_000_000,
            drain_timeout_ms: 10_000,
            drain_delay_ms: 0,
            metrics_listen: None,
            metrics_local: false,
        }
    }
}

impl ServerConfig {
    /// Certificate and key, when TLS is configured; one without the other is a mistake.
    pub fn tls_files(&self) -> Result<Option<(&PathBuf, &PathBuf)>> {
        let alone = |is: &str, is_not: &str| {
            let error = codes::CONFIG.error(format!("{is} is set and {is_not} is not"));
            Err(about(error, &[format!("server.{is}").as_str()]))
        };
        match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            (None, None) => Ok(None),
            (Some(_), None) => alone("tls_certificate", "tls_key"),
            (None, Some(_)) => alone("tls_key", "tls_certificate"),
        }
    }

    /// The public URL's origin (`https://name` or `https://name:port`, no path), checked.
    pub fn public_origin(&self) -> Result<Option<url::Origin>> {
        let Some(text) = &self.public_url else { return Ok(None) };
        let wrong = |why: &str| {
            about(codes::CONFIG.error(format!("public_url `{text}` {why}")), &["server.public_url"])
        };
        let url = url::Url::parse(text).map_err(|e| wrong(&format!("does not parse: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("is neither http nor https"));
        }
        if url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
        {
            return Err(wrong("holds more than scheme, name and port"));
        }
        Ok(Some(url.origin()))
    }

    /// The security contact, checked: a line of security.txt is a URI and nothing else (RFC 9116 2.5.3).
    pub fn security_contact(&self) -> Result<Option<url::Url>> {
        let Some(text) = &self.security_contact else { return Ok(None) };
        let wrong = |why: &str| {
            let error = codes::CONFIG.error(format!("security_contact `{text}` {why}"));
            about(error, &["server.security_contact"])
        };
        let url = url::Url::parse(text).map_err(|e| wrong(&format!("does not parse: {e}")))?;
        if !matches!(url.scheme(), "mailto" | "https" | "tel") {
            return Err(wrong("is none of mailto:, https: and tel:"));
        }
        Ok(Some(url))
    }

    /// All of it that cannot be used, each with its keys: what is only found when the door is built is found here. Reads certificate
    /// and key.
    pub fn check(&self) -> Vec<Error> {
        let mut wrong: Vec<Error> = self.security_contact().err().into_iter().collect();
        wrong.extend(crate::edge::check(self));
        match self.tls_files() {
            Ok(Some((certificate, key))) => wrong.extend(crate::serve::check_files(certificate, key)),
            Ok(None) => {}
            Err(error) => wrong.push(error),
        }
        wrong
    }

    /// Whether people reach the server by https: its own TLS, or a public URL that says so.
    pub fn is_secure(&self) -> bool {
        let public = self.public_url.as_deref();
        self.tls_certificate.is_some() || public.is_some_and(|url| url.starts_with("https://"))
    }
}

/// Milliseconds of the configuration as a duration.
pub(crate) const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// A connection's worth of seconds, a day at most where a timeout is meant.
const MS: Holds = Holds::Integer { min: 1, max: 86_400_000 };
const COUNT: Holds = Holds::Integer { min: 1, max: 1_000_000 };
/// Requests a minute. Half a billion leave some nanoseconds for each.
const RATE: Holds = Holds::Integer { min: 1, max: 500_000_000 };
/// Hyper's smallest buffer is 8 KiB.
const HEAD_BYTES: Holds = Holds::Integer { min: 8_192, max: 1_048_576 };
/// Hyper itself refuses an address beyond 65,534 bytes.
const ADDRESS_BYTES: Holds = Holds::Integer { min: 256, max: 65_534 };

/// The keys of `[server]`, for `config default`, `config check` and the manual.
pub const SECTION: Section = Section {
    name: "server",
    doc: "The front door: where it listens, whom it answers, and its limits.",
    keys: &[
        Key::new(
            "listen",
            Holds::SocketAddress,
            "\"127.0.0.1:8080\"",
            "Address and port to listen on; port 0 takes a free one.",
        ),
        Key::optional(
            "public_url",
            Holds::Text,
            "The origin that people type, when it is not the listen address: `https://wheelhouse.example.com`.",
        ),
        Key::optional(
            "security_contact",
            Holds::Text,
            "Where to report a security hole of this installation, `mailto:…` or `https://…`; published as /.well-known/security.txt.",
        ),
        Key::new(
            "allowed_hosts",
            Holds::List,
            "[]",
            "More names this server answers for, `name` or `name:port`.",
        ),
        Key::new(
            "trusted_proxies",
            Holds::List,
            "[]",
            "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks (`10.0.0.0/8`).",
        ),
        Key::optional(
            "tls_certificate",
            Holds::Text,
            "PEM file of the certificate chain; with tls_key the server speaks TLS.",
        ),
        Key::optional("tls_key", Holds::Text, "PEM file of the certificate's private key."),
        Key::new(
            "tls_reread_every_s",
            Holds::Integer { min: 1, max: 86_400 },
            "60",
            "Seconds between two looks whether both files changed; a renewed pair is served without a restart, and at once on SIGHUP.",
        ),
        Key::new(
            "connections_max",
            COUNT,
            "10000",
            "Open connections in all. Where all are taken, a newcomer takes the place of the oldest one without a request, of the address that has most.",
        ),
        Key::new(
            "connections_per_address_max",
            COUNT,
            "1024",
            "Open connections of one address (IPv6: of one /64 network) that is no trusted proxy.",
        ),
        Key::new(
            "header_read_timeout_ms",
            MS,
            "10000",
            "Milliseconds for a whole request head, and for the silence between two requests of a connection.",
        ),
        Key::new("tls_handshake_timeout_ms", MS, "10000", "Milliseconds for the TLS handshake."),
        Key::new("header_bytes_max", HEAD_BYTES, "65536", "Bytes of a request head."),
        Key::new("headers_max", Holds::Integer { min: 10, max: 1_000 }, "100", "Header lines of a request."),
        Key::new("address_bytes_max", ADDRESS_BYTES, "49152", "Bytes of path and query."),
        Key::new(
            "body_bytes_max",
            Holds::Integer { min: 1_024, max: 1_073_741_824 },
            "1048576",
            "Bytes of a request body, where the operation sets no limit of its own.",
        ),
        Key::new(
            "body_held_bytes_max",
            Holds::Integer { min: 1_048_576, max: 1_099_511_627_776 },
            "268435456",
            "Bytes of all request bodies in memory at the same time, of which one address may have a quarter; never less than eight times body_bytes_max. Imports and other streams do not count.",
        ),
        Key::new(
            "body_progress_timeout_ms",
            MS,
            "10000",
            "Milliseconds that a body may make us wait for its next body_progress_bytes_min bytes.",
        ),
        Key::new(
            "body_progress_bytes_min",
            Holds::Integer { min: 1, max: 1_048_576 },
            "4096",
            "Bytes that must arrive within body_progress_timeout_ms of waiting.",
        ),
        Key::new(
            "write_stall_timeout_ms",
            MS,
            "30000",
            "Milliseconds that a client may take no byte of its answer.",
        ),
        Key::new(
            "request_timeout_ms",
            MS,
            "30000",
            "Milliseconds for a request until its answer begins, where the operation sets no limit of its own; streams of data are exempt.",
        ),
        Key::new(
            "connection_age_max_s",
            Holds::Integer { min: 1, max: 604_800 },
            "3600",
            "Seconds after which a connection is closed behind its running request.",
        ),
        Key::new("h2_streams_max", COUNT, "100", "Requests at the same time on one HTTP/2 connection."),
        Key::new(
            "h2_resets_max",
            COUNT,
            "20",
            "Streams that an HTTP/2 client may reset before they are taken up, before its connection is ended. It may make the server reset 200 more than that.",
        ),
        Key::new(
            "h2_idle_timeout_ms",
            MS,
            "60000",
            "Milliseconds of an HTTP/2 connection without a request.",
        ),
        Key::new("h2_ping_interval_ms", MS, "20000", "Milliseconds between two pings on HTTP/2."),
        Key::new("h2_ping_timeout_ms", MS, "10000", "Milliseconds to answer a ping on HTTP/2."),
        Key::new(
            "compress_bytes_min",
            Holds::Integer { min: 0, max: 1_048_576 },
            "1024",
            "Bytes from which an answer is worth compressing.",
        ),
        Key::new(
            "overload",
            Holds::Boolean,
            "true",
            "Whether operations wait for a turn, and are refused with server.overloaded when there is too much to do.",
        ),
        Key::new(
            "overload_running_min",
            COUNT,
            "16",
            "Operations of one class (open, read, change) that may run at the same time however slow they are.",
        ),
        Key::new(
            "overload_running_max",
            COUNT,
            "1024",
            "Operations of one class that may run at the same time however quick they are.",
        ),
        Key::new(
            "overload_waiting_max",
            COUNT,
            "1024",
            "Operations of one class that may wait for their turn; the next one is refused at once.",
        ),
        Key::new(
            "overload_wait_ms_max",
            MS,
            "2000",
            "Milliseconds that a burst may last, and that an operation may wait for its turn in it.",
        ),
        Key::new(
            "overload_wait_ms_target",
            MS,
            "250",
            "Milliseconds that an operation may wait for its turn when a burst lasts longer.",
        ),
        Key::new(
            "rate_limits",
            Holds::Boolean,
            "true",
            "Whether requests are counted by sender, and refused with server.rate_limited beyond the limits below; a limit that the operator set for a company holds in any case.",
        ),
        Key::new(
            "rate_address_per_min",
            RATE,
            "1200000",
            "Requests a minute of one address (IPv6: of one /64 network).",
        ),
        Key::new("rate_key_per_min", RATE, "300000", "Requests a minute with one API key."),
        Key::new("rate_user_per_min", RATE, "600000", "Requests a minute of one person."),
        Key::new(
            "rate_tenant_per_min",
            RATE,
            "3000000",
            "Requests a minute of all members of one company, where the operator set no other limit for it.",
        ),
        Key::new(
            "drain_timeout_ms",
            MS,
            "10000",
            "Milliseconds for everything to end at shutdown: the last 15 % of it, 1.5 s at most, are for what stands behind requests and sockets. Only the last look of the backups goes on, for 22 s at most.",
        ),
        Key::new(
            "drain_delay_ms",
            Holds::Integer { min: 0, max: 600_000 },
            "0",
            "Milliseconds between the signal and the end of accepting, in which /health/ready says draining: time for a load balancer to notice.",
        ),
        Key::optional(
            "metrics_listen",
            Holds::SocketAddress,
            "Address and port of a listener of its own for /metrics, /health and /health/ready, in cleartext and without sign-in.",
        ),
        Key::new(
            "metrics_local",
            Holds::Boolean,
            "false",
            "Whether /metrics of the front door needs no sign-in from the same machine; then all users of the machine read it, and everybody behind a proxy there that says nothing of whom it asks for.",
        ),
    ],
};
