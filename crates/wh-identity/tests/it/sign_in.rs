//! Signing in: the same answer for strangers, throttled, bounded.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use wh_identity::{IdentityConfig, MIGRATIONS};
use wh_testkit::both_engines;
use wh_testkit::engines::TestDb;

use crate::house::{self, Browser, House, Node, OWNER, PASSWORD};

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

    for (round, email) in (0..).zip([OWNER, "nobody@example.com", OWNER, "nobody@example.com"]) {
        let spent = refused(&node, [10, 1, 0, round], email, [memory_kib]).await;
        assert_eq!(spent, check(memory_kib), "{email}");
    }
});

/// The hashes with so much memory that a sign-in costs which is refused, by their labels.
async fn refused<const N: usize>(
    node: &Node,
    address: [u8; 4],
    email: &str,
    memory_kib: [u32; N],
) -> BTreeMap<String, i64> {
    let mut spent = BTreeMap::new();
    for kib in memory_kib {
        spent.extend(house::hashes(node, kib).await.into_iter().map(|(series, count)| (series, -count)));
    }
    let reply = Browser::at(node, address).sign_in_with(email, "not the password").await;
    assert_eq!(reply.said(), (401, "identity.credentials"));
    for kib in memory_kib {
        for (series, count) in house::hashes(node, kib).await {
            *spent.entry(series).or_default() += count;
        }
    }
    spent.retain(|_, count| *count != 0);
    spent
}

/// One check of a hash that was made with so much memory.
fn check(memory_kib: u32) -> BTreeMap<String, i64> {
    BTreeMap::from([(format!("work=\"check\",memory_kib=\"{memory_kib}\",passes=\"2\""), 1)])
}

/// Two settings that no other test of this process has, yesterday's and today's.
fn two_costs() -> [u32; 2] {
    static MEMORY_KIB: AtomicU32 = AtomicU32::new(20_001);
    let yesterday = MEMORY_KIB.fetch_add(2, Ordering::Relaxed);
    [yesterday, yesterday + 1]
}

fn node_with(t: &TestDb, password_memory_kib: u32) -> Node {
    house::node(t, IdentityConfig { password_memory_kib, ..house::config() })
}

both_engines!(a_stranger_costs_the_same_while_the_hashes_are_of_yesterday, &[MIGRATIONS], async |t| {
    let [yesterday, today] = two_costs();
    let node = node_with(&t, yesterday);
    house::set_up(&node, &house::token(&node).await).await;

    let node = node_with(&t, today);
    for (round, email) in (0..).zip([OWNER, "nobody@example.com"]) {
        let spent = refused(&node, [10, 1, 1, round], email, [yesterday, today]).await;
        assert_eq!(spent, check(yesterday), "{email}");
    }
    // Renewed, and with it what nobody is like.
    assert_eq!(Browser::new(&node).sign_in(OWNER).await.status, 201);
    for (round, email) in (0..).zip([OWNER, "nobody@example.com"]) {
        let spent = refused(&node, [10, 1, 2, round], email, [yesterday, today]).await;
        assert_eq!(spent, check(today), "{email}");
    }
});

both_engines!(strangers_are_like_the_accounts_that_there_are_and_stay_so, &[MIGRATIONS], async |t| {
    let [yesterday, today] = two_costs();
    let node = node_with(&t, yesterday);
    let (owner, _) = house::set_up(&node, &house::token(&node).await).await;
    let node = node_with(&t, today);
    let invitation = json!({"email": "bob@example.com", "role": "viewer"});
    let invited = owner.moved(&node).post("invitations", invitation).await.body;
    let body = json!({"token": invited["token"], "name": "Bob", "password": PASSWORD});
    assert_eq!(Browser::new(&node).post("invitations/accept", body).await.status, 201);

    let mut seen = Vec::new();
    for n in 0..40_u8 {
        let email = format!("stranger{n}@example.com");
        seen.push((n, refused(&node, [10, 1, 3, n], &email, [yesterday, today]).await, email));
    }
    let kinds: BTreeSet<_> = seen.iter().map(|(_, spent, _)| spent.clone()).collect();
    assert_eq!(kinds, BTreeSet::from([check(yesterday), check(today)]));
    // On another node, and when it was counted anew: whoever asks twice learns nothing by it.
    t.clock.advance_seconds(7_200);
    for node in [&node_with(&t, today), &node] {
        for (n, spent, email) in &seen[..6] {
            assert_eq!(refused(node, [10, 1, 4, *n], email, [yesterday, today]).await, *spent, "{email}");
        }
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
