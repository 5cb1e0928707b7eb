//! Finds what is wrong in a layer of configuration and takes over what is right.
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use toml::Value;
use toml_edit::{Document, Item};
use uuid::Uuid;

use super::origin::Origin;
use super::{ENVIRONMENT_PREFIX, Holds, Key, Section, Settings};

/// Names that are less alike than this have nothing to do with one another; 1 is the same name.
const LIKENESS_MIN: f64 = 0.6;

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

/// Layers on their way into settings, from low to high.
pub(super) struct Read<'s> {
    pub sections: &'s [Section],
    pub settings: Settings,
    pub mistakes: Vec<Mistake>,
}

impl Read<'_> {
    /// Whether it is TOML.
    pub fn file(&mut self, name: &str, text: &str) -> bool {
        let line_of = |at: Option<Range<usize>>| {
            at.map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1)
        };
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(e) => {
                self.wrong(name, line_of(e.span()), format!("not TOML: {}", e.message()));
                return false;
            }
        };
        let sections = self.sections;
        for (section_name, item) in document.iter() {
            let at = document.key(section_name).and_then(toml_edit::Key::span).or_else(|| item.span());
            let keys = item.as_table_like();
            let Some(section) = sections.iter().find(|section| section.name == section_name) else {
                self.wrong(
                    name,
                    line_of(at),
                    keys.map_or_else(
                        || stray_key(sections, section_name),
                        |_| unknown_section(sections, section_name),
                    ),
                );
                continue;
            };
            let Some(keys) = keys else {
                self.wrong(name, line_of(at), format!("[{section_name}] is a section, not a value"));
                continue;
            };
            for (key_name, value) in keys.iter() {
                let at = keys.key(key_name).and_then(toml_edit::Key::span).or_else(|| value.span());
                let line = line_of(at);
                match find(sections, section, key_name).and_then(|key| typed(key, value)) {
                    Ok(value) => {
                        let origin = Origin::File { name: name.to_owned(), line };
                        self.settings.put(section.name, key_name, value, origin);
                    }
                    Err(message) => self.wrong(name, line, message),
                }
            }
        }
        true
    }

    pub fn environment(&mut self, variables: &[(String, String)]) {
        let sections = self.sections;
        let known: Vec<(String, &Section, &Key)> = sections
            .iter()
            .flat_map(|section| section.keys.iter().map(move |key| (variable(section, key), section, key)))
            .collect();
        for (name, text) in variables.iter().filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)) {
            let Some((_, section, key)) = known.iter().find(|(variable, ..)| variable == name) else {
                let names = known.iter().map(|(variable, ..)| variable.as_str());
                let near = nearest(name, names);
                self.wrong("environment", None, format!("unknown variable {name}{near}"));
                continue;
            };
            match read(key, text) {
                Ok(value) => {
                    self.settings.put(section.name, key.name, value, Origin::Environment(name.clone()));
                }
                Err(message) => self.wrong("environment", None, format!("{name}: {message}")),
            }
        }
    }

    pub fn flags(&mut self, flags: &[(&'static str, String)]) {
        let sections = self.sections;
        for (path, text) in flags {
            let (section_name, key_name) = path.split_once('.').unwrap_or((path, ""));
            let result = sections
                .iter()
                .find(|section| section.name == section_name)
                .ok_or_else(|| format!("unknown section [{section_name}]"))
                .and_then(|section| find(sections, section, key_name))
                .and_then(|key| read(key, text));
            match result {
                Ok(value) => self.settings.put(section_name, key_name, value, Origin::Flag),
                Err(message) => self.wrong("flags", None, format!("{path}: {message}")),
            }
        }
    }

    fn wrong(&mut self, place: &str, line: Option<usize>, message: String) {
        self.mistakes.push(Mistake { place: place.to_owned(), line, message });
    }
}

fn variable(section: &Section, key: &Key) -> String {
    format!("{ENVIRONMENT_PREFIX}{}_{}", section.name, key.name).to_uppercase()
}

/// A key under its section's name. One that belongs to another section is told so; otherwise the nearest, here before elsewhere.
fn find<'s>(sections: &[Section], section: &'s Section, name: &str) -> Result<&'s Key, String> {
    section.keys.iter().find(|key| key.name == name).ok_or_else(|| {
        let own = nearest(name, section.keys.iter().map(|key| key.name));
        let is_elsewhere = keys(sections).any(|(_, key)| key == name);
        let hint = if own.is_empty() || is_elsewhere { nearest_of_all(sections, name) } else { own };
        format!("unknown key `{name}` in [{}]{hint}", section.name)
    })
}

fn unknown_section(sections: &[Section], name: &str) -> String {
    format!("unknown section [{name}]{}", nearest(name, sections.iter().map(|section| section.name)))
}

/// A key that stands at the top of the file.
fn stray_key(sections: &[Section], name: &str) -> String {
    format!("`{name}` stands in no section{}", nearest_of_all(sections, name))
}

/// Every key, after its section.
fn keys(sections: &[Section]) -> impl Iterator<Item = (&str, &str)> {
    sections.iter().flat_map(|section| section.keys.iter().map(move |key| (section.name, key.name)))
}

/// The nearest key whatever its section is.
fn nearest_of_all(sections: &[Section], name: &str) -> String {
    keys(sections)
        .map(|(section, key)| (strsim::jaro_winkler(name, key), section, key))
        .filter(|(likeness, ..)| *likeness > LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, section, key)| format!("; did you mean `{key}` in [{section}]?"))
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
        .filter(|(likeness, _)| *likeness > LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, candidate)| format!("; did you mean `{candidate}`?"))
}
