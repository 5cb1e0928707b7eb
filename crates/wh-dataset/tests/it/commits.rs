//! Commits, handles and the sweep on both engines: who sees what, and what stays on the store.
use serde_json::{Value, json};
use wh_dataset::ingest::{IngestLimits, Staged, bad_lines_csv};
use wh_dataset::model::ColumnType::{self, Double, Int, Text};
use wh_dataset::{DatasetsConfig, ImportMode, MIGRATIONS, ViewQuery};
use wh_db::{Reads, args, replayed};
use wh_testkit::both_engines;

use crate::world::{World, first_column, query};

const COLUMNS: &[(&str, ColumnType)] = &[("n", Int), ("name", Text)];

/// Lines of these numbers.
fn numbers(numbers: std::ops::Range<i64>) -> String {
    numbers.map(|n| format!("{{\"n\":{n},\"name\":\"row {}\"}}\n", n % 7)).collect()
}

fn ints(numbers: impl IntoIterator<Item = i64>) -> Vec<Value> {
    numbers.into_iter().map(|n| json!(n)).collect()
}

async fn stage(world: &World, id: wh_contract::DatasetId, range: std::ops::Range<i64>) -> Staged {
    world.stage(id, COLUMNS, numbers(range)).await
}

both_engines!(versions_rise_and_rows_follow, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    let empty = world.handle(id).await.unwrap();
    assert_eq!((empty.version(), empty.rows(), empty.schema().is_none()), (0, 0, true));
    let first = world.import(id, COLUMNS, numbers(0..3), ImportMode::Append).await;
    assert_eq!((first.version, first.rows), (1, 3));
    let second = world.import(id, COLUMNS, numbers(3..5), ImportMode::Append).await;
    assert_eq!((second.version, second.rows), (2, 5));
    assert_eq!(world.first_column(id, 10).await, ints(0..5));
    let third = world.import(id, COLUMNS, numbers(7..9), ImportMode::Replace).await;
    assert_eq!((third.version, third.rows), (3, 2));
    assert_eq!(world.first_column(id, 10).await, ints(7..9));
    let handle = world.handle(id).await.unwrap();
    assert_eq!((handle.version(), handle.rows(), handle.segments().len()), (3, 2, 1));
    let mut tx = world.db.cx.db.begin(world.tenant).await.unwrap();
    assert_eq!(world.datasets.create(&mut tx, id).await.unwrap_err().code().code, "dataset.exists");
});

both_engines!(an_append_needs_the_same_columns, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    let other = [("n", Double), ("name", Text)];
    let staged = world.stage(id, &other, numbers(3..4)).await;
    let error = world.commit(id, staged, ImportMode::Append).await.unwrap_err();
    assert_eq!(error.code().code, "dataset.schema_differs");
    assert_eq!(error.message(), "column 1 is n (number), not n (integer)");
    let staged = world.stage(id, &other[..1], numbers(3..4)).await;
    let error = world.commit(id, staged, ImportMode::Append).await.unwrap_err();
    assert_eq!(error.code().code, "dataset.schema_differs");
    assert_eq!(world.first_column(id, 10).await, ints(0..3));
    let staged = world.stage(id, &other, numbers(3..4)).await;
    assert_eq!(world.commit(id, staged, ImportMode::Replace).await.unwrap().version, 2);
});

both_engines!(what_is_not_committed_is_not_seen, &[MIGRATIONS], async |db| {
    let mut world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    let staged = stage(&world, id, 3..5).await;
    let mut tx = world.db.cx.db.begin(world.tenant).await.unwrap();
    let lost = world.datasets.commit(&mut tx, id, staged, ImportMode::Replace).await.unwrap();
    assert_eq!(lost.version, 2);
    // The transaction itself sees it.
    let inside = world.datasets.handle(&mut tx, id).await.unwrap();
    assert_eq!(inside.version(), 2);
    tx.rollback().await.unwrap();
    assert_eq!(world.first_column(id, 10).await, ints(0..3));
    // The number comes again, with other rows: nothing of the lost one may show.
    assert_eq!(world.import(id, COLUMNS, numbers(8..9), ImportMode::Append).await.version, 2);
    let seen = ints([0, 1, 2, 8]);
    assert_eq!(world.first_column(id, 10).await, seen);
    world.restart(DatasetsConfig::default());
    assert_eq!(world.first_column(id, 10).await, seen);
});

