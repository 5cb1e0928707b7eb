//! How much a key may be given, for how long, from where, and how many there may be; and what is remembered of its use.
use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Value, json};
use wh_base::{Clock, Timestamp};
use wh_identity::{IdentityConfig, MIGRATIONS};
use wh_testkit::both_engines;

use crate::house::{Browser, House, config, issued, key_of, node};

const DAY_S: i64 = 86_400;

both_engines!(a_key_holds_no_more_than_its_maker, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut bob = house.member("bob@example.com", "editor").await;
    let wish = |scopes: Value| json!({"name": "ci", "scopes": scopes});
    let table = [
        (json!([]), (422, "identity.api_key_scope")),
        (json!(["panels:read", "panels:fly"]), (422, "identity.api_key_scope")),
        (json!(["panels:read", "panels:read"]), (422, "identity.api_key_scope")),
        (json!(["panels:read", "identity:write"]), (403, "identity.api_key_above")),
        (json!(["identity:tenant"]), (403, "identity.api_key_above")),
        (json!("panels:read"), (422, "server.body_invalid")),
        (json!(["panels:read", "panels:write", "identity:read", "identity:self"]), (201, "")),
    ];
    for (scopes, said) in table {
        assert_eq!(bob.post("api-keys", wish(scopes.clone())).await.said(), said, "{scopes}");
    }
    assert_eq!(house.owner.post("api-keys", wish(json!(["identity:tenant"]))).await.status, 201);
    for name in ["", "  ", "a\u{202e}b", &"x".repeat(81)] {
        let reply = bob.post("api-keys", json!({"name": name, "scopes": ["panels:read"]})).await;
        assert_eq!(reply.said(), (422, "identity.api_key_name"), "{name:?}");
    }
});

both_engines!(every_key_ends, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let wish = |days: Value| json!({"name": "ci", "scopes": ["identity:self"], "valid_days": days});
    for days in [json!(0), json!(366), json!(u32::MAX)] {
        let reply = house.owner.post("api-keys", wish(days)).await;
        assert_eq!(reply.said(), (422, "identity.api_key_expiry"));
    }
    for days in [json!(-1), json!(1.5), json!("9")] {
        assert_eq!(house.owner.post("api-keys", wish(days)).await.said(), (422, "server.body_invalid"));
    }
    let usual = house.owner.post("api-keys", wish(Value::Null)).await.body;
    let ends = |days: i64| json!(house.t.clock.now().plus_seconds(days * DAY_S));
    assert_eq!(usual["api_key"]["expires_at"], ends(90));
    let longest = house.owner.post("api-keys", wish(json!(365))).await.body;
    assert_eq!(longest["api_key"]["expires_at"], ends(365));
    let told = house.owner.get("me").await.body["api_keys"].clone();
    assert_eq!(told, json!({"days_default": 90, "days_max": 365}));
    let strict = node(&house.t, IdentityConfig { api_key_days_max: 30, ..config() });
    let mut there = house.owner.moved(&strict);
    assert_eq!(there.get("me").await.body["api_keys"], json!({"days_default": 30, "days_max": 30}));
    assert_eq!(there.post("api-keys", wish(json!(31))).await.said(), (422, "identity.api_key_expiry"));
    assert_eq!(there.post("api-keys", wish(Value::Null)).await.body["api_key"]["expires_at"], ends(30));

    let mut program = Browser::program(&house.node, usual["secret"].as_str().expect("a text"));
    assert_eq!(program.get("me").await.status, 200);
    house.t.clock.advance_seconds(90 * DAY_S - 1);
    assert_eq!(program.get("me").await.status, 200);
    house.t.clock.advance_seconds(1);
    assert_eq!(program.get("me").await.said(), (401, "server.bearer_expired"));

    // It stays in the list for a month, so that its owner sees why a program stopped; then it is swept.
    let mut owner = house.browser();
    owner.sign_in(crate::house::OWNER).await;
    house.node.identity.upkeep_once().await.expect("a round");
    assert_eq!(owner.get("api-keys").await.body["items"].as_array().map(Vec::len), Some(2));
    house.t.clock.advance_seconds(30 * DAY_S + 1);
    house.node.identity.upkeep_once().await.expect("a round");
    owner.sign_in(crate::house::OWNER).await;
    let left = owner.get("api-keys").await.body;
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(program.get("me").await.said(), (401, "server.bearer"));
});

