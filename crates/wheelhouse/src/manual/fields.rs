//! What bodies and answers hold, as tables: their fields with type, limits and meaning, and each named type once per page.
use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// Objects within objects that have no name of their own.
const DEPTH_MAX: usize = 6;
/// In examples, an id.
pub(super) const AN_ID: &str = "01900000-0000-7000-8000-000000000000";
/// A whole number where nothing else is said of it.
const NUMBER: i64 = 10;

/// The schemas of the spec, and which of them one page has told of.
pub(super) struct Types<'a> {
    schemas: &'a Value,
    /// Where on the page a named type is told.
    anchors: BTreeMap<String, String>,
    /// Those that are told at the end of the page, in the order of their first mention.
    named: Vec<String>,
}

/// One row of a table.
struct Row {
    name: String,
    kind: String,
    is_required: bool,
    limits: String,
    what: String,
}

impl<'a> Types<'a> {
    /// Of a page that has told of nothing yet.
    pub(super) fn new(spec: &'a Value) -> Self {
        Self { schemas: &spec["components"]["schemas"], anchors: BTreeMap::new(), named: Vec::new() }
    }

    /// The table of a body or an answer, below the heading of this anchor.
    pub(super) fn top(&mut self, schema: &Value, anchor: &str, out: &mut String) {
        if let Some(name) = name_of(schema) {
            self.anchors.entry(name.to_owned()).or_insert_with(|| anchor.to_owned());
        }
        let schema = self.resolved(schema).clone();
        self.table(&schema, out);
    }

    /// Every type that was named and not told yet, and those that they name.
    pub(super) fn rest(&mut self, out: &mut String) {
        if self.named.is_empty() {
            return;
        }
        out.push_str("## Types\n\n");
        let mut at = 0;
        while let Some(name) = self.named.get(at).cloned() {
            at += 1;
            put(out, format_args!("### {name}\n\n"));
            let schema = self.schemas[&name].clone();
            if let Some(what) = schema["description"].as_str() {
                let what = self.linked(what);
                put(out, format_args!("{what}\n\n"));
            }
            self.table(&schema, out);
        }
    }

