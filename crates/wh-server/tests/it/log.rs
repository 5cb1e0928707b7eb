//! The log: one line per request with its facts, the cause of a failure, and never a secret.
mod request;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};

use axum::body::{Body, Bytes};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::Value;
use tokio::sync::Notify;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use wh_base::Secret;
use wh_contract::{TenantId, UserId};
use wh_server::Problem;
use wh_server::edge::{Route, Visit};
use wh_server::log::{self, Form, LogControl};

use crate::door::{Door, PATIENCE, config};

/// What was logged on this thread; the tests' runtime has no other.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>, Arc<Notify>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        self.1.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        self.write(Form::Json, "info").0
    }

    fn write(&self, form: Form, levels: &str) -> (tracing::subscriber::DefaultGuard, LogControl) {
        // An event met for the first time while a listener is being added is taken for one that nobody wants, and its line is
        // lost. With a listener to everything that never ends there is always somebody who wants it.
        static EVERYTHING: Once = Once::new();
        EVERYTHING.call_once(|| {
            tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
        });
        let (layer, control) = log::lines(form, levels.parse().unwrap(), self.clone());
        (tracing::subscriber::set_default(tracing_subscriber::registry().with(layer)), control)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of all lines about requests.
    fn requests(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["target"] == "wheelhouse::request").collect()
    }

    /// Waits for the first line about a request.
    async fn first(&self) -> Value {
        loop {
            if let Some(line) = self.requests().into_iter().next() {
                return line;
            }
            let line = tokio::time::timeout(PATIENCE, self.1.notified()).await;
            line.expect("no line about a request");
        }
    }
}

const USER: uuid::Uuid = uuid::Uuid::from_u128(1);
const TENANT: uuid::Uuid = uuid::Uuid::from_u128(2);

async fn member(Extension(visit): Extension<Visit>) -> &'static str {
    visit.at_route(&Route::new("member_get", "/members/{id}"));
    visit.acted_by(UserId(USER), TenantId(TENANT));
    "member"
}

async fn broken() -> Result<(), Problem> {
    let cause = io::Error::other("the disk is full");
    Err(wh_base::codes::INTERNAL.caused("the row was not written", cause).into())
}

fn router() -> Router {
    let stream = || async {
        let chunks = ["ab", "cde"].map(|chunk| Ok::<_, io::Error>(Bytes::from(chunk)));
        Body::from_stream(futures_util::stream::iter(chunks)).into_response()
    };
    Router::new()
        .route("/members/{id}", get(member))
        .route("/broken", post(broken))
        .route("/stream", get(stream))
}

#[tokio::test]
async fn a_request_is_one_line() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let door = Door::open(&config(), router());
    let reply = door.ask("GET /members/7?token=secret HTTP/1.1\r\ncookie: wh_sid=secret", "").await;
    let [line] = &lines.requests()[..] else { panic!("{:?}", lines.requests()) };
    assert_eq!(line["requestId"], reply.header("x-request-id").unwrap());
    assert_eq!(line["operation"], "member_get");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/members/{id}");
    assert_eq!(line["status"], 200);
    assert_eq!(line["userId"], USER.to_string());
    assert_eq!(line["tenantId"], TENANT.to_string());
    assert_eq!(line["bytes"], 6);
    assert_eq!(line["success"], true);
    assert!(line["duration"].as_f64().unwrap() > 0.0);
    assert!(!line.to_string().contains("secret"), "{line}");
}

#[tokio::test]
async fn a_refusal_names_its_code_and_a_failure_its_cause() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let door = Door::open(&config(), router());
    let reply = door.ask("POST /broken HTTP/1.1", "").await;
    assert_eq!(reply.status, 403);
    let refused = &lines.requests()[..];
    assert_eq!((refused.len(), &refused[0]["code"]), (1, &Value::from("server.cross_origin")));
    assert_eq!(refused[0]["success"], false);

    let reply = door.ask("POST /broken HTTP/1.1\r\nsec-fetch-site: none", "").await;
    assert!(!reply.text().contains("disk"), "the cause is for the log only");
    let all = lines.requests();
    let [_, line, failure] = &all[..] else { panic!("{all:?}") };
    assert_eq!((&line["status"], &line["code"]), (&Value::from(500), &Value::from("base.internal")));
    assert_eq!(failure["requestId"], reply.header("x-request-id").unwrap());
    assert_eq!(failure["error"], "the row was not written");
    assert_eq!(failure["cause"], "the disk is full");
}

#[tokio::test]
async fn a_stream_is_logged_at_its_end_with_all_its_bytes() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let door = Door::open(&config(), router());
    assert_eq!(door.ask("GET /stream HTTP/1.1", "").await.text(), "abcde");
    let line = lines.first().await;
    assert_eq!((&line["status"], &line["bytes"]), (&Value::from(200), &Value::from(5)));
}

#[tokio::test]
async fn a_client_that_left_is_logged_too() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let begun = Arc::new(Notify::new());
    let tell = begun.clone();
    let stuck = get(move || async move {
        tell.notify_one();
        std::future::pending::<()>().await;
    });
    let door = Door::open(&config(), Router::new().route("/stuck", stuck));
    let mut client = door.connect().await;
    client.send("GET /stuck HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    begun.notified().await;
    drop(client);
    assert_eq!(lines.first().await["status"], 499);
}

