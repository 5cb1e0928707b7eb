//! Changing the password: the present one first, then every other session ends.
use serde_json::{Value, json};
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{House, OWNER, PASSWORD};

const NEXT: &str = "nine teal kettles sing";

fn change(current: &str, new: &str) -> Value {
    json!({"current": current, "new": new})
}

both_engines!(a_new_password_ends_every_other_session, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut other = house.browser();
    other.sign_in(OWNER).await;
    assert_eq!(other.get("me").await.status, 200);
    let before = house.owner.clone();

    let reply = house.owner.put("password", change(PASSWORD, NEXT)).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    assert_ne!(house.owner.cookie, before.cookie, "a new token");
    assert_eq!(house.owner.get("me").await.body, reply.body);
    assert_eq!(before.clone().get("me").await.status, 401);
    assert_eq!(other.get("me").await.status, 401);

    assert_eq!(other.sign_in(OWNER).await.said(), (401, "identity.credentials"));
    assert_eq!(other.sign_in_with(OWNER, NEXT).await.status, 201);
});

both_engines!(a_password_that_may_not_be_set_changes_nothing, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    for (current, new, code, field) in [
        ("not the password", NEXT, "identity.password_wrong", "/current"),
        (PASSWORD, PASSWORD, "identity.password_same", "/new"),
        (PASSWORD, "elevenchars", "identity.password_length", "/new"),
        (PASSWORD, "iloveyou2026!", "identity.password_common", "/new"),
        (PASSWORD, "ada-ada-ada-ada", "identity.password_common", "/new"),
    ] {
        let reply = house.owner.put("password", change(current, new)).await;
        assert_eq!(reply.said(), (422, code), "{new}");
        assert_eq!(reply.body["errors"][0]["pointer"], field);
    }
    assert_eq!(house.owner.put("password", change(PASSWORD, &"ä".repeat(257))).await.status, 422);
    assert_eq!(house.owner.get("me").await.status, 200);
    assert_eq!(house.browser().sign_in(OWNER).await.status, 201);
});

both_engines!(a_stolen_session_cannot_guess_the_password, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    for _ in 0..10 {
        let reply = house.owner.put("password", change("not the password", NEXT)).await;
        assert_eq!(reply.said(), (422, "identity.password_wrong"));
    }
    let reply = house.owner.put("password", change(PASSWORD, NEXT)).await;
    assert_eq!(reply.said(), (429, "identity.throttled"));
});

both_engines!(two_changes_at_once_leave_one_password, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut other = house.browser();
    other.sign_in(OWNER).await;
    let (one, two) = tokio::join!(
        house.owner.put("password", change(PASSWORD, NEXT)),
        other.put("password", change(PASSWORD, "eleven grey boats rest")),
    );
    let well = [one.status, two.status].iter().filter(|status| **status == 200).count();
    assert_eq!(well, 1, "{} {}", one.body, two.body);
});