both_engines!(a_held_handle_reads_its_version, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    let old = world.handle(id).await.unwrap();
    world.import(id, COLUMNS, numbers(3..5), ImportMode::Replace).await;
    let all = ViewQuery { limit: 10, ..ViewQuery::default() };
    assert_eq!(first_column(&world.datasets.view(&old, &all).await.unwrap()), ints(0..3));
    // Also when another process has to read it from the store, and a sweep goes by.
    world.db.clock.advance_seconds(400 * 24 * 3_600);
    world.datasets.sweep(&world.db.system).await.unwrap();
    assert_eq!(first_column(&world.datasets.view(&old, &all).await.unwrap()), ints(0..3));
    assert_eq!(world.first_column(id, 10).await, ints(3..5));
    assert_eq!(world.objects().len(), 2);
    drop(old);
    let swept = world.datasets.sweep(&world.db.system).await.unwrap();
    assert_eq!((swept.superseded, swept.orphans), (1, 0));
    assert_eq!(world.objects().len(), 1);
    assert_eq!(world.datasets.held().1, 1);
    assert_eq!(world.first_column(id, 10).await, ints(3..5));
});

both_engines!(a_reader_of_an_older_moment_leaves_nothing_in_memory, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    let all = ViewQuery { limit: 10, ..ViewQuery::default() };
    for first in [3, 6, 9] {
        // Its moment is before the commit, its handle is asked for after it.
        let mut older = world.db.cx.db.read(world.tenant).await.unwrap();
        world.datasets.handle(&mut older, id).await.unwrap();
        world.import(id, COLUMNS, numbers(first..first + 3), ImportMode::Replace).await;
        let handle = world.datasets.handle(&mut older, id).await.unwrap();
        drop(older);
        let rows = world.datasets.view(&handle, &all).await.unwrap();
        let seen =
            if handle.version() == world.handle(id).await.unwrap().version() { first } else { first - 3 };
        assert_eq!(first_column(&rows), ints(seen..seen + 3));
    }
    world.datasets.sweep(&world.db.system).await.unwrap();
    assert_eq!(world.datasets.held().1, 1);
});

both_engines!(a_reader_from_before_the_delete_leaves_nothing_in_memory, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    let mut older = world.db.cx.db.read(world.tenant).await.unwrap();
    drop(world.datasets.handle(&mut older, id).await.unwrap());
    let mut tx = world.db.cx.db.begin(world.tenant).await.unwrap();
    world.datasets.delete(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    // One engine still shows it to this reader, the other does not.
    if let Ok(handle) = world.datasets.handle(&mut older, id).await {
        let all = ViewQuery { limit: 10, ..ViewQuery::default() };
        assert_eq!(first_column(&world.datasets.view(&handle, &all).await.unwrap()), ints(0..3));
    }
    drop(older);
    world.datasets.sweep(&world.db.system).await.unwrap();
    assert_eq!(world.datasets.held().1, 0);
});

both_engines!(what_another_node_replaced_leaves_the_memory, &[MIGRATIONS], async |db| {
    let mut world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    assert_eq!(world.first_column(id, 10).await, ints(0..3));
    let here = world.datasets.clone();
    world.restart(DatasetsConfig::default());
    world.import(id, COLUMNS, numbers(3..5), ImportMode::Replace).await;
    world.datasets = here;
    assert_eq!(world.first_column(id, 10).await, ints(3..5));
    assert_eq!(world.datasets.held().1, 1);
    // What is seen in a transaction that is not committed replaces nothing.
    let staged = stage(&world, id, 5..9).await;
    let mut tx = world.db.cx.db.begin(world.tenant).await.unwrap();
    world.datasets.commit(&mut tx, id, staged, ImportMode::Replace).await.unwrap();
    assert_eq!(world.datasets.handle(&mut tx, id).await.unwrap().version(), 3);
    tx.rollback().await.unwrap();
    assert_eq!(world.first_column(id, 10).await, ints(3..5));
    assert_eq!(world.datasets.held().1, 1);
});

