//! What a key led to: seen in lists, kept when a key is replaced by its successor, ended with a key that leaked.
use serde_json::{Value, json};
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{Browser, House, OWNER, Reply, issued};
use crate::service_accounts::account;

const DAY_S: i64 = 86_400;
const MAKES: [&str; 2] = ["identity:self", "identity:write"];

fn wish(name: &str, scopes: &[&str]) -> Value {
    json!({"name": name, "scopes": scopes})
}

/// A key that was made: its address, its id, and the program that has it.
struct Made {
    path: String,
    id: String,
    text: String,
    program: Browser,
}

impl Made {
    async fn by(house: &House, maker: &mut Browser, keys: &str, name: &str, scopes: &[&str]) -> Self {
        let (id, text) = issued(maker, keys, wish(name, scopes)).await;
        // So that the order of the ids is that of making.
        house.t.clock.advance_seconds(1);
        let program = Browser::program(&house.node, &text);
        Self { path: format!("{keys}/{id}"), id, text, program }
    }

    async fn lives(&mut self) -> bool {
        let reply = self.program.get("me").await;
        assert!(reply.status == 200 || reply.said() == (401, "server.bearer"), "{:?}", reply.body);
        reply.status == 200
    }
}

/// A chain: an account's key made one for another account, and that one a key for a third. Beside them a key of the third account
/// that its owner made.
struct Chain {
    accounts: [String; 3],
    first: Made,
    second: Made,
    third: Made,
    beside: Made,
}

impl Chain {
    async fn of(house: &mut House) -> Self {
        let mut accounts = Vec::new();
        for (name, role) in [("one", "admin"), ("two", "admin"), ("three", "viewer")] {
            accounts.push(account(&mut house.owner, name, role).await);
        }
        let keys: Vec<String> = accounts.iter().map(|account| format!("{account}/api-keys")).collect();
        let mut owner = house.owner.clone();
        let mut first = Made::by(house, &mut owner, &keys[0], "first", &MAKES).await;
        let mut second = Made::by(house, &mut first.program, &keys[1], "second", &MAKES).await;
        let third = Made::by(house, &mut second.program, &keys[2], "third", &["identity:self"]).await;
        let beside = Made::by(house, &mut owner, &keys[2], "beside", &["identity:self"]).await;
        let accounts = accounts.try_into().expect("three accounts");
        Self { accounts, first, second, third, beside }
    }

    async fn living(&mut self) -> [bool; 4] {
        [
            self.first.lives().await,
            self.second.lives().await,
            self.third.lives().await,
            self.beside.lives().await,
        ]
    }
}

