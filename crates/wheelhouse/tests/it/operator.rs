//! The operator of the installation, through the real binary: companies, what they use and may use, statements, nodes, the log's level.
use serde_json::{Value, json};
use wh_backup::status::FILE;
use wh_base::{Clock, SystemClock};
use wh_testkit::engines::EngineKind;

use crate::backup::Vault;
use crate::house::{House, PASSWORD, Person, Site, sites, wheelhouse};
use crate::http::Answer;

fn items(person: &Person, what: &str) -> Vec<Value> {
    let answer = person.get(&format!("/v1/system/{what}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().expect("a list").clone()
}

fn used<'a>(company: &'a Value, what: &str) -> &'a Value {
    let all = company["used"].as_array().expect("a list");
    all.iter().find(|used| used["what"] == what).unwrap_or_else(|| panic!("no {what} in {company}"))
}

/// A further company of the owner, and a session in it.
fn second_company(owner: &Person) -> Person {
    let made = owner.post("/v1/identity/tenants", &json!({ "name": "Second Ltd" })).json();
    let body = json!({ "tenant_id": made["id"] });
    let switched = owner.call("PUT", "/v1/identity/session/tenant", Some(&body));
    assert_eq!(switched.status, 200, "{}", switched.text());
    Person { cookie: format!("Cookie: {}\r\n", switched.cookie().expect("a cookie")), ..owner.clone() }
}

#[test]
fn the_operator_sees_every_company_and_nobody_else_does() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("flights");
        let mut file = rows(500);
        file.extend_from_slice(b"a line of one field\n");
        let imported = owner.import(&panel, "replace", &file);
        assert_eq!((imported.status, &imported.json()["bad_lines"]), (201, &1.into()), "{}", imported.text());
        house.invite(&owner, "admin");
        let operator = house.sign_in("olga@acme.example");
        let second = second_company(&owner);

        let companies = items(&operator, "companies");
        assert_eq!(companies.len(), 2);
        let of = |name: &str| companies.iter().find(|one| one["name"] == name).expect("the company").clone();
        let (first, other) = (of("Acme"), of("Second Ltd"));
        assert_eq!(
            (&used(&first, "members")["used"], &used(&first, "panels")["used"]),
            (&2.into(), &1.into())
        );
        assert_eq!(used(&first, "panels")["limit"], 10_000);
        assert!(used(&first, "storage")["used"].as_i64().expect("bytes") > 0);
        let own = operator.get("/v1/system/usage").json();
        assert_eq!(used(&own, "storage")["used"], used(&first, "storage")["used"], "rows and kept bad lines");
        assert_eq!(
            (&used(&other, "members")["used"], &used(&other, "panels")["used"]),
            (&1.into(), &0.into())
        );
        assert_eq!(
            (&used(&other, "storage")["used"], &used(&other, "storage")["unit"]),
            (&0.into(), &"bytes".into())
        );

        // The same person, an owner too, but acting in a company that does not operate the installation.
        let refused = second.get("/v1/system/companies");
        assert_eq!((refused.status, refused.code().as_str()), (403, "server.forbidden"));
        let held = |person: &Person| {
            let me = person.get("/v1/identity/me").json();
            me["permissions"].as_array().expect("a list").contains(&"system:read".into())
        };
        assert!(held(&operator) && !held(&second));
        assert!(!held(&house.sign_in("admin@acme.example")));

        let nodes = items(&operator, "nodes");
        assert_eq!((nodes.len(), &nodes[0]["engine"]), (1, &site.kind.word().into()));
        assert_eq!(nodes[0]["version"], env!("CARGO_PKG_VERSION"));
        assert!(items(&operator, "parked").is_empty());
        let health = operator.get("/health/detailed").json();
        let names: Vec<&str> = health["components"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(
            (health["status"].as_str(), names),
            (Some("ready"), vec!["database", "object_store", "delivery", "disk"])
        );
    }
}

/// A component as the operator is told of it.
fn component(operator: &Person, name: &str) -> Value {
    let health = operator.get("/health/detailed").json();
    // Of the second rank: requests are served all the same.
    assert_eq!(health["status"], "ready", "{health}");
    let components = health["components"].as_array().expect("a list");
    components.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}: {health}")).clone()
}

