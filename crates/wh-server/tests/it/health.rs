//! How the server says that it is: alive, ready or why not, component by component; its figures, and who may see them.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use wh_contract::TenantId;
use wh_server::config::ServerConfig;
use wh_server::health::{ComponentState, Readiness};
use wh_server::serve::{FiguresPort, Sockets};
use wh_server::{Component, Health};
use wh_testkit::engines::TestDb;
use wh_testkit::{ACTORS, Answer, Browser, NOBODY, OWNER, Parts, STRANGER, TestServer, VIEWER, both_servers};

use crate::desk::{self, Knobs, MIGRATIONS};
use crate::door::{Door, Reply, config};

const READY: &str = r#"{"status":"ready"}"#;

fn router() -> Router {
    Router::new().route("/member", get(|| async { "member" }))
}

async fn ready(door: &Door) -> Reply {
    door.ask("GET /health/ready HTTP/1.1", "").await
}

#[tokio::test]
async fn it_is_alive_before_it_is_ready() {
    let door = Door::open_early(&config(), Sockets::new());
    let alive = door.ask("GET /health HTTP/1.1", "").await;
    assert_eq!((alive.status, alive.text().as_str()), (200, r#"{"status":"ok"}"#));
    let early = ready(&door).await;
    assert_eq!((early.status, early.code().as_str()), (503, "server.starting"));
    assert_eq!(early.header("retry-after"), Some("1"));
    let early = door.ask("GET /member HTTP/1.1", "").await;
    assert_eq!((early.status, early.code().as_str()), (503, "server.starting"));

    door.edge.open(router());
    door.health.running(Vec::new());
    assert_eq!(ready(&door).await.text(), READY);
    assert_eq!(door.ask("GET /member HTTP/1.1", "").await.text(), "member");
    for probe in ["/health", "/health/ready"] {
        let wrong = door.ask(&format!("POST {probe} HTTP/1.1"), "").await;
        assert_eq!(wrong.code(), "server.method_not_allowed");
        assert_eq!(wrong.header("allow"), Some("GET, HEAD"));
    }
}

#[tokio::test]
async fn it_says_that_it_drains_while_it_still_answers() {
    let config = ServerConfig { drain_delay_ms: 600_000, ..config() };
    let door = Door::open(&config, router());
    assert_eq!(ready(&door).await.status, 200);
    door.stop.cancel();
    // The signal and this request are not ordered: ask until it is seen.
    let draining = loop {
        let reply = ready(&door).await;
        if reply.status != 200 {
            break reply;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((draining.status, draining.code().as_str()), (503, "server.draining"));
    assert_eq!(door.ask("GET /health HTTP/1.1", "").await.status, 200, "no reason to kill it");
    assert_eq!(door.ask("GET /member HTTP/1.1", "").await.text(), "member", "requests are still served");
    door.ended.abort();
}

/// A component that a test can take away, and how often it was asked.
fn switch(name: &'static str) -> (Component, Arc<AtomicBool>, Arc<AtomicU32>) {
    let (up, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let (state, count) = (up.clone(), asked.clone());
    let component = Component::new(name, move || {
        count.fetch_add(1, Ordering::SeqCst);
        let up = state.load(Ordering::SeqCst);
        async move { if up { Ok(()) } else { Err(wh_db::codes::AWAY.error("password=hunter2 refused")) } }
    });
    (component, up, asked)
}

#[tokio::test]
async fn a_component_that_is_down_is_named_and_its_words_are_not() {
    let (database, up, asked) = switch("database");
    let (other, ..) = switch("object_store");
    up.store(false, Ordering::SeqCst);
    let door = Door::open_with(&config(), router(), vec![database, other], Sockets::new());
    for _ in 0..20 {
        let reply = ready(&door).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "server.not_ready"));
        assert!(reply.text().contains("database is down (db.away)"), "{}", reply.text());
        assert!(
            !reply.text().contains("hunter2") && !reply.text().contains("object_store"),
            "{}",
            reply.text()
        );
    }
    assert!(asked.load(Ordering::SeqCst) < 20, "many askers share one answer");
    assert_eq!(door.ask("GET /health HTTP/1.1", "").await.status, 200);
    up.store(true, Ordering::SeqCst);
    while ready(&door).await.status != 200 {
        tokio::task::yield_now().await;
    }
    assert!(door.metric("component_up{component=\"object_store\"}").await >= 1.0);
}

#[tokio::test]
async fn a_component_that_says_nothing_is_given_up() {
    let stuck = Component::new("stuck", std::future::pending);
    let health = Health::starting();
    health.running(vec![stuck]);
    let [stuck] = &health.components().await[..] else { panic!("one component") };
    assert_eq!((stuck.name, stuck.code), ("stuck", Some("server.component_silent")));
}

#[tokio::test]
async fn what_is_beside_the_requests_is_told_and_keeps_none_from_being_served() {
    let (database, ..) = switch("database");
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let late = Component::beside("delivery", move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { Err(wh_db::codes::AWAY.error("password=hunter2 refused")) }
    });
    let quick = Component::beside("telemetry", || async { Ok(Some(Duration::from_millis(7))) });
    let known = Component::beside("disk", || async { Ok(None) });
    let stuck = Component::beside("stuck", std::future::pending);
    let components = vec![late, database, quick, known, stuck];
    let door = Door::open_with(&config(), router(), components, Sockets::new());
    assert_eq!(ready(&door).await.text(), READY);
    assert_eq!(door.health.readiness().await, Readiness::Ready);
    assert_eq!(asked.load(Ordering::SeqCst), 0, "readiness does not even ask");

    let told = door.health.components().await;
    let names: Vec<_> = told.iter().map(|one| one.name).collect();
    assert_eq!(names, ["database", "delivery", "telemetry", "disk", "stuck"], "those that are needed first");
    let states: Vec<_> = told.iter().map(|one| one.state).collect();
    let (up, degraded) = (ComponentState::Up, ComponentState::Degraded);
    assert_eq!(states, [up, degraded, up, up, degraded]);
    assert!(told[0].latency_ms.is_some(), "it was asked");
    assert_eq!(told[2].latency_ms, Some(7.0));
    assert_eq!((told[3].latency_ms, told[3].code), (None, None));
    assert_eq!([told[1].code, told[4].code], [Some("db.away"), Some("server.component_silent")]);
    assert_eq!(ready(&door).await.text(), READY);
    assert_eq!(door.ask("GET /member HTTP/1.1", "").await.text(), "member");
}

#[tokio::test]
async fn scrapers_have_a_port_of_their_own() {
    let health = Health::starting();
    let port = FiguresPort::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let (address, stop) = (port.address(), CancellationToken::new());
    let running = tokio::spawn(port.run(health.clone(), stop.clone()));
    let mut door = Door::open(&config(), router());
    door.address = address;
    // Through a proxy or under any name: whoever reaches the port may read.
    let figures =
        door.ask_as("GET /metrics HTTP/1.1\r\nhost: whatever\r\nx-forwarded-for: 203.0.113.7", "").await;
    assert_eq!(figures.status, 200);
    for name in [
        "build_info{version=",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        "process_open_fds ",
        "process_start_time_seconds ",
    ] {
        assert!(figures.text().contains(&format!("\n{name}")), "{name} is missing in {}", figures.text());
    }
    assert_eq!(ready(&door).await.code(), "server.starting");
    health.running(Vec::new());
    assert_eq!(ready(&door).await.text(), READY);
    assert_eq!(door.ask("GET /health HTTP/1.1", "").await.status, 200);
    let other = door.ask_as("GET /v1/openapi.json HTTP/1.1\r\nhost: whatever", "").await;
    assert_eq!((other.status, other.code().as_str()), (404, "server.not_found"));
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn nobody_takes_the_places_of_the_probes() {
    const MORE_THAN_THERE_ARE: usize = 300;
    let port = FiguresPort::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let (address, stop) = (port.address(), CancellationToken::new());
    let health = Health::starting();
    health.running(Vec::new());
    let running = tokio::spawn(port.run(health, stop.clone()));
    let mut door = Door::open(&config(), router());
    door.address = address;
    let mut silent = Vec::new();
    for _ in 0..MORE_THAN_THERE_ARE {
        silent.push(door.connect().await);
    }
    let mut probe = door.connect_from(2).await;
    probe.send("GET /health HTTP/1.1\r\nhost: whatever\r\nconnection: close\r\n\r\n").await;
    assert_eq!(probe.statuses().await, [200]);
    stop.cancel();
    running.await.unwrap();
}

fn parts(db: &TestDb) -> Parts {
    let (there, away) = (db.cx.db.clone(), db.cx.db.clone());
    let database = Component::new("database", move || {
        let db = there.clone();
        async move { db.ping().await }
    });
    let object_store = Component::new("object_store", move || {
        let db = away.clone();
        async move {
            db.read(TenantId(uuid::Uuid::nil())).await.map(drop).and(Err(wh_db::codes::AWAY.error("gone")))
        }
    });
    let components = vec![database, object_store];
    Parts { components, ..Parts::of(vec![desk::module(&Knobs::default())]) }
}

both_servers!(
    only_the_operator_sees_components_and_figures,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        // From the server's own machine: that alone opens nothing.
        let figures = async |who| -> Answer { page.get(who, "/metrics").await };
        let mut statuses = Vec::new();
        for who in ACTORS {
            statuses.push((
                who.name,
                page.get(who, "/health/detailed").await.status,
                figures(who).await.status,
            ));
        }
        let expected = [
            ("nobody", 401, 401),
            ("stranger", 403, 403),
            ("viewer", 403, 403),
            ("editor", 403, 403),
            ("operator", 403, 403),
            ("admin", 403, 403),
            ("owner", 200, 200),
        ];
        assert_eq!(statuses, expected);
        let refused = page.get(STRANGER, "/health/detailed").await;
        assert_eq!(refused.code, "server.forbidden", "an owner, but of another company: {}", refused.text());
        assert_eq!(page.get(VIEWER, "/health/detailed").await.code, "server.forbidden");

        let health = page.get(OWNER, "/health/detailed").await.json();
        assert_eq!(health["status"], "unavailable");
        let [database, store] = &health["components"].as_array().expect("a list")[..] else {
            panic!("{health}")
        };
        assert_eq!((&database["name"], &database["state"]), (&"database".into(), &"up".into()));
        assert!(database["latency_ms"].as_f64().expect("a number") > 0.0);
        assert_eq!((&store["state"], &store["code"]), (&"down".into(), &"db.away".into()));
        assert!(!health.to_string().contains("gone"), "the cause is for the log");

        let text = figures(OWNER).await.text();
        let engine = server.kind.word();
        for line in [
            "http_requests_total{operation=\"health_detailed\",method=\"GET\",status=\"4xx\"}".to_owned(),
            "http_request_duration_seconds_bucket{operation=\"health_detailed\",method=\"GET\",le=\"0.001\"}"
                .to_owned(),
            format!("database_query_duration_bucket{{engine=\"{engine}\",kind=\"read\""),
        ] {
            assert!(text.contains(&line), "{line} is missing in {text}");
        }
        for path in ["/v1/desk/notes/7f", "/nowhere/at/all", "/v1/desk/%2e%2e/x"] {
            page.get(NOBODY, path).await;
        }
        let text = figures(OWNER).await.text();
        assert!(!text.contains("7f") && !text.contains("nowhere"), "labels never hold what a client sent");
    }
);
