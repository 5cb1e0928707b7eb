//! Service accounts: members that are no people, act by keys, and never above whoever made them.
use serde_json::{Value, json};
use wh_base::Clock;
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{Browser, House, PASSWORD, issued, user_id};

const DAY_S: i64 = 86_400;

/// A new account: its address below `/v1/identity/`.
pub async fn account(browser: &mut Browser, name: &str, role: &str) -> String {
    let made = browser.post("service-accounts", json!({"name": name, "role": role})).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    format!("service-accounts/{}", made.body["id"].as_str().expect("an id"))
}

fn wish(scopes: &[&str]) -> Value {
    json!({"name": "deploy", "scopes": scopes})
}

both_engines!(an_account_acts_by_its_keys_until_it_is_switched_off_or_gone, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let path = account(&mut house.owner, "CI", "admin").await;
    let keys = format!("{path}/api-keys");
    let (id, text) = issued(&mut house.owner, &keys, wish(&["identity:self", "identity:write"])).await;
    let mut program = Browser::program(&house.node, &text);
    let me = program.get("me").await.body;
    assert_eq!((&me["user"]["name"], &me["user"]["email"]), (&json!("CI"), &Value::Null));
    assert_eq!(path, format!("service-accounts/{}", me["user"]["id"].as_str().expect("an id")));
    assert_eq!((&me["role"], &me["api_key_id"]), (&json!("admin"), &json!(id)));
    assert_eq!(program.get("invitations").await.status, 200);

    let listed = house.owner.get("service-accounts").await.body;
    assert_eq!((&listed["items"][0]["name"], &listed["items"][0]["keys"]), (&json!("CI"), &json!(1)));
    let seen = house.owner.get(&keys).await.body;
    assert_eq!(seen["items"][0]["id"], json!(id));
    assert!(seen["items"][0]["used_at"].is_string());
    let renamed = house.owner.patch(&format!("{keys}/{id}"), json!({"name": "the present one"})).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (200, &json!("the present one")));

    let mut elsewhere = program.moved(&house.other);
    assert_eq!(elsewhere.get("me").await.status, 200);
    let off = house.owner.patch(&path, json!({"enabled": false})).await;
    assert_eq!((off.status, &off.body["enabled"], &off.body["name"]), (200, &json!(false), &json!("CI")));
    assert_eq!(program.get("me").await.said(), (403, "server.bearer_disabled"));
    house.t.clock.advance_seconds(1);
    assert_eq!(elsewhere.get("me").await.said(), (403, "server.bearer_disabled"));
    assert_eq!(house.owner.patch(&path, json!({"enabled": true, "name": "CD"})).await.status, 200);
    assert_eq!(program.get("me").await.body["user"]["name"], "CD");

    // Another role counts from the next request.
    assert_eq!(house.owner.patch(&path, json!({"role": "viewer"})).await.status, 200);
    assert_eq!(program.get("me").await.body["permissions"], json!(["identity:self"]));

    assert_eq!(house.owner.delete(&path).await.status, 204);
    assert_eq!(program.get("me").await.said(), (401, "server.bearer"));
    assert_eq!(house.owner.delete(&path).await.said(), (404, "identity.service_account_not_found"));
    assert_eq!(house.owner.get("service-accounts").await.body["items"], json!([]));
    assert_ne!(account(&mut house.owner, "CD", "viewer").await, path, "the name is free again");
});

both_engines!(an_account_is_no_person, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let path = account(&mut house.owner, "CI", "owner").await;
    let id = path.trim_start_matches("service-accounts/").to_owned();
    for email in [format!("service-account:{id}"), "CI".to_owned(), id.clone()] {
        let mut browser = house.browser();
        assert_eq!(browser.sign_in_with(&email, PASSWORD).await.said(), (422, "identity.email"), "{email}");
    }
    let members = house.owner.get("members").await.body;
    assert_eq!(members["items"].as_array().map(Vec::len), Some(1), "people only: {members}");
    let member = format!("members/{id}");
    assert_eq!(house.owner.delete(&member).await.said(), (404, "identity.member_not_found"));
    assert_eq!(
        house.owner.patch(&member, json!({"role": "viewer"})).await.said(),
        (404, "identity.member_not_found")
    );
    // A company needs an owner who is a person.
    let own = format!("members/{}", user_id(&mut house.owner).await);
    assert_eq!(house.owner.patch(&own, json!({"role": "admin"})).await.said(), (409, "identity.last_owner"));
    assert_eq!(house.owner.delete(&own).await.said(), (409, "identity.last_owner"));
    // And a person is no service account.
    let person = format!("service-accounts/{}", user_id(&mut house.owner).await);
    let missing = (404, "identity.service_account_not_found");
    assert_eq!(house.owner.delete(&person).await.said(), missing);
    let key = house.owner.post(&format!("{person}/api-keys"), wish(&["identity:self"])).await;
    assert_eq!(key.said(), missing);
});

