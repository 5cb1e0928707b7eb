//! What one may do with panels. Each use case: parse, rules, one transaction, one event.
mod import;
mod panel;
mod view;

pub use import::{
    ImportRequest, Look, Running, Workplace, bad_lines, import_get, import_list, import_preview,
    import_recent, import_run, import_stop, imports_interrupted,
};
pub use panel::{
    PANEL_LIST, panel_count, panel_counts, panel_create, panel_delete, panel_get, panel_list, panel_update,
};
pub use view::{View, view_open};
