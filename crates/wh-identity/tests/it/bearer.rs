//! What a bearer may and may not do at the front door: no cookies, no page behind it, no operations about sessions, no guessing.
use serde_json::json;
use wh_base::SeededRandom;
use wh_identity::{MIGRATIONS, model};
use wh_testkit::both_engines;

use crate::house::{Browser, House, OWNER, issued, key_of, user_id};

both_engines!(a_bearer_needs_no_page_and_never_comes_with_a_session, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let text = key_of(&mut house.owner, &["identity:write", "identity:self"]).await;
    for (number, site) in [None, Some("cross-site"), Some("same-origin")].into_iter().enumerate() {
        let mut program = Browser { site, ..Browser::program(&house.node, &text) };
        let body = json!({"name": format!("program {number}"), "role": "viewer"});
        let reply = program.post("service-accounts", body).await;
        assert_eq!((reply.status, reply.set_cookie()), (201, ""), "{site:?}");
    }
    let mut page = Browser { site: None, ..house.owner.clone() };
    let body = json!({"email": "y@example.com", "role": "viewer"});
    assert_eq!(page.post("invitations", body).await.said(), (403, "server.cross_origin"));

    let mut both = Browser { key: Some(text), ..house.owner.clone() };
    assert_eq!(both.get("me").await.said(), (400, "server.bearer_and_cookie"));
    assert_eq!(both.get("setup").await.said(), (400, "server.bearer_and_cookie"));
    let mut both = Browser { key: Some("nonsense".to_owned()), ..house.owner.clone() };
    assert_eq!(both.get("me").await.said(), (400, "server.bearer_and_cookie"), "never the cookie instead");
    // What is open to everybody looks at no key.
    assert_eq!(Browser::program(&house.node, "nonsense").get("setup").await.status, 200);
});

both_engines!(operations_about_sessions_are_not_for_keys, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let scopes = ["identity:self", "identity:read", "identity:write", "identity:tenant"];
    let text = key_of(&mut house.owner, &scopes).await;
    let mut program = Browser::program(&house.node, &text);
    let spec = house.node.spec.clone();
    let mut refused = Vec::new();
    for (path, methods) in spec["paths"].as_object().expect("paths") {
        let Some(path) = path.strip_prefix("/v1/identity/") else { continue };
        for (method, operation) in methods.as_object().expect("methods") {
            let schemes = operation["security"].as_array().expect("schemes").len();
            let auth = operation["x-auth"].as_str().expect("a word");
            assert_eq!(
                schemes,
                ["none", "session", "any"].iter().position(|word| *word == auth).expect("a word")
            );
            if auth != "session" {
                continue;
            }
            let path = path.replace("{id}", "01900000-0000-7000-8000-000000000001");
            let method = method.to_uppercase().parse().expect("a method");
            let reply = program.send(method, &path, None).await;
            assert_eq!(reply.said(), (403, "server.bearer_session"), "{path}");
            refused.push(operation["operationId"].as_str().expect("an id").to_owned());
        }
    }
    refused.sort();
    assert_eq!(
        refused,
        [
            "api_key_create",
            "cli_login_create",
            "invitation_create",
            "password_change",
            "session_end",
            "session_list",
            "session_revoke",
            "session_revoke_others",
            "session_switch",
            "tenant_create",
        ]
    );
    assert_eq!(spec["components"]["securitySchemes"]["key"]["scheme"], "bearer");
});

both_engines!(wrong_keys_are_counted_by_address_and_hold_up_no_right_one, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let text = key_of(&mut house.owner, &["identity:self"]).await;
    let mut right = Browser::program_at(&house.node, &text, [203, 0, 113, 7]);
    assert_eq!(right.get("me").await.status, 200);
    let mut said = Vec::new();
    for number in 0..31_u64 {
        let (_, _, wrong) = model::issue(&SeededRandom::new(number)).expect("a key");
        let wrong = if number % 2 == 0 { wrong.expose().as_str() } else { "whk_mistyped" };
        let reply = Browser::program_at(&house.node, wrong, [203, 0, 113, 7]).get("me").await;
        if reply.status == 429 {
            assert!(reply.retry_after_s() >= 1);
        }
        said.push((reply.status, reply.code().to_owned()));
    }
    assert!(said[..30].iter().all(|(status, _)| *status == 401), "{said:?}");
    assert_eq!(said[30], (429, "server.bearer_throttled".to_owned()));

    // The key that this node knows goes on, also when its answer is no longer fresh; so do other addresses and passwords.
    house.t.clock.advance_seconds(2);
    assert_eq!(right.get("me").await.status, 200);
    assert_eq!(Browser::program_at(&house.node, &text, [203, 0, 113, 8]).get("me").await.status, 200);
    assert_eq!(Browser::at(&house.node, [203, 0, 113, 7]).sign_in(OWNER).await.status, 201);
    // The same key is new to the other node, which has counted nothing.
    assert_eq!(right.moved(&house.other).get("me").await.status, 200);
    house.t.clock.advance_seconds(6);
    let mut wrong = Browser::program_at(&house.node, "whk_mistyped", [203, 0, 113, 7]);
    assert_eq!(wrong.get("me").await.status, 401);
    assert_eq!(wrong.get("me").await.status, 429);
});

both_engines!(a_key_lets_nobody_in_who_is_less_bounded_than_itself, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "editor").await;
    let path = format!("members/{}", user_id(&mut bob).await);
    let body =
        json!({"name": "ci", "scopes": ["identity:write"], "networks": ["10.0.0.0/8"], "valid_days": 1});
    let (_, text) = issued(&mut house.owner, "api-keys", body).await;
    let mut stolen = Browser::program_at(&house.node, &text, [10, 0, 0, 1]);
    let refused = (403, "server.bearer_session");
    for role in ["owner", "viewer"] {
        let invite = json!({"email": "mallory@example.com", "role": role});
        assert_eq!(stolen.post("invitations", invite).await.said(), refused, "{role}");
    }
    for role in ["operator", "admin", "owner"] {
        assert_eq!(stolen.patch(&path, json!({"role": role})).await.said(), refused, "{role}");
    }
    assert_eq!(house.owner.get("invitations").await.body["items"], json!([]));
    assert_eq!(bob.get("me").await.body["role"], "editor");
    // What a directory does when somebody leaves: the role stays or falls, and the member goes.
    assert_eq!(stolen.patch(&path, json!({"role": "editor"})).await.status, 200);
    assert_eq!(stolen.patch(&path, json!({"role": "viewer"})).await.status, 200);
    assert_eq!(stolen.delete(&path).await.status, 204);
    assert_eq!(bob.get("me").await.status, 401);
});
