//! The table `system_limit`, and a node as the kernel keeps it: SQL and rows, nothing else.
use serde::{Deserialize, Serialize};
use serde_json::json;
use wh_base::{CompanyLimits, Result, Timestamp};
use wh_contract::{TenantId, UserId};
use wh_db::{NodeRow, Reads, Row, SystemRead, SystemTx, args};

use crate::model::{Node, NodeFigures};

/// What a node says of itself. While versions change, nodes of both read what the others wrote: fields are added, and none may be
/// missed.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct About {
    host: String,
    address: String,
    version: String,
    commit: String,
    started_at: i64,
    figures: Option<NodeFigures>,
}

/// A node as it writes itself down.
pub(crate) fn node_row(node: &Node, figures: Option<NodeFigures>, now: Timestamp) -> NodeRow {
    let about = json!(About {
        host: node.host.clone(),
        address: node.address.clone(),
        version: node.version.clone(),
        commit: node.commit.clone(),
        started_at: node.started_at.micros(),
        figures,
    });
    NodeRow { id: node.id, place: node.place, seen_at: now, about }
}

/// A node of this engine as it was written down. What cannot be read of it stays empty: that it is there is told all the same.
pub(crate) fn node(row: NodeRow, engine: &'static str) -> (Node, Option<NodeFigures>) {
    let NodeRow { id, place, about, .. } = row;
    let About { host, address, version, commit, started_at, figures } =
        serde_json::from_value(about).unwrap_or_default();
    let started_at = Timestamp::from_micros(started_at);
    (Node { id, place, host, address, version, commit, engine, started_at }, figures)
}

fn limits(row: &Row) -> Result<CompanyLimits> {
    Ok(CompanyLimits {
        requests_per_min: row.int_opt("requests_per_min")?.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        storage_bytes: row.int_opt("storage_bytes")?.map(i64::unsigned_abs),
        panels: row.int_opt("panels")?,
        members: row.int_opt("members")?,
    })
}

/// The limits of the company whose rows are read.
pub(crate) async fn limits_own(reads: &mut impl Reads) -> Result<CompanyLimits> {
    let sql =
        "SELECT requests_per_min, storage_bytes, panels, members FROM system_limit WHERE tenant_id = $1";
    let row = reads.row_opt(sql, args![reads.tenant()]).await?;
    row.as_ref().map_or_else(|| Ok(CompanyLimits::default()), limits)
}

/// The limits of any company, held until the change ends.
pub(crate) async fn limits_held(tx: &mut SystemTx, company: TenantId) -> Result<Option<CompanyLimits>> {
    tx.lock(&format!("system.limit.{company}")).await?;
    let sql =
        "SELECT requests_per_min, storage_bytes, panels, members FROM system_limit WHERE tenant_id = $1";
    tx.row_opt(sql, args![company]).await?.as_ref().map(limits).transpose()
}

/// The limits of the companies between two ids; who has none is not among them.
pub(crate) async fn limits_between(
    read: &mut SystemRead,
    first: TenantId,
    last: TenantId,
    limit: u32,
) -> Result<Vec<(TenantId, CompanyLimits)>> {
    let sql = "SELECT tenant_id, requests_per_min, storage_bytes, panels, members FROM system_limit \
               WHERE tenant_id >= $1 AND tenant_id <= $2 ORDER BY tenant_id LIMIT $3";
    let rows = read.rows(sql, args![first, last, i64::from(limit)]).await?;
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, limits(row)?))).collect()
}

pub(crate) async fn limits_put(
    tx: &mut SystemTx,
    company: TenantId,
    limits: &CompanyLimits,
    by: UserId,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO system_limit \
               (tenant_id, requests_per_min, storage_bytes, panels, members, set_by, set_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id) DO UPDATE SET \
               requests_per_min = excluded.requests_per_min, storage_bytes = excluded.storage_bytes, \
               panels = excluded.panels, members = excluded.members, set_by = excluded.set_by, \
               set_at = excluded.set_at";
    let CompanyLimits { requests_per_min, storage_bytes, panels, members } = *limits;
    tx.run(sql, args![company, requests_per_min, storage_bytes, panels, members, by, now]).await
}

pub(crate) async fn limits_delete(tx: &mut SystemTx, company: TenantId) -> Result<()> {
    tx.run("DELETE FROM system_limit WHERE tenant_id = $1", args![company]).await
}
