//! Who is in the company: lists, roles, removal, and the owner who remains.
use serde_json::json;
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{Browser, House, user_id};

both_engines!(members_come_in_pages_by_address, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    for name in ["zoe", "bob", "cleo", "dan"] {
        house.member(&format!("{name}@example.com"), "viewer").await;
    }
    let mut seen = Vec::new();
    let mut path = "members?limit=2".to_owned();
    loop {
        let page = house.owner.get(&path).await;
        assert_eq!(page.status, 200);
        let items = page.body["items"].as_array().cloned().unwrap_or_default();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["email"].as_str().unwrap_or_default().to_owned()));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("members?limit=2&cursor={cursor}");
    }
    assert_eq!(
        seen,
        ["ada@example.com", "bob@example.com", "cleo@example.com", "dan@example.com", "zoe@example.com"]
    );
    assert_eq!(house.owner.get("members?limit=0").await.status, 400);
    assert_eq!(house.owner.get("members?cursor=abc").await.status, 400);
    assert_eq!(house.owner.get("members?role=owner").await.status, 400);
});

/// The addresses that a search for this finds, page by page.
async fn found(house: &mut House, search: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = house.owner.get(&format!("members?limit=2&q={search}{cursor}")).await;
        assert_eq!(page.status, 200, "{search}: {:?}", page.body);
        let items = page.body["items"].as_array().cloned().unwrap_or_default();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["email"].as_str().unwrap_or_default().to_owned()));
        let Some(next) = page.body["next_cursor"].as_str() else { return seen };
        cursor = format!("&cursor={next}");
    }
}

both_engines!(members_are_found_by_name_and_address, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    for (name, email) in [
        ("Émilie du Châtelet", "emilie@example.com"),
        ("Zoë O'Neil", "zoe@example.com"),
        ("100% Bob", "b_b@example.com"),
        ("Bob", "bxb@example.com"),
        ("Cleo", "bob.cleo@example.org"),
    ] {
        house.named_member(name, email, "viewer").await;
    }
    // What a service account is called finds no person.
    assert_eq!(
        house.owner.post("service-accounts", json!({"name": "Bob's job", "role": "viewer"})).await.status,
        201
    );
    let everything = [
        ("BOB", vec!["b_b@example.com", "bob.cleo@example.org", "bxb@example.com"]),
        ("cleo@Example.org", vec!["bob.cleo@example.org"]),
        ("0%25", vec!["b_b@example.com"]),
        ("b_b", vec!["b_b@example.com"]),
        ("o%27neil", vec!["zoe@example.com"]),
        ("nobody", vec![]),
        ("!", vec![]),
    ];
    let beyond_ascii = [("%C3%89MILIE", vec!["emilie@example.com"]), ("ZO%C3%8B", vec!["zoe@example.com"])];
    for (search, wanted) in everything.iter().chain(&beyond_ascii) {
        assert_eq!(&found(&mut house, search).await, wanted, "{search}");
    }
    assert_eq!(found(&mut house, "").await.len(), 6, "everybody");

    // Let in by a build that kept no name in lower case: found at once, and beyond ASCII after a round.
    let mut tx = house.t.identity.begin().await.expect("the database answers");
    tx.run("UPDATE identity_user SET name_key = NULL WHERE name_key IS NOT NULL", &[])
        .await
        .expect("a change");
    tx.commit().await.expect("the database answers");
    for (search, wanted) in &everything {
        assert_eq!(&found(&mut house, search).await, wanted, "{search}");
    }
    house.node.identity.upkeep_once().await.expect("a round");
    for (search, wanted) in everything.iter().chain(&beyond_ascii) {
        assert_eq!(&found(&mut house, search).await, wanted, "{search}");
    }
});

both_engines!(a_new_role_counts_from_the_next_request, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "viewer").await;
    let path = format!("members/{}", user_id(&mut bob).await);
    assert_eq!(bob.get("invitations").await.status, 403);
    let raised = house.owner.patch(&path, json!({"role": "admin"})).await;
    assert_eq!((raised.status, &raised.body["role"]), (200, &json!("admin")));
    assert_eq!(bob.get("invitations").await.status, 200);
    let me = bob.get("me").await.body;
    assert!(me["permissions"].as_array().is_some_and(|list| list.contains(&json!("identity:write"))));

    let mut there = bob.moved(&house.other);
    assert_eq!(there.get("invitations").await.status, 200);
    house.owner.patch(&path, json!({"role": "viewer"})).await;
    assert_eq!(bob.get("invitations").await.status, 403);
    // The other node may still hold the old role for a second; a change looks again in its own transaction.
    let stale = there.post("invitations", json!({"email": "x@example.com", "role": "viewer"})).await;
    assert_eq!(stale.status, 403);
    house.t.clock.advance_seconds(1);
    assert_eq!(there.get("invitations").await.status, 403);
});

both_engines!(nobody_acts_above_their_own_role, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut admin = house.member("adam@example.com", "admin").await;
    let mut bob = house.member("bob@example.com", "editor").await;
    let (owner, adam, bobs) =
        (user_id(&mut house.owner).await, user_id(&mut admin).await, user_id(&mut bob).await);
    let path = |id: &str| format!("members/{id}");
    assert_eq!(bob.patch(&path(&bobs), json!({"role": "owner"})).await.said(), (403, "server.forbidden"));
    assert_eq!(bob.delete(&path(&adam)).await.said(), (403, "server.forbidden"));
    for (who, role) in [(&adam, "owner"), (&bobs, "owner"), (&owner, "viewer")] {
        let reply = admin.patch(&path(who), json!({"role": role})).await;
        assert_eq!(reply.said(), (403, "identity.role_above"));
    }
    assert_eq!(admin.delete(&path(&owner)).await.said(), (403, "identity.role_above"));
    assert_eq!(admin.patch(&path(&bobs), json!({"role": "admin"})).await.status, 200);
    assert_eq!(admin.patch(&path(&adam), json!({"role": "viewer"})).await.status, 200, "one may step down");
    assert_eq!(house.owner.patch(&path(&bobs), json!({"role": "king"})).await.status, 422);
});

