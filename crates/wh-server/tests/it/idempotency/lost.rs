//! Something is lost on the way: the client, the answer of the commit, what comes behind it. The change is made once all the same.
use tokio::net::TcpStream;
use wh_server::ServerConfig;
use wh_testkit::engines::{Cut, EngineKind, Heard, TestDb};
use wh_testkit::{Answer, Browser, EDITOR, HOME, Parts, Signs, TestServer, both_servers, run_server};

use super::{KEY, NOTES, count, keyed};
use crate::desk::{self, Knobs, MIGRATIONS, parts};
use crate::door::{Client, PATIENCE};

const SLOW: &str = "/v1/desk/slow";
const CLASH: &str = "/v1/desk/clash";

/// `name::sqlite` and `name::postgres` of a test that makes its own server.
macro_rules! on_both {
    ($name:ident, $body:ident) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $body(EngineKind::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $body(EngineKind::Postgres).await;
            }
        }
    };
}

/// A server whose slow change waits for the test.
async fn with_knobs(
    kind: EngineKind,
    test: &str,
    config: impl FnOnce(ServerConfig) -> ServerConfig,
    body: impl AsyncFnOnce(TestServer, Knobs),
) {
    let knobs = Knobs::default();
    let with = knobs.clone();
    let parts = move |_: &TestDb| {
        let mut parts = Parts::of(vec![desk::module(&with)]);
        parts.config = config(parts.config);
        parts
    };
    run_server(kind, test, MIGRATIONS, parts, async |server: TestServer| body(server, knobs).await).await;
}

async fn slow(page: Browser, words: &'static str) -> Answer {
    let call = page.call(EDITOR, "POST", SLOW).header("idempotency-key", KEY);
    call.json(serde_json::json!({ "words": words })).send().await
}

/// A slow change with the key, whose client goes away while it runs.
async fn abandoned(server: &TestServer, knobs: &Knobs, words: &str) {
    let body = serde_json::json!({ "words": words }).to_string();
    let (host, cookie, length) = (server.address, EDITOR.cookie().unwrap(), body.len());
    let head = format!(
        "POST {SLOW} HTTP/1.1\r\nhost: {host}\r\nsec-fetch-site: same-origin\r\ncookie: {cookie}\r\n\
         idempotency-key: {KEY}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut client = Client(TcpStream::connect(server.address).await.unwrap());
    client.send(&head).await;
    client.send(&body).await;
    knobs.waiting.acquire().await.expect("the handler runs").forget();
}

fn is_not_kept(answer: &Answer) {
    let told = (answer.status, answer.code.as_str());
    assert_eq!(told, (409, "server.idempotency_not_kept"), "{}", answer.text());
}

async fn while_it_runs(kind: EngineKind) {
    with_knobs(
        kind,
        "while_it_runs",
        |config| config,
        async |server, knobs| {
            let page = Browser::new(&server);
            abandoned(&server, &knobs, "slow").await;
            let second = slow(page.clone(), "slow").await;
            assert_eq!((second.status, second.code.as_str()), (409, "server.idempotency_running"));
            assert_eq!(second.header("retry-after"), Some("1"));

            // The client has gone; the change goes on, and its answer waits under the key.
            knobs.gate.add_permits(1);
            let third = async {
                loop {
                    let answer = slow(page.clone(), "slow").await;
                    if answer.status != 409 {
                        return answer;
                    }
                }
            };
            let third = tokio::time::timeout(PATIENCE, third).await.expect("the first one ends");
            assert_eq!((third.status, count(&page, EDITOR).await), (200, 1));
        },
    )
    .await;
}
on_both!(a_running_change_is_done_once_even_without_its_client, while_it_runs);

async fn keeps_its_turn(kind: EngineKind) {
    let one_place = |config: ServerConfig| ServerConfig {
        overload_running_min: 1,
        overload_running_max: 1,
        overload_wait_ms_max: 50,
        overload_wait_ms_target: 50,
        ..config
    };
    with_knobs(kind, "keeps_its_turn", one_place, async |server, knobs| {
        let page = Browser::new(&server);
        abandoned(&server, &knobs, "slow").await;
        for _ in 0..5 {
            let other = page.post(EDITOR, NOTES, r#"{"words":"another"}"#).await;
            assert_eq!((other.status, other.code.as_str()), (503, "server.overloaded"), "{}", other.text());
        }
        knobs.gate.add_permits(1);
        let other = async {
            loop {
                let answer = page.post(EDITOR, NOTES, r#"{"words":"another"}"#).await;
                if answer.status != 503 {
                    return answer;
                }
            }
        };
        let other = tokio::time::timeout(PATIENCE, other).await.expect("the first one ends");
        assert_eq!((other.status, count(&page, EDITOR).await), (201, 2));
    })
    .await;
}
on_both!(a_change_without_its_client_keeps_its_turn, keeps_its_turn);

async fn waited_for(kind: EngineKind) {
    with_knobs(
        kind,
        "waited_for",
        |config| config,
        async |mut server, knobs| {
            abandoned(&server, &knobs, "slow").await;
            server.stop.cancel();
            let refused = async {
                while TcpStream::connect(server.address).await.is_ok() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, refused).await.expect("it takes no new connection");
            knobs.gate.add_permits(1);
            server.shut_down().await;
            assert_eq!(server.events(HOME).await, ["desk.written"]);
        },
    )
    .await;
}
on_both!(a_server_that_stops_waits_for_a_change_without_its_client, waited_for);

both_servers!(
    what_fails_behind_the_commit_makes_no_second_change,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        for (at, words) in [desk::LOST, desk::STOPPED].into_iter().enumerate() {
            let body = serde_json::json!({ "words": words });
            let key = format!("\"key-{at}\"");
            let clash = async || {
                let call = page.call(EDITOR, "POST", CLASH).header("idempotency-key", &key);
                call.json(body.clone()).send().await
            };
            let first = clash().await;
            match words {
                // Whether it was made is in the key's record.
                desk::LOST => is_not_kept(&first),
                _ => assert_eq!((first.status, first.code.as_str()), (500, "base.internal")),
            }
            is_not_kept(&clash().await);
            server.clock.advance_seconds(60 * 60);
            is_not_kept(&clash().await);
            assert_eq!(count(&page, EDITOR).await, at + 1);
        }
    }
);

both_servers!(
    without_a_key_an_unknown_outcome_is_told_as_one,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        let answer = page.post(EDITOR, CLASH, serde_json::json!({ "words": desk::LOST })).await;
        assert_eq!((answer.status, answer.code.as_str()), (504, "db.commit_unknown"), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), None);
    }
);

