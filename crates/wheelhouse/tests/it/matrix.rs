//! The authorization matrix: every operation of the spec × nobody, a stranger of another company, each role, and an owner's keys
//! with and without the scope. A committed snapshot.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::house::{House, PASSWORD, Person, sites};
use crate::http::Answer;

/// In the order of the snapshot's columns.
const ACTORS: [&str; 9] =
    ["nobody", "stranger", "viewer", "editor", "operator", "admin", "owner", "scoped", "unscoped"];
/// The two that act by a key of the owner: with the operation's permission and no other, and with every other.
const KEYS: [&str; 2] = ["scoped", "unscoped"];

struct Scene {
    house: House,
    owner: Person,
    people: BTreeMap<&'static str, Person>,
    tenant: String,
    /// By permission: the owner's key with it alone, and the one with all others.
    keys: BTreeMap<String, [Person; 2]>,
    /// A key of the owner that is there to be looked at.
    own_key: String,
    number: std::cell::Cell<u32>,
}

/// One call of an operation, aimed at a fresh thing of the first company.
struct Call {
    method: &'static str,
    path: String,
    headers: &'static str,
    body: Vec<u8>,
    /// The call ends the caller's session, so it is made with one of its own.
    own_session: bool,
}

impl Call {
    fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), headers: "", body: Vec::new(), own_session: false }
    }

    fn json(method: &'static str, path: impl Into<String>, body: &Value) -> Self {
        let headers = "Content-Type: application/json\r\n";
        Self { method, path: path.into(), headers, body: body.to_string().into_bytes(), own_session: false }
    }

    fn bare(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, ..Self::get(path) }
    }

    fn file(path: impl Into<String>) -> Self {
        let headers = "Content-Type: application/octet-stream\r\n";
        Self {
            method: "POST",
            path: path.into(),
            headers,
            body: b"a,b\n1,2\nx\n".to_vec(),
            own_session: false,
        }
    }

    fn ends_session(self) -> Self {
        Self { own_session: true, ..self }
    }
}

impl Scene {
    fn new(house: House) -> Self {
        let owner = house.set_up();
        let tenant = owner.get("/v1/identity/me").json()["tenant"]["id"].as_str().expect("an id").to_owned();
        let mut people = BTreeMap::from([("nobody", house.nobody()), ("owner", owner.clone())]);
        for role in ["viewer", "editor", "operator", "admin"] {
            people.insert(role, house.invite(&owner, role));
        }
        people.insert("stranger", stranger(&house));
        let keys = keys(&[house.invite(&owner, "owner"), owner.clone()]);
        let own_key = api_key(&owner, "api-keys", &["identity:self"]).0;
        Self { house, owner, people, tenant, keys, own_key, number: std::cell::Cell::new(0) }
    }

    fn next(&self) -> u32 {
        self.number.set(self.number.get() + 1);
        self.number.get()
    }

    fn panel(&self) -> String {
        self.owner.panel(&format!("matrix {}", self.next()))
    }

    /// A panel with an import that kept a bad line: both ids.
    fn import(&self) -> (String, String) {
        let panel = self.panel();
        let done = self.owner.import(&panel, "replace", b"a,b\n1,2\n3\n4,5\n");
        assert_eq!(done.status, 201, "{}", done.text());
        (panel, done.json()["id"].as_str().expect("an id").to_owned())
    }

    fn invitation(&self) -> Value {
        let body = json!({ "email": format!("guest{}@acme.example", self.next()), "role": "viewer" });
        self.owner.post("/v1/identity/invitations", &body).json()
    }

    /// Somebody new in the first company: the user's id.
    fn member(&self) -> String {
        let body = json!({ "token": self.invitation()["token"], "name": "Guest", "password": PASSWORD });
        let joined = self.house.nobody().post("/v1/identity/invitations/accept", &body);
        joined.json()["user"]["id"].as_str().expect("an id").to_owned()
    }

    fn session_of(&self, actor: &'static str) -> Person {
        match actor {
            "nobody" | "scoped" | "unscoped" => self.house.nobody(),
            "owner" => self.at_home(self.house.sign_in("olga@acme.example")),
            "stranger" => self.house.sign_in("sam@stranger.example"),
            role => self.house.sign_in(&format!("{role}@acme.example")),
        }
    }

    /// Who belongs to several companies comes in where they were last.
    fn at_home(&self, person: Person) -> Person {
        if person.get("/v1/identity/me").json()["tenant"]["id"] == self.tenant.as_str() {
            return person;
        }
        let body = json!({ "tenant_id": self.tenant });
        let switched = person.call("PUT", "/v1/identity/session/tenant", Some(&body));
        Person { cookie: format!("Cookie: {}\r\n", switched.cookie().expect("a cookie")), ..person }
    }

