//! A key is done with the change that was made under it, in the same transaction: on both engines, through every door.
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use uuid::Uuid;
use wh_base::{Origin, Result};
use wh_contract::{EventId, PanelId, TenantId, events::PanelCreated};
use wh_db::{
    AuditEntry, Context, Deliver, Delivered, IDEMPOTENCY_RUNNING_S_MAX, Idempotent, IdempotentRun,
    MigrationFile, MigrationText, Migrations, Reaction, Reads, RunEnd, StoredAnswer, TenantTx, Who, args,
    codes,
};
use wh_testkit::both_engines;
use wh_testkit::engines::TestDb;

const TABLES: &str =
    "CREATE TABLE once_item (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));";
const ONCE: &[Migrations] = &[Migrations {
    context: "once",
    files: &[MigrationFile { name: "0001_once", text: MigrationText::Portable(TABLES) }],
}];

async fn begin(t: &TestDb, tenant: TenantId) -> Idempotent {
    t.cx.db.idempotency_begin(tenant, "k", b"one").await.unwrap()
}

async fn fresh(t: &TestDb, tenant: TenantId) -> IdempotentRun {
    match begin(t, tenant).await {
        Idempotent::Fresh(run) => run,
        other => panic!("{other:?}"),
    }
}

/// A transaction with one more item, not committed.
async fn changed(t: &TestDb, tenant: TenantId) -> TenantTx {
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    let sql = "INSERT INTO once_item (tenant_id, id) VALUES ($1, $2)";
    tx.run(sql, args![tenant, t.cx.next_id::<Uuid>()]).await.unwrap();
    tx
}

async fn change(t: &TestDb, tenant: TenantId) -> Result<()> {
    changed(t, tenant).await.commit().await
}

async fn count(t: &TestDb, tenant: TenantId) -> usize {
    let mut read = t.cx.db.read(tenant).await.unwrap();
    read.rows("SELECT id FROM once_item WHERE tenant_id = $1", args![tenant]).await.unwrap().len()
}

fn who(t: &TestDb) -> Who {
    Who::nobody(&Origin { address: None, request: t.cx.next_id() })
}

fn line() -> AuditEntry {
    AuditEntry { action: "item_create", subject: "once.item/1".to_owned(), before: None, after: None }
}

/// An event that was put aside.
async fn parked(t: &TestDb) -> EventId {
    const LONGER_THAN_ANY_PAUSE_S: i64 = 600;
    let (tenant, panel): (TenantId, PanelId) = (t.cx.next_id(), t.cx.next_id());
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    tx.emit(PanelCreated { panel }).await.unwrap();
    tx.commit().await.unwrap();
    let fails = [Reaction {
        context: "shop",
        kind: "panels.created",
        run: Arc::new(|_: Context, _: Delivered| {
            async { Err::<(), wh_base::Error>(codes::VALUE.error("the shop is closed")) }.boxed()
        }),
    }];
    let nobody: Deliver = Arc::new(|_: &Delivered| {});
    let put_aside = async {
        loop {
            if let Some(parked) = t.system.parked(None, 1).await.unwrap().first() {
                return parked.event.id;
            }
            t.clock.advance_seconds(LONGER_THAN_ANY_PAUSE_S);
            t.outbox.as_ref().unwrap().step(&fails, &nobody).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), put_aside).await.expect("it is put aside")
}

both_engines!(a_committed_change_is_done_whatever_is_lost_behind_it, ONCE, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let run = fresh(&t, tenant).await;
    run.within(change(&t, tenant)).await.unwrap();
    // Here its process is gone.
    assert_eq!(begin(&t, tenant).await, Idempotent::Unanswered);
    t.clock.advance_seconds(IDEMPOTENCY_RUNNING_S_MAX);
    assert_eq!(begin(&t, tenant).await, Idempotent::Unanswered, "nobody takes it over");
    // Or its commit is thought to have failed.
    assert_eq!(t.cx.db.idempotency_forget(&run).await.unwrap(), RunEnd::Done);
    assert_eq!(begin(&t, tenant).await, Idempotent::Unanswered);
    // Or all is well.
    let answer = StoredAnswer { status: 201, headers_json: "[]".to_owned(), body: b"{}".to_vec() };
    t.cx.db.idempotency_finish(run, &answer).await.unwrap();
    assert_eq!(begin(&t, tenant).await, Idempotent::Replay(answer));
    assert_eq!(count(&t, tenant).await, 1);
});

