//! Attempts of tenant B on tenant A through the doors every context has. None may show, change or reveal
//! anything.
use wh_db::{Reads, args};
use wh_testkit::both_engines;

use super::{ALL, INSERT, LEAKS, ask, begin, change, code, owned, sees, two};

both_engines!(a_plain_select_shows_only_ones_own_rows, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    assert_eq!(sees(&t, b.tenant).await, [(b.item, 1)]);
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(naming_the_other_tenant_shows_nothing, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let rows =
        ask(&t, b.tenant, "SELECT id FROM leaks_item WHERE tenant_id = $1", args![a.tenant]).await.unwrap();
    assert!(rows.is_empty());
    let rows = ask(&t, b.tenant, "SELECT id FROM leaks_item WHERE id = $1", args![a.item]).await.unwrap();
    assert!(rows.is_empty());
    let count = "SELECT COUNT(*) AS n FROM leaks_item WHERE tenant_id = $1 OR tenant_id <> $1";
    assert_eq!(ask(&t, b.tenant, count, args![a.tenant]).await.unwrap()[0].int("n").unwrap(), 1);
});

both_engines!(a_join_a_subselect_and_a_union_show_nothing, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    for sql in [
        "SELECT p.id FROM leaks_part p JOIN leaks_item i ON i.id = p.item_id WHERE i.id = $1",
        "SELECT 1 AS x WHERE EXISTS (SELECT 1 FROM leaks_item WHERE id = $1)",
        "SELECT id FROM leaks_part WHERE item_id = $1 UNION ALL SELECT id FROM leaks_item WHERE id = $1",
        "WITH theirs AS (SELECT id FROM leaks_item WHERE id = $1) SELECT id FROM theirs",
    ] {
        assert!(ask(&t, b.tenant, sql, args![a.item]).await.unwrap().is_empty(), "{sql}");
    }
});

both_engines!(a_tenant_that_owns_nothing_sees_nothing, LEAKS, async |t| {
    two(&t).await;
    assert_eq!(sees(&t, t.cx.next_id()).await, []);
});