    /// The calls before may have ended anybody's session.
    fn sign_everybody_in(&mut self) {
        for actor in ACTORS.into_iter().filter(|actor| !KEYS.contains(actor)) {
            let person = self.session_of(actor);
            self.people.insert(actor, person);
        }
        self.owner = self.people["owner"].clone();
    }

    fn answer(&self, actor: &'static str, permission: &str, call: &Call) -> Answer {
        let person = if let Some(at) = KEYS.iter().position(|key| *key == actor) {
            // What needs no permission is tried with any key.
            let of = self.keys.get(permission).or_else(|| self.keys.values().next());
            of.expect("a permission")[at].clone()
        } else if call.own_session {
            self.session_of(actor)
        } else {
            self.people[actor].clone()
        };
        person.send(call.method, &call.path, call.headers, &call.body)
    }

    fn call(&self, operation: &str, actor: &'static str) -> Option<Call> {
        self.identity_call(operation, actor)
            .or_else(|| Self::door_call(operation))
            .or_else(|| self.key_call(operation, actor))
            .or_else(|| self.panels_call(operation))
            .or_else(|| system_call(operation, &self.tenant))
    }

    /// A new service account: its address.
    fn account(&self) -> String {
        let body = json!({ "name": format!("account {}", self.next()), "role": "viewer" });
        let made = self.owner.post("/v1/identity/service-accounts", &body).json();
        format!("service-accounts/{}", made["id"].as_str().expect("an id"))
    }

    fn key_call(&self, operation: &str, actor: &'static str) -> Option<Call> {
        let at = |rest: &str| format!("/v1/identity/{rest}");
        let name = json!({ "name": "other" });
        let wish = json!({ "name": "a program", "scopes": ["identity:self"] });
        let account_keys = |account: &str| format!("{account}/api-keys");
        let account_key = || {
            let keys = account_keys(&self.account());
            let id = api_key(&self.owner, &keys, &["identity:self"]).0;
            at(&format!("{keys}/{id}"))
        };
        Some(match operation {
            "api_key_list" => Call::get(at("api-keys")),
            "api_key_create" => Call::json("POST", at("api-keys"), &wish),
            "api_key_update" => Call::json("PATCH", at(&format!("api-keys/{}", self.own_key)), &name),
            "api_key_revoke" => {
                let revokes = actor == "owner" || actor == "scoped";
                let id = if revokes {
                    api_key(&self.owner, "api-keys", &["identity:self"]).0
                } else {
                    self.own_key.clone()
                };
                Call::bare("DELETE", at(&format!("api-keys/{id}")))
            }
            "service_account_list" => Call::get(at("service-accounts")),
            "service_account_create" => Call::json(
                "POST",
                at("service-accounts"),
                &json!({ "name": format!("account {}", self.next()), "role": "viewer" }),
            ),
            "service_account_update" => {
                Call::json("PATCH", at(&self.account()), &json!({ "enabled": false }))
            }
            "service_account_delete" => Call::bare("DELETE", at(&self.account())),
            "service_account_key_list" => Call::get(at(&account_keys(&self.account()))),
            "service_account_key_create" => {
                // A key gives away only what it has.
                let scope = if actor == "scoped" { "identity:write" } else { "identity:self" };
                let role = if actor == "scoped" { "admin" } else { "viewer" };
                let account = self.account();
                self.owner.call("PATCH", &at(&account), Some(&json!({ "role": role })));
                let wish = json!({ "name": "a program", "scopes": [scope] });
                Call::json("POST", at(&account_keys(&account)), &wish)
            }
            "service_account_key_update" => Call::json("PATCH", account_key(), &name),
            "service_account_key_revoke" => Call::bare("DELETE", account_key()),
            _ => return None,
        })
    }

    fn door_call(operation: &str) -> Option<Call> {
        Some(match operation {
            "openapi_get" => Call::get("/v1/openapi.json"),
            "health_detailed" => Call::get("/health/detailed"),
            // On this machine nobody need sign in for the figures: ask as from elsewhere.
            "metrics_get" => Call { headers: "X-Real-IP: 203.0.113.7\r\n", ..Call::get("/metrics") },
            "live_connect" => Call::get("/v1/live"),
            _ => return None,
        })
    }

