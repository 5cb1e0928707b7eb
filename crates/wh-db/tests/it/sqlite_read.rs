//! Readers on `SQLite`: snapshots beside the writer, long statements off the async workers, limits with a name.
use std::time::Duration;

use wh_base::{OsRandom, SystemClock};
use wh_contract::{PanelId, TenantId};
use wh_db::{Context, Reads, args, codes};
use wh_testkit::one_engine;

use super::counted::{refusals, slow_statements};
use super::sqlite_group::GROUP;

/// About a second of counting.
const LONG: &str = "WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x WHERE a < 3000000) SELECT COUNT(*) AS n FROM x";
const ENDLESS: &str =
    "WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x) SELECT COUNT(*) AS n FROM x";
const COUNT: &str = "SELECT COUNT(*) AS n FROM group_item WHERE tenant_id = $1";
const INSERT: &str = "INSERT INTO group_item (tenant_id, id, n) VALUES ($1, $2, 1)";

one_engine!(sqlite, a_reader_keeps_its_snapshot_beside_the_writer, GROUP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let mut read = t.cx.db.read(tenant).await.unwrap();
    assert_eq!(read.row(COUNT, args![tenant]).await.unwrap().int("n").unwrap(), 0);
    let id: PanelId = t.cx.next_id();
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    tx.run(INSERT, args![tenant, id]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(read.row(COUNT, args![tenant]).await.unwrap().int("n").unwrap(), 0);
    let mut later = t.cx.db.read(tenant).await.unwrap();
    assert_eq!(later.row(COUNT, args![tenant]).await.unwrap().int("n").unwrap(), 1);
});

one_engine!(sqlite, a_long_statement_moves_off_the_worker_and_gives_its_answer, GROUP, async |t| {
    // One worker only: if the statement stayed on it, the second read could not overtake it.
    let config = t.fresh.config.clone();
    let overtaken = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (clock, random) = (std::sync::Arc::new(SystemClock), std::sync::Arc::new(OsRandom));
            let opened = wh_db::open(&config, GROUP, clock.clone(), random.clone()).await.unwrap();
            let cx = Context::new(opened.db, clock, random);
            let tenant: TenantId = cx.next_id();
            let mut slow = cx.db.read(tenant).await.unwrap();
            let mut quick = cx.db.read(tenant).await.unwrap();
            let order = std::cell::RefCell::new(Vec::new());
            let long = async {
                let row = slow.row(LONG, args![]).await.unwrap();
                assert_eq!(row.int("n").unwrap(), 3_000_000);
                order.borrow_mut().push("long");
            };
            let short = async {
                quick.row(COUNT, args![tenant]).await.unwrap();
                order.borrow_mut().push("short");
            };
            tokio::join!(long, short);
            // The transaction that moved still serves.
            slow.row(COUNT, args![tenant]).await.unwrap();
            order.into_inner()
        })
    })
    .join()
    .unwrap();
    assert_eq!(overtaken, ["short", "long"]);
});

one_engine!(sqlite, a_statement_without_an_end_is_stopped_and_named, GROUP, async |t| {
    let mut config = t.fresh.config.clone();
    config.limits.statement_ms_max = 60;
    config.limits.slow_statement_ms = 20;
    let counted = (slow_statements("read"), refusals("sqlite", &codes::STATEMENT_SLOW));
    let (clock, random) = (std::sync::Arc::new(SystemClock), std::sync::Arc::new(OsRandom));
    let opened = wh_db::open(&config, GROUP, clock.clone(), random.clone()).await.unwrap();
    let cx = Context::new(opened.db, clock, random);
    let tenant: TenantId = cx.next_id();
    let mut read = cx.db.read(tenant).await.unwrap();
    assert_eq!(read.row(ENDLESS, args![]).await.unwrap_err().code().code, codes::STATEMENT_SLOW.code);
    assert!(slow_statements("read") > counted.0 && refusals("sqlite", &codes::STATEMENT_SLOW) > counted.1);
    assert_eq!(read.row(COUNT, args![tenant]).await.unwrap_err().code().code, codes::POISONED.code);
    drop(read);
    let mut next = cx.db.read(tenant).await.unwrap();
    assert_eq!(next.row(COUNT, args![tenant]).await.unwrap().int("n").unwrap(), 0);
});

one_engine!(sqlite, an_abandoned_statement_gives_its_connection_back, GROUP, async |t| {
    let mut config = t.fresh.config.clone();
    config.limits.connections_max = 1;
    config.limits.statement_ms_max = 60_000;
    let (clock, random) = (std::sync::Arc::new(SystemClock), std::sync::Arc::new(OsRandom));
    let opened = wh_db::open(&config, GROUP, clock.clone(), random.clone()).await.unwrap();
    let cx = Context::new(opened.db, clock, random);
    let tenant: TenantId = cx.next_id();
    let mut read = cx.db.read(tenant).await.unwrap();
    let cut = tokio::time::timeout(Duration::from_millis(30), read.row(ENDLESS, args![])).await;
    assert!(cut.is_err());
    assert!(read.row(COUNT, args![tenant]).await.is_err(), "an abandoned transaction is over");
    // The only connection comes back, because the statement was stopped with its future.
    let mut next = cx.db.read(tenant).await.unwrap();
    assert_eq!(next.row(COUNT, args![tenant]).await.unwrap().int("n").unwrap(), 0);
});

one_engine!(sqlite, an_answer_has_a_limit, GROUP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let mut read = t.cx.db.read(tenant).await.unwrap();
    let sql =
        "WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x WHERE a < 100001) SELECT a FROM x";
    assert_eq!(read.rows(sql, args![]).await.unwrap_err().code().code, codes::ROWS_MAX.code);
});
