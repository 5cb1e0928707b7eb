//! Open invitations; what was accepted or revoked is gone, the trail remembers it. SQL only.
use wh_base::{Result, Timestamp};
use wh_contract::{InvitationId, TenantId, UserId};
use wh_db::{GlobalTx, Row, args};

use super::{GlobalReads, role};
use crate::model::{Email, Invitation};

pub(crate) async fn invitation_insert(
    tx: &mut GlobalTx,
    invitation: &Invitation,
    token_hash: Vec<u8>,
) -> Result<()> {
    let sql = "INSERT INTO identity_invitation
        (id, tenant_id, token_hash, email, role, invited_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let (email, role) = (invitation.email.as_str(), invitation.role);
    let (by, from, until) = (invitation.invited_by, invitation.created_at, invitation.expires_at);
    tx.run(sql, args![invitation.id, invitation.tenant, token_hash, email, role, by, from, until]).await
}

pub(crate) async fn invitation_count(db: &mut impl GlobalReads, tenant: TenantId) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM identity_invitation WHERE tenant_id = $1";
    db.row(sql, args![tenant]).await?.int("n")
}

pub(crate) async fn invitation_by_token(
    db: &mut impl GlobalReads,
    token_hash: Vec<u8>,
    now: Timestamp,
) -> Result<Option<Invitation>> {
    let sql = "SELECT id, tenant_id, email, role, invited_by, created_at, expires_at FROM identity_invitation
        WHERE token_hash = $1 AND expires_at > $2";
    db.row_opt(sql, args![token_hash, now]).await?.as_ref().map(invitation).transpose()
}

pub(crate) async fn invitation_get(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    id: InvitationId,
) -> Result<Option<Invitation>> {
    let sql = "SELECT id, tenant_id, email, role, invited_by, created_at, expires_at FROM identity_invitation
        WHERE tenant_id = $1 AND id = $2";
    db.row_opt(sql, args![tenant, id]).await?.as_ref().map(invitation).transpose()
}

pub(crate) async fn invitation_exists(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    email: &Email,
) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM identity_invitation WHERE tenant_id = $1 AND email = $2";
    Ok(db.row_opt(sql, args![tenant, email.as_str()]).await?.is_some())
}

/// Some of those that nobody can use any more; how many there were. In the order of their ids, in which others lock them.
pub(crate) async fn invitation_sweep(tx: &mut GlobalTx, now: Timestamp, limit: i64) -> Result<usize> {
    let sql = "SELECT id FROM identity_invitation WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2";
    let rows = tx.rows(sql, args![now, limit]).await?;
    let mut ids = rows.iter().map(|row| row.uuid("id")).collect::<Result<Vec<InvitationId>>>()?;
    ids.sort_unstable();
    let rows: Vec<_> = ids.iter().map(|id| args![*id].to_vec()).collect();
    tx.run_many("DELETE FROM identity_invitation WHERE id = $1", &rows).await?;
    Ok(ids.len())
}

/// The living ones, in the order of the addresses, after the given one.
pub(crate) async fn invitation_list(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    now: Timestamp,
    after_email: &str,
    limit: u32,
) -> Result<Vec<Invitation>> {
    let sql = "SELECT id, tenant_id, email, role, invited_by, created_at, expires_at FROM identity_invitation
        WHERE tenant_id = $1 AND expires_at > $2 AND email > $3 ORDER BY email LIMIT $4";
    let rows = db.rows(sql, args![tenant, now, after_email, i64::from(limit)]).await?;
    rows.iter().map(invitation).collect()
}

/// Whoever deletes it is the one who used it: `false` means that somebody else was first.
pub(crate) async fn invitation_delete(tx: &mut GlobalTx, tenant: TenantId, id: InvitationId) -> Result<bool> {
    let sql = "DELETE FROM identity_invitation WHERE tenant_id = $1 AND id = $2";
    Ok(tx.run_count(sql, args![tenant, id]).await? == 1)
}

/// An expired invitation of that address makes room for a new one.
pub(crate) async fn invitation_delete_expired(
    tx: &mut GlobalTx,
    tenant: TenantId,
    email: &Email,
    now: Timestamp,
) -> Result<()> {
    let sql = "DELETE FROM identity_invitation WHERE tenant_id = $1 AND email = $2 AND expires_at <= $3";
    tx.run(sql, args![tenant, email.as_str(), now]).await
}

/// The open invitations that somebody sent: they fall with whoever sent them. Held to the end.
pub(crate) async fn invitation_hold_by(
    tx: &mut GlobalTx,
    tenant: TenantId,
    by: UserId,
) -> Result<Vec<Invitation>> {
    let sql = "SELECT id, tenant_id, email, role, invited_by, created_at, expires_at FROM identity_invitation
        WHERE tenant_id = $1 AND invited_by = $2 ORDER BY id LIMIT $3 FOR UPDATE";
    let rows = tx.rows(sql, args![tenant, by, crate::model::INVITATIONS_PER_TENANT_MAX]).await?;
    rows.iter().map(invitation).collect()
}

/// Some that are held.
pub(crate) async fn invitation_delete_held(
    tx: &mut GlobalTx,
    tenant: TenantId,
    ids: &[InvitationId],
) -> Result<()> {
    let rows: Vec<_> = ids.iter().map(|id| args![tenant, *id].to_vec()).collect();
    tx.run_many("DELETE FROM identity_invitation WHERE tenant_id = $1 AND id = $2", &rows).await
}

fn invitation(row: &Row) -> Result<Invitation> {
    Ok(Invitation {
        id: row.uuid("id")?,
        tenant: row.uuid("tenant_id")?,
        email: Email::parse(row.text("email")?)?,
        role: role(row, "role")?,
        invited_by: row.uuid("invited_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
