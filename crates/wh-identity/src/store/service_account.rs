//! Members that are no people. SQL only.
use wh_base::{Result, Timestamp};
use wh_contract::{TenantId, UserId};
use wh_db::{GlobalTx, Row, args};

use super::{GlobalReads, role};
use crate::model::ServiceAccount;

/// The row that makes it somebody at all. What stands in the place of an address is none, so nobody signs in with it.
pub(crate) async fn service_account_user_insert(tx: &mut GlobalTx, account: &ServiceAccount) -> Result<()> {
    let sql = "INSERT INTO identity_user (id, email, name, name_key, created_at) VALUES ($1, $2, $3, $4, $5)";
    let no_address = format!("service-account:{}", account.user);
    let name = account.name.as_str();
    tx.run(sql, args![account.user, no_address, name, name.to_lowercase(), account.created_at]).await
}

/// After its user and its membership.
pub(crate) async fn service_account_insert(
    tx: &mut GlobalTx,
    tenant: TenantId,
    account: &ServiceAccount,
) -> Result<()> {
    let sql =
        "INSERT INTO identity_service_account (tenant_id, user_id, name, enabled, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let (name, by, at) = (account.name.as_str(), account.created_by, account.created_at);
    tx.run(sql, args![tenant, account.user, name, account.enabled, by, at]).await
}

pub(crate) async fn service_account_set(
    tx: &mut GlobalTx,
    tenant: TenantId,
    account: &ServiceAccount,
) -> Result<()> {
    let sql =
        "UPDATE identity_service_account SET name = $1, enabled = $2 WHERE tenant_id = $3 AND user_id = $4";
    tx.run(sql, args![account.name.as_str(), account.enabled, tenant, account.user]).await?;
    let sql = "UPDATE identity_user SET name = $1, name_key = $2 WHERE id = $3";
    let name = account.name.as_str();
    tx.run(sql, args![name, name.to_lowercase(), account.user]).await
}

pub(crate) async fn is_service_account(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    user: UserId,
) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM identity_service_account WHERE tenant_id = $1 AND user_id = $2";
    Ok(db.row_opt(sql, args![tenant, user]).await?.is_some())
}

pub(crate) async fn service_account_name_taken(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    name: &str,
) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM identity_service_account WHERE tenant_id = $1 AND name = $2";
    Ok(db.row_opt(sql, args![tenant, name]).await?.is_some())
}

pub(crate) async fn service_account_count(db: &mut impl GlobalReads, tenant: TenantId) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM identity_service_account WHERE tenant_id = $1";
    db.row(sql, args![tenant]).await?.int("n")
}

pub(crate) async fn service_account_get(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<ServiceAccount>> {
    let sql = "SELECT s.user_id, s.name, m.role, s.enabled, s.created_by, s.created_at,
        (SELECT COUNT(*) FROM identity_api_key k
            WHERE k.tenant_id = s.tenant_id AND k.user_id = s.user_id AND k.expires_at > $3) AS keys,
        (SELECT MAX(k.used_at) FROM identity_api_key k
            WHERE k.tenant_id = s.tenant_id AND k.user_id = s.user_id) AS used_at
        FROM identity_service_account s
        JOIN identity_member m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
        WHERE s.tenant_id = $1 AND s.user_id = $2";
    db.row_opt(sql, args![tenant, user, now]).await?.as_ref().map(service_account).transpose()
}

/// In the order of the names, after the given one.
pub(crate) async fn service_account_list(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    now: Timestamp,
    after_name: &str,
    limit: u32,
) -> Result<Vec<ServiceAccount>> {
    let sql = "SELECT s.user_id, s.name, m.role, s.enabled, s.created_by, s.created_at,
        (SELECT COUNT(*) FROM identity_api_key k
            WHERE k.tenant_id = s.tenant_id AND k.user_id = s.user_id AND k.expires_at > $2) AS keys,
        (SELECT MAX(k.used_at) FROM identity_api_key k
            WHERE k.tenant_id = s.tenant_id AND k.user_id = s.user_id) AS used_at
        FROM identity_service_account s
        JOIN identity_member m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
        WHERE s.tenant_id = $1 AND s.name > $3 ORDER BY s.name LIMIT $4";
    let rows = db.rows(sql, args![tenant, now, after_name, i64::from(limit)]).await?;
    rows.iter().map(service_account).collect()
}

fn service_account(row: &Row) -> Result<ServiceAccount> {
    Ok(ServiceAccount {
        user: row.uuid("user_id")?,
        name: row.text("name")?.to_owned(),
        role: role(row, "role")?,
        enabled: row.bool("enabled")?,
        created_by: row.uuid("created_by")?,
        created_at: row.time("created_at")?,
        keys: row.int("keys")?,
        used_at: row.time_opt("used_at")?,
    })
}
