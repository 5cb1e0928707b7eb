//! One's own API keys: what they open, how they are kept, listed, renamed and revoked, and what is written of them.
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wh_base::SeededRandom;
use wh_identity::{MIGRATIONS, model};
use wh_testkit::both_engines;

use crate::house::{Browser, House, issued, key_of, user_id};

both_engines!(a_key_opens_what_its_scopes_and_its_owner_allow, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "admin").await;
    let bobs = user_id(&mut bob).await;
    let scopes = ["identity:self", "identity:read", "identity:write"];
    let (id, all) = issued(&mut bob, "api-keys", json!({"name": "all", "scopes": scopes})).await;
    let few = key_of(&mut bob, &["identity:read", "identity:self"]).await;
    let mut all = Browser::program(&house.node, &all);
    let mut few = Browser::program(&house.node, &few);

    let me = all.get("me").await;
    assert_eq!((me.status, me.set_cookie()), (200, ""));
    assert_eq!((&me.body["session_id"], &me.body["api_key_id"]), (&Value::Null, &json!(id)));
    assert_eq!(me.body["user"], json!({"id": bobs, "name": "New Member", "email": "bob@example.com"}));
    assert_eq!(me.body["permissions"], json!(scopes));
    assert_eq!(few.get("me").await.body["permissions"], json!(["identity:self", "identity:read"]));

    assert_eq!(all.get("invitations").await.status, 200);
    assert_eq!(few.get("members").await.status, 200);
    assert_eq!(few.get("invitations").await.said(), (403, "server.bearer_scope"));
    let account = json!({"name": "ci", "role": "viewer"});
    assert_eq!(few.post("service-accounts", account.clone()).await.said(), (403, "server.bearer_scope"));

    // What the owner loses, the key loses; what they get back, it has again.
    let path = format!("members/{bobs}");
    assert_eq!(house.owner.patch(&path, json!({"role": "viewer"})).await.status, 200);
    assert_eq!(all.get("invitations").await.said(), (403, "server.forbidden"));
    assert_eq!(all.get("me").await.body["permissions"], json!(["identity:self", "identity:read"]));
    assert_eq!(all.get("members").await.status, 200);
    assert_eq!(house.owner.patch(&path, json!({"role": "admin"})).await.status, 200);
    assert_eq!(all.post("service-accounts", account).await.status, 201);
});

both_engines!(only_a_hash_of_the_secret_is_kept, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let made = house.owner.post("api-keys", json!({"name": "ci", "scopes": ["panels:read"]})).await;
    assert_eq!(made.status, 201);
    let text = made.body["secret"].as_str().expect("shown once").to_owned();
    assert_eq!((text.len(), text.get(..4)), (65, Some("whk_")), "{text}");
    let prefix = made.body["api_key"]["prefix"].as_str().expect("a prefix");
    assert!(text.starts_with(&format!("{prefix}_")), "{text} {prefix}");
    assert_eq!(made.headers["cache-control"], "no-store");

    let secret = &text[16..59];
    for reply in [house.owner.get("api-keys").await, house.owner.get("me").await] {
        assert!(!reply.body.to_string().contains(secret));
    }
    let mut db = house.t.identity.read().await.expect("the database answers");
    let row = db.row("SELECT public_id, secret_hash FROM identity_api_key", &[]).await.expect("one key");
    assert_eq!(row.text("public_id").expect("a text"), &text[4..15]);
    assert_eq!(row.bytes("secret_hash").expect("bytes"), &Sha256::digest(secret.as_bytes())[..]);
    let tenant = house.tenant().await;
    let trail = house.t.cx.db.audit_before(tenant, i64::MAX, 10).await.expect("the trail");
    assert!(!format!("{trail:?}").contains(secret));
    let events = house.t.cx.db.events_after(tenant, 0, 100).await.expect("the events");
    assert!(!format!("{events:?}").contains(secret));
});

