//! The processes that serve the installation, as their operator sees them: the one that answers, the others, those that fell silent.
use serde_json::{Value, json};
use wh_base::CompanyLimits;
use wh_db::NodeRow;
use wh_system::System;
use wh_system::model::{NODE_KEPT_S, NODE_SILENT_AFTER_S};
use wh_system::service::{node_beat, node_enter, node_leave};
use wh_testkit::engines::EngineKind;
use wh_testkit::{Browser, OWNER, TestServer, both_servers};

use super::{MIGRATIONS, node, parts, system_of};

/// How answers name the process that is tested.
pub fn this_one() -> Value {
    json!({ "id": "00000000-0000-0000-0000-000000000001", "host": "test-1" })
}

/// Another process on the same database.
fn another(server: &TestServer, number: u128, place: u128) -> System {
    system_of(server.system.clone(), node(&server.cx, number, place), CompanyLimits::default())
}

async fn items(server: &TestServer) -> Vec<Value> {
    let nodes = Browser::new(server).get(OWNER, "/v1/system/nodes").await;
    assert_eq!(nodes.status, 200, "{}", nodes.text());
    nodes.json()["items"].as_array().expect("a list").clone()
}

/// Machine and state of each, in the order of the list.
async fn states(server: &TestServer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    items(server).await.iter().map(|one| (text(&one["host"]), text(&one["state"]))).collect()
}

/// The process that is tested, and these others where there can be others.
fn with(server: &TestServer, others: &[(&str, &str)]) -> Vec<(String, String)> {
    let others = if server.kind == EngineKind::Postgres { others } else { &[] };
    let all = std::iter::once(&("test-1", "up")).chain(others);
    all.map(|(host, state)| ((*host).to_owned(), (*state).to_owned())).collect()
}

both_servers!(the_node_that_answers_says_what_runs, MIGRATIONS, parts, async |server: TestServer| {
    server.clock.advance_seconds(60);
    // It has not told anybody of itself: who answers is there.
    let nodes = items(&server).await;
    let [node] = &nodes[..] else { panic!("{nodes:?}") };
    assert_eq!(node["engine"], server.kind.word());
    assert_eq!((&node["state"], &node["answering"]), (&"up".into(), &true.into()));
    assert_eq!(node["started_at"], "2026-03-01T12:00:00Z");
    assert_eq!(node["seen_at"], "2026-03-01T12:01:00Z");
    assert_eq!((&node["version"], &node["commit"]), (&"1.2.3".into(), &"unknown".into()));
    assert!(node["process"]["resident_bytes"].as_u64().expect("a number") > 1_000_000);
    assert!(node.get("place").is_none(), "the id of a data folder is nobody's business");
    // It is told once, also when it told the others.
    let itself = another(&server, 1, 1);
    node_enter(&itself, server.cx.clock.now()).await.expect("it is written");
    assert_eq!(states(&server).await, with(&server, &[]));
});

both_servers!(what_is_of_one_node_alone_names_it, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let statements = page.get(OWNER, "/v1/system/statements").await.json();
    assert_eq!(statements["node"], this_one());
    assert!(statements["items"].is_array());
    assert_eq!(page.get(OWNER, "/v1/system/log-level").await.json()["node"], this_one());
    let set = page.put(OWNER, "/v1/system/log-level", r#"{"levels":"info"}"#).await.json();
    assert_eq!(set["node"], this_one());
});

