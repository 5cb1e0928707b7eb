//! Futures that are dropped at any moment: the connection goes back clean or not at all.
use std::time::Duration;

use futures_util::FutureExt;
use wh_db::{DbLimits, Reads, args, codes};
use wh_testkit::one_engine;

use super::{admin, limited, until};
use crate::counted::{refusals, slow_statements};
use crate::leaks::{ALL, INSERT, LEAKS, sees, two};

/// One connection, so that the next user gets exactly the one that was left behind.
const ONE: DbLimits = DbLimits {
    connections_max: 1,
    queue_max: 64,
    wait_ms_max: 10_000,
    statement_ms_max: 20_000,
    held_ms_max: 50,
    idle_in_transaction_ms_max: 20_000,
    file_bytes_max: 0,
    slow_statement_ms: 100,
};
/// Long enough to be in the way, and cancelled long before its end.
const ENDLESS: &str = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000) \
     SELECT COUNT(*) AS n FROM c";
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
     AND query LIKE 'WITH RECURSIVE c%'";
const IN_TRANSACTION: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND state LIKE 'idle in transaction%'";

one_engine!(postgres, a_transaction_dropped_between_statements_is_rolled_back_at_once, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let db = limited(&t, ONE).await;
    for _ in 0..25 {
        let mut tx = db.begin(a.tenant).await.unwrap();
        tx.run("UPDATE leaks_item SET n = 99 WHERE tenant_id = $1", args![a.tenant]).await.unwrap();
        drop(tx);
        // The same connection, the next tenant, at once.
        let mut tx = db.begin(b.tenant).await.unwrap();
        let rows = tx.rows(ALL, args![]).await.unwrap();
        assert_eq!((rows.len(), rows[0].uuid::<uuid::Uuid>("id").unwrap()), (1, b.item));
        tx.commit().await.unwrap();
    }
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
    until(&admin(&t).await, IN_TRANSACTION, 0).await;
});

one_engine!(postgres, a_future_dropped_at_its_first_poll_leaves_a_clean_connection, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let db = limited(&t, ONE).await;
    let mut unanswered = 0;
    for _ in 0..25 {
        let mut tx = db.begin(a.tenant).await.unwrap();
        // Polled once: BEGIN, the tenant and the statement are on their way. A quick server may answer within that
        // poll; the case of this test is the other one, so it is counted.
        let sent =
            tx.run("UPDATE leaks_item SET n = 99 WHERE tenant_id = $1", args![a.tenant]).now_or_never();
        unanswered += usize::from(sent.is_none());
        drop(tx);
        let mut tx = db.begin(b.tenant).await.unwrap();
        let rows = tx.rows(ALL, args![]).await.unwrap();
        assert_eq!((rows.len(), rows[0].uuid::<uuid::Uuid>("id").unwrap()), (1, b.item));
        drop(tx);
        let mut read = db.read(a.tenant).await.unwrap();
        unanswered += usize::from(read.rows(ALL, args![]).now_or_never().is_none());
        drop(read);
    }
    assert!(unanswered > 0, "every statement was answered within its first poll");
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

one_engine!(postgres, a_dropped_long_statement_is_cancelled, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let db = limited(&t, ONE).await;
    let admin = admin(&t).await;
    let mut tx = db.begin(a.tenant).await.unwrap();
    tokio::select! {
        answer = tx.rows(ENDLESS, args![]) => panic!("it ended: {answer:?}"),
        () = until(&admin, RUNNING, 1) => {}
    }
    drop(tx);
    until(&admin, RUNNING, 0).await;
    let mut read = db.read(b.tenant).await.unwrap();
    assert_eq!(read.rows(ALL, args![]).await.unwrap().len(), 1);
});

one_engine!(postgres, a_dropped_wait_for_a_lock_is_over, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let admin = admin(&t).await;
    let mut holder = t.cx.db.begin(a.tenant).await.unwrap();
    holder.lock("leaks.limit").await.unwrap();
    let mut waiter = t.cx.db.begin(a.tenant).await.unwrap();
    tokio::select! {
        answer = waiter.lock("leaks.limit") => panic!("it got the lock: {answer:?}"),
        () = until(&admin, WAITING, 1) => {}
    }
    drop(waiter);
    until(&admin, WAITING, 0).await;
    holder.commit().await.unwrap();
    until(
        &admin,
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
                   (SELECT oid FROM pg_database WHERE datname = current_database())",
        0,
    )
    .await;
});

