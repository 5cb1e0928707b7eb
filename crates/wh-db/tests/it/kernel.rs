//! What the kernel keeps beside the contexts' rows, on both engines: the audit trail and the answers to idempotency keys.
use std::net::{IpAddr, Ipv4Addr};

use uuid::Uuid;
use wh_base::Origin;
use wh_contract::{TenantId, UserId};
use wh_db::{
    AuditEntry, IDEMPOTENCY_KEPT_S, IDEMPOTENCY_RUNNING_S_MAX, Idempotent, IdempotentRun, MigrationFile,
    MigrationText, Migrations, Progress, StoredAnswer, Who, args,
};
use wh_testkit::both_engines;
use wh_testkit::engines::TestDb;

const TABLES: &str =
    "CREATE TABLE keep_item (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));";
const KEEP: &[Migrations] = &[Migrations {
    context: "keep",
    files: &[MigrationFile { name: "0001_keep", text: MigrationText::Portable(TABLES) }],
}];

fn entry(action: &'static str, after: serde_json::Value) -> AuditEntry {
    AuditEntry { action, subject: "keep.item/1".to_owned(), before: None, after: Some(after) }
}

both_engines!(the_trail_says_who_what_and_from_where, KEEP, async |t| {
    let (tenant, other): (TenantId, TenantId) = (t.cx.next_id(), t.cx.next_id());
    let (user, request): (UserId, Uuid) = (t.cx.next_id(), t.cx.next_id());
    let origin = Origin { address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))), request };
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    tx.audit(&Who::user(user, None, &origin), entry("item_create", serde_json::json!({"title": "a"})))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut undone = t.cx.db.begin(tenant).await.unwrap();
    undone.audit(&Who::nobody(&origin), entry("item_never", serde_json::json!(null))).await.unwrap();
    undone.rollback().await.unwrap();
    let mut tx = t.identity.begin().await.unwrap();
    tx.audit(tenant, &Who::nobody(&origin), entry("session_create", serde_json::json!({}))).await.unwrap();
    tx.audit(other, &Who::nobody(&origin), entry("session_create", serde_json::json!({}))).await.unwrap();
    tx.commit().await.unwrap();
    let lines = t.cx.db.audit_before(tenant, i64::MAX, 10).await.unwrap();
    let actions: Vec<&str> = lines.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["session_create", "item_create"]);
    let line = &lines[1];
    assert_eq!((line.user, line.session, line.request), (Some(user), None, request));
    assert_eq!(line.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(line.at, t.cx.clock.now());
    assert_eq!((line.before.as_ref(), line.after.as_ref()), (None, Some(&serde_json::json!({"title": "a"}))));
    assert_eq!(t.cx.db.audit_before(tenant, lines[0].seq, 10).await.unwrap().len(), 1);
    assert_eq!(t.cx.db.audit_before(other, i64::MAX, 10).await.unwrap().len(), 1);
});

async fn fresh(t: &TestDb, tenant: TenantId, key: &str) -> IdempotentRun {
    match t.cx.db.idempotency_begin(tenant, key, b"one").await.unwrap() {
        Idempotent::Fresh(run) => run,
        other => panic!("{other:?}"),
    }
}

fn answer() -> StoredAnswer {
    StoredAnswer {
        status: 201,
        headers_json: r#"{"location":"/v1/x"}"#.to_owned(),
        body: b"{\"id\":1}".to_vec(),
    }
}

fn same(replayed: &Idempotent) -> bool {
    let Idempotent::Replay(stored) = replayed else { return false };
    let headers: serde_json::Value = serde_json::from_str(&stored.headers_json).unwrap();
    stored.status == 201 && stored.body == answer().body && headers["location"] == "/v1/x"
}

both_engines!(a_key_runs_once_and_answers_again, KEEP, async |t| {
    let (tenant, other): (TenantId, TenantId) = (t.cx.next_id(), t.cx.next_id());
    let begin = async |fingerprint: &[u8]| t.cx.db.idempotency_begin(tenant, "k", fingerprint).await.unwrap();
    let run = fresh(&t, tenant, "k").await;
    assert_eq!(begin(b"one").await, Idempotent::Running);
    assert_eq!(begin(b"two").await, Idempotent::Mismatch);
    t.cx.db.idempotency_finish(run, &answer()).await.unwrap();
    assert!(same(&begin(b"one").await));
    assert_eq!(begin(b"two").await, Idempotent::Mismatch);
    // Another tenant's key of the same name is another key.
    let theirs = fresh(&t, other, "k").await;
    t.cx.db.idempotency_forget(&theirs).await.unwrap();
    fresh(&t, other, "k").await;
});

both_engines!(a_key_of_a_lost_process_is_taken_over_and_old_answers_go, KEEP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let lost = fresh(&t, tenant, "k").await;
    t.clock.advance_seconds(IDEMPOTENCY_RUNNING_S_MAX);
    let run = fresh(&t, tenant, "k").await;
    assert_ne!(lost, run);
    // The lost one comes back late: it may not write over the new run.
    t.cx.db.idempotency_finish(lost, &StoredAnswer { status: 500, ..answer() }).await.unwrap();
    assert_eq!(t.cx.db.idempotency_begin(tenant, "k", b"one").await.unwrap(), Idempotent::Running);
    t.cx.db.idempotency_finish(run, &answer()).await.unwrap();
    assert!(same(&t.cx.db.idempotency_begin(tenant, "k", b"one").await.unwrap()));
    t.clock.advance_seconds(IDEMPOTENCY_KEPT_S + 1);
    while t.outbox.as_ref().unwrap().tend().await.unwrap() == Progress::Some {}
    fresh(&t, tenant, "k").await;
});

both_engines!(of_many_at_once_one_runs, KEEP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let db = t.cx.db.clone();
        tasks.push(tokio::spawn(async move { db.idempotency_begin(tenant, "k", b"one").await.unwrap() }));
    }
    let mut runs = 0;
    for task in tasks {
        match task.await.unwrap() {
            Idempotent::Fresh(_) => runs += 1,
            other => assert_eq!(other, Idempotent::Running),
        }
    }
    assert_eq!(runs, 1);
});

both_engines!(a_system_job_reads_every_tenant_and_is_written_down, KEEP, async |t| {
    for _ in 0..3 {
        let tenant: TenantId = t.cx.next_id();
        let id: Uuid = t.cx.next_id();
        let mut tx = t.cx.db.begin(tenant).await.unwrap();
        tx.run("INSERT INTO keep_item (tenant_id, id) VALUES ($1, $2)", args![tenant, id]).await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut read = t.system.read("a test").await.unwrap();
    assert_eq!(read.rows("SELECT id FROM keep_item -- all tenants: a test", args![]).await.unwrap().len(), 3);
});
