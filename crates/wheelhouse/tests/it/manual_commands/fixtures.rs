//! What the examples of an operation's page need to be there, under the names that they say: made anew before each of them.
use serde_json::{Value, json};

use super::OWNER;
use crate::house::{House, PASSWORD, Person};

/// Who the examples call a member.
const MEMBER: &str = "ada@acme.example";
/// What the examples call an account, a key.
const NAME: &str = "acme";
/// The last line has a field too many: it is set aside.
const ROWS: &[u8] = b"carrier,dep_delay\nUA,2\nAA,-4\nUA,7\nDL,0\nB6,5,6\n";

/// The owner, who makes it.
pub struct Fixtures<'a> {
    house: &'a House,
    owner: Person,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

impl<'a> Fixtures<'a> {
    pub fn new(house: &'a House, owner: Person) -> Self {
        Self { house, owner }
    }

    /// Everything that an operation at this path needs; the ids that stand in the path, in its order.
    pub fn ready(&mut self, path: &str) -> Vec<String> {
        // Some operations end all sessions.
        if self.owner.get("/v1/identity/me").status != 200 {
            self.owner = self.house.sign_in(OWNER);
        }
        let parameters = path.matches('{').count();
        let place = |area: &str| path.starts_with(area);
        if place("/v1/panels") {
            self.panels(parameters)
        } else if place("/v1/identity/service-accounts") {
            self.service_accounts(parameters)
        } else if place("/v1/identity/api-keys") {
            self.api_keys(parameters)
        } else if place("/v1/identity/members/") {
            vec![self.member()]
        } else if place("/v1/identity/invitations") {
            self.invitations(parameters)
        } else if place("/v1/identity/sessions/{id}") {
            vec![self.session()]
        } else if place("/v1/identity/session/tenant") || place("/v1/system/companies/") {
            vec![text(&self.owner.get("/v1/identity/me").json()["tenant"]["id"])]
        } else {
            Vec::new()
        }
    }

    /// The log says as little as at the start.
    pub fn quiet(&self) {
        let set = self.owner.call("PUT", "/v1/system/log-level", Some(&json!({ "levels": "error" })));
        assert_eq!(set.status, 200, "{}", set.text());
    }

    fn items(&self, list: &str) -> Vec<Value> {
        let answer = self.owner.get(list);
        assert_eq!(answer.status, 200, "{list}: {}", answer.text());
        answer.json()["items"].as_array().cloned().unwrap_or_else(|| panic!("{list}: no items"))
    }

    fn remove(&self, path: &str) {
        let gone = self.owner.call("DELETE", path, None);
        assert!(matches!(gone.status, 200 | 204), "{path}: {}", gone.text());
    }

    fn clear(&self, list: &str) {
        for item in self.items(&format!("{list}?limit=200")) {
            self.remove(&format!("{list}/{}", text(&item["id"])));
        }
    }

    fn make(&self, path: &str, body: &Value) -> Value {
        let made = self.owner.post(path, body);
        assert_eq!(made.status, 201, "{path}: {}", made.text());
        made.json()
    }

    fn panels(&self, parameters: usize) -> Vec<String> {
        self.clear("/v1/panels");
        if parameters == 0 {
            return Vec::new();
        }
        let panel = self.owner.panel("flights");
        let import = self.owner.import(&panel, "replace", ROWS);
        assert_eq!(import.status, 201, "{}", import.text());
        vec![panel, text(&import.json()["id"])]
    }

    fn api_keys(&self, parameters: usize) -> Vec<String> {
        self.clear("/v1/identity/api-keys");
        if parameters == 0 {
            return Vec::new();
        }
        let made = self.make("/v1/identity/api-keys", &json!({ "name": NAME, "scopes": ["panels:read"] }));
        vec![text(&made["api_key"]["id"])]
    }

    fn service_accounts(&self, parameters: usize) -> Vec<String> {
        self.clear("/v1/identity/service-accounts");
        if parameters == 0 {
            return Vec::new();
        }
        let list = "/v1/identity/service-accounts";
        let account = text(&self.make(list, &json!({ "name": NAME, "role": "viewer" }))["id"]);
        if parameters == 1 {
            return vec![account];
        }
        let keys = format!("{list}/{account}/api-keys");
        let made = self.make(&keys, &json!({ "name": NAME, "scopes": ["panels:read"] }));
        vec![account, text(&made["api_key"]["id"])]
    }

    fn found_member(&self) -> Option<String> {
        let members = self.items("/v1/identity/members?limit=200");
        members.iter().find(|member| member["email"] == MEMBER).map(|member| text(&member["user_id"]))
    }

    fn member(&self) -> String {
        if let Some(member) = self.found_member() {
            return member;
        }
        let invited = self.make("/v1/identity/invitations", &json!({ "email": MEMBER, "role": "editor" }));
        let body = json!({ "token": invited["token"], "name": "Ada Lovelace", "password": PASSWORD });
        let joined = self.house.nobody().post("/v1/identity/invitations/accept", &body);
        assert_eq!(joined.status, 201, "{}", joined.text());
        self.found_member().expect("they joined")
    }

    /// Open ones are for who is no member.
    fn invitations(&self, parameters: usize) -> Vec<String> {
        self.clear("/v1/identity/invitations");
        if parameters == 0 {
            return Vec::new();
        }
        if let Some(member) = self.found_member() {
            self.remove(&format!("/v1/identity/members/{member}"));
        }
        let invited = self.make("/v1/identity/invitations", &json!({ "email": MEMBER, "role": "editor" }));
        vec![text(&invited["invitation"]["id"])]
    }

    /// A session that nobody of the test acts in.
    fn session(&self) -> String {
        let ids = || -> Vec<String> {
            self.items("/v1/identity/sessions").iter().map(|session| text(&session["id"])).collect()
        };
        let before = ids();
        self.house.sign_in(OWNER);
        ids().into_iter().find(|id| !before.contains(id)).expect("a new session")
    }
}
