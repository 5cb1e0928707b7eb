//! The log: one line per request with its facts, the cause of a failure, and never a secret.
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::Value;
use tokio::sync::Notify;
use tracing_subscriber::fmt::MakeWriter;
use wh_contract::{TenantId, UserId};
use wh_server::Problem;
use wh_server::edge::{Route, Visit};

use crate::door::{Door, config};

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
        let subscriber = tracing_subscriber::fmt().json().with_writer(self.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// The fields of all lines about requests.
    fn requests(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["target"] == "wheelhouse::request")
            .map(|line| line["fields"].clone())
            .collect()
    }

    /// Waits for the first line about a request.
    async fn first(&self) -> Value {
        loop {
            if let Some(line) = self.requests().into_iter().next() {
                return line;
            }
            self.1.notified().await;
        }
    }
}

const USER: uuid::Uuid = uuid::Uuid::from_u128(1);
const TENANT: uuid::Uuid = uuid::Uuid::from_u128(2);

async fn member(Extension(visit): Extension<Visit>) -> &'static str {
    visit.at_route(&Route::new("/members/{id}"));
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
    assert_eq!(line["request_id"], reply.header("x-request-id").unwrap());
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/members/{id}");
    assert_eq!(line["status"], 200);
    assert_eq!(line["user_id"], USER.to_string());
    assert_eq!(line["tenant_id"], TENANT.to_string());
    assert_eq!(line["bytes"], 6);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
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

    let reply = door.ask("POST /broken HTTP/1.1\r\nsec-fetch-site: none", "").await;
    assert!(!reply.text().contains("disk"), "the cause is for the log only");
    let all = lines.requests();
    let [_, line, failure] = &all[..] else { panic!("{all:?}") };
    assert_eq!((&line["status"], &line["code"]), (&Value::from(500), &Value::from("base.internal")));
    assert_eq!(failure["request_id"], reply.header("x-request-id").unwrap());
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
