//! One server, spoken to over HTTP: credentials, retries, problems. Knows no operation.
mod tls;

use std::io::{ErrorKind, Read};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response};
use ureq::{Agent, AsSendBody, Body, SendBody};

use crate::fail::{Exit, Fail, Result};
use crate::world::World;

pub use tls::of_rustls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server works on what was uploaded before it answers.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(15);
/// How often one request is sent at most.
const TRIES_MAX: u32 = 3;
/// A server that asks for more patience than this, in seconds, is reported instead.
const RETRY_AFTER_S_MAX: u64 = 5;
/// The connection ended in the middle.
const BROKEN: &str = "cli.broken";
/// The server was silent for too long.
const TIMEOUT: &str = "cli.timeout";
/// An earlier try with the same key is still under way.
const STILL_RUNNING: &str = "server.idempotency_running";
/// What leaves open whether a write was done.
const OPEN: [&str; 5] = [BROKEN, TIMEOUT, STILL_RUNNING, "db.commit_unknown", "server.deadline"];
/// Bytes of a header that names a trace.
const TRACE_BYTES_MAX: usize = 512;
/// A JSON answer is held in memory.
const ANSWER_BYTES_MAX: u64 = 512 << 20;

/// How one is known.
#[derive(Clone)]
pub enum Credential {
    /// Not at all.
    None,
    /// `name=value` of a session.
    Cookie(String),
    /// An API key.
    Token(String),
}

/// A server.
pub struct Client {
    agent: Agent,
    /// Scheme, host and port, without a slash at the end.
    pub base: String,
    /// How one is known there.
    pub credential: Credential,
    timeout: Option<Duration>,
    /// Of the trace that the command is part of.
    trace: Vec<(&'static str, HeaderValue)>,
}

/// What is sent with a request.
pub enum Payload<'a> {
    /// Nothing.
    None,
    /// JSON text.
    Json(String),
    /// A file: its media type, its length where it is known, and what it holds.
    Stream(&'a str, Option<u64>, &'a mut dyn Read),
}

/// A request.
pub struct Ask<'a> {
    /// `GET` and so on.
    pub method: &'a str,
    /// Path and query, escaped.
    pub target: String,
    /// Under which the server does it once.
    pub key: Option<String>,
    /// What is sent.
    pub payload: Payload<'a>,
}

/// A success.
pub struct Reply {
    /// The head.
    pub headers: HeaderMap,
    body: Body,
}

impl Reply {
    /// The whole body.
    pub fn bytes(self) -> Result<Vec<u8>> {
        self.body.into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(|e| unreachable(&e))
    }

    /// The body as it comes.
    pub fn reader(self) -> impl Read {
        self.body.into_with_config().limit(u64::MAX).reader()
    }
}

/// How a server is reached.
pub struct Reach<'a> {
    /// Scheme, host and port.
    pub base: &'a str,
    /// Certificates beside the machine's.
    pub ca_file: Option<&'a std::path::Path>,
    /// How long the server may be silent; `None` for ever.
    pub timeout: Option<Duration>,
}

impl Client {
    /// Prepare; nothing is sent yet.
    pub fn new(reach: &Reach<'_>, credential: Credential) -> Result<Self> {
        let builder = Agent::config_builder()
            .http_status_as_error(false)
            // A credential follows no redirect.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("wheelhouse-cli/", env!("CARGO_PKG_VERSION")));
        let builder = if reach.base.starts_with("https:") {
            builder.tls_config(tls::of_ureq(reach.ca_file)?)
        } else {
            builder
        };
        let agent = builder.build().new_agent();
        Ok(Self { agent, base: reach.base.to_owned(), credential, timeout: reach.timeout, trace: Vec::new() })
    }

    /// As part of the trace that the environment names (`TRACEPARENT`, `TRACESTATE`). What is no header there is left out: a command
    /// does not fail for it.
    #[must_use]
    pub fn traced(self, world: &World) -> Self {
        let header = |name, variable| {
            let value = world.variable(variable)?;
            Some((name, HeaderValue::from_str(value).ok().filter(|value| value.len() <= TRACE_BYTES_MAX)?))
        };
        let parent = header("traceparent", "TRACEPARENT");
        let state = parent.as_ref().and_then(|_| header("tracestate", "TRACESTATE"));
        Self { trace: parent.into_iter().chain(state).collect(), ..self }
    }