    fn identity_call(&self, operation: &str, actor: &'static str) -> Option<Call> {
        let at = |rest: &str| format!("/v1/identity/{rest}");
        Some(match operation {
            "setup_status" => Call::get(at("setup")),
            "setup_complete" => Call::json(
                "POST",
                at("setup"),
                &json!({ "token": "x".repeat(43), "company": "B", "name": "B", "email": "b@b.example", "password": PASSWORD }),
            ),
            "session_create" => Call::json(
                "POST",
                at("sessions"),
                &json!({ "email": "viewer@acme.example", "password": PASSWORD }),
            ),
            "session_end" => Call::bare("DELETE", at("session")).ends_session(),
            "session_list" => Call::get(at("sessions")),
            "session_revoke" => {
                let session = self.session_of("owner").get(&at("me")).json()["session_id"].clone();
                Call::bare("DELETE", at(&format!("sessions/{}", session.as_str().expect("an id"))))
            }
            "session_revoke_others" => Call::bare("POST", at("sessions/revoke-others")).ends_session(),
            "session_switch" => {
                Call::json("PUT", at("session/tenant"), &json!({ "tenant_id": self.tenant })).ends_session()
            }
            "cli_login_create" => Call::json("POST", at("cli-logins"), &cli_login()),
            "cli_login_exchange" => {
                let allowed = self.owner.post(&at("cli-logins"), &cli_login()).json();
                let address = allowed["address"].as_str().expect("an address");
                let code = address.split(['=', '&']).nth(1).expect("a code");
                let body = json!({ "code": code, "verifier": "v".repeat(43) });
                Call::json("POST", at("cli-logins/exchange"), &body)
            }
            "me_get" => Call::get(at("me")),
            "password_change" => Call::json(
                "PUT",
                at("password"),
                &json!({ "current": "not the password at all", "new": PASSWORD }),
            )
            .ends_session(),
            "tenant_create" => {
                Call::json("POST", at("tenants"), &json!({ "name": format!("Company {}", self.next()) }))
            }
            "member_list" => Call::get(at("members")),
            "member_update" => {
                Call::json("PATCH", at(&format!("members/{}", self.member())), &json!({ "role": "editor" }))
            }
            "member_remove" => Call::bare("DELETE", at(&format!("members/{}", self.member()))),
            "invitation_list" => Call::get(at("invitations")),
            "invitation_create" => Call::json(
                "POST",
                at("invitations"),
                &json!({ "email": format!("new{}@acme.example", self.next()), "role": "viewer" }),
            ),
            "invitation_revoke" => Call::bare(
                "DELETE",
                at(&format!(
                    "invitations/{}",
                    self.invitation()["invitation"]["id"].as_str().expect("an id")
                )),
            ),
            "invitation_lookup" => {
                Call::json("POST", at("invitations/lookup"), &json!({ "token": self.invitation()["token"] }))
            }
            "invitation_accept" => Call::json(
                "POST",
                at("invitations/accept"),
                &json!({ "token": self.invitation()["token"], "name": actor, "password": PASSWORD }),
            ),
            _ => return None,
        })
    }

    fn panels_call(&self, operation: &str) -> Option<Call> {
        let at = |rest: String| format!("/v1/panels/{rest}");
        Some(match operation {
            "panel_list" => Call::get("/v1/panels"),
            "panel_create" => {
                Call::json("POST", "/v1/panels", &json!({ "title": format!("Panel {}", self.next()) }))
            }
            "panel_get" => Call::get(at(self.panel())),
            "panel_update" => Call::json("PATCH", at(self.panel()), &json!({ "title": "Other" })),
            "panel_delete" => Call::bare("DELETE", at(self.panel())),
            "row_list" => Call::get(at(format!("{}/rows", self.import().0))),
            "import_preview" => Call::file("/v1/panels/preview"),
            "import_create" => Call::file(at(format!("{}/imports?mode=replace", self.panel()))),
            "import_list" => Call::get(at(format!("{}/imports", self.import().0))),
            "import_recent" => Call::get("/v1/panels/imports"),
            // It has ended: who may stop it is told so.
            "import_stop" => {
                let (panel, import) = self.import();
                Call::bare("POST", at(format!("{panel}/imports/{import}/stop")))
            }
            "import_get" => {
                let (panel, import) = self.import();
                Call::get(at(format!("{panel}/imports/{import}")))
            }
            "import_bad_lines" => {
                let (panel, import) = self.import();
                Call::get(at(format!("{panel}/imports/{import}/bad-lines")))
            }
            _ => return None,
        })
    }
}

fn system_call(operation: &str, company: &str) -> Option<Call> {
    let at = |rest: &str| format!("/v1/system/{rest}");
    Some(match operation {
        "node_list" => Call::get(at("nodes")),
        "slow_statement_list" => Call::get(at("statements")),
        "queue_list" => Call::get(at("queues")),
        "parked_list" => Call::get(at("parked")),
        "parked_retry" => Call::bare("POST", at("parked/01890000-0000-7000-8000-000000000000/retry")),
        "backup_state_get" => Call::get(at("backups")),
        "company_usage_list" => Call::get(at("companies")),
        "company_usage_get" => Call::get(at("usage")),
        "company_limits_get" => Call::get(at(&format!("companies/{company}/limits"))),
        "company_limits_set" => {
            let limits = json!({ "panels": 9_000, "storage_bytes": 1_000_000_000_000_i64 });
            Call::json("PUT", at(&format!("companies/{company}/limits")), &limits)
        }
        "company_limits_delete" => Call::bare("DELETE", at(&format!("companies/{company}/limits"))),
        "log_level_get" => Call::get(at("log-level")),
        "log_level_set" => Call::json("PUT", at("log-level"), &json!({ "levels": "error" })),
        _ => return None,
    })
}

