//! The same change with the same key is done once; a use case that met another transaction runs again.
use std::sync::atomic::Ordering;

use wh_testkit::engines::EngineKind;
use wh_testkit::engines::TestDb;
use wh_testkit::{
    Answer, Browser, EDITOR, HOME, OWNER, Parts, STRANGER, TestServer, VIEWER, both_servers, run_server,
};

use crate::desk::{self, Knobs, MIGRATIONS, parts};
use crate::door::PATIENCE;

const NOTES: &str = "/v1/desk/notes";
const KEY: &str = "\"6f1c7a52-key\"";

async fn keyed(page: &Browser, who: wh_testkit::TestActor, key: &str, words: &str) -> Answer {
    let body = serde_json::json!({ "words": words });
    page.call(who, "POST", NOTES).header("idempotency-key", key).json(body).send().await
}

async fn count(page: &Browser, who: wh_testkit::TestActor) -> usize {
    page.get(who, NOTES).await.json()["items"].as_array().map_or(0, Vec::len)
}

both_servers!(the_same_key_gives_the_same_answer, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let first = keyed(&page, EDITOR, KEY, "once").await;
    let second = keyed(&page, EDITOR, KEY, "once").await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("content-type"), second.header("content-type"));
    assert_eq!(count(&page, EDITOR).await, 1);
    assert_eq!(server.events(HOME).await, ["desk.written"]);

    let other = keyed(&page, EDITOR, KEY, "something else").await;
    assert_eq!((other.status, other.code.as_str()), (422, "server.idempotency_mismatch"));

    // The key belongs to its caller: others may use the same one.
    assert_eq!(keyed(&page, OWNER, KEY, "mine").await.status, 201);
    assert_eq!(keyed(&page, STRANGER, KEY, "elsewhere").await.status, 201);
    assert_eq!((count(&page, EDITOR).await, count(&page, STRANGER).await), (2, 1));

    server.clock.advance_seconds(24 * 60 * 60 + 1);
    assert_eq!(keyed(&page, EDITOR, KEY, "a day later").await.status, 201);
    assert_eq!(count(&page, EDITOR).await, 3);
});

both_servers!(a_refused_change_leaves_no_key, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    assert_eq!(keyed(&page, VIEWER, KEY, "may not").await.status, 403);
    assert_eq!(keyed(&page, EDITOR, KEY, "  ").await.code, "desk.empty");
    assert_eq!(keyed(&page, EDITOR, KEY, "now it says something").await.status, 201);
});

both_servers!(
    a_change_of_unknown_outcome_is_not_made_again,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        let body = serde_json::json!({ "words": desk::LOST }).to_string();
        for _ in 0..2 {
            let call = page.call(EDITOR, "POST", "/v1/desk/clash").header("idempotency-key", KEY);
            let answer = call.json(&body).send().await;
            assert_eq!(
                (answer.status, answer.code.as_str()),
                (504, "db.commit_unknown"),
                "{}",
                answer.text()
            );
            assert_eq!(answer.header("retry-after"), None);
        }
        assert_eq!(count(&page, EDITOR).await, 1);
    }
);

both_servers!(
    a_large_answer_is_given_once_and_the_change_made_once,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        let words = "x".repeat(300_000);
        let first = keyed(&page, EDITOR, KEY, &words).await;
        assert_eq!((first.status, first.json()["words"].as_str().map(str::len)), (201, Some(300_000)));
        let second = keyed(&page, EDITOR, KEY, &words).await;
        assert_eq!((second.status, second.code.as_str()), (409, "server.idempotency_not_kept"));
        assert_eq!(count(&page, EDITOR).await, 1);
    }
);

both_servers!(a_key_is_a_quoted_string, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let long = format!("\"{}\"", "k".repeat(129));
    for wrong in ["bare", "\"\"", "\"open", "\"a\"b\"", "\"a\\b\"", "\"two words\"", &long] {
        let refused = keyed(&page, EDITOR, wrong, "never").await;
        assert_eq!((refused.status, refused.code.as_str()), (400, "server.idempotency_key"), "{wrong}");
    }
    assert_eq!(count(&page, EDITOR).await, 0);
});

async fn while_it_runs(kind: EngineKind) {
    let knobs = Knobs::default();
    let with = knobs.clone();
    let parts = move |_: &TestDb| Parts::of(vec![desk::module(&with)]);
    run_server(kind, "while_it_runs", MIGRATIONS, parts, async |server: TestServer| {
        let page = Browser::new(&server);
        let slow = |page: Browser| async move {
            let call = page.call(EDITOR, "POST", "/v1/desk/slow").header("idempotency-key", KEY);
            call.json(r#"{"words":"slow"}"#).send().await
        };
        let first = tokio::spawn(slow(page.clone()));
        knobs.waiting.acquire().await.expect("the handler runs").forget();
        let second = slow(page.clone()).await;
        assert_eq!((second.status, second.code.as_str()), (409, "server.idempotency_running"));
        assert_eq!(second.header("retry-after"), Some("1"));

        // The client goes away; the change goes on, and its answer waits under the key.
        first.abort();
        assert!(first.await.expect_err("aborted").is_cancelled());
        knobs.gate.add_permits(1);
        let third = async {
            loop {
                let answer = slow(page.clone()).await;
                if answer.status != 409 {
                    return answer;
                }
            }
        };
        let third = tokio::time::timeout(PATIENCE, third).await.expect("the first one ends");
        assert_eq!((third.status, count(&page, EDITOR).await), (200, 1));
    })
    .await;
}

mod a_running_change_is_done_once_even_without_its_client {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        while_it_runs(EngineKind::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        while_it_runs(EngineKind::Postgres).await;
    }
}

async fn clashing(kind: EngineKind) {
    let knobs = Knobs::default();
    let with = knobs.clone();
    let parts = move |_: &TestDb| Parts::of(vec![desk::module(&with)]);
    run_server(kind, "clashing", MIGRATIONS, parts, async |server: TestServer| {
        let page = Browser::new(&server);
        knobs.clashes.store(3, Ordering::SeqCst);
        let answer = page.post(EDITOR, "/v1/desk/clash", r#"{"words":"at last"}"#).await;
        assert_eq!((answer.status, knobs.calls.load(Ordering::SeqCst)), (200, 4));
        assert_eq!(count(&page, EDITOR).await, 1);

        knobs.clashes.store(100, Ordering::SeqCst);
        let answer = page.post(EDITOR, "/v1/desk/clash", r#"{"words":"never"}"#).await;
        assert_eq!((answer.status, answer.code.as_str()), (503, "db.retry"));
        assert_eq!((knobs.calls.load(Ordering::SeqCst), count(&page, EDITOR).await), (8, 1));
    })
    .await;
}

mod a_use_case_is_replayed_three_times {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        clashing(EngineKind::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        clashing(EngineKind::Postgres).await;
    }
}
