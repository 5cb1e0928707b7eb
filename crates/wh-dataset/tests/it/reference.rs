//! What a view must answer, computed in the plainest way: row by row, value by value. No test itself; shares no code
//! with the engine.
use std::cmp::Ordering;

use serde_json::{Value, json};
use wh_dataset::model::ColumnType;

/// A cell. Empty is `None` around it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    Int(i64),
    Number(f64),
    Bool(bool),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970.
    Moment(i64),
}

pub type Row = Vec<Option<Cell>>;

/// A table to compare with.
pub struct Table {
    pub columns: Vec<(String, ColumnType)>,
    pub rows: Vec<Row>,
}

/// What is asked of it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub filter: Option<Value>,
    pub search: Option<String>,
    pub sort: Vec<(usize, bool)>,
    pub offset: usize,
    pub limit: usize,
}

impl Cell {
    pub fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Int(number) => json!(number),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => json!(*number as i64),
            Self::Number(number) => json!(number),
            Self::Bool(flag) => json!(flag),
            Self::Date(days) => json!(date(*days).to_string()),
            Self::Moment(micros) => json!(jiff::Timestamp::from_microsecond(*micros).unwrap().to_string()),
        }
    }
}

fn date(days: i32) -> jiff::civil::Date {
    jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap()
}

fn micros(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

impl Table {
    /// Rows that pass in their order: how many, and the window.
    pub fn answer(&self, asked: &Asked) -> (usize, Vec<Vec<Value>>) {
        let passes = |row: &&Row| {
            asked.filter.as_ref().is_none_or(|filter| self.passes(filter, row))
                && asked.search.as_ref().is_none_or(|search| found(search, row))
        };
        let mut rows: Vec<&Row> = self.rows.iter().filter(passes).collect();
        rows.sort_by(|left, right| {
            let orders = asked.sort.iter().map(|(column, descending)| {
                order(left[*column].as_ref(), right[*column].as_ref(), *descending)
            });
            orders.fold(Ordering::Equal, Ordering::then)
        });
        let window = rows.iter().skip(asked.offset).take(asked.limit);
        let shown =
            |row: &&Row| row.iter().map(|cell| cell.as_ref().map_or(Value::Null, Cell::json)).collect();
        (rows.len(), window.map(shown).collect())
    }

    fn passes(&self, filter: &Value, row: &Row) -> bool {
        if let Some(parts) = filter.get("all") {
            return parts.as_array().unwrap().iter().all(|part| self.passes(part, row));
        }
        if let Some(parts) = filter.get("any") {
            return parts.as_array().unwrap().iter().any(|part| self.passes(part, row));
        }
        if let Some(part) = filter.get("not") {
            return !self.passes(part, row);
        }
        let name = filter["column"].as_str().unwrap();
        let column = self.columns.iter().position(|(own, _)| own == name).unwrap();
        condition(filter["op"].as_str().unwrap(), &filter["value"], row[column].as_ref())
    }
}

fn condition(op: &str, value: &Value, cell: Option<&Cell>) -> bool {
    let Some(cell) = cell else { return matches!(op, "ne" | "not_in" | "not_contains" | "is_empty") };
    let is = |wanted: Ordering| compare(cell, value) == Some(wanted);
    let any = || value.as_array().unwrap().iter().any(|value| compare(cell, value) == Some(Ordering::Equal));
    let text = |test: fn(&str, &str) -> bool| match cell {
        Cell::Text(text) => test(&lower(text), &lower(value.as_str().unwrap())),
        _ => panic!("{op} is for text"),
    };
    match op {
        "eq" => is(Ordering::Equal),
        "ne" => !is(Ordering::Equal),
        "lt" => is(Ordering::Less),
        "gt" => is(Ordering::Greater),
        "le" => is(Ordering::Less) || is(Ordering::Equal),
        "ge" => is(Ordering::Greater) || is(Ordering::Equal),
        "between" => {
            compare(cell, &value[0]).unwrap() != Ordering::Less
                && compare(cell, &value[1]).unwrap() != Ordering::Greater
        }
        "in" => any(),
        "not_in" => !any(),
        "contains" => text(|text, part| text.contains(part)),
        "not_contains" => !text(|text, part| text.contains(part)),
        "starts_with" => text(|text, part| text.starts_with(part)),
        "ends_with" => text(|text, part| text.ends_with(part)),
        "is_empty" => false,
        "is_not_empty" => true,
        _ => panic!("no operator {op}"),
    }
}

fn compare(cell: &Cell, value: &Value) -> Option<Ordering> {
    match cell {
        Cell::Text(text) => Some(text.as_bytes().cmp(value.as_str()?.as_bytes())),
        Cell::Int(number) => match value.as_i64() {
            Some(value) => Some(number.cmp(&value)),
            None => {
                let value = value.as_f64()?;
                // Both as whole numbers where the double is one beyond the cell's range.
                if value.abs() >= 1e18 {
                    i128::from(*number).partial_cmp(&(value as i128))
                } else {
                    (*number as f64).partial_cmp(&value)
                }
            }
        },
        Cell::Number(number) => number.partial_cmp(&value.as_f64()?),
        Cell::Bool(flag) => Some(flag.cmp(&value.as_bool()?)),
        Cell::Date(days) => Some(date(*days).cmp(&value.as_str()?.parse().unwrap())),
        Cell::Moment(moment) => Some(moment.cmp(&micros(value.as_str()?))),
    }
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[expect(clippy::float_cmp, reason = "a number is found by exactly itself")]
fn found(search: &str, row: &Row) -> bool {
    row.iter().flatten().any(|cell| match cell {
        Cell::Text(text) => lower(text).contains(&lower(search)),
        Cell::Int(number) => search.parse::<i64>().is_ok_and(|search| search == *number),
        Cell::Number(number) => search.parse::<f64>().is_ok_and(|search| search == *number),
        Cell::Date(days) => date(*days).to_string() == search,
        Cell::Moment(moment) => {
            jiff::Timestamp::from_microsecond(*moment).unwrap().to_string()[..10] == *search
        }
        Cell::Bool(_) => false,
    })
}

/// Empty cells last either way.
#[expect(clippy::fn_params_excessive_bools, reason = "a sort key's own word")]
fn order(left: Option<&Cell>, right: Option<&Cell>, descending: bool) -> Ordering {
    let (left, right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (left, right) => return left.is_none().cmp(&right.is_none()),
    };
    let order = match (left, right) {
        (Cell::Text(left), Cell::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Cell::Int(left), Cell::Int(right)) | (Cell::Moment(left), Cell::Moment(right)) => left.cmp(right),
        (Cell::Number(left), Cell::Number(right)) => left.partial_cmp(right).unwrap(),
        (Cell::Bool(left), Cell::Bool(right)) => left.cmp(right),
        (Cell::Date(left), Cell::Date(right)) => left.cmp(right),
        _ => panic!("two types in one column"),
    };
    if descending { order.reverse() } else { order }
}