/// Until something beside the requests has gone wrong, which it does by itself.
fn degraded(operator: &Person, name: &str) -> Value {
    loop {
        let told = component(operator, name);
        if told["state"] == "degraded" {
            return told;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_collector_that_is_away_degrades_and_stops_nothing() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let endpoint = format!("http://{gone}");
    let settings = [
        ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", endpoint.as_str()),
        ("WHEELHOUSE_TELEMETRY_METRICS_INTERVAL_MS", "1000"),
    ];
    for site in sites() {
        let house = House::start_with(site.folder.path(), &settings);
        let owner = house.set_up();
        let telemetry = degraded(&owner, "telemetry");
        assert_eq!(telemetry["code"], "wheelhouse.collector_away");
        assert!(telemetry["hint"].as_str().is_some_and(|hint| hint.contains("otlp_endpoint")), "{telemetry}");
        let (database, delivery) = (component(&owner, "database"), component(&owner, "delivery"));
        assert_eq!((&database["state"], &delivery["state"]), (&"up".into(), &"up".into()));
        assert!(database["latency_ms"].is_number() && delivery["latency_ms"].is_null(), "{delivery}");
        assert_eq!(house.nobody().get("/health/ready").status, 200);
    }
}

#[test]
fn a_backup_that_fails_degrades_and_stops_nothing() {
    let site = Site::new(EngineKind::Sqlite);
    let vault = tempfile::tempdir().expect("a folder");
    let path = |name: &str| vault.path().join(name).to_str().expect("text").to_owned();
    let (key, place) = (path("backup.key"), path("a-file"));
    assert!(wheelhouse().args(["backup", "key", &key]).output().expect("it starts").status.success());
    std::fs::write(&place, "where a folder should be").expect("written");
    let settings = [
        ("WHEELHOUSE_BACKUP_TARGET", place.as_str()),
        ("WHEELHOUSE_BACKUP_KEY_FILE", key.as_str()),
        ("WHEELHOUSE_BACKUP_STEP_EVERY_S", "1"),
    ];
    let house = House::start_with(site.folder.path(), &settings);
    let owner = house.set_up();
    assert_eq!(degraded(&owner, "backup")["code"], "wheelhouse.backup_failing");
    assert_eq!(house.nobody().get("/health/ready").status, 200);
}

#[test]
fn a_proof_that_failed_counts_while_proofs_are_made_or_if_it_found_damage() {
    for (every_h, code, expected) in [
        ("24", "backup.no_room", "degraded"),
        ("0", "backup.no_room", "up"),
        ("0", "backup.part_damaged", "degraded"),
    ] {
        let site = Site::new(EngineKind::Sqlite);
        let vault = Vault::new();
        let now = SystemClock.now();
        // The next proof is due in a day; nothing changes this until then.
        let status = json!({
            "last_verified": {
                "at": now, "point": "7", "point_at": now, "rows": 1, "objects": 1, "bytes": 1, "took_ms": 1,
            },
            "last_unproven": { "at": now, "code": code, "message": "told by an earlier proof" },
        });
        std::fs::write(site.folder.path().join(FILE), status.to_string()).expect("written");
        let mut settings = vault.all_settings();
        settings.push(("WHEELHOUSE_BACKUP_VERIFY_EVERY_H", every_h.to_owned()));
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let house = House::start_with(site.folder.path(), &settings);
        let told = component(&house.set_up(), "backup");
        assert_eq!(told["state"], expected, "{code}, each {every_h} h: {told}");
    }
}

#[test]
fn slow_statements_are_listed_without_their_values() {
    for site in sites() {
        let house = House::start_with(site.folder.path(), &[("WHEELHOUSE_DATABASE_SLOW_STATEMENT_MS", "0")]);
        let owner = house.set_up();
        owner.panel("a title that must not be told");
        let statements = items(&owner, "statements");
        let insert = statements.iter().find(|one| {
            one["statement"].as_str().is_some_and(|text| text.starts_with("INSERT INTO panels_panel"))
        });
        let insert = insert.unwrap_or_else(|| panic!("{statements:?}"));
        assert_eq!(
            (&insert["kind"], &insert["count"], &insert["failed"]),
            (&"write".into(), &1.into(), &0.into())
        );
        assert!(insert["longest_ms"].as_f64() <= insert["total_ms"].as_f64());
        assert!(statements.len() <= 100);
        let all = Value::from(statements).to_string();
        assert!(!all.contains("must not be told") && !all.contains("olga@"), "{all}");
    }
}

#[test]
fn an_object_store_that_is_away_is_named_until_it_is_back() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let (there, away) = (site.folder.path().join("objects"), site.folder.path().join("elsewhere"));
        let until = |status: u16| loop {
            let ready = house.nobody().get("/health/ready");
            if ready.status == status {
                return ready;
            }
        };
        std::fs::rename(&there, &away).expect("the folder is moved");
        let refused = until(503);
        assert_eq!(refused.code(), "server.not_ready");
        assert!(refused.text().contains("object_store is down (dataset.store)"), "{}", refused.text());
        assert_eq!(house.nobody().get("/health").status, 200);
        assert_eq!(owner.get("/health/detailed").json()["status"], "unavailable");
        std::fs::rename(&away, &there).expect("the folder is moved back");
        until(200);
    }
}

