//! Two who end the same key at once: neither is told of a fault, and both have what they wanted.
use serde_json::json;
use wh_identity::MIGRATIONS;
use wh_testkit::one_engine;

use crate::house::{Browser, House, issued, user_id};

// An embedded database has one writer: there nobody comes between.
one_engine!(postgres, a_member_who_revokes_a_key_while_they_are_removed, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut adam = house.member("adam@example.com", "admin").await;
    let member = format!("members/{}", user_id(&mut adam).await);
    let made = adam.post("service-accounts", json!({"name": "CI", "role": "viewer"})).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let account = format!("service-accounts/{}/api-keys", made.body["id"].as_str().expect("an id"));
    let wish = json!({"name": "deploy", "scopes": ["identity:self"]});
    let (own, own_text) = issued(&mut adam, "api-keys", wish.clone()).await;
    let (accounts, accounts_text) = issued(&mut adam, &account, wish).await;

    for (role, key, statuses) in [(Some("viewer"), &accounts, [200, 401]), (None, &own, [401, 401])] {
        // Somebody else has just ended a key, and is about to commit it.
        let mut first = house.t.identity.begin().await.expect("the database answers");
        let id: uuid::Uuid = key.parse().expect("an id");
        let sql = "DELETE FROM identity_api_key WHERE id = $1";
        first.run(sql, wh_db::args![id]).await.expect("the row is free");
        let (mut owner, member) = (house.owner.clone(), member.clone());
        let second = tokio::spawn(async move {
            match role {
                Some(role) => owner.patch(&member, json!({"role": role})).await,
                None => owner.delete(&member).await,
            }
        });
        house.t.fresh.one_waits().await;
        first.commit().await.expect("the database answers");
        let reply = second.await.expect("an answer");
        assert!(reply.status < 300, "{:?}", reply.body);
        house.t.clock.advance_seconds(1);
        for (text, status) in [&own_text, &accounts_text].into_iter().zip(statuses) {
            assert_eq!(Browser::program(&house.node, text).get("me").await.status, status);
        }
    }
});
