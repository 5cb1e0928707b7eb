//! Views equal a plain evaluation of random data, filters, searches, sorts and windows; and what is refused.
use serde_json::json;
use wh_dataset::ingest::IngestLimits;
use wh_dataset::model::ColumnType::{self, Bool, Date, Double, Int, Text};
use wh_dataset::{DatasetsConfig, Filter, ImportMode, SortKey, ViewQuery};

use crate::random::{self, Dice};
use crate::reference::{Asked, Cell, Table};
use crate::world::{World, first_column, json, query, rows_exactly};

fn asked_query(table: &Table, asked: &Asked) -> ViewQuery {
    ViewQuery {
        filter: asked.filter.clone().map(|filter| Filter::parse(&filter.to_string()).unwrap()),
        sort: asked
            .sort
            .iter()
            .map(|(column, descending)| SortKey {
                column: table.columns[*column].0.clone(),
                descending: *descending,
            })
            .collect(),
        search: asked.search.clone(),
        columns: None,
        offset: asked.offset as u64,
        limit: asked.limit as u32,
    }
}

fn borrowed(table: &Table) -> Vec<(&str, ColumnType)> {
    table.columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect()
}

async fn compare(
    world: &World,
    id: wh_contract::DatasetId,
    table: &Table,
    dice: &Dice,
    queries: usize,
    seed: u64,
) {
    for number in 0..queries {
        let asked = random::asked(dice, table);
        compare_one(world, id, table, &asked, &format!("seed {seed}, query {number}")).await;
    }
}

async fn compare_one(world: &World, id: wh_contract::DatasetId, table: &Table, asked: &Asked, what: &str) {
    let (count, rows) = table.answer(asked);
    let window = world.view(id, &asked_query(table, asked)).await.unwrap();
    let answer = json(&window);
    let context = format!("{what}: {asked:?}");
    assert_eq!(window.count, count as u64, "{context}");
    assert_eq!(answer["count"], json!(count), "{context}");
    assert_eq!(answer["total"], json!(table.rows.len()), "{context}");
    assert_eq!(answer["offset"], json!(asked.offset), "{context}");
    let answered = rows_exactly(&window);
    assert_eq!(answered.len(), rows.len(), "{context}");
    for (place, (answered, expected)) in answered.iter().zip(&rows).enumerate() {
        assert_eq!(answered, expected, "row {place} of {context}");
    }
}

