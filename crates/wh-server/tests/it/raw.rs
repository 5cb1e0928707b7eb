//! Bytes that different readers read differently: the desync table of docs, and what this front door answers to each line.
use axum::Router;
use axum::routing::{get, post};

use crate::door::{Door, NOTHING, config};

fn router() -> Router {
    Router::new()
        .route("/a", get(|| async { "a" }))
        .route("/admin", get(|| async { "admin" }))
        .route("/echo", post(|body: String| async { body }))
}

/// The statuses of all answers on one connection, until the server closes it. `HOST` stands for ours.
async fn statuses(door: &Door, raw: &str) -> Vec<u16> {
    let mut client = door.connect().await;
    client.send(&raw.replace("HOST", &door.address.to_string())).await;
    client.statuses().await
}

const BODY: &str = "POST /echo HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Site: none\r\nConnection: close\r\n";
const PLAIN: &str = "GET /a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n";

#[tokio::test]
async fn ambiguous_framing_is_refused_or_read_in_one_way() {
    let door = Door::open(&config(), router());
    let table: &[(&str, &str, &[u16])] = &[
        // Hyper drops the length and reads the chunks. Harmless where nothing is passed on; the gateway will refuse it.
        (
            "length and chunked",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            &[200],
        ),
        ("two different lengths", "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", &[400]),
        // Merged by hyper before anybody sees them; one meaning only.
        ("two equal lengths", "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", &[200]),
        ("a list of lengths", "Content-Length: 2, 2\r\n\r\nab", &[400]),
        ("a length with a sign", "Content-Length: +2\r\n\r\nab", &[400]),
        ("a negative length", "Content-Length: -2\r\n\r\nab", &[400]),
        ("a length beyond 64 bits", "Content-Length: 99999999999999999999\r\n\r\nab", &[400]),
        ("chunked is not last", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", &[400]),
        ("no known encoding", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[400]),
        ("space before the colon", "Content-Length : 2\r\n\r\nab", &[400]),
        ("folded header", "X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nab", &[400]),
        ("NUL in a header", "X-A: b\0c\r\nContent-Length: 2\r\n\r\nab", &[400]),
        ("bare CR in a header", "X-A: b\rc\r\nContent-Length: 2\r\n\r\nab", &[400]),
        ("chunk size is no number", "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", &[400]),
        (
            "LF inside a chunk extension",
            "Transfer-Encoding: chunked\r\n\r\n2;a=\n\r\nab\r\n0\r\n\r\n",
            &[400],
        ),
        ("chunk longer than said", "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", &[400]),
    ];
    for (name, rest, expected) in table {
        assert_eq!(statuses(&door, &format!("{BODY}{rest}")).await, *expected, "{name}");
    }
    let old = "POST /echo HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(statuses(&door, old).await, [400], "chunked on HTTP/1.0");
}

#[tokio::test]
async fn a_request_line_is_read_in_one_way_or_not_at_all() {
    let door = Door::open(&config(), router());
    let table: &[(&str, &str, &[u16])] = &[
        ("two spaces", "GET  /a HTTP/1.1", &[400]),
        ("a tab", "GET\t/a HTTP/1.1", &[400]),
        ("a space at the end", "GET /a HTTP/1.1 ", &[400]),
        ("a space in the path", "GET /a b HTTP/1.1", &[400]),
        ("no version", "GET /a", &[400]),
        ("an older version", "GET /a HTTP/0.9", &[400]),
        ("a version of the future", "GET /a HTTP/1.2", &[400]),
        ("another protocol", "GET /a HTTX/1.1", &[400]),
        ("a version in lower case", "GET /a http/1.1", &[400]),
        ("a method in brackets", "(GET) /a HTTP/1.1", &[400]),
        ("a NUL in the path", "GET /a\0b HTTP/1.1", &[400]),
        ("a DEL in the path", "GET /a\x7fb HTTP/1.1", &[400]),
        ("no path", "GET  HTTP/1.1", &[400]),
        ("a fragment", "GET /a#b HTTP/1.1", &[200]),
        ("a user in the line", "GET http://user@HOST/a HTTP/1.1", &[400]),
        ("another scheme", "GET file:///etc/passwd HTTP/1.1", &[400]),
        ("a method in lower case", "get /a HTTP/1.1", &[403]),
    ];
    for (name, line, expected) in table {
        let raw = format!("{line}\r\nHost: HOST\r\nConnection: close\r\n\r\n");
        assert_eq!(statuses(&door, &raw).await, *expected, "{name}");
    }
}

#[tokio::test]
async fn the_end_of_a_body_is_read_in_one_way_or_not_at_all() {
    let door = Door::open(&config(), router());
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let table: &[(&str, String, &[u16])] = &[
        // Hyper reads the chunks and nothing else: one meaning only. What is packed within them stays packed.
        ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n".to_owned(), &[200]),
        ("chunked in two lines", format!("Transfer-Encoding: chunked\r\n{chunked}0\r\n\r\n"), &[200]),
        ("gzip before chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".to_owned(), &[200]),
        (
            "a vertical tab before chunked",
            "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n".to_owned(),
            &[400],
        ),
        ("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n".to_owned(), &[400]),
        ("a length in hexadecimal", "Content-Length: 0x2\r\n\r\nab".to_owned(), &[400]),
        ("a length with a blank in it", "Content-Length: 1 1\r\n\r\nab".to_owned(), &[400]),
        ("an empty length", "Content-Length:\r\n\r\n".to_owned(), &[400]),
        ("a chunk size beyond 64 bits", format!("{chunked}11111111111111111\r\nab\r\n0\r\n\r\n"), &[400]),
        ("a chunk size with a sign", format!("{chunked}+2\r\nab\r\n0\r\n\r\n"), &[400]),
        ("a chunk size with 0x", format!("{chunked}0x2\r\nab\r\n0\r\n\r\n"), &[400]),
        ("no chunk size", format!("{chunked}\r\nab\r\n0\r\n\r\n"), &[400]),
        ("a bare LF behind a chunk size", format!("{chunked}2\nab\r\n0\r\n\r\n"), &[400]),
        ("a bare LF behind a chunk", format!("{chunked}2\r\nab\n0\r\n\r\n"), &[400]),
        (
            "an endless chunk extension",
            format!("{chunked}2;{}\r\nab\r\n0\r\n\r\n", "x".repeat(40_000)),
            &[400],
        ),
        ("a trailer", format!("{chunked}2\r\nab\r\n0\r\nHost: evil.example\r\n\r\n"), &[200]),
    ];
    let mut others = Vec::new();
    for (name, rest, expected) in table {
        let found = statuses(&door, &format!("{BODY}{rest}")).await;
        if found != *expected {
            others.push((name, found));
        }
    }
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test]
async fn a_request_names_one_host_and_it_is_ours() {
    let door = Door::open(&config(), router());
    let table: &[(&str, &str, u16)] = &[
        ("no Host", "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        ("no Host on 1.0", "GET /a HTTP/1.0\r\n\r\n", 400),
        ("two Hosts", "GET /a HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\nConnection: close\r\n\r\n", 400),
        ("empty Host", "GET /a HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 400),
        ("Host with a user", "GET /a HTTP/1.1\r\nHost: a@HOST\r\nConnection: close\r\n\r\n", 400),
        ("Host with a path", "GET /a HTTP/1.1\r\nHost: HOST/x\r\nConnection: close\r\n\r\n", 400),
        ("foreign Host", "GET /a HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        ("ours in both", "GET http://HOST/a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 200),
        ("foreign in the line", "GET http://evil/a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 400),
        (
            "foreign in the header",
            "GET http://HOST/a HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n",
            400,
        ),
        ("foreign in both", "GET http://evil/a HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n", 421),
        ("a tunnel", "CONNECT HOST HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 403),
        ("the whole server", "OPTIONS * HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 400),
    ];
    for (name, raw, expected) in table {
        assert_eq!(statuses(&door, raw).await, [*expected], "{name}");
    }
}

#[tokio::test]
async fn what_follows_a_refusal_on_the_same_connection_is_not_read() {
    let door = Door::open(&config(), router());
    let smuggled = "GET /admin HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";
    let table: &[(&str, String)] = &[
        ("after a broken head", format!("GET /a HTTP/1.1\r\nHost : HOST\r\n\r\n{smuggled}")),
        (
            "after two lengths",
            format!(
                "POST /echo HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{smuggled}"
            ),
        ),
        (
            "after a broken chunk",
            format!(
                "POST /echo HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Site: none\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{smuggled}"
            ),
        ),
    ];
    for (name, raw) in table {
        assert_eq!(statuses(&door, raw).await, [400], "{name}");
    }
}

#[tokio::test]
async fn an_upgrade_that_nobody_takes_up_is_a_plain_request() {
    let door = Door::open(&config(), router());
    let raw =
        format!("GET /a HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n{PLAIN}\r\n");
    assert_eq!(statuses(&door, &raw).await, [200, 200]);
}

#[tokio::test]
async fn http2_is_not_spoken_in_cleartext() {
    let door = Door::open(&config(), router());
    assert_eq!(statuses(&door, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, NOTHING);
}

#[tokio::test]
async fn bare_line_feeds_are_line_ends_to_us() {
    // Hyper reads them as the standard allows (RFC 9112 2.2); nobody behind us reads them otherwise.
    let door = Door::open(&config(), router());
    assert_eq!(statuses(&door, "GET /a HTTP/1.1\nHost: HOST\nConnection: close\n\n").await, [200]);
}

#[tokio::test]
async fn one_spelling_per_address() {
    let door = Door::open(&config(), router());
    let table: &[(&str, u16, &str)] = &[
        ("/admin", 200, "admin"),
        ("/a/../admin", 200, "admin"),
        ("/./admin", 200, "admin"),
        ("//admin", 200, "admin"),
        ("/%61dmin", 200, "admin"),
        ("/a/%2e%2e/admin", 200, "admin"),
        ("/x/y/../../admin?q=/../%2f", 200, "admin"),
        ("/admin/", 404, "server.not_found"),
        ("/..", 400, "server.address"),
        ("/a/../../admin", 400, "server.address"),
        ("/a%2f..%2fadmin", 400, "server.address"),
        ("/a%5c..%5cadmin", 400, "server.address"),
        ("/a%00", 400, "server.address"),
        ("/a%0a", 400, "server.address"),
        ("/a%", 400, "server.address"),
        ("/a%zz", 400, "server.address"),
        ("/a\\b", 400, "server.address"),
    ];
    for (path, status, told) in table {
        let reply = door.ask(&format!("GET {path} HTTP/1.1"), "").await;
        assert_eq!(reply.status, *status, "{path}");
        let said = if reply.status == 200 { reply.text() } else { reply.code() };
        assert_eq!(said, *told, "{path}");
    }
}