both_engines!(an_update_of_the_others_row_touches_nothing, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let sql = "UPDATE leaks_item SET n = 9 WHERE tenant_id = $1 AND id = $2";
    let touched = change(&t, b.tenant, sql, args![a.tenant, a.item]).await;
    // SQLite's guard says so; PostgreSQL's policy makes the row invisible.
    assert!(matches!(code(touched), "db.tenant" | "ok"));
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(an_update_without_a_tenant_changes_no_foreign_row, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let touched = change(&t, b.tenant, "UPDATE leaks_item SET n = 9", args![]).await;
    match t.kind {
        wh_testkit::engines::EngineKind::Sqlite => {
            assert_eq!(code(touched), "db.tenant");
            assert_eq!(sees(&t, b.tenant).await, [(b.item, 1)], "nothing is changed at all");
        }
        wh_testkit::engines::EngineKind::Postgres => assert_eq!(touched.unwrap(), 1),
    }
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(a_delete_without_a_tenant_removes_no_foreign_row, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let touched = change(&t, b.tenant, "DELETE FROM leaks_item", args![]).await;
    match t.kind {
        wh_testkit::engines::EngineKind::Sqlite => assert_eq!(code(touched), "db.tenant"),
        wh_testkit::engines::EngineKind::Postgres => assert_eq!(touched.unwrap(), 1),
    }
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(an_insert_in_the_others_name_is_refused, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let id = t.cx.next_id::<uuid::Uuid>();
    assert_eq!(code(change(&t, b.tenant, INSERT, args![a.tenant, id, "planted", 1]).await), "db.tenant");
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(moving_ones_own_row_to_the_other_tenant_is_refused, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let lonely = owned(&t, "lonely").await;
    change(&t, lonely.tenant, "DELETE FROM leaks_part WHERE tenant_id = $1", args![lonely.tenant])
        .await
        .unwrap();
    let sql = "UPDATE leaks_item SET tenant_id = $2 WHERE tenant_id = $1";
    assert_eq!(code(change(&t, lonely.tenant, sql, args![lonely.tenant, a.tenant]).await), "db.tenant");
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
    assert_eq!(sees(&t, b.tenant).await, [(b.item, 1)]);
    assert_eq!(sees(&t, lonely.tenant).await, [(lonely.item, 1)]);
});

both_engines!(a_unique_key_is_ones_own, LEAKS, async |t| {
    // Both own a `box`: the key carries the tenant, so a taken name says nothing about others.
    let (_, b) = two(&t).await;
    let id = t.cx.next_id::<uuid::Uuid>();
    assert_eq!(code(change(&t, b.tenant, INSERT, args![b.tenant, id, "box", 1]).await), "db.unique");
    assert_eq!(code(change(&t, b.tenant, INSERT, args![b.tenant, id, "crate", 1]).await), "ok");
});

both_engines!(the_others_id_can_be_used_and_reveals_nothing, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    assert_eq!(code(change(&t, b.tenant, INSERT, args![b.tenant, a.item, "same-id", 5]).await), "ok");
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(a_foreign_key_to_the_others_row_is_refused, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let sql = "INSERT INTO leaks_part (tenant_id, id, item_id, name) VALUES ($1, $2, $3, 'grip')";
    let id = t.cx.next_id::<uuid::Uuid>();
    assert_eq!(code(change(&t, b.tenant, sql, args![b.tenant, id, a.item]).await), "db.foreign_key");
    let missing = t.cx.next_id::<uuid::Uuid>();
    assert_eq!(
        code(change(&t, b.tenant, sql, args![b.tenant, id, missing]).await),
        "db.foreign_key",
        "the same answer"
    );
    let sql = "UPDATE leaks_part SET item_id = $2 WHERE tenant_id = $1";
    assert_eq!(code(change(&t, b.tenant, sql, args![b.tenant, a.item]).await), "db.foreign_key");
    assert_eq!(code(change(&t, b.tenant, sql, args![b.tenant, b.item]).await), "ok");
});

both_engines!(on_conflict_against_the_others_row_reveals_nothing, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let sql = "INSERT INTO leaks_item (tenant_id, id, slug, n) VALUES ($1, $2, $3, 7) \
               ON CONFLICT (tenant_id, id) DO UPDATE SET n = 7";
    let hidden = code(change(&t, b.tenant, sql, args![a.tenant, a.item, "x"]).await);
    let missing = code(change(&t, b.tenant, sql, args![a.tenant, t.cx.next_id::<uuid::Uuid>(), "y"]).await);
    assert_eq!((hidden, missing), ("db.tenant", "db.tenant"), "a hidden row and a missing one answer alike");
    let sql = "INSERT INTO leaks_item (tenant_id, id, slug, n) VALUES ($1, $2, 'box', 7) \
               ON CONFLICT (tenant_id, slug) DO NOTHING";
    let own = change(&t, b.tenant, sql, args![b.tenant, t.cx.next_id::<uuid::Uuid>()]).await;
    assert_eq!(own.unwrap(), 0, "one's own box is met");
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

both_engines!(insert_select_takes_only_ones_own_rows, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let sql = "INSERT INTO leaks_part (tenant_id, id, item_id, name) \
               SELECT tenant_id, id, id, slug FROM leaks_item WHERE tenant_id = $1";
    assert_eq!(change(&t, b.tenant, sql, args![a.tenant]).await.unwrap(), 0);
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant]).await.unwrap(), 1);
});

both_engines!(a_subselect_inside_a_change_sees_only_ones_own_rows, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    change(&t, a.tenant, "UPDATE leaks_item SET n = 77 WHERE tenant_id = $1", args![a.tenant]).await.unwrap();
    let sql = "UPDATE leaks_part SET name = coalesce((SELECT 'seen' FROM leaks_item WHERE n = 77), 'not seen') \
               WHERE tenant_id = $1";
    change(&t, b.tenant, sql, args![b.tenant]).await.unwrap();
    let rows = ask(&t, b.tenant, "SELECT name FROM leaks_part", args![]).await.unwrap();
    assert_eq!(rows[0].text("name").unwrap(), "not seen");
    let sql =
        "DELETE FROM leaks_part WHERE tenant_id = $1 AND EXISTS (SELECT 1 FROM leaks_item WHERE n = 77)";
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant]).await.unwrap(), 0);
});

