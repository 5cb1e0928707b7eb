//! Another session in the place of one, with pages open: they hear nothing more of what was left, and come back.
use serde_json::{Value, json};
use wh_identity::{Identity, IdentityParts, MIGRATIONS};
use wh_testkit::engines::TestDb;
use wh_testkit::{Browser, Cookie, Live, NOBODY, Parts, TestServer, both_engines};

use crate::house::{self, OWNER, PASSWORD};

/// A server with the first company set up; its owner's cookie.
async fn set_up(t: TestDb) -> (TestServer, Browser, Cookie) {
    let parts = IdentityParts { context: t.cx.clone(), db: t.identity.clone(), config: house::config() };
    let identity = Identity::new(parts).expect("a configuration within the floors");
    let token = identity.setup_token_issue().await.expect("a setup link");
    let parts = Parts::with(vec![wh_identity::module(&identity)], identity.authenticator());
    let server = TestServer::start(t, parts);
    let page = Browser::new(&server);
    let made = page.post(NOBODY, "/v1/identity/setup", house::first_company(token.expose())).await;
    let cookie = made.cookie().expect("signed in");
    (server, page, cookie)
}

async fn invite(page: &Browser, who: &Cookie, email: &str) {
    let body = json!({"email": email, "role": "viewer"});
    assert_eq!(page.post(who, "/v1/identity/invitations", body).await.status, 201);
}

fn kinds(heard: &[Value]) -> Vec<&str> {
    let events = heard.iter().filter(|message| message["type"] == "event");
    events.filter_map(|event| event["kind"].as_str()).collect()
}

both_engines!(a_page_does_not_go_on_listening_to_the_company_that_was_left, &[MIGRATIONS], async |t| {
    let (server, page, cookie) = set_up(t).await;
    let body = json!({"email": OWNER, "password": PASSWORD});
    let elsewhere = page.post(NOBODY, "/v1/identity/sessions", body).await.cookie().expect("signed in");
    let made = page.post(&cookie, "/v1/identity/tenants", r#"{"name":"Difference Engines"}"#).await.json();
    server.settle().await;
    let (mut tab, _) = Live::open(&server, &cookie).await;
    tab.subscribe("identity", None).await;
    let (mut other_tab, _) = Live::open(&server, &cookie).await;
    let (mut other_device, _) = Live::open(&server, &elsewhere).await;
    other_device.subscribe("identity", None).await;

    let switched = page.put(&cookie, "/v1/identity/session/tenant", json!({"tenant_id": made["id"]})).await;
    let there = switched.cookie().expect("a new token");
    invite(&page, &elsewhere, "left@example.com").await;
    server.settle().await;
    for tab in [&mut tab, &mut other_tab] {
        let (heard, end) = tab.heard_until_end().await;
        assert_eq!(end, (4003, "session replaced".to_owned()));
        assert!(!kinds(&heard).contains(&"identity.invitation_created"), "{heard:?}");
    }
    assert_eq!(Live::try_open(&server, &cookie).await.err(), Some(401), "the old token is spent");
    let heard = other_device.so_far().await;
    assert_eq!(kinds(&heard), ["identity.session_switched", "identity.invitation_created"]);

    // The same tab comes back with the new cookie, and hears the other company only.
    let (mut tab, _) = Live::open(&server, &there).await;
    tab.subscribe("identity", None).await;
    invite(&page, &elsewhere, "again@example.com").await;
    invite(&page, &there, "there@example.com").await;
    server.settle().await;
    let heard = tab.so_far().await;
    assert_eq!(kinds(&heard), ["identity.invitation_created"]);
    assert_eq!(heard.len(), 1);
});

both_engines!(a_new_password_sends_out_every_page_but_its_own, &[MIGRATIONS], async |t| {
    let (server, page, cookie) = set_up(t).await;
    let body = json!({"email": OWNER, "password": PASSWORD});
    let elsewhere = page.post(NOBODY, "/v1/identity/sessions", body).await.cookie().expect("signed in");
    server.settle().await;
    let (mut tab, _) = Live::open(&server, &cookie).await;
    let (mut other_tab, _) = Live::open(&server, &cookie).await;
    let (mut other_device, _) = Live::open(&server, &elsewhere).await;

    let next = json!({"current": PASSWORD, "new": "nine teal kettles sing"});
    let changed = page.put(&cookie, "/v1/identity/password", next).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    server.settle().await;
    // Its cookie may be on its way still: they try again with whatever they have, and ask who they are once they are in.
    for tab in [&mut tab, &mut other_tab] {
        assert_eq!(tab.ended().await, (4003, "session replaced".to_owned()));
    }
    assert_eq!(other_device.ended().await, (4001, "session ended".to_owned()));
    assert_eq!(Live::try_open(&server, &cookie).await.err(), Some(401), "the old token is spent");
    let (mut tab, _) = Live::open(&server, &changed.cookie().expect("a new token")).await;
    assert_eq!(tab.so_far().await, [] as [Value; 0]);
});
