//! API keys, found by their public part. SQL only.
use std::collections::BTreeSet;

use wh_base::{KeyGrant, Network, Result, Timestamp};
use wh_contract::{ApiKeyId, Role, TenantId, UserId};
use wh_db::{GlobalTx, Row, args};

use super::{GlobalReads, role, role_opt};
use crate::model::{ApiKey, Maker, PublicId, SecretHash};

/// A key, what it is compared with, and what its owner is now.
pub(crate) struct HeldKey {
    pub(crate) grant: KeyGrant,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) role: Role,
    /// A person is never switched off, only removed.
    pub(crate) enabled: bool,
    pub(crate) used_at: Option<Timestamp>,
}

pub(crate) async fn api_key_insert(tx: &mut GlobalTx, key: &ApiKey, secret: SecretHash) -> Result<()> {
    let sql = "INSERT INTO identity_api_key
        (id, public_id, secret_hash, tenant_id, user_id, name, scopes, networks, created_by, created_at, expires_at,
        vouched_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let (public_id, name) = (key.public_id.as_str(), key.name.as_str());
    let (scopes, networks) = (key.scopes.join(" "), written(&key.networks));
    let (by, from, until) = (key.created_by, key.created_at, key.expires_at);
    let values = args![
        key.id,
        public_id,
        secret.bytes(),
        key.tenant,
        key.user,
        name,
        scopes,
        networks,
        by,
        from,
        until,
        key.vouched_by
    ];
    tx.run(sql, values).await
}

pub(crate) async fn api_key_held(db: &mut impl GlobalReads, public_id: &PublicId) -> Result<Option<HeldKey>> {
    let sql =
        "SELECT k.id, k.secret_hash, k.tenant_id, k.user_id, k.scopes, k.networks, k.expires_at, k.used_at,
        m.role, s.enabled FROM identity_api_key k
        JOIN identity_member m ON m.tenant_id = k.tenant_id AND m.user_id = k.user_id
        LEFT JOIN identity_service_account s ON s.tenant_id = k.tenant_id AND s.user_id = k.user_id
        WHERE k.public_id = $1";
    db.row_opt(sql, args![public_id.as_str()]).await?.as_ref().map(held).transpose()
}

pub(crate) async fn api_key_held_by_id(db: &mut impl GlobalReads, key: ApiKeyId) -> Result<Option<HeldKey>> {
    let sql =
        "SELECT k.id, k.secret_hash, k.tenant_id, k.user_id, k.scopes, k.networks, k.expires_at, k.used_at,
        m.role, s.enabled FROM identity_api_key k
        JOIN identity_member m ON m.tenant_id = k.tenant_id AND m.user_id = k.user_id
        LEFT JOIN identity_service_account s ON s.tenant_id = k.tenant_id AND s.user_id = k.user_id
        WHERE k.id = $1";
    db.row_opt(sql, args![key]).await?.as_ref().map(held).transpose()
}

fn held(row: &Row) -> Result<HeldKey> {
    let grant = KeyGrant {
        key: row.uuid("id")?,
        scopes: words(row.text("scopes")?),
        networks: read(row.text("networks")?)?,
        expires_at: row.time("expires_at")?,
    };
    Ok(HeldKey {
        grant,
        secret_hash: row.bytes("secret_hash")?.to_vec(),
        tenant: row.uuid("tenant_id")?,
        user: row.uuid("user_id")?,
        role: role(row, "role")?,
        enabled: row.bool_opt("enabled")?.unwrap_or(true),
        used_at: row.time_opt("used_at")?,
    })
}

/// The keys of a member in one company, newest first, before the given one; the expired ones too.
pub(crate) async fn api_key_list(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    user: UserId,
    before: ApiKeyId,
    limit: u32,
) -> Result<Vec<ApiKey>> {
    let sql = "SELECT k.id, k.public_id, k.tenant_id, k.user_id, k.name, k.scopes, k.networks, k.created_by,
        k.created_at, k.expires_at, k.used_at, k.used_address, COALESCE(k.vouched_by, k.created_by) AS vouched_by,
        d.made_by, d.made_by_public_id FROM identity_api_key k
        LEFT JOIN identity_api_key_made d ON d.tenant_id = k.tenant_id AND d.id = k.id
        WHERE k.tenant_id = $1 AND k.user_id = $2 AND k.id < $3 ORDER BY k.id DESC LIMIT $4";
    db.rows(sql, args![tenant, user, before, i64::from(limit)]).await?.iter().map(api_key).collect()
}

pub(crate) async fn api_key_get(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    user: UserId,
    key: ApiKeyId,
) -> Result<Option<ApiKey>> {
    let sql = "SELECT k.id, k.public_id, k.tenant_id, k.user_id, k.name, k.scopes, k.networks, k.created_by,
        k.created_at, k.expires_at, k.used_at, k.used_address, COALESCE(k.vouched_by, k.created_by) AS vouched_by,
        d.made_by, d.made_by_public_id FROM identity_api_key k
        LEFT JOIN identity_api_key_made d ON d.tenant_id = k.tenant_id AND d.id = k.id
        WHERE k.tenant_id = $1 AND k.user_id = $2 AND k.id = $3";
    db.row_opt(sql, args![tenant, user, key]).await?.as_ref().map(api_key).transpose()
}

/// The person at whose word a key lives, and its public part, if it still lives.
pub(crate) async fn api_key_maker(
    db: &mut impl GlobalReads,
    key: ApiKeyId,
) -> Result<Option<(UserId, PublicId)>> {
    let sql = "SELECT public_id, COALESCE(vouched_by, created_by) AS vouched_by FROM identity_api_key WHERE id = $1";
    let found = db.row_opt(sql, args![key]).await?;
    found.map(|row| Ok((row.uuid("vouched_by")?, PublicId::stored(row.text("public_id")?)))).transpose()
}

/// What somebody's removal may end, each with its owner's role: their own keys, and the living ones that they made, that their keys
/// led to through others, or that live at their word. In the order of their ids, held to the end. A key ends no later than the one
/// that made it, so what leads to a living one is found among what lives. The CROSS makes SQLite begin with those few, and not
/// walk all keys of the company.
pub(crate) async fn api_key_hold_led(
    tx: &mut GlobalTx,
    (tenant, by): (TenantId, UserId),
    now: Timestamp,
    after: ApiKeyId,
    limit: u32,
) -> Result<Vec<(ApiKey, Role)>> {
    let sql = "WITH RECURSIVE made (id) AS (
            SELECT f.id FROM identity_api_key_made f
            WHERE f.tenant_id = $1 AND f.maker_user_id = $2 AND f.expires_at > $3
            UNION
            SELECT n.id FROM identity_api_key_made n JOIN made o ON n.made_by = o.id
            WHERE n.tenant_id = $1 AND n.expires_at > $3),
        led (id) AS (
            SELECT e.id FROM made e
            UNION SELECT w.id FROM identity_api_key w WHERE w.tenant_id = $1 AND w.user_id = $2
            UNION SELECT c.id FROM identity_api_key c
            WHERE c.tenant_id = $1 AND c.created_by = $2 AND c.expires_at > $3
            UNION SELECT v.id FROM identity_api_key v
            WHERE v.tenant_id = $1 AND v.vouched_by = $2 AND v.expires_at > $3)
        SELECT k.id, k.public_id, k.tenant_id, k.user_id, k.name, k.scopes, k.networks, k.created_by,
        k.created_at, k.expires_at, k.used_at, k.used_address, COALESCE(k.vouched_by, k.created_by) AS vouched_by,
        (SELECT d.made_by FROM identity_api_key_made d WHERE d.tenant_id = k.tenant_id AND d.id = k.id) AS made_by,
        (SELECT p.made_by_public_id FROM identity_api_key_made p
            WHERE p.tenant_id = k.tenant_id AND p.id = k.id) AS made_by_public_id,
        (SELECT m.role FROM identity_member m WHERE m.tenant_id = k.tenant_id AND m.user_id = k.user_id) AS role
        FROM led l CROSS JOIN identity_api_key k WHERE k.id = l.id AND k.tenant_id = $1 AND k.id > $4
        ORDER BY k.id LIMIT $5 FOR UPDATE";
    let rows = tx.rows(sql, args![tenant, by, now, after, i64::from(limit)]).await?;
    rows.iter().map(|row| Ok((api_key(row)?, role(row, "role")?))).collect()
}

