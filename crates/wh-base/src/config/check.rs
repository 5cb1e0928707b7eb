//! Finds what is wrong in a layer of configuration and takes over what is right.
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use toml::{Table, Value};
use toml_edit::{Document, Item};
use uuid::Uuid;

use super::{ENVIRONMENT_PREFIX, Holds, Key, Section};

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// File, `environment` or `flags`.
    pub place: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.place, self.message),
            None => write!(f, "{}: {}", self.place, self.message),
        }
    }
}

pub(super) fn file(
    sections: &[Section],
    name: &str,
    text: &str,
    table: &mut Table,
    mistakes: &mut Vec<Mistake>,
) {
    let mut wrong = |at: Option<Range<usize>>, message: String| {
        let line = at.map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        mistakes.push(Mistake { place: name.to_owned(), line, message });
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(e) => return wrong(e.span(), format!("not TOML: {}", e.message())),
    };
    for (section_name, item) in document.iter() {
        let at = document.key(section_name).and_then(toml_edit::Key::span).or_else(|| item.span());
        let Some(section) = sections.iter().find(|section| section.name == section_name) else {
            let names = sections.iter().map(|section| section.name);
            wrong(at, format!("unknown section [{section_name}]{}", nearest(section_name, names)));
            continue;
        };
        let Some(keys) = item.as_table_like() else {
            wrong(at, format!("[{section_name}] is a section, not a value"));
            continue;
        };
        for (key_name, value) in keys.iter() {
            let at = keys.key(key_name).and_then(toml_edit::Key::span).or_else(|| value.span());
            match find(section, key_name).and_then(|key| typed(key, value)) {
                Ok(value) => put(table, section.name, key_name, value),
                Err(message) => wrong(at, message),
            }
        }
    }
}

pub(super) fn environment(
    sections: &[Section],
    variables: &[(String, String)],
    table: &mut Table,
    mistakes: &mut Vec<Mistake>,
) {
    let known: Vec<(String, &Section, &Key)> = sections
        .iter()
        .flat_map(|section| section.keys.iter().map(move |key| (variable(section, key), section, key)))
        .collect();
    for (name, text) in variables {
        if !name.starts_with(ENVIRONMENT_PREFIX) {
            continue;
        }
        let result = match known.iter().find(|(variable, ..)| variable == name) {
            None => {
                let names = known.iter().map(|(variable, ..)| variable.as_str());
                Err(format!("unknown variable {name}{}", nearest(name, names)))
            }
            Some((_, section, key)) => read(key, text)
                .map(|value| put(table, section.name, key.name, value))
                .map_err(|message| format!("{name}: {message}")),
        };
        if let Err(message) = result {
            mistakes.push(Mistake { place: "environment".to_owned(), line: None, message });
        }
    }
}

pub(super) fn flags(
    sections: &[Section],
    flags: &[(&'static str, String)],
    table: &mut Table,
    mistakes: &mut Vec<Mistake>,
) {
    for (path, text) in flags {
        let (section_name, key_name) = path.split_once('.').unwrap_or((path, ""));
        let result = sections
            .iter()
            .find(|section| section.name == section_name)
            .ok_or_else(|| format!("unknown section [{section_name}]"))
            .and_then(|section| find(section, key_name))
            .and_then(|key| read(key, text));
        match result {
            Ok(value) => put(table, section_name, key_name, value),
            Err(message) => {
                mistakes.push(Mistake {
                    place: "flags".to_owned(),
                    line: None,
                    message: format!("{path}: {message}"),
                });
            }
        }
    }
}

fn variable(section: &Section, key: &Key) -> String {
    format!("{ENVIRONMENT_PREFIX}{}_{}", section.name, key.name).to_uppercase()
}

fn find<'s>(section: &'s Section, name: &str) -> Result<&'s Key, String> {
    section.keys.iter().find(|key| key.name == name).ok_or_else(|| {
        let names = section.keys.iter().map(|key| key.name);
        format!("unknown key `{name}` in [{}]{}", section.name, nearest(name, names))
    })
}

fn put(table: &mut Table, section: &str, key: &str, value: Value) {
    if let Some(Value::Table(keys)) = table.get_mut(section) {
        keys.insert(key.to_owned(), value);
    }
}

fn typed(key: &Key, item: &Item) -> Result<Value, String> {
    let wrong = |wanted: &str| format!("`{}` must be {wanted}, not {}", key.name, item.type_name());
    match key.holds {
        Holds::Text => item.as_str().map(Value::from).ok_or_else(|| wrong("a string in quotes")),
        Holds::SocketAddress => {
            let text = item.as_str().ok_or_else(|| wrong("an address with a port, in quotes"))?;
            socket_address(key, text)
        }
        Holds::Id => id(key, item.as_str().ok_or_else(|| wrong("an id in quotes"))?),
        Holds::OneOf(words) => {
            let text = item.as_str().ok_or_else(|| wrong("a word in quotes"))?;
            one_of(key, text, words)
        }
        Holds::Boolean => item.as_bool().map(Value::from).ok_or_else(|| wrong("true or false")),
        Holds::Integer { min, max } => {
            let number = item.as_integer().ok_or_else(|| wrong("a whole number"))?;
            bounded(key, number, min, max)
        }
        Holds::List => {
            let list = item.as_array().ok_or_else(|| wrong("a list of strings"))?;
            let texts: Option<Vec<Value>> =
                list.iter().map(|entry| entry.as_str().map(Value::from)).collect();
            texts.map(Value::Array).ok_or_else(|| wrong("a list of strings"))
        }
    }
}

fn read(key: &Key, text: &str) -> Result<Value, String> {
    match key.holds {
        Holds::Text => Ok(Value::from(text)),
        Holds::SocketAddress => socket_address(key, text),
        Holds::Id => id(key, text),
        Holds::OneOf(words) => one_of(key, text, words),
        Holds::Boolean => {
            text.parse().map(Value::Boolean).map_err(|_| format!("must be true or false, not `{text}`"))
        }
        Holds::Integer { min, max } => {
            let number = text.parse().map_err(|_| format!("must be a whole number, not `{text}`"))?;
            bounded(key, number, min, max)
        }
        Holds::List => {
            let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            Ok(Value::Array(entries.map(Value::from).collect()))
        }
    }
}

fn socket_address(key: &Key, text: &str) -> Result<Value, String> {
    match text.parse::<SocketAddr>() {
        Ok(_) => Ok(Value::from(text)),
        Err(_) => Err(format!(
            "`{}` must be an IP address and a port, as in 127.0.0.1:8080 or [::1]:8080",
            key.name
        )),
    }
}

fn id(key: &Key, text: &str) -> Result<Value, String> {
    match text.parse::<Uuid>() {
        Ok(_) => Ok(Value::from(text)),
        Err(_) => Err(format!("`{}` must be an id, as in 01932d0a-7c1e-7b3a-9f2e-2f0f5e0a1c11", key.name)),
    }
}

fn one_of(key: &Key, text: &str, words: &[&str]) -> Result<Value, String> {
    if words.contains(&text) {
        return Ok(Value::from(text));
    }
    let hint = nearest(text, words.iter().copied());
    Err(format!("`{}` must be one of {}{hint}", key.name, words.join(", ")))
}

fn bounded(key: &Key, number: i64, min: i64, max: i64) -> Result<Value, String> {
    if (min..=max).contains(&number) {
        Ok(Value::Integer(number))
    } else {
        Err(format!("`{}` must be {min} to {max}, not {number}", key.name))
    }
}

fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, candidate)| format!("; did you mean `{candidate}`?"))
}
