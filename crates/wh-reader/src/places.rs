//! Which column of a file goes where: in the order of the file, or by name behind rows that are there already.
use std::collections::HashMap;

use wh_base::{Error, Result};

use super::detect::{Detected, Preview, detect};
use super::options::{ColumnHint, ColumnPlan, Format, Header, ReadHints, ReadOptions};
use crate::codes;
use crate::model::{Column, Schema};

/// Names that a refusal tells.
const NAMES_TOLD_MAX: usize = 5;
/// Lines of a sample, however short, that may turn bad when it is read with the types of the rows that are there.
const TURNED_BAD_MAX: u64 = 2;
/// Of a longer one, one line in so many.
const LINES_PER_TURNED_BAD: u64 = 100;

/// For each column of the rows that come out, its place among the columns of the options: those that are not left out, in
/// their order; behind other rows, in the order of these. Fails when the columns are not the same.
pub fn places(options: &ReadOptions, behind: Option<&Schema>) -> Result<Vec<usize>> {
    let kept = || options.columns.iter().enumerate().filter(|(_, plan)| !plan.skip);
    let Some(schema) = behind else { return Ok(kept().map(|(place, _)| place).collect()) };
    let mut found: HashMap<&str, usize> = kept().map(|(place, plan)| (plan.name.as_str(), place)).collect();
    let mut places = Vec::with_capacity(schema.len());
    let mut missing = Vec::new();
    for column in schema.columns() {
        match found.remove(column.name.as_str()) {
            None => missing.push(column.name.as_str()),
            Some(place) => {
                same_kind(column, &options.columns[place])?;
                places.push(place);
            }
        }
    }
    let further: Vec<&str> =
        kept().map(|(_, plan)| plan.name.as_str()).filter(|name| found.contains_key(name)).collect();
    if missing.is_empty() && further.is_empty() { Ok(places) } else { Err(differ(&missing, &further)) }
}

fn same_kind(column: &Column, plan: &ColumnPlan) -> Result<()> {
    if column.kind == plan.kind {
        return Ok(());
    }
    let (is, wanted) = (plan.kind.word(), column.kind.word());
    Err(codes::SCHEMA_DIFFERS
        .error(format!("column {} is read as {is}, and the dataset has {wanted}", plan.name)))
}

fn differ(missing: &[&str], further: &[&str]) -> Error {
    let mut words = Vec::new();
    if !missing.is_empty() {
        words.push(format!("the file has no column {}", named(missing)));
    }
    if !further.is_empty() {
        words.push(format!("the dataset has no column {}", named(further)));
    }
    codes::SCHEMA_DIFFERS.error(words.join("; "))
}

/// Some names, and how many more there are.
fn named(names: &[&str]) -> String {
    let told = names[..names.len().min(NAMES_TOLD_MAX)].join(", ");
    match names.len().saturating_sub(NAMES_TOLD_MAX) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// Objects leave out what they have no value for: a column that none of the sample names is read from the key of its name.
pub fn complete(options: &mut ReadOptions, behind: Option<&Schema>) {
    let Some(schema) = behind.filter(|_| options.format == Format::Ndjson) else { return };
    for column in schema.columns() {
        let known = options.columns.iter().any(|plan| plan.name == column.name || plan.source == column.name);
        if !known {
            options.columns.push(ColumnPlan {
                source: column.name.clone(),
                name: column.name.clone(),
                kind: column.kind,
                skip: false,
                nulls: None,
            });
        }
    }
}

/// The options that the begin of a file looks like; behind other rows, such that it fits these.
pub fn detected(
    sample: &[u8],
    file_name: Option<&str>,
    hints: &ReadHints,
    behind: Option<&Schema>,
) -> Result<ReadOptions> {
    let found = detect(sample, file_name, hints)?;
    let Some(schema) = behind else { return Ok(found.options) };
    let unnamed = found.options.header == Header::Absent && found.options.format != Format::Ndjson;
    let differ = match fitted(sample, file_name, hints.clone(), found, schema) {
        Ok(options) => return Ok(options),
        Err(differ) => differ,
    };
    // Where all is text, a line of names may look like any other; here the names are known.
    if hints.header.is_none() && unnamed {
        let hints = ReadHints { header: Some(Header::Present), ..hints.clone() };
        let named = detect(sample, file_name, &hints);
        if let Ok(options) = named.and_then(|found| fitted(sample, file_name, hints, found, schema)) {
            return Ok(options);
        }
    }
    Err(differ)
}

/// With the types of the rows that are there: a sample without fractions, or without a single value, looks like another type
/// than the whole is. Only where the sample can be read that way: a line or two that cannot, or one in a hundred, are bad
/// lines; with more of them the column holds something else, and taking it would lose rows that nobody was asked about.
fn fitted(
    sample: &[u8],
    file_name: Option<&str>,
    mut hints: ReadHints,
    found: Detected,
    schema: &Schema,
) -> Result<ReadOptions> {
    let mut others = 0;
    for plan in &found.options.columns {
        let Some(column) = schema.columns().iter().find(|column| column.name == plan.name) else { continue };
        if column.kind == plan.kind {
            continue;
        }
        others += 1;
        match hints.columns.iter().position(|hint| hint.source == plan.source) {
            Some(at) => hints.columns[at].kind = hints.columns[at].kind.or(Some(column.kind)),
            None => hints.columns.push(ColumnHint {
                source: plan.source.clone(),
                kind: Some(column.kind),
                ..ColumnHint::default()
            }),
        }
    }
    let mut options = found.options;
    if others > 0 {
        let typed = detect(sample, file_name, &hints)?;
        if spoiled(&found.preview, &typed.preview) {
            places(&options, Some(schema))?;
        }
        options = typed.options;
    }
    complete(&mut options, Some(schema));
    places(&options, Some(schema))?;
    Ok(options)
}

/// Whether too many lines are bad for no other reason than the types they were now read with.
fn spoiled(before: &Preview, now: &Preview) -> bool {
    let turned = now.sample_bad_lines.saturating_sub(before.sample_bad_lines);
    let few = TURNED_BAD_MAX.max(now.sample_rows / LINES_PER_TURNED_BAD);
    turned > few || (turned > 0 && now.sample_bad_lines * 2 > now.sample_rows)
}
