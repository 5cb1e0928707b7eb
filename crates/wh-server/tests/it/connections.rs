//! How many connections there may be, in all and of one address, and who makes room when all places are taken.
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use wh_server::config::ServerConfig;

use crate::door::{Door, PATIENCE, config};
use crate::limits::{GET, echoing, stuck};

#[tokio::test]
async fn one_address_may_hold_so_many_connections() {
    let limits = ServerConfig { connections_per_address_max: 2, ..config() };
    let door = echoing(&limits);
    let mut held = [door.connect().await, door.connect().await];
    for client in &mut held {
        client.send(GET).await;
        client.until("\r\n\r\na").await;
    }
    let reply = door.ask("GET /a HTTP/1.1", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "server.connections"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    let mut other = door.connect_from(2).await;
    other.send(GET).await;
    other.until("\r\n\r\na").await;
    drop(held);
    admitted_again(&door).await;
    assert!(door.metric("http_connections_refused_total{reason=\"address\"}").await >= 1.0);
}

#[tokio::test]
async fn those_behind_a_trusted_proxy_are_no_single_address() {
    let proxy = vec!["127.0.0.1".to_owned()];
    let limits = ServerConfig {
        connections_per_address_max: 2,
        connections_max: 6,
        trusted_proxies: proxy,
        ..config()
    };
    let door = echoing(&limits);
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut client = door.connect().await;
        client.send(GET).await;
        client.until("\r\n\r\na").await;
        held.push(client);
    }
    let mut stranger = door.connect_from(2).await;
    stranger.send(GET).await;
    stranger.until("\r\n\r\na").await;
    // Theirs are many people's: a stranger's silent connection makes room for one of them, but not the other way round.
    let mut sixth = door.connect().await;
    sixth.send(GET).await;
    sixth.until("\r\n\r\na").await;
    assert_eq!(stranger.rest().await, b"");
    let reply = door.ask("GET /a HTTP/1.1", "").await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (503, "server.connections"),
        "all together are bounded"
    );
}

#[tokio::test]
async fn all_addresses_together_may_hold_so_many_connections_at_work() {
    let (router, _, begun) = stuck();
    let router = router.route("/a", get(|| async { "a" }));
    let door = Door::open(&ServerConfig { connections_max: 2, ..config() }, router);
    let mut held = [door.connect_from(2).await, door.connect_from(3).await];
    for client in &mut held {
        client.send("GET /stuck HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        begun.notified().await;
    }
    assert_eq!(door.ask("GET /a HTTP/1.1", "").await.code(), "server.connections");
    drop(held);
    admitted_again(&door).await;
}

#[tokio::test]
async fn who_holds_idle_connections_does_not_lock_others_out() {
    let limits = ServerConfig { connections_max: 6, connections_per_address_max: 4, ..config() };
    let (router, gone, begun) = stuck();
    let door = Door::open(&limits, router.route("/a", get(|| async { "a" })));
    // Of one address, from the oldest on: at work, silent, in the middle of a head, between two requests.
    let mut busy = door.connect_from(3).await;
    busy.send("GET /stuck HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    begun.notified().await;
    let mut silent = door.connect_from(3).await;
    let mut slow = door.connect_from(3).await;
    slow.send("GET /a HTTP/1.1\r\nhost: local").await;
    let mut between = door.connect_from(3).await;
    between.send(GET).await;
    between.until("\r\n\r\na").await;
    let mut others = [door.connect_from(4).await, door.connect_from(5).await];
    for client in &mut others {
        client.send(GET).await;
        client.until("\r\n\r\na").await;
    }
    // All places are taken. Newcomers of other addresses find room, each at the cost of the oldest without a request.
    let mut newcomers = Vec::new();
    for displaced in [&mut silent, &mut slow] {
        let mut newcomer = door.connect().await;
        newcomer.send(GET).await;
        newcomer.until("\r\n\r\na").await;
        newcomers.push(newcomer);
        assert_eq!(displaced.rest().await, b"");
    }
    assert!(!gone.is_cancelled(), "what runs is not cut off");
    // Two each now, but for the two of one: who has as many as those who have most takes a place of its own.
    let mut third = door.connect().await;
    third.send(GET).await;
    third.until("\r\n\r\na").await;
    assert_eq!(newcomers[0].rest().await, b"");
    for client in others.iter_mut().chain([&mut between]) {
        client.send(GET).await;
        client.until("\r\n\r\na").await;
    }
    assert!(door.metric("http_connections_broken_total{reason=\"displaced\"}").await >= 3.0);
}

#[tokio::test]
async fn an_answer_on_its_way_to_a_slow_client_is_not_cut_off() {
    // More than the system takes for a client that reads nothing, and for hyper one piece: it is done with it at once.
    const BYTES: usize = 64 * 1024 * 1024;
    let router = Router::new()
        .route("/a", get(|| async { "a" }))
        .route("/large", get(|| async { Bytes::from(vec![b'x'; BYTES]) }));
    let door = Door::open(&ServerConfig { connections_max: 1, ..config() }, router);
    let mut slow = door.connect_from(2).await;
    slow.send("GET /large HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    slow.until("\r\n\r\n").await;
    let reply = door.ask("GET /a HTTP/1.1", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "server.connections"));
    assert_eq!(slow.rest().await.len(), BYTES);
    admitted_again(&door).await;
}

#[tokio::test]
async fn of_addresses_that_have_as_many_the_first_makes_room() {
    let door = echoing(&ServerConfig { connections_max: 3, ..config() });
    let mut held = Vec::new();
    for last in [5, 3, 4] {
        let mut client = door.connect_from(last).await;
        client.send(GET).await;
        client.until("\r\n\r\na").await;
        held.push(client);
    }
    let mut newcomers = Vec::new();
    for (last, displaced) in [6, 7].into_iter().zip(&mut held) {
        let mut newcomer = door.connect_from(last).await;
        newcomer.send(GET).await;
        newcomer.until("\r\n\r\na").await;
        newcomers.push(newcomer);
        assert_eq!(displaced.rest().await, b"");
    }
    for client in newcomers.iter_mut().chain(&mut held[2..]) {
        client.send(GET).await;
        client.until("\r\n\r\na").await;
    }
}

/// The server notices by itself that the others have left.
async fn admitted_again(door: &Door) {
    let begun = Instant::now();
    while door.ask("GET /a HTTP/1.1", "").await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "the places of closed connections stay taken");
    }
}
