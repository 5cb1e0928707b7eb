//! Names in place of ids: `--panel flights`. Looks the name up in the list of its noun; an id is taken as it is.
use serde_json::Value;
use uuid::Uuid;

use crate::app::{App, Connection};
use crate::fail::{Exit, Fail, Result};
use crate::request::Target;
use crate::spec::{Answer, Operation, Param, Place, Shape, Spec};

/// Pages of a list that are looked through for a name.
const PAGES_MAX: usize = 100;
const PAGE_SIZE: &str = "200";
/// How things are called, the best first.
const LABELS: [&str; 3] = ["title", "name", "email"];

/// Where the names of a noun are.
pub struct Directory<'a> {
    list: &'a Operation,
    id: &'a str,
    labels: Vec<&'static str>,
}

impl Directory<'_> {
    /// A name that could stand there.
    pub fn sample(&self) -> &'static str {
        match self.labels.first() {
            Some(&"title") => "flights",
            _ if self.labels.contains(&"email") => "ada@acme.example",
            _ => "acme",
        }
    }
}

/// The list that names what a parameter means, if there is one.
pub fn directory<'a>(spec: &'a Spec, operation: &Operation, param: &'a Param) -> Option<Directory<'a>> {
    let Shape::Id(noun) = &param.shape else { return None };
    of_list(spec, noun, "id")
        .or_else(|| of_list(spec, &operation.noun, &param.name))
        .or_else(|| of_collection(spec, operation, param))
}

fn of_list<'a>(spec: &'a Spec, noun: &str, id: &'a str) -> Option<Directory<'a>> {
    of(spec.find(noun, "list")?, id)
}

/// What stands before the parameter in the path: `/companies` of `/companies/{company_id}/limits`, where that is a list.
fn of_collection<'a>(spec: &'a Spec, operation: &Operation, param: &Param) -> Option<Directory<'a>> {
    let (before, _) = operation.path.split_once(&format!("/{{{}}}", param.name))?;
    of(spec.operations.iter().find(|other| other.method == "GET" && other.path == before)?, "id")
}

fn of<'a>(list: &'a Operation, id: &'a str) -> Option<Directory<'a>> {
    let Answer::Items(properties, _) = &list.answer else { return None };
    let free = list.params.iter().all(|param| param.place == Place::Query && !param.required);
    let labels: Vec<&str> =
        LABELS.into_iter().filter(|label| properties.iter().any(|p| p == label)).collect();
    (free && !labels.is_empty() && properties.iter().any(|p| p == id)).then_some(Directory {
        list,
        id,
        labels,
    })
}

/// The id that was meant by a word.
pub fn id(
    app: &App,
    connection: &Connection,
    operation: &Operation,
    param: &Param,
    word: &str,
) -> Result<String> {
    if Uuid::try_parse(word).is_ok() {
        return Ok(word.to_owned());
    }
    match directory(&app.spec, operation, param) {
        Some(directory) => look_up(app, connection, &directory, word),
        // The server says what is wrong with it.
        None => Ok(word.to_owned()),
    }
}

/// The id of a noun's thing by name.
pub fn id_of_noun(app: &App, connection: &Connection, noun: &str, word: &str) -> Result<String> {
    if Uuid::try_parse(word).is_ok() {
        return Ok(word.to_owned());
    }
    match of_list(&app.spec, noun, "id") {
        Some(directory) => look_up(app, connection, &directory, word),
        None => Ok(word.to_owned()),
    }
}

fn look_up(app: &App, connection: &Connection, directory: &Directory<'_>, word: &str) -> Result<String> {
    let noun = &directory.list.noun;
    let (mut exact, mut alike) = (Vec::new(), Vec::new());
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let mut target = Target::new(&directory.list.path);
        for (name, value) in [("q", Some(word)), ("limit", Some(PAGE_SIZE)), ("cursor", cursor.as_deref())] {
            if let Some(value) = value.filter(|_| directory.list.query(name).is_some()) {
                target.query(name, value);
            }
        }
        let page: Value =
            serde_json::from_slice(&app.get(connection, target.text())?.bytes()?).unwrap_or_default();
        for item in page["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let Some(id) = item[directory.id].as_str() else { continue };
            let called = |same: &dyn Fn(&str) -> bool| {
                directory.labels.iter().any(|l| item[*l].as_str().is_some_and(same))
            };
            if called(&|text| text == word) {
                exact.push(id.to_owned());
            } else if called(&|text| text.to_lowercase() == word.to_lowercase()) {
                alike.push(id.to_owned());
            }
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let found = if exact.is_empty() { alike } else { exact };
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Fail::new(
            Exit::NotFound,
            "cli.name_unknown",
            format!("no {noun} is called `{word}`"),
            &format!("`wheelhouse {noun} list` names them"),
        )),
        many => Err(Fail::new(
            Exit::Usage,
            "cli.name_ambiguous",
            format!("{} are called `{word}`: {}", many.len(), many.join(", ")),
            "say which by its id",
        )),
    }
}
