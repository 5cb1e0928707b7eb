//! What must be true of every declaration; found at start, all of it at once.
use std::collections::BTreeSet;

use serde_json::Value;

use super::Registry;
use super::op::{Access, By, Plan, Risk};

impl Registry {
    /// One declaration by itself.
    pub(super) fn check_declaration(&mut self, plan: &Plan) {
        let at = format!("{} {}", plan.method, plan.path);
        if plan.id.is_empty() {
            self.wrong(format!("{at} has no operation id"));
        }
        if self.plans.iter().any(|other| other.id == plan.id) {
            self.wrong(format!("operation id {} stands twice", plan.id));
        }
        if plan.method == "get" && plan.op.risk != Risk::Read {
            self.wrong(format!("{at}: a GET changes nothing, declare it as a read"));
        }
        if plan.op.access == Access::Open && plan.op.by == By::Session {
            self.wrong(format!("{at}: open to everybody, and for sessions only"));
        }
        self.check_room(plan, &at);
        self.check_path_parameters(plan, &at);
        self.check_permission(plan, &at);
        for code in &plan.op.errors {
            if self.codes.get(code.code) != Some(code) {
                self.wrong(format!("{at}: error {} is not in the module's table", code.code));
            }
        }
    }

    /// One noun, one room: the context's name is the first segment after the version.
    fn check_room(&mut self, plan: &Plan, at: &str) {
        if plan.module == "server" {
            return;
        }
        let room = plan.path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next());
        if room != Some(plan.module) {
            self.wrong(format!("{at}: operations of {} live under /v1/{}", plan.module, plan.module));
        }
    }

    fn check_path_parameters(&mut self, plan: &Plan, at: &str) {
        let in_path: Vec<&str> =
            plan.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
        for name in &in_path {
            if !plan.path_parameters.contains(*name) {
                self.wrong(format!("{at}: path parameter {name} is not described in params(..)"));
            }
        }
        for name in &plan.path_parameters {
            if !in_path.contains(&name.as_str()) {
                self.wrong(format!("{at}: path parameter {name} is not in the path"));
            }
        }
    }

    fn check_permission(&mut self, plan: &Plan, at: &str) {
        let Some(permission) = plan.op.permission() else { return };
        let known = self.permissions.contains(&permission);
        if !known && plan.module != "server" {
            self.wrong(format!("{at}: permission {} is not in the module's list", permission.name));
        }
    }

    /// What can be seen only when all are in.
    pub(super) fn check_all(&mut self) {
        let mut wrong = Vec::new();
        let operations = std::mem::take(&mut self.operations);
        for ((path, method), operation) in &operations {
            let at = format!("{method} {path}");
            if operation["summary"].as_str().is_none_or(str::is_empty) {
                wrong.push(format!("{at} has no summary: write a doc comment"));
            }
            let success = operation["responses"]
                .as_object()
                .is_some_and(|all| all.keys().any(|s| s.starts_with(['1', '2'])));
            if !success {
                wrong.push(format!("{at} declares no answer of success"));
            }
            let mut seen = BTreeSet::new();
            let content = operation["requestBody"]["content"]["application/json"]["schema"].clone();
            self.check_closed(&content, &at, &mut seen, &mut wrong);
        }
        self.operations = operations;
        let mut names = BTreeSet::new();
        for permission in &self.permissions {
            if !names.insert(permission.name) {
                wrong.push(format!("permission {} stands twice", permission.name));
            }
        }
        self.check_references(&mut wrong);
        self.wrong.extend(wrong);
    }

    /// An input object must refuse unknown fields, all the way down: a mistyped field must not be silently nothing.
    fn check_closed(&self, schema: &Value, at: &str, seen: &mut BTreeSet<String>, wrong: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
            if seen.insert(name.to_owned())
                && let Some(inner) = self.schemas.get(name)
            {
                self.check_closed(inner, &format!("{at}: {name}"), seen, wrong);
            }
            return;
        }
        if let Some(fields) = schema["properties"].as_object() {
            if schema["additionalProperties"] != Value::Bool(false) {
                wrong.push(format!("{at}: the input takes unknown fields: #[serde(deny_unknown_fields)]"));
            }
            for field in fields.values() {
                self.check_closed(field, at, seen, wrong);
            }
        }
        self.check_closed_if(&schema["items"], at, seen, wrong);
        for branch in ["oneOf", "anyOf", "allOf"] {
            for inner in schema[branch].as_array().into_iter().flatten() {
                self.check_closed(inner, at, seen, wrong);
            }
        }
    }

    fn check_closed_if(
        &self,
        schema: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
        wrong: &mut Vec<String>,
    ) {
        if schema.is_object() {
            self.check_closed(schema, at, seen, wrong);
        }
    }

    /// No `$ref` may point at nothing.
    fn check_references(&self, wrong: &mut Vec<String>) {
        let mut names = Vec::new();
        self.operations.values().chain(self.schemas.values()).for_each(|value| references(value, &mut names));
        names.sort_unstable();
        names.dedup();
        for name in names {
            if !self.schemas.contains_key(name) {
                wrong.push(format!("schema {name} is referred to and not described"));
            }
        }
    }
}

fn references<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                match inner.as_str() {
                    Some(target) if key == "$ref" => out.extend(target.rsplit('/').next()),
                    _ => references(inner, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, out)),
        _ => {}
    }
}
