//! Time and size at the front door: who is slow, too big or too many is told so or cut off; at the end all is let go in order.
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use wh_server::Problem;
use wh_server::config::ServerConfig;
use wh_server::edge::{Visit, body_error};

use crate::door::{Door, NOTHING, PATIENCE, Reply, config};

const SHORT_MS: u64 = 150;

/// Reads the whole body, as an operation does.
async fn echo(Extension(visit): Extension<Visit>, request: Request) -> Result<Bytes, Problem> {
    let max: u64 = request.headers().get("x-max").map_or(64, |max| max.to_str().unwrap().parse().unwrap());
    visit.allow_body(Some(max))?;
    let body = request.into_body().collect().await.map_err(|e| Problem::from(body_error(&e)))?;
    Ok(body.to_bytes())
}

pub fn echoing(config: &ServerConfig) -> Door {
    Door::open(config, Router::new().route("/a", get(|| async { "a" })).route("/echo", post(echo)))
}

const POST: &str = "POST /echo HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: none\r\n";
pub const GET: &str = "GET /a HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn silence_and_slow_heads_are_cut_off() {
    let door = echoing(&ServerConfig { header_read_timeout_ms: SHORT_MS, ..config() });
    for begun in ["", "P", "GET /a HT", "GET /a HTTP/1.1\r\nhost: localhost\r\nx: "] {
        let mut client = door.connect().await;
        client.send(begun).await;
        assert_eq!(client.statuses().await, NOTHING, "{begun:?}");
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_between_requests_is_closed() {
    let door = echoing(&ServerConfig { header_read_timeout_ms: SHORT_MS, ..config() });
    let mut client = door.connect().await;
    client.send(GET).await;
    client.until("\r\n\r\na").await;
    client.send(GET).await;
    assert_eq!(client.statuses().await, [200]);
}

#[tokio::test]
async fn a_connection_ends_behind_its_request_when_it_is_old() {
    let door = echoing(&ServerConfig { connection_age_max_s: 1, ..config() });
    let mut client = door.connect().await;
    client.send(GET).await;
    assert_eq!(client.statuses().await, [200]);
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_a_problem() {
    let door = echoing(&ServerConfig { body_progress_timeout_ms: SHORT_MS, ..config() });
    for rest in ["content-length: 10\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut client = door.connect().await;
        client.send(&format!("{POST}{rest}")).await;
        let reply = Reply::parse(&client.rest().await);
        assert_eq!((reply.status, reply.code().as_str()), (408, "server.body_slow"), "{rest:?}");
    }
}

#[tokio::test]
async fn the_time_that_a_handler_takes_is_not_held_against_the_client() {
    let (begin, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (wait, tell) = (begin.clone(), begun.clone());
    let late = post(move |request: Request| async move {
        let mut body = request.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        tell.notify_one();
        wait.notified().await;
        let rest = body.collect().await.map_err(|e| Problem::from(body_error(&e)))?.to_bytes();
        Ok::<_, Problem>([first, rest].concat())
    });
    let limits =
        ServerConfig { body_progress_timeout_ms: SHORT_MS, header_read_timeout_ms: 3 * SHORT_MS, ..config() };
    let door = Door::open(&limits, Router::new().route("/echo", late));
    let mut client = door.connect().await;
    client.send(&format!("{POST}connection: close\r\ncontent-length: 6\r\n\r\nabc")).await;
    begun.notified().await;
    // A silent connection serves as the clock: it is closed when three times the body's patience is over.
    assert_eq!(door.connect().await.statuses().await, NOTHING);
    begin.notify_one();
    client.send("def").await;
    let reply = Reply::parse(&client.rest().await);
    assert_eq!((reply.status, reply.text().as_str()), (200, "abcdef"));
}

#[tokio::test]
async fn an_operation_takes_as_many_bytes_as_it_says() {
    let door = echoing(&config());
    let (fits, over) = ("x".repeat(64), "x".repeat(65));
    let head = "POST /echo HTTP/1.1\r\nsec-fetch-site: none";
    assert_eq!(door.ask(head, &fits).await.text(), fits);
    assert_eq!(door.ask(head, &over).await.code(), "server.body_too_large");
    let mut client = door.connect().await;
    client
        .send(&format!(
            "{POST}connection: close\r\ntransfer-encoding: chunked\r\n\r\n41\r\n{over}\r\n0\r\n\r\n"
        ))
        .await;
    let reply = Reply::parse(&client.rest().await);
    assert_eq!((reply.status, reply.code().as_str()), (413, "server.body_too_large"));
    let big = "x".repeat(3_000_000);
    assert_eq!(door.ask(&format!("{head}\r\nx-max: 3000000"), &big).await.body.len(), 3_000_000);
}

#[tokio::test]
async fn where_an_operation_says_nothing_the_default_holds() {
    let unlimited = post(|request: Request| async move {
        let body = request.into_body().collect().await.map_err(|e| Problem::from(body_error(&e)))?;
        Ok::<_, Problem>(body.to_bytes())
    });
    let limits = ServerConfig { body_bytes_max: 1024, ..config() };
    let door = Door::open(&limits, Router::new().route("/echo", unlimited));
    let head = "POST /echo HTTP/1.1\r\nsec-fetch-site: none";
    assert_eq!(door.ask(head, &"x".repeat(1024)).await.status, 200);
    assert_eq!(door.ask(head, &"x".repeat(1025)).await.code(), "server.body_too_large");
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let door = echoing(&config());
    let reply = door.ask("POST /echo HTTP/1.1\r\nsec-fetch-site: none", &"x".repeat(3_000_000)).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "server.body_too_large"));
}

#[tokio::test]
async fn a_client_that_asks_first_is_not_told_to_go_on() {
    let door = echoing(&config());
    let mut client = door.connect().await;
    client.send(&format!("{POST}expect: 100-continue\r\ncontent-length: 99999\r\n\r\n")).await;
    assert_eq!(client.statuses().await, [413]);
    let mut client = door.connect().await;
    client
        .send(&format!("{POST}connection: close\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"))
        .await;
    client.until("100 Continue\r\n\r\n").await;
    client.send("abc").await;
    assert_eq!(Reply::parse(&client.rest().await).text(), "abc");
}

#[tokio::test]
async fn heads_have_a_size_and_a_count() {
    let limits =
        ServerConfig { header_bytes_max: 8192, headers_max: 20, address_bytes_max: 1000, ..config() };
    let door = echoing(&limits);
    assert_eq!(door.ask("GET /a HTTP/1.1", "").await.status, 200);
    assert_eq!(door.ask(&format!("GET /a HTTP/1.1\r\nx: {}", "y".repeat(8192)), "").await.status, 431);
    assert_eq!(door.ask(&format!("GET /a HTTP/1.1{}", "\r\nx: y".repeat(20)), "").await.status, 431);
    let long = door.ask(&format!("GET /a?{} HTTP/1.1", "q".repeat(1000)), "").await;
    assert_eq!((long.status, long.code().as_str()), (414, "server.address_long"));
}

/// A handler that never answers, and a token that is cancelled when it is dropped.
pub fn stuck() -> (Router, CancellationToken, Arc<Notify>) {
    let (gone, begun) = (CancellationToken::new(), Arc::new(Notify::new()));
    let (token, tell) = (gone.clone(), begun.clone());
    let handler = move |visit: Extension<Visit>, request: Request| async move {
        let _guard: DropGuard = token.drop_guard();
        if request.uri().query() == Some("stream") {
            visit.no_deadline();
        }
        tell.notify_one();
        std::future::pending::<()>().await;
    };
    (Router::new().route("/stuck", get(handler)), gone, begun)
}

#[tokio::test]
async fn a_request_has_a_deadline_and_its_handler_is_dropped() {
    let (router, gone, _) = stuck();
    let door = Door::open(&ServerConfig { request_timeout_ms: SHORT_MS, ..config() }, router);
    let reply = door.ask("GET /stuck HTTP/1.1", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (504, "server.deadline"));
    assert!(gone.is_cancelled());
}

#[tokio::test]
async fn an_operation_has_as_much_time_as_it_says() {
    let handler = |ms: Option<u64>| {
        get(move |visit: Extension<Visit>| async move {
            if let Some(ms) = ms {
                visit.answer_within_ms(ms);
            }
            std::future::pending::<()>().await;
        })
    };
    let routes = Router::new().route("/own", handler(Some(SHORT_MS))).route("/default", handler(None));
    // Less than the default: that would come long after the test has given up.
    let patience_ms = u64::try_from(PATIENCE.as_millis()).unwrap();
    let door = Door::open(&ServerConfig { request_timeout_ms: 3 * patience_ms, ..config() }, routes.clone());
    let reply = door.ask("GET /own HTTP/1.1", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (504, "server.deadline"));
    assert!(reply.text().contains(&format!("within {SHORT_MS} ms")), "{}", reply.text());
    // More than the default, which cuts off only those without one of their own.
    let door = Door::open(&ServerConfig { request_timeout_ms: SHORT_MS / 3, ..config() }, routes);
    let begun = Instant::now();
    let reply = door.ask("GET /own HTTP/1.1", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (504, "server.deadline"));
    assert!(begun.elapsed() >= Duration::from_millis(SHORT_MS), "the default came first");
    let reply = door.ask("GET /default HTTP/1.1", "").await;
    assert!(reply.text().contains(&format!("within {} ms", SHORT_MS / 3)), "{}", reply.text());
}

#[tokio::test]
async fn a_stream_has_no_deadline() {
    let (router, gone, _) = stuck();
    let limits =
        ServerConfig { request_timeout_ms: SHORT_MS, header_read_timeout_ms: 3 * SHORT_MS, ..config() };
    let door = Door::open(&limits, router);
    let mut client = door.connect().await;
    client.send("GET /stuck?stream HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    // The silent connection is the clock again.
    assert_eq!(door.connect().await.statuses().await, NOTHING);
    assert!(!gone.is_cancelled());
    drop(client);
    tokio::time::timeout(PATIENCE, gone.cancelled()).await.expect("a client that left still has its handler");
}

#[tokio::test]
async fn a_client_that_takes_no_bytes_is_given_up() {
    let gone = CancellationToken::new();
    let token = gone.clone();
    let endless = get(move || async move {
        let guard = token.drop_guard();
        let chunk = Bytes::from(vec![b'x'; 65_536]);
        let chunks = futures_util::stream::repeat(chunk).map(move |chunk| {
            let _ = &guard;
            Ok::<_, std::io::Error>(chunk)
        });
        Body::from_stream(chunks).into_response()
    });
    let limits = ServerConfig { write_stall_timeout_ms: SHORT_MS, ..config() };
    let door = Door::open(&limits, Router::new().route("/endless", endless));
    let mut client = door.connect().await;
    client.send("GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    tokio::time::timeout(PATIENCE, gone.cancelled()).await.expect("the answer is still being written");
    assert!(door.metric("http_connections_broken_total{reason=\"write_stalled\"}").await >= 1.0);
}

/// Takes the upgrade up and echoes; ends with a farewell when the server stops.
fn upgrading() -> (ServerConfig, impl Fn(wh_server::serve::Sockets) -> Router) {
    let router = |sockets: wh_server::serve::Sockets| {
        let handler = get(move |mut request: Request| async move {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(sockets.clone().track(async move {
                let mut socket = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
                sockets.stopping().await;
                tokio::io::AsyncWriteExt::write_all(&mut socket, b"farewell").await.unwrap();
            }));
            let headers = [("connection", "upgrade"), ("upgrade", "websocket")];
            (http::StatusCode::SWITCHING_PROTOCOLS, headers)
        });
        Router::new().route("/live", handler).route("/a", get(|| async { "a" }))
    };
    (ServerConfig { connections_per_address_max: 2, ..config() }, router)
}

#[tokio::test]
async fn sockets_count_as_connections_and_are_told_at_the_end() {
    let (limits, router) = upgrading();
    let sockets = wh_server::serve::Sockets::new();
    let door = Door::open_with(&limits, router(sockets.clone()), Vec::new(), sockets);
    let mut client = door.connect().await;
    let origin = door.address;
    client
        .send(&format!(
            "GET /live HTTP/1.1\r\nhost: {origin}\r\norigin: http://{origin}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
        ))
        .await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert_eq!(door.sockets.count(), 1);
    let mut second = door.connect().await;
    second.send(GET).await;
    second.until("\r\n\r\na").await;
    assert_eq!(door.ask("GET /a HTTP/1.1", "").await.status, 503);
    drop(second);
    door.stop.cancel();
    assert_eq!(client.rest().await, b"farewell");
    tokio::time::timeout(PATIENCE, door.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn at_the_end_running_requests_are_answered_and_idle_connections_closed() {
    let (begin, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (wait, tell) = (begin.clone(), begun.clone());
    let slow = get(move || async move {
        tell.notify_one();
        wait.notified().await;
        "done"
    });
    let door = Door::open(&config(), Router::new().route("/slow", slow).route("/a", get(|| async { "a" })));
    let mut idle = door.connect().await;
    idle.send(GET).await;
    idle.until("\r\n\r\na").await;
    let mut busy = door.connect().await;
    busy.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    begun.notified().await;

    door.stop.cancel();
    assert_eq!(idle.rest().await, b"");
    let refused = tokio::net::TcpStream::connect(door.address).await;
    assert!(refused.is_err(), "a stopping server takes no new connection");
    begin.notify_one();
    let reply = Reply::parse(&busy.rest().await);
    assert_eq!((reply.status, reply.text().as_str()), (200, "done"));
    tokio::time::timeout(PATIENCE, door.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_does_not_end_within_the_drain_timeout_is_cut_off() {
    let (router, gone, begun) = stuck();
    let door = Door::open(&ServerConfig { drain_timeout_ms: SHORT_MS, ..config() }, router);
    let mut client = door.connect().await;
    client.send("GET /stuck HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    begun.notified().await;
    let stopped = Instant::now();
    door.stop.cancel();
    tokio::time::timeout(PATIENCE, door.ended).await.unwrap().unwrap();
    assert!(stopped.elapsed() >= Duration::from_millis(SHORT_MS));
    assert!(gone.is_cancelled());
    let mut rest = Vec::new();
    let _ = client.0.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
}
