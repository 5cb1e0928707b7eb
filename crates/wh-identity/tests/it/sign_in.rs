//! Signing in: the same answer for strangers, throttled, bounded.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use wh_identity::{IdentityConfig, MIGRATIONS};
use wh_testkit::both_engines;

use crate::house::{self, Browser, House, OWNER, PASSWORD};

both_engines!(the_address_is_folded_and_the_password_is_not, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let mut browser = house.browser();
    assert_eq!(browser.sign_in("  ADA@Example.COM ").await.status, 201);
    let upper = PASSWORD.to_uppercase();
    assert_eq!(browser.sign_in_with(OWNER, &upper).await.said(), (401, "identity.credentials"));
});

both_engines!(a_stranger_and_a_wrong_password_get_the_same_answer, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let mut browser = house.browser();
    let mut known = browser.sign_in_with(OWNER, "not the password").await;
    let mut unknown = browser.sign_in_with("nobody@example.com", "not the password").await;
    for reply in [&mut known, &mut unknown] {
        reply.body["request_id"] = json!(null);
        reply.body["instance"] = json!(null);
        for name in ["x-request-id", "date", "content-length"] {
            reply.headers.remove(name);
        }
    }
    assert_eq!(known.said(), (401, "identity.credentials"));
    assert_eq!(known.body, unknown.body);
    assert_eq!(known.headers, unknown.headers);
});

both_engines!(a_stranger_costs_the_same_hashes_as_a_member, &[MIGRATIONS], async |t| {
    // Parameters that no other test of this process has: its metrics are shared by all of them.
    static MEMORY_KIB: AtomicU32 = AtomicU32::new(19_457);
    let memory_kib = MEMORY_KIB.fetch_add(1, Ordering::Relaxed);
    let config = IdentityConfig { password_memory_kib: memory_kib, ..house::config() };
    let node = house::node(&t, config);
    house::set_up(&node, &house::token(&node).await).await;

    let mut hashes = Vec::new();
    for (round, email) in [OWNER, "nobody@example.com", OWNER, "nobody@example.com"].into_iter().enumerate() {
        let before = house::hashes(&node, memory_kib).await;
        let mut browser = Browser::at(&node, [10, 1, 0, u8::try_from(round).expect("few")]);
        let refused = browser.sign_in_with(email, "not the password").await;
        assert_eq!(refused.said(), (401, "identity.credentials"));
        let mut after = house::hashes(&node, memory_kib).await;
        for (series, count) in before {
            *after.entry(series).or_default() -= count;
        }
        after.retain(|_, count| *count != 0);
        hashes.push(after);
    }
    let one = format!("work=\"check\",memory_kib=\"{memory_kib}\",passes=\"2\"");
    for counted in hashes {
        assert_eq!(counted, BTreeMap::from([(one.clone(), 1)]));
    }
});

both_engines!(an_account_is_throttled_whether_it_exists_or_not, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    for email in [OWNER, "nobody@example.com"] {
        for address in 0..10_u8 {
            let mut browser = Browser::at(&house.node, [10, 0, 0, address]);
            assert_eq!(browser.sign_in_with(email, "not the password").await.status, 401);
        }
        let mut browser = Browser::at(&house.node, [10, 0, 0, 200]);
        let refused = browser.sign_in(email).await;
        assert_eq!(refused.said(), (429, "identity.throttled"));
        assert!((1..=31).contains(&refused.retry_after_s()), "{}", refused.retry_after_s());
    }
    let mut browser = Browser::at(&house.node, [10, 0, 0, 201]);
    house.t.clock.advance_seconds(31);
    assert_eq!(browser.sign_in(OWNER).await.status, 201);
    // What was right does not count: one may sign in as often as one likes.
    for _ in 0..12 {
        assert_eq!(browser.sign_in(OWNER).await.status, 201);
        house.t.clock.advance_seconds(1);
    }
});

both_engines!(an_address_is_throttled_across_accounts, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    // One customer of a provider has a whole /64.
    let at = |n: u16| Browser::at(&house.node, [0x2001, 0xdb8, 7, 7, 0, 0, 0, n]);
    for n in 0..30_u16 {
        let reply = at(n).sign_in_with(&format!("guess{n}@example.com"), "not the password").await;
        assert_eq!(reply.status, 401);
    }
    let refused = at(99).sign_in(OWNER).await;
    assert_eq!(refused.said(), (429, "identity.throttled"));
    assert!((1..=7).contains(&refused.retry_after_s()), "{}", refused.retry_after_s());
    let elsewhere = Browser::at(&house.node, [0x2001, 0xdb8, 7, 8, 0, 0, 0, 1]).sign_in(OWNER).await;
    assert_eq!(elsewhere.status, 201);
});

both_engines!(more_checks_than_the_cores_can_do_soon_are_sent_away, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let places = std::thread::available_parallelism().map_or(1, usize::from) * 13;
    let tasks: Vec<_> = (0..places * 2 + 20)
        .map(|n| {
            let [high, low] = u16::try_from(n).expect("few").to_be_bytes();
            let mut browser = Browser::at(&house.node, [10, 9, high, low]);
            tokio::spawn(async move { browser.sign_in(&format!("guess{n}@example.com")).await })
        })
        .collect();
    let mut counts = [0_usize; 2];
    for task in tasks {
        let reply = task.await.expect("an answer");
        match reply.said() {
            (401, "identity.credentials") => counts[0] += 1,
            (503, "identity.busy") => {
                assert!(reply.retry_after_s() > 0);
                counts[1] += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(counts[0] >= places && counts[1] > 0, "{counts:?} with {places} places");
    assert_eq!(house.browser().sign_in(OWNER).await.status, 201);
});

both_engines!(a_hash_with_yesterdays_parameters_is_renewed_at_sign_in, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let today =
        IdentityConfig { password_memory_kib: 12_288, password_passes: 3, ..IdentityConfig::default() };
    let node = house::node(&house.t, today);
    assert!(stored(&house).await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_eq!(Browser::new(&node).sign_in_with(OWNER, "not the password").await.status, 401);
    assert!(stored(&house).await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_eq!(Browser::new(&node).sign_in(OWNER).await.status, 201);
    assert!(stored(&house).await.starts_with("$argon2id$v=19$m=12288,t=3,p=1$"));
    assert_eq!(Browser::new(&node).sign_in(OWNER).await.status, 201);
});

async fn stored(house: &House) -> String {
    let mut db = house.t.identity.read().await.expect("the database answers");
    let row = db
        .row("SELECT password_hash FROM identity_credential", wh_db::args![])
        .await
        .expect("the database answers");
    row.text("password_hash").expect("the column").to_owned()
}

both_engines!(a_clock_that_is_set_back_locks_nobody_out, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let mut browser = Browser::at(&house.node, [10, 0, 0, 7]);
    assert_eq!(browser.sign_in(OWNER).await.status, 201);
    assert_eq!(browser.sign_in_with(OWNER, "not the password").await.status, 401);
    house.t.clock.advance_seconds(-3_600);
    assert_eq!(browser.sign_in(OWNER).await.status, 201);
});
