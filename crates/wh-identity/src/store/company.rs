//! Companies and who is in them. SQL only.
use wh_base::{Result, Timestamp};
use wh_contract::{Role, TenantId, UserId};
use wh_db::{GlobalTx, Row, args};

use super::{GlobalReads, role};
use crate::model::{Member, Membership, TENANTS_PER_USER_MAX, Tenant};

pub(crate) async fn tenant_insert(tx: &mut GlobalTx, tenant: &Tenant) -> Result<()> {
    let sql = "INSERT INTO identity_tenant (id, name, created_at, member_revision) VALUES ($1, $2, $3, 0)";
    tx.run(sql, args![tenant.id, tenant.name.as_str(), tenant.created_at]).await
}

/// The first company that there was.
pub(crate) async fn tenant_first(db: &mut impl GlobalReads) -> Result<Option<TenantId>> {
    let sql = "SELECT id FROM identity_tenant ORDER BY created_at, id LIMIT 1";
    db.row_opt(sql, args![]).await?.map(|row| row.uuid("id")).transpose()
}

/// So many companies after this one, in the order of their ids.
pub(crate) async fn tenant_list(
    db: &mut impl GlobalReads,
    after: TenantId,
    limit: u32,
) -> Result<Vec<(TenantId, String, Timestamp)>> {
    let sql = "SELECT id, name, created_at FROM identity_tenant WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = db.rows(sql, args![after, i64::from(limit)]).await?;
    rows.iter()
        .map(|row| Ok((row.uuid("id")?, row.text("name")?.to_owned(), row.time("created_at")?)))
        .collect()
}

/// Its name and since when it is, if it is.
pub(crate) async fn tenant_get(
    db: &mut impl GlobalReads,
    tenant: TenantId,
) -> Result<Option<(String, Timestamp)>> {
    let sql = "SELECT name, created_at FROM identity_tenant WHERE id = $1";
    let row = db.row_opt(sql, args![tenant]).await?;
    row.map(|row| Ok((row.text("name")?.to_owned(), row.time("created_at")?))).transpose()
}

/// How many members and open invitations the companies between two ids have: company, kind, count.
pub(crate) async fn tenant_counts(
    db: &mut impl GlobalReads,
    first: TenantId,
    last: TenantId,
) -> Result<Vec<(TenantId, String, i64)>> {
    let sql = "SELECT tenant_id, 'members' AS kind, COUNT(*) AS n FROM identity_member
        WHERE tenant_id >= $1 AND tenant_id <= $2 GROUP BY tenant_id
        UNION ALL SELECT tenant_id, 'invitations' AS kind, COUNT(*) AS n FROM identity_invitation
        WHERE tenant_id >= $1 AND tenant_id <= $2 GROUP BY tenant_id LIMIT 1000";
    let rows = db.rows(sql, args![first, last]).await?;
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, row.text("kind")?.to_owned(), row.int("n")?))).collect()
}

/// Changes of who is in a company, and as what, come one after the other: the row is held until the end.
pub(crate) async fn members_lock(tx: &mut GlobalTx, tenant: TenantId) -> Result<()> {
    let sql = "UPDATE identity_tenant SET member_revision = member_revision + 1 WHERE id = $1";
    tx.run(sql, args![tenant]).await
}

pub(crate) async fn tenant_name(db: &mut impl GlobalReads, tenant: TenantId) -> Result<String> {
    db.row("SELECT name FROM identity_tenant WHERE id = $1", args![tenant])
        .await?
        .text("name")
        .map(str::to_owned)
}

/// Whether anybody at all owns a company: if not, setup is needed.
pub(crate) async fn owner_exists(db: &mut impl GlobalReads) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM identity_member WHERE role = $1 LIMIT 1";
    Ok(db.row_opt(sql, args![Role::Owner]).await?.is_some())
}

/// People only: a service account answers for nothing.
pub(crate) async fn owner_count(db: &mut impl GlobalReads, tenant: TenantId) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM identity_member m WHERE m.tenant_id = $1 AND m.role = $2
        AND NOT EXISTS (SELECT 1 FROM identity_service_account s
            WHERE s.tenant_id = m.tenant_id AND s.user_id = m.user_id)";
    db.row(sql, args![tenant, Role::Owner]).await?.int("n")
}

pub(crate) async fn member_count(db: &mut impl GlobalReads, tenant: TenantId) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM identity_member WHERE tenant_id = $1";
    db.row(sql, args![tenant]).await?.int("n")
}

