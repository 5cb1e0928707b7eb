//! Who asks too often is told so, by address, by key, by member and by company; how much is remembered of how many.
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use wh_base::{CompanyLimits, LimitSource, Result};
use wh_contract::TenantId;
use wh_server::ServerConfig;
use wh_server::limit::cells::{BYTES, Cells, KEYS_MAX, Quota, Standing, Verdict};
use wh_testkit::engines::TestDb;
use wh_testkit::{
    Answer, Browser, EDITOR, HOME, NOBODY, OWNER, Parts, STRANGER, TestServer, VIEWER, both_servers,
};

use crate::desk::{self, Knobs, MIGRATIONS};
use crate::door::{Door, config};

#[track_caller]
fn is_limited(refused: &Answer) {
    assert_eq!((refused.status, refused.code.as_str()), (429, "server.rate_limited"), "{}", refused.text());
}

const NOTES: &str = "/v1/desk/notes";
const MINUTE: Duration = Duration::from_mins(1);

/// Half a minute for each request, so that none comes back while a test runs.
const FEW: u32 = 2;

#[test]
fn a_million_addresses_take_no_more_room_than_few() {
    let cells = Cells::new(Quota { requests: 10, window: MINUTE });
    let greedy = "one who asks too often";
    while let Verdict::Within(_) = cells.take(greedy, Duration::ZERO) {}
    for n in 0..1_000_000_u64 {
        let network = Ipv6Addr::from((0x2001_0db8_u128 << 96) | (u128::from(n) << 64));
        let verdict = cells.take(network, Duration::from_micros(n));
        assert!(matches!(verdict, Verdict::Within(_)), "{network} has not asked before");
    }
    assert_eq!(KEYS_MAX, 65_536);
    assert_eq!(BYTES, 1_048_576, "bytes of a table, whatever comes");
    assert!(cells.keys() <= KEYS_MAX, "{}", cells.keys());
    assert!(cells.keys() > KEYS_MAX * 9 / 10, "the room is used: {}", cells.keys());
    // Whoever has used up a quota is remembered, however many come in between.
    let verdict = cells.take(greedy, Duration::from_secs(1));
    assert_eq!(verdict, Verdict::Beyond(Standing { remaining: 0, reset_s: 5 }));
}

#[test]
fn a_quota_comes_back_evenly() {
    let cells = Cells::new(Quota { requests: 60, window: MINUTE });
    let take = |seconds: u64| cells.take("somebody", Duration::from_secs(seconds));
    for left in (0..60).rev() {
        assert_eq!(take(0), Verdict::Within(Standing { remaining: left, reset_s: 60 - left }));
    }
    assert_eq!(take(0), Verdict::Beyond(Standing { remaining: 0, reset_s: 1 }));
    assert_eq!(take(1), Verdict::Within(Standing { remaining: 0, reset_s: 60 }));
    assert_eq!(take(11), Verdict::Within(Standing { remaining: 9, reset_s: 51 }));
    assert_eq!(take(1_000), Verdict::Within(Standing { remaining: 59, reset_s: 1 }));
    assert_eq!(cells.keys(), 1);
}

/// `r` and `t` of a policy in `RateLimit`.
fn left(header: &str, policy: &str) -> (u64, u64) {
    let item = header.split(", ").find_map(|item| item.strip_prefix(&format!("\"{policy}\";r=")));
    let (remaining, reset) =
        item.unwrap_or_else(|| panic!("no {policy} in {header}")).split_once(";t=").unwrap();
    (remaining.parse().unwrap(), reset.parse().unwrap())
}

fn few_of_each_member(_: &TestDb) -> Parts {
    let mut parts = Parts::of(vec![desk::module(&Knobs::default())]);
    parts.config = ServerConfig { rate_user_per_min: FEW, ..parts.config };
    parts
}

