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

/// The list that names what a parameter means, if there is one. What stands before it in the path comes first: a key of a service
/// account is one of that account's and none of one's own. Where that is no list, nothing else inside of something is asked.
pub fn directory<'a>(spec: &'a Spec, operation: &Operation, param: &'a Param) -> Option<Directory<'a>> {
    let Shape::Id(noun) = &param.shape else { return None };
    let before = before(operation, param);
    let among = before.and_then(|before| of_collection(spec, operation, param, before));
    if among.is_some() || before.is_some_and(|before| before.contains('{')) {
        return among;
    }
    of_list(spec, noun, "id").or_else(|| of_list(spec, &operation.noun, &param.name))
}

fn of_list<'a>(spec: &'a Spec, noun: &str, id: &'a str) -> Option<Directory<'a>> {
    let list = spec.find(noun, "list")?;
    list.params.iter().all(|param| param.place == Place::Query).then_some(())?;
    of(list, id)
}

/// What stands before the parameter in the path: `/companies` of `/companies/{company_id}/limits`.
fn before<'a>(operation: &'a Operation, param: &Param) -> Option<&'a str> {
    operation.path.split_once(&format!("/{{{}}}", param.name)).map(|(before, _)| before)
}

/// The same, where it is a list of such things, whose own path needs nothing but what the operation's path says too.
fn of_collection<'a>(
    spec: &'a Spec,
    operation: &Operation,
    param: &'a Param,
    before: &str,
) -> Option<Directory<'a>> {
    let list = spec.operations.iter().find(|other| other.method == "GET" && other.path == before)?;
    let known =
        |name: &str| operation.params.iter().any(|other| other.name == name && other.name != param.name);
    list.params.iter().all(|other| other.place == Place::Query || known(&other.name)).then_some(())?;
    of(list, &param.name).or_else(|| of(list, "id"))
}

fn of<'a>(list: &'a Operation, id: &'a str) -> Option<Directory<'a>> {
    let Answer::Items(properties, _) = &list.answer else { return None };
    let free = list.params.iter().all(|param| param.place != Place::Query || !param.required);
    let labels: Vec<&str> =
        LABELS.into_iter().filter(|label| properties.iter().any(|p| p == label)).collect();
    (free && !labels.is_empty() && properties.iter().any(|p| p == id)).then_some(Directory {
        list,
        id,
        labels,
    })
}

/// A word that was typed for a parameter of an operation's path.
pub struct Meant<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// Its parameter.
    pub param: &'a Param,
    /// The word.
    pub word: &'a str,
}

/// The id that was meant by a word. What stands before it in the path is placed in `target` already.
pub fn id(app: &App, connection: &Connection, target: &Target, meant: &Meant<'_>) -> Result<String> {
    if Uuid::try_parse(meant.word).is_ok() {
        return Ok(meant.word.to_owned());
    }
    match directory(&app.spec, meant.operation, meant.param) {
        Some(directory) => look_up(app, connection, &directory, target, meant.word),
        // The server says what is wrong with it.
        None => Ok(meant.word.to_owned()),
    }
}

/// The id of a noun's thing by name.
pub fn id_of_noun(app: &App, connection: &Connection, noun: &str, word: &str) -> Result<String> {
    if Uuid::try_parse(word).is_ok() {
        return Ok(word.to_owned());
    }
    match of_list(&app.spec, noun, "id") {
        Some(directory) => look_up(app, connection, &directory, &Target::new(""), word),
        None => Ok(word.to_owned()),
    }
}

/// What the list that names a parameter's things says about the one with this id.
pub fn item(app: &App, connection: &Connection, target: &Target, meant: &Meant<'_>) -> Result<Option<Value>> {
    let Some(directory) = directory(&app.spec, meant.operation, meant.param) else { return Ok(None) };
    let mut found = None;
    walk(app, connection, &directory, target, None, &mut |item| {
        let same = item[directory.id].as_str() == Some(meant.word);
        if same {
            found = Some(item.clone());
        }
        !same
    })?;
    Ok(found)
}

/// Every item of a list, page by page, for as long as `each` wants another one.
fn walk(
    app: &App,
    connection: &Connection,
    directory: &Directory<'_>,
    target: &Target,
    search: Option<&str>,
    each: &mut dyn FnMut(&Value) -> bool,
) -> Result<()> {
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let mut target = target.beside(&directory.list.path);
        for (name, value) in [("q", search), ("limit", Some(PAGE_SIZE)), ("cursor", cursor.as_deref())] {
            if let Some(value) = value.filter(|_| directory.list.query(name).is_some()) {
                target.query(name, value);
            }
        }
        let page: Value =
            serde_json::from_slice(&app.get(connection, target.text())?.bytes()?).unwrap_or_default();
        for item in page["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            if !each(item) {
                return Ok(());
            }
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(())
}

fn look_up(
    app: &App,
    connection: &Connection,
    directory: &Directory<'_>,
    target: &Target,
    word: &str,
) -> Result<String> {
    let noun = &directory.list.noun;
    let (mut exact, mut alike) = (Vec::new(), Vec::new());
    walk(app, connection, directory, target, Some(word), &mut |item| {
        let Some(id) = item[directory.id].as_str() else { return true };
        let called = |same: &dyn Fn(&str) -> bool| {
            directory.labels.iter().any(|l| item[*l].as_str().is_some_and(same))
        };
        if called(&|text| text == word) {
            exact.push(id.to_owned());
        } else if called(&|text| text.to_lowercase() == word.to_lowercase()) {
            alike.push(id.to_owned());
        }
        true
    })?;
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
