//! What the edge checks before, and makes of what comes: hosts, origins, bearers, proxies, panics, unknown addresses, numbers.
mod answers;

use axum::routing::{get, post};
use axum::{Extension, Router};
use http::HeaderMap;
use wh_base::Origin;
use wh_base::config::{Layers, Settings};
use wh_contract::{TenantId, UserId};
use wh_server::config::{SECTION, ServerConfig};
use wh_server::edge::{Route, Visit};
use wh_server::serve::{Listener, Sockets};

use crate::door::{Door, config};

const TAG: &str = "\"v7\"";

/// Long enough to be worth compressing.
fn text() -> String {
    "a line of text that repeats\n".repeat(200)
}

async fn member(Extension(visit): Extension<Visit>) -> &'static str {
    visit.at_route(&Route::new("member_get", "/member"));
    visit.acted_by(UserId(uuid::Uuid::nil()), TenantId(uuid::Uuid::nil()));
    "member"
}

async fn origin(Extension(origin): Extension<Origin>, headers: HeaderMap) -> String {
    let address = origin.address.unwrap();
    format!(
        "{address} cookie={} forwarded={}",
        headers.contains_key("cookie"),
        headers.contains_key("x-forwarded-for")
    )
}

async fn panicking() -> &'static str {
    panic!("a secret detail")
}

fn router() -> Router {
    let json = |body: &'static str| ([("content-type", "application/json")], body);
    Router::new()
        .route("/a", get(|| async { "a" }).post(|| async { "changed" }))
        .route("/v1/a", get(|| async { "a" }))
        .route("/member", get(member))
        .route(
            "/kept",
            get(|visit: Extension<Visit>| async { ([("cache-control", "private")], member(visit).await) }),
        )
        .route("/origin", get(origin).post(origin))
        .route("/panic", post(panicking))
        .route("/tagged", get(|| async { ([("etag", TAG), ("cache-control", "private, no-cache")], text()) }))
        .route("/text", get(|| async { text() }))
        .route("/small", get(move || async move { json("{}") }))
        .route("/image", get(|| async { ([("content-type", "image/png")], text()) }))
        .route("/encoded", get(|| async { ([("content-encoding", "br")], text()) }))
        .route("/live", get(|| async { "live" }))
}

fn door() -> Door {
    Door::open(&config(), router())
}

