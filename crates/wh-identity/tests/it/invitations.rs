//! Coming in by a link.
use serde_json::{Value, json};
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{House, OWNER, PASSWORD, user_id};

fn accept(token: &Value, password: &str) -> Value {
    json!({"token": token, "name": "Bob B.", "password": password})
}

both_engines!(a_link_brings_somebody_in_once, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let invited =
        house.owner.post("invitations", json!({"email": " Bob@Example.com", "role": "editor"})).await;
    assert_eq!(invited.status, 201);
    assert_eq!(invited.body["invitation"]["email"], "bob@example.com");
    let token = &invited.body["token"];
    assert_eq!(token.as_str().map(str::len), Some(43));
    let list = house.owner.get("invitations").await.body;
    assert_eq!(list["items"], json!([invited.body["invitation"]]));

    let mut bob = house.browser();
    let opened = bob.post("invitations/lookup", json!({"token": token})).await;
    assert_eq!(opened.body["company"], "Analytical Engines");
    assert_eq!(opened.body["email"], "bob@example.com");
    assert_eq!(opened.body["role"], "editor");
    assert_eq!(opened.body["account_exists"], json!(false));

    let nameless = bob.post("invitations/accept", json!({"token": token, "password": PASSWORD})).await;
    assert_eq!(nameless.said(), (422, "identity.name"));
    assert_eq!(
        bob.post("invitations/accept", accept(token, "bob")).await.said(),
        (422, "identity.password_length")
    );
    let accepted = bob.post("invitations/accept", accept(token, PASSWORD)).await;
    assert_eq!(accepted.status, 201, "{:?}", accepted.body);
    assert_eq!(accepted.body["role"], "editor");
    assert_eq!(bob.get("me").await.body, accepted.body);

    for path in ["invitations/lookup", "invitations/accept"] {
        let body = if path.ends_with("lookup") { json!({"token": token}) } else { accept(token, PASSWORD) };
        assert_eq!(house.browser().post(path, body).await.said(), (410, "identity.invitation_link"));
    }
    assert_eq!(house.owner.get("invitations").await.body["items"], json!([]));
});

both_engines!(two_who_use_a_link_at_once_are_one, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let invited =
        house.owner.post("invitations", json!({"email": "bob@example.com", "role": "viewer"})).await;
    let (mut a, mut b) = (house.browser(), house.browser());
    let body = accept(&invited.body["token"], PASSWORD);
    let (one, two) =
        tokio::join!(a.post("invitations/accept", body.clone()), b.post("invitations/accept", body));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    // Whoever comes second finds the link used, or finds the account that the first one made and a password to prove.
    assert!(statuses[0] == 201 && [409, 410, 422].contains(&statuses[1]), "{statuses:?}");
    assert_eq!(house.owner.get("members").await.body["items"].as_array().map(Vec::len), Some(2));
});

both_engines!(a_link_dies_after_seven_days_or_when_it_is_revoked, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let body = json!({"email": "bob@example.com", "role": "viewer"});
    let first = house.owner.post("invitations", body.clone()).await.body;
    assert_eq!(
        house.owner.post("invitations", body.clone()).await.said(),
        (409, "identity.invitation_exists")
    );
    let path = format!("invitations/{}", first["invitation"]["id"].as_str().expect("an id"));
    assert_eq!(house.owner.delete(&path).await.status, 204);
    assert_eq!(house.owner.delete(&path).await.said(), (404, "identity.invitation_not_found"));
    let dead = house.browser().post("invitations/lookup", json!({"token": first["token"]})).await;
    assert_eq!(dead.said(), (410, "identity.invitation_link"));

    let second = house.owner.post("invitations", body.clone()).await.body;
    house.t.clock.advance_seconds(7 * 86_400);
    let dead = house.browser().post("invitations/accept", accept(&second["token"], PASSWORD)).await;
    assert_eq!(dead.said(), (410, "identity.invitation_link"));
    house.owner.sign_in(OWNER).await;
    assert_eq!(house.owner.get("invitations").await.body["items"], json!([]));
    assert_eq!(house.owner.post("invitations", body).await.status, 201, "an expired one is no obstacle");
});

both_engines!(an_account_that_exists_must_prove_itself, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "viewer").await;
    let again = house.owner.post("invitations", json!({"email": "BOB@example.com", "role": "admin"})).await;
    assert_eq!(again.said(), (409, "identity.member_exists"));

    let tenant = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    house.owner.put("session/tenant", json!({"tenant_id": tenant["id"]})).await;
    let invited =
        house.owner.post("invitations", json!({"email": "bob@example.com", "role": "admin"})).await.body;
    let opened = bob.post("invitations/lookup", json!({"token": invited["token"]})).await.body;
    assert_eq!(opened["account_exists"], json!(true));

    let wrong = bob.post("invitations/accept", accept(&invited["token"], "some other password")).await;
    assert_eq!(wrong.said(), (422, "identity.password_wrong"));
    let accepted = bob.post("invitations/accept", accept(&invited["token"], PASSWORD)).await;
    assert_eq!(accepted.status, 201, "{:?}", accepted.body);
    assert_eq!(accepted.body["tenant"]["name"], "Difference Engines");
    assert_eq!(accepted.body["user"]["name"], "New Member", "an invitation renames nobody");
    assert_eq!(accepted.body["tenants"].as_array().map(Vec::len), Some(2));
});

both_engines!(nobody_invites_above_themselves, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut admin = house.member("adam@example.com", "admin").await;
    let mut editor = house.member("eve@example.com", "editor").await;
    let invite = |role: &str| json!({"email": "bob@example.com", "role": role});
    assert_eq!(editor.post("invitations", invite("viewer")).await.said(), (403, "server.forbidden"));
    assert_eq!(editor.get("invitations").await.status, 403);
    assert_eq!(admin.post("invitations", invite("owner")).await.said(), (403, "identity.role_above"));
    let owners = house.owner.post("invitations", invite("owner")).await.body;
    let path = format!("invitations/{}", owners["invitation"]["id"].as_str().expect("an id"));
    assert_eq!(admin.delete(&path).await.said(), (403, "identity.role_above"));
    assert_eq!(
        admin.post("invitations", json!({"email": "x@example.com", "role": "admin"})).await.status,
        201
    );
    assert_eq!(
        admin.post("invitations", json!({"email": "x", "role": "viewer"})).await.said(),
        (422, "identity.email")
    );
    assert_eq!(admin.post("invitations", json!({"email": "y@example.com", "role": "god"})).await.status, 422);
});

both_engines!(invitations_fall_with_whoever_sent_them, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut links = Vec::new();
    for (name, change) in [("adam", "removed"), ("anna", "demoted")] {
        let mut admin = house.member(&format!("{name}@example.com"), "admin").await;
        let back_door = json!({"email": format!("{name}.again@example.com"), "role": "admin"});
        links.push(admin.post("invitations", back_door).await.body["token"].clone());
        let path = format!("members/{}", user_id(&mut admin).await);
        let status = match change {
            "removed" => house.owner.delete(&path).await.status,
            _ => house.owner.patch(&path, json!({"role": "editor"})).await.status,
        };
        assert!(status < 300);
    }
    for token in links {
        let reply = house.browser().post("invitations/accept", accept(&token, PASSWORD)).await;
        assert_eq!(reply.said(), (410, "identity.invitation_link"));
    }
});
