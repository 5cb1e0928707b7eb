//! Configuration: defaults, then file, then environment, then flags. Every mistake is named with file, line and nearest key.
mod check;
mod origin;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::{Error, Result, codes};
use origin::Origin;

pub use check::Mistake;
pub use origin::{Origins, about};

/// What a key holds; decides how text from the environment or a flag is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A string.
    Text,
    /// An IP address with a port, as a string.
    SocketAddress,
    /// A UUID, as a string.
    Id,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number within these bounds, both included.
    Integer {
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// A list of strings; comma-separated in the environment.
    List,
}

/// One key of a section.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Snake case, its unit last: `drain_timeout_s`.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// The default as TOML, or `None` for a key that is absent unless it is set.
    pub default: Option<&'static str>,
    /// One sentence for `config default` and the manual.
    pub doc: &'static str,
    /// Whether it may hold a password or a token: a file with it is nobody else's business.
    pub is_secret: bool,
}

impl Key {
    /// A key with a default.
    pub const fn new(name: &'static str, holds: Holds, default: &'static str, doc: &'static str) -> Self {
        Self { name, holds, default: Some(default), doc, is_secret: false }
    }

    /// A key that is absent unless somebody sets it.
    pub const fn optional(name: &'static str, holds: Holds, doc: &'static str) -> Self {
        Self { name, holds, default: None, doc, is_secret: false }
    }

    /// The same, holding a password or a token.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }
}

/// One `[section]` of the file, named like the context or crate it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The name in brackets.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Its keys in the order of the manual.
    pub keys: &'static [Key],
}

/// The layers over the defaults, from low to high.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'a> {
    /// The file's name and text.
    pub file: Option<(&'a str, &'a str)>,
    /// Environment variables; those that do not begin with [`ENVIRONMENT_PREFIX`] are none of our business.
    pub environment: &'a [(String, String)],
    /// `("server.listen", "127.0.0.1:8080")`, from the command line.
    pub flags: &'a [(&'static str, String)],
}

/// `WHEELHOUSE_SERVER_LISTEN` sets `listen` of `[server]`.
pub const ENVIRONMENT_PREFIX: &str = "WHEELHOUSE_";

/// The merged configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    table: Table,
    origins: Origins,
}

/// The layers as far as they can be read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Everything that can be read; a key that cannot has the value of the layer below.
    pub settings: Settings,
    /// What cannot be read.
    pub mistakes: Vec<Mistake>,
    /// Whether the file, if there is one, is TOML: without it nobody knows what its keys say.
    pub is_toml: bool,
}

impl Settings {
    /// Merge the layers. All mistakes of all layers are found at once.
    pub fn load(sections: &[Section], layers: Layers<'_>) -> Result<Self, Vec<Mistake>> {
        let Reading { settings, mistakes, .. } = Self::read(sections, layers);
        if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
    }

    /// Merge the layers as far as they can be read, so that whoever judges the values can tell all that is wrong at once.
    pub fn read(sections: &[Section], layers: Layers<'_>) -> Reading {
        let settings = Self { table: defaults(sections), origins: Origins::default() };
        let mut read = check::Read { sections, settings, mistakes: Vec::new() };
        let is_toml = layers.file.is_none_or(|(name, text)| read.file(name, text));
        read.environment(layers.environment);
        read.flags(layers.flags);
        let check::Read { settings, mistakes, .. } = read;
        Reading { settings, mistakes, is_toml }
    }

    /// Where its values were set.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    fn put(&mut self, section: &str, key: &str, value: Value, origin: Origin) {
        if let Some(Value::Table(keys)) = self.table.get_mut(section) {
            keys.insert(key.to_owned(), value);
            self.origins.set(section, key, origin);
        }
    }

    /// One section as its owner's type. Fails only when the type and the declared keys differ: a defect of ours.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let section = self.table.get(name).cloned().unwrap_or_else(|| Value::Table(Table::new()));
        section
            .try_into()
            .map_err(|e: toml::de::Error| Error::from_config(format!("section [{name}]: {}", e.message())))
    }

    /// One text value, for the few keys the binary itself reads.
    pub fn text(&self, section: &str, key: &str) -> Option<&str> {
        self.table.get(section)?.get(key)?.as_str()
    }
}

impl Error {
    fn from_config(message: String) -> Self {
        codes::CONFIG.error(message)
    }
}

/// The secrets that a file itself sets, as `section.key`: what comes from the environment is not in it.
pub fn secrets_in(sections: &[Section], text: &str) -> Vec<String> {
    let table: Table = text.parse().unwrap_or_default();
    let is_set = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    let mut found = Vec::new();
    for section in sections {
        for key in section.keys.iter().filter(|key| key.is_secret) {
            if table.get(section.name).and_then(|keys| keys.get(key.name)).is_some_and(is_set) {
                found.push(format!("{}.{}", section.name, key.name));
            }
        }
    }
    found
}

/// The commented default file: what `wheelhouse config default` prints.
pub fn default_file(sections: &[Section]) -> String {
    let mut text = String::from(
        "# Wheelhouse configuration. Every key with its default; remove the leading `#` to change one.\n\
         # The environment (WHEELHOUSE_SECTION_KEY) overrides this file, flags override both.\n",
    );
    for section in sections {
        text.push_str(&format!("\n# {}\n[{}]\n", section.doc, section.name));
        for key in section.keys {
            let value = key.default.unwrap_or(match key.holds {
                Holds::Text | Holds::SocketAddress | Holds::Id | Holds::OneOf(_) => "\"\"",
                Holds::Integer { .. } => "0",
                Holds::Boolean => "false",
                Holds::List => "[]",
            });
            let unset = if key.default.is_none() { " Not set by default." } else { "" };
            text.push_str(&format!("\n# {}{unset}\n#{} = {value}\n", key.doc, key.name));
        }
    }
    text
}

fn defaults(sections: &[Section]) -> Table {
    let mut table = Table::new();
    for section in sections {
        let mut keys = Table::new();
        for key in section.keys {
            let parsed = key.default.and_then(|text| format!("v = {text}").parse::<Table>().ok());
            if let Some(value) = parsed.and_then(|mut line| line.remove("v")) {
                keys.insert(key.name.to_owned(), value);
            }
        }
        table.insert(section.name.to_owned(), Value::Table(keys));
    }
    table
}