#[tokio::test]
async fn hosts_that_are_ours_are_answered_and_no_others() {
    let config = ServerConfig {
        public_url: Some("https://wheelhouse.example.com".to_owned()),
        allowed_hosts: vec!["intern".to_owned(), "other:8443".to_owned()],
        ..config()
    };
    let door = Door::open(&config, router());
    let port = door.address.port();
    let ours = format!("127.0.0.1:{port}");
    let table: &[(&str, u16)] = &[
        (&ours, 200),
        ("127.0.0.1", 200),
        ("[::1]:99", 200),
        ("localhost", 200),
        ("LOCALHOST:5173", 200),
        ("localhost.", 200),
        ("a.localhost", 200),
        ("wheelhouse.example.com", 200),
        ("Wheelhouse.Example.com:443", 200),
        ("intern", 200),
        ("intern:81", 200),
        ("other:8443", 200),
        ("other", 421),
        ("other:81", 421),
        ("10.1.2.3", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil-localhost", 421),
        ("localhost.evil.example", 421),
        ("wheelhouse.example.com.evil.example", 421),
        ("evil.example", 421),
        ("0", 421),
    ];
    for (host, status) in table {
        assert_eq!(
            door.ask_as(&format!("GET /a HTTP/1.1\r\nhost: {host}"), "").await.status,
            *status,
            "{host}"
        );
    }
    let refused = door.ask_as("GET /a HTTP/1.1\r\nhost: evil.example", "").await;
    assert_eq!(refused.code(), "server.host_foreign");
}

#[tokio::test]
async fn changes_come_from_our_own_pages() {
    let config = ServerConfig { public_url: Some("https://wheelhouse.example.com".to_owned()), ..config() };
    let door = Door::open(&config, router());
    let own = format!("http://{}", door.address);
    let port = door.address.port();
    let lines: &[(&str, u16)] = &[
        ("sec-fetch-site: same-origin", 200),
        ("sec-fetch-site: none", 200),
        ("sec-fetch-site: same-site", 403),
        ("sec-fetch-site: cross-site", 403),
        ("sec-fetch-site: Same-Origin", 403),
        ("sec-fetch-site:", 403),
        ("sec-fetch-site: none\r\nsec-fetch-site: cross-site", 403),
        ("sec-fetch-site: cross-site\r\norigin: OWN", 403),
        ("sec-fetch-site: same-origin\r\norigin: https://evil.example", 200),
        ("origin: OWN", 200),
        ("origin: https://wheelhouse.example.com", 200),
        ("origin: http://wheelhouse.example.com", 403),
        ("origin: https://wheelhouse.example.com.evil.example", 403),
        ("origin: null", 403),
        ("origin: https://evil.example", 403),
        ("origin: OWN\r\norigin: https://evil.example", 403),
        ("origin: http://localhost:PORT", 403),
        ("origin: http://127.0.0.1", 403),
        ("x: y", 403),
        ("cookie: wh_sid=a", 403),
        ("authorization: Bearer a", 200),
        ("authorization: Basic a", 403),
        ("authorization: Bearer a\r\nsec-fetch-site: cross-site", 200),
        ("authorization: bEARER a\r\norigin: https://evil.example", 200),
    ];
    for (line, status) in lines {
        let line = line.replace("OWN", &own).replace("PORT", &port.to_string());
        let change = door.ask(&format!("POST /a HTTP/1.1\r\n{line}"), "").await;
        assert_eq!(change.status, *status, "{line}");
        if *status == 403 {
            assert_eq!(change.code(), "server.cross_origin", "{line}");
        }
        assert_eq!(door.ask(&format!("GET /a HTTP/1.1\r\n{line}"), "").await.status, 200, "reading: {line}");
    }
    for method in ["PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
        assert_eq!(door.ask(&format!("{method} /a HTTP/1.1"), "").await.status, 403, "{method}");
        assert_eq!(
            door.ask(&format!("{method} /a HTTP/1.1\r\nsec-fetch-site: none"), "").await.status,
            405,
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_websocket_handshake_names_its_origin() {
    let door = door();
    let own = format!("http://{}", door.address);
    let table: &[(&str, u16)] = &[
        ("origin: OWN", 200),
        ("origin: https://evil.example", 403),
        ("sec-fetch-site: same-origin", 403),
        ("x: y", 403),
        ("authorization: Bearer a", 200),
    ];
    for (line, status) in table {
        let head = format!("GET /live HTTP/1.1\r\nupgrade: WebSocket\r\n{}", line.replace("OWN", &own));
        assert_eq!(door.ask(&head, "").await.status, *status, "{line}");
    }
}

#[tokio::test]
async fn a_bearer_leaves_no_cookie_behind() {
    let door = door();
    let both = "POST /origin HTTP/1.1\r\ncookie: sticky=a\r\nauthorization: Bearer b";
    assert_eq!(door.ask(both, "").await.text(), "127.0.0.1 cookie=false forwarded=false");
    for name in ["wh_sid", "__Host-wh_sid"] {
        let both = format!("GET /origin HTTP/1.1\r\ncookie: sticky=b; {name}=a\r\nauthorization: Bearer b");
        let reply = door.ask(&both, "").await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "server.bearer_and_cookie"), "{name}");
    }
    let cookie = "GET /origin HTTP/1.1\r\ncookie: wh_sid=a\r\nauthorization: Basic b";
    assert_eq!(door.ask(cookie, "").await.text(), "127.0.0.1 cookie=true forwarded=false");
}

#[tokio::test]
async fn forwarding_headers_count_from_trusted_proxies_only() {
    let ask = "GET /origin HTTP/1.1\r\nx-forwarded-for: 9.9.9.9, 203.0.113.7\r\nx-forwarded-for: 10.0.0.1\r\nx-real-ip: 8.8.8.8";
    assert_eq!(door().ask(ask, "").await.text(), "127.0.0.1 cookie=false forwarded=false");

    let trusting =
        ServerConfig { trusted_proxies: vec!["127.0.0.0/8".to_owned(), "10.0.0.1".to_owned()], ..config() };
    let door = Door::open(&trusting, router());
    assert_eq!(door.ask(ask, "").await.text(), "203.0.113.7 cookie=false forwarded=false");
    // Some proxies write the port of a client too.
    for (hop, address) in
        [("9.9.9.9:1234", "9.9.9.9"), ("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:443", "2001:db8::1")]
    {
        let ask = format!("GET /origin HTTP/1.1\r\nx-forwarded-for: 8.8.8.8, {hop}");
        assert_eq!(door.ask(&ask, "").await.text(), format!("{address} cookie=false forwarded=false"));
    }
    let change = "POST /a HTTP/1.1\r\nhost: localhost\r\norigin: https://localhost";
    assert_eq!(door.ask_as(change, "").await.status, 403);
    assert_eq!(door.ask_as(&format!("{change}\r\nx-forwarded-proto: https"), "").await.status, 200);
}

#[tokio::test]
async fn a_panic_is_a_problem_and_nothing_else_is_lost() {
    let door = door();
    let mut client = door.connect().await;
    let panic =
        "POST /panic HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: none\r\ncontent-length: 0\r\n\r\n";
    let good = "GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    client.send(&format!("{panic}{good}")).await;
    assert_eq!(client.statuses().await, [500, 200], "the connection lives on");
    let reply = door.ask("POST /panic HTTP/1.1\r\nsec-fetch-site: none", "").await;
    assert_eq!(reply.code(), "base.internal");
    assert!(!reply.text().contains("a secret detail"));
}

#[tokio::test]
async fn unknown_addresses_and_methods_of_the_api_are_problems() {
    let door = door();
    let table = [
        ("GET /v1/nowhere HTTP/1.1", 404, "server.not_found"),
        ("GET /v1 HTTP/1.1", 404, "server.not_found"),
        ("GET /nowhere HTTP/1.1", 404, "server.not_found"),
        ("POST /v1/a HTTP/1.1\r\nsec-fetch-site: none", 405, "server.method_not_allowed"),
    ];
    for (head, status, code) in table {
        let reply = door.ask(head, "").await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{head}");
        if status == 405 {
            assert_eq!(reply.header("allow"), Some("GET,HEAD"));
        }
    }
}

#[tokio::test]
async fn the_console_answers_outside_the_api_only() {
    let web = Router::new().fallback(|| async { "console" });
    let router = wh_server::edge::with_fallbacks(router(), Some(web));
    let door = Door::open_raw(&config(), router, Vec::new(), Sockets::new());
    assert_eq!(door.ask("GET /panels/7 HTTP/1.1", "").await.text(), "console");
    assert_eq!(door.ask("GET /v1x HTTP/1.1", "").await.text(), "console");
    assert_eq!(door.ask("GET /v1/nowhere HTTP/1.1", "").await.code(), "server.not_found");
    assert_eq!(door.ask("GET /v1/../v1/nowhere HTTP/1.1", "").await.code(), "server.not_found");
}

#[tokio::test]
async fn numbers_are_for_this_machine_only_and_only_where_a_setting_says_so() {
    let door = door();
    let routed = "http_requests_total{operation=\"member_get\",method=\"GET\",status=\"2xx\"}";
    let before = door.metric(routed).await;
    door.ask("GET /member HTTP/1.1", "").await;
    assert!(door.metric(routed).await >= before + 1.0);
    assert!(
        door.metric("http_request_duration_seconds_count{operation=\"member_get\",method=\"GET\"}").await
            >= 1.0
    );
    let reply = door.ask("GET /metrics HTTP/1.1", "").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(reply.text().contains("\nactive_websocket_connections "), "{}", reply.text());
    for passed_on in
        ["x-forwarded-for: 127.0.0.1", "forwarded: for=127.0.0.1", "via: 1.1 proxy", "x-real-ip: 127.0.0.1"]
    {
        let reply = door.ask(&format!("GET /metrics HTTP/1.1\r\n{passed_on}"), "").await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "server.not_found"), "{passed_on}");
    }
    // Without the setting the address goes to its operation, which this router does not have.
    let closed = Door::open(&ServerConfig { metrics_local: false, ..config() }, router());
    let reply = closed.ask("GET /metrics HTTP/1.1", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "server.not_found"));
    assert!(!ServerConfig::default().metrics_local, "who reads the figures is a decision");
}

