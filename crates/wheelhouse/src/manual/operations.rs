//! One page per operation, made from the spec: what it needs, what it takes, what it gives, how to call it.
use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::pages::{Page, Part, page};

const SPEC: &str = include_str!("../../../../spec/openapi.json");
/// In examples, where a server is.
const ORIGIN: &str = "http://127.0.0.1:8080";
const AN_ID: &str = "01900000-0000-7000-8000-000000000000";

/// The pages; none when the committed spec is no JSON, which `make gen` would have said.
pub(super) fn all() -> Vec<Page> {
    let Ok(spec) = serde_json::from_str::<Value>(SPEC) else { return Vec::new() };
    let typed: BTreeMap<String, String> =
        wh_cli::typed().into_iter().map(|typed| (typed.id, typed.commands)).collect();
    let mut pages = Vec::new();
    for (path, methods) in spec["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let Some(id) = operation["operationId"].as_str() else { continue };
            let told =
                Told { spec: &spec, path, method: &method.to_uppercase(), operation, typed: typed.get(id) };
            pages.push(page(&format!("operations/{id}"), Part::Operations, &told.markdown(id)));
        }
    }
    pages
}

/// One operation.
struct Told<'a> {
    spec: &'a Value,
    path: &'a str,
    method: &'a str,
    operation: &'a Value,
    typed: Option<&'a String>,
}

