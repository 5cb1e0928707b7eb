//! Imports as a whole: what is on the store, what is in memory, what a failed or dropped import leaves, what is refused.
use bytes::Bytes;
use wh_dataset::ingest::{Ingest, IngestLimits, bad_lines_csv};
use wh_dataset::model::ColumnType::{Double, Int, Text};
use wh_dataset::read::Header;

use crate::files::{Place, csv, detected, options, rows, stored_rows};

/// A file of many rows with some bad ones: every 1,000th.
fn many(rows: usize) -> String {
    let mut file = String::from("id,name,value\n");
    for row in 0..rows {
        if row % 1000 == 999 {
            file.push_str("bad line\n");
        } else {
            file.push_str(&format!("{row},name {},{}.25\n", row % 700, row % 90));
        }
    }
    file
}

#[tokio::test]
async fn many_rows_lie_in_memory_and_on_the_store_alike() {
    let place = Place::new();
    let file = many(200_000);
    let staged = place.import(file.as_bytes(), detected(), &[70_001]).await.unwrap();
    assert_eq!(staged.rows, 199_800);
    assert_eq!(staged.bad.count, 200);
    assert_eq!(staged.file_bytes, file.len() as u64);
    let kinds: Vec<_> = staged.schema.columns().iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [Int, Text, Double]);
    let hot = rows(&staged);
    assert_eq!(hot.len(), 199_800);
    assert_eq!(hot[199_799], ["199998", "name 498", "18.25"]);
    assert_eq!(stored_rows(place.objects(), &staged).await, hot);
    let (tenant, dataset) = (place.tenant, place.dataset);
    let prefix = format!("tenants/{tenant}/datasets/{dataset}/");
    let files = place.files();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| file.starts_with(&prefix)), "{files:?}");
    assert_eq!(
        staged.segments[0].path,
        files.iter().find(|file| file.ends_with(".parquet")).unwrap().as_str()
    );
    let size = std::fs::metadata(place.folder.path().join(&staged.segments[0].path)).unwrap().len();
    assert_eq!(size, staged.segments[0].bytes);
}