both_engines!(imports_that_end_at_once_all_count, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    let mut staged = Vec::new();
    for part in 0..8 {
        staged.push(stage(&world, id, part * 10..part * 10 + 10).await);
    }
    let commits = staged.into_iter().map(|staged| world.commit(id, staged, ImportMode::Append));
    let commits = futures_util::future::join_all(commits).await;
    let mut versions: Vec<u64> = commits.into_iter().map(|committed| committed.unwrap().version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>());
    let window = world.view(id, &query("", "n", 100)).await.unwrap();
    assert_eq!(first_column(&window), ints(0..80));
});

both_engines!(views_go_on_while_versions_change, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(0..10), ImportMode::Replace).await;
    let reading = async {
        for _ in 0..200 {
            let window = world.view(id, &query("", "-n", 1)).await.unwrap();
            // Versions are 10, 20, 30 … rows of 0.. upwards: a window is of one version as a whole.
            assert_eq!(first_column(&window), ints([window.total as i64 - 1]));
            assert_eq!(window.total, window.version * 10);
        }
    };
    let writing = async {
        for part in 1..12 {
            world.import(id, COLUMNS, numbers(part * 10..part * 10 + 10), ImportMode::Append).await;
        }
    };
    futures_util::join!(reading, writing);
});

both_engines!(a_stranger_has_no_such_dataset, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    let staged = stage(&world, id, 0..1).await;
    let stranger = world.db.cx.next_id();
    let mut reads = world.db.cx.db.read(stranger).await.unwrap();
    assert_eq!(world.datasets.handle(&mut reads, id).await.unwrap_err().code().code, "dataset.not_found");
    drop(reads);
    let mut tx = world.db.cx.db.begin(stranger).await.unwrap();
    assert_eq!(world.datasets.delete(&mut tx, id).await.unwrap_err().code().code, "dataset.not_found");
    let refused = world.datasets.commit(&mut tx, id, staged, ImportMode::Replace).await.unwrap_err();
    assert_eq!(refused.code().code, "dataset.not_found");
    tx.rollback().await.unwrap();
    let prefix = format!("tenants/{}/", world.tenant);
    assert!(world.objects().iter().all(|path| path.starts_with(&prefix)));
});

both_engines!(orphans_go_and_what_is_named_stays, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let (id, other) = (world.create().await, world.create().await);
    world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    world.import(other, COLUMNS, numbers(0..3), ImportMode::Replace).await;
    // An import that never ended, and one whose dataset goes.
    drop(stage(&world, id, 3..9).await);
    let mut tx = world.db.cx.db.begin(world.tenant).await.unwrap();
    world.datasets.delete(&mut tx, other).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.handle(other).await.unwrap_err().code().code, "dataset.not_found");
    assert_eq!(world.objects().len(), 3);
    // The files are of now, the clock of the test stands elsewhere: far behind, then far ahead of them.
    let swept = world.datasets.sweep(&world.db.system).await.unwrap();
    assert_eq!((swept.superseded, swept.orphans), (0, 0));
    world.db.clock.advance_seconds(400 * 24 * 3_600);
    let swept = world.datasets.sweep(&world.db.system).await.unwrap();
    assert_eq!((swept.superseded, swept.orphans), (0, 2));
    let left = world.objects();
    assert_eq!(left, [world.handle(id).await.unwrap().segments()[0].path.clone()]);
    assert_eq!(world.first_column(id, 10).await, ints(0..3));
});

both_engines!(bad_lines_stay_with_their_version, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    let mut plan = crate::files::csv(COLUMNS);
    plan.header = wh_dataset::read::Header::Present;
    let host = world.datasets.ingest_host();
    let source = crate::files::options(plan);
    let mut ingest = wh_dataset::ingest::Ingest::start(host, world.tenant, id, source).await.unwrap();
    ingest.write(bytes::Bytes::from_static(b"n,name\n1,a\nx,b\n")).await.unwrap();
    let staged = ingest.finish().await.unwrap();
    let bad = staged.bad.clone();
    assert_eq!((bad.count, bad.kept), (1, 1));
    world.commit(id, staged, ImportMode::Replace).await.unwrap();
    world.db.clock.advance_seconds(400 * 24 * 3_600);
    assert_eq!(world.datasets.sweep(&world.db.system).await.unwrap().orphans, 0);
    let csv = bad_lines_csv(world.datasets.ingest_host(), world.tenant, &bad.path.unwrap()).await.unwrap();
    assert!(csv.is_some(), "a version that is kept keeps its bad lines");
});

