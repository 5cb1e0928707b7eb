//! What the guard must not break: the statements contexts write, with right answers, on both engines.
use wh_db::{Reads, args};
use wh_testkit::both_engines;

use super::{ALL, INSERT, LEAKS, ask, begin, change, sees, two};

both_engines!(on_conflict_do_update_returning_answers_what_was_stored, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let sql = "INSERT INTO leaks_item (tenant_id, id, slug, n) VALUES ($1, $2, 'box', 5) \
               ON CONFLICT (tenant_id, slug) DO UPDATE SET n = leaks_item.n + excluded.n RETURNING id, n";
    let mut tx = begin(&t, b.tenant).await;
    let row = tx.row(sql, args![b.tenant, t.cx.next_id::<uuid::Uuid>()]).await.unwrap();
    assert_eq!((row.uuid::<uuid::Uuid>("id").unwrap(), row.int("n").unwrap()), (b.item, 6));
    tx.commit().await.unwrap();
    assert_eq!(sees(&t, b.tenant).await, [(b.item, 6)]);
});

both_engines!(update_from_update_with_alias_and_with_delete, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let sql = "UPDATE leaks_item SET n = 10 FROM leaks_part \
               WHERE leaks_item.tenant_id = $1 AND leaks_part.tenant_id = $1 AND leaks_part.item_id = leaks_item.id";
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant]).await.unwrap(), 1);
    let sql = "UPDATE leaks_item AS i SET n = i.n + 1 WHERE i.tenant_id = $1";
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant]).await.unwrap(), 1);
    assert_eq!(sees(&t, b.tenant).await, [(b.item, 11)]);
    let sql = "WITH doomed AS (SELECT id FROM leaks_part WHERE tenant_id = $1) \
               DELETE FROM leaks_part WHERE tenant_id = $1 AND id IN (SELECT id FROM doomed)";
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant]).await.unwrap(), 1);
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(row_counts_are_right, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let sql = "UPDATE leaks_item SET n = 2 WHERE tenant_id = $1 AND slug = $2";
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant, "box"]).await.unwrap(), 1);
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant, "no such"]).await.unwrap(), 0);
    let sql = "DELETE FROM leaks_item WHERE tenant_id = $1";
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant]).await.unwrap(), 1, "cascaded rows are not counted");
});

both_engines!(parameters_are_bound_by_number_not_by_place, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let sql = "UPDATE leaks_item SET n = $2, slug = $3 WHERE tenant_id = $1 AND slug <> $3";
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant, 42, "renamed"]).await.unwrap(), 1);
    let sql = "SELECT n FROM leaks_item WHERE slug = $2 AND n = $1 AND n + 0 = $1";
    assert_eq!(ask(&t, b.tenant, sql, args![42, "renamed"]).await.unwrap().len(), 1);
});

both_engines!(many_rows_in_one_call, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let rows: Vec<_> = (0..250)
        .map(|number| {
            args![b.tenant, t.cx.next_id::<uuid::Uuid>(), format!("part-{number}"), number].to_vec()
        })
        .collect();
    let mut tx = begin(&t, b.tenant).await;
    tx.run_many(INSERT, &rows).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sees(&t, b.tenant).await.len(), 251);
    // One foreign row among many spoils all.
    let rows = [
        args![b.tenant, t.cx.next_id::<uuid::Uuid>(), "own", 1].to_vec(),
        args![a.tenant, t.cx.next_id::<uuid::Uuid>(), "foreign", 1].to_vec(),
    ];
    let mut tx = begin(&t, b.tenant).await;
    assert!(tx.run_many(INSERT, &rows).await.unwrap_err().is(&wh_db::codes::TENANT));
    drop(tx);
    assert_eq!(sees(&t, b.tenant).await.len(), 251);
});

both_engines!(a_limit_holds_under_the_lock, LEAKS, async |t| {
    const LIMIT: i64 = 6;
    let tenant = t.cx.next_id();
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let (db, id) = (t.cx.db.clone(), t.cx.next_id::<uuid::Uuid>());
            tokio::spawn(async move {
                let mut tx = db.begin(tenant).await.unwrap();
                tx.lock("leaks.limit").await.unwrap();
                let count = tx.row("SELECT COUNT(*) AS n FROM leaks_item", args![]).await.unwrap();
                if count.int("n").unwrap() < LIMIT {
                    let name = format!("item-{number}");
                    tx.run(INSERT, args![tenant, id, name, 1]).await.unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(sees(&t, tenant).await.len() as i64, LIMIT);
});

both_engines!(a_dropped_transaction_leaves_nothing_behind, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    for _ in 0..40 {
        let mut tx = begin(&t, a.tenant).await;
        tx.run("UPDATE leaks_item SET n = 99 WHERE tenant_id = $1", args![a.tenant]).await.unwrap();
        drop(tx);
        assert_eq!(sees(&t, b.tenant).await, [(b.item, 1)]);
        let mut read = t.cx.db.read(a.tenant).await.unwrap();
        read.rows(ALL, args![]).await.unwrap();
        drop(read);
        let mut tx = begin(&t, b.tenant).await;
        let rows = tx.rows(ALL, args![]).await.unwrap();
        assert_eq!(rows[0].uuid::<uuid::Uuid>("id").unwrap(), b.item);
        tx.rollback().await.unwrap();
    }
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(a_read_is_one_snapshot, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let mut read = t.cx.db.read(b.tenant).await.unwrap();
    let sql = "SELECT n FROM leaks_item";
    assert_eq!(read.row(sql, args![]).await.unwrap().int("n").unwrap(), 1);
    change(&t, b.tenant, "UPDATE leaks_item SET n = 2 WHERE tenant_id = $1", args![b.tenant]).await.unwrap();
    assert_eq!(read.row(sql, args![]).await.unwrap().int("n").unwrap(), 1, "as it was when the read began");
    drop(read);
    assert_eq!(sees(&t, b.tenant).await, [(b.item, 2)]);
});
