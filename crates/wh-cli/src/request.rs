//! A request made from what was typed: target, body. Sends nothing but the look-up of names.
use std::io::Read;

use clap::ArgMatches;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::app::{App, Connection};
use crate::fail::{Fail, Result};
use crate::resolve;
use crate::spec::{Body, Field, Operation, Place, Shape};
use crate::terminal;
use crate::tree::name;

/// RFC 3986: everything but unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const BODY_BYTES_MAX: u64 = 16 << 20;
const STANDARD_INPUT: &str = "-";

/// Path and query in the making.
#[derive(Clone)]
pub struct Target {
    path: String,
    query: String,
    /// What stands where in the path.
    placed: Vec<(String, String)>,
}

impl Target {
    /// A path with parameters in braces.
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), query: String::new(), placed: Vec::new() }
    }

    /// Another path, with what stands in this one wherever it has a parameter of the same name.
    pub fn beside(&self, path: &str) -> Self {
        let mut other = Self::new(path);
        for (name, value) in &self.placed {
            other.place(name, value);
        }
        other
    }

    /// What stands where a path's parameter was.
    pub fn placed(&self, name: &str) -> Option<&str> {
        self.placed.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Put a value where a path's parameter stands.
    pub fn place(&mut self, name: &str, value: &str) {
        self.path = self.path.replace(&format!("{{{name}}}"), &escaped(value));
        self.placed.push((name.to_owned(), value.to_owned()));
    }

    /// Add to the query.
    pub fn query(&mut self, name: &str, value: &str) {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(&format!("{}={}", escaped(name), escaped(value)));
    }

    /// As it is sent.
    pub fn text(&self) -> String {
        format!("{}{}", self.path, self.query)
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Path and query of what was typed, names looked up.
pub fn target(
    app: &App,
    connection: &Connection,
    operation: &Operation,
    matches: &ArgMatches,
) -> Result<Target> {
    let mut target = Target::new(&operation.path);
    // A thing's name is looked up among those of what it belongs to, which stands before it in the path.
    let mut params: Vec<_> = operation.params.iter().collect();
    params.sort_by_key(|param| operation.path.find(&format!("{{{}}}", param.name)));
    for param in params {
        if operation.paged() && matches!(param.name.as_str(), "cursor" | "limit" | "offset") {
            continue;
        }
        let id = name::param(&param.name);
        let Some(word) = typed(matches, &id, &param.shape) else { continue };
        match param.place {
            Place::Query => target.query(&param.name, &word),
            Place::Own | Place::Parent => {
                let meant = resolve::Meant { operation, param, word: &word };
                let value = resolve::id(app, connection, &target, &meant)?;
                target.place(&param.name, &value);
            }
        }
    }
    Ok(target)
}

/// What was typed for an argument, as text.
pub fn typed(matches: &ArgMatches, id: &str, shape: &Shape) -> Option<String> {
    match shape {
        Shape::Integer => matches.try_get_one::<i64>(id).ok().flatten().map(ToString::to_string),
        Shape::Number => matches.try_get_one::<f64>(id).ok().flatten().map(ToString::to_string),
        Shape::Boolean => matches.try_get_one::<bool>(id).ok().flatten().map(ToString::to_string),
        Shape::Texts(_) => {
            let words: Vec<&str> = texts(matches, id)?.collect();
            Some(words.join(","))
        }
        _ => matches.try_get_one::<String>(id).ok().flatten().cloned(),
    }
}

fn texts<'a>(matches: &'a ArgMatches, id: &str) -> Option<impl Iterator<Item = &'a str>> {
    matches.try_get_many::<String>(id).ok().flatten().map(|words| words.map(String::as_str))
}

/// The JSON body of what was typed. A secret that is missing is asked for.
pub fn body(operation: &Operation, matches: &ArgMatches) -> Result<Option<String>> {
    let Body::Fields(fields) = &operation.body else { return Ok(None) };
    let whole = matches.get_one::<String>(name::BODY);
    let mut body = match whole {
        Some(file) => object(file)?,
        None => Map::new(),
    };
    for field in fields {
        if let Some(value) = value(field, matches)? {
            body.insert(field.name.clone(), value);
        } else if whole.is_none() && field.required && field.shape == Shape::Secret {
            if !terminal::asks() {
                return Err(Fail::usage(
                    format!("{} is missing, and nobody is here to ask", field.name),
                    &format!("say --{} FILE, with `-` for standard input", field.flag),
                ));
            }
            body.insert(field.name.clone(), Value::String(terminal::ask_secret(&question(field))?));
        }
    }
    Ok(Some(Value::Object(body).to_string()))
}

fn question(field: &Field) -> String {
    field.name.replace('_', " ")
}

fn value(field: &Field, matches: &ArgMatches) -> Result<Option<Value>> {
    let id = name::field(&field.name);
    let Some(text) = typed(matches, &id, &field.shape) else { return Ok(None) };
    let broken = |e: serde_json::Error| {
        Fail::usage(format!("--{} is no JSON: {e}", field.flag), "quote it for the shell: '{…}'")
    };
    Ok(Some(match &field.shape {
        Shape::Integer | Shape::Boolean | Shape::Number | Shape::Json => {
            serde_json::from_str(&text).map_err(broken)?
        }
        Shape::Texts(_) => {
            texts(matches, &id).into_iter().flatten().map(|word| Value::String(word.to_owned())).collect()
        }
        Shape::Secret => Value::String(secret(&text)?),
        _ => Value::String(text),
    }))
}

/// The first line of a file, or of standard input.
pub fn secret(file: &str) -> Result<String> {
    let text = if file == STANDARD_INPUT { terminal::line()? } else { read(file)? };
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn object(file: &str) -> Result<Map<String, Value>> {
    let text = read(file)?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|e| Fail::usage(format!("{file} is no JSON: {e}"), "the body is a JSON object"))?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Fail::usage(format!("{file} is no JSON object"), "the body is a JSON object")),
    }
}

fn read(file: &str) -> Result<String> {
    let mut text = String::new();
    let failed = |e: std::io::Error| Fail::file(file, &e);
    if file == STANDARD_INPUT {
        std::io::stdin().lock().take(BODY_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(file)
            .and_then(|f| f.take(BODY_BYTES_MAX).read_to_string(&mut text))
            .map_err(failed)?;
    }
    Ok(text)
}
