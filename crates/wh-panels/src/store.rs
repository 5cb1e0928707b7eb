//! The `panels_*` tables: SQL and nothing else. A transaction knows its tenant; every statement names it.
mod import;
mod panel;

pub(crate) use import::{
    Lease, import_by_id, import_end, import_insert, import_list, import_prune, import_recent, import_renew,
    imports_left, imports_unheard,
};
pub(crate) use panel::{
    panel_by_id, panel_count, panel_counts, panel_delete, panel_insert, panel_list, panel_lock, panel_rename,
    panel_show,
};