/// What those are now, in the company of a key, on whom it depends; nothing where they are no members any more.
pub(crate) struct Makers {
    pub(crate) created_by: Option<Role>,
    pub(crate) vouched_by: Option<Role>,
}

/// The keys of a member in the order of their ids, after the given one, with what their makers are now. Held to the end.
pub(crate) async fn api_key_hold_with_makers(
    tx: &mut GlobalTx,
    (tenant, user): (TenantId, UserId),
    after: ApiKeyId,
    limit: u32,
) -> Result<Vec<(ApiKey, Makers)>> {
    let sql = "SELECT k.id, k.public_id, k.tenant_id, k.user_id, k.name, k.scopes, k.networks, k.created_by,
        k.created_at, k.expires_at, k.used_at, k.used_address, COALESCE(k.vouched_by, k.created_by) AS vouched_by,
        (SELECT d.made_by FROM identity_api_key_made d WHERE d.tenant_id = k.tenant_id AND d.id = k.id) AS made_by,
        (SELECT p.made_by_public_id FROM identity_api_key_made p
            WHERE p.tenant_id = k.tenant_id AND p.id = k.id) AS made_by_public_id,
        (SELECT c.role FROM identity_member c
            WHERE c.tenant_id = k.tenant_id AND c.user_id = k.created_by) AS creator_role,
        (SELECT v.role FROM identity_member v
            WHERE v.tenant_id = k.tenant_id AND v.user_id = COALESCE(k.vouched_by, k.created_by)) AS voucher_role
        FROM identity_api_key k WHERE k.tenant_id = $1 AND k.user_id = $2 AND k.id > $3
        ORDER BY k.id LIMIT $4 FOR UPDATE";
    let rows = tx.rows(sql, args![tenant, user, after, i64::from(limit)]).await?;
    let makers = |row: &Row| -> Result<Makers> {
        Ok(Makers { created_by: role_opt(row, "creator_role")?, vouched_by: role_opt(row, "voucher_role")? })
    };
    rows.iter().map(|row| Ok((api_key(row)?, makers(row)?))).collect()
}

