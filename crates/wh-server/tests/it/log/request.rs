//! Whatever is told while a request is served names the request, each thing once.
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::StreamExt;
use serde_json::Value;
use wh_base::Served;
use wh_server::edge::Visit;
use wh_server::log::Form;

use super::{Lines, TENANT, USER, member};
use crate::door::{Door, config};

/// Tells something before it is known who asks, then, once it is, from here, from another task and from another thread.
async fn talkative(visit: axum::Extension<Visit>) -> &'static str {
    tracing::warn!(target: "wh_test", "at first");
    let answer = member(visit).await;
    tracing::warn!(target: "wh_test", tenantId = "its own", "at last");
    let task = async { tracing::warn!(target: "wh_test", "in a task") };
    tokio::spawn(Served::current().within(task)).await.unwrap();
    let thread = Served::carried(|| {
        let fields = Served::facts().map(|facts| (facts.request(), facts.operation().map(str::to_owned)));
        fields.expect("the request")
    });
    let (request, operation) = std::thread::spawn(thread).join().unwrap();
    tracing::warn!(target: "wh_test", seen = %request, by = operation, "in a thread");
    answer
}

/// An answer that is made while it is sent.
async fn streaming() -> Body {
    let pieces = futures_util::stream::iter(["a", "b"]).map(|piece| {
        tracing::warn!(target: "wh_test", "on the way");
        Ok::<_, std::io::Error>(Bytes::from(piece))
    });
    Body::from_stream(pieces)
}

fn router() -> Router {
    Router::new().route("/talkative", get(talkative)).route("/streaming", get(streaming))
}

fn told(lines: &Lines, message: &str) -> Vec<Value> {
    let text = lines.text();
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|line| line["message"] == message).collect()
}

#[tokio::test]
async fn each_line_names_the_request_that_it_belongs_to() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let door = Door::open(&config(), router());
    tracing::warn!(target: "wh_test", "outside");
    assert_eq!(told(&lines, "outside")[0].get("requestId"), None);

    let reply = door.ask("GET /talkative HTTP/1.1", "").await;
    let request = reply.header("x-request-id").unwrap();
    for message in ["at first", "at last", "in a task", "in a thread"] {
        assert_eq!(told(&lines, message)[0]["requestId"], request, "{message}");
    }
    let first = &told(&lines, "at first")[0];
    assert_eq!((first.get("operation"), first.get("userId"), first.get("tenantId")), (None, None, None));
    let task = &told(&lines, "in a task")[0];
    assert_eq!(task["operation"], "member_get");
    assert_eq!((&task["userId"], &task["tenantId"]), (&USER.to_string().into(), &TENANT.to_string().into()));
    let thread = &told(&lines, "in a thread")[0];
    assert_eq!((&thread["seen"], &thread["by"]), (&request.into(), &"member_get".into()));
    // What a line says itself is not said again.
    assert_eq!(told(&lines, "at last")[0]["tenantId"], "its own");
    for line in lines.text().lines() {
        for name in ["requestId", "operation", "userId", "tenantId"] {
            assert!(line.matches(&format!("\"{name}\":")).count() <= 1, "{line}");
        }
    }

    let reply = door.ask("GET /streaming HTTP/1.1", "").await;
    assert_eq!(reply.text(), "ab");
    let pieces = told(&lines, "on the way");
    assert_eq!(pieces.len(), 2);
    for piece in pieces {
        assert_eq!(piece["requestId"], reply.header("x-request-id").unwrap());
    }
}

#[tokio::test]
async fn a_line_for_people_names_it_too() {
    let lines = Lines::default();
    let _guard = lines.write(Form::Text, "info");
    let door = Door::open(&config(), router());
    let reply = door.ask("GET /talkative HTTP/1.1", "").await;
    let (request, text) = (reply.header("x-request-id").unwrap(), lines.text());
    let line = text.lines().find(|line| line.contains("in a task")).unwrap();
    assert!(
        line.ends_with(&format!(" requestId={request} operation=member_get userId={USER} tenantId={TENANT}")),
        "{line}"
    );
}
