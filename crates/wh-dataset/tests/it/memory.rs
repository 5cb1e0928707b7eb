//! What datasets take of their memory when several want it at once: never more than the budget, and who gives way.
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use bytes::Bytes;
use serde_json::{Value, json};
use wh_contract::DatasetId;
use wh_dataset::engine::HotBuilder;
use wh_dataset::ingest::{Ingest, IngestLimits};
use wh_dataset::model::CHUNK_ROWS;
use wh_dataset::model::ColumnType::{self, Int, Text};
use wh_dataset::{Column, DatasetsConfig, ImportMode, Schema};

use crate::files::{csv, options};
use crate::world::{World, first_column, query};

const COLUMNS: &[(&str, ColumnType)] = &[("n", Int), ("name", Text)];
const ROWS: i64 = 400_000;

fn lines(numbers: std::ops::Range<i64>) -> String {
    numbers.map(|n| format!("{{\"n\":{n},\"name\":\"row {}\"}}\n", n % 7)).collect()
}

fn with_budget(hot_budget_bytes: u64) -> DatasetsConfig {
    let imports = IngestLimits { hot_budget_bytes, ..IngestLimits::default() };
    DatasetsConfig { imports, ..DatasetsConfig::default() }
}

/// Datasets of equal size, and how much one of them takes. Each begins with its own place among them.
async fn equal_ones(test: &str, count: i64) -> (World, Vec<DatasetId>, u64) {
    let world = World::sqlite(test, DatasetsConfig::default()).await;
    let mut ids = Vec::new();
    for place in 0..count {
        let id = world.create().await;
        world.import(id, COLUMNS, lines(place..place + ROWS), ImportMode::Replace).await;
        ids.push(id);
    }
    let (bytes, held) = world.datasets.held();
    assert_eq!(held, ids.len());
    (world, ids, bytes / count as u64)
}

async fn first(world: &World, id: DatasetId) -> Vec<Value> {
    first_column(&world.view(id, &query("", "", 1)).await.unwrap())
}