#[tokio::test]
async fn bad_lines_can_be_downloaded() {
    let place = Place::new();
    let file = b"a,b\n1,2\n\"say \"\"x\"\"\",3\nq\n";
    let staged = place.import(file, options(csv(&[("a", Int), ("b", Int)])), &[usize::MAX]).await.unwrap();
    let text = bad_lines_csv(&place.host, place.tenant, &staged.bad.path.unwrap()).await.unwrap().unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&text).replace('\r', ""), @r#"
    line,reason,column,text
    4,too_few_fields,"","q"
    3,not_integer,"a","""say """"x"""""",3"
    "#);
}

#[tokio::test]
async fn a_file_without_rows_is_an_empty_dataset() {
    let place = Place::new();
    let staged = place.detect(b"a,b\n").await;
    assert_eq!((staged.rows, staged.segments.len(), staged.bad.count), (0, 0, 0));
    assert_eq!(staged.options.header, Header::Present);
    assert!(place.files().is_empty());
}

#[tokio::test]
async fn more_than_the_budget_is_not_kept_in_memory() {
    let place = Place::with_budget(100_000);
    let staged = place.detect(many(150_000).as_bytes()).await;
    assert!(staged.hot.is_none());
    assert_eq!(stored_rows(place.objects(), &staged).await.len(), 149_850);
}

#[tokio::test]
async fn a_discarded_import_leaves_nothing() {
    let place = Place::new();
    let staged = place.detect(many(5_000).as_bytes()).await;
    assert_eq!(place.files().len(), 2);
    staged.discard(place.objects()).await.unwrap();
    assert!(place.files().is_empty());
}

#[tokio::test]
async fn what_cannot_be_detected_fails_with_its_code() {
    let place = Place::new();
    let failed = place.import(b"\n\n", detected(), &[1]).await.unwrap_err();
    assert_eq!(failed.code().code, "dataset.sample_empty");
    let binary = [0_u8, 1, 2, 3, 0, 5, 6].repeat(400_000);
    let failed = place.import(&binary, detected(), &[100_000]).await.unwrap_err();
    assert_eq!(failed.code().code, "dataset.not_text");
    let twice = csv(&[("a", Int), ("A", Int)]);
    let failed = place.import(b"a,a\n1,2\n", options(twice), &[1]).await.unwrap_err();
    assert_eq!(failed.code().code, "dataset.column_name");
    assert!(place.files().is_empty());
}

#[tokio::test]
async fn options_are_checked_before_anything_is_read() {
    let place = Place::new();
    let good = csv(&[("a", Int), ("b", Int)]);
    for spoil in [
        |read: &mut wh_dataset::read::ReadOptions| read.delimiter = "ab".to_owned(),
        |read: &mut wh_dataset::read::ReadOptions| read.delimiter = "\n".to_owned(),
        |read: &mut wh_dataset::read::ReadOptions| read.delimiter = "ä".to_owned(),
        |read: &mut wh_dataset::read::ReadOptions| read.quote = Some(",".to_owned()),
        |read: &mut wh_dataset::read::ReadOptions| read.nulls = vec!["x".to_owned(); 51],
        |read: &mut wh_dataset::read::ReadOptions| read.columns[0].nulls = Some(vec!["x".repeat(65)]),
    ] {
        let mut read = good.clone();
        spoil(&mut read);
        let refused = Ingest::start(&place.host, place.tenant, place.dataset, options(read)).await;
        assert_eq!(refused.err().unwrap().code().code, "dataset.options");
    }
    let mut none = good.clone();
    none.columns.iter_mut().for_each(|column| column.skip = true);
    let refused = Ingest::start(&place.host, place.tenant, place.dataset, options(none)).await;
    assert_eq!(refused.err().unwrap().code().code, "dataset.columns");
}

#[tokio::test]
async fn a_dropped_import_frees_its_turn() {
    let place = Place::new();
    for _ in 0..5 {
        let mut ingest = Ingest::start(&place.host, place.tenant, place.dataset, detected()).await.unwrap();
        ingest.write(Bytes::from(many(100_000))).await.unwrap();
        drop(ingest);
    }
    let staged = place.detect(many(1_000).as_bytes()).await;
    assert_eq!(staged.rows, 999);
}

#[tokio::test]
async fn progress_is_told() {
    let place = Place::new();
    let file = many(100_000);
    let mut ingest = Ingest::start(&place.host, place.tenant, place.dataset, detected()).await.unwrap();
    assert_eq!((ingest.progress().bytes, ingest.progress().rows), (0, 0));
    ingest.write(Bytes::from(file.clone())).await.unwrap();
    // The first megabyte is read at once, the rest as the reader gets to it.
    let read = async {
        while ingest.progress().bytes < file.len() as u64 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), read).await.expect("all of it is read");
    assert_eq!(ingest.finish().await.unwrap().rows, 99_900);
}

#[tokio::test]
async fn left_over_uploads_are_cleaned_at_the_start() {
    let place = Place::new();
    let staged = place.detect(many(1_000).as_bytes()).await;
    let half = place.folder.path().join(format!("{}#1", staged.segments[0].path));
    std::fs::write(&half, b"half").unwrap();
    assert_eq!(place.objects().clean_staging().await.unwrap(), 1);
    assert!(!half.exists());
    assert_eq!(place.files().len(), 2);
}

#[tokio::test]
async fn a_segment_that_is_not_what_the_catalog_says_is_an_error() {
    let place = Place::new();
    let staged = place.detect(many(1_000).as_bytes()).await;
    let mut segment = staged.segments[0].clone();
    segment.rows += 1;
    let reader = wh_dataset::segment::open_segment(place.objects(), &segment).await.unwrap();
    assert_eq!(reader.read(&staged.schema, &mut |_| Ok(())).unwrap_err().code().code, "dataset.segment");
    let path = place.folder.path().join(&segment.path);
    std::fs::write(&path, b"PAR1 but not really PAR1").unwrap();
    let reader = wh_dataset::segment::open_segment(place.objects(), &segment).await.unwrap();
    assert_eq!(reader.read(&staged.schema, &mut |_| Ok(())).unwrap_err().code().code, "dataset.segment");
    std::fs::remove_file(&path).unwrap();
    let gone = wh_dataset::segment::open_segment(place.objects(), &segment).await;
    assert_eq!(gone.err().unwrap().code().code, "dataset.store");
}

#[tokio::test]
async fn wide_rows_make_short_chunks() {
    let columns: Vec<String> = (0..900).map(|column| format!("c{column}")).collect();
    let row: Vec<String> = (0..900).map(|column| column.to_string()).collect();
    let file = format!("{}\n{}", columns.join(","), format!("{}\n", row.join(",")).repeat(6_000));
    let place = Place::new();
    let staged = place.detect(file.as_bytes()).await;
    assert_eq!((staged.rows, staged.bad.count), (6_000, 0));
    assert_eq!(stored_rows(place.objects(), &staged).await.len(), 6_000);
}

#[tokio::test]
async fn an_import_that_waits_for_bytes_keeps_nobody_else_waiting() {
    let mut place = Place::new();
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut ingest = Ingest::start(&place.host, place.tenant, place.dataset, detected()).await.unwrap();
        // More than is looked at to detect how to read it: it has had its turn, and waits now.
        ingest.write(Bytes::from(many(100_000))).await.unwrap();
        slow.push(ingest);
    }
    let (ours, dataset) = (place.tenant, place.dataset);
    (place.tenant, place.dataset) = (place.host.ids().next(), place.host.ids().next());
    assert_eq!(place.detect(many(1_000).as_bytes()).await.rows, 999, "another company's turn");
    for ingest in slow {
        assert_eq!(ingest.finish().await.unwrap().rows, 99_900);
    }
    assert!(Ingest::start(&place.host, ours, dataset, detected()).await.is_ok(), "places are free again");
}

#[tokio::test]
async fn an_import_ends_at_its_time() {
    let limits = IngestLimits { time_max: std::time::Duration::ZERO, ..IngestLimits::default() };
    let place = Place::with_limits(limits);
    let endless = std::future::pending::<wh_base::Result<()>>();
    assert_eq!(place.host.in_time(endless).await.unwrap_err().code().code, "dataset.import_slow");
}

#[tokio::test]
async fn imports_share_the_memory_of_datasets() {
    let file = many(600_000);
    let size = Place::new().detect(file.as_bytes()).await.hot.unwrap().bytes();
    let place = Place::with_budget(size * 7 / 4);
    let first = place.detect(file.as_bytes()).await;
    assert!(first.hot.is_some());
    assert!(place.detect(file.as_bytes()).await.hot.is_none(), "both are more than the budget");
    drop(first);
    assert!(place.detect(file.as_bytes()).await.hot.is_some());
}

#[tokio::test]
async fn binary_files_are_refused_whatever_the_options_say() {
    let place = Place::new();
    for file in [&b"\x1f\x8b\x08\0 1,2\n"[..], b"PAR1\x15\x04,\n", b"1,2\n\0,2\n"] {
        let read = csv(&[("a", Int), ("b", Int)]);
        let refused = place.import(file, options(read), &[1]).await.unwrap_err();
        assert_eq!(refused.code().code, "dataset.not_text");
    }
    assert!(place.files().is_empty());
}

#[tokio::test]
async fn bad_lines_are_no_formulas() {
    let place = Place::new();
    let file = b"a,b\n1,2\n=cmd|calc,3\n@x\n-1,+2,3\n";
    let staged = place.import(file, options(csv(&[("a", Int), ("b", Int)])), &[usize::MAX]).await.unwrap();
    let text = bad_lines_csv(&place.host, place.tenant, &staged.bad.path.unwrap()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    for safe in ["\"'=cmd|calc,3\"", "\"'@x\"", "\"'-1,+2,3\""] {
        assert!(text.contains(safe), "{safe}: {text}");
    }
    let gone = bad_lines_csv(&place.host, place.tenant, "tenants/none.bad.ndjson").await.unwrap();
    assert!(gone.is_none());
}

#[tokio::test]
async fn what_nobody_waits_for_is_forgotten() {
    let cache = wh_dataset::engine::SharedCache::<u32, u32>::new(1_000);
    let making = cache.get_or_make(1, |_| 8, std::future::pending);
    let cut = tokio::time::timeout(std::time::Duration::ZERO, making).await;
    assert!(cut.is_err() && cache.is_empty(), "a computation that was cancelled leaves no entry");
    assert_eq!(cache.get_or_make(1, |_| 8, async || Ok(7)).await.unwrap(), 7);
    assert_eq!(cache.len(), 1);
}

#[tokio::test]
async fn what_was_dear_to_make_is_kept_up_to_the_whole_budget() {
    let cache = wh_dataset::engine::SharedCache::<u32, u32>::new(1_000);
    // The last one is more than the budget, and nothing leaves for it.
    for (key, bytes, again) in [(1, 300, 1), (2, 1_000, 2), (3, 1_001, 30)] {
        assert_eq!(cache.get_or_make(key, |_| bytes, async || Ok(key)).await.unwrap(), key);
        assert_eq!(cache.get_or_make(key, |_| bytes, async || Ok(key * 10)).await.unwrap(), again);
        assert_eq!(cache.len(), 1, "after {bytes} of 1,000 bytes");
    }
}
