//! What a panel and an import are. Pure: no database, no HTTP, no clock.
mod import;

use wh_base::{Result, Timestamp};
use wh_contract::{DatasetId, PanelId};

use crate::codes;

pub use import::{Import, ImportState, Interruption};

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
        match text.chars().count() {
            1..=Self::CHARS_MAX => Ok(Self(text.to_owned())),
            length => Err(codes::TITLE_LENGTH
                .error(format!("{length} characters, not 1 to {}", Self::CHARS_MAX))
                .at("/title", "1 to 80 characters")),
        }
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
