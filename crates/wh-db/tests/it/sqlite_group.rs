//! The shared commit of the `SQLite` writer: who is dropped loses only their own, who is acknowledged is on disk, who takes too long
//! is undone, and what would kill the group is refused or answered by a retry.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Barrier;
use wh_base::{OsRandom, SystemClock};
use wh_contract::{PanelId, TenantId, events::PanelCreated};
use wh_db::{
    Context, DbConfig, EngineConfig, MigrationFile, MigrationText, Migrations, Reads, TenantTx, args, codes,
};
use wh_testkit::engines::TestDb;
use wh_testkit::one_engine;

use super::counted::{held_too_long, refusals};

const TABLES: &str = "
CREATE TABLE group_item (
  tenant_id uuid NOT NULL, id uuid NOT NULL, n bigint NOT NULL CHECK (n >= 0), slug text,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, slug));
";
pub(crate) const GROUP: &[Migrations] = &[Migrations {
    context: "group",
    files: &[MigrationFile { name: "0001_group", text: MigrationText::Portable(TABLES) }],
}];
const INSERT: &str = "INSERT INTO group_item (tenant_id, id, n) VALUES ($1, $2, $3)";
/// Long enough for any limit of these tests: 3 * 10^7 steps.
const LONG: &str = "WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x WHERE a < 30000000) SELECT COUNT(*) AS n FROM x";

async fn insert(tx: &mut TenantTx, cx: &Context, n: i64) {
    let id: PanelId = cx.next_id();
    tx.run(INSERT, args![tx.tenant(), id, n]).await.unwrap();
}

async fn count(cx: &Context, tenant: TenantId) -> i64 {
    let mut read = cx.db.read(tenant).await.unwrap();
    read.row("SELECT COUNT(*) AS n FROM group_item WHERE tenant_id = $1", args![tenant])
        .await
        .unwrap()
        .int("n")
        .unwrap()
}

/// A second look at the same file, as a restarted process would have.
async fn reopened(t: &TestDb) -> Context {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
    let opened = wh_db::open(&t.fresh.config, GROUP, clock.clone(), random.clone()).await.unwrap();
    Context::new(opened.db, clock, random)
}

/// The same database with other limits.
async fn limited(t: &TestDb, change: impl FnOnce(&mut DbConfig)) -> Context {
    let mut config = t.fresh.config.clone();
    change(&mut config);
    let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
    let opened = wh_db::open(&config, GROUP, clock.clone(), random.clone()).await.unwrap();
    Context::new(opened.db, clock, random)
}

/// A lease that a few statements keep to on a busy machine, and that nobody minds to wait for.
const HELD_MS_MAX: u64 = 400;
/// Rows whose slow change takes many times that.
const ROWS: i64 = 1_500;