both_engines!(nobody_acts_above_themselves_through_an_account, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut admin = house.member("adam@example.com", "admin").await;
    let mut editor = house.member("edna@example.com", "editor").await;
    let body = json!({"name": "x", "role": "viewer"});
    assert_eq!(editor.post("service-accounts", body).await.said(), (403, "server.forbidden"));
    assert_eq!(editor.get("service-accounts").await.said(), (403, "server.forbidden"));
    let above = (403, "identity.role_above");
    let body = json!({"name": "x", "role": "owner"});
    assert_eq!(admin.post("service-accounts", body).await.said(), above);

    // Whoever holds a key of an account acts with its role, so the account's role is what counts.
    let owners = account(&mut house.owner, "root", "owner").await;
    let keys = format!("{owners}/api-keys");
    let (key, _) = issued(&mut house.owner, &keys, wish(&["identity:self"])).await;
    assert_eq!(admin.post(&keys, wish(&["identity:self"])).await.said(), above);
    assert_eq!(admin.patch(&owners, json!({"enabled": false})).await.said(), above);
    assert_eq!(admin.delete(&owners).await.said(), above);
    assert_eq!(admin.delete(&format!("{keys}/{key}")).await.said(), above);
    assert_eq!(admin.patch(&format!("{keys}/{key}"), json!({"name": "x"})).await.said(), above);

    let own = account(&mut admin, "ci", "viewer").await;
    assert_eq!(admin.patch(&own, json!({"role": "owner"})).await.said(), above);
    let keys = format!("{own}/api-keys");
    let too_much = (403, "identity.api_key_above");
    assert_eq!(admin.post(&keys, wish(&["identity:tenant"])).await.said(), too_much, "more than its maker");
    assert_eq!(admin.post(&keys, wish(&["identity:write"])).await.said(), too_much, "more than the account");
    assert_eq!(admin.post(&keys, wish(&["identity:read"])).await.status, 201);
});

both_engines!(two_keys_live_at_a_time, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let path = account(&mut house.owner, "CI", "viewer").await;
    let keys = format!("{path}/api-keys");
    let mut tasks = Vec::new();
    for number in 0..5 {
        let mut owner = if number % 2 == 0 { house.owner.clone() } else { house.owner.moved(&house.other) };
        let keys = keys.clone();
        tasks.push(tokio::spawn(async move { owner.post(&keys, wish(&["identity:self"])).await }));
    }
    let mut made = Vec::new();
    for task in tasks {
        let reply = task.await.expect("an answer");
        if reply.status == 201 {
            made.push(reply.body);
        } else {
            assert_eq!(reply.said(), (409, "identity.service_account_keys"));
        }
    }
    assert_eq!(made.len(), 2);
    // Changing over: the next one works before the old one goes.
    for key in &made {
        let text = key["secret"].as_str().expect("a text");
        assert_eq!(Browser::program(&house.node, text).get("me").await.status, 200);
    }
    let old = made[0]["api_key"]["id"].as_str().expect("an id");
    assert_eq!(house.owner.delete(&format!("{keys}/{old}")).await.status, 200);
    let mut short = wish(&["identity:self"]);
    short["valid_days"] = json!(1);
    issued(&mut house.owner, &keys, short).await;
    assert_eq!(
        house.owner.post(&keys, wish(&["identity:self"])).await.said(),
        (409, "identity.service_account_keys")
    );
    house.t.clock.advance_seconds(DAY_S);
    house.owner.sign_in(crate::house::OWNER).await;
    issued(&mut house.owner, &keys, wish(&["identity:self"])).await;
});

