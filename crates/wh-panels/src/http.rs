//! `/v1/panels`. Translates HTTP to calls and back; decides nothing.
mod import;
mod panel;
mod row;

use utoipa_axum::routes;
use wh_contract::{PANELS_READ, PANELS_WRITE};
use wh_dataset::read::ReadHints;
use wh_dataset::{Filter, SortKey};
use wh_server::{Op, Registry};

use crate::codes;

/// Bytes of the sample that a preview takes.
const SAMPLE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Lists and single things are in indexes.
const QUICK_MS: u64 = 10_000;
/// A window of rows may have to be read from files that nobody looked at for long.
const ROWS_MS: u64 = 15_000;

/// Declare the operations of panels.
pub fn operations(registry: &mut Registry) {
    // Query parameters hold these as JSON, so that no operation refers to them by type.
    registry.schema_of::<Filter>();
    registry.schema_of::<SortKey>();
    registry.schema_of::<ReadHints>();
    registry.op(routes!(panel::panel_list), Op::read(PANELS_READ).within_ms(QUICK_MS));
    registry.op(
        routes!(panel::panel_create),
        Op::change(PANELS_WRITE).errors(&[
            &codes::TITLE_LENGTH,
            &codes::TITLE_CHARACTERS,
            &codes::LIMIT,
            &wh_dataset::codes::EXISTS,
        ]),
    );
    let get = Op::read(PANELS_READ).errors(&[&codes::NOT_FOUND]).within_ms(QUICK_MS);
    registry.op(routes!(panel::panel_get), get);
    registry.op(
        routes!(panel::panel_update),
        Op::change(PANELS_WRITE).errors(&[&codes::NOT_FOUND, &codes::TITLE_LENGTH, &codes::TITLE_CHARACTERS]),
    );
    registry.op(
        routes!(panel::panel_delete),
        Op::danger(PANELS_WRITE).errors(&[&codes::NOT_FOUND, &wh_dataset::codes::NOT_FOUND]),
    );
    registry.op(routes!(row::row_list), Op::read(PANELS_READ).errors(row::ERRORS).within_ms(ROWS_MS));
    registry.op(
        routes!(import::import_preview),
        Op::read(PANELS_WRITE).streams().body_max(SAMPLE_BYTES_MAX).errors(import::PREVIEW_ERRORS),
    );
    registry
        .op(routes!(import::import_create), Op::change(PANELS_WRITE).streams().errors(import::CREATE_ERRORS));
    let list = Op::read(PANELS_READ).errors(&[&codes::NOT_FOUND]).within_ms(QUICK_MS);
    registry.op(routes!(import::import_list), list);
    registry.op(routes!(import::import_recent), Op::read(PANELS_READ).within_ms(QUICK_MS));
    registry.op(
        routes!(import::import_get),
        Op::read(PANELS_READ).errors(&[&codes::NOT_FOUND, &codes::IMPORT_NOT_FOUND]).within_ms(QUICK_MS),
    );
    registry.op(
        routes!(import::import_stop),
        Op::change(PANELS_WRITE).errors(&[&codes::NOT_FOUND, &codes::IMPORT_NOT_FOUND, &codes::IMPORT_ENDED]),
    );
    registry.op(
        routes!(import::import_bad_lines),
        Op::read(PANELS_READ).errors(&[
            &codes::NOT_FOUND,
            &codes::IMPORT_NOT_FOUND,
            &codes::NO_BAD_LINES,
            &wh_dataset::codes::IMPORTS_BUSY,
            &wh_dataset::codes::IMPORT_STOPPED,
            &wh_dataset::codes::STORE,
        ]),
    );
}