#[tokio::test]
async fn the_section_and_the_type_have_the_same_defaults() {
    let settings = Settings::load(&[SECTION], Layers::default()).unwrap();
    assert_eq!(settings.section::<ServerConfig>("server").unwrap(), ServerConfig::default());
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_at_start() {
    let wrong = [
        ServerConfig { public_url: Some("wheelhouse".to_owned()), ..config() },
        ServerConfig { public_url: Some("ftp://wheelhouse".to_owned()), ..config() },
        ServerConfig { public_url: Some("https://wheelhouse/path".to_owned()), ..config() },
        ServerConfig { allowed_hosts: vec!["a b".to_owned()], ..config() },
        ServerConfig { trusted_proxies: vec!["10.0.0.0/33".to_owned()], ..config() },
        ServerConfig { trusted_proxies: vec!["proxy".to_owned()], ..config() },
        ServerConfig { tls_key: Some("key.pem".into()), ..config() },
        ServerConfig { tls_key: Some("nowhere".into()), tls_certificate: Some("nowhere".into()), ..config() },
    ];
    for config in wrong {
        let error = Door::try_open(&config).unwrap_err();
        assert!(error.is(&wh_base::codes::CONFIG), "{error:?}");
    }
    let taken = Listener::bind(&config()).unwrap();
    let again = ServerConfig { listen: taken.address(), ..config() };
    assert!(Listener::bind(&again).is_err());
}