both_servers!(a_member_may_ask_so_often, MIGRATIONS, few_of_each_member, async |server: TestServer| {
    let page = Browser::new(&server);
    for spent in 1..=u64::from(FEW) {
        let answer = page.get(EDITOR, NOTES).await;
        assert_eq!(answer.status, 200);
        let policy = answer.header("ratelimit-policy").unwrap();
        assert_eq!(policy, "\"address\";q=1200000;w=60, \"user\";q=2;w=60, \"tenant\";q=3000000;w=60");
        assert_eq!(left(answer.header("ratelimit").unwrap(), "user").0, u64::from(FEW) - spent);
    }
    let refused = page.get(EDITOR, NOTES).await;
    is_limited(&refused);
    let (remaining, reset) = left(refused.header("ratelimit").unwrap(), "user");
    assert_eq!((remaining, refused.header("retry-after")), (0, Some(reset.to_string().as_str())));
    assert!((1..=30).contains(&reset), "{reset}");
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    // A change is refused before anything is done.
    assert_eq!(page.post(EDITOR, NOTES, r#"{"words":"a"}"#).await.status, 429);

    assert_eq!(page.get(VIEWER, NOTES).await.json()["items"].as_array().unwrap().len(), 0, "others may");
    assert_eq!(page.get(NOBODY, "/v1/openapi.json").await.status, 200);
    assert_eq!(page.get(NOBODY, NOTES).await.status, 401);
});

fn few_of_each_key(_: &TestDb) -> Parts {
    let mut parts = Parts::of(vec![desk::module(&Knobs::default())]);
    parts.config = ServerConfig { rate_key_per_min: FEW, rate_user_per_min: FEW + 1, ..parts.config };
    parts
}

both_servers!(a_key_may_ask_so_often, MIGRATIONS, few_of_each_key, async |server: TestServer| {
    let page = Browser::new(&server);
    let by_key =
        async |bearer: String| page.call(NOBODY, "GET", NOTES).header("authorization", &bearer).send().await;
    let key = EDITOR.bearer(&["desk:read"]);
    for spent in 1..=u64::from(FEW) {
        let answer = by_key(key.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let policy = answer.header("ratelimit-policy").unwrap();
        assert!(policy.contains("\"key\";q=2;w=60, \"user\";q=3;w=60"), "{policy}");
        assert_eq!(left(answer.header("ratelimit").unwrap(), "key").0, u64::from(FEW) - spent);
    }
    for _ in 0..4 {
        let refused = by_key(key.clone()).await;
        is_limited(&refused);
        let told = refused.header("ratelimit").unwrap();
        assert_eq!(left(told, "key").0, 0);
        assert!(
            !told.contains("\"user\"") && !told.contains("\"tenant\""),
            "nothing of theirs is counted: {told}"
        );
        assert!(refused.header("retry-after").is_some());
    }
    // Its owner has what the key did not use, and a browser has no key to be counted.
    let own = page.get(EDITOR, NOTES).await;
    assert_eq!(own.status, 200, "{}", own.text());
    assert!(!own.header("ratelimit").unwrap().contains("\"key\""));
    assert_eq!(by_key(VIEWER.bearer(&["desk:read"])).await.status, 200, "another key");
});

fn few_of_each_company(_: &TestDb) -> Parts {
    let mut parts = Parts::of(vec![desk::module(&Knobs::default())]);
    parts.config = ServerConfig { rate_tenant_per_min: FEW, ..parts.config };
    parts
}

both_servers!(a_company_may_ask_so_often, MIGRATIONS, few_of_each_company, async |server: TestServer| {
    let page = Browser::new(&server);
    assert_eq!(page.get(EDITOR, NOTES).await.status, 200);
    assert_eq!(page.get(VIEWER, NOTES).await.status, 200);
    let refused = page.get(OWNER, NOTES).await;
    is_limited(&refused);
    assert_eq!(left(refused.header("ratelimit").unwrap(), "tenant").0, 0);
    assert_eq!(page.get(STRANGER, NOTES).await.status, 200, "another company");
});

/// One company has a limit of its own.
struct OwnLimit;

#[async_trait]
impl LimitSource for OwnLimit {
    async fn limits(&self, tenant: TenantId) -> Result<CompanyLimits> {
        let requests_per_min = (tenant == HOME).then_some(FEW);
        Ok(CompanyLimits { requests_per_min, ..CompanyLimits::default() })
    }
}

fn own_limit_alone(db: &TestDb) -> Parts {
    db.cx.limits.ask(Arc::new(OwnLimit));
    let mut parts = Parts::of(vec![desk::module(&Knobs::default())]);
    parts.config = ServerConfig { rate_limits: false, ..parts.config };
    parts
}

both_servers!(a_company_with_a_limit_of_its_own, MIGRATIONS, own_limit_alone, async |server: TestServer| {
    let page = Browser::new(&server);
    let first = page.get(EDITOR, NOTES).await;
    let policies = "\"sender\";q=1;w=60, \"tenant\";q=2;w=60";
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, Some(policies)));
    // One sender has half of it: what it asks for beyond that takes nothing from the others.
    for _ in 0..4 {
        let refused = page.get(EDITOR, NOTES).await;
        is_limited(&refused);
        let told = refused.header("ratelimit").unwrap();
        assert_eq!(left(told, "sender").0, 0);
        assert!(!told.contains("\"tenant\""), "nothing of the company's is counted: {told}");
    }
    assert_eq!(page.get(VIEWER, NOTES).await.status, 200);
    // What is refused because others have used it up takes nothing of a sender's own half.
    for _ in 0..4 {
        let refused = page.get(OWNER, NOTES).await;
        is_limited(&refused);
        let told = refused.header("ratelimit").unwrap();
        assert_eq!((left(told, "sender").0, left(told, "tenant").0), (1, 0), "{told}");
    }
    for _ in 0..4 {
        let other = page.get(STRANGER, NOTES).await;
        assert_eq!((other.status, other.header("ratelimit-policy")), (200, None), "the rest is switched off");
    }
});

#[test]
fn a_quota_that_changes_counts_from_the_next_request_on() {
    let cells = Cells::new(Quota { requests: 60, window: MINUTE });
    let few = Quota { requests: 2, window: MINUTE };
    for left in (0..2).rev() {
        let verdict = cells.take_of(few, "somebody", Duration::ZERO);
        assert!(matches!(verdict, Verdict::Within(Standing { remaining, .. }) if remaining == left));
    }
    assert!(matches!(cells.take_of(few, "somebody", Duration::from_secs(20)), Verdict::Beyond(_)));
    // With more of it the next one comes sooner; what was used stays used.
    let verdict = cells.take("somebody", Duration::from_secs(20));
    assert_eq!(verdict, Verdict::Within(Standing { remaining: 19, reset_s: 41 }));
    assert!(matches!(cells.take_of(few, "other", Duration::ZERO), Verdict::Within(_)));
}

#[test]
fn what_is_given_back_was_never_taken() {
    let quota = Quota { requests: 2, window: MINUTE };
    let cells = Cells::new(quota);
    let (at, later) = (Duration::from_mins(10), Duration::from_secs(610));
    cells.take("somebody", at);
    for _ in 0..4 {
        assert_eq!(cells.take("somebody", at), Verdict::Within(Standing { remaining: 0, reset_s: 60 }));
        let whole = cells.give_back(quota, "somebody", at);
        assert_eq!(whole, Standing { remaining: 1, reset_s: 30 });
    }
    assert_eq!(cells.give_back(quota, "somebody", later), Standing { remaining: 2, reset_s: 1 });
    assert_eq!(cells.give_back(quota, "nobody", at), Standing { remaining: 2, reset_s: 1 });
    for left in (0..2).rev() {
        assert!(matches!(cells.take("somebody", later), Verdict::Within(one) if one.remaining == left));
    }
    assert!(matches!(cells.take("somebody", later), Verdict::Beyond(_)));
}

fn router() -> Router {
    Router::new().route("/a", get(|| async { "a" }))
}

#[tokio::test]
async fn an_address_may_ask_so_often() {
    let door = Door::open(&ServerConfig { rate_address_per_min: FEW, ..config() }, router());
    for _ in 0..FEW {
        assert_eq!(door.ask("GET /a HTTP/1.1", "").await.status, 200);
    }
    // It counts before anything else is looked at.
    for head in ["GET /a HTTP/1.1", "GET /nowhere HTTP/1.1", "POST /a HTTP/1.1", "GET /a%00 HTTP/1.1"] {
        let refused = door.ask(head, "").await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "server.rate_limited"), "{head}");
        assert_eq!(refused.header("ratelimit-policy"), Some("\"address\";q=2;w=60"));
        assert_eq!(left(refused.header("ratelimit").unwrap(), "address").0, 0);
    }
    // Probes and figures do not count, and are not refused.
    for path in ["/health", "/health/ready", "/metrics"] {
        let reply = door.ask(&format!("GET {path} HTTP/1.1"), "").await;
        assert_eq!((reply.status, reply.header("ratelimit")), (200, None), "{path}");
    }
    assert!(door.metric("http_requests_limited_total{policy=\"address\"}").await >= 4.0);
    let mut other = door.connect_from(2).await;
    other.send("GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert_eq!(other.statuses().await, [200]);
}

