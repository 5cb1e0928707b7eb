//! What a dangerous operation is about: its name and its numbers, asked of the operations that show the same thing. Changes nothing.
use serde_json::Value;
use uuid::Uuid;

use crate::app::{App, Connection};
use crate::client::Reply;
use crate::fail::{Exit, Result};
use crate::request::Target;
use crate::resolve::{self, Meant};
use crate::spec::{Answer, Operation, Param, Place, Spec};
use crate::terminal::harmless;

/// What a thing is called by, the best first.
const LABELS: [&str; 3] = ["title", "name", "email"];
/// A question is read, not studied.
const FACTS_MAX: usize = 6;
/// More than these are not counted.
const COUNT_MAX: &str = "200";

/// A thing that may be lost.
#[derive(Default)]
pub struct Lost {
    /// What people call it, if it could be seen.
    pub name: Option<String>,
    /// Its numbers, how many things hang on it, its words: `rows 1001`, `imports 3`, `role editor`.
    pub facts: Vec<String>,
}

/// The thing that an operation is about: the last one of its path.
pub fn own(operation: &Operation) -> Option<&Param> {
    let of_path = operation.params.iter().filter(|param| param.place != Place::Query);
    of_path.max_by_key(|param| operation.path.find(&format!("{{{}}}", param.name)))
}

/// What can be told of it. What the caller may not see is left out.
pub fn of(app: &App, connection: &Connection, operation: &Operation, target: &Target) -> Result<Lost> {
    let Some(own) = own(operation) else { return Ok(Lost::default()) };
    let id = target.placed(&own.name).unwrap_or_default();
    let shows = app.spec.operations.iter().any(|other| other.method == "GET" && other.path == operation.path);
    let thing = if shows {
        read(app, connection, &target.beside(&operation.path))
    } else {
        let meant = Meant { operation, param: own, word: id };
        unless_forbidden(resolve::item(app, connection, target, &meant)).map(Option::flatten)
    };
    let thing = thing?.unwrap_or_default();
    let name = LABELS.iter().find_map(|label| thing[*label].as_str()).map(harmless);
    let (mut facts, words) = told(&thing);
    for (list, param) in hanging(&app.spec, operation, own) {
        let word = list.path.rsplit('/').next().unwrap_or_default().replace('-', " ");
        if counts_itself(&thing, &word) {
            continue;
        }
        let mut asked = Target::new(&list.path);
        asked.place(&param.name, id);
        for other in list.params.iter().filter(|other| other.name != param.name) {
            if let Some(value) = target.placed(&other.name).filter(|_| other.place != Place::Query) {
                asked.place(&other.name, value);
            }
        }
        if list.query("limit").is_some() {
            asked.query("limit", COUNT_MAX);
        }
        if let Some(page) = read(app, connection, &asked)? {
            let more = if page["next_cursor"].is_string() { " or more" } else { "" };
            facts.push(format!("{word} {}{more}", page["items"].as_array().map_or(0, Vec::len)));
        }
    }
    facts.extend(words);
    facts.truncate(FACTS_MAX);
    Ok(Lost { name, facts })
}

/// Numbers, and of a list how many it has; then short words that are neither its name, nor an id, nor a moment.
fn told(thing: &Value) -> (Vec<String>, Vec<String>) {
    let (mut numbers, mut words) = (Vec::new(), Vec::new());
    for (key, value) in thing.as_object().into_iter().flatten() {
        let word = key.replace('_', " ");
        match value {
            Value::Number(number) => numbers.push(format!("{word} {number}")),
            Value::Array(list) => numbers.push(format!("{word} {}", list.len())),
            Value::String(text) if !LABELS[..2].contains(&key.as_str()) && !is_technical(text) => {
                words.push(format!("{word} {}", harmless(text)));
            }
            _ => {}
        }
    }
    (numbers, words)
}

fn is_technical(text: &str) -> bool {
    let is_moment = text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
    is_moment || Uuid::try_parse(text).is_ok()
}

/// Whether a thing says by itself how many of these it has: a service account has `keys`, so its API keys need no list.
fn counts_itself(thing: &Value, word: &str) -> bool {
    let mut told = thing.as_object().into_iter().flatten();
    told.any(|(key, value)| (value.is_number() || value.is_array()) && word.ends_with(&key.replace('_', " ")))
}

/// The lists of what hangs on such a thing, each with its parameter for it: `/api-keys/{id}/made-keys` for whatever ends with
/// `/api-keys/{…}`.
fn hanging<'a>(spec: &'a Spec, operation: &Operation, own: &Param) -> Vec<(&'a Operation, &'a Param)> {
    let known = |name: &str| operation.params.iter().any(|param| param.name == name);
    let found = |list: &'a Operation| {
        let (before, inside) = list.path.rsplit_once('}')?;
        let (before, name) = before.rsplit_once("/{")?;
        let param = list.params.iter().find(|param| param.name == name && param.shape == own.shape)?;
        let is_list = list.method == "GET" && matches!(list.answer, Answer::Items(..));
        let of_it = is_list
            && inside.matches('/').count() == 1
            && operation.path.ends_with(&format!(
                "/{}/{{{}}}",
                before.rsplit('/').next().unwrap_or_default(),
                own.name
            ));
        let free = list.params.iter().all(|other| match other.place {
            Place::Query => !other.required,
            _ => other.name == name || known(&other.name),
        });
        (of_it && free).then_some((list, param))
    };
    spec.operations.iter().filter_map(found).collect()
}

/// The JSON at a target; nothing where the caller may not see it.
fn read(app: &App, connection: &Connection, target: &Target) -> Result<Option<Value>> {
    let bytes = app.get(connection, target.text()).and_then(Reply::bytes);
    Ok(unless_forbidden(bytes)?.map(|bytes| serde_json::from_slice(&bytes).unwrap_or_default()))
}

fn unless_forbidden<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(fail) if fail.exit == Exit::Forbidden => Ok(None),
        Err(fail) => Err(fail),
    }
}