/// The names of the keys that a key made, and of their accounts.
async fn names(browser: &mut Browser, key: &str) -> Vec<(String, String)> {
    let reply = browser.get(&format!("api-keys/{key}/made-keys")).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    let items = reply.body["items"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    items.iter().map(|one| (text(&one["name"]), text(&one["account"]["name"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, account)| ((*key).to_owned(), (*account).to_owned())).collect()
}

/// How many keys made with it a revocation took and left.
fn told(reply: &Reply) -> (Option<i64>, Option<i64>) {
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    (reply.body["made_keys_revoked"].as_i64(), reply.body["made_keys_living"].as_i64())
}

both_engines!(what_a_key_made_is_seen_and_ends_with_it_where_that_is_asked_for, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let mut chain = Chain::of(&mut house).await;
    let [_, two, three] = chain.accounts.clone();
    let two = house.owner.get(&format!("{two}/api-keys")).await.body;
    assert_eq!(two["items"][0]["made_by"], json!(chain.first.id));
    assert_eq!(two["items"][0]["made_by_prefix"], json!(chain.first.text[..15]));
    let three = house.owner.get(&format!("{three}/api-keys")).await.body;
    let makers: Vec<&Value> =
        three["items"].as_array().expect("a list").iter().map(|one| &one["made_by"]).collect();
    assert_eq!(makers, [&Value::Null, &json!(chain.second.id)], "a person makes keys in a browser");

    let (first, second) = (chain.first.id.clone(), chain.second.id.clone());
    assert_eq!(names(&mut house.owner, &first).await, pairs(&[("third", "three"), ("second", "two")]));
    assert_eq!(names(&mut house.owner, &second).await, pairs(&[("third", "three")]));
    assert_eq!(names(&mut house.owner, &chain.beside.id).await, pairs(&[]));
    let page = house.owner.get(&format!("api-keys/{first}/made-keys?limit=1")).await.body;
    let next = page["next_cursor"].as_str().expect("a cursor");
    let page = house.owner.get(&format!("api-keys/{first}/made-keys?limit=1&cursor={next}")).await.body;
    assert_eq!(
        (&page["items"][0]["id"], &page["next_cursor"]),
        (&json!(second), &Value::Null),
        "the second page is the last"
    );

    // Alone, it takes nothing along and says what it leaves; what it led to is known also when it is gone.
    assert_eq!(told(&house.owner.delete(&chain.second.path).await), (Some(0), Some(1)));
    assert_eq!(chain.living().await, [true, false, true, true]);
    assert_eq!(names(&mut house.owner, &first).await, pairs(&[("third", "three")]));
    assert_eq!(names(&mut house.owner, &second).await, pairs(&[("third", "three")]));

    let path = format!("{}?made_keys=revoke", chain.first.path);
    assert_eq!(told(&house.owner.delete(&path).await), (Some(1), Some(0)));
    assert_eq!(chain.living().await, [false, false, false, true]);
    assert_eq!(names(&mut house.owner, &first).await, pairs(&[]));

    let mut lines = house.t.cx.db.audit_before(tenant, i64::MAX, 3).await.expect("the trail");
    lines.reverse();
    let subjects: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.subject.clone())).collect();
    let fell = |key: &Made| ("service_account_key_revoke", format!("identity.api_key/{}", key.id));
    assert_eq!(subjects, [fell(&chain.second), fell(&chain.first), fell(&chain.third)]);
    let before = lines[2].before.as_ref().expect("how it was");
    assert_eq!((&before["name"], &before["made_by"]), (&json!("third"), &json!(second)));
});

both_engines!(a_successor_lives_until_its_maker_is_found_to_have_leaked, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let path = account(&mut house.owner, "CI", "admin").await;
    let keys = format!("{path}/api-keys");
    let mut owner = house.owner.clone();
    let mut old = Made::by(&house, &mut owner, &keys, "old", &MAKES).await;
    let mut next = Made::by(&house, &mut old.program, &keys, "next", &MAKES).await;
    // The program changes over by itself: the successor ends its maker.
    assert_eq!(told(&next.program.delete(&old.path).await), (Some(0), Some(1)));
    assert_eq!((old.lives().await, next.lives().await), (false, true));

    // Gone is gone, and nothing says that it had been there, but for what it made.
    let missing = (404, "identity.api_key_not_found");
    assert_eq!(house.owner.delete(&old.path).await.said(), missing);
    assert_eq!(house.owner.delete(&format!("api-keys/{}?made_keys=revoke", old.id)).await.said(), missing);
    let path = format!("{}?made_keys=revoke", old.path);
    assert_eq!(told(&house.owner.delete(&path).await), (Some(1), Some(0)));
    assert!(!next.lives().await);
    assert_eq!(told(&house.owner.delete(&path).await), (Some(0), Some(0)), "once more changes nothing");
});