pub(crate) async fn tenant_count(db: &mut impl GlobalReads, user: UserId) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM identity_member WHERE user_id = $1";
    db.row(sql, args![user]).await?.int("n")
}

pub(crate) async fn member_insert(
    tx: &mut GlobalTx,
    tenant: TenantId,
    user: UserId,
    role: Role,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO identity_member (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)";
    tx.run(sql, args![tenant, user, role, now]).await
}

pub(crate) async fn member_role_set(
    tx: &mut GlobalTx,
    tenant: TenantId,
    user: UserId,
    role: Role,
) -> Result<()> {
    let sql = "UPDATE identity_member SET role = $1 WHERE tenant_id = $2 AND user_id = $3";
    tx.run(sql, args![role, tenant, user]).await
}

/// The member's sessions in the company go with it.
pub(crate) async fn member_delete(tx: &mut GlobalTx, tenant: TenantId, user: UserId) -> Result<()> {
    tx.run("DELETE FROM identity_member WHERE tenant_id = $1 AND user_id = $2", args![tenant, user]).await
}

pub(crate) async fn member_seen(tx: &mut GlobalTx, seen: &[(TenantId, UserId, Timestamp)]) -> Result<()> {
    let sql = "UPDATE identity_member SET seen_at = $1
        WHERE tenant_id = $2 AND user_id = $3 AND (seen_at IS NULL OR seen_at < $1)";
    let rows: Vec<_> = seen.iter().map(|(tenant, user, at)| args![*at, *tenant, *user].to_vec()).collect();
    tx.run_many(sql, &rows).await
}

pub(crate) async fn member_role(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<Role>> {
    let sql = "SELECT role FROM identity_member WHERE tenant_id = $1 AND user_id = $2";
    db.row_opt(sql, args![tenant, user]).await?.as_ref().map(|row| role(row, "role")).transpose()
}

/// A person in the company; service accounts have operations of their own.
pub(crate) async fn member_get(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<Member>> {
    let sql = "SELECT u.id, u.email, u.name, m.role, m.joined_at, m.seen_at FROM identity_member m
        JOIN identity_user u ON u.id = m.user_id WHERE m.tenant_id = $1 AND m.user_id = $2
        AND NOT EXISTS (SELECT 1 FROM identity_service_account s
            WHERE s.tenant_id = m.tenant_id AND s.user_id = m.user_id)";
    db.row_opt(sql, args![tenant, user]).await?.as_ref().map(member).transpose()
}

/// The people, in the order of their addresses, after the given one. `pattern` is a LIKE pattern of their address or name in
/// lower case, `%` for all.
pub(crate) async fn member_list(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    pattern: &str,
    after_email: &str,
    limit: u32,
) -> Result<Vec<Member>> {
    let sql = "SELECT u.id, u.email, u.name, m.role, m.joined_at, m.seen_at FROM identity_member m
        JOIN identity_user u ON u.id = m.user_id
        WHERE m.tenant_id = $1 AND u.email > $2
        AND (u.email LIKE $3 ESCAPE '!' OR COALESCE(u.name_key, lower(u.name)) LIKE $3 ESCAPE '!')
        AND NOT EXISTS (SELECT 1 FROM identity_service_account s
            WHERE s.tenant_id = m.tenant_id AND s.user_id = m.user_id)
        ORDER BY u.email LIMIT $4";
    let rows = db.rows(sql, args![tenant, after_email, pattern, i64::from(limit)]).await?;
    rows.iter().map(member).collect()
}

fn member(row: &Row) -> Result<Member> {
    Ok(Member {
        user: row.uuid("id")?,
        email: row.text("email")?.to_owned(),
        name: row.text("name")?.to_owned(),
        role: role(row, "role")?,
        joined_at: row.time("joined_at")?,
        seen_at: row.time_opt("seen_at")?,
    })
}

/// The companies of a person, by name.
pub(crate) async fn membership_list(db: &mut impl GlobalReads, user: UserId) -> Result<Vec<Membership>> {
    let sql = "SELECT t.id, t.name, m.role, m.seen_at FROM identity_member m
        JOIN identity_tenant t ON t.id = m.tenant_id WHERE m.user_id = $1 ORDER BY t.name, t.id LIMIT $2";
    let rows = db.rows(sql, args![user, TENANTS_PER_USER_MAX]).await?;
    rows.iter()
        .map(|row| {
            Ok(Membership {
                tenant: row.uuid("id")?,
                name: row.text("name")?.to_owned(),
                role: role(row, "role")?,
                seen_at: row.time_opt("seen_at")?,
            })
        })
        .collect()
}
