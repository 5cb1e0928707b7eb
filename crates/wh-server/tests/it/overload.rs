//! More to do than the machine can bear: some wait, the rest is told to come again, and nobody else notices.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use wh_server::ServerConfig;
use wh_server::limit::pace::{Company, Limit, Pace};
use wh_testkit::engines::{EngineKind, TestDb};
use wh_testkit::{Answer, Browser, EDITOR, NOBODY, Parts, TestServer, VIEWER, run_server};

use crate::desk::{self, Knobs, MIGRATIONS};
use crate::door::PATIENCE;

const SLOW: &str = "/v1/desk/slow";
/// How many run at the same time in these tests, and how many wait.
const RUNNING: u32 = 4;
const WAITING: u32 = 8;
/// Ten times what may run.
const LOAD: usize = 40;

/// A server with few places, for one test on one engine.
async fn crowded(test: &str, wait_ms_max: u64, body: impl AsyncFnOnce(TestServer, Knobs)) {
    let knobs = Knobs::default();
    let with = knobs.clone();
    let parts = move |_: &TestDb| {
        let mut parts = Parts::of(vec![desk::module(&with)]);
        parts.config = ServerConfig {
            overload_running_min: RUNNING,
            overload_running_max: RUNNING,
            overload_waiting_max: WAITING,
            overload_wait_ms_max: wait_ms_max,
            overload_wait_ms_target: wait_ms_max,
            ..parts.config
        };
        parts
    };
    run_server(EngineKind::Sqlite, test, MIGRATIONS, parts, async |server| body(server, knobs).await).await;
}

