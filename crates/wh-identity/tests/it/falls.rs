//! Sessions and invitations that end with something else: each with a line of its own, in the trail of the company that it was in.
use serde_json::{Value, json};
use wh_contract::TenantId;
use wh_db::AuditLine;
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{House, OWNER, PASSWORD, user_id};
use crate::trail::lines;

fn actions(lines: &[AuditLine]) -> Vec<&str> {
    lines.iter().map(|line| line.action.as_str()).collect()
}

/// How a session of these tests was.
fn device(user: &str) -> Value {
    json!({"user": user, "address": "127.0.0.1", "user_agent": "Firefox/140 (a test)"})
}

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

both_engines!(what_falls_with_a_member_is_in_the_trail, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let owner = user_id(&mut house.owner).await;
    let mut adam = house.member("adam@example.com", "owner").await;
    let me = adam.get("me").await.body;
    let (adams, first) = (id(&me["user"]["id"]), id(&me["session_id"]));
    let second = id(&house.browser().sign_in("adam@example.com").await.body["session_id"]);
    let mut invited = Vec::new();
    for role in ["owner", "viewer"] {
        let email = format!("{role}s@example.com");
        let made = adam.post("invitations", json!({"email": email, "role": role})).await.body;
        invited.push((id(&made["invitation"]["id"]), json!({"email": email, "role": role})));
    }
    let so_far = lines(&house, tenant).await.len();

    let path = format!("members/{adams}");
    assert_eq!(house.owner.patch(&path, json!({"role": "admin"})).await.status, 200);
    let told = lines(&house, tenant).await.split_off(so_far);
    assert_eq!(actions(&told), ["invitation_revoke", "member_update"]);
    let (above, was) = &invited[0];
    assert_eq!(told[0].subject, format!("identity.invitation/{above}"));
    assert_eq!((told[0].before.as_ref(), &told[0].after), (Some(was), &None));

    assert_eq!(house.owner.delete(&path).await.status, 204);
    let told = lines(&house, tenant).await.split_off(so_far + told.len());
    assert_eq!(actions(&told), ["invitation_revoke", "session_revoke", "session_revoke", "member_remove"]);
    let (below, was) = &invited[1];
    assert_eq!(told[0].subject, format!("identity.invitation/{below}"));
    assert_eq!(told[0].before.as_ref(), Some(was));
    let mut ended: Vec<&str> = told[1..3].iter().map(|line| line.subject.as_str()).collect();
    ended.sort_unstable();
    let mut wanted = [format!("identity.session/{first}"), format!("identity.session/{second}")];
    wanted.sort_unstable();
    assert_eq!(ended, wanted);
    for line in &told {
        assert_eq!(line.user.map(|user| user.to_string()).as_ref(), Some(&owner), "who did it");
    }
    for line in &told[1..3] {
        assert_eq!((&line.before, &line.after), (&Some(device(&adams)), &None));
    }
});

both_engines!(each_company_has_the_ends_of_the_sessions_that_were_in_it, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let home = house.tenant().await;
    let owner = user_id(&mut house.owner).await;
    let made = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    let there: TenantId = id(&made["id"]).parse().expect("a company");
    let mut phone = house.browser();
    let left = id(&phone.sign_in(OWNER).await.body["session_id"]);
    let so_far = [lines(&house, home).await.len(), lines(&house, there).await.len()];
    let new = async |house: &House| {
        let (at_home, elsewhere) = (lines(house, home).await, lines(house, there).await);
        (at_home[so_far[0]..].to_vec(), elsewhere[so_far[1]..].to_vec())
    };

    let switched = phone.put("session/tenant", json!({"tenant_id": made["id"]})).await;
    assert_eq!(switched.status, 200, "{:?}", switched.body);
    let gone_to = id(&switched.body["session_id"]);
    let (at_home, elsewhere) = new(&house).await;
    assert_eq!((actions(&at_home), actions(&elsewhere)), (vec!["session_switch"], vec!["session_switch"]));
    assert_eq!(at_home[0].subject, format!("identity.session/{left}"));
    // Not where to.
    assert_eq!((&at_home[0].before, &at_home[0].after), (&Some(device(&owner)), &None));
    assert_eq!(elsewhere[0].subject, format!("identity.session/{gone_to}"));

    let own = id(&house.owner.get("me").await.body["session_id"]);
    let next = json!({"current": PASSWORD, "new": "nine teal kettles sing"});
    let changed = house.owner.put("password", next).await;
    assert_eq!(changed.status, 200, "{:?}", changed.body);
    let (at_home, elsewhere) = new(&house).await;
    assert_eq!(actions(&elsewhere), ["session_switch", "session_revoke"]);
    assert_eq!(elsewhere[1].subject, format!("identity.session/{gone_to}"));
    assert_eq!(elsewhere[1].before, Some(device(&owner)));
    assert_eq!(actions(&at_home), ["session_switch", "password_change"]);
    assert_eq!(at_home[1].before, Some(json!({"session": own})));
    let after = json!({"session": changed.body["session_id"], "other_sessions_ended": 1});
    assert_eq!(at_home[1].after, Some(after));

    assert_eq!(house.owner.delete("session").await.status, 204);
    let (at_home, _) = new(&house).await;
    let end = at_home.last().expect("a line");
    assert_eq!((end.action.as_str(), &end.before, &end.after), ("session_end", &Some(device(&owner)), &None));
});
