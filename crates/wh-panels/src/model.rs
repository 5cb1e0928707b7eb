//! What a panel and an import are. Pure: no database, no HTTP, no clock.
mod import;

use wh_base::{Result, Timestamp};
use wh_contract::{DatasetId, PanelId};

use crate::codes;

pub use import::{IMPORTS_KEPT, Import, ImportState, Interruption};

/// More than this is a runaway script, not a need.
pub const PANELS_PER_TENANT_MAX: i64 = 10_000;

/// A live table: a title over a dataset.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Its id, part of its address.
    pub id: PanelId,
    /// What people call it.
    pub title: Title,
    /// The rows behind it.
    pub dataset: DatasetId,
    /// What it shows now; a copy of the dataset's state, written in the same transaction.
    pub shows: Shows,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its title or its rows last changed.
    pub updated_at: Timestamp,
}

/// What a panel shows at one version of its dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shows {
    /// The dataset's version; 0 before the first import.
    pub version: i64,
    /// How many rows.
    pub rows: i64,
    /// Its columns as JSON, as the dataset describes them.
    pub columns: serde_json::Value,
}

impl Shows {
    /// A panel that was never filled.
    pub fn nothing() -> Self {
        Self { version: 0, rows: 0, columns: serde_json::Value::Array(Vec::new()) }
    }
}

/// A title that a person can read: trimmed, 1 to 80 characters. Holding one is proof of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// Most characters.
    pub const CHARS_MAX: usize = 80;

    /// Trim and check.
    pub fn parse(raw: &str) -> Result<Self> {
        let text = raw.trim();
        let length = text.chars().count();
        if length == 0 || length > Self::CHARS_MAX {
            return Err(codes::TITLE_LENGTH
                .error(format!("{length} characters, not 1 to {}", Self::CHARS_MAX))
                .at("/title", "1 to 80 characters"));
        }
        if text.chars().any(unprintable) {
            return Err(codes::TITLE_CHARACTERS
                .error("a control character, or one that turns the direction of the text")
                .at("/title", "control characters are not allowed"));
        }
        Ok(Self(text.to_owned()))
    }

    /// A title that was parsed before it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// As people see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As lists are sorted and searched: lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// Control characters, and those that turn the direction of the text around them.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
