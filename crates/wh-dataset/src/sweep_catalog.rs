//! What the sweep asks of the `dataset_*` tables, across all tenants, and changes in them some rows at a time. SQL and
//! nothing else.
use uuid::Uuid;
use wh_base::{Result, Timestamp};
use wh_contract::{DatasetId, TenantId};
use wh_db::{SystemRead, SystemTx, args};

use crate::catalog::SEGMENTS_MAX;

/// Rows changed in one transaction of the sweep: others wait for it.
pub(crate) const SWEEP_ROWS_MAX: u32 = 200;
/// Datasets looked at in one go.
const SWEEP_DATASETS_MAX: u32 = 1_000;

/// A dataset whose segments of replaced versions are not marked yet.
pub(crate) struct Replaced {
    pub(crate) tenant: TenantId,
    pub(crate) dataset: DatasetId,
    base_version: i64,
    based_at: Timestamp,
}

pub(crate) async fn replaced(reads: &mut SystemRead) -> Result<Vec<Replaced>> {
    // all tenants: the sweep
    let sql = "SELECT tenant_id, id, base_version, based_at FROM dataset_dataset \
               WHERE base_version > marked_version AND deleted_at IS NULL LIMIT $1";
    let rows = reads.rows(sql, args![SWEEP_DATASETS_MAX]).await?;
    let read = |row: &wh_db::Row| {
        Ok(Replaced {
            tenant: row.uuid("tenant_id")?,
            dataset: row.uuid("id")?,
            base_version: row.int("base_version")?,
            based_at: row.time("based_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Marks some segments before the base as gone; how many. With the last of them the dataset is done.
pub(crate) async fn replaced_mark(tx: &mut SystemTx, replaced: &Replaced) -> Result<u64> {
    let Replaced { tenant, dataset, base_version, based_at } = replaced;
    let sql = "UPDATE dataset_segment SET gone_version = $3, gone_at = $4 \
               WHERE tenant_id = $1 AND dataset_id = $2 AND id IN (SELECT id FROM dataset_segment \
               WHERE tenant_id = $1 AND dataset_id = $2 AND first_version < $3 AND gone_at IS NULL LIMIT $5)";
    let values = args![*tenant, *dataset, *base_version, *based_at, SWEEP_ROWS_MAX];
    let marked = tx.run_count(sql, values).await?;
    if marked < u64::from(SWEEP_ROWS_MAX) {
        let sql = "UPDATE dataset_dataset SET marked_version = $3 WHERE tenant_id = $1 AND id = $2";
        tx.run(sql, args![*tenant, *dataset, *base_version]).await?;
    }
    Ok(marked)
}

/// Deleted datasets that still have segments or versions.
pub(crate) async fn deleted(reads: &mut SystemRead) -> Result<Vec<(TenantId, DatasetId)>> {
    // all tenants: the sweep
    let sql = "SELECT d.tenant_id AS tenant_id, d.id AS id FROM dataset_dataset d WHERE d.deleted_at IS NOT NULL AND (EXISTS \
               (SELECT 1 FROM dataset_segment s WHERE s.tenant_id = d.tenant_id AND s.dataset_id = d.id) OR EXISTS \
               (SELECT 1 FROM dataset_version v WHERE v.tenant_id = d.tenant_id AND v.dataset_id = d.id)) LIMIT $1";
    let rows = reads.rows(sql, args![SWEEP_DATASETS_MAX]).await?;
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, row.uuid("id")?))).collect()
}

/// Removes some segments or versions of a deleted dataset; how many.
pub(crate) async fn deleted_remove(tx: &mut SystemTx, tenant: TenantId, dataset: DatasetId) -> Result<u64> {
    let sql = "DELETE FROM dataset_segment WHERE tenant_id = $1 AND dataset_id = $2 AND id IN \
               (SELECT id FROM dataset_segment WHERE tenant_id = $1 AND dataset_id = $2 LIMIT $3)";
    let segments = tx.run_count(sql, args![tenant, dataset, SWEEP_ROWS_MAX]).await?;
    if segments > 0 {
        return Ok(segments);
    }
    let sql = "DELETE FROM dataset_version WHERE tenant_id = $1 AND dataset_id = $2 AND version IN \
               (SELECT version FROM dataset_version WHERE tenant_id = $1 AND dataset_id = $2 LIMIT $3)";
    tx.run_count(sql, args![tenant, dataset, SWEEP_ROWS_MAX]).await
}

/// Deleted datasets of which nothing is left but their own row, the oldest first.
pub(crate) async fn deleted_bare(reads: &mut SystemRead) -> Result<Vec<(TenantId, DatasetId)>> {
    // all tenants: the sweep
    let sql = "SELECT d.tenant_id AS tenant_id, d.id AS id FROM dataset_dataset d WHERE d.deleted_at IS NOT NULL AND NOT EXISTS \
               (SELECT 1 FROM dataset_segment s WHERE s.tenant_id = d.tenant_id AND s.dataset_id = d.id) AND NOT EXISTS \
               (SELECT 1 FROM dataset_version v WHERE v.tenant_id = d.tenant_id AND v.dataset_id = d.id) \
               ORDER BY d.deleted_at LIMIT $1";
    let rows = reads.rows(sql, args![SWEEP_DATASETS_MAX]).await?;
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, row.uuid("id")?))).collect()
}