both_engines!(a_key_that_makes_a_key_gives_no_more_than_it_has, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let maker = account(&mut house.owner, "rotator", "admin").await;
    let mut body = wish(&["identity:write", "identity:self"]);
    body["networks"] = json!(["127.0.0.0/24", "2001:db8::/32"]);
    body["valid_days"] = json!(10);
    let (_, text) = issued(&mut house.owner, &format!("{maker}/api-keys"), body).await;
    let mut program = Browser::program(&house.node, &text);
    let target = account(&mut program, "target", "admin").await;
    let keys = format!("{target}/api-keys");
    let wish = |scopes: &[&str], networks: &[&str], days: Value| json!({"name": "next", "scopes": scopes, "networks": networks, "valid_days": days});
    let near = ["127.0.0.128/25", "2001:db8:1::1"];
    let table = [
        (wish(&["identity:read"], &near, json!(5)), 403),
        (wish(&["identity:self"], &near, json!(11)), 403),
        (wish(&["identity:self"], &[], json!(5)), 403),
        (wish(&["identity:self"], &["127.0.0.0/8"], json!(5)), 403),
        (wish(&["identity:self"], &["127.0.0.1", "10.0.0.1"], json!(5)), 403),
        (wish(&["identity:self"], &near, json!(10)), 201),
        (wish(&["identity:self"], &near, Value::Null), 201),
    ];
    for (body, status) in table {
        let reply = program.post(&keys, body.clone()).await;
        assert_eq!(reply.status, status, "{body} {:?}", reply.body);
        if status == 403 {
            assert_eq!(reply.code(), "identity.api_key_above");
        }
    }
    let ends = json!(house.t.clock.now().plus_seconds(10 * DAY_S));
    let made = program.get(&keys).await.body;
    assert_eq!((&made["items"][0]["expires_at"], &made["items"][1]["expires_at"]), (&ends, &ends));
    let me = program.get("me").await.body;
    assert_eq!(made["items"][0]["created_by"], me["user"]["id"]);
});

both_engines!(keys_fall_with_whoever_made_them_also_through_other_keys, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let mut adam = house.member("adam@example.com", "admin").await;
    let path = format!("members/{}", user_id(&mut adam).await);
    let maker = account(&mut adam, "rotator", "admin").await;
    let keys = format!("{maker}/api-keys");
    let scopes = wish(&["identity:write", "identity:self"]);
    let (first, text) = issued(&mut adam, &keys, scopes.clone()).await;
    let mut kept = Browser::program(&house.node, &text);
    // By that key one for another account; then the first is revoked, so that nothing leads back to it.
    let target = account(&mut kept, "target", "viewer").await;
    let (second, text) = issued(&mut kept, &format!("{target}/api-keys"), wish(&["identity:self"])).await;
    let mut made = Browser::program(&house.node, &text);
    house.t.clock.advance_seconds(1);
    let (third, text) = issued(&mut adam, &keys, scopes.clone()).await;
    let mut third_key = Browser::program(&house.node, &text);
    assert_eq!(adam.delete(&format!("{keys}/{first}")).await.status, 200);
    let (_, text) = issued(&mut house.owner, &keys, scopes).await;
    let mut owners = Browser::program(&house.node, &text);
    for program in [&mut made, &mut third_key, &mut owners] {
        assert_eq!(program.get("me").await.status, 200);
    }

    assert_eq!(house.owner.delete(&path).await.status, 204);
    for program in [&mut made, &mut third_key] {
        assert_eq!(program.get("me").await.said(), (401, "server.bearer"));
    }
    assert_eq!(owners.get("me").await.status, 200, "somebody else's word");
    let mut lines = house.t.cx.db.audit_before(tenant, i64::MAX, 3).await.expect("the trail");
    lines.reverse();
    let told: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.subject.clone())).collect();
    let key = |id: &str| ("service_account_key_revoke", format!("identity.api_key/{id}"));
    let gone = ("member_remove", path.replace("members/", "identity.member/"));
    assert_eq!(told, [key(&second), key(&third), gone]);
    assert!(lines[0].before.as_ref().is_some_and(|before| before["name"] == "deploy"));
    assert_eq!(house.owner.get("service-accounts").await.body["items"].as_array().map(Vec::len), Some(2));
});

both_engines!(keys_above_the_new_role_of_their_maker_fall, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut olga = house.member("olga@example.com", "owner").await;
    let path = format!("members/{}", user_id(&mut olga).await);
    let mut programs = Vec::new();
    for role in ["owner", "viewer"] {
        let keys = format!("{}/api-keys", account(&mut olga, role, role).await);
        let (_, text) = issued(&mut olga, &keys, wish(&["identity:self"])).await;
        programs.push(Browser::program(&house.node, &text));
    }
    let own = issued(&mut olga, "api-keys", wish(&["identity:self"])).await.1;
    let mut own = Browser::program(&house.node, &own);
    for (role, statuses) in [("admin", [401, 200]), ("editor", [401, 401]), ("owner", [401, 401])] {
        assert_eq!(house.owner.patch(&path, json!({"role": role})).await.status, 200);
        for (program, status) in programs.iter_mut().zip(statuses) {
            assert_eq!(program.get("me").await.status, status, "{role}");
        }
        assert_eq!(own.get("me").await.status, 200, "one's own key is as much as oneself");
    }
});

