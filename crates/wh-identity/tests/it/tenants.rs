//! Further companies, and going from one to the other.
use serde_json::json;
use wh_identity::{IdentityConfig, MIGRATIONS};
use wh_testkit::both_engines;

use crate::house::{House, OWNER, PASSWORD, Reply, config, node};

both_engines!(an_owner_makes_another_company_and_goes_there, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let made = house.owner.post("tenants", json!({"name": " Difference Engines "})).await;
    assert_eq!((made.status, &made.body["name"]), (201, &json!("Difference Engines")));
    let before = house.owner.clone();
    let here = before.clone().get("me").await.body;
    assert_eq!(here["tenant"]["name"], "Analytical Engines", "making one does not go there");
    assert_eq!(here["tenants"].as_array().map(Vec::len), Some(2));

    house.t.clock.advance_seconds(60);
    let there = house.owner.put("session/tenant", json!({"tenant_id": made.body["id"]})).await;
    assert_eq!(there.status, 200, "{:?}", there.body);
    assert_eq!(there.body["tenant"]["id"], made.body["id"]);
    assert_ne!(there.body["session_id"], here["session_id"]);
    assert_ne!(house.owner.cookie, before.cookie);
    assert_eq!(before.clone().get("me").await.status, 401, "the old token is spent");
    assert_eq!(house.owner.get("me").await.body, there.body);

    // The next sign-in goes to where one was last.
    house.t.clock.advance_seconds(60);
    assert_eq!(house.browser().sign_in(OWNER).await.body["tenant"]["id"], made.body["id"]);
});

both_engines!(a_switch_does_not_prolong_a_session, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let made = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    for _ in 0..24 {
        house.t.clock.advance_seconds(1_790);
        assert_eq!(house.owner.get("me").await.status, 200);
    }
    assert_eq!(house.owner.put("session/tenant", json!({"tenant_id": made["id"]})).await.status, 200);
    house.t.clock.advance_seconds(43_200 - 24 * 1_790);
    assert_eq!(house.owner.get("me").await.status, 401);
});

both_engines!(nobody_goes_where_they_do_not_belong, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "admin").await;
    assert_eq!(bob.post("tenants", json!({"name": "Mine"})).await.said(), (403, "server.forbidden"));
    let made = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    for tenant in [made["id"].clone(), json!("01890000-0000-7000-8000-000000000000")] {
        let reply = bob.put("session/tenant", json!({"tenant_id": tenant})).await;
        assert_eq!(reply.said(), (404, "identity.tenant_not_found"));
    }
    assert_eq!(bob.get("me").await.status, 200, "and stays where they were");
    assert_eq!(house.owner.post("tenants", json!({"name": " "})).await.said(), (422, "identity.company"));
});

both_engines!(who_has_so_many_companies_makes_no_further_one, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let strict = node(&house.t, IdentityConfig { companies_per_person_max: 2, ..config() });
    let mut ada = house.owner.moved(&strict);
    let home = ada.get("me").await.body["tenant"]["id"].clone();
    house.t.clock.advance_seconds(60);
    let made = ada.post("tenants", json!({"name": "Difference Engines"})).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let there = ada.put("session/tenant", json!({"tenant_id": made.body["id"]})).await;
    assert_eq!(there.status, 200, "{:?}", there.body);
    let refused = ada.post("tenants", json!({"name": "Without limits"})).await;
    assert_eq!(refused.said(), (409, "identity.tenant_limit"), "{:?}", refused.body);

    // To be invited is no way round a limit, and not refused.
    let invited = ada.post("invitations", json!({"email": "bob@example.com", "role": "owner"})).await.body;
    let mut bob = ada.moved(&strict);
    bob.cookie = None;
    let body = json!({"token": invited["token"], "name": "Bob", "password": PASSWORD});
    assert_eq!(bob.post("invitations/accept", body).await.status, 201);
    assert_eq!(bob.post("tenants", json!({"name": "One of his own"})).await.status, 201);
    assert_eq!(
        bob.post("tenants", json!({"name": "One too many"})).await.said(),
        (409, "identity.tenant_limit")
    );

    // The operator makes companies for others.
    assert_eq!(ada.put("session/tenant", json!({"tenant_id": home})).await.status, 200);
    assert_eq!(ada.post("tenants", json!({"name": "Of a customer"})).await.status, 201);
});

both_engines!(roles_are_per_company, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    house.member("bob@example.com", "viewer").await;
    let made = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    house.owner.put("session/tenant", json!({"tenant_id": made["id"]})).await;
    let invited =
        house.owner.post("invitations", json!({"email": "bob@example.com", "role": "admin"})).await.body;
    let mut bob = house.browser();
    let accepted =
        bob.post("invitations/accept", json!({"token": invited["token"], "password": PASSWORD})).await;
    assert_eq!(accepted.body["role"], "admin");
    assert_eq!(bob.get("invitations").await.status, 200);
    let home = accepted.body["tenants"].as_array().cloned().unwrap_or_default();
    let home = home.iter().find(|tenant| tenant["name"] == "Analytical Engines").expect("the first company");
    bob.put("session/tenant", json!({"tenant_id": home["id"]})).await;
    assert_eq!(bob.get("me").await.body["role"], "viewer");
    assert_eq!(bob.get("invitations").await.status, 403);
});

both_engines!(the_first_company_operates_however_the_clock_stood, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let home = house.owner.get("me").await.body["tenant"]["id"].clone();
    // It was two hours ahead when the house was set up.
    house.t.clock.advance_seconds(-7_200);
    let made = house.owner.post("tenants", json!({"name": "Of a customer"})).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    // A new process remembers nothing.
    let mut ada = house.owner.moved(&node(&house.t, config()));
    let operates = |me: &Reply| {
        me.body["permissions"].as_array().is_some_and(|held| held.contains(&json!("system:write")))
    };
    assert_eq!(ada.put("session/tenant", json!({"tenant_id": made.body["id"]})).await.status, 200);
    assert!(!operates(&ada.get("me").await), "a company that was made later");
    assert_eq!(ada.put("session/tenant", json!({"tenant_id": home})).await.status, 200);
    assert!(operates(&ada.get("me").await));
});
