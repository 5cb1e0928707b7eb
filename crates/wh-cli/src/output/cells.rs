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
        Value::Object(_) => label(value).map_or_else(|| value.to_string(), |name| harmless(&name)),
        other => other.to_string(),
    }
}

/// What people call an object.
pub fn label(thing: &Value) -> Option<String> {
    LABELS.iter().find_map(|name| thing[*name].as_str().map(str::to_owned))
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