/// How many keys of a member live.
pub(crate) async fn api_key_count(
    db: &mut impl GlobalReads,
    tenant: TenantId,
    user: UserId,
    now: Timestamp,
) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM identity_api_key WHERE tenant_id = $1 AND user_id = $2 AND expires_at > $3";
    db.row(sql, args![tenant, user, now]).await?.int("n")
}

pub(crate) async fn api_key_rename(tx: &mut GlobalTx, key: &ApiKey, name: &str) -> Result<()> {
    let sql = "UPDATE identity_api_key SET name = $1 WHERE tenant_id = $2 AND user_id = $3 AND id = $4";
    tx.run(sql, args![name, key.tenant, key.user, key.id]).await
}

/// `false` when somebody else was first.
pub(crate) async fn api_key_delete(tx: &mut GlobalTx, key: &ApiKey) -> Result<bool> {
    let sql = "DELETE FROM identity_api_key WHERE tenant_id = $1 AND user_id = $2 AND id = $3";
    Ok(tx.run_count(sql, args![key.tenant, key.user, key.id]).await? == 1)
}

/// Keys that are held, in the order of their ids.
pub(crate) async fn api_key_delete_held(
    tx: &mut GlobalTx,
    tenant: TenantId,
    keys: &BTreeSet<ApiKeyId>,
) -> Result<()> {
    let rows: Vec<_> = keys.iter().map(|key| args![tenant, *key].to_vec()).collect();
    tx.run_many("DELETE FROM identity_api_key WHERE tenant_id = $1 AND id = $2", &rows).await
}

/// A use of a key that was not written yet.
pub(crate) struct KeyUsed {
    pub(crate) key: ApiKeyId,
    pub(crate) at: Timestamp,
    pub(crate) address: Option<String>,
}

pub(crate) async fn api_key_used(tx: &mut GlobalTx, uses: &[KeyUsed]) -> Result<()> {
    let sql = "UPDATE identity_api_key SET used_at = $1, used_address = $2
        WHERE id = $3 AND (used_at IS NULL OR used_at < $1)";
    let rows: Vec<_> =
        uses.iter().map(|used| args![used.at, used.address.clone(), used.key].to_vec()).collect();
    tx.run_many(sql, &rows).await
}

/// Some of the keys that ended before then; how many went.
pub(crate) async fn api_key_sweep(tx: &mut GlobalTx, ended_before: Timestamp, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM identity_api_key WHERE id IN
        (SELECT id FROM identity_api_key WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
    tx.run_count(sql, args![ended_before, limit]).await
}

pub(super) fn api_key(row: &Row) -> Result<ApiKey> {
    let maker = row.uuid_opt::<ApiKeyId>("made_by")?.zip(row.text_opt("made_by_public_id")?);
    Ok(ApiKey {
        id: row.uuid("id")?,
        public_id: PublicId::stored(row.text("public_id")?),
        tenant: row.uuid("tenant_id")?,
        user: row.uuid("user_id")?,
        name: row.text("name")?.to_owned(),
        scopes: words(row.text("scopes")?),
        networks: read(row.text("networks")?)?,
        created_by: row.uuid("created_by")?,
        vouched_by: row.uuid("vouched_by")?,
        made_by: maker.map(|(key, public_id)| Maker { key, public_id: PublicId::stored(public_id) }),
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.time_opt("used_at")?,
        used_address: row.text_opt("used_address")?.map(str::to_owned),
    })
}

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

fn written(networks: &[Network]) -> String {
    networks.iter().map(Network::to_string).collect::<Vec<_>>().join(" ")
}

fn read(text: &str) -> Result<Vec<Network>> {
    text.split_ascii_whitespace().map(str::parse).collect()
}
