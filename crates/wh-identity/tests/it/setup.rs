//! The first company: one link, one use, one hour.
use serde_json::json;
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{self, Browser, OWNER, PASSWORD, config, first_company, set_up, token};

both_engines!(the_link_opens_the_first_company_once, &[MIGRATIONS], async |t| {
    let node = house::node(&t, config());
    let mut browser = Browser::new(&node);
    assert_eq!(browser.get("setup").await.body, json!({"needed": true}));
    assert!(node.identity.needs_setup().await.expect("the database answers"));

    let wrong = browser.post("setup", first_company("not-the-token")).await;
    assert_eq!(wrong.said(), (410, "identity.setup_link"));

    let link = token(&node).await;
    let (mut owner, reply) = set_up(&node, &link).await;
    assert_eq!(reply.status, 201, "{:?}", reply.body);
    assert_eq!(reply.body["user"]["email"], OWNER);
    assert_eq!(reply.body["tenant"]["name"], "Analytical Engines");
    assert_eq!(reply.body["role"], "owner");
    assert_eq!(reply.body["tenants"].as_array().map(Vec::len), Some(1));
    let cookie = reply.set_cookie().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Max-Age=43200")
    );
    assert_eq!(reply.headers["cache-control"], "no-store");

    assert_eq!(owner.get("me").await.body, reply.body);
    assert_eq!(browser.get("setup").await.body, json!({"needed": false}));
    let again = browser.post("setup", first_company(link.expose())).await;
    assert_eq!(again.said(), (409, "identity.setup_done"));
    let refused = node.identity.setup_token_issue().await.expect_err("somebody owns a company");
    assert_eq!(refused.code().code, "identity.setup_done");
});

both_engines!(a_link_lives_for_an_hour_and_a_new_one_replaces_it, &[MIGRATIONS], async |t| {
    let node = house::node(&t, config());
    let (first, second) = (token(&node).await, token(&node).await);
    assert_eq!(set_up(&node, &first).await.1.said(), (410, "identity.setup_link"));
    t.clock.advance_seconds(3_600);
    assert_eq!(set_up(&node, &second).await.1.said(), (410, "identity.setup_link"));
    let third = token(&node).await;
    t.clock.advance_seconds(3_599);
    assert_eq!(set_up(&node, &third).await.1.status, 201);
});

both_engines!(two_setups_at_once_make_one_company, &[MIGRATIONS], async |t| {
    let node = house::node(&t, config());
    let link = token(&node).await;
    let (one, two) = tokio::join!(set_up(&node, &link), set_up(&node, &link));
    let mut statuses = [one.1.status, two.1.status];
    statuses.sort_unstable();
    assert!(statuses == [201, 409] || statuses == [201, 410], "{statuses:?}");
});

both_engines!(what_is_wrong_is_named_and_does_not_spend_the_link, &[MIGRATIONS], async |t| {
    let node = house::node(&t, config());
    let link = token(&node).await;
    let mut browser = Browser::new(&node);
    for (field, value, code) in [
        ("company", json!("  "), "identity.company"),
        ("name", json!("a\u{202e}b"), "identity.name"),
        ("email", json!("ada"), "identity.email"),
        ("password", json!("short"), "identity.password_length"),
        ("password", json!("password12345"), "identity.password_common"),
        ("password", json!("analytical engines"), "identity.password_common"),
    ] {
        let mut body = first_company(link.expose());
        body[field] = value;
        let reply = browser.post("setup", body).await;
        assert_eq!(reply.said(), (422, code));
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"));
        assert!(!reply.body.to_string().contains("password12345"), "a problem never repeats a password");
    }
    let mut unknown = first_company(link.expose());
    unknown["admin"] = json!(true);
    assert_eq!(browser.post("setup", unknown).await.status, 422);
    assert_eq!(set_up(&node, &link).await.1.status, 201);
    assert_eq!(browser.sign_in_with(OWNER, PASSWORD).await.status, 201);
});
