//! Keys for programs: one's own, and those of service accounts. Shown once, never above their maker, gone at once.
use serde_json::{Value, json};
use wh_base::{Actor, Error, Network, Result, Secret, Timestamp};
use wh_contract::events::{ApiKeyCreated, ApiKeyRenamed};
use wh_contract::{ApiKeyId, IDENTITY_SELF, TenantId, UserId};
use wh_db::Who;

use super::change::Change;
use super::key_ends::ACCOUNT_KEY_REVOKE;
use super::made_keys::Revoke;
use super::service_accounts::{account_of, account_within};
use super::{Identity, role_now};
use crate::codes;
use crate::model::{
    self, API_KEYS_PER_PERSON_MAX, API_KEYS_PER_SERVICE_ACCOUNT_MAX, ApiKey, Label, MadeKeys, Maker,
    Revocation, Scopes,
};
use crate::store::{self, GlobalReads};

/// What somebody asks for who makes a key.
pub struct NewKey {
    /// Its name.
    pub name: String,
    /// Names of permissions.
    pub scopes: Vec<String>,
    /// From where it may be used; from everywhere when there are none.
    pub networks: Vec<String>,
    /// How many days it lives.
    pub valid_days: Option<u32>,
}

/// A new key with its text, which nobody sees again.
pub struct IssuedKey {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub text: Secret<String>,
}

/// A key that could be made, if its maker may.
struct Draft {
    name: Label,
    scopes: Scopes,
    networks: Vec<Network>,
    now: Timestamp,
    expires_at: Timestamp,
}

impl Draft {
    fn parse(identity: &Identity, actor: &Actor, new: &NewKey) -> Result<Self> {
        let now = identity.now();
        Ok(Self {
            name: Label::parse(&new.name, &codes::API_KEY_NAME)?,
            scopes: Scopes::parse(&new.scopes)?,
            networks: model::networks(&new.networks, actor.key())?,
            now,
            expires_at: model::expires_at(
                new.valid_days,
                identity.0.config.api_key_days_max,
                now,
                actor.key(),
            )?,
        })
    }

    /// Write the key and say so.
    async fn issue(
        self,
        identity: &Identity,
        change: &mut Change,
        actor: &Actor,
        owner: UserId,
        action: &'static str,
    ) -> Result<IssuedKey> {
        let (vouched_by, made_by) = match actor.key() {
            None => (actor.user, None),
            Some(grant) => {
                let found = store::api_key_maker(&mut change.tx, grant.key).await?;
                let revoked = || wh_server::codes::UNAUTHENTICATED.error("the key was revoked just now");
                let (person, public_id) = found.ok_or_else(revoked)?;
                (person, Some(Maker { key: grant.key, public_id }))
            }
        };
        let (public_id, secret, text) = model::issue(&*identity.0.cx.random)?;
        let key = ApiKey {
            id: identity.0.cx.next_id(),
            public_id,
            tenant: actor.tenant,
            user: owner,
            name: self.name.as_str().to_owned(),
            scopes: self.scopes.names(),
            networks: self.networks,
            created_by: actor.user,
            vouched_by,
            made_by,
            created_at: self.now,
            expires_at: self.expires_at,
            used_at: None,
            used_address: None,
        };
        store::api_key_insert(&mut change.tx, &key, secret).await.map_err(|error| {
            if error.is(&wh_db::codes::FOREIGN_KEY) {
                return wh_server::codes::UNAUTHENTICATED.caused("removed from the company just now", error);
            }
            error
        })?;
        if let Some(maker) = &key.made_by {
            store::made_key_insert(&mut change.tx, &key, maker).await?;
        }
        change.emit(key.tenant, ApiKeyCreated { key: key.id, user: owner }).await?;
        change.audit(key.tenant, action, subject(key.id), [Value::Null, told(&key)]).await?;
        Ok(IssuedKey { key, text })
    }
}

