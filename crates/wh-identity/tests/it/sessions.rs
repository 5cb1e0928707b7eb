//! Sessions: listed, ended at once here and within a second elsewhere, idle and absolute end, a token that is always new.
use serde_json::{Value, json};
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{Browser, House, OWNER};
use crate::trail::lines;

both_engines!(a_session_that_is_ended_is_ended_at_once, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut laptop = Browser::at(&house.node, [10, 0, 0, 7]);
    laptop.sign_in(OWNER).await;
    let list = house.owner.get("sessions").await.body;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(items.len(), 2);
    let other = items.iter().find(|item| item["current"] == json!(false)).expect("the laptop");
    assert_eq!(other["address"], "10.0.0.7");
    assert_eq!(other["user_agent"], "Firefox/140 (a test)");
    assert_eq!(other["tenant"]["name"], "Analytical Engines");
    assert_eq!(items.iter().filter(|item| item["current"] == json!(true)).count(), 1);

    assert_eq!(laptop.get("me").await.status, 200); // in the cache now
    let path = format!("sessions/{}", other["id"].as_str().expect("an id"));
    assert_eq!(house.owner.delete(&path).await.status, 204);
    assert_eq!(laptop.get("me").await.said(), (401, "server.unauthenticated"));
    assert_eq!(house.owner.delete(&path).await.said(), (404, "identity.session_not_found"));
});

both_engines!(a_session_ended_elsewhere_is_over_within_a_second, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut there = house.owner.moved(&house.other);
    assert_eq!(there.get("me").await.status, 200);
    assert_eq!(house.owner.clone().delete("session").await.status, 204);
    assert_eq!(house.owner.get("me").await.status, 401);
    house.t.clock.advance_seconds(1);
    assert_eq!(there.get("me").await.status, 401);
});

both_engines!(signing_out_takes_the_cookie_back, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let before = house.owner.cookie.clone();
    let reply = house.owner.delete("session").await;
    assert_eq!(reply.status, 204);
    assert!(reply.set_cookie().contains("Max-Age=0"));
    assert_eq!(reply.headers["clear-site-data"], "\"storage\"");
    assert_eq!(house.owner.cookie, None);
    house.owner.cookie = before;
    assert_eq!(house.owner.get("me").await.status, 401);
});

both_engines!(nobody_ends_the_sessions_of_others, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut viewer = house.member("bob@example.com", "viewer").await;
    let list = house.owner.get("sessions").await.body;
    let path = format!("sessions/{}", list["items"][0]["id"].as_str().expect("an id"));
    assert_eq!(viewer.delete(&path).await.said(), (404, "identity.session_not_found"));
    assert_eq!(viewer.post("sessions/revoke-others", Value::Null).await.body, json!({"ended": 0}));
    assert_eq!(house.owner.get("me").await.status, 200);
});

both_engines!(all_others_end_and_this_one_stays, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut others = [house.browser(), house.browser(), house.browser()];
    for other in &mut others {
        other.sign_in(OWNER).await;
        assert_eq!(other.get("me").await.status, 200);
    }
    assert_eq!(house.owner.post("sessions/revoke-others", Value::Null).await.body, json!({"ended": 3}));
    for other in &mut others {
        assert_eq!(other.get("me").await.status, 401);
    }
    assert_eq!(house.owner.get("me").await.status, 200);
});

both_engines!(an_unused_session_ends_after_half_an_hour, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    house.t.clock.advance_seconds(1_799);
    assert_eq!(house.owner.get("me").await.status, 200);
    house.t.clock.advance_seconds(1_799);
    assert_eq!(house.owner.get("me").await.status, 200);
    house.t.clock.advance_seconds(1_800);
    assert_eq!(house.owner.get("me").await.status, 401);
    let list = {
        let mut again = house.browser();
        again.sign_in(OWNER).await;
        again.get("sessions").await.body
    };
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "the dead one is not shown");
});

both_engines!(a_used_session_ends_after_twelve_hours, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    for _ in 0..35 {
        house.t.clock.advance_seconds(1_200);
        assert_eq!(house.owner.get("me").await.status, 200);
        house.node.identity.upkeep_once().await.expect("the database answers");
    }
    house.t.clock.advance_seconds(1_199);
    assert_eq!(house.owner.get("me").await.status, 200);
    house.t.clock.advance_seconds(1);
    assert_eq!(house.owner.get("me").await.status, 401);
});

both_engines!(the_last_use_is_written_once_a_minute_and_other_nodes_see_it, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let at_first = used_at(&house).await;
    house.t.clock.advance_seconds(59);
    house.owner.get("me").await;
    house.node.identity.upkeep_once().await.expect("the database answers");
    assert_eq!(used_at(&house).await, at_first, "less than a minute later nothing is written");

    house.t.clock.advance_seconds(1_200);
    house.owner.get("me").await;
    assert_eq!(used_at(&house).await, at_first, "written in batches, not by the request");
    house.node.identity.upkeep_once().await.expect("the database answers");
    assert_eq!(used_at(&house).await, at_first + 1_259_000_000);

    house.t.clock.advance_seconds(1_200);
    assert_eq!(house.owner.moved(&house.other).get("me").await.status, 200);
    let members = house.owner.get("members").await.body;
    assert!(members["items"][0]["seen_at"].is_string());
});

async fn used_at(house: &House) -> i64 {
    let mut db = house.t.identity.read().await.expect("the database answers");
    let row =
        db.row("SELECT used_at FROM identity_session", wh_db::args![]).await.expect("the database answers");
    row.time("used_at").expect("the column").micros()
}

both_engines!(dead_sessions_are_swept, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    for _ in 0..3 {
        house.browser().sign_in(OWNER).await;
    }
    assert_eq!(session_count(&house).await, 4);
    house.t.clock.advance_seconds(1_801);
    house.node.identity.upkeep_once().await.expect("the database answers");
    assert_eq!(session_count(&house).await, 0);
});

both_engines!(one_person_keeps_fifty_sessions, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let oldest = house.owner.get("me").await.body["session_id"].clone();
    for _ in 0..50 {
        house.t.clock.advance_seconds(1);
        assert_eq!(house.browser().sign_in(OWNER).await.status, 201);
    }
    assert_eq!(session_count(&house).await, 50);
    assert_eq!(house.owner.get("me").await.status, 401, "the oldest had to go");
    let trail = lines(&house, tenant).await;
    let ended: Vec<&str> = trail
        .iter()
        .filter(|line| line.action == "session_revoke")
        .map(|line| line.subject.as_str())
        .collect();
    assert_eq!(ended, [format!("identity.session/{}", oldest.as_str().expect("an id"))]);
});

async fn session_count(house: &House) -> i64 {
    let mut db = house.t.identity.read().await.expect("the database answers");
    db.row("SELECT COUNT(id) AS n FROM identity_session", wh_db::args![])
        .await
        .expect("the database answers")
        .int("n")
        .expect("the column")
}

both_engines!(a_token_that_is_none_opens_nothing, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let mut browser = house.browser();
    for token in ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &"a".repeat(200)] {
        browser.cookie = Some(token.to_owned());
        assert_eq!(browser.get("me").await.said(), (401, "server.unauthenticated"));
    }
});