    /// Its type in words, with a link to where a named one is told.
    pub(super) fn kind(&mut self, schema: &Value) -> String {
        if let Some(name) = name_of(schema) {
            let defined = self.resolved(schema).clone();
            return match (defined["enum"].as_array(), is_told_by_itself(&defined)) {
                (Some(values), _) => one_of(values),
                (None, true) => self.link(name),
                (None, false) => format!("{name}: {}", self.kind(&defined)),
            };
        }
        if let Some(values) = schema["enum"].as_array() {
            return one_of(values);
        }
        if let Some(parts) = parts_of(schema) {
            let mut kinds: Vec<String> = Vec::new();
            for part in parts {
                let kind = if is_null(part) { "null".to_owned() } else { self.kind(part) };
                kinds.push(kind);
            }
            return kinds.join(" or ");
        }
        let kind = kind_word(&schema["type"]);
        let words = match schema["format"].as_str() {
            _ if kind == "array" => format!("list of {}", self.kind(&schema["items"])),
            Some(format) if !format.starts_with("int") => format!("{kind} ({format})"),
            _ if kind.is_empty() => "anything".to_owned(),
            _ => kind.to_owned(),
        };
        let may_be_null =
            schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|one| one == "null"));
        if may_be_null { format!("{words} or null") } else { words }
    }

    /// A text of the spec: the schemas that it names become links.
    pub(super) fn linked(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("schema `") {
            let Some((name, behind)) = after.split_once('`') else { break };
            out.push_str(before);
            if self.schemas[name].is_object() {
                let link = self.link(name);
                put(&mut out, format_args!("schema {link}"));
            } else {
                put(&mut out, format_args!("schema `{name}`"));
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    /// What is said about it, where it stands or in the only type that it may be.
    pub(super) fn what(&mut self, schema: &Value) -> String {
        let own = schema["description"].as_str();
        let inner = || parts_of(schema)?.iter().find_map(|part| part["description"].as_str());
        match own.or_else(inner) {
            Some(text) => cell(&self.linked(text)),
            None => String::new(),
        }
    }

    /// Default, range, length, pattern.
    pub(super) fn limits(&self, schema: &Value) -> String {
        let defined = self.resolved(schema);
        let single = parts_of(defined).and_then(|parts| parts.iter().find(|part| !is_null(part)));
        let defined = single.map_or(defined, |part| self.resolved(part));
        let mut words = Vec::new();
        if let Some(default) = Some(&schema["default"]).filter(|default| !default.is_null()) {
            words.push(format!("default {}", code(default)));
        }
        for (least, most, unit) in [
            ("minimum", "maximum", ""),
            ("minLength", "maxLength", " characters"),
            ("minItems", "maxItems", " of them"),
        ] {
            // That a count is not below nothing goes without saying.
            let least = Some(&defined[least]).filter(|least| least.is_number() && least.as_i64() != Some(0));
            let most = Some(&defined[most]).filter(|most| most.is_number());
            match (least, most) {
                (Some(least), Some(most)) if least == most => words.push(format!("{least}{unit}")),
                (Some(least), Some(most)) => words.push(format!("{least} to {most}{unit}")),
                (Some(least), None) => words.push(format!("at least {least}{unit}")),
                (None, Some(most)) => words.push(format!("at most {most}{unit}")),
                (None, None) => {}
            }
        }
        if let Some(pattern) = defined["pattern"].as_str() {
            words.push(format!("fits `{pattern}`"));
        }
        cell(&words.join(", "))
    }

    /// A value that fits the schema: the example that stands beside it in the code, where there is one.
    pub(super) fn sample(&self, schema: &Value) -> Value {
        if let Some(example) = example(schema) {
            return example.clone();
        }
        let defined = self.resolved(schema);
        if let Some(first) = example(defined).or_else(|| defined["enum"].as_array()?.first()) {
            return first.clone();
        }
        if let Some(part) = parts_of(defined).and_then(|parts| parts.iter().find(|part| !is_null(part))) {
            return self.sample(part);
        }
        if let Some(fields) = defined["properties"].as_object() {
            let is_free = !fields.keys().any(|field| is_required(defined, field));
            // Where nothing is needed, an empty body would ask for nothing.
            let taken = fields.iter().filter(|(field, _)| is_free || is_required(defined, field));
            return taken.map(|(field, kind)| (field.clone(), self.sample(kind))).collect();
        }
        match (kind_word(&defined["type"]), defined["format"].as_str()) {
            ("integer" | "number", _) => {
                let least = defined["minimum"].as_i64().unwrap_or(i64::MIN);
                let most = defined["maximum"].as_i64().unwrap_or(i64::MAX);
                NUMBER.min(most).max(least).into()
            }
            ("boolean", _) => true.into(),
            ("array", _) => Value::Array(vec![self.sample(&defined["items"])]),
            (_, Some("uuid")) => AN_ID.into(),
            (_, Some("password")) => "correct horse battery staple".into(),
            _ => "text".into(),
        }
    }

    fn table(&mut self, schema: &Value, out: &mut String) {
        if let Some(parts) = parts_of(schema) {
            out.push_str("One of these forms:\n\n");
            for part in parts {
                match name_of(part) {
                    Some(name) => {
                        let link = self.link(name);
                        put(out, format_args!("{link}\n\n"));
                    }
                    None => {
                        let what = self.what(part);
                        put(out, format_args!("{what}\n\n"));
                        self.table(part, out);
                    }
                }
            }
            return;
        }
        let mut rows = Vec::new();
        self.rows("", schema, 0, &mut rows);
        if rows.is_empty() {
            return;
        }
        out.push_str("| field | type | required | limits | what |\n|---|---|---|---|---|\n");
        for Row { name, kind, is_required, limits, what } in rows {
            let required = if is_required { "yes" } else { "" };
            put(out, format_args!("| `{name}` | {kind} | {required} | {limits} | {what} |\n"));
        }
        out.push('\n');
    }

    /// The fields; those of an object without a name stand behind its own, as `items[].title`.
    fn rows(&mut self, before: &str, schema: &Value, depth: usize, rows: &mut Vec<Row>) {
        for (field, held) in schema["properties"].as_object().into_iter().flatten() {
            let name = format!("{before}{field}");
            let row = Row {
                kind: self.kind(held),
                is_required: is_required(schema, field),
                limits: self.limits(held),
                what: self.what(held),
                name: name.clone(),
            };
            rows.push(row);
            let mut inner = held;
            let mut place = name;
            while name_of(inner).is_none() && kind_word(&inner["type"]) == "array" {
                place.push_str("[]");
                inner = &inner["items"];
            }
            if name_of(inner).is_none() && depth < DEPTH_MAX {
                self.rows(&format!("{place}."), inner, depth + 1, rows);
            }
        }
    }

    fn link(&mut self, name: &str) -> String {
        if !self.anchors.contains_key(name) {
            // As headings become anchors.
            self.anchors.insert(name.to_owned(), name.to_lowercase());
            self.named.push(name.to_owned());
        }
        format!("[`{name}`](#{})", self.anchors[name])
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        name_of(schema).map_or(schema, |name| &self.schemas[name])
    }
}

fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// What it may be, where there are several.
fn parts_of(schema: &Value) -> Option<&Vec<Value>> {
    ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[*word].as_array())
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

/// Whether it has fields or forms, and so a table.
fn is_told_by_itself(schema: &Value) -> bool {
    schema["properties"].is_object() || parts_of(schema).is_some()
}

fn is_required(schema: &Value, field: &str) -> bool {
    schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == field))
}

fn example(schema: &Value) -> Option<&Value> {
    schema["examples"].as_array()?.first()
}

fn code(value: &Value) -> String {
    format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn one_of(values: &[Value]) -> String {
    let words: Vec<String> =
        values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
    words.join(", ")
}

/// The type besides `null`.
fn kind_word(kind: &Value) -> &str {
    match kind {
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
        }
        kind => kind.as_str().unwrap_or_default(),
    }
}

/// In a table a line is a row.
pub(super) fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// Append.
pub(super) fn put(out: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(words);
}
