//! Events of panels: made, renamed, filled, gone.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Event;
use super::identity::events;
use crate::{ImportId, PanelId};

/// What an import does with the rows that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportMode {
    /// The file's rows take the place of all rows.
    Replace,
    /// The file's rows come after the rows that are there.
    Append,
}

events! {
    /// A panel came to be.
    PanelCreated = "panels.created" about panel {
        /// The panel.
        panel: PanelId,
    }
    /// A panel has another title.
    PanelRenamed = "panels.renamed" about panel {
        /// The panel.
        panel: PanelId,
    }
    /// A panel is gone, with its rows.
    PanelDeleted = "panels.deleted" about panel {
        /// The panel.
        panel: PanelId,
    }
    /// A file is being read into a panel; `panels.imported` or `panels.import_failed` says how it ended.
    ImportStarted = "panels.import_started" about panel {
        /// The panel.
        panel: PanelId,
        /// The run.
        import: ImportId,
        /// What happens to the rows before.
        mode: ImportMode,
    }
    /// An import ended without rows: the panel shows what it showed before.
    ImportFailed = "panels.import_failed" about panel {
        /// The panel.
        panel: PanelId,
        /// The run.
        import: ImportId,
        /// Why: an error code.
        code: String,
    }
    /// A panel shows new rows.
    PanelImported = "panels.imported" about panel {
        /// The panel.
        panel: PanelId,
        /// The run that brought them.
        import: ImportId,
        /// The dataset's version that holds them; it only rises.
        version: i64,
        /// How many rows the panel has now.
        rows: i64,
        /// What happened to the rows before.
        mode: ImportMode,
    }
}
