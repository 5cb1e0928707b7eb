//! What the operator of the installation sees and does, and that nobody else does.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use wh_base::{CompanyLimits, Result, Timestamp};
use wh_contract::events::PanelCreated;
use wh_contract::{PanelId, TenantId};
use wh_db::{Context, Delivered, Migrations};
use wh_server::Module;
use wh_server::log::LogControl;
use wh_system::model::{BackupFailure, BackupState, Company, Node, Proven, Used};
use wh_system::ports::{Backups, Companies, Usage};
use wh_system::{LimitTable, System, SystemParts};
use wh_testkit::engines::TestDb;
use wh_testkit::{
    ACTORS, AWAY, Browser, EDITOR, HOME, OWNER, Parts, STRANGER, TestServer, VIEWER, both_servers,
};

const MIGRATIONS: &[Migrations] = &[wh_system::MIGRATIONS];

/// Pauses between the attempts of a reaction are shorter than this.
const PAUSE_S: i64 = 10_000;
/// More than the attempts after which an event is parked.
const ROUNDS: usize = 12;

/// The companies of the tests, and what they have.
struct Two;

fn company(id: TenantId, name: &str) -> Company {
    Company { id, name: name.to_owned(), created_at: Timestamp::from_micros(0) }
}

#[async_trait]
impl Companies for Two {
    async fn companies(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<Company>> {
        let all = [company(HOME, "Home"), company(AWAY, "Away")].into_iter();
        Ok(all.filter(|one| after.is_none_or(|after| one.id > after)).take(limit as usize).collect())
    }

    async fn company(&self, id: TenantId) -> Result<Option<Company>> {
        Ok(self.companies(None, 2).await?.into_iter().find(|one| one.id == id))
    }
}

/// Two kinds of things, one of them with a limit that the operator may lower.
fn panels(tenant: TenantId) -> Used {
    Used { tenant, what: "panels", unit: "count", used: 0, limit: Some(100) }
}

fn chairs(tenant: TenantId, used: i64) -> Used {
    Used { tenant, what: "chairs", unit: "count", used, limit: Some(7) }
}

#[async_trait]
impl Usage for Two {
    async fn used(&self, first: TenantId, last: TenantId) -> Result<Vec<Used>> {
        assert!(first <= last);
        Ok(vec![chairs(AWAY, 3)])
    }

    async fn used_by(&self, tenant: TenantId) -> Result<Vec<Used>> {
        Ok(if tenant == AWAY { vec![chairs(AWAY, 3)] } else { Vec::new() })
    }

