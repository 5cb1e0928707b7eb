//! The `dataset_*` tables: which versions a dataset has and which segments they are made of. SQL and nothing else.
use uuid::Uuid;
use wh_base::{Result, Timestamp};
use wh_contract::{DatasetId, TenantId};
use wh_db::{Reads, Row, SystemRead, SystemTx, TenantTx, Value, args};

use crate::codes;
use crate::ingest::BadLines;
use crate::model::Schema;
use crate::segment::SegmentMeta;

/// Segments of one dataset; a dataset with more needs to be imported anew.
pub(crate) const SEGMENTS_MAX: u32 = 100_000;
/// Segments dropped in one transaction of the sweep.
pub(crate) const SWEEP_SEGMENTS_MAX: u32 = 1_000;

/// The newest version of a dataset.
#[derive(Clone, Copy)]
pub(crate) struct Newest {
    pub(crate) version: u64,
    /// None before the first commit.
    pub(crate) id: Option<Uuid>,
}

/// A version and what it is made of.
#[derive(Debug)]
pub(crate) struct VersionMeta {
    pub(crate) tenant: TenantId,
    pub(crate) dataset: DatasetId,
    pub(crate) version: u64,
    pub(crate) id: Uuid,
    pub(crate) rows: u64,
    pub(crate) schema: Schema,
    pub(crate) segments: Vec<SegmentMeta>,
}

pub(crate) async fn dataset_insert(tx: &mut TenantTx, id: DatasetId, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO dataset_dataset (tenant_id, id, version, created_at) VALUES ($1, $2, 0, $3)";
    tx.run(sql, args![tx.tenant(), id, now]).await.map_err(|error| {
        if error.is(&wh_db::codes::UNIQUE) {
            codes::EXISTS.error(format!("dataset {id} exists"))
        } else {
            error
        }
    })
}

pub(crate) async fn newest(reads: &mut impl Reads, id: DatasetId) -> Result<Option<Newest>> {
    let sql = "SELECT version, version_id FROM dataset_dataset WHERE tenant_id = $1 AND id = $2";
    let row = reads.row_opt(sql, args![reads.tenant(), id]).await?;
    row.map(|row| Ok(Newest { version: count(&row, "version")?, id: row.uuid_opt("version_id")? }))
        .transpose()
}

pub(crate) async fn version(
    reads: &mut impl Reads,
    dataset: DatasetId,
    newest: Newest,
    id: Uuid,
) -> Result<VersionMeta> {
    let tenant = reads.tenant();
    let sql = "SELECT row_count, columns FROM dataset_version \
               WHERE tenant_id = $1 AND dataset_id = $2 AND version = $3 AND id = $4";
    let row = reads.row(sql, args![tenant, dataset, newest.version, id]).await?;
    let schema = serde_json::from_value(row.json("columns")?)
        .map_err(|error| codes::SEGMENT.caused("the catalog holds a schema that cannot be read", error))?;
    Ok(VersionMeta {
        tenant,
        dataset,
        version: newest.version,
        id,
        rows: count(&row, "row_count")?,
        schema,
        segments: segments(reads, dataset, newest.version).await?,
    })
}

async fn segments(reads: &mut impl Reads, dataset: DatasetId, version: u64) -> Result<Vec<SegmentMeta>> {
    let sql = "SELECT id, path, row_count, byte_count FROM dataset_segment \
               WHERE tenant_id = $1 AND dataset_id = $2 AND first_version <= $3 \
               AND (gone_version IS NULL OR gone_version > $3) ORDER BY first_version, place LIMIT $4";
    let rows = reads.rows(sql, args![reads.tenant(), dataset, version, SEGMENTS_MAX]).await?;
    rows.iter()
        .map(|row| {
            Ok(SegmentMeta {
                id: row.uuid("id")?,
                path: row.text("path")?.to_owned(),
                rows: count(row, "row_count")?,
                bytes: count(row, "byte_count")?,
            })
        })
        .collect()
}

/// The bad lines of the commit that made a version.
pub(crate) async fn bad_lines(
    reads: &mut impl Reads,
    dataset: DatasetId,
    version: u64,
) -> Result<Option<BadLines>> {
    let sql =
        "SELECT bad_lines FROM dataset_version WHERE tenant_id = $1 AND dataset_id = $2 AND version = $3";
    let row = reads.row_opt(sql, args![reads.tenant(), dataset, version]).await?;
    let read = |row: Row| {
        serde_json::from_value(row.json("bad_lines")?)
            .map_err(|error| codes::SEGMENT.caused("the catalog holds bad lines that cannot be read", error))
    };
    row.map(read).transpose()
}

