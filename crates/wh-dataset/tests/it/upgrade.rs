//! What an older build wrote into the catalog is counted by this one: on both engines, from its tables.
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;
use wh_base::OsRandom;
use wh_contract::{DatasetId, TenantId};
use wh_dataset::MIGRATIONS;
use wh_db::{Migrations, Reads, args};
use wh_testkit::both_engines;
use wh_testkit::engines::TestDb;

const HOME: TenantId = TenantId(Uuid::from_u128(1));
/// The tables before the catalog knew how large bad lines are.
const BEFORE: &[Migrations] =
    &[Migrations { context: "dataset", files: &[MIGRATIONS.files[0], MIGRATIONS.files[1]] }];

both_engines!(bad_lines_that_an_older_build_kept_are_counted, BEFORE, async |t| {
    let (dataset, now) = (DatasetId(Uuid::from_u128(7)), t.cx.clock.now());
    let mut tx = t.cx.db.begin(HOME).await.unwrap();
    let sql = "INSERT INTO dataset_dataset (tenant_id, id, version, created_at) VALUES ($1, $2, 2, $3)";
    tx.run(sql, args![HOME, dataset, now]).await.unwrap();
    let kept = json!({ "count": 3, "kept": 3, "path": "tenants/x/bad", "bytes": 4_321 });
    let none = json!({ "count": 0, "kept": 0, "path": null, "bytes": 0 });
    for (version, bad) in [(1_i64, kept), (2, none)] {
        let sql = "INSERT INTO dataset_version \
                   (tenant_id, dataset_id, version, id, row_count, columns, bad_lines, created_at) \
                   VALUES ($1, $2, $3, $4, 0, $5, $6, $7)";
        let (id, columns) = (Uuid::from_u128(version.unsigned_abs().into()), json!([]));
        tx.run(sql, args![HOME, dataset, version, id, columns, bad, now]).await.unwrap();
    }
    tx.commit().await.unwrap();

    // The older build ends, this one starts on the same database.
    let TestDb { fresh, clock, cx, identity, system, outbox, .. } = t;
    drop((cx, identity, system, outbox));
    let opened = wh_db::open(&fresh.config, &[MIGRATIONS], clock, Arc::new(OsRandom)).await.unwrap();
    let mut read = opened.db.read(HOME).await.unwrap();
    let sql = "SELECT bad_bytes FROM dataset_version WHERE tenant_id = $1 ORDER BY version LIMIT 3";
    let rows = read.rows(sql, args![HOME]).await.unwrap();
    let bytes: Vec<i64> = rows.iter().map(|row| row.int("bad_bytes").unwrap()).collect();
    assert_eq!(bytes, [4_321, 0]);
});
