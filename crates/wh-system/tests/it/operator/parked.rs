//! Many parked events: seen page by page, and given back all at once.
use std::sync::atomic::Ordering;

use serde_json::json;
use wh_contract::PanelId;
use wh_contract::events::PanelCreated;
use wh_testkit::{AWAY, Browser, HOME, OWNER, STRANGER, TestServer, both_servers};

use super::{MIGRATIONS, PAUSE_S, REPAIRED, ROUNDS, parts};

/// Events that are parked.
const EVENTS: usize = 3;

both_servers!(
    parked_events_come_in_pages_and_go_back_together,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let repaired = REPAIRED.with(|cell| cell.borrow().clone()).expect("parts made it");
        let page = Browser::new(&server);
        let parked = async || {
            let queues = page.get(OWNER, "/v1/system/queues").await.json();
            let found =
                queues["items"].as_array().expect("a list").iter().find(|one| one["name"] == "reactions");
            found.expect("the queue is there")["parked"].clone()
        };
        let ids: Vec<uuid::Uuid> = [11, 12, 13].map(uuid::Uuid::from_u128).to_vec();
        let mut tx = server.cx.db.begin(AWAY).await.expect("a transaction");
        for id in &ids {
            tx.emit(PanelCreated { panel: PanelId(*id) }).await.expect("an event");
        }
        tx.commit().await.expect("a commit");
        // Each waits for the end of the one before.
        for _ in 0..ROUNDS * EVENTS {
            server.settle().await;
            server.clock.advance_seconds(PAUSE_S);
        }
        assert_eq!(parked().await, EVENTS);

        let mut seen = Vec::new();
        let mut address = "/v1/system/parked?limit=2".to_owned();
        loop {
            let some = page.get(OWNER, &address).await.json();
            let items = some["items"].as_array().expect("a list");
            seen.extend(items.iter().map(|one| one["subject"].as_str().expect("a text").to_owned()));
            let Some(cursor) = some["next_cursor"].as_str() else { break };
            assert_eq!(items.len(), 2);
            address = format!("/v1/system/parked?limit=2&cursor={cursor}");
        }
        let subjects: Vec<String> = ids.iter().map(uuid::Uuid::to_string).collect();
        assert_eq!(seen, subjects, "each once, the oldest first");

        let all = "/v1/system/parked/retry";
        let ask = |reaction: &str| json!({ "reaction": reaction });
        let refused = page.post(OWNER, all, ask("watch:panels.deleted")).await;
        assert_eq!((refused.status, refused.code.as_str()), (404, "system.reaction_not_parked"));
        assert_eq!(page.post(STRANGER, all, ask("watch:panels.created")).await.status, 403);
        assert_eq!(parked().await, EVENTS);

        repaired.store(true, Ordering::SeqCst);
        let done = page.post(OWNER, all, ask("watch:panels.created")).await;
        assert_eq!((done.status, done.json()), (200, json!({ "retried": 3, "left": 0 })));
        server.settle().await;
        let after = page.get(OWNER, "/v1/system/parked").await.json();
        assert_eq!((after["items"].as_array().map(Vec::len), parked().await), (Some(0), 0.into()));

        let trail = server.cx.db.audit_before(HOME, i64::MAX, 10).await.expect("the trail");
        let [line] = &trail[..] else { panic!("{trail:?}") };
        assert_eq!((line.action.as_str(), line.user), ("parked_retry_all", Some(OWNER.user())));
        assert_eq!(line.subject, "system.reaction/watch:panels.created");
        assert_eq!(line.after, Some(json!({ "state": "waiting", "events": 3 })));
    }
);