both_engines!(a_key_may_be_bound_to_networks, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let wish = |networks: Value| json!({"name": "ci", "scopes": ["identity:self"], "networks": networks});
    let many: Vec<String> = (0..33).map(|n| format!("10.0.{n}.0/24")).collect();
    let wrong =
        [json!(["home"]), json!(["10.0.0.0/33"]), json!(["10.0.0.0/+8"]), json!(["::1/129"]), json!(many)];
    for networks in wrong {
        let reply = house.owner.post("api-keys", wish(networks.clone())).await;
        assert_eq!(reply.said(), (422, "identity.api_key_network"), "{networks}");
    }
    let given = json!(["192.0.2.128/25", "203.0.113.7", "2001:db8:1::/48", "::ffff:198.51.100.0/120"]);
    let made = house.owner.post("api-keys", wish(given)).await;
    assert_eq!(
        made.body["api_key"]["networks"],
        json!(["192.0.2.128/25", "203.0.113.7/32", "2001:db8:1::/48", "198.51.100.0/24"])
    );
    let key = made.body["secret"].as_str().expect("a text");
    let four = |text: &str| text.parse::<std::net::Ipv4Addr>().expect("an address");
    let table: [(IpAddr, u16); 10] = [
        (four("192.0.2.128").into(), 200),
        (four("192.0.2.255").into(), 200),
        (four("192.0.2.127").into(), 403),
        (four("203.0.113.7").into(), 200),
        (four("203.0.113.8").into(), 403),
        (four("198.51.100.9").into(), 200),
        (four("198.51.100.9").to_ipv6_mapped().into(), 200),
        ("2001:db8:1:ffff::1".parse::<Ipv6Addr>().expect("an address").into(), 200),
        ("2001:db8:2::1".parse::<Ipv6Addr>().expect("an address").into(), 403),
        (four("127.0.0.1").into(), 403),
    ];
    for (address, status) in table {
        let reply = Browser::program_at(&house.node, key, address).get("me").await;
        assert_eq!(reply.status, status, "{address}");
        if status == 403 {
            assert_eq!(reply.code(), "server.bearer_network");
        }
    }
});

both_engines!(a_person_has_at_most_twenty_living_keys, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let wish = |days: u32| json!({"name": "ci", "scopes": ["identity:self"], "valid_days": days});
    for _ in 0..19 {
        issued(&mut house.owner, "api-keys", wish(90)).await;
    }
    let mut tasks = Vec::new();
    for number in 0..4 {
        let mut owner = if number % 2 == 0 { house.owner.clone() } else { house.owner.moved(&house.other) };
        tasks.push(tokio::spawn(async move { owner.post("api-keys", wish(1)).await }));
    }
    let mut made = Vec::new();
    for task in tasks {
        let reply = task.await.expect("an answer");
        if reply.status == 201 {
            made.push(reply);
        } else {
            assert_eq!(reply.said(), (409, "identity.api_key_limit"));
        }
    }
    assert_eq!(made.len(), 1, "one place was free");
    house.t.clock.advance_seconds(DAY_S);
    house.owner.sign_in(crate::house::OWNER).await;
    assert_eq!(house.owner.post("api-keys", wish(1)).await.status, 201, "an expired key takes no place");
});

async fn stored_use(house: &House) -> (Option<Timestamp>, Option<String>) {
    let mut db = house.t.identity.read().await.expect("the database answers");
    let row = db.row("SELECT used_at, used_address FROM identity_api_key", &[]).await.expect("one key");
    let address = row.text_opt("used_address").expect("a text").map(str::to_owned);
    (row.time_opt("used_at").expect("a time"), address)
}

both_engines!(the_last_use_is_written_at_most_once_a_minute_and_later, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let text = key_of(&mut house.owner, &["identity:self"]).await;
    let first = house.t.clock.now();
    let mut program = Browser::program_at(&house.node, &text, [203, 0, 113, 7]);
    assert_eq!(program.get("me").await.status, 200);
    assert_eq!(stored_use(&house).await, (None, None), "not while somebody waits");
    let seen = house.owner.get("api-keys").await.body;
    assert_eq!(seen["items"][0]["used_at"], json!(first), "this node knows it already");
    assert_eq!(seen["items"][0]["used_address"], "203.0.113.7");
    house.node.identity.upkeep_once().await.expect("a round");
    assert_eq!(stored_use(&house).await, (Some(first), Some("203.0.113.7".to_owned())));

    let mut elsewhere = Browser::program_at(&house.node, &text, [203, 0, 113, 8]);
    house.t.clock.advance_seconds(59);
    assert_eq!(elsewhere.get("me").await.status, 200);
    house.node.identity.upkeep_once().await.expect("a round");
    assert_eq!(stored_use(&house).await.0, Some(first));
    house.t.clock.advance_seconds(1);
    assert_eq!(elsewhere.get("me").await.status, 200);
    house.node.identity.upkeep_once().await.expect("a round");
    let second = (Some(first.plus_seconds(60)), Some("203.0.113.8".to_owned()));
    assert_eq!(stored_use(&house).await, second);
});