both_engines!(keys_of_an_account_that_outgrows_their_makers_fall, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let mut adam = house.member("adam@example.com", "admin").await;
    let scopes = ["identity:self", "identity:write"];
    let rotator = account(&mut house.owner, "rotator", "admin").await;
    let (_, text) = issued(&mut house.owner, &format!("{rotator}/api-keys"), wish(&scopes)).await;
    let mut rotator = Browser::program(&house.node, &text);
    let mut made = Vec::new();
    for name in ["by adam", "by a key"] {
        let path = account(&mut house.owner, name, "viewer").await;
        let keys = format!("{path}/api-keys");
        let maker = if name == "by adam" { &mut adam } else { &mut rotator };
        let (low, low_text) = issued(maker, &keys, wish(&["identity:self"])).await;
        house.t.clock.advance_seconds(1);
        let (_, own) = issued(&mut house.owner, &keys, wish(&["identity:self"])).await;
        let programs = [low_text, own].map(|text| Browser::program(&house.node, &text));
        made.push((path, low, programs));
    }
    for (path, low, programs) in &mut made {
        // Up to what the maker is, nothing falls; above it, what an owner made stays.
        for (role, statuses, keys) in [("admin", [200, 200], 2), ("owner", [401, 200], 1)] {
            let raised = house.owner.patch(path, json!({"role": role})).await;
            assert_eq!((raised.status, &raised.body["keys"]), (200, &json!(keys)), "{role}");
            for (program, status) in programs.iter_mut().zip(statuses) {
                assert_eq!(program.get("me").await.status, status, "{role}");
            }
        }
        let mut lines = house.t.cx.db.audit_before(tenant, i64::MAX, 2).await.expect("the trail");
        lines.reverse();
        let told: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.subject.clone())).collect();
        let subject = path.replace("service-accounts/", "identity.service_account/");
        let key = format!("identity.api_key/{low}");
        assert_eq!(told, [("service_account_key_revoke", key), ("service_account_update", subject)]);
    }
});

both_engines!(names_are_unique_and_accounts_come_in_pages, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    for name in ["zeta", "beta", "alpha"] {
        account(&mut house.owner, name, "viewer").await;
    }
    let taken = (409, "identity.service_account_exists");
    let body = json!({"name": " beta ", "role": "viewer"});
    assert_eq!(house.owner.post("service-accounts", body).await.said(), taken);
    for name in ["", "a\nb", &"x".repeat(81)] {
        let reply = house.owner.post("service-accounts", json!({"name": name, "role": "viewer"})).await;
        assert_eq!(reply.said(), (422, "identity.service_account_name"), "{name:?}");
    }
    let first = house.owner.get("service-accounts?limit=2").await.body;
    assert_eq!((&first["items"][0]["name"], &first["items"][1]["name"]), (&json!("alpha"), &json!("beta")));
    let next = first["next_cursor"].as_str().expect("a cursor");
    let second = house.owner.get(&format!("service-accounts?limit=2&cursor={next}")).await.body;
    assert_eq!(
        (&second["items"][0]["name"], second["items"].as_array().map(Vec::len)),
        (&json!("zeta"), Some(1))
    );
    let path = format!("service-accounts/{}", second["items"][0]["id"].as_str().expect("an id"));
    assert_eq!(house.owner.patch(&path, json!({"name": "alpha"})).await.said(), taken);
    assert_eq!(house.owner.patch(&path, json!({})).await.status, 200, "nothing named, nothing changed");
    assert_eq!(
        house.owner.patch(&path, json!({"name": "zeta"})).await.status,
        200,
        "its own name is free for it"
    );
});

both_engines!(a_company_has_at_most_five_hundred_accounts, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    for number in 0..500 {
        account(&mut house.owner, &format!("account {number}"), "viewer").await;
    }
    let body = json!({"name": "one more", "role": "viewer"});
    assert_eq!(
        house.owner.post("service-accounts", body).await.said(),
        (409, "identity.service_account_limit")
    );
});

both_engines!(changes_of_accounts_are_told_and_written, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let path = account(&mut house.owner, "CI", "viewer").await;
    issued(&mut house.owner, &format!("{path}/api-keys"), wish(&["identity:self"])).await;
    house.owner.patch(&path, json!({"role": "editor", "enabled": false})).await;
    house.owner.delete(&path).await;
    let mut lines = house.t.cx.db.audit_before(tenant, i64::MAX, 4).await.expect("the trail");
    lines.reverse();
    let actions: Vec<&str> = lines.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "service_account_create",
            "service_account_key_create",
            "service_account_update",
            "service_account_delete"
        ]
    );
    assert_eq!(lines[2].before, Some(json!({"name": "CI", "role": "viewer", "enabled": true})));
    assert_eq!(lines[2].after, Some(json!({"name": "CI", "role": "editor", "enabled": false})));
    assert_eq!(lines[2].subject, path.replace("service-accounts/", "identity.service_account/"));
});
