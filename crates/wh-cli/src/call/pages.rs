//! Lists page by page and windows of rows: how many are fetched, and how they are laid out.
use serde_json::Value;

use super::{Call, parsed};
use crate::client::{Ask, Payload};
use crate::fail::{Exit, Fail, Result};
use crate::output::{Format, Output, cell, label, quantity};
use crate::request::Target;
use crate::spec::Answer;
use crate::terminal;
use crate::tree::name;

/// What the server gives when nothing is said.
const LIMIT_DEFAULT: u64 = 50;
/// What a page holds where the spec names no bound.
const PAGE_MAX: u64 = 200;

/// How many in all, and how many at once.
struct Plan {
    wanted: Option<u64>,
    page_max: u64,
}

impl Plan {
    fn of(call: &Call<'_>) -> Self {
        let all = call.matches.get_flag(name::ALL);
        let said = call.matches.get_one::<u64>(name::LIMIT).copied();
        let page_max = call.operation.query("limit").and_then(|param| param.max).unwrap_or(PAGE_MAX);
        Self { wanted: if all { None } else { Some(said.unwrap_or(LIMIT_DEFAULT)) }, page_max }
    }

    fn next(&self, got: u64) -> u64 {
        self.wanted.map_or(self.page_max, |wanted| (wanted - got).min(self.page_max))
    }

    fn enough(&self, got: u64) -> bool {
        self.wanted.is_some_and(|wanted| got >= wanted)
    }

    fn one_page(&self) -> bool {
        self.wanted.is_some_and(|wanted| wanted <= self.page_max)
    }
}

/// Fetch and show.
pub fn run(call: &Call<'_>, target: &Target, out: &mut Output) -> Result<()> {
    let plan = Plan::of(call);
    match &call.operation.answer {
        Answer::Items(order, _) => list(call, &plan, target, order, out),
        _ => rows(call, &plan, target, out),
    }
}

fn fetch(call: &Call<'_>, target: &Target, more: &[(&str, String)]) -> Result<Vec<u8>> {
    let mut target = target.clone();
    for (name, value) in more {
        target.query(name, value);
    }
    let ask = Ask { method: "GET", target: target.text(), key: None, payload: Payload::None };
    call.app.send(&call.connection, ask)?.bytes()
}

