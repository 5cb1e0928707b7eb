//! The classes of tables: each kind of transaction sees its own and no other.
use wh_db::{Reads, args};
use wh_testkit::both_engines;

use super::{ALL, INSERT, LEAKS, ask, begin, change, code, sees, two};

both_engines!(a_tenant_reaches_no_global_table, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    assert_eq!(code(ask(&t, a.tenant, "SELECT id FROM leaks_person", args![]).await), "db.statement_refused");
    let sql = "INSERT INTO leaks_person (id, name) VALUES ($1, 'Eve')";
    assert_eq!(
        code(change(&t, a.tenant, sql, args![t.cx.next_id::<uuid::Uuid>()]).await),
        "db.statement_refused"
    );
    let sql = "SELECT slug FROM leaks_item WHERE EXISTS (SELECT 1 FROM leaks_person)";
    assert_eq!(code(ask(&t, a.tenant, sql, args![]).await), "db.statement_refused");
});

both_engines!(a_tenant_reaches_no_table_of_the_kernel, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    for table in
        ["kernel_outbox", "kernel_audit", "kernel_idempotency", "kernel_migration", "\"kernel_outbox\""]
    {
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        assert_eq!(code(ask(&t, a.tenant, &sql, args![]).await), "db.statement_refused", "{table}");
        let sql = format!("DELETE FROM {table}");
        assert_eq!(code(change(&t, a.tenant, &sql, args![]).await), "db.statement_refused", "{table}");
    }
});

both_engines!(identity_reaches_no_tenant_table, LEAKS, async |t| {
    two(&t).await;
    let mut read = t.identity.read().await.unwrap();
    assert_eq!(code(read.rows(ALL, args![]).await), "db.statement_refused");
    let mut tx = t.identity.begin().await.unwrap();
    assert_eq!(code(tx.run("DELETE FROM leaks_item", args![]).await), "db.statement_refused");
});

both_engines!(identity_works_on_its_global_tables, LEAKS, async |t| {
    let id = t.cx.next_id::<uuid::Uuid>();
    let mut tx = t.identity.begin().await.unwrap();
    tx.run("INSERT INTO leaks_person (id, name) VALUES ($1, $2)", args![id, "Ada"]).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = t.identity.read().await.unwrap();
    let row = read.row("SELECT name FROM leaks_person WHERE id = $1", args![id]).await.unwrap();
    assert_eq!(row.text("name").unwrap(), "Ada");
});

both_engines!(a_system_job_crosses_tenants, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let mut tx = t.system.begin("a test counts").await.unwrap();
    assert_eq!(tx.rows(ALL, args![]).await.unwrap().len(), 2);
    let sql = "UPDATE leaks_item SET n = 3 WHERE tenant_id = $1 OR tenant_id = $2";
    assert_eq!(tx.run_count(sql, args![a.tenant, b.tenant]).await.unwrap(), 2);
    tx.commit().await.unwrap();
    // The next user of the same connection is a tenant again.
    assert_eq!(sees(&t, b.tenant).await, [(b.item, 3)]);
});

both_engines!(a_reading_transaction_cannot_write, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let id = t.cx.next_id::<uuid::Uuid>();
    let mut read = t.cx.db.read(a.tenant).await.unwrap();
    assert_eq!(code(read.rows(INSERT, args![a.tenant, id, "sneaked", 1]).await), "db.statement_refused");
    let sql = "INSERT INTO leaks_item (tenant_id, id, slug, n) VALUES ($1, $2, 'sneaked', 1) RETURNING id";
    assert_eq!(code(ask(&t, a.tenant, sql, args![a.tenant, id]).await), "db.statement_refused");
});

both_engines!(a_poisoned_transaction_refuses_everything_and_leaves_nothing, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let mut tx = begin(&t, a.tenant).await;
    tx.run(INSERT, args![a.tenant, t.cx.next_id::<uuid::Uuid>(), "first", 1]).await.unwrap();
    assert_eq!(
        code(tx.run(INSERT, args![a.tenant, t.cx.next_id::<uuid::Uuid>(), "box", 1]).await),
        "db.unique"
    );
    assert_eq!(code(tx.rows(ALL, args![]).await), "db.poisoned");
    assert_eq!(
        code(tx.run(INSERT, args![a.tenant, t.cx.next_id::<uuid::Uuid>(), "second", 1]).await),
        "db.poisoned"
    );
    assert_eq!(code(tx.commit().await), "db.poisoned");
    assert_eq!(sees(&t, a.tenant).await.len(), 1, "what came before the error is undone");
});

both_engines!(a_poisoned_read_stays_poisoned, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let mut read = t.cx.db.read(a.tenant).await.unwrap();
    assert_eq!(code(read.rows("SELECT nothing FROM leaks_item", args![]).await), "db.statement");
    assert_eq!(code(read.rows(ALL, args![]).await), "db.poisoned");
});