/// What somebody might hide in a text: a line of its own, a colour, a turn of the reading direction.
const EVIL: &str = "a\nlevel=ERROR forged\r\u{1b}[31mred\u{7}\u{9b}\u{202e}\u{2028}b";

#[test]
fn nothing_in_a_line_looks_like_another_line() {
    for form in [Form::Text, Form::ColouredText, Form::Json] {
        let lines = Lines::default();
        let (_guard, _) = lines.write(form, "info");
        let failure = io::Error::other(EVIL);
        tracing::info!(target: "wh_test", text = EVIL, shown = %EVIL, cause = %failure, "message {EVIL}");
        let text = lines.text();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        let coloured = text.replace("\u{1b}[0m", "").replace("\u{1b}[2m", "").replace("\u{1b}[32m", "");
        let control = coloured.trim_end_matches('\n').chars().find(|sign| sign.is_control());
        assert_eq!(control, None, "{text:?}");
        if form == Form::Json {
            let line: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&line["text"], &line["shown"]), (&Value::from(EVIL), &Value::from(EVIL)));
        }
        assert!(text.contains("forged") && !text.contains(['\u{202e}', '\u{2028}']), "{text:?}");
    }
}

#[test]
fn a_secret_is_never_written() {
    #[derive(Debug, serde::Serialize)]
    struct Settings {
        url: Secret<String>,
        key: Secret<Vec<u8>>,
    }
    let settings = Settings { url: Secret::new("hunter2".to_owned()), key: Secret::new(b"hunter2".to_vec()) };
    for form in [Form::Text, Form::Json] {
        let lines = Lines::default();
        let (_guard, _) = lines.write(form, "info");
        tracing::info!(target: "wh_test", ?settings, url = ?settings.url, "read {settings:?}");
        assert!(lines.text().contains("[secret]") && !lines.text().contains("hunter2"), "{}", lines.text());
    }
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(json, r#"{"url":"[secret]","key":"[secret]"}"#);
}

#[test]
fn levels_change_while_it_runs() {
    let lines = Lines::default();
    let (_guard, control) = lines.write(Form::Text, "info");
    let say = || {
        tracing::debug!(target: "wh_test", "fine");
        tracing::info!(target: "wh_test", "coarse");
        tracing::debug!(target: "wheelhouse::request", "other");
        // A library's fine levels hold headers and parameters.
        tracing::trace!(target: "h2::codec", "cookie: secret");
    };
    say();
    control.set("info,wh_test=debug,h2=trace".parse().unwrap()).unwrap();
    assert_eq!(control.levels(), "info,wh_test=debug,h2=trace");
    say();
    control.set("off".parse().unwrap()).unwrap();
    say();
    control.set("trace".parse().unwrap()).unwrap();
    say();
    let text = lines.text();
    let count = |word: &str| text.matches(word).count();
    assert_eq!((count("fine"), count("coarse"), count("other"), count("cookie")), (2, 3, 1, 0), "{text}");
}

#[test]
fn levels_that_mean_nothing_are_refused() {
    for wrong in
        ["", "infoo", "info,", "=debug", "wh_db=loud", "a b=info", "[span{x=1}]=info", &"a=info,".repeat(30)]
    {
        let error = wrong.parse::<log::Levels>().unwrap_err();
        assert!(error.is(&wh_base::codes::CONFIG), "{wrong}: {error:?}");
    }
}

#[tokio::test]
async fn a_trace_that_the_caller_began_is_continued_and_nonsense_is_not() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";
    let lines = Lines::default();
    let _guard = lines.listen();
    let door = Door::open(&config(), router());
    let mut spans = Vec::new();
    for given in [format!("00-{TRACE}-{PARENT}-01"), format!("cc-{TRACE}-{PARENT}-09-what-will-be")] {
        let reply = door.ask(&format!("GET /members/7 HTTP/1.1\r\ntraceparent: {given}"), "").await;
        let answered = reply.header("traceresponse").expect("it is continued").to_owned();
        let parts: Vec<&str> = answered.split('-').collect();
        assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"));
        assert!(
            parts[2] != PARENT && parts[2].len() == 16 && !spans.contains(&parts[2].to_owned()),
            "{answered}"
        );
        spans.push(parts[2].to_owned());
        assert_eq!(lines.requests().last().expect("a line")["traceId"], TRACE);
    }
    let valid = format!("00-{TRACE}-{PARENT}-01");
    for nonsense in [
        "",
        "00",
        "hello",
        &valid[1..],
        &valid.to_uppercase(),
        &format!("{valid}-more"),
        &format!("ff{}", &valid[2..]),
        &valid.replace(TRACE, &"0".repeat(32)),
        &valid.replace(PARENT, &"0".repeat(16)),
        &valid.replace('-', "_"),
        &format!("{valid}\r\ntraceparent: {valid}"),
        &"\u{e9}".repeat(40),
    ] {
        let reply = door.ask(&format!("GET /members/7 HTTP/1.1\r\ntraceparent: {nonsense}"), "").await;
        assert_eq!((reply.status, reply.header("traceresponse")), (200, None), "{nonsense}");
        assert!(lines.requests().last().expect("a line").get("traceId").is_none(), "{nonsense}");
    }
}