async fn random_views(sizes: &[usize], seeds: std::ops::Range<u64>, queries: usize) {
    let world = World::sqlite("random_views", DatasetsConfig::default()).await;
    for seed in seeds {
        let dice = Dice::new(seed);
        let table = random::table(&dice, *dice.pick(sizes));
        let id = world.create().await;
        let committed = world.import(id, &borrowed(&table), random::lines(&table), ImportMode::Replace).await;
        assert_eq!(committed.rows, table.rows.len() as u64, "seed {seed}");
        compare(&world, id, &table, &dice, queries, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_random_tables_equal_the_reference() {
    random_views(&[1, 2, 50, 700], 0..60, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_tables_of_many_blocks_equal_the_reference() {
    random_views(&[4_096, 4_097, 12_000], 1_000..1_012, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_tables_of_many_chunks_equal_the_reference() {
    random_views(&[65_536, 65_537, 140_000], 2_000..2_006, 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_equals_one_import_of_both() {
    let world = World::sqlite("append_views", DatasetsConfig::default()).await;
    for seed in 3_000..3_004 {
        let dice = Dice::new(seed);
        let mut table = random::table(&dice, 70_000);
        let tail = table.rows.split_off(20 + dice.below(69_000));
        let id = world.create().await;
        world.import(id, &borrowed(&table), random::lines(&table), ImportMode::Replace).await;
        compare(&world, id, &table, &dice, 3, seed).await;
        let head = std::mem::replace(&mut table.rows, tail);
        world.import(id, &borrowed(&table), random::lines(&table), ImportMode::Append).await;
        table.rows.splice(0..0, head);
        compare(&world, id, &table, &dice, 20, seed).await;
    }
}

/// Keeps no order of more than 75,000 rows: of larger datasets only the rows about a window are brought into order.
fn without_whole_orders() -> DatasetsConfig {
    DatasetsConfig { order_budget_bytes: 300_000, ..DatasetsConfig::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_pages_of_orders_too_large_to_be_kept_equal_the_reference() {
    let world = World::sqlite("slabs", without_whole_orders()).await;
    for seed in 5_000..5_003 {
        let dice = Dice::new(seed);
        let table = random::table(&dice, 140_000);
        let id = world.create().await;
        world.import(id, &borrowed(&table), random::lines(&table), ImportMode::Replace).await;
        for number in 0..15 {
            let mut asked = random::asked(&dice, &table);
            if asked.sort.is_empty() {
                asked.sort.push((dice.below(table.columns.len()), false));
            }
            // Across the border of two slabs now and then.
            asked.offset = if number % 5 == 0 { 65_000 } else { 1_100 + dice.below(140_000) };
            asked.limit = 1_000;
            compare_one(&world, id, &table, &asked, &format!("seed {seed}, query {number}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_pages_among_alike_rows_equal_the_reference() {
    // Most rows are alike in the first key, most of those in the others: more than are sorted at once, at each step.
    let row = |row: usize| {
        let number = if row.is_multiple_of(20) { (row as f64).sqrt() * 1e100 - 1e102 } else { 0.123_456_7 };
        let whole = if row % 10 == 3 { row as i64 % 3_000 } else { 77 };
        let text = if row.is_multiple_of(7) { "b" } else { "a" };
        vec![Some(Cell::Number(number)), Some(Cell::Int(whole)), Some(Cell::Text(text.to_owned()))]
    };
    let table = Table {
        columns: vec![("x".to_owned(), Double), ("n".to_owned(), Int), ("name".to_owned(), Text)],
        rows: (0..210_000).map(row).collect(),
    };
    let world = World::sqlite("alike", without_whole_orders()).await;
    let id = world.create().await;
    world.import(id, &borrowed(&table), random::lines(&table), ImportMode::Replace).await;
    for sort in [vec![(0, false), (1, false), (2, false)], vec![(0, true), (1, true)], vec![(2, true)]] {
        for offset in [2_500, 65_200, 131_000, 196_000, 209_500, 210_000] {
            let asked = Asked { sort: sort.clone(), offset, limit: 1_000, ..Asked::default() };
            compare_one(&world, id, &table, &asked, "alike").await;
        }
    }
    let filter = json!({"column": "name", "op": "eq", "value": "b"});
    for sort in [vec![], vec![(0, true)]] {
        for offset in [2_500, 29_900, 100_000] {
            let (filter, sort) = (Some(filter.clone()), sort.clone());
            let asked = Asked { filter, sort, offset, limit: 200, ..Asked::default() };
            compare_one(&world, id, &table, &asked, "alike and filtered").await;
        }
    }
}

fn with_budget(hot_budget_bytes: u64) -> DatasetsConfig {
    let imports = IngestLimits { hot_budget_bytes, ..IngestLimits::default() };
    DatasetsConfig { imports, ..DatasetsConfig::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_dropped_from_memory_comes_back_equal() {
    let mut world = World::sqlite("eviction", DatasetsConfig::default()).await;
    let mut tables = Vec::new();
    for seed in 4_000..4_008 {
        let dice = Dice::new(seed);
        let table = random::table(&dice, 30_000);
        let id = world.create().await;
        world.import(id, &borrowed(&table), random::lines(&table), ImportMode::Replace).await;
        tables.push((seed, id, table));
    }
    let (bytes, held) = world.datasets.held();
    assert_eq!(held, tables.len());
    let less = with_budget(bytes * 3 / 4);
    world.restart(less);
    for (seed, id, table) in &tables {
        compare(&world, *id, table, &Dice::new(seed + 1), 10, *seed).await;
        assert!(world.datasets.held().0 <= bytes * 3 / 4);
    }
    let (_, held) = world.datasets.held();
    assert!(0 < held && held < tables.len(), "{held} of {} in memory", tables.len());
    world.restart(DatasetsConfig::default());
    assert_eq!(world.datasets.held(), (0, 0));
    for (seed, id, table) in &tables {
        compare(&world, *id, table, &Dice::new(seed + 2), 10, *seed).await;
    }
    assert_eq!(world.datasets.held().1, tables.len());
}

#[tokio::test]
async fn a_dataset_that_does_not_fit_in_memory_says_so() {
    let tiny = with_budget(100_000);
    let world = World::sqlite("too_large", tiny).await;
    let table = random::table(&Dice::new(1), 100_000);
    let id = world.create().await;
    world.import(id, &borrowed(&table), random::lines(&table), ImportMode::Replace).await;
    let error = world.view(id, &query("", "", 10)).await.unwrap_err();
    assert_eq!(error.code().code, "dataset.memory");
    assert_eq!(world.datasets.held(), (0, 0));
}

const SMALL: &str = r#"{"name":"b","n":2,"x":1.5,"day":"2013-01-31","ok":true}
{"name":"a","n":null,"x":null,"day":null,"ok":null}
{"name":null,"n":-1,"x":-0.25,"day":"0044-03-15","ok":false}
"#;

async fn small() -> (World, wh_contract::DatasetId) {
    let world = World::sqlite("small", DatasetsConfig::default()).await;
    let id = world.create().await;
    let columns = [("name", Text), ("n", Int), ("x", Double), ("day", Date), ("ok", Bool)];
    world.import(id, &columns, SMALL.to_owned(), ImportMode::Replace).await;
    (world, id)
}

#[tokio::test]
async fn a_window_is_written_as_documented() {
    let (world, id) = small().await;
    let all = ViewQuery { limit: 10, ..ViewQuery::default() };
    let window = world.view(id, &all).await.unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&window.json), @r#"{"version":1,"count":3,"total":3,"offset":0,"columns":["name","n","x","day","ok"],"rows":[["b",2,1.5,"2013-01-31",true],["a",null,null,null,null],[null,-1,-0.25,"0044-03-15",false]]}"#);
    let some =
        ViewQuery { columns: Some(vec!["n".to_owned(), "name".to_owned()]), offset: 1, limit: 1, ..all };
    let window = world.view(id, &some).await.unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&window.json), @r#"{"version":1,"count":3,"total":3,"offset":1,"columns":["n","name"],"rows":[[null,"a"]]}"#);
    let empty = world.create().await;
    let window = world.view(empty, &query(r#"{"column":"what","op":"is_empty"}"#, "-what", 5)).await.unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&window.json), @r#"{"version":0,"count":0,"total":0,"offset":0,"columns":[],"rows":[]}"#);
}

#[tokio::test]
async fn empty_cells_come_last_and_pass_what_is_not() {
    let (world, id) = small().await;
    let names = async |filter: &str, sort: &str| {
        first_column(&world.view(id, &query(filter, sort, 10)).await.unwrap())
    };
    assert_eq!(names("", "name").await, [json!("a"), json!("b"), json!(null)]);
    assert_eq!(names("", "-name").await, [json!("b"), json!("a"), json!(null)]);
    assert_eq!(names("", "-n").await, [json!("b"), json!(null), json!("a")]);
    assert_eq!(names(r#"{"column":"n","op":"ne","value":2}"#, "").await, [json!("a"), json!(null)]);
    assert_eq!(names(r#"{"column":"n","op":"lt","value":5}"#, "").await, [json!("b"), json!(null)]);
    assert_eq!(names(r#"{"not":{"column":"n","op":"lt","value":5}}"#, "").await, [json!("a")]);
    assert_eq!(
        names(r#"{"column":"name","op":"not_contains","value":"B"}"#, "").await,
        [json!("a"), json!(null)]
    );
    assert_eq!(names(r#"{"column":"n","op":"gt","value":-1.5}"#, "").await, [json!("b"), json!(null)]);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_place() {
    let (world, id) = small().await;
    let code = async |filter: &str| match Filter::parse(filter) {
        Ok(filter) => {
            let query = ViewQuery { filter: Some(filter), ..ViewQuery::default() };
            world.view(id, &query).await.unwrap_err().code().code
        }
        Err(error) => error.code().code,
    };
    assert_eq!(code("{").await, "dataset.filter");
    assert_eq!(code("[]").await, "dataset.filter");
    assert_eq!(code(r#"{"all":[],"any":[]}"#).await, "dataset.filter");
    assert_eq!(code(r#"{"column":"n","op":"like","value":1}"#).await, "dataset.filter");
    assert_eq!(code(r#"{"column":"nn","op":"eq","value":1}"#).await, "dataset.column_unknown");
    assert_eq!(code(r#"{"column":"name","op":"lt","value":"a"}"#).await, "dataset.filter_op");
    assert_eq!(code(r#"{"column":"n","op":"contains","value":"a"}"#).await, "dataset.filter_op");
    assert_eq!(code(r#"{"column":"ok","op":"gt","value":true}"#).await, "dataset.filter_op");
    assert_eq!(code(r#"{"column":"n","op":"eq","value":"2"}"#).await, "dataset.filter_value");
    assert_eq!(code(r#"{"column":"n","op":"between","value":[1]}"#).await, "dataset.filter_value");
    assert_eq!(code(r#"{"column":"day","op":"eq","value":"2013-02-30"}"#).await, "dataset.filter_value");
    assert_eq!(code(r#"{"column":"n","op":"is_empty","value":1}"#).await, "dataset.filter_value");
    let many = vec![r#"{"column":"n","op":"eq","value":1}"#; 101].join(",");
    assert_eq!(code(&format!(r#"{{"any":[{many}]}}"#)).await, "dataset.filter_limit");
    let deep = format!("{}{}{}", r#"{"not":"#.repeat(8), r#"{"column":"n","op":"is_empty"}"#, "}".repeat(8));
    assert_eq!(code(&deep).await, "dataset.filter_limit");
    let deeper = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert_eq!(code(&deeper).await, "dataset.filter_limit");
    let pointed =
        Filter::parse(r#"{"all":[{"column":"n","op":"is_empty"},{"any":[{"column":"n","op":"?"}]}]}"#);
    assert_eq!(pointed.unwrap_err().fields()[0].pointer, "filter/all/1/any/0");
    let view = async |query: ViewQuery| world.view(id, &query).await.unwrap_err().code().code;
    assert_eq!(view(query("", "what", 5)).await, "dataset.column_unknown");
    assert_eq!(view(query("", "n,n,n,n,n,n", 5)).await, "dataset.sort");
    assert_eq!(view(query("", "", 1_001)).await, "dataset.window");
    let long = ViewQuery { search: Some("x".repeat(201)), ..ViewQuery::default() };
    assert_eq!(view(long).await, "dataset.search");
}

#[test]
fn sort_keys_are_read_with_their_escapes() {
    let keys = SortKey::parse_list(r"-a,b\,c,\-d,e\\").unwrap();
    let keys: Vec<_> = keys.iter().map(|key| (key.column.as_str(), key.descending)).collect();
    assert_eq!(keys, [("a", true), ("b,c", false), ("-d", false), ("e\\", false)]);
    assert!(SortKey::parse_list("a,,b").is_err());
}