    fn nothing(&self, tenant: TenantId) -> Vec<Used> {
        vec![chairs(tenant, 0), panels(tenant)]
    }
}

/// Backups that were proven once and fail since.
struct Failing;

#[async_trait]
impl Backups for Failing {
    async fn state(&self) -> Result<BackupState> {
        let (at, point_at) = (Timestamp::from_micros(2_000_000), Timestamp::from_micros(1_000_000));
        let point = "a-point".to_owned();
        let (code, message) = ("backup.store".to_owned(), "the disk is full".to_owned());
        Ok(BackupState {
            target: Some("/mnt/backups".to_owned()),
            kept_at: Some(at),
            proven: Some(Proven { at, point, point_at, rows: 7, objects: 3, bytes: 4_096, took_ms: 12 }),
            failed: Some(BackupFailure { at, code, message }),
            unproven: None,
        })
    }
}

/// The view, and a reaction that fails until the test repairs it.
fn parts(db: &TestDb) -> Parts {
    parts_with(db, CompanyLimits::default())
}

/// The same where the operator set something for every company.
fn parts_with_defaults(db: &TestDb) -> Parts {
    let defaults = CompanyLimits { storage_bytes: Some(1_000), panels: Some(5), ..CompanyLimits::default() };
    parts_with(db, defaults)
}

fn parts_with(db: &TestDb, defaults: CompanyLimits) -> Parts {
    let node = Node {
        id: uuid::Uuid::nil(),
        host: "test".to_owned(),
        address: "127.0.0.1:1".to_owned(),
        engine: db.cx.db.engine(),
        started_at: db.cx.clock.now(),
    };
    db.cx.limits.ask(Arc::new(LimitTable::new(db.cx.db.clone(), defaults)));
    let companies = Arc::new(Two);
    let (log, usage): (_, Vec<Arc<dyn Usage>>) = (LogControl::silent(), vec![companies.clone()]);
    let backups = Arc::new(Failing);
    let db = db.system.clone();
    let system = System::new(SystemParts { db, node, log, companies, usage, backups, defaults });
    let repaired = Arc::new(AtomicBool::new(false));
    let state = repaired.clone();
    let react = move |_: Context, _: PanelCreated, _: Delivered| {
        let repaired = state.load(Ordering::SeqCst);
        async move {
            if repaired { Ok(()) } else { Err(wh_base::codes::INTERNAL.error("the printer is out of paper")) }
        }
    };
    let watch = Module::new("watch").on::<PanelCreated>(react);
    REPAIRED.with(|cell| *cell.borrow_mut() = Some(repaired));
    Parts::of(vec![wh_system::module(&system), watch])
}

thread_local! {
    /// Whether the reaction succeeds, of the test that runs on this thread.
    static REPAIRED: std::cell::RefCell<Option<Arc<AtomicBool>>> = const { std::cell::RefCell::new(None) };
}

both_servers!(only_owners_of_the_operators_company_may, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let nobodys = format!("/v1/system/parked/{}/retry", uuid::Uuid::nil());
    for who in ACTORS {
        let mut statuses = Vec::new();
        for path in ["nodes", "statements", "queues", "parked", "companies", "backups", "log-level"] {
            statuses.push(page.get(who, &format!("/v1/system/{path}")).await.status);
        }
        statuses.push(page.call(who, "POST", &nobodys).send().await.status);
        statuses.push(page.put(who, "/v1/system/log-level", r#"{"levels":"info"}"#).await.status);
        let limits = limits_of(AWAY);
        statuses.push(page.get(who, &limits).await.status);
        statuses.push(page.put(who, &limits, r#"{"panels":9}"#).await.status);
        statuses.push(page.delete(who, &limits).await.status);
        let expected = match who.name {
            "nobody" => [401; 12],
            "owner" => [200, 200, 200, 200, 200, 200, 200, 404, 200, 200, 200, 204],
            _ => [403; 12],
        };
        assert_eq!(statuses, expected, "{}", who.name);
    }
});

both_servers!(the_operator_sees_how_the_backups_stand, MIGRATIONS, parts, async |server: TestServer| {
    let state = Browser::new(&server).get(OWNER, "/v1/system/backups").await.json();
    let expected = json!({
        "target": "/mnt/backups",
        "kept_at": "1970-01-01T00:00:02Z",
        "proven": {
            "at": "1970-01-01T00:00:02Z", "point": "a-point", "point_at": "1970-01-01T00:00:01Z",
            "rows": 7, "objects": 3, "bytes": 4_096, "took_ms": 12
        },
        "failed": { "at": "1970-01-01T00:00:02Z", "code": "backup.store", "message": "the disk is full" }
    });
    assert_eq!(state, expected);
});

both_servers!(a_parked_event_is_seen_and_retried, MIGRATIONS, parts, async |server: TestServer| {
    let repaired = REPAIRED.with(|cell| cell.borrow().clone()).expect("parts made it");
    let page = Browser::new(&server);
    let queue = async |name: &str| {
        let queues = page.get(OWNER, "/v1/system/queues").await.json();
        let found =
            queues["items"].as_array().expect("a list").iter().find(|queue| queue["name"] == name).cloned();
        found.expect("the queue is there")
    };
    let mut tx = server.cx.db.begin(AWAY).await.expect("a transaction");
    let panel = PanelId(uuid::Uuid::from_u128(7));
    tx.emit(PanelCreated { panel }).await.expect("an event");
    tx.commit().await.expect("a commit");
    server.settle().await;
    assert_eq!(queue("delivery").await["waiting"], 0);
    assert_eq!(queue("reactions").await["waiting"], 1);
    assert!(queue("reactions").await["oldest_at"].is_string());
    for _ in 0..ROUNDS {
        server.clock.advance_seconds(PAUSE_S);
        server.settle().await;
    }
    assert_eq!(
        (&queue("reactions").await["waiting"], &queue("reactions").await["parked"]),
        (&0.into(), &1.into())
    );
    let parked = page.get(OWNER, "/v1/system/parked").await.json();
    let [event] = &parked["items"].as_array().expect("a list")[..] else { panic!("{parked}") };
    assert_eq!(
        (&event["kind"], &event["reaction"]),
        (&"panels.created".into(), &"watch:panels.created".into())
    );
    assert_eq!((&event["attempts"], &event["tenant_id"]), (&8.into(), &AWAY.to_string().into()));
    assert!(event["reason"].as_str().expect("a text").contains("out of paper"));

    let retry = format!("/v1/system/parked/{}/retry", event["event_id"].as_str().expect("an id"));
    let refused = page.call(STRANGER, "POST", &retry).send().await;
    assert_eq!(refused.status, 403, "also not the owner of the company whose event it is");
    repaired.store(true, Ordering::SeqCst);
    assert_eq!(page.call(OWNER, "POST", &retry).send().await.status, 204);
    server.settle().await;
    assert_eq!(
        (&queue("reactions").await["waiting"], &queue("reactions").await["parked"]),
        (&0.into(), &0.into())
    );
    assert_eq!(page.call(OWNER, "POST", &retry).send().await.code, "system.parked_not_found");

    let trail = server.cx.db.audit_before(HOME, i64::MAX, 10).await.expect("the trail");
    let [line] = &trail[..] else { panic!("{trail:?}") };
    assert_eq!((line.action.as_str(), line.user), ("parked_retry", Some(OWNER.user())));
    assert_eq!(line.subject, format!("system.parked/{}", event["event_id"].as_str().expect("an id")));
});

both_servers!(companies_come_in_pages_with_their_limits, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let first = page.get(OWNER, "/v1/system/companies?limit=1").await.json();
    let [home] = &first["items"].as_array().expect("a list")[..] else { panic!("{first}") };
    assert_eq!(
        (&home["name"], &home["used"][0]["used"], &home["used"][0]["limit"]),
        (&"Home".into(), &0.into(), &7.into())
    );
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let second = page.get(OWNER, &format!("/v1/system/companies?limit=1&cursor={cursor}")).await.json();
    assert_eq!(
        (&second["items"][0]["name"], &second["items"][0]["used"][0]["used"]),
        (&"Away".into(), &3.into())
    );
    assert!(second["next_cursor"].is_null());
});

fn limits_of(company: TenantId) -> String {
    format!("/v1/system/companies/{company}/limits")
}

/// The limit of panels that the operator sees of the second company, and that it sees of itself.
async fn panels_seen(page: &Browser) -> (Value, Value) {
    let limit = |used: &Value| {
        let all = used.as_array().expect("a list");
        all.iter().find(|one| one["what"] == "panels").expect("it is there")["limit"].clone()
    };
    let companies = page.get(OWNER, "/v1/system/companies").await.json();
    let own = page.get(STRANGER, "/v1/system/usage").await.json();
    assert_eq!((&own["name"], &companies["items"][1]["limits"]), (&"Away".into(), &own["limits"]));
    (limit(&companies["items"][1]["used"]), limit(&own["used"]))
}

both_servers!(limits_are_set_seen_and_removed, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let limits = limits_of(AWAY);
    assert_eq!(page.get(OWNER, &limits).await.json(), json!({}));
    assert_eq!(panels_seen(&page).await, (100.into(), 100.into()), "the limit of the house");

    let set = page.put(OWNER, &limits, json!({ "panels": 3, "storage_bytes": 5_000_000_000_i64 })).await;
    assert_eq!((set.status, set.json()), (200, json!({ "panels": 3, "storage_bytes": 5_000_000_000_i64 })));
    assert_eq!(page.get(OWNER, &limits).await.json(), set.json());
    assert_eq!(panels_seen(&page).await, (3.into(), 3.into()));
    let known = server.cx.limits.of(AWAY).await.expect("the limits");
    assert_eq!((known.panels, known.storage_bytes, known.members), (Some(3), Some(5_000_000_000), None));
    assert_eq!(server.cx.limits.of(HOME).await.expect("the limits"), CompanyLimits::default());

    // What is not named is not set any more, and it counts at once.
    let set = page.put(OWNER, &limits, json!({ "requests_per_min": 60, "panels": null })).await;
    assert_eq!((set.status, set.json()), (200, json!({ "requests_per_min": 60 })));
    let known = server.cx.limits.of(AWAY).await.expect("the limits");
    assert_eq!((known.requests_per_min, known.panels), (Some(60), None));

    assert_eq!(page.delete(OWNER, &limits).await.status, 204);
    assert_eq!(page.delete(OWNER, &limits).await.status, 204, "nothing is left to be removed");
    assert_eq!(server.cx.limits.of(AWAY).await.expect("the limits"), CompanyLimits::default());
    assert_eq!(panels_seen(&page).await, (100.into(), 100.into()));

    let trail = server.cx.db.audit_before(HOME, i64::MAX, 10).await.expect("the trail");
    let actions: Vec<&str> = trail.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["company_limits_delete", "company_limits_set", "company_limits_set"]);
    let (first, last) = (&trail[2], &trail[0]);
    assert_eq!((first.subject.clone(), first.user), (format!("system.company/{AWAY}"), Some(OWNER.user())));
    assert_eq!((&first.before, &first.after.as_ref().expect("it was set")["panels"]), (&None, &3.into()));
    assert_eq!(
        (&last.before.as_ref().expect("it was set")["requests_per_min"], &last.after),
        (&60.into(), &None)
    );
    assert!(server.cx.db.audit_before(AWAY, i64::MAX, 10).await.expect("the trail").is_empty());
});

both_servers!(
    a_company_without_limits_has_those_of_every_company,
    MIGRATIONS,
    parts_with_defaults,
    async |server: TestServer| {
        let page = Browser::new(&server);
        let of_panels = async || {
            let own = page.get(STRANGER, "/v1/system/usage").await.json();
            let panels = own["used"].as_array().expect("a list").iter().find(|one| one["what"] == "panels");
            let panels = panels.expect("it is there");
            (panels["limit"].clone(), panels["limit_from"].clone(), own["limits"].clone())
        };
        let everybodys = json!({ "storage_bytes": 1_000, "panels": 5 });
        let companies = page.get(OWNER, "/v1/system/companies").await.json();
        for company in companies["items"].as_array().expect("a list") {
            assert_eq!((&company["limits"], &company["default_limits"]), (&json!({}), &everybodys));
        }
        let chairs = &companies["items"][0]["used"][0];
        assert_eq!((&chairs["limit"], &chairs["limit_from"]), (&7.into(), &"house".into()));
        assert_eq!(of_panels().await, (5.into(), "default".into(), json!({})));
        let known = server.cx.limits.of(AWAY).await.expect("the limits");
        assert_eq!((known.panels, known.storage_bytes, known.members), (Some(5), Some(1_000), None));

        // What is set for a company counts in its place, also where it is more; of what is not named the default stays.
        let limits = limits_of(AWAY);
        assert_eq!(page.put(OWNER, &limits, r#"{"panels":50}"#).await.json(), json!({ "panels": 50 }));
        assert_eq!(of_panels().await, (50.into(), "company".into(), json!({ "panels": 50 })));
        let known = server.cx.limits.of(AWAY).await.expect("the limits");
        assert_eq!((known.panels, known.storage_bytes), (Some(50), Some(1_000)));
        assert_eq!(page.delete(OWNER, &limits).await.status, 204);
        assert_eq!(of_panels().await, (5.into(), "default".into(), json!({})));
    }
);

both_servers!(limits_that_cannot_be_are_refused, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    for (wrong, field) in [
        (json!({}), None),
        (json!({ "panels": null }), None),
        (json!({ "requests_per_min": 59 }), Some("/requests_per_min")),
        (json!({ "requests_per_min": 500_000_001 }), Some("/requests_per_min")),
        (json!({ "storage_bytes": 0 }), Some("/storage_bytes")),
        (json!({ "storage_bytes": 1_i64 << 53 }), Some("/storage_bytes")),
        (json!({ "panels": 101 }), Some("/panels")),
        (json!({ "panels": 1, "members": 0 }), Some("/members")),
    ] {
        let refused = page.put(OWNER, &limits_of(AWAY), &wrong).await;
        assert_eq!((refused.status, refused.code.as_str()), (422, "system.limits"), "{wrong}");
        assert_eq!(refused.json()["errors"][0]["pointer"].as_str(), field, "{wrong}");
    }
    let nobody = TenantId(uuid::Uuid::from_u128(7));
    for (method, body) in [("GET", None), ("PUT", Some(json!({ "panels": 1 }))), ("DELETE", None)] {
        let call = page.call(OWNER, method, &limits_of(nobody));
        let refused = match body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        };
        assert_eq!((refused.status, refused.code.as_str()), (404, "system.company_not_found"), "{method}");
    }
});

both_servers!(who_may_see_what_a_company_uses, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    for who in ACTORS {
        let answer = page.get(who, "/v1/system/usage").await;
        let expected = match who.name {
            "nobody" => 401,
            "admin" | "owner" | "stranger" => 200,
            _ => 403,
        };
        assert_eq!(answer.status, expected, "{}", who.name);
        if answer.status == 200 {
            assert_eq!(answer.json()["id"], who.tenant.to_string(), "one's own and no other");
        }
    }
});