/// Rows that a table holds of the world's tenant.
async fn count(world: &World, sql: &str) -> i64 {
    let mut reads = world.db.cx.db.read(world.tenant).await.unwrap();
    reads.row(sql, args![world.tenant]).await.unwrap().int("n").unwrap()
}

/// As many appends leave them, without the appends.
async fn many_segments(world: &World, id: wh_contract::DatasetId, segments: usize) {
    let sql = "INSERT INTO dataset_segment (tenant_id, dataset_id, id, first_version, place, path, row_count, byte_count) \
               VALUES ($1, $2, $3, 1, $4, $5, 0, 0)";
    let places: Vec<i64> = (1..=segments as i64).collect();
    for places in places.chunks(50) {
        let fill = || async {
            let mut tx = world.db.cx.db.begin(world.tenant).await?;
            for place in places {
                let segment: uuid::Uuid = world.db.cx.next_id();
                let path = format!("tenants/{}/datasets/{id}/{segment}.parquet", world.tenant);
                tx.run(sql, args![world.tenant, id, segment, *place, path]).await?;
            }
            tx.commit().await
        };
        replayed(fill).await.unwrap();
    }
}

both_engines!(replaced_and_deleted_segments_go_some_at_a_time, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let segments = "SELECT COUNT(*) AS n FROM dataset_segment WHERE tenant_id = $1";
    let (id, other) = (world.create().await, world.create().await);
    for id in [id, other] {
        world.import(id, COLUMNS, numbers(0..3), ImportMode::Replace).await;
        many_segments(&world, id, 450).await;
    }
    world.import(id, COLUMNS, numbers(3..5), ImportMode::Replace).await;
    assert_eq!(world.handle(id).await.unwrap().segments().len(), 1, "the commit needs not touch the others");
    let mut tx = world.db.cx.db.begin(world.tenant).await.unwrap();
    world.datasets.delete(&mut tx, other).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.handle(other).await.unwrap_err().code().code, "dataset.not_found");
    assert_eq!(count(&world, segments).await, 451 * 2 + 1);
    world.db.clock.advance_seconds(400 * 24 * 3_600);
    let swept = world.datasets.sweep(&world.db.system).await.unwrap();
    assert_eq!((swept.superseded, swept.orphans), (451, 1));
    assert_eq!(count(&world, segments).await, 1);
    assert_eq!(count(&world, "SELECT COUNT(*) AS n FROM dataset_dataset WHERE tenant_id = $1").await, 1);
    assert_eq!(world.first_column(id, 10).await, ints(3..5));
    assert_eq!(world.objects().len(), 1);
    world.import(id, COLUMNS, numbers(5..6), ImportMode::Append).await;
    assert_eq!(world.first_column(id, 10).await, ints(3..6));
});

both_engines!(a_hundred_versions_are_remembered, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    let staged = world.stage(id, COLUMNS, String::new()).await;
    for version in 1..=103 {
        let committed = world.commit(id, staged.clone(), ImportMode::Append).await.unwrap();
        assert_eq!(committed.version, version);
    }
    let versions = "SELECT COUNT(*) AS n FROM dataset_version WHERE tenant_id = $1";
    assert_eq!(count(&world, versions).await, 100);
});

both_engines!(an_append_beyond_the_memory_is_not_held, &[MIGRATIONS], async |db| {
    let whole = World::sqlite("whole", DatasetsConfig::default()).await;
    let (id, rows) = (whole.create().await, 0..600_000);
    whole.import(id, COLUMNS, numbers(rows.clone()), ImportMode::Replace).await;
    let imports =
        IngestLimits { hot_budget_bytes: whole.datasets.held().0 * 7 / 4, ..IngestLimits::default() };
    let world = World::with(db, DatasetsConfig { imports, ..DatasetsConfig::default() });
    let id = world.create().await;
    world.import(id, COLUMNS, numbers(rows.clone()), ImportMode::Replace).await;
    assert_eq!(world.first_column(id, 1).await, ints(0..1));
    world.import(id, COLUMNS, numbers(rows), ImportMode::Append).await;
    let refused = world.view(id, &query("", "", 10)).await.unwrap_err();
    assert_eq!(refused.code().code, "dataset.memory");
    assert!(world.datasets.held().0 <= imports.hot_budget_bytes);
});
