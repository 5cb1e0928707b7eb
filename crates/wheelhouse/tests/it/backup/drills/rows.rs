//! A restored point against what the writers were told and what became of it: every row of every table, every row of every Parquet file.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow_array::{Array, Int64Array, RecordBatch};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use wh_base::{Result, Timestamp};
use wh_dataset::Schema;
use wh_dataset::segment::{Objects, SegmentMeta, open_segment};

use super::{Diary, IMPORT_ROWS, Told, bounds};

/// Rows of these are numbered in the order of their commits, and none is changed or removed: a point holds the first ones.
const IN_ORDER: &[&str] = &["kernel_audit", "kernel_outbox", "kernel_stream", "kernel_system_use"];
/// Rows are added to these by the writers, and none is changed.
const GROWING: &[&str] = &["dataset_segment"];
/// Rows of these change where they stand; what they hold is compared with the diary, and with each other.
const CHANGING: &[&str] = &[
    "dataset_dataset",
    "dataset_version",
    "kernel_cursor",
    "kernel_position",
    "panels_import",
    "panels_panel",
];
/// When somebody was there last, which each request may change.
const SEEN: &[&str] = &["expires_at", "seen_at", "used_at"];

/// A table as it stands in a file.
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// What a point is compared with.
pub(super) struct Expected<'a> {
    /// When the house was set up for certain.
    pub(super) set_up: Timestamp,
    /// The panel whose title counts.
    pub(super) counted: (&'a str, Told),
    /// The panel that is imported into.
    pub(super) filled: (&'a str, Told),
    /// What the writers were told.
    pub(super) diary: &'a Diary,
    /// Every table as it was in the end.
    pub(super) last: &'a BTreeMap<String, Table>,
}

/// How much of what the writers did is in a point.
struct Counts {
    panels: BTreeSet<String>,
    title: usize,
    started: usize,
    imports: usize,
}

/// Every table of a data folder.
pub(super) fn tables(folder: &Path) -> BTreeMap<String, Table> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let file = Connection::open_with_flags(folder.join("wheelhouse.db"), flags).expect("a database");
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = file.prepare(sql).expect("the schema");
    let names = statement.query_map([], |row| row.get::<_, String>(0)).expect("names");
    names.map(|name| name.expect("a name")).map(|name| (name.clone(), table(&file, &name))).collect()
}

fn table(file: &Connection, name: &str) -> Table {
    let mut statement = file.prepare(&format!("SELECT * FROM \"{name}\" ORDER BY 1")).expect("the table");
    let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let rows = statement
        .query_map([], |row| (0..width).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>())
        .expect("rows");
    Table { rows: rows.map(|row| row.expect("a row")).collect(), columns }
}

impl Table {
    /// One column of all rows.
    fn all(&self, column: &str) -> impl Iterator<Item = &Value> {
        let at = self.columns.iter().position(|name| name == column);
        let at = at.unwrap_or_else(|| panic!("no column {column} in {:?}", self.columns));
        self.rows.iter().map(move |row| &row[at])
    }

    /// Rows that have this text in a column.
    fn count(&self, column: &str, wanted: &str) -> usize {
        self.all(column).filter(|value| text(value) == wanted).count()
    }