both_engines!(
    a_mistyped_key_is_known_without_asking_and_a_foreign_one_opens_nothing,
    &[MIGRATIONS],
    async |t| {
        let mut house = House::new(t).await;
        let (id, text) =
            issued(&mut house.owner, "api-keys", json!({"name": "ci", "scopes": ["identity:self"]})).await;
        let said = async |address: u8, key: &str| {
            let mut program = Browser::program_at(&house.node, key, [10, 0, 0, address]);
            let reply = program.get("me").await;
            assert_eq!(reply.headers.get("www-authenticate").is_some(), reply.status == 401);
            (reply.status, reply.code().to_owned())
        };
        let malformed = (401, "server.bearer_malformed".to_owned());
        for at in [0, 3, 5, 15, 20, 58, 60, 64] {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            let other = String::from_utf8(other).expect("ASCII");
            assert_eq!(said(1, &other).await, malformed, "{other}");
        }
        let swapped = format!("{}{}{}{}", &text[..30], &text[31..32], &text[30..31], &text[32..]);
        if swapped != text {
            assert_eq!(said(2, &swapped).await, malformed);
        }
        for other in [&text[..64], &format!("{text}0"), &text[4..], "whk_", "whk__", "x", &"x".repeat(5_000)]
        {
            assert_eq!(said(3, other).await, malformed, "{other}");
        }

        let (_, _, foreign) = model::issue(&SeededRandom::new(7)).expect("a key");
        assert_eq!(said(4, foreign.expose()).await, (401, "server.bearer".to_owned()));
        assert_eq!(said(4, &text).await.0, 200);
        // The right public part with another secret is as unknown as no key at all.
        let mut tx = house.t.identity.begin().await.expect("the database answers");
        let sql = "UPDATE identity_api_key SET secret_hash = $1";
        tx.run(sql, wh_db::args![vec![0_u8; 32]]).await.expect("one row");
        tx.commit().await.expect("a commit");
        house.t.clock.advance_seconds(1);
        assert_eq!(said(4, &text).await, (401, "server.bearer".to_owned()));
        assert_eq!(house.owner.delete(&format!("api-keys/{id}")).await.status, 200);
    }
);

both_engines!(keys_are_listed_by_page_renamed_and_revoked, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut made = Vec::new();
    for name in ["one", "two", "three"] {
        let body =
            json!({"name": name, "scopes": ["panels:read", "identity:self"], "networks": ["10.1.2.3/8"]});
        made.push(issued(&mut house.owner, "api-keys", body).await);
        house.t.clock.advance_seconds(1);
    }
    let first = house.owner.get("api-keys?limit=2").await.body;
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items");
        items.iter().map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&first), ["three", "two"]);
    assert_eq!(first["items"][0]["scopes"], json!(["identity:self", "panels:read"]));
    assert_eq!(first["items"][0]["networks"], json!(["10.0.0.0/8"]));
    let next = format!("api-keys?limit=2&cursor={}", first["next_cursor"].as_str().expect("a cursor"));
    let second = house.owner.get(&next).await.body;
    assert_eq!((names(&second), &second["next_cursor"]), (vec!["one".to_owned()], &Value::Null));
    assert_eq!(house.owner.get("api-keys?cursor=abc").await.said(), (400, "server.cursor"));

    let path = format!("api-keys/{}", made[0].0);
    let renamed = house.owner.patch(&path, json!({"name": " The first "})).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (200, &json!("The first")));
    assert_eq!(house.owner.patch(&path, json!({"name": ""})).await.said(), (422, "identity.api_key_name"));
    assert_eq!(
        house.owner.patch(&path, json!({"scopes": ["panels:read"]})).await.said(),
        (422, "server.body_invalid")
    );

    // Nobody else's, whoever they are.
    let mut admin = house.member("adam@example.com", "admin").await;
    assert_eq!(admin.patch(&path, json!({"name": "x"})).await.said(), (404, "identity.api_key_not_found"));
    assert_eq!(admin.delete(&path).await.said(), (404, "identity.api_key_not_found"));
    assert_eq!(names(&admin.get("api-keys").await.body), Vec::<String>::new());

    assert_eq!(house.owner.delete(&path).await.status, 200);
    assert_eq!(house.owner.delete(&path).await.said(), (404, "identity.api_key_not_found"));
    assert_eq!(names(&house.owner.get("api-keys").await.body), ["three", "two"]);
});

both_engines!(
    a_revoked_key_opens_nothing_at_once_here_and_within_a_second_elsewhere,
    &[MIGRATIONS],
    async |t| {
        let mut house = House::new(t).await;
        let body = json!({"name": "ci", "scopes": ["identity:self"]});
        let (id, text) = issued(&mut house.owner, "api-keys", body).await;
        let mut here = Browser::program_at(&house.node, &text, [127, 0, 0, 2]);
        let mut there = here.moved(&house.other);
        assert_eq!((here.get("me").await.status, there.get("me").await.status), (200, 200));
        // A key may end itself: whoever finds one can make it harmless.
        assert_eq!(here.delete(&format!("api-keys/{id}")).await.status, 200);
        assert_eq!(here.get("me").await.said(), (401, "server.bearer"));
        house.t.clock.advance_seconds(1);
        assert_eq!(there.get("me").await.said(), (401, "server.bearer"));
    }
);

both_engines!(keys_go_with_their_owner_and_stay_when_the_password_changes, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "viewer").await;
    let bobs = user_id(&mut bob).await;
    let text = key_of(&mut bob, &["identity:self"]).await;
    let mut program = Browser::program(&house.node, &text);
    let change = json!({"current": crate::house::PASSWORD, "new": "nine teal kettles sing"});
    assert_eq!(bob.put("password", change).await.status, 200);
    assert_eq!(program.get("me").await.status, 200);
    assert_eq!(house.owner.delete(&format!("members/{bobs}")).await.status, 204);
    assert_eq!(program.get("me").await.said(), (401, "server.bearer"));
    let mut db = house.t.identity.read().await.expect("the database answers");
    let left = db.row("SELECT COUNT(*) AS n FROM identity_api_key", &[]).await.expect("a row");
    assert_eq!(left.int("n").expect("a number"), 0);
});

