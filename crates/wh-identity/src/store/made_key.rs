//! Which API key made which, also where the maker is gone. SQL only.
use wh_base::{Result, Timestamp};
use wh_contract::{ApiKeyId, Role, TenantId, UserId};
use wh_db::{GlobalTx, Row, args};

use super::api_key::api_key;
use super::{GlobalReads, role};
use crate::model::{ApiKey, MadeKey, Maker};

/// After the key itself.
pub(crate) async fn made_key_insert(tx: &mut GlobalTx, key: &ApiKey, maker: &Maker) -> Result<()> {
    let sql = "INSERT INTO identity_api_key_made
        (id, tenant_id, made_by, made_by_public_id, maker_user_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let public_id = maker.public_id.as_str();
    tx.run(sql, args![key.id, key.tenant, maker.key, public_id, key.created_by, key.expires_at]).await
}

/// The living keys that this one made, directly or through others that may be gone: newest first, before the given one.
pub(crate) async fn made_key_list(
    db: &mut impl GlobalReads,
    (tenant, maker): (TenantId, ApiKeyId),
    now: Timestamp,
    before: ApiKeyId,
    limit: i64,
) -> Result<Vec<MadeKey>> {
    let sql = "WITH RECURSIVE made (id) AS (
            SELECT f.id FROM identity_api_key_made f WHERE f.tenant_id = $1 AND f.made_by = $2
            UNION
            SELECT n.id FROM identity_api_key_made n JOIN made o ON n.made_by = o.id WHERE n.tenant_id = $1)
        SELECT k.id, k.public_id, k.tenant_id, k.user_id, k.name, k.scopes, k.networks, k.created_by,
        k.created_at, k.expires_at, k.used_at, k.used_address, COALESCE(k.vouched_by, k.created_by) AS vouched_by,
        d.made_by, d.made_by_public_id, s.name AS account, m.role FROM made e
        JOIN identity_api_key k ON k.id = e.id
        JOIN identity_api_key_made d ON d.id = e.id
        JOIN identity_service_account s ON s.tenant_id = k.tenant_id AND s.user_id = k.user_id
        JOIN identity_member m ON m.tenant_id = k.tenant_id AND m.user_id = k.user_id
        WHERE k.tenant_id = $1 AND k.expires_at > $3 AND k.id < $4 ORDER BY k.id DESC LIMIT $5";
    db.rows(sql, args![tenant, maker, now, before, limit]).await?.iter().map(made_key).collect()
}

/// The same in the order of their ids, each with its owner's role, held to the end.
pub(crate) async fn made_key_hold(
    tx: &mut GlobalTx,
    (tenant, maker): (TenantId, ApiKeyId),
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(ApiKey, Role)>> {
    let sql = "WITH RECURSIVE made (id) AS (
            SELECT f.id FROM identity_api_key_made f WHERE f.tenant_id = $1 AND f.made_by = $2
            UNION
            SELECT n.id FROM identity_api_key_made n JOIN made o ON n.made_by = o.id WHERE n.tenant_id = $1)
        SELECT k.id, k.public_id, k.tenant_id, k.user_id, k.name, k.scopes, k.networks, k.created_by,
        k.created_at, k.expires_at, k.used_at, k.used_address, COALESCE(k.vouched_by, k.created_by) AS vouched_by,
        (SELECT d.made_by FROM identity_api_key_made d WHERE d.tenant_id = k.tenant_id AND d.id = k.id) AS made_by,
        (SELECT p.made_by_public_id FROM identity_api_key_made p
            WHERE p.tenant_id = k.tenant_id AND p.id = k.id) AS made_by_public_id,
        (SELECT m.role FROM identity_member m WHERE m.tenant_id = k.tenant_id AND m.user_id = k.user_id) AS role
        FROM made e CROSS JOIN identity_api_key k
        WHERE k.id = e.id AND k.tenant_id = $1 AND k.expires_at > $3
        ORDER BY k.id LIMIT $4 FOR UPDATE";
    let rows = tx.rows(sql, args![tenant, maker, now, limit]).await?;
    rows.iter().map(|row| Ok((api_key(row)?, role(row, "role")?))).collect()
}

/// How many of those live.
pub(crate) async fn made_key_count(
    db: &mut impl GlobalReads,
    (tenant, maker): (TenantId, ApiKeyId),
    now: Timestamp,
) -> Result<i64> {
    let sql = "WITH RECURSIVE made (id) AS (
            SELECT f.id FROM identity_api_key_made f WHERE f.tenant_id = $1 AND f.made_by = $2
            UNION
            SELECT n.id FROM identity_api_key_made n JOIN made o ON n.made_by = o.id WHERE n.tenant_id = $1)
        SELECT COUNT(*) AS n FROM made e JOIN identity_api_key k ON k.id = e.id
        WHERE k.tenant_id = $1 AND k.expires_at > $3";
    db.row(sql, args![tenant, maker, now]).await?.int("n")
}

/// Whether the company has a key of this id, or had one whose keys may live still.
pub(crate) async fn api_key_is_known(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    key: ApiKeyId,
) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM identity_api_key WHERE tenant_id = $1 AND id = $2
        UNION ALL SELECT 1 AS n FROM identity_api_key_made WHERE tenant_id = $1 AND made_by = $2 LIMIT 1";
    Ok(db.row_opt(sql, args![tenant, key]).await?.is_some())
}

/// Whether this member had a key of this id whose keys may live still.
pub(crate) async fn api_key_made_some(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    owner: UserId,
    key: ApiKeyId,
) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM identity_api_key_made
        WHERE tenant_id = $1 AND made_by = $2 AND maker_user_id = $3 LIMIT 1";
    Ok(db.row_opt(sql, args![tenant, key, owner]).await?.is_some())
}

/// Some of the lines whose keys ended before then; how many went.
pub(crate) async fn made_key_sweep(tx: &mut GlobalTx, ended_before: Timestamp, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM identity_api_key_made WHERE id IN
        (SELECT id FROM identity_api_key_made WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
    tx.run_count(sql, args![ended_before, limit]).await
}

fn made_key(row: &Row) -> Result<MadeKey> {
    Ok(MadeKey { key: api_key(row)?, account: row.text("account")?.to_owned(), role: role(row, "role")? })
}