fn list(call: &Call<'_>, plan: &Plan, target: &Target, order: &[String], out: &mut Output) -> Result<()> {
    let mut all: Vec<Value> = Vec::new();
    let mut cursor = call.matches.get_one::<String>(&name::param("cursor")).cloned();
    loop {
        let mut more = vec![("limit", plan.next(all.len() as u64).to_string())];
        more.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let bytes = fetch(call, target, &more)?;
        if call.flags.format == Format::Json && plan.one_page() {
            return out.json(&bytes);
        }
        let mut page = parsed(&bytes)?;
        if let Value::Array(items) = page["items"].take() {
            all.extend(items);
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() || plan.enough(all.len() as u64) {
            break;
        }
    }
    if call.flags.format == Format::Json {
        return out.json(serde_json::json!({ "items": all, "next_cursor": cursor }).to_string().as_bytes());
    }
    items(order, &all, call.own_id(), out)?;
    if cursor.is_some() && call.flags.format == Format::Table {
        out.flush()?;
        terminal::notice(&format!("the first {}; --all or --limit shows more", all.len()));
    }
    Ok(())
}

/// Things below one another.
pub fn items(order: &[String], items: &[Value], own_id: &str, out: &mut Output) -> Result<()> {
    let names = names(order, items);
    match out.format {
        Format::Ids => items.iter().try_for_each(|item| out.id(item, own_id)),
        Format::Csv | Format::RawCsv => {
            out.csv_head(&names)?;
            items.iter().try_for_each(|item| out.csv_row(names.iter().map(|name| &item[name])))
        }
        _ => {
            let columns: Vec<Column> = names.into_iter().flat_map(|name| columns_of(items, name)).collect();
            let heads: Vec<String> = columns.iter().map(|column| column.head().to_owned()).collect();
            let rows: Vec<Vec<String>> =
                items.iter().map(|item| columns.iter().map(|column| column.cell(item)).collect()).collect();
            out.table(&heads, &rows)
        }
    }
}

fn names(order: &[String], items: &[Value]) -> Vec<String> {
    let mut names = order.to_vec();
    for item in items {
        for name in item.as_object().into_iter().flat_map(|object| object.keys()) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// What a column of a table shows.
enum Column {
    /// A field.
    Field(String),
    /// Of the quantities that a field lists, those of this kind of thing.
    Quantity {
        /// The field.
        name: String,
        /// The kind of thing.
        what: String,
    },
}

impl Column {
    fn head(&self) -> &str {
        match self {
            Self::Field(name) => name,
            Self::Quantity { what, .. } => what,
        }
    }

    fn cell(&self, item: &Value) -> String {
        match self {
            Self::Field(name) => cell(&item[name]),
            Self::Quantity { name, what } => {
                let mut listed = item[name].as_array().into_iter().flatten().filter_map(quantity);
                listed.find(|one| one.what == what).map(|one| one.text).unwrap_or_default()
            }
        }
    }
}

/// One column for a field that fits a cell, one for each kind of thing that a field lists quantities of, none for what is larger.
fn columns_of(items: &[Value], name: String) -> Vec<Column> {
    if fits_a_cell(items, &name) {
        return vec![Column::Field(name)];
    }
    let mut kinds: Vec<String> = Vec::new();
    for listed in items.iter().filter_map(|item| item[&name].as_array()).flatten() {
        let Some(found) = quantity(listed) else { return Vec::new() };
        if !kinds.iter().any(|what| what == found.what) {
            kinds.push(found.what.to_owned());
        }
    }
    kinds.into_iter().map(|what| Column::Quantity { name: name.clone(), what }).collect()
}

/// A list of things is no cell, and neither is a thing without a name.
fn fits_a_cell(items: &[Value], name: &str) -> bool {
    items.iter().all(|item| match &item[name] {
        Value::Array(list) => list.iter().all(|value| !value.is_object() && !value.is_array()),
        thing @ Value::Object(_) => label(thing).is_some(),
        _ => true,
    })
}

fn rows(call: &Call<'_>, plan: &Plan, target: &Target, out: &mut Output) -> Result<()> {
    let first = call.matches.get_one::<i64>(&name::param("offset")).copied().unwrap_or(0).max(0) as u64;
    let mut got = 0;
    let mut sink = Rows { out, all: Vec::new(), version: None };
    loop {
        let more = [("limit", plan.next(got).to_string()), ("offset", (first + got).to_string())];
        let bytes = fetch(call, target, &more)?;
        if call.flags.format == Format::Json && plan.one_page() {
            return sink.out.json(&bytes);
        }
        let window = parsed(&bytes)?;
        let fresh = sink.take(&window)?;
        got += fresh;
        let count = window["count"].as_u64().unwrap_or(0);
        if fresh == 0 || first + got >= count || plan.enough(got) {
            return sink.end(&window, first, got);
        }
    }
}

/// A window that is not paged.
pub fn window_whole(window: &Value, out: &mut Output) -> Result<()> {
    let mut sink = Rows { out, all: Vec::new(), version: None };
    let got = sink.take(window)?;
    sink.end(window, 0, got)
}

/// Rows on their way out: CSV and JSON as they come, a table when all are there.
struct Rows<'a> {
    out: &'a mut Output,
    all: Vec<Vec<String>>,
    /// Of the first window; two windows of different versions are not one view.
    version: Option<Value>,
}

impl Rows<'_> {
    fn take(&mut self, window: &Value) -> Result<u64> {
        let rows = window["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        let empty = Vec::new();
        let before = self.version.replace(window["version"].clone());
        if before.as_ref().is_some_and(|before| *before != window["version"]) {
            return Err(Fail::new(
                Exit::Conflict,
                "cli.changed",
                "the rows changed while they were read",
                "read again; what was printed is of the version before",
            ));
        }
        let begun = before.is_some();
        match self.out.format {
            Format::Ids => {}
            Format::Json => {
                if !begun {
                    self.out.bytes(format!("{{\"columns\":{},\"rows\":[", window["columns"]).as_bytes())?;
                }
                for (at, row) in rows.iter().enumerate() {
                    let comma = if begun || at > 0 { "," } else { "" };
                    self.out.bytes(format!("{comma}\n{row}").as_bytes())?;
                }
            }
            Format::Csv | Format::RawCsv => {
                self.out.csv_head(&columns(window))?;
                for row in rows {
                    self.out.csv_row(row.as_array().unwrap_or(&empty).iter())?;
                }
            }
            Format::Table => {
                self.all.extend(
                    rows.iter().map(|row| row.as_array().unwrap_or(&empty).iter().map(cell).collect()),
                );
            }
        }
        Ok(rows.len() as u64)
    }

    fn end(self, window: &Value, first: u64, got: u64) -> Result<()> {
        let count = window["count"].as_u64().unwrap_or(0);
        match self.out.format {
            Format::Ids => self.out.line(&count.to_string()),
            Format::Json => {
                let tail = format!(
                    "\n],\"count\":{count},\"total\":{},\"version\":{}}}",
                    window["total"], window["version"]
                );
                self.out.line(&tail)
            }
            Format::Csv | Format::RawCsv => Ok(()),
            Format::Table => {
                self.out.table(&columns(window), &self.all)?;
                if got < count {
                    self.out.flush()?;
                    terminal::notice(&format!(
                        "rows {} to {} of {count}; --all or --limit shows more",
                        (first + 1).min(first + got),
                        first + got
                    ));
                }
                Ok(())
            }
        }
    }
}

fn columns(window: &Value) -> Vec<String> {
    let names = window["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
    names.iter().map(|name| name.as_str().unwrap_or_default().to_owned()).collect()
}
