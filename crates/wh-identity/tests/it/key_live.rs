//! Live connections of keys: opened by a bearer, closed when the key ends. Through a real server and its outbox.
use serde_json::{Value, json};
use wh_identity::{Identity, IdentityParts, MIGRATIONS};
use wh_testkit::engines::TestDb;
use wh_testkit::{Browser, Cookie, Live, NOBODY, Parts, TestServer, both_servers};

use crate::house::{config, first_company};

fn parts(t: &TestDb) -> Parts {
    let parts = IdentityParts { context: t.cx.clone(), db: t.identity.clone(), config: config() };
    let identity = Identity::new(parts).expect("a configuration within the floors");
    let door = identity.authenticator();
    Parts::with(vec![wh_identity::module(&identity)], door)
}

/// The first company's owner, on a server that is set up.
async fn owner(server: &TestServer) -> (Browser, Cookie) {
    let parts = IdentityParts { context: server.cx.clone(), db: server.identity.clone(), config: config() };
    let token = Identity::new(parts).expect("the same configuration").setup_token_issue().await;
    let browser = Browser::new(server);
    let body = first_company(token.expect("a setup link").expose());
    let cookie = browser.post(NOBODY, "/v1/identity/setup", body).await.cookie().expect("signed in");
    (browser, cookie)
}

async fn made(browser: &Browser, cookie: &Cookie, path: &str, body: Value) -> Value {
    let answer = browser.post(cookie, &format!("/v1/identity/{path}"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

both_servers!(a_key_listens_until_it_is_revoked, &[MIGRATIONS], parts, async |server: TestServer| {
    let (browser, cookie) = owner(&server).await;
    let body = json!({"name": "ci", "scopes": ["identity:read", "identity:write"]});
    let key = made(&browser, &cookie, "api-keys", body).await;
    let deaf =
        made(&browser, &cookie, "api-keys", json!({"name": "deaf", "scopes": ["identity:self"]})).await;
    server.settle().await;

    let mut live = Live::open_by_key(&server, text(&key["secret"])).await;
    assert_eq!(live.subscribe("identity", None).await[0]["type"], "subscribed");
    let mut other = Live::open_by_key(&server, text(&deaf["secret"])).await;
    let refused = other.subscribe("identity", None).await;
    assert_eq!((&refused[0]["type"], &refused[0]["code"]), (&json!("refused"), &json!("server.forbidden")));
    assert_eq!(Live::try_open_by_key(&server, "whk_nonsense").await.err(), Some(401));

    let invite = json!({"email": "x@example.com", "role": "viewer"});
    made(&browser, &cookie, "invitations", invite).await;
    server.settle().await;
    assert_eq!(live.next().await["kind"], "identity.invitation_created");

    let path = format!("/v1/identity/api-keys/{}", text(&key["api_key"]["id"]));
    assert_eq!(browser.delete(&cookie, &path).await.status, 200);
    server.settle().await;
    assert_eq!(live.ended().await, (4001, "key ended".to_owned()));
    assert_eq!(Live::try_open_by_key(&server, text(&key["secret"])).await.err(), Some(401));
    assert!(other.so_far().await.is_empty(), "the other key goes on");
});

both_servers!(
    the_connections_of_keys_that_fall_with_another_end,
    &[MIGRATIONS],
    parts,
    async |server: TestServer| {
        let (browser, cookie) = owner(&server).await;
        let account =
            made(&browser, &cookie, "service-accounts", json!({"name": "CI", "role": "editor"})).await;
        let keys = format!("service-accounts/{}/api-keys", text(&account["id"]));
        let body = json!({"name": "leaked", "scopes": ["identity:read", "identity:write"]});
        let leaked = made(&browser, &cookie, "api-keys", body).await;
        let body = json!({"name": "ci", "scopes": ["identity:read"]});
        let call = browser.call(NOBODY, "POST", &format!("/v1/identity/{keys}")).without("sec-fetch-site");
        let bearer = format!("Bearer {}", text(&leaked["secret"]));
        let answer = call.header("authorization", &bearer).json(body.clone()).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let by_key = answer.json();
        let beside = made(&browser, &cookie, &keys, body).await;
        server.settle().await;

        let mut lives = Vec::new();
        for key in [&leaked, &by_key, &beside] {
            lives.push(Live::open_by_key(&server, text(&key["secret"])).await);
        }
        let path = format!("/v1/identity/api-keys/{}?made_keys=revoke", text(&leaked["api_key"]["id"]));
        assert_eq!(browser.delete(&cookie, &path).await.status, 200);
        server.settle().await;
        for live in &mut lives[..2] {
            assert_eq!(live.ended().await, (4001, "key ended".to_owned()));
        }
        assert!(lives[2].so_far().await.is_empty(), "a key that a person made goes on");
    }
);

both_servers!(
    an_account_that_is_switched_off_or_deleted_hears_nothing,
    &[MIGRATIONS],
    parts,
    async |server: TestServer| {
        let (browser, cookie) = owner(&server).await;
        let account =
            made(&browser, &cookie, "service-accounts", json!({"name": "CI", "role": "editor"})).await;
        let path = format!("service-accounts/{}", text(&account["id"]));
        let body = json!({"name": "ci", "scopes": ["identity:read"]});
        let key = made(&browser, &cookie, &format!("{path}/api-keys"), body).await;
        let path = format!("/v1/identity/{path}");
        server.settle().await;

        let mut live = Live::open_by_key(&server, text(&key["secret"])).await;
        assert_eq!(browser.patch(&cookie, &path, json!({"name": "CD"})).await.status, 200);
        server.settle().await;
        assert!(live.so_far().await.is_empty(), "another name closes nothing");
        assert_eq!(browser.patch(&cookie, &path, json!({"role": "viewer"})).await.status, 200);
        server.settle().await;
        assert_eq!(live.ended().await.0, 4002);

        let mut live = Live::open_by_key(&server, text(&key["secret"])).await;
        assert_eq!(browser.patch(&cookie, &path, json!({"enabled": false})).await.status, 200);
        server.settle().await;
        assert_eq!(live.ended().await.0, 4001);
        assert_eq!(Live::try_open_by_key(&server, text(&key["secret"])).await.err(), Some(403));

        assert_eq!(browser.patch(&cookie, &path, json!({"enabled": true})).await.status, 200);
        let mut live = Live::open_by_key(&server, text(&key["secret"])).await;
        assert_eq!(browser.delete(&cookie, &path).await.status, 204);
        server.settle().await;
        assert_eq!(live.ended().await.0, 4001);
    }
);

both_servers!(
    an_expired_key_is_found_when_its_connection_is_asked_about,
    &[MIGRATIONS],
    parts,
    async |server: TestServer| {
        let (browser, cookie) = owner(&server).await;
        let body = json!({"name": "ci", "scopes": ["identity:read"], "valid_days": 1});
        let key = made(&browser, &cookie, "api-keys", body).await;
        server.settle().await;
        let mut live = Live::open_by_key(&server, text(&key["secret"])).await;
        server.hub.recheck();
        assert!(live.so_far().await.is_empty());
        server.clock.advance_seconds(86_400);
        server.hub.recheck();
        assert_eq!(live.ended().await.0, 4001);
    }
);