const CUT: &str = "the note at whose commit the line is cut";

/// The connection to PostgreSQL is lost at the commit of the change.
async fn cut_at_the_commit(heard: Heard, test: &str, body: impl AsyncFnOnce(Browser)) {
    let Some(db) = TestDb::open(EngineKind::Postgres, test, MIGRATIONS).await else { return };
    let (db, relay) = db.behind(Cut { behind: CUT, at: "COMMIT\0", heard }, MIGRATIONS).await;
    let parts = parts(&db);
    let server = TestServer::start(db, parts);
    relay.arm();
    body(Browser::new(&server)).await;
    assert!(!relay.is_armed(), "it was never cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_told_as_made_and_not_made_again_on_postgres() {
    cut_at_the_commit(Heard::ByTheServer, "answer_lost", async |page| {
        is_not_kept(&keyed(&page, EDITOR, KEY, CUT).await);
        is_not_kept(&keyed(&page, EDITOR, KEY, CUT).await);
        assert_eq!(count(&page, EDITOR).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_lost_is_told_as_not_made_and_made_by_the_repeat_on_postgres() {
    cut_at_the_commit(Heard::ByNobody, "commit_lost", async |page| {
        let first = keyed(&page, EDITOR, KEY, CUT).await;
        assert_eq!((first.status, first.code.as_str()), (503, "db.away"), "{}", first.text());
        assert_eq!((first.header("retry-after"), count(&page, EDITOR).await), (Some("1"), 0));
        let (second, third) = (keyed(&page, EDITOR, KEY, CUT).await, keyed(&page, EDITOR, KEY, CUT).await);
        assert_eq!((second.status, third.status), (201, 201), "{}", second.text());
        assert_eq!((second.body, count(&page, EDITOR).await), (third.body, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_although_its_key_cannot_be_given_free_on_postgres() {
    with_knobs(
        EngineKind::Postgres,
        "told_anyway",
        |config| config,
        async |server, knobs| {
            let refused = tokio::spawn(slow(Browser::new(&server), "  "));
            knobs.waiting.acquire().await.expect("the handler runs").forget();
            server.fresh.shut().await;
            knobs.gate.add_permits(1);
            let refused = refused.await.unwrap();
            assert_eq!((refused.status, refused.code.as_str()), (422, "desk.empty"), "{}", refused.text());
        },
    )
    .await;
}
