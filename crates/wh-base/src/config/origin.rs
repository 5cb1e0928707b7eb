//! Where each value of the configuration was set, so that what is wrong with it is named there. Judges nothing.
use std::collections::BTreeMap;
use std::error::Error as _;

use super::Mistake;
use crate::Error;

/// Where one key was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the file.
    File {
        /// Its name.
        name: String,
        /// From 1.
        line: Option<usize>,
    },
    /// By this variable.
    Environment(String),
    /// On the command line.
    Flag,
}

/// Where the keys were set. One that nobody set is not in it.
#[derive(Clone, Debug, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// A higher layer takes the place of a lower one.
    pub(super) fn set(&mut self, section: &str, key: &str, origin: Origin) {
        self.0.insert(format!("{section}.{key}"), origin);
    }

    /// What an error says about keys, told where the first of them was set that somebody did set. With its causes, as it is one line.
    pub fn mistake(&self, error: &Error) -> Mistake {
        let mut message = error.message().to_owned();
        let mut cause = error.source();
        while let Some(source) = cause {
            message.push_str(&format!(": {source}"));
            cause = source.source();
        }
        let set = error.fields().iter().find_map(|field| self.0.get_key_value(&field.pointer));
        let (place, line, message) = match set {
            Some((_, Origin::File { name, line })) => (name.clone(), *line, message),
            Some((_, Origin::Environment(variable))) => {
                ("environment".to_owned(), None, format!("{variable}: {message}"))
            }
            Some((key, Origin::Flag)) => ("flags".to_owned(), None, format!("{key}: {message}")),
            None => ("configuration".to_owned(), None, message),
        };
        Mistake { place, line, message }
    }
}

/// The same error, about these keys (`section.key`), the one to be changed first.
#[must_use]
pub fn about(error: Error, keys: &[&str]) -> Error {
    let detail = error.message().to_owned();
    keys.iter().fold(error, |error, key| error.at(*key, detail.clone()))
}