#[tokio::test]
async fn a_network_of_ipv6_counts_as_one_address() {
    let trusting = ServerConfig {
        rate_address_per_min: FEW,
        trusted_proxies: vec!["127.0.0.0/8".to_owned()],
        ..config()
    };
    let door = Door::open(&trusting, router());
    let from = async |address: &str| {
        door.ask(&format!("GET /a HTTP/1.1\r\nx-forwarded-for: {address}"), "").await.status
    };
    assert_eq!(from("2001:db8:1:2::1").await, 200);
    assert_eq!(from("2001:db8:1:2:ffff:ffff:ffff:ffff").await, 200);
    assert_eq!(from("2001:db8:1:2:a::").await, 429);
    assert_eq!(from("2001:db8:1:3::1").await, 200);
    assert_eq!(from("203.0.113.7").await, 200);
    assert_eq!(from("::ffff:203.0.113.7").await, 200);
    assert_eq!(from("203.0.113.7").await, 429, "the same address however it is written");
    assert_eq!(from("203.0.113.8").await, 200);
}

#[tokio::test]
async fn who_does_not_want_limits_switches_them_off() {
    let off = ServerConfig { rate_limits: false, rate_address_per_min: 1, ..config() };
    let door = Door::open(&off, router());
    for _ in 0..4 {
        let reply = door.ask("GET /a HTTP/1.1", "").await;
        assert_eq!(
            (reply.status, reply.header("ratelimit"), reply.header("ratelimit-policy")),
            (200, None, None)
        );
    }
}