both_engines!(a_personal_key_takes_along_what_its_owner_may_end, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let path = account(&mut house.owner, "CI", "viewer").await;
    let mut adam = house.member("adam@example.com", "admin").await;
    let mut leaked = Made::by(&house, &mut adam, "api-keys", "leaked", &MAKES).await;
    let keys = format!("{path}/api-keys");
    let mut made = Made::by(&house, &mut leaked.program, &keys, "made", &["identity:self"]).await;
    let mut little = Made::by(&house, &mut adam, "api-keys", "little", &["identity:self"]).await;
    let all = format!("{}?made_keys=revoke", leaked.path);
    let refused = adam.delete(&format!("{}?made_keys=all", leaked.path)).await;
    assert_eq!(refused.said(), (400, "server.query"));
    // A key ends keys of service accounts only with the scope for it, and then nothing has happened.
    assert_eq!(little.program.delete(&all).await.said(), (403, "server.bearer_scope"));
    assert_eq!((leaked.lives().await, made.lives().await), (true, true));
    assert_eq!(told(&adam.delete(&all).await), (Some(1), Some(0)));
    assert_eq!((leaked.lives().await, made.lives().await, little.lives().await), (false, false, true));

    // Whoever finds a key can make it harmless with all that it made.
    let mut found = Made::by(&house, &mut adam, "api-keys", "found", &MAKES).await;
    let mut made = Made::by(&house, &mut found.program, &keys, "made", &["identity:self"]).await;
    let itself = format!("{}?made_keys=revoke", found.path);
    assert_eq!(told(&found.program.delete(&itself).await), (Some(1), Some(0)));
    assert_eq!((found.lives().await, made.lives().await), (false, false));
});

both_engines!(nobody_ends_a_key_above_themselves_by_another, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut adam = house.member("adam@example.com", "admin").await;
    let one = account(&mut house.owner, "one", "admin").await;
    let two = account(&mut house.owner, "two", "admin").await;
    let keys = format!("{two}/api-keys");
    let mut owner = house.owner.clone();
    let mut first = Made::by(&house, &mut owner, &format!("{one}/api-keys"), "first", &MAKES).await;
    let mut second = Made::by(&house, &mut first.program, &keys, "second", &MAKES).await;
    let mut own = Made::by(&house, &mut second.program, &keys, "own", &["identity:self"]).await;
    // What the account made for itself stays with it, at the word of the owner behind it all.
    assert_eq!(house.owner.patch(&two, json!({"role": "owner"})).await.status, 200);
    assert_eq!((second.lives().await, own.lives().await), (false, true));

    let all = format!("{}?made_keys=revoke", first.path);
    assert_eq!(adam.delete(&all).await.said(), (403, "identity.role_above"));
    assert_eq!((first.lives().await, own.lives().await), (true, true), "all of them, or none");
    assert_eq!(told(&adam.delete(&first.path).await), (Some(0), Some(1)));
    assert_eq!(told(&house.owner.delete(&all).await), (Some(1), Some(0)));
    assert!(!own.lives().await);
});

both_engines!(another_company_s_key_led_nowhere, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut chain = Chain::of(&mut house).await;
    let mut editor = house.member("edna@example.com", "editor").await;
    let made = format!("api-keys/{}/made-keys", chain.first.id);
    assert_eq!(editor.get(&made).await.said(), (403, "server.forbidden"));
    assert_eq!(chain.third.program.get(&made).await.said(), (403, "server.forbidden"));

    let tenant = house.owner.post("tenants", json!({"name": "Difference Engines"})).await.body;
    let mut there = house.browser();
    there.sign_in(OWNER).await;
    assert_eq!(there.put("session/tenant", json!({"tenant_id": tenant["id"]})).await.status, 200);
    let missing = (404, "identity.api_key_not_found");
    assert_eq!(there.get(&made).await.said(), missing);
    let nobody = "01890000-0000-7000-8000-000000000000";
    assert_eq!(house.owner.get(&format!("api-keys/{nobody}/made-keys")).await.said(), missing);
    let personal = format!("api-keys/{}?made_keys=revoke", chain.first.id);
    assert_eq!(there.delete(&personal).await.said(), missing);
    let path = format!("{}?made_keys=revoke", chain.first.path);
    assert_eq!(there.delete(&path).await.said(), (404, "identity.service_account_not_found"));
    assert_eq!(chain.living().await, [true; 4]);
    // Nor does an account of their own lead to it, also when it is gone.
    assert_eq!(house.owner.delete(&chain.second.path).await.status, 200);
    let own = account(&mut there, "CI", "admin").await;
    for key in [&chain.first.id, &chain.second.id] {
        let path = format!("{own}/api-keys/{key}?made_keys=revoke");
        assert_eq!(there.delete(&path).await.said(), missing);
        assert_eq!(there.get(&format!("api-keys/{key}/made-keys")).await.said(), missing);
    }
    assert_eq!(chain.living().await, [true, false, true, true]);
});