both_engines!(a_cascade_stays_with_its_tenant, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let sql = "DELETE FROM leaks_item WHERE tenant_id = $1 AND id = $2";
    assert_eq!(change(&t, b.tenant, sql, args![b.tenant, b.item]).await.unwrap(), 1);
    let count = "SELECT COUNT(*) AS n FROM leaks_part";
    assert_eq!(ask(&t, b.tenant, count, args![]).await.unwrap()[0].int("n").unwrap(), 0);
    assert_eq!(ask(&t, a.tenant, count, args![]).await.unwrap()[0].int("n").unwrap(), 1);
});

both_engines!(the_same_prepared_statement_serves_two_tenants, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    for _ in 0..4 {
        assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
        assert_eq!(sees(&t, b.tenant).await, [(b.item, 1)]);
        let mut tx = begin(&t, a.tenant).await;
        assert_eq!(tx.rows(ALL, args![]).await.unwrap()[0].uuid::<uuid::Uuid>("id").unwrap(), a.item);
        tx.rollback().await.unwrap();
        let mut tx = begin(&t, b.tenant).await;
        assert_eq!(tx.rows(ALL, args![]).await.unwrap()[0].uuid::<uuid::Uuid>("id").unwrap(), b.item);
        tx.rollback().await.unwrap();
    }
});

both_engines!(tenants_at_the_same_time_do_not_mix, LEAKS, async |t| {
    let mut tenants = Vec::new();
    for number in 0..12 {
        tenants.push(owned(&t, &format!("item-{number}")).await);
    }
    let tasks: Vec<_> = tenants
        .into_iter()
        .map(|mine| {
            let db = t.cx.db.clone();
            tokio::spawn(async move {
                for round in 0..20 {
                    let mut read = db.read(mine.tenant).await.unwrap();
                    let rows = read.rows(ALL, args![]).await.unwrap();
                    assert_eq!((rows.len(), rows[0].uuid::<uuid::Uuid>("id").unwrap()), (1, mine.item));
                    drop(read);
                    let mut tx = db.begin(mine.tenant).await.unwrap();
                    let sql = "UPDATE leaks_item SET n = $2 WHERE tenant_id = $1 RETURNING id";
                    let rows = tx.rows(sql, args![mine.tenant, round]).await.unwrap();
                    assert_eq!((rows.len(), rows[0].uuid::<uuid::Uuid>("id").unwrap()), (1, mine.item));
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
});

both_engines!(ten_thousand_tenants_each_see_one_row, LEAKS, async |t| {
    const TENANTS: usize = 10_000;
    let owners: Vec<(wh_contract::TenantId, uuid::Uuid)> =
        (0..TENANTS).map(|_| (t.cx.next_id(), t.cx.next_id())).collect();
    // The system login may write for all; in portions that stay below the writer's limit.
    for portion in owners.chunks(500) {
        let mut tx = t.system.begin("a test fills the table").await.unwrap();
        let rows: Vec<_> =
            portion.iter().map(|(tenant, id)| args![*tenant, *id, "one", 1].to_vec()).collect();
        tx.run_many(INSERT, &rows).await.unwrap();
        tx.commit().await.unwrap();
    }
    for (tenant, id) in owners.iter().step_by(97) {
        assert_eq!(sees(&t, *tenant).await, [(*id, 1)]);
        let mut read = t.cx.db.read(*tenant).await.unwrap();
        let count =
            read.row("SELECT COUNT(*) AS n FROM leaks_item", args![]).await.unwrap().int("n").unwrap();
        assert_eq!(count, 1);
    }
});