both_engines!(the_last_owner_stays, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut second = house.member("olga@example.com", "admin").await;
    let (first_id, second_id) = (user_id(&mut house.owner).await, user_id(&mut second).await);
    let path = format!("members/{first_id}");
    assert_eq!(house.owner.patch(&path, json!({"role": "admin"})).await.said(), (409, "identity.last_owner"));
    assert_eq!(house.owner.delete(&path).await.said(), (409, "identity.last_owner"));
    house.owner.patch(&format!("members/{second_id}"), json!({"role": "owner"})).await;
    assert_eq!(house.owner.delete(&path).await.status, 204);
    assert_eq!(house.owner.get("me").await.status, 401);
    assert_eq!(house.owner.sign_in(crate::house::OWNER).await.said(), (403, "identity.no_tenant"));
    let path = format!("members/{second_id}");
    assert_eq!(second.patch(&path, json!({"role": "admin"})).await.said(), (409, "identity.last_owner"));
});

both_engines!(an_owner_remains_when_all_leave_at_once, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut owners = vec![house.owner.clone()];
    for name in ["olga", "omar", "otto"] {
        owners.push(house.member(&format!("{name}@example.com"), "owner").await);
    }
    let mut tasks = Vec::new();
    for (number, mut owner) in owners.into_iter().enumerate() {
        let id = user_id(&mut owner).await;
        // Half of them at the other node.
        let mut owner = if number % 2 == 0 { owner } else { owner.moved(&house.other) };
        tasks.push(tokio::spawn(async move {
            let path = format!("members/{id}");
            let reply = if number < 2 {
                owner.delete(&path).await
            } else {
                owner.patch(&path, json!({"role": "viewer"})).await
            };
            (reply.status, owner)
        }));
    }
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.expect("an answer"));
    }
    let refused = ended.iter().filter(|(status, _)| *status == 409).count();
    assert_eq!(refused, 1, "{:?}", ended.iter().map(|(status, _)| status).collect::<Vec<_>>());
    assert_eq!(owner_count(&house).await, 1);
});

async fn owner_count(house: &House) -> i64 {
    let mut db = house.t.identity.read().await.expect("the database answers");
    let sql = "SELECT COUNT(*) AS n FROM identity_member WHERE role = 'owner'";
    db.row(sql, wh_db::args![]).await.expect("the database answers").int("n").expect("the column")
}

both_engines!(whoever_is_removed_is_out_at_once, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "editor").await;
    let mut phone = house.browser();
    phone.sign_in("bob@example.com").await;
    let path = format!("members/{}", user_id(&mut bob).await);
    assert_eq!(phone.get("me").await.status, 200);
    assert_eq!(house.owner.delete(&path).await.status, 204);
    assert_eq!(bob.get("me").await.status, 401);
    assert_eq!(phone.get("me").await.status, 401);
    assert_eq!(house.owner.delete(&path).await.said(), (404, "identity.member_not_found"));
    assert_eq!(phone.sign_in("bob@example.com").await.said(), (403, "identity.no_tenant"));
    // The account is still theirs: another invitation brings them back with the password they have.
    let invited =
        house.owner.post("invitations", json!({"email": "bob@example.com", "role": "viewer"})).await.body;
    let body = json!({"token": invited["token"], "password": crate::house::PASSWORD});
    assert_eq!(phone.post("invitations/accept", body).await.status, 201);
});

both_engines!(a_stranger_s_things_are_not_there, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "viewer").await;
    let invited =
        house.owner.post("invitations", json!({"email": "x@example.com", "role": "viewer"})).await.body;
    let mut stranger = stranger(&mut house).await;
    let member = format!("members/{}", user_id(&mut bob).await);
    let invitation = format!("invitations/{}", invited["invitation"]["id"].as_str().expect("an id"));
    assert_eq!(
        stranger.patch(&member, json!({"role": "owner"})).await.said(),
        (404, "identity.member_not_found")
    );
    assert_eq!(stranger.delete(&member).await.said(), (404, "identity.member_not_found"));
    assert_eq!(stranger.delete(&invitation).await.said(), (404, "identity.invitation_not_found"));
    let mine = stranger.get("members").await.body;
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(stranger.get("invitations").await.body["items"], json!([]));
    assert_eq!(stranger.get("members/not-an-id").await.status, 405);
    assert_eq!(stranger.delete("members/not-an-id").await.status, 400);
});

/// The owner of another company, who is in no other.
async fn stranger(house: &mut House) -> Browser {
    let tenant = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    let mut there = house.browser();
    there.sign_in(crate::house::OWNER).await;
    there.put("session/tenant", json!({"tenant_id": tenant["id"]})).await;
    let invited = there.post("invitations", json!({"email": "sam@example.com", "role": "owner"})).await.body;
    let mut sam = house.browser();
    let body = json!({"token": invited["token"], "name": "Sam", "password": crate::house::PASSWORD});
    assert_eq!(sam.post("invitations/accept", body).await.status, 201);
    let ada = user_id(&mut there).await;
    assert_eq!(sam.delete(&format!("members/{ada}")).await.status, 204);
    sam
}
