//! People, their passwords and the setup link. SQL only.
use wh_base::{Result, Timestamp};
use wh_contract::UserId;
use wh_db::{GlobalTx, args};

use super::GlobalReads;
use crate::model::{Email, User};

/// Who signs in, and what to compare the password with.
pub(crate) struct Account {
    pub(crate) user: UserId,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) password_hash: Option<String>,
}

fn account(row: &wh_db::Row) -> Result<Account> {
    Ok(Account {
        user: row.uuid("id")?,
        email: row.text("email")?.to_owned(),
        name: row.text("name")?.to_owned(),
        password_hash: row.text_opt("password_hash")?.map(str::to_owned),
    })
}

pub(crate) async fn account_by_email(db: &mut impl GlobalReads, email: &Email) -> Result<Option<Account>> {
    let sql = "SELECT u.id, u.email, u.name, c.password_hash FROM identity_user u
        LEFT JOIN identity_credential c ON c.user_id = u.id WHERE u.email = $1";
    db.row_opt(sql, args![email.as_str()]).await?.as_ref().map(account).transpose()
}

pub(crate) async fn account_by_id(db: &mut impl GlobalReads, user: UserId) -> Result<Option<Account>> {
    let sql = "SELECT u.id, u.email, u.name, c.password_hash FROM identity_user u
        LEFT JOIN identity_credential c ON c.user_id = u.id WHERE u.id = $1";
    db.row_opt(sql, args![user]).await?.as_ref().map(account).transpose()
}

pub(crate) async fn user_insert(tx: &mut GlobalTx, user: &User) -> Result<()> {
    let sql = "INSERT INTO identity_user (id, email, name, name_key, created_at) VALUES ($1, $2, $3, $4, $5)";
    let (email, name) = (user.email.as_str(), user.name.as_str());
    tx.run(sql, args![user.id, email, name, user.name.key(), user.created_at]).await
}

/// Some whose name is not there in lower case yet: an older build let them in.
pub(crate) async fn user_unfolded(db: &mut impl GlobalReads, most: i64) -> Result<Vec<(UserId, String)>> {
    let sql = "SELECT id, name FROM identity_user WHERE name_key IS NULL ORDER BY id LIMIT $1";
    let rows = db.rows(sql, args![most]).await?;
    rows.iter().map(|row| Ok((row.uuid("id")?, row.text("name")?.to_owned()))).collect()
}

/// Put these names in lower case beside them. Whoever was called something else meanwhile is left for the next time.
pub(crate) async fn user_fold(tx: &mut GlobalTx, names: &[(UserId, String)]) -> Result<()> {
    let sql = "UPDATE identity_user SET name_key = $1 WHERE id = $2 AND name = $3";
    let row = |(user, name): &(UserId, String)| args![name.to_lowercase(), *user, name.as_str()].to_vec();
    let rows: Vec<_> = names.iter().map(row).collect();
    tx.run_many(sql, &rows).await
}

pub(crate) async fn credential_insert(
    tx: &mut GlobalTx,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO identity_credential (user_id, password_hash, changed_at) VALUES ($1, $2, $3)";
    tx.run(sql, args![user, hash, now]).await
}

/// Replace the hash that was compared. `false` when it is another by now: what was decided on it does not hold.
/// Holds the row until the end, so that a sign-in and a change of password cannot pass one another.
pub(crate) async fn credential_replace(
    tx: &mut GlobalTx,
    user: UserId,
    compared: &str,
    hash: &str,
    changed_at: Option<Timestamp>,
) -> Result<bool> {
    let sql = "UPDATE identity_credential SET password_hash = $1, changed_at = COALESCE($2, changed_at)
        WHERE user_id = $3 AND password_hash = $4";
    Ok(tx.run_count(sql, args![hash, changed_at, user, compared]).await? == 1)
}

/// What a person belongs to and acts in changes one at a time: the row is held until the end. Taken before any other row of
/// the person, so that two changes wait for one another instead of locking each other out.
pub(crate) async fn user_lock(tx: &mut GlobalTx, user: UserId) -> Result<()> {
    tx.run("UPDATE identity_user SET name = name WHERE id = $1", args![user]).await
}

/// There is one setup link at most; a new one takes the old one's place. Also the lock of setup: see `setup_spend`.
pub(crate) async fn setup_put(tx: &mut GlobalTx, token_hash: Vec<u8>, expires_at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO identity_setup (id, token_hash, expires_at) VALUES (1, $1, $2)
        ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at";
    tx.run(sql, args![token_hash, expires_at]).await
}

pub(crate) async fn setup_is_open(
    db: &mut impl GlobalReads,
    token_hash: Vec<u8>,
    now: Timestamp,
) -> Result<bool> {
    let sql = "SELECT 1 AS n FROM identity_setup WHERE id = 1 AND token_hash = $1 AND expires_at > $2";
    Ok(db.row_opt(sql, args![token_hash, now]).await?.is_some())
}

/// Use the link up. Holds its row until the end of the transaction, so that two setups cannot both find no owner.
pub(crate) async fn setup_spend(tx: &mut GlobalTx, token_hash: Vec<u8>, now: Timestamp) -> Result<bool> {
    let sql =
        "UPDATE identity_setup SET token_hash = NULL WHERE id = 1 AND token_hash = $1 AND expires_at > $2";
    Ok(tx.run_count(sql, args![token_hash, now]).await? == 1)
}