    /// The headers that name it.
    pub fn trace(&self) -> &[(&'static str, HeaderValue)] {
        &self.trace
    }

    /// Send, and take a success; a problem is a failure with its hint.
    pub fn send(&self, mut ask: Ask<'_>, hint: impl Fn(&str) -> Option<String>) -> Result<Reply> {
        let again = matches!(ask.payload, Payload::None | Payload::Json(_))
            && (ask.method == "GET" || ask.key.is_some());
        let mut tries = 1;
        loop {
            let fail = match self.once(&mut ask) {
                Ok(answer) if answer.status().is_success() => return Ok(reply(answer)),
                Ok(answer) => refused(answer, &hint),
                Err(fail) => fail,
            };
            let wait = fail.retry_after_s.unwrap_or(1);
            let passing = fail.exit == Exit::Unavailable && (fail.status.is_some() || fail.code == BROKEN);
            // Before the second try it is somebody else's.
            let is_ours = tries > 1 && fail.code == STILL_RUNNING;
            if !again || !(passing || is_ours) || tries == TRIES_MAX || wait > RETRY_AFTER_S_MAX {
                return Err(with_key(fail, ask.key.as_deref()));
            }
            std::thread::sleep(Duration::from_secs(wait));
            tries += 1;
        }
    }

    fn once(&self, ask: &mut Ask<'_>) -> Result<Response<Body>> {
        let mut request = Request::builder()
            .method(ask.method)
            .uri(format!("{}{}", self.base, ask.target))
            .header("accept", "application/json, application/problem+json, */*;q=0.5")
            // Not a page of a browser: says so where the server looks for it.
            .header("sec-fetch-site", "none");
        request = match &self.credential {
            Credential::None => request,
            Credential::Cookie(cookie) => request.header("cookie", cookie),
            Credential::Token(token) => request.header("authorization", format!("Bearer {token}")),
        };
        for (name, value) in &self.trace {
            request = request.header(*name, value);
        }
        if let Some(key) = &ask.key {
            request = request.header("idempotency-key", format!("\"{key}\""));
        }
        match &mut ask.payload {
            Payload::None if ask.method == "GET" || ask.method == "DELETE" => {
                self.run(request.body(()), self.timeout)
            }
            Payload::None => self.run(request.body(""), self.timeout),
            Payload::Json(text) => {
                self.run(request.header("content-type", "application/json").body(text.as_str()), self.timeout)
            }
            Payload::Stream(media, length, reader) => {
                // A refusal comes before the file is sent.
                request = request.header("content-type", *media).header("expect", "100-continue");
                if let Some(length) = length {
                    request = request.header("content-length", *length);
                }
                self.run(request.body(SendBody::from_reader(*reader)), Some(UPLOAD_TIMEOUT))
            }
        }
    }

    fn run<B: AsSendBody>(
        &self,
        request: http::Result<Request<B>>,
        silence: Option<Duration>,
    ) -> Result<Response<Body>> {
        let request = request.map_err(|e| {
            Fail::usage(format!("no request can be made of it: {e}"), "check the URL and the credential")
        })?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_per_read(silence)
            .timeout_per_write(silence)
            .build();
        self.agent.run(request).map_err(|e| unreachable(&e))
    }
}

fn reply(answer: Response<Body>) -> Reply {
    let (head, body) = answer.into_parts();
    Reply { headers: head.headers, body }
}

fn refused(answer: Response<Body>, hint: &impl Fn(&str) -> Option<String>) -> Fail {
    let status = answer.status().as_u16();
    let head =
        |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let retry_after_s = head("retry-after").and_then(|seconds| seconds.parse().ok());
    if let Some(place) = head("location").filter(|_| (300..400).contains(&status)) {
        let mut fail = Fail::new(
            Exit::Refused,
            "cli.answer",
            format!("the server sends elsewhere, to {}", crate::terminal::harmless(&place)),
            "sign in at that URL; a credential follows no redirect",
        );
        fail.status = Some(status);
        return fail;
    }
    let body = answer.into_body().into_with_config().limit(1 << 20).read_to_vec().unwrap_or_default();
    let mut fail = Fail::problem(status, &body, hint);
    fail.retry_after_s = retry_after_s;
    fail
}

/// How one learns whether it was done, where that is open: the key is known to nobody but this try.
fn with_key(mut fail: Fail, key: Option<&str>) -> Fail {
    if let Some(key) = key.filter(|_| OPEN.contains(&fail.code.as_str())) {
        fail.hint = format!(
            "the same command with `--idempotency-key {key}` does it if it was not done, and never a second time"
        );
    }
    fail
}

/// No answer came.
fn unreachable(error: &ureq::Error) -> Fail {
    let (code, hint) = match error {
        ureq::Error::Timeout(_) => (TIMEOUT, "try again, or give it longer with --timeout"),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => (
            "cli.tls",
            "where the server's certificate is signed by your own authority, name it: WHEELHOUSE_CLI_CA_FILE, or `login --ca-file`",
        ),
        ureq::Error::Io(e) if e.kind() == ErrorKind::ConnectionRefused => {
            ("cli.unreachable", "does the server run, and is the URL right? `wheelhouse context list`")
        }
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            ("cli.unreachable", "is the URL right? `wheelhouse context list`")
        }
        ureq::Error::Io(e) if is_tls(e) => (
            "cli.tls",
            "where the server's certificate is signed by your own authority, name it: WHEELHOUSE_CLI_CA_FILE, or `login --ca-file`",
        ),
        _ => (BROKEN, "the connection broke; look whether the change is there, then try again"),
    };
    Fail::new(Exit::Unavailable, code, error.to_string(), hint)
}

fn is_tls(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}