one_engine!(sqlite, a_dropped_transaction_takes_nobody_with_it, GROUP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let start = Arc::new(Barrier::new(60));
    let mut tasks = Vec::new();
    for n in 0..60_i64 {
        let (cx, start) = (t.cx.clone(), Arc::clone(&start));
        tasks.push(tokio::spawn(async move {
            start.wait().await;
            let mut tx = cx.db.begin(tenant).await.unwrap();
            insert(&mut tx, &cx, n).await;
            match n % 3 {
                0 => tx.commit().await.unwrap(),
                1 => tx.rollback().await.unwrap(),
                _ => drop(tx),
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut read = t.cx.db.read(tenant).await.unwrap();
    let rows =
        read.rows("SELECT n FROM group_item WHERE tenant_id = $1 ORDER BY n", args![tenant]).await.unwrap();
    let kept: Vec<i64> = rows.iter().map(|row| row.int("n").unwrap()).collect();
    assert_eq!(kept, (0..60).filter(|n| n % 3 == 0).collect::<Vec<_>>());
});

one_engine!(sqlite, what_is_acknowledged_is_in_the_file, GROUP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    insert(&mut tx, &t.cx, 1).await;
    let path = t.fresh.config.clone();
    let EngineConfig::Sqlite { path } = path.engine else { return };
    let raw = rusqlite::Connection::open(path).unwrap();
    let seen = || raw.query_row("SELECT COUNT(*) FROM group_item", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(seen(), 0, "nothing before the commit");
    tx.commit().await.unwrap();
    assert_eq!(seen(), 1, "all of it after");
    let again = reopened(&t).await;
    assert_eq!(count(&again, tenant).await, 1);
});

one_engine!(sqlite, hooks_run_after_the_commit_and_before_its_answer, GROUP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let EngineConfig::Sqlite { path } = t.fresh.config.engine.clone() else { return };
    let seen = Arc::new(Mutex::new(Vec::new()));
    for n in 0..3_i64 {
        let (seen, path) = (Arc::clone(&seen), path.clone());
        let mut tx = t.cx.db.begin(tenant).await.unwrap();
        insert(&mut tx, &t.cx, n).await;
        tx.on_commit(move || {
            let raw = rusqlite::Connection::open(path).unwrap();
            let rows: i64 = raw.query_row("SELECT COUNT(*) FROM group_item", [], |row| row.get(0)).unwrap();
            seen.lock().unwrap().push(rows);
        });
        tx.commit().await.unwrap();
    }
    let mut dropped = t.cx.db.begin(tenant).await.unwrap();
    let never = Arc::clone(&seen);
    dropped.on_commit(move || never.lock().unwrap().push(-1));
    drop(dropped);
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    insert(&mut tx, &t.cx, 9).await;
    tx.on_commit(|| panic!("a hook of a test"));
    tx.commit().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
    assert_eq!(count(&t.cx, tenant).await, 4);
});

one_engine!(sqlite, an_error_undoes_its_transaction_at_once_and_poisons_it, GROUP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    insert(&mut tx, &t.cx, 1).await;
    let id: PanelId = t.cx.next_id();
    let error = tx.run(INSERT, args![tenant, id, -1]).await.unwrap_err();
    assert!(error.is(&codes::CHECK), "{error:?}");
    // The writer is free again though the failed transaction is still held.
    let mut other = t.cx.db.begin(tenant).await.unwrap();
    insert(&mut other, &t.cx, 2).await;
    other.commit().await.unwrap();
    assert_eq!(tx.run(INSERT, args![tenant, id, 1]).await.unwrap_err().code().code, codes::POISONED.code);
    assert_eq!(tx.emit(PanelCreated { panel: id }).await.unwrap_err().code().code, codes::POISONED.code);
    assert_eq!(tx.commit().await.unwrap_err().code().code, codes::POISONED.code);
    assert_eq!(count(&t.cx, tenant).await, 1);
});

one_engine!(sqlite, whoever_holds_the_writer_too_long_is_undone, GROUP, async |t| {
    let counted = (held_too_long(), refusals("sqlite", &codes::HELD_TOO_LONG));
    let cx = limited(&t, |config| config.limits.held_ms_max = HELD_MS_MAX).await;
    let tenant: TenantId = cx.next_id();
    let mut slow = cx.db.begin(tenant).await.unwrap();
    insert(&mut slow, &cx, 1).await;
    // Waits for the writer, and so for the end of the other's time.
    let mut next = cx.db.begin(tenant).await.unwrap();
    insert(&mut next, &cx, 2).await;
    next.commit().await.unwrap();
    let id: PanelId = cx.next_id();
    assert_eq!(
        slow.run(INSERT, args![tenant, id, 3]).await.unwrap_err().code().code,
        codes::HELD_TOO_LONG.code
    );
    assert_eq!(slow.commit().await.unwrap_err().code().code, codes::POISONED.code);
    assert_eq!(count(&cx, tenant).await, 1);
    assert!(held_too_long() > counted.0 && refusals("sqlite", &codes::HELD_TOO_LONG) > counted.1);
});

one_engine!(sqlite, a_commit_after_the_limit_is_refused, GROUP, async |t| {
    let counted = (held_too_long(), refusals("sqlite", &codes::HELD_TOO_LONG));
    let cx = limited(&t, |config| config.limits.held_ms_max = HELD_MS_MAX).await;
    let tenant: TenantId = cx.next_id();
    let mut slow = cx.db.begin(tenant).await.unwrap();
    insert(&mut slow, &cx, 1).await;
    cx.db.begin(tenant).await.unwrap().rollback().await.unwrap();
    assert_eq!(slow.commit().await.unwrap_err().code().code, codes::HELD_TOO_LONG.code);
    assert_eq!(count(&cx, tenant).await, 0);
    assert!(held_too_long() > counted.0 && refusals("sqlite", &codes::HELD_TOO_LONG) > counted.1);
});

one_engine!(sqlite, a_long_statement_of_a_change_ends_with_its_limit, GROUP, async |t| {
    let cx = limited(&t, |config| config.limits.held_ms_max = HELD_MS_MAX).await;
    let tenant: TenantId = cx.next_id();
    // One that only reads is interrupted; the change before it in the group lives.
    let mut first = cx.db.begin(tenant).await.unwrap();
    insert(&mut first, &cx, 1).await;
    let waiting = cx.clone();
    let (begun, told) = tokio::sync::oneshot::channel();
    let reading = tokio::spawn(async move {
        begun.send(()).unwrap();
        let mut tx = waiting.db.begin(tenant).await.unwrap();
        tx.rows(LONG, args![]).await.unwrap_err()
    });
    told.await.unwrap();
    first.commit().await.unwrap();
    let error = reading.await.unwrap();
    assert!(error.is(&codes::HELD_TOO_LONG), "{error:?}");
    assert_eq!(count(&cx, tenant).await, 1);
});

one_engine!(sqlite, a_lost_group_is_told_to_try_again, GROUP, async |t| {
    let cx = limited(&t, |config| config.limits.held_ms_max = HELD_MS_MAX).await;
    let tenant: TenantId = cx.next_id();
    let mut seed = cx.db.begin(tenant).await.unwrap();
    insert(&mut seed, &cx, 1).await;
    seed.commit().await.unwrap();
    let mut first = cx.db.begin(tenant).await.unwrap();
    insert(&mut first, &cx, 2).await;
    // The second waits, so the first one's change stays in the open group when it is its turn.
    let mut second = Box::pin(cx.db.begin(tenant));
    assert!(second.as_mut().now_or_never().is_none());
    let committing = tokio::spawn(first.commit());
    let mut second = second.await.unwrap();
    // It neither reads out nor writes a row nor ends: cutting it off costs the shared transaction.
    let endless = "UPDATE group_item SET n = 3 WHERE tenant_id = $1 AND n = (WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL \
                   SELECT a + 1 FROM x) SELECT COUNT(*) FROM x)";
    assert_eq!(second.run(endless, args![tenant]).await.unwrap_err().code().code, codes::HELD_TOO_LONG.code);
    assert!(
        committing.await.unwrap().unwrap_err().is(&codes::RETRY),
        "it was not acknowledged, and is not there"
    );
    assert_eq!(count(&cx, tenant).await, 1);
    let mut next = cx.db.begin(tenant).await.unwrap();
    insert(&mut next, &cx, 4).await;
    next.commit().await.unwrap();
    assert_eq!(count(&cx, tenant).await, 2);
});

one_engine!(sqlite, rows_written_late_fail_without_the_group, GROUP, async |t| {
    let cx = limited(&t, |config| config.limits.held_ms_max = HELD_MS_MAX).await;
    let tenant: TenantId = cx.next_id();
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    for n in 0..ROWS {
        insert(&mut tx, &cx, n).await;
    }
    tx.commit().await.unwrap();
    // Each row counts to 20,000 before it is written: the guard of a late row ends it.
    let slow = "UPDATE group_item SET n = (WITH RECURSIVE x (a) AS (SELECT group_item.n UNION ALL SELECT a + 1 FROM x \
                WHERE a < 20000) SELECT COUNT(*) FROM x) WHERE tenant_id = $1";
    let mut tx = cx.db.begin(tenant).await.unwrap();
    let error = tx.run(slow, args![tenant]).await.unwrap_err();
    assert!(error.is(&codes::HELD_TOO_LONG), "{error:?}");
    let mut read = cx.db.read(tenant).await.unwrap();
    let row = read.row("SELECT MAX(n) AS m FROM group_item", args![]).await.unwrap();
    assert_eq!(row.int("m").unwrap(), ROWS - 1);
});

one_engine!(sqlite, a_full_queue_says_busy, GROUP, async |t| {
    let counted = refusals("sqlite", &codes::BUSY);
    let cx = limited(&t, |config| {
        config.limits.held_ms_max = 60_000;
        config.limits.queue_max = 2;
        config.limits.wait_ms_max = 60_000;
    })
    .await;
    let tenant: TenantId = cx.next_id();
    let holder = cx.db.begin(tenant).await.unwrap();
    let mut queued = Vec::new();
    for _ in 0..2 {
        let mut begin = Box::pin(cx.db.begin(tenant));
        assert!(begin.as_mut().now_or_never().is_none());
        queued.push(begin);
    }
    assert!(cx.db.begin(tenant).await.err().unwrap().is(&codes::BUSY));
    assert!(refusals("sqlite", &codes::BUSY) > counted);
    drop(queued.remove(0));
    drop(holder);
    queued.remove(0).await.unwrap().commit().await.unwrap();
    cx.db.begin(tenant).await.unwrap().commit().await.unwrap();
});

one_engine!(sqlite, a_wait_has_an_end, GROUP, async |t| {
    let counted = refusals("sqlite", &codes::BUSY);
    let cx = limited(&t, |config| {
        config.limits.held_ms_max = 60_000;
        config.limits.wait_ms_max = 20;
        config.limits.connections_max = 1;
    })
    .await;
    let tenant: TenantId = cx.next_id();
    let holder = cx.db.begin(tenant).await.unwrap();
    assert!(cx.db.begin(tenant).await.err().unwrap().is(&codes::BUSY));
    drop(holder);
    cx.db.begin(tenant).await.unwrap().commit().await.unwrap();
    let reader = cx.db.read(tenant).await.unwrap();
    assert!(cx.db.read(tenant).await.err().unwrap().is(&codes::BUSY));
    assert!(refusals("sqlite", &codes::BUSY) >= counted + 2, "of the writer and of the readers");
    drop(reader);
    assert_eq!(count(&cx, tenant).await, 0);
});

one_engine!(sqlite, futures_dropped_at_any_moment_leave_the_writer_well, GROUP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let committed = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for n in 0..400_u64 {
        let (cx, committed) = (t.cx.clone(), Arc::clone(&committed));
        tasks.push(tokio::spawn(async move {
            let change = async {
                let mut tx = cx.db.begin(tenant).await?;
                let id: PanelId = cx.next_id();
                tx.run(INSERT, args![tenant, id, 1]).await?;
                tx.commit().await?;
                committed.fetch_add(1, Ordering::Relaxed);
                Ok::<(), wh_base::Error>(())
            };
            // Cut off after a time that is different for each: waiting, inside, on the way to disk.
            let _ = tokio::time::timeout(Duration::from_micros(n * 20), change).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let known = committed.load(Ordering::Relaxed) as i64;
    t.cx.db.begin(tenant).await.unwrap().commit().await.unwrap();
    // Who was cut off on the way to disk is there too: acknowledged is a part of written, never the other way round.
    let there = count(&t.cx, tenant).await;
    assert!(there >= known && there <= 400, "{there} rows, {known} acknowledged");
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    insert(&mut tx, &t.cx, 1).await;
    tx.commit().await.unwrap();
    assert_eq!(count(&t.cx, tenant).await, there + 1);
});

one_engine!(sqlite, a_full_disk_has_its_own_error_and_keeps_what_was_there, GROUP, async |t| {
    let cx = limited(&t, |config| config.limits.file_bytes_max = 400 * 1024).await;
    let tenant: TenantId = cx.next_id();
    let mut acknowledged = 0;
    let full = loop {
        let id: PanelId = cx.next_id();
        let mut tx = cx.db.begin(tenant).await.unwrap();
        let sql = "INSERT INTO group_item (tenant_id, id, n, slug) VALUES ($1, $2, 1, $3)";
        let answer = tx.run(sql, args![tenant, id, format!("{id}{}", "x".repeat(3_000))]).await;
        match answer {
            Ok(()) => tx.commit().await.unwrap(),
            Err(error) => break error,
        }
        acknowledged += 1;
        assert!(acknowledged < 1_000, "the limit of the file does not hold");
    };
    assert!(full.is(&codes::DISK_FULL), "{full:?}");
    assert_eq!(count(&cx, tenant).await, acknowledged);
    // Small changes to what is there still fit.
    let mut tx = cx.db.begin(tenant).await.unwrap();
    tx.run("DELETE FROM group_item WHERE tenant_id = $1", args![tenant]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&cx, tenant).await, 0);
});

one_engine!(sqlite, a_damaged_file_has_its_own_error, GROUP, async |t| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.db");
    std::fs::write(&path, vec![7_u8; 8192]).unwrap();
    let config = DbConfig { engine: EngineConfig::Sqlite { path }, limits: t.fresh.config.limits };
    let opened = wh_db::open(&config, GROUP, Arc::new(SystemClock), Arc::new(OsRandom)).await;
    assert!(opened.err().unwrap().is(&codes::CORRUPT));
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let config = DbConfig { engine: EngineConfig::Sqlite { path: other }, limits: t.fresh.config.limits };
    let opened = wh_db::open(&config, GROUP, Arc::new(SystemClock), Arc::new(OsRandom)).await;
    assert!(opened.err().unwrap().is(&codes::SETUP));
});

one_engine!(sqlite, tenants_identity_and_system_jobs_take_turns, GROUP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let mut tasks = Vec::new();
    for n in 0..90_i64 {
        let (cx, identity, system) = (t.cx.clone(), t.identity.clone(), t.system.clone());
        tasks.push(tokio::spawn(async move {
            let id: PanelId = cx.next_id();
            match n % 3 {
                0 => {
                    let mut tx = cx.db.begin(tenant).await.unwrap();
                    insert(&mut tx, &cx, n).await;
                    tx.commit().await.unwrap();
                }
                1 => {
                    let mut tx = identity.begin().await.unwrap();
                    tx.emit(tenant, PanelCreated { panel: id }).await.unwrap();
                    tx.commit().await.unwrap();
                }
                _ => {
                    let mut tx = system.begin("a test").await.unwrap();
                    tx.run(INSERT, args![tenant, id, n]).await.unwrap();
                    tx.commit().await.unwrap();
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count(&t.cx, tenant).await, 60);
    let EngineConfig::Sqlite { path } = &t.fresh.config.engine else { return };
    let raw = rusqlite::Connection::open(path).unwrap();
    let of = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(of("SELECT COUNT(*) FROM kernel_outbox"), 30);
    assert_eq!(of("SELECT COUNT(*) FROM kernel_system_use"), 30, "every use of a system job is written down");
});