both_engines!(what_was_not_committed_leaves_the_key_free, ONCE, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let run = fresh(&t, tenant).await;
    run.within(async { changed(&t, tenant).await.rollback().await }).await.unwrap();
    run.within(async { drop(changed(&t, tenant).await) }).await;
    assert_eq!(begin(&t, tenant).await, Idempotent::Running);
    assert_eq!(t.cx.db.idempotency_forget(&run).await.unwrap(), RunEnd::NothingDone);
    fresh(&t, tenant).await;
    assert_eq!(count(&t, tenant).await, 0);
});

both_engines!(what_is_committed_beside_the_work_marks_no_key, ONCE, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let run = fresh(&t, tenant).await;
    change(&t, tenant).await.unwrap();
    let db = t.cx.db.clone();
    run.within(async { tokio::spawn(async move { db.begin(tenant).await?.commit().await }).await.unwrap() })
        .await
        .unwrap();
    // The word that a system job reads is no change of the work.
    run.within(async { t.system.read("a test").await.map(drop) }).await.unwrap();
    assert_eq!(t.cx.db.idempotency_forget(&run).await.unwrap(), RunEnd::NothingDone);
});

both_engines!(each_door_marks_the_key, ONCE, async |t| {
    let doors: [&str; 4] = ["identity", "system", "parked_retry", "another company's"];
    let event = parked(&t).await;
    for door in doors {
        let (tenant, other): (TenantId, TenantId) = (t.cx.next_id(), t.cx.next_id());
        let run = fresh(&t, tenant).await;
        let work = async {
            match door {
                "identity" => {
                    let mut tx = t.identity.begin().await?;
                    tx.audit(other, &who(&t), line()).await?;
                    tx.audit(tenant, &who(&t), line()).await?;
                    tx.commit().await
                }
                "system" => {
                    let mut tx = t.system.begin("a test").await?;
                    tx.audit(other, &who(&t), line()).await?;
                    tx.commit().await
                }
                "parked_retry" => {
                    let released = t.system.parked_retry(event, other, &who(&t), line()).await;
                    released.map(|found| assert!(found, "it was put aside"))
                }
                _ => {
                    let mut tx = changed(&t, other).await;
                    tx.audit(&who(&t), line()).await?;
                    tx.commit().await
                }
            }
        };
        Box::pin(run.within(work)).await.unwrap();
        assert_eq!(begin(&t, tenant).await, Idempotent::Unanswered, "{door}");
        assert_eq!(t.cx.db.audit_before(other, i64::MAX, 10).await.unwrap().len(), 1, "{door}");
    }
});

both_engines!(of_two_runs_with_one_key_one_commits, ONCE, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let slow = fresh(&t, tenant).await;
    t.clock.advance_seconds(IDEMPOTENCY_RUNNING_S_MAX);
    let repeat = fresh(&t, tenant).await;
    let refused = slow.within(change(&t, tenant)).await.unwrap_err();
    assert!(refused.is(&codes::KEY_TAKEN), "{refused:?}");
    assert_eq!(t.cx.db.idempotency_forget(&slow).await.unwrap(), RunEnd::NothingDone);
    assert_eq!(begin(&t, tenant).await, Idempotent::Running, "it is the repeat's now");
    repeat.within(change(&t, tenant)).await.unwrap();
    assert_eq!(begin(&t, tenant).await, Idempotent::Unanswered);
    assert_eq!(count(&t, tenant).await, 1);
});

both_engines!(two_transactions_of_one_work_mark_it_twice, ONCE, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let run = fresh(&t, tenant).await;
    run.within(change(&t, tenant)).await.unwrap();
    run.within(change(&t, tenant)).await.unwrap();
    assert_eq!((begin(&t, tenant).await, count(&t, tenant).await), (Idempotent::Unanswered, 2));
});
