//! The OpenAPI document: sorted, the same on every run, with everything the registry enforces written into it.
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use wh_base::ErrorCode;

use super::Registry;
use super::op::{Access, By, Intake, Keyed, Plan};
use super::statuses::statuses_of;
use crate::config::ServerConfig;

const DESCRIPTION: &str = "Every face of Wheelhouse calls these operations. `x-permission` is enforced before a handler runs, \
`x-auth` says by what one may call (`any`: a session or an API key; `session`; `none`: everybody may), `x-risk` how much harm a mistaken call does, `x-errors` lists the codes an operation can answer with; the table of \
all codes is `x-error-table`. Texts never hold the character U+0000.";

/// What utoipa described, with what the registry knows.
pub(super) fn finished(plan: &Plan, mut operation: Value) -> Value {
    let codes = &plan.codes;
    let Some(fields) = operation.as_object_mut() else { return operation };
    fields.insert("x-permission".to_owned(), json!(plan.op.permission().map(|permission| permission.name)));
    fields.insert("x-risk".to_owned(), json!(plan.op.risk.word()));
    fields.insert("x-errors".to_owned(), json!(codes.keys().collect::<Vec<_>>()));
    let body_bytes_max = plan.op.body_bytes_max.unwrap_or_else(|| ServerConfig::default().body_bytes_max);
    if plan.has_body() && body_bytes_max != u64::MAX {
        fields.insert("x-body-bytes-max".to_owned(), json!(body_bytes_max));
    }
    if plan.op.intake == Intake::Buffered {
        let timeout_ms = plan.op.timeout_ms.unwrap_or_else(|| ServerConfig::default().request_timeout_ms);
        fields.insert("x-timeout-ms".to_owned(), json!(timeout_ms));
    }
    let (auth, security) = match (plan.op.access, plan.op.by) {
        (Access::Open, _) => ("none", json!([])),
        (_, By::Session) => (By::Session.word(), json!([{ "session": [] }])),
        (_, By::Any) => (By::Any.word(), json!([{ "session": [] }, { "key": [] }])),
    };
    fields.insert("x-auth".to_owned(), json!(auth));
    fields.insert("security".to_owned(), security);
    fields.insert("tags".to_owned(), json!([plan.module]));
    if plan.op.keyed == Keyed::Yes {
        let parameters = fields.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(idempotency_parameter());
        }
    }
    let responses = fields.entry("responses").or_insert_with(|| json!({}));
    if let Some(responses) = responses.as_object_mut() {
        responses.retain(|status, _| status.starts_with(['1', '2', '3']));
        if plan.method == "get" && responses.contains_key("200") {
            responses.insert(
                "304".to_owned(),
                json!({ "description": "What `If-None-Match` names is still true." }),
            );
        }
        add_problems(responses, codes);
        // The protocol library says this on the wire, before there is a request that a problem could belong to.
        responses.insert(
            "431".to_owned(),
            json!({ "description": "The request's head is larger than the server takes; there is no body." }),
        );
    }
    operation
}

impl Registry {
    /// The whole document.
    pub(super) fn document(self) -> Value {
        let mut paths = Map::new();
        for ((path, method), operation) in self.operations {
            if let Some(item) = paths.entry(path).or_insert_with(|| json!({})).as_object_mut() {
                item.insert(method.to_owned(), operation);
            }
        }
        let permissions: Vec<Value> = self
            .permissions
            .iter()
            .map(|p| json!({ "name": p.name, "summary": p.summary, "lowest_role": p.lowest_role.word() }))
            .collect();
        let table: BTreeMap<_, _> = self
            .codes
            .values()
            .map(|c| (c.code, json!({ "status": c.kind.status(), "summary": c.summary, "hint": c.hint })))
            .collect();
        canonical(json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Wheelhouse",
                "version": "1",
                "description": DESCRIPTION,
                "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            },
            "paths": paths,
            "components": {
                "schemas": self.schemas,
                "securitySchemes": {
                    "session": {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": "__Host-wh_sid",
                        "description": "The session cookie; `wh_sid` where the console is reached without TLS.",
                    },
                    "key": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "whk_…",
                        "description": "An API key of a person or a service account. Not together with the session cookie.",
                    },
                },
            },
            "x-permissions": permissions,
            "x-error-table": table,
        }))
    }
}

fn idempotency_parameter() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "A quoted string of your own making. The same request with the same key is done once; later ones get the same answer, for 24 hours.",
        "schema": { "type": "string", "pattern": "^\"[!#-\\[\\]-~]{1,128}\"$" },
    })
}

/// One answer per status, with the codes that lead to it.
fn add_problems(responses: &mut Map<String, Value>, codes: &BTreeMap<&'static str, &'static ErrorCode>) {
    for status in statuses_of(codes) {
        let of_status: Vec<&str> =
            codes.values().filter(|code| code.kind.status() == status).map(|code| code.code).collect();
        responses.insert(
            status.to_string(),
            json!({
                "description": of_status.join(", "),
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            }),
        );
    }
}

/// The same document with every map in the order of its keys, whatever the order of `serde_json`'s maps is.
pub(crate) fn canonical(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<String, Value> =
                fields.into_iter().map(|(name, inner)| (name, canonical(inner))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        plain => plain,
    }
}
