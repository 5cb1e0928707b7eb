//! Sign-ins that a browser allowed and a command line has not used yet, found by the hash of their code. SQL only.
use uuid::Uuid;
use wh_base::{Result, Timestamp};
use wh_contract::SessionId;
use wh_db::{GlobalTx, args};

use super::GlobalReads;
use crate::model::CliLogin;

pub(crate) async fn cli_login_insert(tx: &mut GlobalTx, login: &CliLogin, code_hash: Vec<u8>) -> Result<()> {
    let sql = "INSERT INTO identity_cli_login (id, code_hash, challenge, session_id, user_id, tenant_id, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let challenge = login.challenge.bytes();
    let values =
        args![login.id, code_hash, challenge, login.session, login.user, login.tenant, login.expires_at];
    tx.run(sql, values).await
}

pub(crate) async fn cli_login_by_code(
    db: &mut impl GlobalReads,
    code_hash: Vec<u8>,
) -> Result<Option<CliLogin>> {
    let sql = "SELECT id, challenge, session_id, user_id, tenant_id, expires_at FROM identity_cli_login
        WHERE code_hash = $1";
    let Some(row) = db.row_opt(sql, args![code_hash]).await? else { return Ok(None) };
    Ok(Some(CliLogin {
        id: row.uuid("id")?,
        challenge: row.bytes("challenge")?.to_vec().into(),
        session: row.uuid("session_id")?,
        user: row.uuid("user_id")?,
        tenant: row.uuid("tenant_id")?,
        expires_at: row.time("expires_at")?,
    }))
}

/// `false` when somebody else was quicker.
pub(crate) async fn cli_login_delete(tx: &mut GlobalTx, id: Uuid) -> Result<bool> {
    Ok(tx.run_count("DELETE FROM identity_cli_login WHERE id = $1", args![id]).await? == 1)
}

/// What a session has allowed before: one is open at a time.
pub(crate) async fn cli_login_withdraw(tx: &mut GlobalTx, session: SessionId) -> Result<()> {
    tx.run("DELETE FROM identity_cli_login WHERE session_id = $1", args![session]).await
}

/// Those that nobody can use any more.
pub(crate) async fn cli_login_sweep(tx: &mut GlobalTx, now: Timestamp) -> Result<u64> {
    tx.run_count("DELETE FROM identity_cli_login WHERE expires_at <= $1", args![now]).await
}
