//! A mistake of ours in the middle of a change: its client is told so, and nobody and nothing else notices.
use wh_testkit::engines::{EngineKind, TestDb};
use wh_testkit::{Browser, EDITOR, HOME, Parts, TestServer, VIEWER, run_server};

use crate::desk::{self, Knobs, MIGRATIONS};

const NOTES: &str = "/v1/desk/notes";
const PANIC: &str = "/v1/desk/panic";
const WORDS: &str = r#"{"words":"a secret word"}"#;

/// A server whose `note_panic` does not come to an end the first time.
fn parts(_: &TestDb) -> Parts {
    Parts::of(vec![desk::module(&Knobs::default())])
}

wh_testkit::both_servers!(
    a_change_that_panics_has_changed_nothing,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        let stopped = page.post(EDITOR, PANIC, WORDS).await;
        assert_eq!((stopped.status, stopped.code.as_str()), (500, "base.internal"), "{}", stopped.text());
        assert!(!stopped.text().contains("secret"), "{}", stopped.text());
        assert_eq!(stopped.json()["request_id"].as_str(), stopped.header("x-request-id"));
        assert_eq!(page.get(VIEWER, NOTES).await.json()["items"].as_array().unwrap().len(), 0);
        assert!(server.events(HOME).await.is_empty());
        // The writer is free again, and the same request does it now.
        assert_eq!(page.post(EDITOR, NOTES, r#"{"words":"another"}"#).await.status, 201);
        assert_eq!(page.post(EDITOR, PANIC, WORDS).await.status, 200);
        assert_eq!(server.events(HOME).await, ["desk.written", "desk.written"]);
    }
);

wh_testkit::both_servers!(a_panic_leaves_no_key_behind, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let keyed = async || {
        page.call(EDITOR, "POST", PANIC).header("idempotency-key", "\"once\"").json(WORDS).send().await
    };
    assert_eq!(keyed().await.status, 500);
    let (again, replayed) = (keyed().await, keyed().await);
    assert_eq!((again.status, replayed.status), (200, 200));
    assert_eq!(again.body, replayed.body);
    assert_eq!(page.get(VIEWER, NOTES).await.json()["items"].as_array().unwrap().len(), 1);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panics_in_masses_take_no_place_from_others() {
    let knobs = Knobs::default();
    let with = knobs.clone();
    let parts = move |_: &TestDb| {
        let mut parts = Parts::of(vec![desk::module(&with)]);
        parts.config.overload_running_min = 2;
        parts.config.overload_running_max = 2;
        parts
    };
    run_server(EngineKind::Sqlite, "panics_in_masses", MIGRATIONS, parts, async |server| {
        let page = Browser::new(&server);
        for _ in 0..8 {
            knobs.calls.store(0, std::sync::atomic::Ordering::SeqCst);
            assert_eq!(page.post(EDITOR, PANIC, WORDS).await.status, 500);
        }
        assert_eq!(page.post(EDITOR, NOTES, r#"{"words":"a"}"#).await.status, 201);
    })
    .await;
}
