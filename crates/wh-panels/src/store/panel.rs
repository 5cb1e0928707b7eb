//! The table `panels_panel`.
use wh_base::{Result, Timestamp};
use wh_contract::{PanelId, TenantId};
use wh_db::{Reads, Row, SystemRead, TenantTx, args};

use crate::model::{Panel, Shows, Title};

const COLUMNS: &str = "id, title, dataset_id, version, row_count, columns, created_at, updated_at";

fn panel(row: &Row) -> Result<Panel> {
    Ok(Panel {
        id: row.uuid("id")?,
        title: Title::stored(row.text("title")?.to_owned()),
        dataset: row.uuid("dataset_id")?,
        shows: Shows {
            version: row.int("version")?,
            rows: row.int("row_count")?,
            columns: row.json("columns")?,
        },
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(crate) async fn panel_count(reads: &mut impl Reads) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM panels_panel WHERE tenant_id = $1";
    reads.row(sql, args![reads.tenant()]).await?.int("n")
}

/// How many panels the companies between two ids have.
pub(crate) async fn panel_counts(
    tx: &mut SystemRead,
    first: TenantId,
    last: TenantId,
    limit: u32,
) -> Result<Vec<(TenantId, i64)>> {
    let sql = "SELECT tenant_id, COUNT(*) AS n FROM panels_panel WHERE tenant_id >= $1 AND tenant_id <= $2 \
               GROUP BY tenant_id ORDER BY tenant_id LIMIT $3";
    let rows = tx.rows(sql, args![first, last, i64::from(limit)]).await?;
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, row.int("n")?))).collect()
}

pub(crate) async fn panel_insert(tx: &mut TenantTx, panel: &Panel) -> Result<()> {
    let sql = "INSERT INTO panels_panel (tenant_id, id, title, title_key, dataset_id, version, row_count, columns, \
               created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let Panel { id, title, dataset, shows, created_at, updated_at } = panel;
    let values = args![
        tx.tenant(),
        *id,
        title.as_str(),
        title.key(),
        *dataset,
        shows.version,
        shows.rows,
        shows.columns.clone(),
        *created_at,
        *updated_at
    ];
    tx.run(sql, values).await
}

pub(crate) async fn panel_by_id(tx: &mut impl Reads, id: PanelId) -> Result<Option<Panel>> {
    let sql = "SELECT id, title, dataset_id, version, row_count, columns, created_at, updated_at \
               FROM panels_panel WHERE tenant_id = $1 AND id = $2";
    tx.row_opt(sql, args![tx.tenant(), id]).await?.as_ref().map(panel).transpose()
}

/// Hold the panel until the transaction ends: two imports into one panel wait for one another.
pub(crate) async fn panel_lock(tx: &mut TenantTx, id: PanelId) -> Result<()> {
    tx.lock(&format!("panels.panel.{id}")).await
}

/// So many panels after the given title and id, in the order of their titles. `pattern` is a LIKE pattern, `%` for all.
pub(crate) async fn panel_list(
    tx: &mut impl Reads,
    pattern: &str,
    after: Option<(&str, PanelId)>,
    limit: i64,
) -> Result<Vec<Panel>> {
    let rows = match after {
        None => {
            let sql = format!(
                "SELECT {COLUMNS} FROM panels_panel WHERE tenant_id = $1 AND title_key LIKE $2 ESCAPE '!' \
                 ORDER BY title_key, id LIMIT $3"
            );
            tx.rows(&sql, args![tx.tenant(), pattern, limit]).await?
        }
        Some((title_key, id)) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM panels_panel WHERE tenant_id = $1 AND title_key LIKE $2 ESCAPE '!' \
                 AND (title_key, id) > ($3, $4) ORDER BY title_key, id LIMIT $5"
            );
            tx.rows(&sql, args![tx.tenant(), pattern, title_key, id, limit]).await?
        }
    };
    rows.iter().map(panel).collect()
}

pub(crate) async fn panel_rename(
    tx: &mut TenantTx,
    id: PanelId,
    title: &Title,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE panels_panel SET title = $3, title_key = $4, updated_at = $5 WHERE tenant_id = $1 AND id = $2";
    tx.run(sql, args![tx.tenant(), id, title.as_str(), title.key(), now]).await
}

pub(crate) async fn panel_show(tx: &mut TenantTx, id: PanelId, shows: &Shows, now: Timestamp) -> Result<()> {
    let sql = "UPDATE panels_panel SET version = $3, row_count = $4, columns = $5, updated_at = $6 \
               WHERE tenant_id = $1 AND id = $2";
    tx.run(sql, args![tx.tenant(), id, shows.version, shows.rows, shows.columns.clone(), now]).await
}

pub(crate) async fn panel_delete(tx: &mut TenantTx, id: PanelId) -> Result<()> {
    let sql = "DELETE FROM panels_panel WHERE tenant_id = $1 AND id = $2";
    tx.run(sql, args![tx.tenant(), id]).await
}