#[test]
fn the_configured_company_operates_instead_of_the_first() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let second = second_company(&owner);
        let id = second.get("/v1/identity/me").json()["tenant"]["id"].as_str().expect("an id").to_owned();
        assert!(house.terminate().success());
        let house = House::start_with(site.folder.path(), &[("WHEELHOUSE_IDENTITY_OPERATOR_COMPANY", &id)]);
        let second = Person { address: house.address, ..second };
        assert_eq!(second.get("/v1/system/nodes").status, 200);
        let first = house.sign_in("olga@acme.example");
        let home = first.get("/v1/identity/me").json()["tenants"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|one| one["name"] == "Acme")
            .expect("it is there")["id"]
            .clone();
        let body = json!({ "tenant_id": home });
        let switched = first.call("PUT", "/v1/identity/session/tenant", Some(&body));
        let cookie = switched.cookie().map(|cookie| format!("Cookie: {cookie}\r\n"));
        let first = Person { cookie: cookie.unwrap_or_else(|| first.cookie.clone()), ..first };
        assert_eq!(first.get("/v1/system/nodes").status, 403);
    }
}

/// The same person in the company that the installation began with.
fn back_home(person: &Person) -> Person {
    let me = person.get("/v1/identity/me").json();
    let all = me["tenants"].as_array().expect("a list");
    let home = &all.iter().find(|one| one["name"] == "Acme").expect("it is there")["id"];
    if me["tenant"]["id"] == *home {
        return person.clone();
    }
    let switched = person.call("PUT", "/v1/identity/session/tenant", Some(&json!({ "tenant_id": home })));
    assert_eq!(switched.status, 200, "{}", switched.text());
    Person { cookie: format!("Cookie: {}\r\n", switched.cookie().expect("a cookie")), ..person.clone() }
}

/// The path of a person's company's limits.
fn limits_of(person: &Person) -> String {
    let me = person.get("/v1/identity/me").json();
    format!("/v1/system/companies/{}/limits", me["tenant"]["id"].as_str().expect("an id"))
}

fn set(operator: &Person, limits: &str, wanted: &Value) {
    let answer = operator.call("PUT", limits, Some(wanted));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The refusal says its code, what is used, and who can change it.
fn refused(answer: &Answer, code: &str, used: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (409, code), "{}", answer.text());
    let detail = answer.json()["detail"].as_str().expect("a text").to_owned();
    assert!(detail.contains(used) && detail.contains("the operator of the installation"), "{detail}");
}

/// Rows that hardly compress.
fn rows(count: u64) -> Vec<u8> {
    let mut csv = String::from("a,b\n");
    for n in 0..count {
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        csv.push_str(&format!("{mixed:016x},{n}\n"));
    }
    csv.into_bytes()
}

#[test]
fn a_company_gets_no_more_than_the_operator_lets_it() {
    for site in sites() {
        let house = site.start();
        let operator = house.set_up();
        // The operator's own company is limited like any other; whoever operates can lift it again.
        let limits = limits_of(&operator);

        let first = operator.panel("first");
        set(&operator, &limits, &json!({ "panels": 1, "members": 2 }));
        let panel = json!({ "title": "second" });
        refused(&operator.post("/v1/panels", &panel), "panels.limit", "1 of at most 1 panels");
        let admin = house.invite(&operator, "admin");
        let account = json!({ "name": "robot", "role": "viewer" });
        let made = admin.post("/v1/identity/service-accounts", &account);
        refused(&made, "identity.member_limit", "2 of at most 2 members");
        let invited = operator
            .post("/v1/identity/invitations", &json!({ "email": "v@acme.example", "role": "viewer" }));
        let body = json!({ "token": invited.json()["token"], "name": "V", "password": PASSWORD });
        let joined = house.nobody().post("/v1/identity/invitations/accept", &body);
        refused(&joined, "identity.member_limit", "2 of at most 2 members");

        // Who is not the operator sees the limits, and changes none.
        let usage = admin.get("/v1/system/usage").json();
        assert_eq!(
            (&used(&usage, "panels")["used"], &used(&usage, "panels")["limit"]),
            (&1.into(), &1.into())
        );
        assert_eq!(usage["limits"], json!({ "panels": 1, "members": 2 }));
        assert_eq!(admin.call("DELETE", &limits, None).status, 403);

        assert_eq!(operator.call("DELETE", &limits, None).status, 204);
        assert_eq!(operator.post("/v1/panels", &panel).status, 201);
        assert_eq!(house.nobody().post("/v1/identity/invitations/accept", &body).status, 201);
        assert_eq!(admin.post("/v1/identity/service-accounts", &account).status, 201);
        assert_eq!(operator.import(&first, "replace", b"a\n1\n").status, 201);
    }
}

