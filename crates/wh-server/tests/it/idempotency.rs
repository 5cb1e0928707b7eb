//! The same change with the same key is done once; a use case that met another transaction runs again.
mod lost;

use std::sync::atomic::Ordering;

use wh_testkit::engines::EngineKind;
use wh_testkit::engines::TestDb;
use wh_testkit::{
    Answer, Browser, EDITOR, HOME, NOBODY, OWNER, Parts, STRANGER, TestServer, VIEWER, both_servers,
    run_server,
};

use crate::desk::{self, Knobs, MIGRATIONS, parts};

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

both_servers!(a_key_is_refused_where_it_would_mean_nothing, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let upload = || page.call(EDITOR, "POST", "/v1/desk/uploads");
    let refused =
        upload().header("idempotency-key", KEY).body("application/octet-stream", "hello").send().await;
    assert_eq!((refused.status, refused.code.as_str()), (400, "server.idempotency_key"));
    assert_eq!(refused.json()["errors"][0]["pointer"], "Idempotency-Key");
    assert!(refused.text().contains("note_upload takes no key"), "{}", refused.text());
    let taken = upload().body("application/octet-stream", "hello").send().await;
    assert!((200..300).contains(&taken.status), "{}", taken.text());
    // An open change too: there is nobody whose key it could be.
    let echo = page.call(EDITOR, "POST", "/v1/desk/echo").header("idempotency-key", KEY);
    let refused = echo.json(serde_json::json!({ "words": "again" })).send().await;
    assert_eq!((refused.status, refused.code.as_str()), (400, "server.idempotency_key"));
    // Nobody learns of it before they are known, and what changes nothing may be sent again as it is.
    let nobody = page.call(NOBODY, "POST", "/v1/desk/uploads").header("idempotency-key", KEY);
    assert_eq!(nobody.body("application/octet-stream", "hello").send().await.status, 401);
    assert_eq!(page.call(EDITOR, "GET", NOTES).header("idempotency-key", KEY).send().await.status, 200);
});

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