async fn until(what: &str, test: impl Fn() -> bool) {
    let comes = async {
        while !test() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), comes).await.expect(what);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_at_once_stay_within_the_budget_and_all_end() {
    let (mut world, ids, size) = equal_ones("loads_at_once", 3).await;
    let budget = size * 7 / 4;
    for round in 0..3 {
        // One fits with what it takes on its way, two do not.
        world.restart(DatasetsConfig { memory_wait_max: Duration::from_mins(10), ..with_budget(budget) });
        let seen = tokio::join!(first(&world, ids[0]), first(&world, ids[1]), first(&world, ids[2]));
        assert_eq!(seen, (vec![json!(0)], vec![json!(1)], vec![json!(2)]), "round {round}");
        let most = world.datasets.held_most();
        assert!(size <= most && most <= budget, "{most} of {budget} bytes in round {round}");
        assert_eq!(world.datasets.held(), (size, 1), "the others have left");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_import_gives_up_its_memory_for_a_look() {
    let (mut world, ids, size) = equal_ones("giving_up", 1).await;
    let budget = size * 7 / 4;
    world.restart(with_budget(budget));
    let other = world.create().await;
    let rows: String = (0..ROWS).map(|n| format!("{n},row {}\n", n % 7)).collect();
    let (file, host) = (format!("n,name\n{rows}"), world.datasets.ingest_host());
    let mut ingest = Ingest::start(host, world.tenant, other, options(csv(COLUMNS))).await.unwrap();
    ingest.write(Bytes::from(file)).await.unwrap();
    // It has as much as the other dataset needs, and its last rows are still to come.
    until("the import holds its rows", || world.datasets.held().0 >= size).await;
    assert_eq!(first(&world, ids[0]).await, [json!(0)]);
    assert_eq!(world.datasets.held(), (size, 1), "nothing is left to the import");
    let staged = ingest.finish().await.unwrap();
    assert!(staged.hot.is_none());
    world.commit(other, staged, ImportMode::Replace).await.unwrap();
    assert_eq!(world.view(other, &query("", "-n", 1)).await.unwrap().count, ROWS as u64);
    assert!(world.datasets.held_most() <= budget);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_waits_for_an_import_that_is_about_to_be_committed() {
    let (mut world, ids, size) = equal_ones("waiting", 1).await;
    let budget = size * 7 / 4;
    world.restart(DatasetsConfig { memory_wait_max: Duration::from_mins(10), ..with_budget(budget) });
    let other = world.create().await;
    let staged = world.stage(other, COLUMNS, lines(5..5 + ROWS)).await;
    assert!(staged.hot.is_some());
    let kept = world.datasets.held().0;
    let commit = async {
        until("the load takes what is left", || world.datasets.held().0 > kept).await;
        world.commit(other, staged, ImportMode::Replace).await.unwrap();
    };
    let (seen, ()) = tokio::join!(first(&world, ids[0]), commit);
    assert_eq!(seen, [json!(0)]);
    assert_eq!(first(&world, other).await, [json!(5)]);
    assert!(world.datasets.held_most() <= budget);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_waits_holds_up_none_that_fits() {
    let (mut world, ids, size) = equal_ones("beside_one_that_waits", 1).await;
    let mut small = Vec::new();
    for place in 0..3 {
        let id = world.create().await;
        world.import(id, COLUMNS, lines(place..place + 1), ImportMode::Replace).await;
        small.push(id);
    }
    // Beside the import, the large one finds place for a begun chunk and one or two full ones, and little is left.
    let budget = size + (CHUNK_ROWS * (8 + 4)) as u64 + 450_000;
    world.restart(DatasetsConfig { memory_wait_max: Duration::from_mins(10), ..with_budget(budget) });
    let other = world.create().await;
    let staged = world.stage(other, COLUMNS, lines(5..5 + ROWS)).await;
    assert!(staged.hot.is_some());
    let kept = world.datasets.held().0;
    let others = async {
        until("the large one takes what is left", || world.datasets.held().0 > kept).await;
        for (place, id) in small.iter().enumerate() {
            assert_eq!(first(&world, *id).await, [json!(place)]);
        }
        // Only now there is room for the large one.
        drop(staged);
    };
    let (seen, ()) = tokio::join!(first(&world, ids[0]), others);
    assert_eq!(seen, [json!(0)]);
    assert!(world.datasets.held_most() <= budget);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_finds_no_room_in_time_says_so() {
    let (mut world, ids, size) = equal_ones("busy", 1).await;
    world.restart(DatasetsConfig { memory_wait_max: Duration::ZERO, ..with_budget(size * 7 / 4) });
    let other = world.create().await;
    let staged = world.stage(other, COLUMNS, lines(5..5 + ROWS)).await;
    let kept = world.datasets.held().0;
    let busy = world.view(ids[0], &query("", "", 1)).await.unwrap_err();
    assert_eq!((busy.code().code, busy.retry_after_s()), ("dataset.memory_busy", Some(5)));
    assert_eq!(world.datasets.held(), (kept, 0), "what it had is given back");
    drop(staged);
    assert_eq!(first(&world, ids[0]).await, [json!(0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_without_room_is_loaded_by_who_looks() {
    let (mut world, ids, size) = equal_ones("append_room", 1).await;
    // The whole fits when it is loaded, and not while what is appended lies beside it.
    let added = ROWS / 2;
    let budget = size * 3 / 2 + (CHUNK_ROWS * (8 + 4)) as u64 + size / 10;
    world.restart(with_budget(budget));
    assert_eq!(first(&world, ids[0]).await, [json!(0)]);
    world.import(ids[0], COLUMNS, lines(ROWS..ROWS + added), ImportMode::Append).await;
    let last = world.view(ids[0], &query("", "-n", 1)).await.unwrap();
    assert_eq!((last.count, first_column(&last)), ((ROWS + added) as u64, vec![json!(ROWS + added - 1)]));
    assert!(world.datasets.held_most() <= budget);
}

#[test]
fn memory_that_is_kept_for_rows_to_come_counts() {
    let columns: Vec<Column> = (0..50).map(|place| Column { name: format!("c{place}"), kind: Int }).collect();
    let schema = Schema::parse(columns).unwrap();
    let mut builder = HotBuilder::new(&schema);
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
    let batch = RecordBatch::try_new(schema.arrow(), vec![values; schema.len()]).unwrap();
    let whole = (CHUNK_ROWS * 8 * schema.len()) as u64;
    while builder.bytes() < whole {
        builder.push(&batch).unwrap();
    }
    for _ in 0..4 {
        // Whether a chunk was just begun or is nearly full: room for all of it is held, and never for more.
        builder.push(&batch).unwrap();
        assert!(builder.bytes() >= whole);
    }
    let hot = builder.finish();
    assert!(hot.bytes() < whole, "{} bytes of {whole}", hot.bytes());
}