both_servers!(
    other_nodes_are_listed_as_they_told_of_themselves,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let other = another(&server, 2, 2);
        node_enter(&other, server.cx.clock.now()).await.expect("it is written");
        server.clock.advance_seconds(20);
        let nodes = items(&server).await;
        if server.kind == EngineKind::Sqlite {
            assert_eq!(nodes.len(), 1, "a file is served by one process alone");
            return;
        }
        let [here, there] = &nodes[..] else { panic!("{nodes:?}") };
        assert_eq!((&here["host"], &here["answering"]), (&"test-1".into(), &true.into()));
        assert_eq!((&there["host"], &there["answering"]), (&"test-2".into(), &false.into()));
        assert_eq!((&there["state"], &there["address"]), (&"up".into(), &"http://127.0.0.1:2".into()));
        assert_eq!((&there["version"], &there["engine"]), (&"1.2.3".into(), &"postgres".into()));
        assert_eq!(
            (&there["started_at"], &there["seen_at"]),
            (&"2026-03-01T12:00:00Z".into(), &"2026-03-01T12:00:00Z".into())
        );
        assert!(there["process"]["resident_bytes"].as_u64().expect("a number") > 1_000_000);
    }
);

both_servers!(
    a_node_without_a_beat_is_silent_until_it_is_forgotten,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let (other, third) = (another(&server, 2, 2), another(&server, 3, 3));
        for one in [&third, &other] {
            node_enter(one, server.cx.clock.now()).await.expect("it is written");
        }
        server.clock.advance_seconds(NODE_SILENT_AFTER_S);
        assert_eq!(
            states(&server).await,
            with(&server, &[("test-2", "up"), ("test-3", "up")]),
            "not yet late"
        );
        server.clock.advance_seconds(1);
        node_beat(&third, server.cx.clock.now()).await.expect("it is written");
        assert_eq!(states(&server).await, with(&server, &[("test-3", "up"), ("test-2", "silent")]));
        if server.kind == EngineKind::Postgres {
            assert_eq!(items(&server).await[2]["seen_at"], "2026-03-01T12:00:00Z", "silent since then");
        }

        // One that was cut off comes back by itself.
        node_beat(&other, server.cx.clock.now()).await.expect("it is written");
        assert_eq!(states(&server).await, with(&server, &[("test-2", "up"), ("test-3", "up")]));

        // Those that do not are forgotten by whoever is left.
        server.clock.advance_seconds(NODE_KEPT_S);
        node_beat(&third, server.cx.clock.now()).await.expect("it is written");
        assert_eq!(states(&server).await, with(&server, &[("test-3", "up"), ("test-2", "silent")]));
        server.clock.advance_seconds(1);
        node_beat(&third, server.cx.clock.now()).await.expect("it is written");
        assert_eq!(states(&server).await, with(&server, &[("test-3", "up")]));
    }
);

both_servers!(
    a_node_goes_at_its_end_or_when_its_place_is_taken,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let (ends, dies) = (another(&server, 2, 2), another(&server, 3, 3));
        for one in [&ends, &dies] {
            node_enter(one, server.cx.clock.now()).await.expect("it is written");
        }
        node_leave(&ends).await.expect("it is written");
        assert_eq!(states(&server).await, with(&server, &[("test-3", "up")]));
        // Twice is as good as once, and nobody else goes.
        node_leave(&ends).await.expect("it is written");
        let next = another(&server, 4, 3);
        node_enter(&next, server.cx.clock.now()).await.expect("it is written");
        assert_eq!(states(&server).await, with(&server, &[("test-4", "up")]));
    }
);

both_servers!(
    a_node_of_another_version_is_listed_by_what_can_be_read_of_it,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        for (number, about) in [
            (2, json!({ "host": "older" })),
            (3, json!({ "host": "newer", "moon": "full", "figures": { "threads": 9, "gpus": 2 } })),
            (4, json!("in another form")),
        ] {
            let (id, seen_at) = (uuid::Uuid::from_u128(number), server.cx.clock.now());
            let row = NodeRow { id, place: id, seen_at, about };
            server.system.node_enter(&row).await.expect("it is written");
        }
        assert_eq!(states(&server).await, with(&server, &[("", "up"), ("newer", "up"), ("older", "up")]));
        if server.kind == EngineKind::Postgres {
            assert_eq!(items(&server).await[2]["process"]["threads"], 9);
        }
    }
);