both_engines!(the_trail_names_the_key_that_acted, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let owner = user_id(&mut house.owner).await;
    let body =
        json!({"name": "ci", "scopes": ["identity:write", "identity:self"], "networks": ["127.0.0.1"]});
    let (id, text) = issued(&mut house.owner, "api-keys", body).await;
    let mut program = Browser::program(&house.node, &text);
    let account = json!({"name": "ci", "role": "viewer"});
    assert_eq!(program.post("service-accounts", account).await.status, 201);
    assert_eq!(program.patch(&format!("api-keys/{id}"), json!({"name": "cd"})).await.status, 200);
    assert_eq!(program.delete(&format!("api-keys/{id}")).await.status, 200);

    let mut lines = house.t.cx.db.audit_before(tenant, i64::MAX, 4).await.expect("the trail");
    lines.reverse();
    let told: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.key.is_some())).collect();
    assert_eq!(
        told,
        [
            ("api_key_create", false),
            ("service_account_create", true),
            ("api_key_update", true),
            ("api_key_revoke", true)
        ]
    );
    for line in &lines {
        assert_eq!(line.user.map(|user| user.to_string()).as_deref(), Some(owner.as_str()));
        assert_eq!(line.key.is_some(), line.session.is_none(), "one of the two");
        assert!(line.key.is_none_or(|key| key.to_string() == id));
    }
    let after = lines[0].after.clone().expect("what it is");
    assert_eq!(lines[0].subject, format!("identity.api_key/{id}"));
    assert_eq!(after["scopes"], json!(["identity:self", "identity:write"]));
    assert_eq!((&after["networks"], &after["owner"]), (&json!(["127.0.0.1/32"]), &json!(owner)));
    assert_eq!(lines[2].before, Some(json!({"name": "ci"})));
    assert_eq!(lines[2].after, Some(json!({"name": "cd"})));
});

both_engines!(another_company_s_keys_and_accounts_are_not_there, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let account = house.owner.post("service-accounts", json!({"name": "ci", "role": "viewer"})).await.body;
    let keys = format!("service-accounts/{}/api-keys", account["id"].as_str().expect("an id"));
    let body = json!({"name": "ci", "scopes": ["identity:self"]});
    let (inner, _) = issued(&mut house.owner, &keys, body.clone()).await;
    let (own, _) = issued(&mut house.owner, "api-keys", body.clone()).await;

    // The same person in another company of theirs.
    let tenant = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    let mut there = house.browser();
    there.sign_in(crate::house::OWNER).await;
    assert_eq!(there.put("session/tenant", json!({"tenant_id": tenant["id"]})).await.status, 200);
    assert_eq!(there.get("api-keys").await.body["items"], json!([]));
    assert_eq!(there.get("service-accounts").await.body["items"], json!([]));
    let account = format!("service-accounts/{}", account["id"].as_str().expect("an id"));
    let missing = (404, "identity.service_account_not_found");
    assert_eq!(there.delete(&format!("api-keys/{own}")).await.said(), (404, "identity.api_key_not_found"));
    assert_eq!(there.get(&keys).await.said(), missing);
    assert_eq!(there.post(&keys, body).await.said(), missing);
    assert_eq!(there.patch(&account, json!({"enabled": false})).await.said(), missing);
    assert_eq!(there.delete(&account).await.said(), missing);
    assert_eq!(there.delete(&format!("{keys}/{inner}")).await.said(), missing);
    assert_eq!(there.patch(&format!("{keys}/{inner}"), json!({"name": "x"})).await.said(), missing);

    // A key acts in the company it was made in, and nowhere else.
    let mut mine =
        Browser::program(&house.node, &key_of(&mut there, &["identity:self", "identity:read"]).await);
    assert_eq!(mine.get("me").await.body["tenant"]["id"], tenant["id"]);
    assert_eq!(mine.get("api-keys").await.body["items"].as_array().map(Vec::len), Some(1));

    // And no context reaches the tables through its own transactions.
    let company = house.tenant().await;
    for table in ["identity_api_key", "identity_service_account"] {
        let sql = format!("SELECT tenant_id FROM {table} WHERE tenant_id = $1");
        let mut rows = house.t.cx.db.read(company).await.expect("the database answers");
        assert!(wh_db::Reads::rows(&mut rows, &sql, wh_db::args![company]).await.is_err(), "{table}");
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $1");
        let mut tx = house.t.cx.db.begin(company).await.expect("the database answers");
        assert!(tx.run(&sql, wh_db::args![company]).await.is_err(), "{table}");
    }
});
