//! What the edge adds to answers: headers, policies, conditions, compression.
use std::io::Read;

use axum::Router;
use axum::routing::get;
use http::{HeaderMap, HeaderValue};
use wh_base::SeededRandom;
use wh_server::config::ServerConfig;
use wh_server::edge::{Nonce, document_headers};

use super::{TAG, door, router, text};
use crate::door::{Door, config};

#[tokio::test]
async fn every_answer_carries_its_headers() {
    let door = door();
    for head in ["GET /a HTTP/1.1", "GET /nowhere HTTP/1.1", "POST /a HTTP/1.1", "GET /health HTTP/1.1"] {
        let reply = door.ask(head, "").await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{head}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{head}");
        assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"), "{head}");
        let policy = reply.header("content-security-policy");
        assert_eq!(policy, Some("default-src 'none'; frame-ancestors 'none'"), "{head}");
        assert_eq!(reply.header("server"), None, "{head}");
        assert_eq!(reply.header("strict-transport-security"), None, "not over plain http: {head}");
        uuid::Uuid::parse_str(reply.header("x-request-id").unwrap()).unwrap();
    }
    let (first, second) = (door.ask("GET /a HTTP/1.1", "").await, door.ask("GET /a HTTP/1.1", "").await);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    let secure = ServerConfig { public_url: Some("https://wheelhouse.example.com".to_owned()), ..config() };
    let reply = Door::open(&secure, router()).ask("GET /a HTTP/1.1", "").await;
    assert_eq!(reply.header("strict-transport-security"), Some("max-age=63072000; includeSubDomains"));
}

#[tokio::test]
async fn what_belongs_to_a_member_is_not_stored() {
    let door = door();
    assert_eq!(door.ask("GET /a HTTP/1.1", "").await.header("cache-control"), None);
    assert_eq!(door.ask("GET /member HTTP/1.1", "").await.header("cache-control"), Some("no-store"));
    assert_eq!(door.ask("GET /kept HTTP/1.1", "").await.header("cache-control"), Some("private"));
    assert_eq!(door.ask("GET /nowhere HTTP/1.1", "").await.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_document_carries_a_policy_of_its_own() {
    let mut headers = HeaderMap::new();
    let random = SeededRandom::new(7);
    let (nonce, other) = (Nonce::new(&random).unwrap(), Nonce::new(&random).unwrap());
    assert_ne!(nonce, other);
    document_headers(&mut headers, &nonce);
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("script-src 'self' 'nonce-{}';", nonce.as_str())), "{policy}");
    assert!(policy.contains("require-trusted-types-for 'script'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(headers["cross-origin-opener-policy"], "same-origin");

    let page = get(move || async move { (headers, "<!doctype html>") });
    let reply = Door::open(&config(), Router::new().route("/", page)).ask("GET / HTTP/1.1", "").await;
    assert!(reply.header("content-security-policy").unwrap().contains(nonce.as_str()));
    assert!(reply.header("permissions-policy").unwrap().contains("camera=()"));
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let door = door();
    let table: &[(&str, u16)] = &[
        ("\"v7\"", 304),
        ("W/\"v7\"", 304),
        ("\"v6\", \"v7\"", 304),
        ("*", 304),
        ("\"v6\"", 200),
        ("v7", 200),
        ("\"v77\"", 200),
    ];
    for (held, status) in table {
        let reply = door.ask(&format!("GET /tagged HTTP/1.1\r\nif-none-match: {held}"), "").await;
        assert_eq!(reply.status, *status, "{held}");
        assert_eq!(reply.header("etag"), Some(TAG), "{held}");
        assert_eq!(reply.header("cache-control"), Some("private, no-cache"), "{held}");
        assert_eq!(reply.body.is_empty(), *status == 304, "{held}");
    }
    let untagged = door.ask("GET /a HTTP/1.1\r\nif-none-match: *", "").await;
    assert_eq!(untagged.status, 200);
    let head = door.ask("HEAD /tagged HTTP/1.1\r\nif-none-match: \"v7\"", "").await;
    assert_eq!(head.status, 304);
}

#[tokio::test]
async fn what_is_worth_it_is_compressed_for_who_accepts_it() {
    let door = door();
    let ask = async |path: &str, accept: &str| {
        door.ask(&format!("GET {path} HTTP/1.1\r\naccept-encoding: {accept}"), "").await
    };
    let reply = ask("/text", "gzip, deflate").await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(reply.header("vary"), Some("accept-encoding"));
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&reply.body[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, text());

    assert_eq!(ask("/text", "br").await.header("content-encoding"), Some("br"));
    let table: &[(&str, &str, Option<&str>)] = &[
        ("/text", "identity", None),
        ("/text", "gzip;q=0, br;q=0", None),
        ("/text", "gzip;q=0, identity;q=0", None),
        ("/text", "zstd", None),
        ("/small", "gzip", None),
        ("/image", "gzip", None),
        ("/encoded", "gzip", Some("br")),
    ];
    for (path, accept, encoding) in table {
        let reply = ask(path, accept).await;
        assert_eq!(reply.status, 200, "{path} {accept}");
        assert_eq!(reply.header("content-encoding"), *encoding, "{path} {accept}");
    }
    assert_eq!(door.ask("GET /text HTTP/1.1", "").await.header("vary"), Some("accept-encoding"));

    let tagged = ask("/tagged", "gzip").await;
    assert_eq!(tagged.header("etag"), Some("W/\"v7\""), "other bytes, so a weak tag");
    let again =
        door.ask("GET /tagged HTTP/1.1\r\naccept-encoding: gzip\r\nif-none-match: W/\"v7\"", "").await;
    assert_eq!((again.status, again.header("content-encoding")), (304, None));
}

#[tokio::test]
async fn a_sensitive_answer_header_stays() {
    // What a handler sets stands: a stricter policy, a cookie.
    let handler = get(|| async {
        let mut headers = HeaderMap::new();
        headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
        headers.insert("set-cookie", HeaderValue::from_static("a=b"));
        (headers, "x")
    });
    let reply = Door::open(&config(), Router::new().route("/", handler)).ask("GET / HTTP/1.1", "").await;
    assert_eq!(reply.header("referrer-policy"), Some("same-origin"));
    assert_eq!(reply.header("set-cookie"), Some("a=b"));
}
