//! Bodies that are in memory at the same time: who sends halves fills a share and no more, and it is given back.
use std::net::SocketAddr;
use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt};
use wh_server::ServerConfig;
use wh_testkit::engines::{EngineKind, TestDb};
use wh_testkit::{Answer, Browser, EDITOR, NOBODY, Parts, TestServer, VIEWER, run_server};

use crate::desk::{self, Knobs, MIGRATIONS};
use crate::door::{Client, PATIENCE, Reply};

const ECHO: &str = "/v1/desk/echo";
const SLOW: &str = "/v1/desk/slow";
/// Bytes of all bodies; a quarter of it is the share of one address.
const HELD_BYTES_MAX: u64 = 65_536;
/// Four bodies of so many bytes find room in a share, with what their pieces take beside their bytes; a fifth does not.
const BODY_BYTES: usize = 3_500;
const BODIES_PER_ADDRESS: usize = 4;
/// Nobody is cut off for being slow, however slow the machine is.
const TIMEOUT_MS: u64 = 600_000;

/// A server with little room for bodies, for one test.
async fn small(test: &str, trusted_proxies: &[&str], body: impl AsyncFnOnce(TestServer, Knobs)) {
    let knobs = Knobs::default();
    let with = knobs.clone();
    let trusted_proxies: Vec<String> = trusted_proxies.iter().map(|&network| network.to_owned()).collect();
    let parts = move |_: &TestDb| {
        let mut parts = Parts::of(vec![desk::module(&with)]);
        parts.config = ServerConfig {
            body_bytes_max: 4_096,
            body_held_bytes_max: HELD_BYTES_MAX,
            body_progress_timeout_ms: TIMEOUT_MS,
            request_timeout_ms: TIMEOUT_MS,
            trusted_proxies,
            metrics_local: true,
            ..parts.config
        };
        parts
    };
    run_server(EngineKind::Sqlite, test, MIGRATIONS, parts, async |server| body(server, knobs).await).await;
}

/// A body of so many bytes: blanks behind a JSON value are part of it.
fn body() -> String {
    let json = r#"{"words":"a"}"#;
    format!("{json:<BODY_BYTES$}")
}

/// The head of a request whose body has so many bytes, and more lines of it.
fn head(bytes: usize, lines: &str) -> String {
    format!(
        "POST {ECHO} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: none\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {bytes}\r\n{lines}\r\n"
    )
}

/// A request of `127.0.0.last` whose last byte does not come.
async fn half(server: SocketAddr, last: u8, lines: &str) -> Client {
    let mut client = Client::connect_from(last, server).await;
    client.send(&format!("{}{}", head(BODY_BYTES + 1, lines), body())).await;
    client
}

/// A whole request of `127.0.0.last`.
async fn whole(server: SocketAddr, last: u8, lines: &str) -> Reply {
    let mut client = Client::connect_from(last, server).await;
    client.send(&format!("{}{}", head(BODY_BYTES, lines), body())).await;
    Reply::parse(&client.rest().await)
}

/// Halves of `127.0.0.last`, until there is no room for a whole one from there. When each is counted is the server's affair.
async fn fill(server: SocketAddr, last: u8, lines: &str) -> Vec<Client> {
    let begun = Instant::now();
    let mut halves = Vec::new();
    loop {
        halves.push(half(server, last, lines).await);
        let reply = whole(server, last, lines).await;
        if reply.status != 200 {
            assert_eq!((reply.status, reply.code().as_str()), (503, "server.overloaded"));
            let seconds: u32 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=4).contains(&seconds), "{seconds}");
            return halves;
        }
        assert!(begun.elapsed() < PATIENCE, "nobody is refused");
    }
}

/// There is room again: the server notices by itself that others have left.
async fn room(server: SocketAddr, last: u8) {
    let begun = Instant::now();
    while whole(server, last, "").await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "what was held of requests that are gone stays counted");
    }
}