both_engines!(what_an_account_led_to_falls_with_it_also_through_others, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let mut chain = Chain::of(&mut house).await;
    assert_eq!(house.owner.delete(&chain.second.path).await.status, 200);
    let [one, ..] = chain.accounts.clone();
    // Switched off, it acts no more; what it led to is somebody else's and goes on.
    assert_eq!(house.owner.patch(&one, json!({"enabled": false})).await.status, 200);
    assert!(chain.third.lives().await);
    assert_eq!(house.owner.delete(&one).await.status, 204);
    assert_eq!(chain.living().await, [false, false, false, true]);
    let mut lines = house.t.cx.db.audit_before(tenant, i64::MAX, 2).await.expect("the trail");
    lines.reverse();
    let told: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.subject.clone())).collect();
    let third = format!("identity.api_key/{}", chain.third.id);
    let gone = one.replace("service-accounts/", "identity.service_account/");
    assert_eq!(told, [("service_account_key_revoke", third), ("service_account_delete", gone)]);
});

both_engines!(what_an_account_led_to_falls_when_it_becomes_less, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut chain = Chain::of(&mut house).await;
    let [one, ..] = chain.accounts.clone();
    assert_eq!(house.owner.patch(&one, json!({"role": "editor"})).await.status, 200);
    assert_eq!(chain.living().await, [true, false, false, true], "its own key is as much as the account");
});

both_engines!(a_key_that_is_making_others_leaves_none, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let one = account(&mut house.owner, "one", "admin").await;
    let mut owner = house.owner.clone();
    let leaked = Made::by(&house, &mut owner, &format!("{one}/api-keys"), "leaked", &MAKES).await;
    let mut tasks = Vec::new();
    for number in 0..6 {
        let target = account(&mut house.owner, &format!("target {number}"), "viewer").await;
        let node = if number % 2 == 0 { &house.node } else { &house.other };
        let mut thief = Browser::program(node, &leaked.text);
        let keys = format!("{target}/api-keys");
        tasks.push(tokio::spawn(async move { thief.post(&keys, wish("kept", &["identity:self"])).await }));
    }
    let path = format!("{}?made_keys=revoke", leaked.path);
    let ended = tokio::spawn(async move { owner.delete(&path).await });
    let mut made = Vec::new();
    for task in tasks {
        let reply = task.await.expect("an answer");
        match reply.status {
            201 => made.push(reply.body["secret"].as_str().expect("a text").to_owned()),
            status => assert_eq!(status, 401, "{:?}", reply.body),
        }
    }
    let reply = ended.await.expect("an answer");
    assert_eq!(told(&reply), (i64::try_from(made.len()).ok(), Some(0)));
    for text in made {
        assert_eq!(Browser::program(&house.node, &text).get("me").await.said(), (401, "server.bearer"));
    }
});

both_engines!(who_made_what_is_forgotten_when_nothing_can_live_of_it, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut chain = Chain::of(&mut house).await;
    let count = async |house: &House| {
        let mut db = house.t.identity.read().await.expect("the database answers");
        let row = db.row("SELECT COUNT(*) AS n FROM identity_api_key_made", &[]).await.expect("a row");
        row.int("n").expect("a number")
    };
    assert_eq!(house.owner.delete(&chain.first.path).await.status, 200);
    house.node.identity.upkeep_once().await.expect("a round");
    assert_eq!(count(&house).await, 2, "what they led to lives");
    assert_eq!(chain.living().await, [false, true, true, true]);
    // Keys live for 90 days, and are shown for 30 more.
    house.t.clock.advance_seconds(120 * DAY_S);
    house.node.identity.upkeep_once().await.expect("a round");
    assert_eq!(count(&house).await, 0);
});
