//! One run of reading a file into a panel, and how it may end.
use wh_base::Timestamp;
use wh_contract::events::ImportMode;
use wh_contract::{ImportId, PanelId, UserId};

/// Imports of one panel that are remembered: the newest.
pub const IMPORTS_KEPT: i64 = 500;

/// Where an import stands. It ends once, and stays as it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// The file is being read.
    Running,
    /// The panel shows the rows.
    Done,
    /// The panel shows what it showed before.
    Failed,
}

impl ImportState {
    /// The word in the API and in storage.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Running, Self::Done, Self::Failed].into_iter().find(|state| state.word() == word)
    }
}

/// Why an import failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// The error's code.
    pub code: String,
    /// What happened this time.
    pub detail: String,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// The panel it fills.
    pub panel: PanelId,
    /// What people call that panel.
    pub panel_title: String,
    /// What happens to the rows before.
    pub mode: ImportMode,
    /// Where it stands.
    pub state: ImportState,
    /// The file's name, where the sender told it.
    pub file_name: Option<String>,
    /// Rows read.
    pub rows: i64,
    /// Lines that could not be read.
    pub bad_lines: i64,
    /// How many of them are kept: the first ones.
    pub bad_lines_kept: i64,
    /// Where those lines are kept.
    pub bad_lines_path: Option<String>,
    /// Keys of a file of JSON objects that went into no column, the first of them.
    pub unknown_keys: Vec<String>,
    /// Bytes read.
    pub bytes: i64,
    /// Bytes of the whole file, while it is read and where the sender told it. Kept nowhere.
    pub bytes_expected: Option<i64>,
    /// The dataset's version that holds the rows.
    pub version: Option<i64>,
    /// Why it failed, if it did.
    pub interruption: Option<Interruption>,
    /// Who sent the file.
    pub started_by: UserId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}