#[test]
fn a_company_made_by_a_limited_person_has_the_limits_of_every_company() {
    for site in sites() {
        let most =
            [("WHEELHOUSE_SYSTEM_COMPANY_PANELS_MAX", "1"), ("WHEELHOUSE_SYSTEM_COMPANY_MEMBERS_MAX", "2")];
        let house = House::start_with(site.folder.path(), &most);
        let operator = house.set_up();
        let second = second_company(&operator);
        let panel = json!({ "title": "one more" });
        second.panel("first");
        refused(&second.post("/v1/panels", &panel), "panels.limit", "1 of at most 1 panels");
        let usage = second.get("/v1/system/usage").json();
        assert_eq!(
            (&used(&usage, "panels")["limit"], &used(&usage, "panels")["limit_from"]),
            (&1.into(), &"default".into())
        );
        // Another company is no way around it.
        let third = second_company(&second);
        third.panel("first");
        refused(&third.post("/v1/panels", &panel), "panels.limit", "1 of at most 1 panels");
        let account = |name: &str| json!({ "name": name, "role": "viewer" });
        assert_eq!(third.post("/v1/identity/service-accounts", &account("robot")).status, 201);
        let more = third.post("/v1/identity/service-accounts", &account("another"));
        refused(&more, "identity.member_limit", "2 of at most 2 members");

        // The operator lets one company have more.
        let operator = back_home(&house.sign_in("olga@acme.example"));
        set(&operator, &limits_of(&third), &json!({ "panels": 2 }));
        assert_eq!(third.post("/v1/panels", &panel).status, 201);
        refused(&third.post("/v1/panels", &panel), "panels.limit", "2 of at most 2 panels");
    }
}

#[test]
fn an_import_beyond_the_storage_is_refused_and_leaves_nothing() {
    for site in sites() {
        let house = site.start();
        let operator = house.set_up();
        let limits = limits_of(&operator);
        let panel = operator.panel("flights");
        assert_eq!(operator.import(&panel, "replace", b"a,b\nx,1\n").status, 201);
        let stored = || {
            let usage = operator.get("/v1/system/usage").json();
            used(&usage, "storage")["used"].as_u64().expect("bytes")
        };
        let before = stored();
        let shown = || operator.get(&format!("/v1/panels/{panel}")).json();
        let first = shown();

        // Beyond it at the commit: a small file is all in one piece.
        let room = before + 10_000;
        set(&operator, &limits, &json!({ "storage_bytes": room }));
        let most = format!("{before} of at most {room} bytes");
        refused(&operator.import(&panel, "append", &rows(20_000)), "panels.storage_limit", &most);
        assert_eq!((stored(), shown()), (before, first.clone()), "the panel shows what it showed");
        let imports = operator.get(&format!("/v1/panels/{panel}/imports")).json();
        assert_eq!(
            (&imports["items"][0]["state"], &imports["items"][0]["problem"]["code"]),
            (&"failed".into(), &"panels.storage_limit".into())
        );

        // Full: refused before anything is read.
        set(&operator, &limits, &json!({ "storage_bytes": before }));
        let most = format!("{before} of at most {before} bytes");
        refused(&operator.import(&panel, "append", b"a,b\ny,2\n"), "panels.storage_limit", &most);
        assert_eq!((stored(), shown()), (before, first));

        set(&operator, &limits, &json!({ "storage_bytes": before + 10_000_000 }));
        assert_eq!(operator.import(&panel, "append", &rows(20_000)).status, 201);
        assert!(stored() > before + 10_000, "{}", stored());
        assert_eq!(shown()["rows"], 20_001);
    }
}
