//! Random data, random filters and sorts through HTTP equal a plain reference evaluation written here, and what fails is made small.
//! Every type, operator and search, many chunks and both engines: views.rs.
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use wh_testkit::engines::EngineKind;

use crate::house::{Person, Site};

/// Data sets; each is imported and asked [`QUESTIONS`] times.
const CASES: u32 = 24;
const QUESTIONS: usize = 12;
const COLUMNS: [&str; 4] = ["name", "count", "ratio", "day"];

/// A row as the reference sees it; the engine sees the same as CSV.
#[derive(Clone, Debug)]
struct Row {
    name: Option<String>,
    count: Option<i64>,
    ratio: Option<f64>,
    day: Option<u32>,
}

#[derive(Clone, Debug)]
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Text(&'static str, String),
    Count(&'static str, i64),
    Ratio(&'static str, f64),
    Day(&'static str, u32),
    Empty(&'static str, bool),
}

#[derive(Clone, Debug)]
struct Question {
    test: Option<Test>,
    sort: Vec<(usize, bool)>,
    offset: usize,
    limit: usize,
}

fn row() -> impl Strategy<Value = Row> {
    let name = proptest::option::weighted(0.8, "[a-cA-C]{1,3}");
    let ratio = proptest::option::weighted(0.8, (-40..40_i32).prop_map(|n| f64::from(n) / 8.0));
    let count = proptest::option::weighted(0.8, -5..5_i64);
    let day = proptest::option::weighted(0.8, 0..28_u32);
    (name, count, ratio, day).prop_map(|(name, count, ratio, day)| Row { name, count, ratio, day })
}

fn test() -> impl Strategy<Value = Test> {
    let order = proptest::sample::select(vec!["eq", "ne", "lt", "le", "gt", "ge"]);
    let text =
        proptest::sample::select(vec!["eq", "ne", "contains", "not_contains", "starts_with", "ends_with"]);
    let leaf = prop_oneof![
        (text, "[a-cA-C]{1,2}").prop_map(|(op, value)| Test::Text(op, value)),
        (order.clone(), -5..5_i64).prop_map(|(op, value)| Test::Count(op, value)),
        (order.clone(), -40..40_i32).prop_map(|(op, value)| Test::Ratio(op, f64::from(value) / 8.0)),
        (order, 0..28_u32).prop_map(|(op, value)| Test::Day(op, value)),
        (proptest::sample::select(COLUMNS.to_vec()), any::<bool>())
            .prop_map(|(column, is)| Test::Empty(column, is)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(Test::All),
            proptest::collection::vec(inner, 1..3).prop_map(Test::Any),
        ]
    })
}

fn question() -> impl Strategy<Value = Question> {
    let sort = proptest::sample::subsequence((0..COLUMNS.len()).collect::<Vec<_>>(), 0..3)
        .prop_shuffle()
        .prop_flat_map(|columns| {
            let length = columns.len();
            (Just(columns), proptest::collection::vec(any::<bool>(), length))
        })
        .prop_map(|(columns, directions)| columns.into_iter().zip(directions).collect());
    (proptest::option::weighted(0.9, test()), sort, 0..60_usize, 1..40_usize)
        .prop_map(|(test, sort, offset, limit)| Question { test, sort, offset, limit })
}

fn compare<T: PartialOrd>(op: &str, cell: Option<T>, value: &T) -> bool {
    let Some(cell) = cell else { return op == "ne" };
    match op {
        "eq" => cell == *value,
        "ne" => cell != *value,
        "lt" => cell < *value,
        "le" => cell <= *value,
        "gt" => cell > *value,
        _ => cell >= *value,
    }
}

impl Test {
    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(row)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(row)),
            Self::Count(op, value) => compare(op, row.count, value),
            Self::Ratio(op, value) => compare(op, row.ratio, value),
            Self::Day(op, value) => compare(op, row.day, value),
            Self::Empty(column, is) => row.cell(column).is_null() == *is,
            Self::Text(op, value) => {
                let Some(name) = &row.name else { return matches!(*op, "ne" | "not_contains") };
                let (cell, part) = (name.to_lowercase(), value.to_lowercase());
                match *op {
                    "eq" => name == value,
                    "ne" => name != value,
                    "contains" => cell.contains(&part),
                    "not_contains" => !cell.contains(&part),
                    "starts_with" => cell.starts_with(&part),
                    _ => cell.ends_with(&part),
                }
            }
        }
    }

    fn json(&self) -> Value {
        let leaf =
            |column: &str, op: &str, value: Value| json!({ "column": column, "op": op, "value": value });
        match self {
            Self::All(tests) => json!({ "all": tests.iter().map(Self::json).collect::<Vec<_>>() }),
            Self::Any(tests) => json!({ "any": tests.iter().map(Self::json).collect::<Vec<_>>() }),
            Self::Text(op, value) => leaf("name", op, json!(value)),
            Self::Count(op, value) => leaf("count", op, json!(value)),
            Self::Ratio(op, value) => leaf("ratio", op, json!(value)),
            Self::Day(op, value) => leaf("day", op, json!(date(*value))),
            Self::Empty(column, true) => json!({ "column": column, "op": "is_empty" }),
            Self::Empty(column, false) => json!({ "column": column, "op": "is_not_empty" }),
        }
    }
}

