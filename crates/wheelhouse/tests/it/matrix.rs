//! The authorization matrix: every operation of the spec × nobody, a stranger of another company, each role, and an owner's keys
//! with and without the scope. A committed snapshot. What the owner changes on the way must stand in the audit trail.
mod calls;
mod trail;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::house::{House, PASSWORD, Person, sites};
use crate::http::Answer;
use calls::Call;
use trail::Changes;

/// In the order of the snapshot's columns.
const ACTORS: [&str; 9] =
    ["nobody", "stranger", "viewer", "editor", "operator", "admin", "owner", "scoped", "unscoped"];
/// The two that act by a key of the owner: with the operation's permission and no other, and with every other.
const KEYS: [&str; 2] = ["scoped", "unscoped"];

/// A company with people, keys and things to be called upon.
pub(crate) struct Scene {
    pub(crate) house: House,
    pub(crate) owner: Person,
    people: BTreeMap<&'static str, Person>,
    tenant: String,
    /// By permission: the owner's key with it alone, and the one with all others.
    keys: BTreeMap<String, [Person; 2]>,
    /// A key of the owner that is there to be looked at.
    own_key: String,
    number: std::cell::Cell<u32>,
}

impl Scene {
    pub(crate) fn new(house: House) -> Self {
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

    /// A new service account: its address.
    fn account(&self) -> String {
        let body = json!({ "name": format!("account {}", self.next()), "role": "viewer" });
        let made = self.owner.post("/v1/identity/service-accounts", &body).json();
        format!("service-accounts/{}", made["id"].as_str().expect("an id"))
    }
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
        let mut changes = Changes::new(&spec);
        let mut table = format!("{:<26} {:<17}", "operation", "permission");
        table.extend(ACTORS.map(|actor| format!(" {actor:>8}")));
        for (operation, permission) in operations(&spec) {
            let mut line = format!("\n{operation:<26} {permission:<17}");
            for actor in ACTORS {
                let call = scene
                    .call(&operation, actor)
                    .unwrap_or_else(|| panic!("{operation} has no row in the matrix"));
                let answer = scene.answer(actor, &permission, &call);
                if actor == "owner" {
                    changes.answered(&operation, &answer);
                }
                line.push_str(&format!(" {:>8}", answer.status));
            }
            table.push_str(&line);
            if scene.call(&operation, "owner").is_some_and(|call| call.own_session) {
                scene.sign_everybody_in();
            }
        }
        assert!(scene.house.terminate().success());
        changes.stand_in_the_trail_of(&site);
        tables.push((site.kind.word(), table));
    }
    if let [(_, first), (engine, second)] = &tables[..] {
        assert_eq!(first, second, "{engine} answers otherwise");
    }
    insta::assert_snapshot!("authorization_matrix", tables[0].1);
}
