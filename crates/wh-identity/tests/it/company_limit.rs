//! A company whose requests somebody uses up: everybody gets out of it, and whoever does it is stopped.
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use wh_base::{CompanyLimits, LimitSource, Result};
use wh_contract::TenantId;
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{Browser, House, OWNER, PASSWORD, issued, key_of};

/// Requests a minute of the limited company: a quarter of a minute for each, so that few come back while a test runs.
const FEW: u32 = 4;
/// More than the limit lets through however slow the machine is.
const ASKED_MAX: usize = 10_000;

/// One company has few.
struct Few(TenantId);

#[async_trait]
impl LimitSource for Few {
    async fn limits(&self, tenant: TenantId) -> Result<CompanyLimits> {
        let requests_per_min = (tenant == self.0).then_some(FEW);
        Ok(CompanyLimits { requests_per_min, ..CompanyLimits::default() })
    }
}

/// Ask for this until it is refused.
async fn hammer(browser: &mut Browser, path: &str) {
    for _ in 0..ASKED_MAX {
        let reply = browser.get(path).await;
        if reply.said() == (429, "server.rate_limited") {
            return;
        }
        assert_eq!(reply.status, 200, "{:?}", reply.body);
    }
    panic!("the limit is never reached");
}

both_engines!(who_uses_a_company_up_is_stopped_by_its_owner, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let elsewhere = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    house.member("bob@example.com", "viewer").await;
    let made = house.owner.post("service-accounts", json!({"name": "CI", "role": "admin"})).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let account = format!("service-accounts/{}", made.body["id"].as_str().expect("an id"));
    let keys = format!("{account}/api-keys");
    let wish = json!({"name": "deploy", "scopes": ["identity:write"]});
    let (_, one) = issued(&mut house.owner, &keys, wish.clone()).await;
    let (id, other) = issued(&mut house.owner, &keys, wish).await;
    let (own, third) =
        issued(&mut house.owner, "api-keys", json!({"name": "mine", "scopes": ["identity:write"]})).await;
    let home = house.tenant().await;
    house.t.cx.limits.ask(Arc::new(Few(home)));

    for key in [one, other, third] {
        hammer(&mut Browser::program(&house.node, &key), "invitations").await;
    }
    let owner = &mut house.owner;
    hammer(owner, "invitations").await;

    // Oneself, who is there, and what a key led to.
    let made = format!("api-keys/{own}/made-keys");
    for path in ["me", "sessions", "members", "api-keys", "service-accounts", keys.as_str(), made.as_str()] {
        let reply = owner.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {:?}", reply.body);
    }
    let members = owner.get("members").await.body;
    let all = members["items"].as_array().expect("a list");
    let bob = all.iter().find(|one| one["email"] == "bob@example.com").expect("he is a member");
    let bob = format!("members/{}", bob["user_id"].as_str().expect("an id"));
    // Each way to stop somebody.
    for (path, status) in [(format!("{keys}/{id}"), 200), (format!("api-keys/{own}"), 200), (bob, 204)] {
        let reply = owner.delete(&path).await;
        assert_eq!(reply.status, status, "{path}: {:?}", reply.body);
    }
    let off = owner.patch(&account, json!({"enabled": false})).await;
    assert_eq!(off.status, 200, "{:?}", off.body);
    assert_eq!(owner.delete(&account).await.status, 204);
    // Somebody with one's own session or password, all of them at once.
    let mut thief = Browser::at(&house.node, [10, 0, 0, 9]);
    assert_eq!(thief.sign_in(OWNER).await.status, 201);
    let others = owner.post("sessions/revoke-others", Value::Null).await;
    assert_eq!((others.status, &others.body["ended"]), (200, &json!(1)), "{:?}", others.body);
    let change = json!({"current": PASSWORD, "new": "nine teal kettles sing"});
    let changed = owner.put("password", change).await;
    assert_eq!(changed.status, 200, "{:?}", changed.body);
    // And out of it.
    let there = owner.put("session/tenant", json!({"tenant_id": elsewhere["id"]})).await;
    assert_eq!(there.status, 200, "{:?}", there.body);
    assert_eq!(owner.get("invitations").await.status, 200, "another company");
    assert_eq!(owner.put("session/tenant", json!({"tenant_id": home.to_string()})).await.status, 200);
    assert_eq!(owner.delete("session").await.status, 204);
});

both_engines!(the_way_out_of_a_limit_is_no_way_past_it, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let text = key_of(&mut house.owner, &["identity:read", "identity:self"]).await;
    let mut thief = house.browser();
    assert_eq!(thief.sign_in(OWNER).await.status, 201);
    let home = house.tenant().await;
    house.t.cx.limits.ask(Arc::new(Few(home)));
    hammer(&mut Browser::program(&house.node, &text), "members").await;
    hammer(&mut thief, "sessions").await;
    // Each key and each session for itself: who is robbed still ends the other one.
    for path in ["me", "sessions", "members"] {
        let reply = house.owner.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {:?}", reply.body);
    }
    let others = house.owner.post("sessions/revoke-others", Value::Null).await;
    assert_eq!((others.status, &others.body["ended"]), (200, &json!(1)), "{:?}", others.body);
});
