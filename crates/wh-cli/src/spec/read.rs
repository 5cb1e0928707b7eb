//! Reads the spec's text into operations. The spec is our own: what it lacks stays empty, nothing is refused.
use serde_json::Value;

use super::schema::{doc, example, fields, plain, properties, resolve, shape};
use super::{Answer, Body, Operation, Paging, Param, Place, Risk, Shape, kebab, names};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Problems of these areas may come from everywhere; a page of help names an operation's own.
const COMMON_AREAS: [&str; 3] = ["base.", "db.", "server."];

/// All operations, in the order of the paths.
pub fn operations(root: &Value) -> Vec<Operation> {
    let Some(paths) = root["paths"].as_object() else { return Vec::new() };
    let found: Vec<(&str, &str, &Value)> = paths
        .iter()
        .flat_map(|(path, item)| METHODS.map(|method| (path.as_str(), method, &item[method])))
        .filter(|(_, _, operation)| operation["operationId"].is_string())
        .collect();
    let nouns = names::nouns(found.iter().filter_map(|(_, _, operation)| operation["operationId"].as_str()));
    found.iter().map(|(path, method, value)| operation(root, path, method, value, &nouns)).collect()
}

fn operation(root: &Value, path: &str, method: &str, value: &Value, nouns: &[&str]) -> Operation {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let id = text("operationId");
    let (noun, verb) = names::split(&id, nouns);
    let (noun, verb) = (kebab(noun), kebab(verb));
    let codes = value["x-errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = |code: &&str| !COMMON_AREAS.iter().any(|area| code.starts_with(area));
    Operation {
        params: params(root, path, value, &noun),
        once: takes_key(value),
        body: body(root, value),
        answer: answer(root, value),
        summary: text("summary"),
        description: text("description").replace('\n', " "),
        risk: match value["x-risk"].as_str() {
            Some("read") => Risk::Read,
            Some("danger") => Risk::Danger,
            _ => Risk::Change,
        },
        permission: value["x-permission"].as_str().map(str::to_owned),
        problems: codes.iter().filter_map(Value::as_str).filter(own).map(str::to_owned).collect(),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        noun,
        verb,
        id,
    }
}

fn takes_key(operation: &Value) -> bool {
    let listed = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    listed.iter().any(|one| one["in"] == "header" && one["name"] == "Idempotency-Key")
}

fn params(root: &Value, path: &str, operation: &Value, noun: &str) -> Vec<Param> {
    let listed = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut params = Vec::new();
    for value in listed {
        let name = value["name"].as_str().unwrap_or_default().to_owned();
        let shape = shape(root, &value["schema"]);
        let place = match value["in"].as_str() {
            Some("query") => Place::Query,
            Some("path") if is_own(path, &name, &shape, noun) => Place::Own,
            Some("path") => Place::Parent,
            _ => continue,
        };
        let flag = match (&place, &shape) {
            (Place::Own | Place::Parent, Shape::Id(of)) => of.clone(),
            _ => kebab(&name),
        };
        let max = resolve(root, &value["schema"]).1["maximum"].as_u64();
        let said = value["description"].as_str().unwrap_or_default().to_owned();
        let doc = if said.is_empty() { doc(root, &value["schema"]) } else { said };
        let example = match &value["example"] {
            Value::Null => example(root, &value["schema"]),
            written => Some(plain(written)),
        };
        params.push(Param {
            required: value["required"] == true,
            name,
            flag,
            place,
            shape,
            doc,
            max,
            example,
        });
    }
    params
}

/// The thing itself, not what it belongs to: its id is of the operation's noun, or the path ends with it.
fn is_own(path: &str, name: &str, shape: &Shape, noun: &str) -> bool {
    matches!(shape, Shape::Id(of) if of == noun) || path.ends_with(&format!("{{{name}}}"))
}

fn body(root: &Value, operation: &Value) -> Body {
    let Some(content) = operation["requestBody"]["content"].as_object() else { return Body::None };
    match content.get("application/json") {
        Some(json) => Body::Fields(fields(root, &json["schema"])),
        None => Body::Stream(content.keys().cloned().collect()),
    }
}

fn answer(root: &Value, operation: &Value) -> Answer {
    let Some(responses) = operation["responses"].as_object() else { return Answer::Nothing };
    if responses.contains_key("101") {
        return Answer::Live;
    }
    let good = responses.iter().find(|(status, _)| status.starts_with('2'));
    let Some(content) = good.and_then(|(_, response)| response["content"].as_object()) else {
        return Answer::Nothing;
    };
    let Some(json) = content.get("application/json") else { return Answer::Raw };
    let (_, schema) = resolve(root, &json["schema"]);
    let has = |name: &str| schema["properties"].get(name).is_some();
    if has("items") && schema["properties"]["items"]["type"] == "array" {
        let paging = if has("next_cursor") { Paging::Cursor } else { Paging::Whole };
        return Answer::Items(properties(root, &schema["properties"]["items"]["items"]), paging);
    }
    if has("rows") && has("columns") && has("count") {
        return Answer::Window;
    }
    match properties(root, schema) {
        names if names.is_empty() => Answer::Json,
        names => Answer::Object(names),
    }
}