async fn metric(server: SocketAddr, name: &str) -> f64 {
    let mut client = Client::connect_from(1, server).await;
    client.send("GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    let text = Reply::parse(&client.rest().await).text();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_that_sends_halves_takes_its_share_and_no_more() {
    small("halves", &[], async |server, _| {
        let (address, page) = (server.address, Browser::new(&server));
        let halves = fill(address, 1, "").await;
        assert!(halves.len() >= BODIES_PER_ADDRESS, "{}", halves.len());

        // The page calls from the same address: what it is told is declared.
        let refused = page.post(NOBODY, ECHO, body()).await;
        assert_eq!((refused.status, refused.code.as_str()), (503, "server.overloaded"), "{}", refused.text());
        assert!(metric(address, "http_operations_shed_total{class=\"all\",reason=\"bodies\"}").await >= 2.0);
        let held = metric(address, "http_body_held_bytes").await;
        assert!(held > ((BODIES_PER_ADDRESS - 1) * BODY_BYTES) as f64, "{held}");
        // Who sends no body needs no room.
        assert_eq!(page.get(VIEWER, "/v1/desk/notes").await.status, 200);
        assert_eq!(whole(address, 2, "").await.status, 200, "another address has room");

        // What streams is not held, however much comes.
        let upload = page.call(EDITOR, "POST", "/v1/desk/uploads");
        let bytes = HELD_BYTES_MAX as usize * 2;
        let streamed = upload.body("application/octet-stream", vec![b'x'; bytes]).send().await;
        assert_eq!((streamed.status, streamed.json()["bytes"].as_u64()), (200, Some(bytes as u64)));

        drop(halves);
        room(address, 1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_addresses_that_send_halves_leave_room_for_one_more() {
    small("many_halves", &[], async |server, _| {
        let address = server.address;
        let mut halves = Vec::new();
        for last in 11..=14 {
            halves.push(fill(address, last, "").await);
        }
        assert_eq!(whole(address, 15, "").await.status, 200);
        // What is gone is room for those who stay.
        halves.truncate(1);
        room(address, 14).await;
        assert_eq!(whole(address, 11, "").await.status, 503, "who stays has what it had");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_is_the_clients_behind_a_proxy_and_a_networks_of_ipv6() {
    small("forwarded_halves", &["127.0.0.1"], async |server, _| {
        let address = server.address;
        let _halves = fill(address, 1, "x-forwarded-for: 2001:db8:1:2::1\r\n").await;
        let of =
            async |client: &str| whole(address, 1, &format!("x-forwarded-for: {client}\r\n")).await.status;
        assert_eq!(of("2001:db8:1:2:ffff:ffff:ffff:ffff").await, 503);
        assert_eq!(of("2001:db8:1:3::1").await, 200);
        assert_eq!(of("203.0.113.7").await, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operation_works_with_counts_until_it_is_answered() {
    small("worked_with", &[], async |server, knobs| {
        let (address, page) = (server.address, Browser::new(&server));
        let mut running: FuturesUnordered<_> =
            (0..BODIES_PER_ADDRESS).map(|_| page.post(EDITOR, SLOW, body())).collect();
        let look = async {
            let all = u32::try_from(BODIES_PER_ADDRESS).unwrap();
            knobs.waiting.acquire_many(all).await.unwrap().forget();
            assert_eq!(whole(address, 1, "").await.status, 503);
            assert_eq!(whole(address, 2, "").await.status, 200);
            knobs.gate.add_permits(BODIES_PER_ADDRESS);
        };
        let end = async {
            while let Some(Answer { status, .. }) = running.next().await {
                assert_eq!(status, 200);
            }
        };
        tokio::join!(look, end);
        assert_eq!(whole(address, 1, "").await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_of_a_body_takes_more_than_its_bytes() {
    small("pieces", &[], async |server, _| {
        let chunked = async |chunks: &str| {
            let mut client = Client::connect_from(1, server.address).await;
            let head = head(0, "").replace("content-length: 0", "transfer-encoding: chunked");
            client.send(&format!("{head}d\r\n{{\"words\":\"a\"}}\r\n{chunks}0\r\n\r\n")).await;
            Reply::parse(&client.rest().await).status
        };
        assert_eq!(chunked(&format!("12c\r\n{}\r\n", " ".repeat(300))).await, 200);
        assert_eq!(chunked(&"1\r\n \r\n".repeat(300)).await, 503, "300 bytes in as many pieces");
    })
    .await;
}
