//! A sample as rows of cells, before anything is known about its columns. Same rules as the readers; not made for speed.
use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::bad::Reason;
use crate::model::COLUMNS_MAX;
use crate::ndjson;
use crate::options::{Dialect, LINE_BYTES_MAX};
use crate::split::{Index, More, Splitter};
use crate::unquote::unquote;

/// Rows of a sample that are looked at.
pub(crate) const SAMPLE_ROWS_MAX: usize = 10_000;
/// Cells of a sample of NDJSON that are looked at: each row has one for every key of the sample.
const SAMPLE_CELLS_MAX: usize = 1_000_000;

/// One cell: its content, and whether JSON wrote it as a string.
#[derive(Clone, Debug)]
pub(crate) struct Cell<'a> {
    pub(crate) text: Cow<'a, [u8]>,
    pub(crate) json_string: bool,
}

/// One record of the sample.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) line: u64,
    pub(crate) raw: &'a [u8],
    pub(crate) cells: Vec<Option<Cell<'a>>>,
    pub(crate) problem: Option<Reason>,
}

/// The records of delimited text, of any width, at most so many.
pub(crate) fn delimited(data: &[u8], dialect: Dialect, rows_max: usize) -> Vec<Row<'_>> {
    let mut splitter = Splitter::of_any_width(dialect);
    let mut index = Index::default();
    let mut bad = Vec::new();
    splitter.split(data, More::No, rows_max, &mut index, &mut |record| {
        let at = record.raw.as_ptr() as usize - data.as_ptr() as usize;
        bad.push((record.line, record.reason, at, record.raw.len()));
    });
    let mut rows = Vec::with_capacity(index.rows() + bad.len());
    for row in 0..index.rows() {
        let base = index.bases[row] as usize;
        let end = index.bases.get(row + 1).map_or(index.ends.len(), |next| *next as usize);
        let mut start = index.starts[row] as usize;
        let mut cells = Vec::with_capacity(end - base);
        for field_end in &index.ends[base..end] {
            let text = unquote(&data[start..*field_end as usize], dialect);
            cells.push(Some(Cell { text, json_string: false }));
            start = *field_end as usize + 1;
        }
        let raw = &data[index.starts[row] as usize..index.ends[end - 1] as usize];
        let problem = std::str::from_utf8(raw).is_err().then_some(Reason::Encoding);
        rows.push(Row { line: 1 + u64::from(index.lines[row]), raw, cells, problem });
    }
    for (line, reason, at, length) in bad {
        rows.push(Row { line, raw: &data[at..at + length], cells: Vec::new(), problem: Some(reason) });
    }
    rows.sort_by_key(|row| row.line);
    rows
}

/// The keys of a sample of NDJSON in order of first appearance, and its rows with a cell per key.
pub(crate) fn objects(data: &[u8], terminator: u8, rows_max: usize) -> (Vec<String>, Vec<Row<'_>>) {
    let mut keys: Vec<String> = Vec::new();
    let mut places = std::collections::HashMap::new();
    let mut rows = Vec::new();
    for (number, raw) in data.split(|byte| *byte == terminator).enumerate() {
        if raw.trim_ascii().is_empty() {
            continue;
        }
        // More keys than columns are refused by the caller, however many more there are.
        let full = rows.len() == rows_max || rows.len() * keys.len() > SAMPLE_CELLS_MAX;
        if full || keys.len() > COLUMNS_MAX {
            break;
        }
        let mut row = Row { line: number as u64 + 1, raw, cells: Vec::new(), problem: None };
        match pairs(raw) {
            Err(reason) => row.problem = Some(reason),
            Ok(pairs) => {
                for (key, value) in pairs {
                    let place = *places.entry(key.clone()).or_insert_with(|| {
                        keys.push(key);
                        keys.len() - 1
                    });
                    if row.cells.len() <= place {
                        row.cells.resize(place + 1, None);
                    }
                    match ndjson::cell(value) {
                        Ok(text) if row.cells[place].is_none() => {
                            let json_string = value.get().starts_with('"');
                            row.cells[place] = text.map(|text| Cell { text, json_string });
                        }
                        Ok(_) => {}
                        Err(reason) => row.problem = Some(reason),
                    }
                }
            }
        }
        rows.push(row);
    }
    if keys.len() <= COLUMNS_MAX {
        for row in rows.iter_mut().filter(|row| row.problem.is_none()) {
            row.cells.resize(keys.len(), None);
        }
    }
    (keys, rows)
}

/// The pairs of one object, values as they stand.
fn pairs(raw: &[u8]) -> Result<Vec<(String, &RawValue)>, Reason> {
    if raw.len() > LINE_BYTES_MAX {
        return Err(Reason::LineTooLong);
    }
    let text = std::str::from_utf8(raw).map_err(|_| Reason::Encoding)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let pairs = reader.deserialize_map(Pairs).and_then(|pairs| reader.end().map(|()| pairs));
    pairs.map_err(|_| {
        let other = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        if other { Reason::JsonNotObject } else { Reason::JsonInvalid }
    })
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}