pub(crate) async fn deleted_forget(tx: &mut SystemTx, tenant: TenantId, dataset: DatasetId) -> Result<()> {
    let sql = "DELETE FROM dataset_dataset WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL";
    tx.run(sql, args![tenant, dataset]).await
}

/// Whether there is such a dataset, or was one that still has objects.
pub(crate) async fn is_known(reads: &mut SystemRead, tenant: TenantId, dataset: DatasetId) -> Result<bool> {
    let sql = "SELECT id FROM dataset_dataset WHERE tenant_id = $1 AND id = $2";
    Ok(reads.row_opt(sql, args![tenant, dataset]).await?.is_some())
}

/// A segment that is part of no version since some time.
pub(crate) struct Gone {
    pub(crate) tenant: TenantId,
    pub(crate) dataset: DatasetId,
    pub(crate) id: Uuid,
    pub(crate) path: String,
}

/// Some of those that went before a moment, the oldest first.
pub(crate) async fn gone(reads: &mut SystemRead, before: Timestamp) -> Result<Vec<Gone>> {
    // all tenants: the sweep
    let sql = "SELECT tenant_id, dataset_id, id, path FROM dataset_segment \
               WHERE gone_at < $1 ORDER BY gone_at LIMIT $2";
    let rows = reads.rows(sql, args![before, SWEEP_ROWS_MAX]).await?;
    rows.iter()
        .map(|row| {
            Ok(Gone {
                tenant: row.uuid("tenant_id")?,
                dataset: row.uuid("dataset_id")?,
                id: row.uuid("id")?,
                path: row.text("path")?.to_owned(),
            })
        })
        .collect()
}

pub(crate) async fn gone_delete(tx: &mut SystemTx, gone: &[Gone]) -> Result<()> {
    let sql = "DELETE FROM dataset_segment WHERE tenant_id = $1 AND dataset_id = $2 AND id = $3";
    let values = gone.iter().map(|gone| args![gone.tenant, gone.dataset, gone.id].to_vec());
    tx.run_many(sql, &values.collect::<Vec<_>>()).await
}

/// The paths that a dataset names: those of its segments and of its bad lines.
pub(crate) async fn paths(
    reads: &mut SystemRead,
    tenant: TenantId,
    dataset: DatasetId,
) -> Result<Vec<String>> {
    let sql = "SELECT path FROM dataset_segment WHERE tenant_id = $1 AND dataset_id = $2 \
               UNION ALL SELECT bad_path AS path FROM dataset_version \
               WHERE tenant_id = $1 AND dataset_id = $2 AND bad_path IS NOT NULL LIMIT $3";
    let rows = reads.rows(sql, args![tenant, dataset, u64::from(SEGMENTS_MAX) * 2]).await?;
    rows.iter().map(|row| Ok(row.text("path")?.to_owned())).collect()
}

/// What the companies between two ids hold in segments, replaced ones that are not swept yet among them, and in kept bad lines.
pub(crate) async fn stored(
    reads: &mut SystemRead,
    first: TenantId,
    last: TenantId,
    limit: u32,
) -> Result<Vec<(TenantId, u64)>> {
    let sql = "SELECT held.tenant_id AS tenant_id, COALESCE(SUM(held.bytes), 0) AS bytes FROM \
               (SELECT tenant_id, byte_count AS bytes FROM dataset_segment \
               WHERE tenant_id >= $1 AND tenant_id <= $2 \
               UNION ALL SELECT tenant_id, bad_bytes AS bytes FROM dataset_version \
               WHERE tenant_id >= $1 AND tenant_id <= $2) AS held \
               GROUP BY held.tenant_id ORDER BY held.tenant_id LIMIT $3";
    let rows = reads.rows(sql, args![first, last, u64::from(limit)]).await?;
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, row.int("bytes")?.unsigned_abs()))).collect()
}
