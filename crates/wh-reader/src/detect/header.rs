//! Whether the first record names the columns, and names that are fit for a schema. What is changed is told.
use std::collections::HashSet;

use super::kinds::{self, Looks};
use super::sample::Row;
use super::{Issue, IssueKind};
use crate::model::{COLUMN_NAME_CHARS_MAX, ColumnType};
use crate::options::Header;
use crate::value::trim;

/// Characters above which a cell is no name.
const NAME_LIKELY_CHARS_MAX: usize = 64;

/// Guesses from the first record and what the others look like without it.
pub(crate) fn detect(rows: &[Row<'_>], width: usize) -> Header {
    let mut good = rows.iter().filter(|row| row.problem.is_none());
    let Some(first) = good.next() else { return Header::Absent };
    let names: Vec<&[u8]> =
        first.cells.iter().map(|cell| cell.as_ref().map_or(&b""[..], |c| trim(&c.text))).collect();
    let distinct: HashSet<Vec<u8>> =
        names.iter().filter(|name| !name.is_empty()).map(|name| name.to_ascii_lowercase()).collect();
    if distinct.is_empty() {
        return Header::Absent;
    }
    let rest: Vec<&Row<'_>> = good.filter(|row| row.cells.len() == width).collect();
    let (mut yes, mut no) = (0_usize, 0_usize);
    for (column, name) in names.iter().enumerate().take(width) {
        if name.is_empty() {
            continue;
        }
        let alone = kinds::looks(std::iter::once(first.cells[column].as_ref()), None);
        let below = kinds::looks(rest.iter().map(|row| row.cells[column].as_ref()), None);
        match (alone.kind, below.kind) {
            (ColumnType::Text, kind) if kind != ColumnType::Text => yes += 2,
            (kind, _) if kind != ColumnType::Text => no += 2,
            _ if name.len() > NAME_LIKELY_CHARS_MAX || repeated(&rest, column, name) => no += 1,
            _ => yes += usize::from(distinct.len() == names.len()),
        }
    }
    if yes > no { Header::Present } else { Header::Absent }
}

/// Whether a name is there again as a value: then it is one.
fn repeated(rest: &[&Row<'_>], column: usize, name: &[u8]) -> bool {
    rest.iter().any(|row| row.cells[column].as_ref().is_some_and(|cell| trim(&cell.text) == name))
}

/// The sources of so many columns: the cells of the header, or numbers.
pub(crate) fn sources(header: Option<&Row<'_>>, width: usize) -> Vec<String> {
    (0..width)
        .map(|column| {
            let cell = header.and_then(|row| row.cells.get(column)).and_then(Option::as_ref);
            match (header, cell) {
                (None, _) => (column + 1).to_string(),
                (Some(_), None) => String::new(),
                (Some(_), Some(cell)) => String::from_utf8_lossy(&cell.text).into_owned(),
            }
        })
        .collect()
}

/// Texts of a header by which a column can be told from the others: one that is empty or was there before gives way to
/// `#` and its number.
pub(crate) fn distinct(texts: &[String]) -> Vec<String> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut sources = Vec::with_capacity(texts.len());
    for (column, text) in texts.iter().enumerate() {
        let own = !text.is_empty() && seen.insert(text);
        sources.push(if own { text.clone() } else { format!("#{}", column + 1) });
    }
    sources
}

/// Names for a schema from sources: trimmed, cut, filled in, made unique; each change is an issue.
pub(crate) fn names(sources: &[String], header: Header, issues: &mut Vec<Issue>) -> Vec<String> {
    let mut used: HashSet<String> = HashSet::new();
    let own: HashSet<String> = sources.iter().map(|source| clean(source).to_lowercase()).collect();
    let mut names = Vec::with_capacity(sources.len());
    for (column, source) in sources.iter().enumerate() {
        let cleaned = clean(source);
        let base = if cleaned.is_empty() || header == Header::Absent {
            format!("column_{}", column + 1)
        } else {
            cleaned
        };
        let mut name = base.clone();
        let mut number = 2;
        while used.contains(&name.to_lowercase()) || (name != base && own.contains(&name.to_lowercase())) {
            let suffix = format!("_{number}");
            name = base.chars().take(COLUMN_NAME_CHARS_MAX - suffix.len()).chain(suffix.chars()).collect();
            number += 1;
        }
        used.insert(name.to_lowercase());
        if header == Header::Present && name != *source {
            let kind = match source.trim() {
                "" => IssueKind::NameEmpty,
                _ if name != base => IssueKind::NameRepeated,
                _ => IssueKind::NameChanged,
            };
            issues.push(Issue::of(kind, &name, format!("column {} is called \"{name}\" here", column + 1)));
        }
        names.push(name);
    }
    names
}

/// Without white space around, without control characters, no longer than a name may be.
fn clean(source: &str) -> String {
    let spaced: String = source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(COLUMN_NAME_CHARS_MAX).collect()
}

/// The words for an empty cell that a file uses, from what its columns look like.
pub(crate) fn nulls(looks: &[Looks], names: &[String], issues: &mut Vec<Issue>) -> Vec<String> {
    let mut words = vec![String::new()];
    let needed = looks.iter().flat_map(|looks| looks.nulls.iter().map(String::as_str));
    let sure =
        looks.iter().flat_map(|looks| looks.words.keys().copied()).filter(|word| kinds::null_surely(word));
    for word in needed.chain(sure) {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    for (looks, name) in looks.iter().zip(names).filter(|(looks, _)| looks.kind == ColumnType::Text) {
        for (word, count) in &looks.words {
            if words.iter().any(|known| known == word) {
                let detail = format!("\"{word}\" ({count} times in the sample) is read as an empty cell");
                issues.push(Issue::of(IssueKind::NullInText, name, detail));
            }
        }
    }
    words
}
