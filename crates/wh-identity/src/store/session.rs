//! Sessions, found by the hash of their token. SQL only.
use wh_base::{Result, Timestamp};
use wh_contract::{Role, SessionId, TenantId, UserId};
use wh_db::{GlobalTx, Row, args};

use super::{GlobalReads, role};
use crate::model::{SESSIONS_PER_USER_MAX, Session};

/// A session and what its member is now.
pub(crate) struct Held {
    pub(crate) session: SessionId,
    pub(crate) user: UserId,
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    pub(crate) used_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn session_insert(tx: &mut GlobalTx, session: &Session, token_hash: Vec<u8>) -> Result<()> {
    let sql = "INSERT INTO identity_session
        (id, token_hash, user_id, tenant_id, created_at, used_at, expires_at, address, user_agent)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (begun, used, ends) = (session.created_at, session.used_at, session.expires_at);
    let (address, agent) = (session.address.clone(), session.agent.clone());
    let values =
        args![session.id, token_hash, session.user, session.tenant, begun, used, ends, address, agent];
    tx.run(sql, values).await
}

pub(crate) async fn session_by_token(db: &mut impl GlobalReads, token_hash: Vec<u8>) -> Result<Option<Held>> {
    let sql = "SELECT s.id, s.user_id, s.tenant_id, s.used_at, s.expires_at, m.role FROM identity_session s
        JOIN identity_member m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id WHERE s.token_hash = $1";
    db.row_opt(sql, args![token_hash]).await?.as_ref().map(held).transpose()
}

pub(crate) async fn session_by_id(db: &mut impl GlobalReads, session: SessionId) -> Result<Option<Held>> {
    let sql = "SELECT s.id, s.user_id, s.tenant_id, s.used_at, s.expires_at, m.role FROM identity_session s
        JOIN identity_member m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id WHERE s.id = $1";
    db.row_opt(sql, args![session]).await?.as_ref().map(held).transpose()
}

fn held(row: &Row) -> Result<Held> {
    Ok(Held {
        session: row.uuid("id")?,
        user: row.uuid("user_id")?,
        tenant: row.uuid("tenant_id")?,
        role: role(row, "role")?,
        used_at: row.time("used_at")?,
        expires_at: row.time("expires_at")?,
    })
}

/// The sessions of a person, newest first, the dead ones too.
pub(crate) async fn session_list(db: &mut impl GlobalReads, user: UserId) -> Result<Vec<Session>> {
    let sql = "SELECT id, user_id, tenant_id, created_at, used_at, expires_at, address, user_agent
        FROM identity_session WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2";
    // One more than there may be: a sign-in looks for those beyond the limit.
    db.rows(sql, args![user, SESSIONS_PER_USER_MAX + 1]).await?.iter().map(session).collect()
}

fn session(row: &Row) -> Result<Session> {
    Ok(Session {
        id: row.uuid("id")?,
        user: row.uuid("user_id")?,
        tenant: row.uuid("tenant_id")?,
        created_at: row.time("created_at")?,
        used_at: row.time("used_at")?,
        expires_at: row.time("expires_at")?,
        address: row.text_opt("address")?.map(str::to_owned),
        agent: row.text_opt("user_agent")?.map(str::to_owned),
    })
}

/// `false` when it had ended already, or is somebody else's.
pub(crate) async fn session_delete(tx: &mut GlobalTx, user: UserId, session: SessionId) -> Result<bool> {
    let sql = "DELETE FROM identity_session WHERE id = $1 AND user_id = $2";
    Ok(tx.run_count(sql, args![session, user]).await? == 1)
}

pub(crate) async fn session_used(tx: &mut GlobalTx, uses: &[(SessionId, Timestamp)]) -> Result<()> {
    let sql = "UPDATE identity_session SET used_at = $1 WHERE id = $2 AND used_at < $1";
    let rows: Vec<_> = uses.iter().map(|(session, at)| args![*at, *session].to_vec()).collect();
    tx.run_many(sql, &rows).await
}

/// Some of the sessions that nobody used since then; how many went.
pub(crate) async fn session_sweep(tx: &mut GlobalTx, used_before: Timestamp, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM identity_session WHERE id IN
        (SELECT id FROM identity_session WHERE used_at < $1 ORDER BY used_at LIMIT $2)";
    tx.run_count(sql, args![used_before, limit]).await
}

/// The living sessions of a member in one company, held to the end in the order in which everybody locks them.
pub(crate) async fn session_hold_in(
    tx: &mut GlobalTx,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<Session>> {
    let sql = "SELECT id, user_id, tenant_id, created_at, used_at, expires_at, address, user_agent
        FROM identity_session WHERE tenant_id = $1 AND user_id = $2 ORDER BY id LIMIT $3 FOR UPDATE";
    let rows = tx.rows(sql, args![tenant, user, SESSIONS_PER_USER_MAX + 1]).await?;
    rows.iter().map(session).collect()
}

/// All sessions of a member in one company. Before the member's own row, in the order in which everybody locks them.
pub(crate) async fn session_delete_in(tx: &mut GlobalTx, tenant: TenantId, user: UserId) -> Result<()> {
    tx.run("DELETE FROM identity_session WHERE tenant_id = $1 AND user_id = $2", args![tenant, user]).await
}

/// Whatever a list of sessions with an end may have left.
pub(crate) async fn session_delete_all(tx: &mut GlobalTx, user: UserId) -> Result<()> {
    tx.run("DELETE FROM identity_session WHERE user_id = $1", args![user]).await
}