    /// Each row as text.
    fn lines(&self) -> Vec<String> {
        let told = |row: &Vec<Value>| -> String {
            let cells = self.columns.iter().zip(row).filter(|(column, _)| !SEEN.contains(&column.as_str()));
            cells.map(|(column, value)| format!("{column}: {value:?}, ")).collect()
        };
        self.rows.iter().map(told).collect()
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

fn number(value: &Value) -> usize {
    match value {
        Value::Integer(number) => usize::try_from(*number).expect("not below 0"),
        other => panic!("{other:?} is no number"),
    }
}

fn id(value: &Value) -> uuid::Uuid {
    match value {
        Value::Blob(bytes) => uuid::Uuid::from_slice(bytes).expect("an id"),
        other => panic!("{other:?} is no id"),
    }
}

/// A restored folder against all that is known: what must be in a point that keeps a moment, and what may, before the next one's.
pub(super) fn compare(folder: &Path, expected: &Expected<'_>, (kept, next): (Timestamp, Timestamp)) {
    let found = tables(folder);
    as_it_became(&found, expected, kept);
    let panels = panels(&found["panels_panel"], expected, (kept, next));
    let title = found_title(&found["panels_panel"], expected, (kept, next));
    let (started, imports) = imports(&found, expected, (kept, next));
    let counts = Counts { panels, title, started, imports };
    trail(&found, &counts);
    parquet(folder, &found, imports);
}

/// What nobody changes is as it was in the end: in a file that somebody adds to, the first part of it.
fn as_it_became(found: &BTreeMap<String, Table>, expected: &Expected<'_>, kept: Timestamp) {
    assert!(found.keys().eq(expected.last.keys()), "other tables than in the end: {:?}", found.keys());
    for (name, table) in found {
        let (now, last) = (table.lines(), expected.last[name].lines());
        if IN_ORDER.contains(&name.as_str()) {
            assert!(
                last.starts_with(&now),
                "{name} at {kept} does not hold the first rows of what it became"
            );
        } else if GROWING.contains(&name.as_str()) {
            let last: BTreeSet<_> = last.iter().collect();
            let strange = now.iter().find(|line| !last.contains(line));
            assert!(strange.is_none(), "{name} at {kept} holds what it never held: {strange:?}");
        } else if !CHANGING.contains(&name.as_str()) && expected.set_up < kept {
            assert_eq!(now, last, "{name} at {kept}, which nobody wrote since the house was set up");
        }
    }
}

/// Those that must be there are, with their titles, and none that nobody made. Which there are.
fn panels(table: &Table, expected: &Expected<'_>, (kept, next): (Timestamp, Timestamp)) -> BTreeSet<String> {
    let ids = table.all("id").map(|value| id(value).to_string());
    let found: BTreeMap<String, &str> = ids.zip(table.all("title").map(text)).collect();
    let made = expected.diary.panels.iter().map(|(id, (_, told))| (id.as_str(), *told));
    for (id, told) in made.chain([expected.counted, expected.filled]) {
        if found.contains_key(id) {
            assert!(told.asked < next, "panel {id} is in a point that was made before it");
        } else {
            assert!(told.answered >= kept, "panel {id} was acknowledged before {kept} and is gone");
        }
    }
    for (id, title) in &found {
        match expected.diary.panels.get(id) {
            Some((wanted, _)) => assert_eq!(title, wanted),
            None if id == expected.filled.0 => assert_eq!(*title, "imports"),
            None => assert_eq!(id, expected.counted.0, "nobody made the panel {title}"),
        }
    }
    found.into_keys().collect()
}

/// How far the counting panel's title is.
fn found_title(table: &Table, expected: &Expected<'_>, (kept, next): (Timestamp, Timestamp)) -> usize {
    let mut rows = table.all("id").zip(table.all("title").map(text));
    let row = rows.find(|(panel, _)| id(panel).to_string() == expected.counted.0);
    let number = row.map_or(0, |(_, title)| title.trim_start_matches("title ").parse().expect("a number"));
    let (must, may) = bounds(&expected.diary.titles, kept, next);
    assert!((must..=may).contains(&number), "title {number} at {kept}, not {must} to {may}");
    number
}

/// How many imports were begun, and how many are done: panel, records, versions and segments say the same.
fn imports(
    found: &BTreeMap<String, Table>,
    expected: &Expected<'_>,
    (kept, next): (Timestamp, Timestamp),
) -> (usize, usize) {
    let (panels, records) = (&found["panels_panel"], &found["panels_import"]);
    let sizes = panels.all("row_count").zip(panels.all("version"));
    let filled = panels.all("id").zip(sizes).find(|(panel, _)| id(panel).to_string() == expected.filled.0);
    let (rows, version) = filled.map_or((0, 0), |(_, (rows, version))| (number(rows), number(version)));
    let (must, may) = bounds(&expected.diary.imports, kept, next);
    assert!((must..=may).contains(&version), "{version} imports at {kept}, not {must} to {may}");
    assert_eq!(rows, version * IMPORT_ROWS, "rows of the panel after {version} imports");
    assert!(records.all("panel_id").all(|panel| id(panel).to_string() == expected.filled.0));
    let started = records.rows.len();
    assert_eq!(records.count("state", "done"), version, "records of imports that are done");
    assert_eq!(
        records.count("state", "running"),
        started - version,
        "imports that are neither running nor done"
    );
    assert!(started - version <= 1, "they came one after the other");
    let states = records.all("state").zip(records.all("row_count").zip(records.all("version")));
    let done = states.filter(|(state, _)| text(state) == "done").map(|(_, sizes)| sizes);
    let mut versions: Vec<_> = done
        .map(|(rows, version)| {
            assert_eq!(number(rows), IMPORT_ROWS, "rows of one import");
            number(version)
        })
        .collect();
    versions.sort_unstable();
    assert!(versions.into_iter().eq(1..=version), "each import made one version");
    let kept_versions = &found["dataset_version"];
    for (version, rows) in kept_versions.all("version").zip(kept_versions.all("row_count")) {
        assert_eq!(number(rows), number(version) * IMPORT_ROWS);
    }
    assert_eq!(kept_versions.all("version").map(number).max().unwrap_or_default(), version);
    (started, version)
}

/// Each change has its line in the audit trail, its event, and its dataset: they were committed together.
fn trail(found: &BTreeMap<String, Table>, counts: &Counts) {
    let Counts { panels, title, started, imports } = counts;
    let (audit, outbox) = (&found["kernel_audit"], &found["kernel_outbox"]);
    let changes = [
        ("panel_create", "panels.created", panels.len()),
        ("panel_update", "panels.renamed", *title),
        ("import_start", "panels.import_started", *started),
        ("import_create", "panels.imported", *imports),
    ];
    for (action, kind, wanted) in changes {
        assert_eq!(audit.count("action", action), wanted, "{action} in the audit trail");
        assert_eq!(outbox.count("kind", kind), wanted, "{kind} among the events");
    }
    let actions = audit.all("action").zip(audit.all("subject"));
    let made = actions.filter(|(action, _)| text(action) == "panel_create").map(|(_, subject)| text(subject));
    let made: BTreeSet<_> =
        made.map(|subject| subject.trim_start_matches("panels.panel/").to_owned()).collect();
    assert_eq!(&made, panels, "the panels of the audit trail");
    assert_eq!(found["dataset_dataset"].rows.len(), panels.len(), "each panel has its dataset");
    let position = found["kernel_position"].all("position").map(number).sum::<usize>();
    assert_eq!(position, found["kernel_stream"].rows.len(), "positions that were given");
    assert!(position <= outbox.rows.len(), "a position without its event");
}

/// The files hold each row of each import once, and nothing else.
fn parquet(folder: &Path, found: &BTreeMap<String, Table>, imports: usize) {
    let segments = &found["dataset_segment"];
    let Some(columns) = found["dataset_version"].all("columns").next() else {
        return assert!(segments.rows.is_empty() && imports == 0);
    };
    let schema: Schema = serde_json::from_str(text(columns)).expect("columns");
    let objects = Objects::local(&folder.join("objects")).expect("the objects");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut seen = vec![0_u32; imports * IMPORT_ROWS];
    let mut take = |batch: RecordBatch| -> Result<()> {
        let values = |name: &str| -> Vec<i64> {
            let column = batch.column_by_name(name).expect("the column");
            column.as_any().downcast_ref::<Int64Array>().expect("whole numbers").values().to_vec()
        };
        for (import, row) in values("import").into_iter().zip(values("row")) {
            let (import, row) = (usize::try_from(import), usize::try_from(row));
            let (import, row) = (import.expect("an import"), row.expect("a row"));
            assert!(row < IMPORT_ROWS && import < imports, "row {row} of import {import} was never sent");
            seen[import * IMPORT_ROWS + row] += 1;
        }
        Ok(())
    };
    let sizes = segments.all("row_count").zip(segments.all("byte_count"));
    for ((one, path), (rows, bytes)) in segments.all("id").zip(segments.all("path")).zip(sizes) {
        let (rows, bytes) = (number(rows) as u64, number(bytes) as u64);
        let there = std::fs::metadata(folder.join("objects").join(text(path))).expect("the object").len();
        assert_eq!(there, bytes, "{}", text(path));
        let segment = SegmentMeta { id: id(one), path: text(path).to_owned(), rows, bytes };
        let reader = runtime.block_on(open_segment(&objects, &segment)).expect("the segment");
        reader.read(&schema, &mut take).expect("Parquet");
    }
    let wrong = seen.iter().position(|times| *times != 1);
    assert!(
        wrong.is_none(),
        "row {wrong:?} of {imports} imports is there {:?} times",
        wrong.map(|at| seen[at])
    );
}