async fn slow(page: &Browser) -> Answer {
    page.post(EDITOR, SLOW, r#"{"words":"one of many"}"#).await
}

fn is_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code.as_str()), (503, "server.overloaded"), "{}", answer.text());
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=4).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.json()["request_id"].as_str(), answer.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_too_much_is_refused_in_part_and_others_are_answered() {
    let patience_ms = u64::try_from(PATIENCE.as_millis()).unwrap();
    crowded("ten_times", 3 * patience_ms, async |server, knobs| {
        let page = Browser::new(&server);
        let mut asked: FuturesUnordered<_> = (0..LOAD).map(|_| slow(&page)).collect();
        let served = (RUNNING + WAITING) as usize;
        let mut refusals = Vec::new();
        while refusals.len() < LOAD - served {
            let answer = tokio::time::timeout(PATIENCE, asked.next()).await;
            refusals.push(answer.expect("nobody is refused").unwrap());
        }
        refusals.iter().for_each(is_refused);
        let mut spread: Vec<_> = refusals.iter().map(|answer| answer.header("retry-after")).collect();
        spread.sort_unstable();
        spread.dedup();
        assert_eq!(spread.len(), 4, "they do not all come again at once");

        // All places are taken. Those who only look, and the machine that asks whether the server is well, see nothing of it.
        assert_eq!(page.get(VIEWER, "/v1/desk/notes").await.status, 200);
        assert_eq!(page.post(NOBODY, "/v1/desk/echo", r#"{"words":"a"}"#).await.status, 200);
        assert_eq!(page.get(NOBODY, "/v1/openapi.json").await.status, 200);
        is_refused(&slow(&page).await);

        knobs.gate.add_permits(served);
        for _ in 0..served {
            let answer = tokio::time::timeout(PATIENCE, asked.next()).await;
            let answer = answer.expect("those who wait are not served").unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        knobs.gate.add_permits(1);
        assert_eq!(slow(&page).await.status, 200, "all places are free again");
        let notes = page.get(VIEWER, "/v1/desk/notes").await.json();
        assert_eq!(notes["items"].as_array().unwrap().len(), served + 1, "a refused change changed nothing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_before_the_threads_that_read_requests_is_seen() {
    crowded("busy_threads", 10, async |server, _| {
        let page = Browser::new(&server);
        let begun = Instant::now();
        let mut refused = 0;
        // Never more of them run at the same time than there are threads, which is less than there are places.
        while refused == 0 {
            assert!(begun.elapsed() < PATIENCE, "nobody is refused");
            let mut asked: FuturesUnordered<_> =
                (0..LOAD).map(|_| page.get(VIEWER, "/v1/desk/busy")).collect();
            while let Some(answer) = asked.next().await {
                if answer.status != 200 {
                    is_refused(&answer);
                    refused += 1;
                }
            }
        }
    })
    .await;
}

/// Whether somebody has to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Places {
    Free,
    AllTaken,
}

/// A second of operations that all take so long, on a clock of the test's own.
fn second(limit: &mut Limit, pace: &Pace, now: &mut Instant, took_ms: u64, places: Places) {
    for _ in 0..100 {
        *now += Duration::from_millis(10);
        if places == Places::AllTaken {
            limit.full();
        }
        let took_ns = took_ms * 1_000_000;
        limit.took(took_ns, pace.learn(took_ns, Company::Others), *now);
    }
}

#[test]
fn fewer_are_let_in_while_they_are_slower_than_usual() {
    let (pace, mut now) = (Pace::default(), Instant::now());
    let mut limit = Limit::new(16, 1_024, now);
    assert_eq!(limit.places(), 64, "where it begins");
    second(&mut limit, &pace, &mut now, 10, Places::Free);
    assert_eq!(limit.places(), 64, "nobody wants more");
    second(&mut limit, &pace, &mut now, 29, Places::AllTaken);
    let grown = limit.places();
    assert!(grown > 64, "less than three times as slow, and more are wanted: {grown}");
    second(&mut limit, &pace, &mut now, 200, Places::AllTaken);
    assert!(limit.places() < grown, "twenty times as slow");
    for _ in 0..10 {
        second(&mut limit, &pace, &mut now, 200, Places::AllTaken);
    }
    assert_eq!(limit.places(), 16, "never below");
    second(&mut limit, &pace, &mut now, 12, Places::AllTaken);
    assert!(limit.places() > 16, "quick again");
    for _ in 0..20 {
        second(&mut limit, &pace, &mut now, 12, Places::AllTaken);
    }
    assert_eq!(limit.places(), 1_024, "never above");
}

/// Five minutes of operations that take as long as `took_ms` says, by their number and by how many places there are; all places are
/// taken. Gives the most places of the last minute.
fn five_minutes(took_ms: impl Fn(u32, u32) -> u64) -> u32 {
    let (pace, mut now) = (Pace::default(), Instant::now());
    let mut limit = Limit::new(16, 1_024, now);
    let mut most = 0;
    for number in 0..30_000 {
        now += Duration::from_millis(10);
        limit.full();
        let took_ns = took_ms(number, limit.places()) * 1_000_000;
        limit.took(took_ns, pace.learn(took_ns, Company::Others), now);
        if number >= 24_000 {
            most = most.max(limit.places());
        }
    }
    most
}

#[test]
fn an_operation_that_is_quick_or_slow_by_what_it_is_asked_does_not_stay_at_the_fewest_places() {
    let most = five_minutes(|number, _| if number % 2 == 0 { 1 } else { 100 });
    assert_eq!(most, 1_024, "fewer places make it no quicker");
}

#[test]
fn what_gets_slower_with_each_place_stays_near_the_fewest() {
    let most = five_minutes(|number, places| if number == 0 { 10 } else { u64::from(10 * places / 2) });
    assert!(most < 256, "three times as slow as with the fewest: {most}");
}

#[test]
fn what_is_quick_anyhow_is_never_too_slow() {
    let (pace, mut now) = (Pace::default(), Instant::now());
    let mut limit = Limit::new(16, 1_024, now);
    second(&mut limit, &pace, &mut now, 1, Places::Free);
    second(&mut limit, &pace, &mut now, 20, Places::AllTaken);
    assert!(limit.places() > 64, "twenty times as slow, and still quick: {}", limit.places());
}

#[test]
fn an_operation_that_became_slower_is_known_to_be_when_it_runs_alone() {
    let pace = Pace::default();
    assert_eq!(pace.learn(10_000, Company::Others), 10_000, "the first time is the usual one");
    assert_eq!(pace.learn(90_000, Company::Others), 10_000, "slow beside others says nothing");
    let mut usual = 0;
    for _ in 0..200 {
        usual = pace.learn(90_000, Company::Alone);
    }
    assert!(usual > 80_000, "{usual}");
    for _ in 0..20 {
        usual = pace.learn(10_000, Company::Others);
    }
    assert!(usual < 12_000, "quick is quick in any company: {usual}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_longer_than_the_setting_says() {
    crowded("late", 50, async |server, knobs| {
        let page = Browser::new(&server);
        let mut running: FuturesUnordered<_> = (0..RUNNING).map(|_| slow(&page)).collect();
        let ask = async {
            knobs.waiting.acquire_many(RUNNING).await.unwrap().forget();
            is_refused(&slow(&page).await);
            knobs.gate.add_permits(RUNNING as usize);
        };
        let end = async {
            while let Some(answer) = running.next().await {
                assert_eq!(answer.status, 200);
            }
        };
        tokio::join!(ask, end);
        knobs.gate.add_permits(1);
        assert_eq!(slow(&page).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_left_keeps_no_place_in_the_queue() {
    let patience_ms = u64::try_from(PATIENCE.as_millis()).unwrap();
    crowded("left", 3 * patience_ms, async |server, knobs| {
        let page = Browser::new(&server);
        let mut running: FuturesUnordered<_> = (0..RUNNING).map(|_| slow(&page)).collect();
        let crowd = async {
            knobs.waiting.acquire_many(RUNNING).await.unwrap().forget();
            // They fill the queue and leave; whoever comes when the server has noticed finds a place.
            let mut leaving: FuturesUnordered<_> = (0..=WAITING).map(|_| slow(&page)).collect();
            is_refused(&leaving.next().await.unwrap());
            drop(leaving);
            let refused = Arc::new(AtomicUsize::new(0));
            let mut staying: FuturesUnordered<_> =
                (0..WAITING).map(|_| stay(&page, refused.clone())).collect();
            let begun = Instant::now();
            // Everybody is refused while those who left still count, and nobody from then on.
            loop {
                let before = refused.load(Ordering::SeqCst);
                let quiet = tokio::time::timeout(Duration::from_secs(1), staying.next()).await;
                assert!(begun.elapsed() < PATIENCE, "those who left still stand in the queue");
                if quiet.is_err() && refused.load(Ordering::SeqCst) == before {
                    break;
                }
            }
            knobs.gate.add_permits((RUNNING + WAITING) as usize);
            while let Some(status) = staying.next().await {
                assert_eq!(status, 200);
            }
        };
        let end = async { while running.next().await.is_some() {} };
        tokio::join!(crowd, end);
    })
    .await;
}

/// Ask until one is let in.
async fn stay(page: &Browser, refused: Arc<AtomicUsize>) -> u16 {
    loop {
        let answer = slow(page).await;
        if answer.status != 503 {
            return answer.status;
        }
        refused.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_want_it_switches_it_off() {
    let knobs = Knobs::default();
    let with = knobs.clone();
    let parts = move |_: &TestDb| {
        let mut parts = Parts::of(vec![desk::module(&with)]);
        parts.config = ServerConfig {
            overload: false,
            overload_running_min: 1,
            overload_running_max: 1,
            overload_waiting_max: 1,
            ..parts.config
        };
        parts
    };
    run_server(EngineKind::Sqlite, "off", MIGRATIONS, parts, async |server| {
        let page = Browser::new(&server);
        let mut asked: FuturesUnordered<_> = (0..LOAD).map(|_| slow(&page)).collect();
        let open = async {
            knobs.waiting.acquire_many(u32::try_from(LOAD).unwrap()).await.unwrap().forget();
            knobs.gate.add_permits(LOAD);
        };
        let end = async {
            while let Some(answer) = asked.next().await {
                assert_eq!(answer.status, 200);
            }
        };
        tokio::join!(open, end);
    })
    .await;
}