/// What a command line asks for whose verifier is 43 times `v`.
fn cli_login() -> Value {
    json!({ "challenge": "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM", "port": 40_000, "state": "s" })
}

/// Make a key: its id and text.
fn api_key(by: &Person, path: &str, scopes: &[&str]) -> (String, String) {
    let body = json!({ "name": "a program", "scopes": scopes });
    let made = by.post(&format!("/v1/identity/{path}"), &body);
    assert_eq!(made.status, 201, "{}", made.text());
    let (made, text) = (made.json(), |value: &Value| value.as_str().expect("a text").to_owned());
    (text(&made["api_key"]["id"]), text(&made["secret"]))
}

/// For each permission of the spec: an owner's key with it alone, and one with all others. The owners take turns: one person
/// may have so many keys only.
fn keys(owners: &[Person]) -> BTreeMap<String, [Person; 2]> {
    let spec = owners[0].get("/v1/openapi.json").json();
    let needed = operations(&spec);
    let all: BTreeSet<&str> = needed.values().map(String::as_str).filter(|name| *name != "-").collect();
    let program = |owner: &Person, scopes: &[&str]| {
        let text = api_key(owner, "api-keys", scopes).1;
        Person { cookie: format!("Authorization: Bearer {text}\r\n"), ..owner.clone() }
    };
    let pair = |owner: &Person, name: &str| {
        let others: Vec<&str> = all.iter().copied().filter(|other| *other != name).collect();
        [program(owner, &[name]), program(owner, &others)]
    };
    let turns = owners.iter().cycle();
    all.iter().zip(turns).map(|(name, owner)| ((*name).to_owned(), pair(owner, name))).collect()
}

/// The owner of another company in the same house.
fn stranger(house: &House) -> Person {
    let founder = house.sign_in("olga@acme.example");
    let tenant =
        founder.post("/v1/identity/tenants", &json!({ "name": "Stranger Ltd" })).json()["id"].clone();
    let switched = founder.call("PUT", "/v1/identity/session/tenant", Some(&json!({ "tenant_id": tenant })));
    let cookie = switched.cookie().map(|cookie| format!("Cookie: {cookie}\r\n"));
    let founder = Person { cookie: cookie.unwrap_or_else(|| founder.cookie.clone()), ..founder };
    let invited = founder
        .post("/v1/identity/invitations", &json!({ "email": "sam@stranger.example", "role": "owner" }));
    let body = json!({ "token": invited.json()["token"], "name": "Sam", "password": PASSWORD });
    let joined = house.nobody().post("/v1/identity/invitations/accept", &body);
    assert_eq!(joined.status, 201, "{}", joined.text());
    Person { cookie: format!("Cookie: {}\r\n", joined.cookie().expect("a cookie")), ..founder }
}

/// Operation ids of the spec with their permission, sorted.
fn operations(spec: &Value) -> BTreeMap<String, String> {
    let paths = spec["paths"].as_object().expect("paths");
    let all = paths.values().flat_map(|item| item.as_object().expect("an item").values());
    all.filter_map(|operation| {
        let id = operation["operationId"].as_str()?.to_owned();
        let permission = operation["x-permission"].as_str().unwrap_or("-").to_owned();
        Some((id, permission))
    })
    .collect()
}

#[test]
fn every_operation_answers_each_actor_as_the_snapshot_says() {
    let mut tables = Vec::new();
    for site in sites() {
        let mut scene = Scene::new(site.start());
        let spec = scene.owner.get("/v1/openapi.json").json();
        let mut table = format!("{:<26} {:<17}", "operation", "permission");
        table.extend(ACTORS.map(|actor| format!(" {actor:>8}")));
        for (operation, permission) in operations(&spec) {
            let mut line = format!("\n{operation:<26} {permission:<17}");
            for actor in ACTORS {
                let call = scene
                    .call(&operation, actor)
                    .unwrap_or_else(|| panic!("{operation} has no row in the matrix"));
                let answer = scene.answer(actor, &permission, &call);
                line.push_str(&format!(" {:>8}", answer.status));
            }
            table.push_str(&line);
            if scene.call(&operation, "owner").is_some_and(|call| call.own_session) {
                scene.sign_everybody_in();
            }
        }
        tables.push((site.kind.word(), table));
    }
    if let [(_, first), (engine, second)] = &tables[..] {
        assert_eq!(first, second, "{engine} answers otherwise");
    }
    insta::assert_snapshot!("authorization_matrix", tables[0].1);
}
