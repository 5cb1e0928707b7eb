//! A JSON value as one cell of text. Lossy on purpose: who wants everything asks for JSON.
use serde_json::Value;

use crate::terminal::harmless;

/// By these an object is called, the first that it has.
const LABELS: [&str; 5] = ["title", "name", "email", "label", "id"];

/// A value as a cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(moment(text).as_deref().unwrap_or(text)),
        Value::Array(list) => list.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(_) => match (label(value), quantity(value)) {
            (Some(name), _) => harmless(&name),
            (None, Some(Quantity { what, text })) => format!("{} {text}", harmless(what)),
            (None, None) => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// What people call an object.
pub fn label(thing: &Value) -> Option<String> {
    LABELS.iter().find_map(|name| thing[*name].as_str().map(str::to_owned))
}

/// How much there is of a kind of thing, and how much there may be: `3 of 10`.
pub struct Quantity<'a> {
    /// The kind of thing.
    pub what: &'a str,
    /// How much.
    pub text: String,
}

/// A value as a quantity, if it is one.
pub fn quantity(value: &Value) -> Option<Quantity<'_>> {
    let (what, used) = (value["what"].as_str()?, value["used"].as_u64()?);
    let shown = |n: u64| if value["unit"] == "bytes" { bytes(n) } else { n.to_string() };
    let text = match value["limit"].as_u64() {
        Some(limit) => format!("{} of {}", shown(used), shown(limit)),
        None => shown(used),
    };
    Some(Quantity { what, text })
}

/// `1.5 GB`: three digits tell enough.
fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if n < 1_000 {
        return format!("{n} B");
    }
    let (mut size, mut unit) = (n as f64 / 1e3, 0);
    while size >= 1e3 && unit + 1 < UNITS.len() {
        size /= 1e3;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// The id of a thing: of this name, or `id`.
pub fn id(thing: &Value, own_id: &str) -> Option<String> {
    [own_id, "id"].iter().find_map(|name| thing[*name].as_str().map(str::to_owned))
}

/// Seconds are enough for people: `2026-01-02T03:04:05.678Z` -> `2026-01-02 03:04:05Z`.
fn moment(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() >= 20
        && bytes.len() <= 30
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && bytes[13] == b':'
        && bytes[16] == b':'
        && bytes[19..bytes.len() - 1].iter().all(|b| b.is_ascii_digit() || *b == b'.')
        && text.is_ascii()
        && text.ends_with('Z');
    shaped.then(|| format!("{} {}Z", &text[..10], &text[11..19]))
}

/// An object's values with their names, nested objects dotted, in this order and then as they come.
pub fn flat<'a>(order: &[String], thing: &'a Value) -> Vec<(String, &'a Value)> {
    let Some(object) = thing.as_object() else { return vec![("value".to_owned(), thing)] };
    let first = order.iter().filter(|name| object.contains_key(*name));
    let rest = object.keys().filter(|name| !order.contains(name));
    let mut pairs = Vec::new();
    for name in first.chain(rest) {
        let value = &object[name];
        match value.as_object().filter(|inner| !inner.is_empty()) {
            Some(_) => {
                pairs.extend(flat(&[], value).into_iter().map(|(inner, v)| (format!("{name}.{inner}"), v)));
            }
            None => pairs.push((name.clone(), value)),
        }
    }
    pairs
}
