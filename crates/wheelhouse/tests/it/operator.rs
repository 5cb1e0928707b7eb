//! The operator of the installation, through the real binary: companies and what they use, statements, nodes, the log's level.
use serde_json::{Value, json};

use crate::house::{House, Person, sites};

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
        assert_eq!(owner.import(&panel, "replace", b"a,b\n1,2\n3,4\n").status, 201);
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
        assert_eq!((health["status"].as_str(), names), (Some("ready"), vec!["database", "object_store"]));
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