one_engine!(postgres, a_commit_dropped_on_its_way_still_happens_with_its_hook, LEAKS, async |t| {
    const COMMITS: usize = 5;
    let (a, _) = two(&t).await;
    let mut unanswered = 0;
    for n in 0..COMMITS {
        let (told, hears) = tokio::sync::oneshot::channel();
        let mut tx = t.cx.db.begin(a.tenant).await.unwrap();
        tx.run(INSERT, args![a.tenant, t.cx.next_id::<uuid::Uuid>(), format!("more {n}"), 1]).await.unwrap();
        tx.on_commit(move || {
            let _ = told.send(());
        });
        // A quick server may answer within the first poll; the case of this test is the other one, so it is counted.
        unanswered += usize::from(tx.commit().now_or_never().is_none());
        tokio::time::timeout(Duration::from_secs(10), hears).await.unwrap().unwrap();
    }
    assert!(unanswered > 0, "every commit was answered within its first poll");
    assert_eq!(sees(&t, a.tenant).await.len(), 1 + COMMITS);
});

one_engine!(postgres, thousand_futures_dropped_at_random_moments, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let limits = DbLimits { connections_max: 4, ..ONE };
    let db = limited(&t, limits).await;
    let work = |round: u64| {
        let (db, mine, other) = (
            db.clone(),
            if round.is_multiple_of(2) { &a } else { &b },
            if round.is_multiple_of(2) { &b } else { &a },
        );
        let (tenant, item, stranger) = (mine.tenant, mine.item, other.tenant);
        async move {
            let use_case = async {
                let mut tx = db.begin(tenant).await.unwrap();
                let rows = tx.rows(ALL, args![]).await.unwrap();
                assert_eq!((rows.len(), rows[0].uuid::<uuid::Uuid>("id").unwrap()), (1, item));
                tx.run("UPDATE leaks_item SET n = n + 1 WHERE tenant_id = $1", args![tenant]).await.unwrap();
                let theirs =
                    tx.rows("SELECT id FROM leaks_item WHERE tenant_id = $1", args![stranger]).await.unwrap();
                assert!(theirs.is_empty());
                tx.rollback().await.unwrap();
            };
            let _ = tokio::time::timeout(Duration::from_micros(round * 37 % 4_000), use_case).await;
        }
    };
    for round in 0..250 {
        let base = round * 4;
        tokio::join!(work(base), work(base + 1), work(base + 2), work(base + 3));
    }
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
    assert_eq!(sees(&t, b.tenant).await, [(b.item, 1)]);
    until(&admin(&t).await, IN_TRANSACTION, 0).await;
});

one_engine!(postgres, a_slow_statement_is_stopped_and_named, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let db = limited(&t, DbLimits { statement_ms_max: 100, slow_statement_ms: 20, ..ONE }).await;
    let counted = (slow_statements("read"), refusals("postgres", &codes::STATEMENT_SLOW));
    let mut read = db.read(a.tenant).await.unwrap();
    assert!(read.rows(ENDLESS, args![]).await.unwrap_err().is(&codes::STATEMENT_SLOW));
    assert!(slow_statements("read") > counted.0 && refusals("postgres", &codes::STATEMENT_SLOW) > counted.1);
    drop(read);
    let mut read = db.read(a.tenant).await.unwrap();
    assert_eq!(read.rows(ALL, args![]).await.unwrap().len(), 1, "the connection serves on");
});

one_engine!(postgres, a_full_pool_says_busy_and_serves_again, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let db = limited(&t, DbLimits { wait_ms_max: 1_000, ..ONE }).await;
    let counted = refusals("postgres", &codes::BUSY);
    let mut held = db.read(a.tenant).await.unwrap();
    held.rows(ALL, args![]).await.unwrap();
    assert!(db.read(a.tenant).await.map(|_| ()).unwrap_err().is(&codes::BUSY));
    assert!(db.begin(a.tenant).await.map(|_| ()).unwrap_err().is(&codes::BUSY));
    assert!(refusals("postgres", &codes::BUSY) >= counted + 2, "of who reads and of who changes");
    drop(held);
    let mut read = db.read(a.tenant).await.unwrap();
    assert_eq!(read.rows(ALL, args![]).await.unwrap().len(), 1);
});

one_engine!(postgres, a_queue_that_is_full_refuses_at_once, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let db = limited(&t, DbLimits { queue_max: 0, wait_ms_max: 60_000, ..ONE }).await;
    let counted = refusals("postgres", &codes::BUSY);
    let mut held = db.read(a.tenant).await.unwrap();
    held.rows(ALL, args![]).await.unwrap();
    // The one place beside the connection is taken by this waiting call; the next is refused without waiting.
    let waiting = db.read(a.tenant);
    tokio::pin!(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    assert!(db.read(a.tenant).await.map(|_| ()).unwrap_err().is(&codes::BUSY));
    assert!(refusals("postgres", &codes::BUSY) > counted);
    drop(held);
    assert_eq!(waiting.await.unwrap().rows(ALL, args![]).await.unwrap().len(), 1);
});
