//! The `dataset_*` tables: which versions a dataset has and which segments they are made of. SQL and nothing else.
use uuid::Uuid;
use wh_base::{Result, Timestamp};
use wh_contract::{DatasetId, TenantId};
use wh_db::{Reads, Row, TenantTx, Value, args};

use crate::codes;
use crate::ingest::BadLines;
use crate::model::Schema;
use crate::segment::SegmentMeta;

/// Segments of one dataset; a dataset with more needs to be imported anew.
pub(crate) const SEGMENTS_MAX: u32 = 100_000;
/// Versions whose description and bad lines are kept, per dataset.
const VERSIONS_KEPT: u64 = 100;
/// Older versions that a commit forgets: one, where none were left over.
const VERSIONS_PRUNED_MAX: u32 = 20;

/// The objects of all tenants that a copy of this database needs, with their size where it is known. Segments that no version
/// names any more are not among them: only the sweep still looks at their rows.
pub const NAMED_OBJECTS: &str = "SELECT path, byte_count FROM dataset_segment WHERE gone_version IS NULL \
     UNION SELECT bad_path, CAST(NULL AS bigint) FROM dataset_version WHERE bad_path IS NOT NULL \
     -- all tenants: a backup keeps everything";

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
    /// The first version whose segments are part of it.
    pub(crate) base: u64,
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
    let sql = "SELECT version, version_id FROM dataset_dataset \
               WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
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
    let sql = "SELECT row_count, columns, base_version FROM dataset_version \
               WHERE tenant_id = $1 AND dataset_id = $2 AND version = $3 AND id = $4";
    let row = reads.row(sql, args![tenant, dataset, newest.version, id]).await?;
    let schema = serde_json::from_value(row.json("columns")?)
        .map_err(|error| codes::SEGMENT.caused("the catalog holds a schema that cannot be read", error))?;
    let base = count(&row, "base_version")?;
    Ok(VersionMeta {
        tenant,
        dataset,
        version: newest.version,
        id,
        base,
        rows: count(&row, "row_count")?,
        schema,
        segments: segments(reads, dataset, base, newest.version).await?,
    })
}

async fn segments(
    reads: &mut impl Reads,
    dataset: DatasetId,
    base: u64,
    version: u64,
) -> Result<Vec<SegmentMeta>> {
    let sql = "SELECT id, path, row_count, byte_count FROM dataset_segment \
               WHERE tenant_id = $1 AND dataset_id = $2 AND first_version >= $3 AND first_version <= $4 \
               AND (gone_version IS NULL OR gone_version > $4) ORDER BY first_version, place LIMIT $5";
    let rows = reads.rows(sql, args![reads.tenant(), dataset, base, version, SEGMENTS_MAX]).await?;
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

/// A new newest version. `fresh` are the segments it brings; those before its base are no part of it.
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
        let sql =
            "UPDATE dataset_dataset SET base_version = $3, based_at = $4 WHERE tenant_id = $1 AND id = $2";
        tx.run(sql, args![tenant, dataset, version, now]).await?;
    }
    let columns = serde_json::to_value(&meta.schema).map_err(unwritable)?;
    let lines = serde_json::to_value(bad).map_err(unwritable)?;
    let sql = "INSERT INTO dataset_version \
               (tenant_id, dataset_id, version, id, row_count, columns, bad_lines, bad_path, created_at, base_version, bad_bytes) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let BadLines { path, bytes, .. } = bad.clone();
    let (id, rows, base) = (meta.id, meta.rows, meta.base);
    tx.run(sql, args![tenant, dataset, version, id, rows, columns, lines, path, now, base, bytes]).await?;
    let sql = "INSERT INTO dataset_segment \
               (tenant_id, dataset_id, id, first_version, place, path, row_count, byte_count) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = (0_i64..).zip(fresh).map(|(place, segment)| -> Vec<Value> {
        let SegmentMeta { id, path, rows, bytes } = segment;
        args![tenant, dataset, *id, version, place, path, *rows, *bytes].to_vec()
    });
    tx.run_many(sql, &values.collect::<Vec<_>>()).await?;
    let sql = "UPDATE dataset_dataset SET version = $3, version_id = $4 WHERE tenant_id = $1 AND id = $2";
    tx.run(sql, args![tenant, dataset, version, meta.id]).await?;
    versions_prune(tx, dataset, version).await
}

/// Forgets the versions that are older than the newest so many; a few at a time, should there be more than one.
async fn versions_prune(tx: &mut TenantTx, dataset: DatasetId, newest: u64) -> Result<()> {
    let Some(last) = newest.checked_sub(VERSIONS_KEPT) else { return Ok(()) };
    let sql = "DELETE FROM dataset_version WHERE tenant_id = $1 AND dataset_id = $2 AND version IN \
               (SELECT version FROM dataset_version WHERE tenant_id = $1 AND dataset_id = $2 AND version <= $3 \
               ORDER BY version LIMIT $4)";
    tx.run(sql, args![tx.tenant(), dataset, last, VERSIONS_PRUNED_MAX]).await
}

/// Forgets a dataset. Its rows in these tables, and its objects, are the sweep's to remove.
pub(crate) async fn dataset_delete(tx: &mut TenantTx, id: DatasetId, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE dataset_dataset SET deleted_at = $3 \
               WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
    Ok(tx.run_count(sql, args![tx.tenant(), id, now]).await? > 0)
}

/// What the tenant holds in segments, replaced ones that are not swept yet among them, and in kept bad lines.
pub(crate) async fn stored_own(reads: &mut impl Reads) -> Result<u64> {
    let sql = "SELECT COALESCE(SUM(held.bytes), 0) AS bytes FROM \
               (SELECT byte_count AS bytes FROM dataset_segment WHERE tenant_id = $1 \
               UNION ALL SELECT bad_bytes AS bytes FROM dataset_version WHERE tenant_id = $1) AS held";
    count(&reads.row(sql, args![reads.tenant()]).await?, "bytes")
}

fn count(row: &Row, column: &str) -> Result<u64> {
    Ok(row.int(column)?.unsigned_abs())
}
