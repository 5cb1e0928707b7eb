//! The table `panels_import`.
use serde_json::json;
use uuid::Uuid;
use wh_base::{Error, Result, Timestamp, codes};
use wh_contract::events::ImportMode;
use wh_contract::{ImportId, PanelId, TenantId};
use wh_db::{Reads, Row, SystemRead, TenantTx, args};

use crate::model::{Import, ImportState, Interruption};

const COLUMNS: &str = "i.id AS id, i.panel_id AS panel_id, p.title AS panel_title, i.mode AS mode, i.state AS state, \
                       i.file_name AS file_name, i.row_count AS row_count, i.bad_line_count AS bad_line_count, \
                       i.bad_lines_path AS bad_lines_path, i.bad_lines_kept AS bad_lines_kept, \
                       i.unknown_keys AS unknown_keys, i.byte_count AS byte_count, i.version AS version, \
                       i.problem_code AS problem_code, i.problem_detail AS problem_detail, \
                       i.started_by AS started_by, i.started_at AS started_at, i.ended_at AS ended_at";
/// Each import with its panel.
const FROM: &str = "panels_import i JOIN panels_panel p ON p.tenant_id = i.tenant_id AND p.id = i.panel_id";

/// Imports that are forgotten in one transaction.
const PRUNED_AT_ONCE: i64 = 100;
/// Imports that nobody reads any more, asked for at once.
const INTERRUPTED_AT_ONCE: i64 = 200;

fn unknown(what: &str, word: &str) -> Error {
    codes::INTERNAL.error(format!("stored {what} `{word}` is unknown"))
}

fn mode_word(mode: ImportMode) -> &'static str {
    match mode {
        ImportMode::Replace => "replace",
        ImportMode::Append => "append",
    }
}

fn import(row: &Row) -> Result<Import> {
    let state = row.text("state")?;
    let mode = match row.text("mode")? {
        "replace" => ImportMode::Replace,
        "append" => ImportMode::Append,
        other => return Err(unknown("import mode", other)),
    };
    let code = row.text_opt("problem_code")?.map(str::to_owned);
    let detail = row.text_opt("problem_detail")?.unwrap_or_default().to_owned();
    let keys = row.json_opt("unknown_keys")?.map(serde_json::from_value).transpose();
    let unknown_keys = keys.map_err(|error| codes::INTERNAL.caused("stored keys cannot be read", error))?;
    Ok(Import {
        id: row.uuid("id")?,
        panel: row.uuid("panel_id")?,
        panel_title: row.text("panel_title")?.to_owned(),
        mode,
        state: ImportState::from_word(state).ok_or_else(|| unknown("import state", state))?,
        file_name: row.text_opt("file_name")?.map(str::to_owned),
        rows: row.int("row_count")?,
        bad_lines: row.int("bad_line_count")?,
        bad_lines_kept: row.int("bad_lines_kept")?,
        bad_lines_path: row.text_opt("bad_lines_path")?.map(str::to_owned),
        unknown_keys: unknown_keys.unwrap_or_default(),
        bytes: row.int("byte_count")?,
        bytes_expected: None,
        version: row.int_opt("version")?,
        interruption: code.map(|code| Interruption { code, detail }),
        started_by: row.uuid("started_by")?,
        started_at: row.time("started_at")?,
        ended_at: row.time_opt("ended_at")?,
    })
}

/// Who reads the file, and until when that is believed.
#[derive(Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) node: Uuid,
    pub(crate) until: Timestamp,
}

pub(crate) async fn import_insert(tx: &mut TenantTx, import: &Import, lease: Lease) -> Result<()> {
    let sql = "INSERT INTO panels_import (tenant_id, id, panel_id, mode, state, file_name, row_count, bad_line_count, \
               byte_count, started_by, started_at, node, leased_until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let values = args![
        tx.tenant(),
        import.id,
        import.panel,
        mode_word(import.mode),
        import.state.word(),
        import.file_name.as_deref(),
        import.rows,
        import.bad_lines,
        import.bytes,
        import.started_by,
        import.started_at,
        lease.node,
        lease.until
    ];
    tx.run(sql, values).await
}

/// Its node still reads it. One that has ended has no lease any more: then, and when its panel is gone, `false`.
pub(crate) async fn import_renew(tx: &mut TenantTx, id: ImportId, until: Timestamp) -> Result<bool> {
    let sql =
        "UPDATE panels_import SET leased_until = $3 WHERE tenant_id = $1 AND id = $2 AND state = 'running'";
    Ok(tx.run_count(sql, args![tx.tenant(), id, until]).await? == 1)
}

/// Forget the oldest imports of a panel but so many, some at a time.
pub(crate) async fn import_prune(tx: &mut TenantTx, panel: PanelId, kept: i64) -> Result<()> {
    let sql = "DELETE FROM panels_import WHERE tenant_id = $1 AND panel_id = $2 AND state <> 'running' AND id IN \
               (SELECT id FROM panels_import WHERE tenant_id = $1 AND panel_id = $2 ORDER BY id DESC LIMIT $3 OFFSET $4)";
    tx.run(sql, args![tx.tenant(), panel, PRUNED_AT_ONCE, kept]).await
}

