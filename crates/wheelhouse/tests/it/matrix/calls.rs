//! How each operation is called in the matrix: one row per operation of the spec.
use serde_json::{Value, json};

use super::{Scene, api_key};
use crate::house::PASSWORD;

/// One call of an operation, aimed at a fresh thing of the first company.
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: &'static str,
    pub(crate) body: Vec<u8>,
    /// The call ends the caller's session, so it is made with one of its own.
    pub(crate) own_session: bool,
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
    pub(crate) fn call(&self, operation: &str, actor: &'static str) -> Option<Call> {
        self.identity_call(operation, actor)
            .or_else(|| Self::door_call(operation))
            .or_else(|| self.key_call(operation, actor))
            .or_else(|| self.panels_call(operation))
            .or_else(|| self.system_call(operation))
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
            "made_key_list" => Call::get(at(&format!("api-keys/{}/made-keys", self.own_key))),
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
            "metrics_get" => Call::get("/metrics"),
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

    fn system_call(&self, operation: &str) -> Option<Call> {
        let at = |rest: &str| format!("/v1/system/{rest}");
        let limits_at = at(&format!("companies/{}/limits", self.tenant));
        let limits = json!({ "panels": 9_000, "storage_bytes": 1_000_000_000_000_i64 });
        Some(match operation {
            "node_list" => Call::get(at("nodes")),
            "slow_statement_list" => Call::get(at("statements")),
            "queue_list" => Call::get(at("queues")),
            "parked_list" => Call::get(at("parked")),
            "parked_retry" => Call::bare("POST", at("parked/01890000-0000-7000-8000-000000000000/retry")),
            "parked_retry_all" => {
                Call::json("POST", at("parked/retry"), &json!({ "reaction": "nobody:nothing" }))
            }
            "backup_state_get" => Call::get(at("backups")),
            "company_usage_list" => Call::get(at("companies")),
            "company_usage_get" => Call::get(at("usage")),
            "company_limits_get" => Call::get(limits_at),
            "company_limits_set" => Call::json("PUT", limits_at, &limits),
            "company_limits_delete" => {
                // Where there are none, nothing happens.
                let set = self.owner.call("PUT", &limits_at, Some(&limits));
                assert_eq!(set.status, 200, "{}", set.text());
                Call::bare("DELETE", limits_at)
            }
            "log_level_get" => Call::get(at("log-level")),
            "log_level_set" => Call::json("PUT", at("log-level"), &json!({ "levels": "error" })),
            _ => return None,
        })
    }
}

/// What a command line asks for whose verifier is 43 times `v`.
fn cli_login() -> Value {
    json!({ "challenge": "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM", "port": 40_000, "state": "s" })
}