impl Told<'_> {
    fn markdown(&self, id: &str) -> String {
        let operation = self.operation;
        let mut out = format!("# {id}\n\n{}.\n\n", word(&operation["summary"]));
        if let Some(description) = operation["description"].as_str() {
            put(&mut out, format_args!("{description}\n\n"));
        }
        put(&mut out, format_args!("`{} {}`\n\n", self.method, self.path));
        match operation["x-permission"].as_str() {
            Some(permission) => put(&mut out, format_args!("Needs [`{permission}`](/docs/permissions). ")),
            None if operation["security"].as_array().is_some_and(Vec::is_empty) => {
                out.push_str("Needs no sign-in. ");
            }
            None => out.push_str("Needs a sign-in. "),
        }
        out.push_str(match word(&operation["x-risk"]) {
            "danger" => "It cannot be taken back.\n\n",
            "change" => "It changes something.\n\n",
            _ => "It changes nothing.\n\n",
        });
        self.parameters(&mut out);
        self.body(&mut out);
        self.answer(&mut out);
        if let Some(typed) = self.typed {
            put(&mut out, format_args!("## On the command line\n\n```sh\n{typed}\n```\n\n"));
        }
        put(&mut out, format_args!("## With curl\n\n```sh\n{}\n```\n\n", self.curl()));
        self.problems(&mut out);
        out
    }

    fn parameters(&self, out: &mut String) {
        let Some(parameters) = self.operation["parameters"].as_array().filter(|all| !all.is_empty()) else {
            return;
        };
        out.push_str("## Parameters\n\n| name | in | type | required | what |\n|---|---|---|---|---|\n");
        for parameter in parameters {
            let required = if parameter["required"] == true { "yes" } else { "" };
            put(
                out,
                format_args!(
                    "| `{}` | {} | {} | {required} | {} |\n",
                    word(&parameter["name"]),
                    word(&parameter["in"]),
                    self.kind(&parameter["schema"]),
                    cell(word(&parameter["description"])),
                ),
            );
        }
        out.push('\n');
    }

    fn body(&self, out: &mut String) {
        let Some(content) = self.operation["requestBody"]["content"].as_object() else { return };
        let types: Vec<String> = content.keys().map(|kind| format!("`{kind}`")).collect();
        put(out, format_args!("## Body\n\n{}.", types.join(" or ")));
        if let Some(words) = self.operation["requestBody"]["description"].as_str() {
            put(out, format_args!(" {words}."));
        }
        if let Some(bytes) = self.operation["x-body-bytes-max"].as_u64() {
            put(out, format_args!(" At most {bytes} bytes."));
        }
        out.push_str("\n\n");
        self.fields(&content.values().next().unwrap_or(&Value::Null)["schema"], out);
    }

    fn answer(&self, out: &mut String) {
        let responses = self.operation["responses"].as_object();
        let Some((status, response)) =
            responses.into_iter().flatten().find(|(status, _)| status.starts_with('2'))
        else {
            return;
        };
        put(out, format_args!("## Answer\n\n`{status}`"));
        let schema = response["content"].as_object().and_then(|content| content.values().next());
        match schema {
            Some(schema) => {
                put(out, format_args!(" with {}.\n\n", self.kind(&schema["schema"])));
                self.fields(&schema["schema"], out);
            }
            None => out.push_str(" without a body.\n\n"),
        }
    }

    fn fields(&self, schema: &Value, out: &mut String) {
        let schema = self.resolved(schema);
        let Some(fields) = schema["properties"].as_object().filter(|fields| !fields.is_empty()) else {
            return;
        };
        out.push_str("| field | type | required | what |\n|---|---|---|---|\n");
        for (name, field) in fields {
            let required = schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
            put(
                out,
                format_args!(
                    "| `{name}` | {} | {} | {} |\n",
                    self.kind(field),
                    if required { "yes" } else { "" },
                    cell(word(&field["description"])),
                ),
            );
        }
        out.push('\n');
    }

    fn problems(&self, out: &mut String) {
        let Some(codes) = self.operation["x-errors"].as_array() else { return };
        out.push_str("## Problems\n\n| code | status | what happened |\n|---|---|---|\n");
        for code in codes.iter().filter_map(Value::as_str) {
            let told = &self.spec["x-error-table"][code];
            put(
                out,
                format_args!(
                    "| [`{code}`](/docs/errors#{code}) | {} | {} |\n",
                    told["status"],
                    cell(word(&told["summary"]))
                ),
            );
        }
        out.push('\n');
    }

    /// With the cookies of a sign-in, as a browser would send them.
    fn curl(&self) -> String {
        let mut path = self.path.to_owned();
        while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
            path.replace_range(open..=close, AN_ID);
        }
        let mut query = Vec::new();
        for parameter in self.operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" && parameter["required"] == true {
                let value = self.sample(word(&parameter["name"]), &parameter["schema"]);
                query.push(format!(
                    "{}={}",
                    word(&parameter["name"]),
                    value.as_str().map_or(value.to_string(), str::to_owned)
                ));
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let mut parts = vec![
            format!("curl -sS -X {} '{ORIGIN}{path}'", self.method),
            "-b cookies.txt -c cookies.txt".to_owned(),
        ];
        if self.method != "GET" {
            parts.push(format!("-H 'Origin: {ORIGIN}'"));
        }
        if let Some(content) = self.operation["requestBody"]["content"].as_object() {
            match content.get("application/json") {
                Some(json) => {
                    parts.push("-H 'Content-Type: application/json'".to_owned());
                    parts.push(format!("-d '{}'", self.sample("", &json["schema"])));
                }
                None => {
                    parts.push("-H 'Content-Type: application/octet-stream'".to_owned());
                    parts.push("--data-binary @flights.csv".to_owned());
                }
            }
        }
        parts.join(" \\\n  ")
    }

    /// A value that fits the schema.
    fn sample(&self, name: &str, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
            return first.clone();
        }
        if let Some(first) =
            ["oneOf", "allOf", "anyOf"].iter().find_map(|key| schema[*key].as_array()?.first())
        {
            return self.sample(name, first);
        }
        if let Some(fields) = schema["properties"].as_object() {
            let needed = |field: &str| {
                schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == field))
            };
            let taken = fields.iter().filter(|(field, _)| needed(field) || fields.len() == 1);
            return taken.map(|(field, kind)| (field.clone(), self.sample(field, kind))).collect();
        }
        match kind_word(&schema["type"]) {
            "integer" | "number" => schema["minimum"].as_i64().unwrap_or(1).into(),
            "boolean" => true.into(),
            "array" => Value::Array(vec![self.sample(name, &schema["items"])]),
            _ if schema["format"] == "uuid" => AN_ID.into(),
            _ if name.contains("email") => "ada@acme.example".into(),
            _ if name.contains("password") => "correct horse battery staple".into(),
            _ => "Flights".into(),
        }
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            Some(name) => &self.spec["components"]["schemas"][name],
            None => schema,
        }
    }

    /// Its type in words.
    fn kind(&self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            let values = self.resolved(schema)["enum"].as_array();
            return values.map_or_else(|| name.to_owned(), |values| one_of(values));
        }
        if let Some(values) = schema["enum"].as_array() {
            return one_of(values);
        }
        if let Some(first) = ["oneOf", "allOf", "anyOf"].iter().find_map(|key| schema[*key].as_array()) {
            let kinds: Vec<String> =
                first.iter().filter(|one| one["type"] != "null").map(|one| self.kind(one)).collect();
            return kinds.join(" or ");
        }
        let kind = kind_word(&schema["type"]);
        match schema["format"].as_str() {
            Some(format) if !format.starts_with("int") => format!("{kind} ({format})"),
            _ if kind == "array" => format!("list of {}", self.kind(&schema["items"])),
            _ if kind.is_empty() => "anything".to_owned(),
            _ => kind.to_owned(),
        }
    }
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
        kind => word(kind),
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// In a table a line is a row.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn put(out: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(words);
}
