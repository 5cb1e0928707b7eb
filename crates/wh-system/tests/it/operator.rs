//! What the operator of the installation sees and does, and that nobody else does.
mod limits;
mod nodes;
mod parked;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::json;
use wh_base::{CompanyLimits, Result, Timestamp};
use wh_contract::events::PanelCreated;
use wh_contract::{PanelId, TenantId};
use wh_db::{Context, Delivered, Migrations, SystemDb};
use wh_server::Module;
use wh_server::log::LogControl;
use wh_system::model::{BackupFailure, BackupState, Company, Node, Proven, Used};
use wh_system::ports::{Backups, Companies, Usage};
use wh_system::{LimitTable, System, SystemParts};
use wh_testkit::engines::TestDb;
use wh_testkit::{ACTORS, AWAY, Browser, HOME, OWNER, Parts, STRANGER, TestServer, both_servers};

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

/// The process that is tested, and others beside it: by a number, in a data folder.
fn node(cx: &Context, number: u128, place: u128) -> Node {
    Node {
        id: uuid::Uuid::from_u128(number),
        place: uuid::Uuid::from_u128(place),
        host: format!("test-{number}"),
        address: format!("http://127.0.0.1:{number}"),
        version: "1.2.3".to_owned(),
        commit: "unknown".to_owned(),
        engine: cx.db.engine(),
        started_at: cx.clock.now(),
    }
}

/// The view that a process has.
fn system_of(db: SystemDb, node: Node, defaults: CompanyLimits) -> System {
    let companies = Arc::new(Two);
    let (log, usage): (_, Vec<Arc<dyn Usage>>) = (LogControl::silent(), vec![companies.clone()]);
    let backups = Arc::new(Failing);
    System::new(SystemParts { db, node, log, companies, usage, backups, defaults })
}

fn parts_with(db: &TestDb, defaults: CompanyLimits) -> Parts {
    db.cx.limits.ask(Arc::new(LimitTable::new(db.cx.db.clone(), defaults)));
    let system = system_of(db.system.clone(), node(&db.cx, 1, 1), defaults);
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
    the_log_level_is_changed_and_it_is_known_by_whom,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        let set = async |levels: &str| {
            page.put(OWNER, "/v1/system/log-level", serde_json::json!({ "levels": levels })).await
        };
        assert_eq!(set(" info,wh_db=debug ").await.json()["levels"], "info,wh_db=debug");
        let level = page.get(OWNER, "/v1/system/log-level").await.json();
        assert_eq!(level, json!({ "levels": "info,wh_db=debug", "node": nodes::this_one() }));
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