/// Write how an import ended. One that has ended stays as it is: then, and when its panel is gone, `false`.
pub(crate) async fn import_end(tx: &mut TenantTx, import: &Import) -> Result<bool> {
    let sql = "UPDATE panels_import SET state = $3, row_count = $4, bad_line_count = $5, bad_lines_path = $6, \
               byte_count = $7, version = $8, problem_code = $9, problem_detail = $10, ended_at = $11, \
               bad_lines_kept = $12, unknown_keys = $13 \
               WHERE tenant_id = $1 AND id = $2 AND state = 'running'";
    let keys = Some(&import.unknown_keys).filter(|keys| !keys.is_empty());
    let values = args![
        tx.tenant(),
        import.id,
        import.state.word(),
        import.rows,
        import.bad_lines,
        import.bad_lines_path.as_deref(),
        import.bytes,
        import.version,
        import.interruption.as_ref().map(|problem| problem.code.as_str()),
        import.interruption.as_ref().map(|problem| problem.detail.as_str()),
        import.ended_at,
        import.bad_lines_kept,
        keys.map(|keys| json!(keys))
    ];
    Ok(tx.run_count(sql, values).await? == 1)
}

pub(crate) async fn import_by_id(
    tx: &mut impl Reads,
    panel: PanelId,
    id: ImportId,
) -> Result<Option<Import>> {
    let sql =
        format!("SELECT {COLUMNS} FROM {FROM} WHERE i.tenant_id = $1 AND i.panel_id = $2 AND i.id = $3");
    tx.row_opt(&sql, args![tx.tenant(), panel, id]).await?.as_ref().map(import).transpose()
}

/// Before every import there is.
const NEWEST: ImportId = ImportId(Uuid::max());

/// So many imports of a panel before the given one, the newest first.
pub(crate) async fn import_list(
    tx: &mut impl Reads,
    panel: PanelId,
    before: Option<ImportId>,
    limit: i64,
) -> Result<Vec<Import>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE i.tenant_id = $1 AND i.panel_id = $2 AND i.id < $3 \
         ORDER BY i.id DESC LIMIT $4"
    );
    let rows = tx.rows(&sql, args![tx.tenant(), panel, before.unwrap_or(NEWEST), limit]).await?;
    rows.iter().map(import).collect()
}

/// So many imports of all panels before the given one, the newest first; of one state, if it is given.
pub(crate) async fn import_recent(
    tx: &mut impl Reads,
    state: Option<ImportState>,
    before: Option<ImportId>,
    limit: i64,
) -> Result<Vec<Import>> {
    let before = before.unwrap_or(NEWEST);
    let rows = match state {
        None => {
            let sql = format!(
                "SELECT {COLUMNS} FROM {FROM} WHERE i.tenant_id = $1 AND i.id < $2 ORDER BY i.id DESC LIMIT $3"
            );
            tx.rows(&sql, args![tx.tenant(), before, limit]).await?
        }
        Some(state) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM {FROM} WHERE i.tenant_id = $1 AND i.state = $2 AND i.id < $3 \
                 ORDER BY i.id DESC LIMIT $4"
            );
            tx.rows(&sql, args![tx.tenant(), state.word(), before, limit]).await?
        }
    };
    rows.iter().map(import).collect()
}

/// Some of the imports that a record says are running although their node is this one, which has just begun, or has not been heard
/// of; of all companies.
pub(crate) async fn imports_left(
    tx: &mut SystemRead,
    node: Uuid,
    now: Timestamp,
) -> Result<Vec<(TenantId, PanelId, ImportId)>> {
    let sql = "SELECT tenant_id, panel_id, id FROM panels_import WHERE state = 'running' \
               AND (node = $1 OR leased_until IS NULL OR leased_until < $2) ORDER BY id LIMIT $3";
    ids(&tx.rows(sql, args![node, now, INTERRUPTED_AT_ONCE]).await?)
}

/// Some of those whose node has not been heard of, whichever it is.
pub(crate) async fn imports_unheard(
    tx: &mut SystemRead,
    now: Timestamp,
) -> Result<Vec<(TenantId, PanelId, ImportId)>> {
    let sql = "SELECT tenant_id, panel_id, id FROM panels_import WHERE state = 'running' \
               AND leased_until < $1 ORDER BY id LIMIT $2";
    ids(&tx.rows(sql, args![now, INTERRUPTED_AT_ONCE]).await?)
}

fn ids(rows: &[Row]) -> Result<Vec<(TenantId, PanelId, ImportId)>> {
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, row.uuid("panel_id")?, row.uuid("id")?))).collect()
}