/// A new newest version. `fresh` are the segments it brings; with `replaced` the ones before are no part of it.
pub(crate) struct Advance<'a> {
    pub(crate) meta: &'a VersionMeta,
    pub(crate) fresh: &'a [SegmentMeta],
    pub(crate) bad: &'a BadLines,
    pub(crate) mode: Mode,
    pub(crate) now: Timestamp,
}

/// What becomes of the rows that were there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Replace,
    Append,
}

pub(crate) async fn advance(tx: &mut TenantTx, advance: Advance<'_>) -> Result<()> {
    let Advance { meta, fresh, bad, mode, now } = advance;
    let (tenant, dataset, version) = (tx.tenant(), meta.dataset, meta.version);
    let unwritable = |error| codes::SEGMENT.caused("the catalog cannot hold this version", error);
    if mode == Mode::Replace {
        let sql = "UPDATE dataset_segment SET gone_version = $3, gone_at = $4 \
                   WHERE tenant_id = $1 AND dataset_id = $2 AND gone_version IS NULL";
        tx.run(sql, args![tenant, dataset, version, now]).await?;
    }
    let columns = serde_json::to_value(&meta.schema).map_err(unwritable)?;
    let lines = serde_json::to_value(bad).map_err(unwritable)?;
    let sql = "INSERT INTO dataset_version \
               (tenant_id, dataset_id, version, id, row_count, columns, bad_lines, bad_path, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let path = bad.path.clone();
    tx.run(sql, args![tenant, dataset, version, meta.id, meta.rows, columns, lines, path, now]).await?;
    let sql = "INSERT INTO dataset_segment \
               (tenant_id, dataset_id, id, first_version, place, path, row_count, byte_count) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = (0_i64..).zip(fresh).map(|(place, segment)| -> Vec<Value> {
        let SegmentMeta { id, path, rows, bytes } = segment;
        args![tenant, dataset, *id, version, place, path, *rows, *bytes].to_vec()
    });
    tx.run_many(sql, &values.collect::<Vec<_>>()).await?;
    let sql = "UPDATE dataset_dataset SET version = $3, version_id = $4 WHERE tenant_id = $1 AND id = $2";
    tx.run(sql, args![tenant, dataset, version, meta.id]).await
}

/// What the companies between two ids hold in segments, replaced ones that are not swept yet among them.
pub(crate) async fn stored(
    reads: &mut SystemRead,
    first: TenantId,
    last: TenantId,
    limit: u32,
) -> Result<Vec<(TenantId, u64)>> {
    let sql = "SELECT tenant_id, COALESCE(SUM(byte_count), 0) AS bytes FROM dataset_segment \
               WHERE tenant_id >= $1 AND tenant_id <= $2 GROUP BY tenant_id ORDER BY tenant_id LIMIT $3";
    let rows = reads.rows(sql, args![first, last, u64::from(limit)]).await?;
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, count(row, "bytes")?))).collect()
}

/// Forgets a dataset; its objects are then nobody's.
pub(crate) async fn dataset_delete(tx: &mut TenantTx, id: DatasetId) -> Result<bool> {
    let tenant = tx.tenant();
    tx.run("DELETE FROM dataset_segment WHERE tenant_id = $1 AND dataset_id = $2", args![tenant, id]).await?;
    tx.run("DELETE FROM dataset_version WHERE tenant_id = $1 AND dataset_id = $2", args![tenant, id]).await?;
    let sql = "DELETE FROM dataset_dataset WHERE tenant_id = $1 AND id = $2";
    Ok(tx.run_count(sql, args![tenant, id]).await? > 0)
}

/// A segment that is part of no version since some time.
pub(crate) struct Gone {
    pub(crate) tenant: TenantId,
    pub(crate) dataset: DatasetId,
    pub(crate) id: Uuid,
    pub(crate) path: String,
}

pub(crate) async fn gone(tx: &mut SystemTx, before: Timestamp) -> Result<Vec<Gone>> {
    // all tenants: the sweep
    let sql = "SELECT tenant_id, dataset_id, id, path FROM dataset_segment \
               WHERE gone_at < $1 ORDER BY gone_at LIMIT $2";
    let rows = tx.rows(sql, args![before, SWEEP_SEGMENTS_MAX]).await?;
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

/// Forgets versions that are older than the newest so many of their dataset.
pub(crate) async fn versions_prune(tx: &mut SystemTx, kept: u64) -> Result<()> {
    // all tenants: the sweep
    let sql = "DELETE FROM dataset_version WHERE version <= (SELECT d.version FROM dataset_dataset d \
               WHERE d.tenant_id = dataset_version.tenant_id AND d.id = dataset_version.dataset_id) - $1";
    tx.run(sql, args![kept]).await
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

fn count(row: &Row, column: &str) -> Result<u64> {
    Ok(row.int(column)?.unsigned_abs())
}