fn date(day: u32) -> String {
    format!("2024-02-{:02}", day + 1)
}

impl Row {
    fn cell(&self, column: &str) -> Value {
        match column {
            "name" => json!(self.name),
            "count" => json!(self.count),
            "ratio" => json!(self.ratio),
            _ => json!(self.day.map(date)),
        }
    }

    fn cells(&self) -> Vec<Value> {
        COLUMNS.iter().map(|column| self.cell(column)).collect()
    }

    fn csv(&self) -> String {
        let text = |value: Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        self.cells().into_iter().map(text).collect::<Vec<_>>().join(",")
    }

    /// Empty cells come last in both directions.
    #[expect(clippy::fn_params_excessive_bools, reason = "a sort key's own word")]
    fn order(&self, other: &Self, column: usize, descending: bool) -> std::cmp::Ordering {
        fn by<T: PartialOrd>(a: Option<T>, b: Option<T>, descending: bool) -> std::cmp::Ordering {
            match (a, b) {
                (Some(a), Some(b)) => {
                    let order = a.partial_cmp(&b).expect("no NaN");
                    if descending { order.reverse() } else { order }
                }
                (a, b) => b.is_some().cmp(&a.is_some()),
            }
        }
        match column {
            0 => by(self.name.as_ref(), other.name.as_ref(), descending),
            1 => by(self.count, other.count, descending),
            2 => by(self.ratio, other.ratio, descending),
            _ => by(self.day, other.day, descending),
        }
    }
}

fn check(owner: &Person, panel: &str, rows: &[Row], question: &Question) {
    let mut expected: Vec<&Row> =
        rows.iter().filter(|row| question.test.as_ref().is_none_or(|test| test.holds(row))).collect();
    expected.sort_by(|a, b| {
        let keys = question.sort.iter().map(|(column, descending)| a.order(b, *column, *descending));
        keys.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    let window: Vec<Vec<Value>> =
        expected.iter().skip(question.offset).take(question.limit).map(|row| row.cells()).collect();

    let mut query = format!("limit={}&offset={}", question.limit, question.offset);
    if let Some(test) = &question.test {
        let text = test.json().to_string();
        query.push_str("&filter=");
        query.extend(text.bytes().map(|byte| format!("%{byte:02X}")));
    }
    let keys: Vec<String> = question
        .sort
        .iter()
        .map(|(column, descending)| format!("{}{}", if *descending { "-" } else { "" }, COLUMNS[*column]))
        .collect();
    query.push_str(&format!("&sort={}", keys.join(",")));
    let answer = owner.get(&format!("/v1/panels/{panel}/rows?{query}"));
    assert_eq!(answer.status, 200, "{question:?}: {}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["count"], expected.len(), "{question:?}");
    let numbers = |rows: &Value| -> Vec<Vec<Value>> {
        let rows: Vec<Vec<Value>> = serde_json::from_value(rows.clone()).expect("rows");
        let plain = |cell: Value| if cell.is_number() { json!(cell.as_f64()) } else { cell };
        rows.into_iter().map(|row| row.into_iter().map(plain).collect()).collect()
    };
    assert_eq!(numbers(&answer["rows"]), numbers(&json!(window)), "{question:?}");
}

#[test]
fn views_equal_a_plain_reference() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let owner = house.set_up();
    let panel = owner.panel("property");
    let columns: Vec<Value> = COLUMNS
        .iter()
        .zip(["text", "integer", "number", "date"])
        .map(|(name, kind)| json!({ "source": name, "name": name, "kind": kind }))
        .collect();
    let options =
        json!({ "format": "csv", "header": "present", "nulls": [""], "columns": columns }).to_string();
    let options: String = options.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let strategy = (
        proptest::collection::vec(row(), 1..80),
        proptest::collection::vec(question(), QUESTIONS..=QUESTIONS),
    );
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |(rows, questions)| {
        let lines: Vec<String> = rows.iter().map(Row::csv).collect();
        let csv = format!("{}\n{}\n", COLUMNS.join(","), lines.join("\n"));
        let path = format!("/v1/panels/{panel}/imports?mode=replace&options={options}");
        let done = owner.send("POST", &path, "Content-Type: text/csv\r\n", csv.as_bytes());
        assert_eq!(done.status, 201, "{}", done.text());
        assert_eq!(done.json()["bad_lines"], 0, "{}", done.text());
        for question in &questions {
            check(&owner, &panel, &rows, question);
        }
        Ok(())
    });
    outcome.unwrap();
}