/// One's own keys in this company, newest first, `limit` and one more.
pub async fn api_key_list(
    identity: &Identity,
    actor: &Actor,
    before: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<ApiKey>> {
    let mut db = identity.0.db.read().await?;
    list(identity, &mut db, (actor.tenant, actor.user), before, limit).await
}

/// Make a key for oneself. For people in a browser only: a key of one's own makes no further ones.
pub async fn api_key_create(identity: &Identity, actor: &Actor, new: &NewKey) -> Result<IssuedKey> {
    let draft = Draft::parse(identity, actor, new)?;
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    store::user_lock(&mut change.tx, actor.user).await?;
    let own = role_now(&mut change.tx, actor, &IDENTITY_SELF).await?;
    let operator = identity.operator(&mut change.tx).await?;
    draft.scopes.within(actor, (own, own), operator)?;
    let living = store::api_key_count(&mut change.tx, actor.tenant, actor.user, draft.now).await?;
    if living >= API_KEYS_PER_PERSON_MAX {
        return Err(codes::API_KEY_LIMIT.error(format!("at most {API_KEYS_PER_PERSON_MAX} living keys")));
    }
    let issued = draft.issue(identity, &mut change, actor, actor.user, "api_key_create").await?;
    change.commit().await?;
    Ok(issued)
}

/// Call one of one's own keys something else.
pub async fn api_key_update(identity: &Identity, actor: &Actor, id: ApiKeyId, name: &str) -> Result<ApiKey> {
    let name = Label::parse(name, &codes::API_KEY_NAME)?;
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let key = held(&mut change, actor.tenant, actor.user, id).await?;
    let key = rename(identity, &mut change, key, &name, "api_key_update").await?;
    change.commit().await?;
    Ok(key)
}

/// End one of one's own keys, and what it made where that is asked for; a key may end itself.
pub async fn api_key_revoke(
    identity: &Identity,
    actor: &Actor,
    id: ApiKeyId,
    made: MadeKeys,
) -> Result<Revocation> {
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    // A key that is about to make another has made it before this looks, or finds itself gone.
    store::members_lock(&mut change.tx, actor.tenant).await?;
    let revoke = Revoke { owner: actor.user, key: id, made, action: "api_key_revoke" };
    let revocation = revoke.run(identity, &mut change, actor).await?;
    change.commit().await?;
    Ok(revocation)
}

/// The keys of a service account, newest first, `limit` and one more.
pub async fn service_account_key_list(
    identity: &Identity,
    actor: &Actor,
    account: UserId,
    before: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<ApiKey>> {
    let mut db = identity.0.db.read().await?;
    account_of(&mut db, actor, account, identity.now()).await?;
    list(identity, &mut db, (actor.tenant, account), before, limit).await
}

/// Make a key for a service account: within what both its maker and the account hold, and never a third.
pub async fn service_account_key_create(
    identity: &Identity,
    actor: &Actor,
    account: UserId,
    new: &NewKey,
) -> Result<IssuedKey> {
    let draft = Draft::parse(identity, actor, new)?;
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let (account, own) = account_within(&mut change, actor, account, draft.now).await?;
    let operator = identity.operator(&mut change.tx).await?;
    draft.scopes.within(actor, (own, account.role), operator)?;
    if account.keys >= API_KEYS_PER_SERVICE_ACCOUNT_MAX {
        let message = format!("at most {API_KEYS_PER_SERVICE_ACCOUNT_MAX} living keys");
        return Err(codes::SERVICE_ACCOUNT_KEYS.error(message));
    }
    let action = "service_account_key_create";
    let issued = draft.issue(identity, &mut change, actor, account.user, action).await?;
    change.commit().await?;
    Ok(issued)
}

/// Call a key of a service account something else.
pub async fn service_account_key_update(
    identity: &Identity,
    actor: &Actor,
    account: UserId,
    id: ApiKeyId,
    name: &str,
) -> Result<ApiKey> {
    let name = Label::parse(name, &codes::API_KEY_NAME)?;
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let (account, _) = account_within(&mut change, actor, account, identity.now()).await?;
    let key = held(&mut change, actor.tenant, account.user, id).await?;
    let key = rename(identity, &mut change, key, &name, "service_account_key_update").await?;
    change.commit().await?;
    Ok(key)
}

/// End a key of a service account, and what it made where that is asked for.
pub async fn service_account_key_revoke(
    identity: &Identity,
    actor: &Actor,
    account: UserId,
    id: ApiKeyId,
    made: MadeKeys,
) -> Result<Revocation> {
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let (account, _) = account_within(&mut change, actor, account, identity.now()).await?;
    let revoke = Revoke { owner: account.user, key: id, made, action: ACCOUNT_KEY_REVOKE };
    let revocation = revoke.run(identity, &mut change, actor).await?;
    change.commit().await?;
    Ok(revocation)
}

async fn list(
    identity: &Identity,
    db: &mut impl GlobalReads,
    (tenant, user): (TenantId, UserId),
    before: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<ApiKey>> {
    let before = before.unwrap_or_else(first_page);
    let mut keys = store::api_key_list(db, tenant, user, before, limit.saturating_add(1)).await?;
    for key in &mut keys {
        as_used_here(identity, key);
    }
    Ok(keys)
}

/// Above every id there is.
pub(super) fn first_page() -> ApiKeyId {
    ApiKeyId(uuid::Uuid::max())
}

/// This node may know of a later use than the database.
pub(super) fn as_used_here(identity: &Identity, key: &mut ApiKey) {
    if let Some(waiting) = identity.0.keys.last_use(key.id, key.used_at) {
        key.used_at = Some(waiting.at);
        key.used_address = waiting.address.map(|address| address.to_string());
    }
}

async fn held(change: &mut Change, tenant: TenantId, owner: UserId, id: ApiKeyId) -> Result<ApiKey> {
    store::api_key_get(&mut change.tx, tenant, owner, id).await?.ok_or_else(no_such_key)
}

pub(super) fn no_such_key() -> Error {
    codes::API_KEY_NOT_FOUND.error("no such API key")
}

async fn rename(
    identity: &Identity,
    change: &mut Change,
    mut key: ApiKey,
    name: &Label,
    action: &'static str,
) -> Result<ApiKey> {
    as_used_here(identity, &mut key);
    if key.name != name.as_str() {
        store::api_key_rename(&mut change.tx, &key, name.as_str()).await?;
        change.emit(key.tenant, ApiKeyRenamed { key: key.id, user: key.user }).await?;
        let states = [json!({"name": key.name}), json!({"name": name.as_str()})];
        change.audit(key.tenant, action, subject(key.id), states).await?;
        name.as_str().clone_into(&mut key.name);
    }
    Ok(key)
}

pub(super) fn subject(key: ApiKeyId) -> String {
    format!("identity.api_key/{key}")
}

/// For the trail: all but the secret, of which nobody knows anything.
pub(super) fn told(key: &ApiKey) -> Value {
    let networks: Vec<String> = key.networks.iter().map(Network::to_string).collect();
    json!({
        "name": key.name,
        "key": key.public_id.to_string(),
        "owner": key.user,
        "made_by": key.made_by.as_ref().map(|maker| maker.key),
        "scopes": key.scopes,
        "networks": networks,
        "expires_at": key.expires_at,
    })
}
