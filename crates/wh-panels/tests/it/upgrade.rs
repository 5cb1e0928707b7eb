//! What an older build wrote of imports is read by this one: on both engines, from its tables.
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;
use wh_base::OsRandom;
use wh_db::{Migrations, Reads, args};
use wh_panels::MIGRATIONS;
use wh_testkit::engines::TestDb;
use wh_testkit::{HOME, both_engines};

/// The tables before an import told how many of its bad lines are kept.
const BEFORE: &[Migrations] = &[Migrations {
    context: "panels",
    files: &[MIGRATIONS.files[0], MIGRATIONS.files[1], MIGRATIONS.files[2], MIGRATIONS.files[3]],
}];

both_engines!(imports_of_an_older_build_say_how_many_bad_lines_they_kept, BEFORE, async |t| {
    let (panel, now) = (Uuid::from_u128(7), t.cx.clock.now());
    let mut tx = t.cx.db.begin(HOME).await.expect("the database answers");
    let sql = "INSERT INTO panels_panel (tenant_id, id, title, title_key, dataset_id, version, row_count, columns, \
               created_at, updated_at) VALUES ($1, $2, 'stock', 'stock', $2, 0, 0, $3, $4, $4)";
    tx.run(sql, args![HOME, panel, json!([]), now]).await.expect("a panel");
    for (import, bad, path) in [(1_u128, 3_i64, Some("bad/1")), (2, 200_000, Some("bad/2")), (3, 0, None)] {
        let sql = "INSERT INTO panels_import (tenant_id, id, panel_id, mode, state, row_count, bad_line_count, \
                   bad_lines_path, byte_count, started_by, started_at) \
                   VALUES ($1, $2, $3, 'replace', 'done', 1, $4, $5, 9, $3, $6)";
        let id = Uuid::from_u128(import);
        tx.run(sql, args![HOME, id, panel, bad, path, now]).await.expect("an import");
    }
    tx.commit().await.expect("the database answers");

    // The older build ends, this one starts on the same database.
    let TestDb { fresh, clock, cx, identity, system, outbox, .. } = t;
    drop((cx, identity, system, outbox));
    let opened = wh_db::open(&fresh.config, &[MIGRATIONS], clock, Arc::new(OsRandom)).await.expect("opened");
    let mut read = opened.db.read(HOME).await.expect("the database answers");
    let sql =
        "SELECT bad_lines_kept, unknown_keys FROM panels_import WHERE tenant_id = $1 ORDER BY id LIMIT 4";
    let rows = read.rows(sql, args![HOME]).await.expect("rows");
    let kept: Vec<i64> = rows.iter().map(|row| row.int("bad_lines_kept").expect("a number")).collect();
    assert_eq!(kept, [3, 50_000, 0]);
    assert!(rows.iter().all(|row| row.json_opt("unknown_keys").expect("keys").is_none()));
});
