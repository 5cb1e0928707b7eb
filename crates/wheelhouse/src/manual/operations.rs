//! One page per operation, made from the spec: what it needs, what it takes, what it gives, how to call it.
use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{AN_ID, Types, cell, put};
use super::pages::{Page, Part, page};

const SPEC: &str = include_str!("../../../../spec/openapi.json");
/// In examples, where a server is.
const ORIGIN: &str = "http://127.0.0.1:8080";

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
        let mut types = Types::new(self.spec);
        let mut out = format!("# {id}\n\n{}.\n\n", word(&operation["summary"]));
        if let Some(description) = operation["description"].as_str() {
            put(&mut out, format_args!("{}\n\n", types.linked(description)));
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
        self.parameters(&mut types, &mut out);
        self.body(&mut types, &mut out);
        self.answer(&mut types, &mut out);
        if let Some(typed) = self.typed {
            put(&mut out, format_args!("## On the command line\n\n```sh\n{typed}\n```\n\n"));
        }
        put(&mut out, format_args!("## With curl\n\n```sh\n{}\n```\n\n", self.curl(&types)));
        self.problems(&mut out);
        types.rest(&mut out);
        out
    }

    fn parameters(&self, types: &mut Types<'_>, out: &mut String) {
        let Some(parameters) = self.operation["parameters"].as_array().filter(|all| !all.is_empty()) else {
            return;
        };
        out.push_str(
            "## Parameters\n\n| name | in | type | required | limits | what |\n|---|---|---|---|---|---|\n",
        );
        for parameter in parameters {
            let required = if parameter["required"] == true { "yes" } else { "" };
            put(
                out,
                format_args!(
                    "| `{}` | {} | {} | {required} | {} | {} |\n",
                    word(&parameter["name"]),
                    word(&parameter["in"]),
                    types.kind(&parameter["schema"]),
                    types.limits(&parameter["schema"]),
                    types.what(parameter),
                ),
            );
        }
        out.push('\n');
    }

    fn body(&self, types: &mut Types<'_>, out: &mut String) {
        let Some(content) = self.operation["requestBody"]["content"].as_object() else { return };
        let media: Vec<String> = content.keys().map(|kind| format!("`{kind}`")).collect();
        put(out, format_args!("## Body\n\n{}.", media.join(" or ")));
        if let Some(words) = self.operation["requestBody"]["description"].as_str() {
            put(out, format_args!(" {words}."));
        }
        if let Some(bytes) = self.operation["x-body-bytes-max"].as_u64() {
            put(out, format_args!(" At most {bytes} bytes."));
        }
        out.push_str("\n\n");
        types.top(&content.values().next().unwrap_or(&Value::Null)["schema"], "body", out);
    }

    fn answer(&self, types: &mut Types<'_>, out: &mut String) {
        let responses = self.operation["responses"].as_object();
        let Some((status, response)) =
            responses.into_iter().flatten().find(|(status, _)| status.starts_with('2'))
        else {
            return;
        };
        put(out, format_args!("## Answer\n\n"));
        if let Some(ms) = self.operation["x-timeout-ms"].as_u64() {
            put(out, format_args!("Begins within {ms} ms, or it is `server.deadline`.\n\n"));
        }
        put(out, format_args!("`{status}`"));
        let content = response["content"].as_object().and_then(|content| content.iter().next());
        match content {
            Some((media, content)) => {
                put(out, format_args!(" with `{media}`.\n\n"));
                types.top(&content["schema"], "answer", out);
            }
            None => out.push_str(" without a body.\n\n"),
        }
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
    fn curl(&self, types: &Types<'_>) -> String {
        let mut path = self.path.to_owned();
        while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
            path.replace_range(open..=close, AN_ID);
        }
        let mut query = Vec::new();
        for parameter in self.operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" && parameter["required"] == true {
                let value = match &parameter["example"] {
                    Value::Null => types.sample(&parameter["schema"]),
                    written => written.clone(),
                };
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                query.push(format!("{}={value}", word(&parameter["name"])));
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
                    let body = types.sample(&json["schema"]).to_string();
                    // A quote within quotes, as a shell reads it.
                    parts.push(format!("-d '{}'", body.replace('\'', r"'\''")));
                }
                None => {
                    parts.push("-H 'Content-Type: application/octet-stream'".to_owned());
                    parts.push("--data-binary @flights.csv".to_owned());
                }
            }
        }
        parts.join(" \\\n  ")
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