both_servers!(
    a_company_may_ask_as_often_as_the_operator_says,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        assert_eq!(page.put(OWNER, &limits_of(AWAY), r#"{"requests_per_min":60}"#).await.status, 200);
        let mut answers = 0;
        let refused = loop {
            let answer = page.get(STRANGER, "/v1/system/usage").await;
            if answer.status != 200 {
                break answer;
            }
            let policy = answer.header("ratelimit-policy").expect("it is told").to_owned();
            assert!(policy.ends_with("\"sender\";q=30;w=60, \"tenant\";q=60;w=60"), "{policy}");
            answers += 1;
            assert!(answers < 10_000, "the limit is never reached");
        };
        assert_eq!(
            (refused.status, refused.code.as_str()),
            (429, "server.rate_limited"),
            "{}",
            refused.text()
        );
        assert!(answers >= 30, "one sender has half of it: {answers}");
        // Others have what the house gives, and the operator lifts it.
        let other = page.get(OWNER, "/v1/system/usage").await;
        assert_eq!(other.status, 200);
        assert!(!other.header("ratelimit-policy").expect("it is told").contains("q=60;"));
        assert_eq!(page.delete(OWNER, &limits_of(AWAY)).await.status, 204);
        assert_eq!(page.get(STRANGER, "/v1/system/usage").await.status, 200);
    }
);

both_servers!(the_operator_gets_out_of_its_own_limit, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let limits = limits_of(HOME);
    assert_eq!(page.put(OWNER, &limits, r#"{"requests_per_min":60}"#).await.status, 200);
    // Everybody of the company asks until there is nothing left, its owner last.
    for who in [VIEWER, EDITOR, OWNER] {
        let mut asked = 0;
        while page.get(who, "/v1/system/usage").await.status != 429 {
            asked += 1;
            assert!(asked < 10_000, "the limit is never reached");
        }
    }
    // None of this is counted for the company: it would be refused before long.
    for _ in 0..70 {
        let seen = page.get(OWNER, &limits).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        assert!(!seen.header("ratelimit-policy").expect("it is told").contains("\"tenant\""));
    }
    assert_eq!(page.get(OWNER, "/v1/system/companies").await.status, 200);
    assert_eq!(page.put(OWNER, &limits, r#"{"requests_per_min":61}"#).await.status, 200);
    assert_eq!(page.delete(OWNER, &limits).await.status, 204);
    assert_eq!(page.get(OWNER, "/v1/system/usage").await.status, 200);
});

both_servers!(
    the_log_level_is_changed_and_it_is_known_by_whom,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        let set = async |levels: &str| {
            page.put(OWNER, "/v1/system/log-level", serde_json::json!({ "levels": levels })).await
        };
        assert_eq!(set(" info,wh_db=debug ").await.json()["levels"], "info,wh_db=debug");
        assert_eq!(page.get(OWNER, "/v1/system/log-level").await.json()["levels"], "info,wh_db=debug");
        for wrong in ["loud", "info,", "a b=info", "[x]=info"] {
            let refused = set(wrong).await;
            assert_eq!((refused.status, refused.code.as_str()), (422, "system.log_levels"), "{wrong}");
        }
        let trail = server.cx.db.audit_before(HOME, i64::MAX, 10).await.expect("the trail");
        let [line] = &trail[..] else { panic!("{trail:?}") };
        assert_eq!(line.action, "log_level_set");
        assert_eq!(line.before, Some(serde_json::json!({ "levels": "off" })));
        assert_eq!(line.after, Some(serde_json::json!({ "levels": "info,wh_db=debug" })));
    }
);

both_servers!(this_node_says_what_runs, MIGRATIONS, parts, async |server: TestServer| {
    let nodes = Browser::new(&server).get(OWNER, "/v1/system/nodes").await.json();
    let [node] = &nodes["items"].as_array().expect("a list")[..] else { panic!("{nodes}") };
    assert_eq!(node["engine"], server.kind.word());
    assert_eq!(node["started_at"], "2026-03-01T12:00:00Z");
    assert!(node["process"]["resident_bytes"].as_u64().expect("a number") > 1_000_000);
});
