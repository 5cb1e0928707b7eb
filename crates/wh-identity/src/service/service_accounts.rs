//! Members that are no people: they act by keys only, and never above whoever made them.
use serde_json::{Value, json};
use wh_base::{Actor, Result, Timestamp};
use wh_contract::events::{
    MemberRemoved, MemberRoleChanged, ServiceAccountCreated, ServiceAccountDeleted, ServiceAccountUpdated,
};
use wh_contract::{IDENTITY_WRITE, Role, UserId};
use wh_db::Who;

use super::cache::Stale;
use super::change::Change;
use super::companies::MembersMax;
use super::{Identity, key_ends, members, role_now};
use crate::codes;
use crate::model::{self, Label, SERVICE_ACCOUNTS_PER_TENANT_MAX, ServiceAccount};
use crate::store::{self, GlobalReads};

/// What is to be different about a service account; what is not named stays.
pub struct AccountChange {
    /// Its name.
    pub name: Option<String>,
    /// What it is.
    pub role: Option<Role>,
    /// Whether its keys open anything.
    pub enabled: Option<bool>,
}

/// The service accounts in the order of their names, `limit` and one more.
pub async fn service_account_list(
    identity: &Identity,
    actor: &Actor,
    after_name: &str,
    limit: u32,
) -> Result<Vec<ServiceAccount>> {
    let (now, limit) = (identity.now(), limit.saturating_add(1));
    store::service_account_list(&mut identity.0.db.read().await?, actor.tenant, now, after_name, limit).await
}

/// Make a service account. It can do nothing before it has a key.
pub async fn service_account_create(
    identity: &Identity,
    actor: &Actor,
    name: &str,
    role: Role,
) -> Result<ServiceAccount> {
    let name = Label::parse(name, &codes::SERVICE_ACCOUNT_NAME)?;
    let account = ServiceAccount {
        user: identity.0.cx.next_id(),
        name: name.as_str().to_owned(),
        role,
        enabled: true,
        created_by: actor.user,
        created_at: identity.now(),
        keys: 0,
        used_at: None,
    };

    let most = MembersMax::of(identity, actor.tenant).await?;
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    store::members_lock(&mut change.tx, actor.tenant).await?;
    let own = role_now(&mut change.tx, actor, &IDENTITY_WRITE).await?;
    model::role_within(own, role)?;
    name_is_free(&mut change, actor, &name).await?;
    has_room(&mut change, actor, most).await?;
    store::service_account_user_insert(&mut change.tx, &account).await?;
    store::member_insert(&mut change.tx, actor.tenant, account.user, role, account.created_at).await?;
    store::service_account_insert(&mut change.tx, actor.tenant, &account).await?;
    change.emit(actor.tenant, ServiceAccountCreated { account: account.user, role }).await?;
    let states = [Value::Null, told(&account)];
    change.audit(actor.tenant, "service_account_create", subject(account.user), states).await?;
    change.commit().await?;
    Ok(account)
}

async fn name_is_free(change: &mut Change, actor: &Actor, name: &Label) -> Result<()> {
    if store::service_account_name_taken(&mut change.tx, actor.tenant, name.as_str()).await? {
        return Err(codes::SERVICE_ACCOUNT_EXISTS.error("the name is taken").at("/name", "is taken"));
    }
    Ok(())
}

/// Call with the company's members held still.
async fn has_room(change: &mut Change, actor: &Actor, most: MembersMax) -> Result<()> {
    if store::service_account_count(&mut change.tx, actor.tenant).await? >= SERVICE_ACCOUNTS_PER_TENANT_MAX {
        let message = format!("at most {SERVICE_ACCOUNTS_PER_TENANT_MAX} service accounts");
        return Err(codes::SERVICE_ACCOUNT_LIMIT.error(message));
    }
    most.has_room(store::member_count(&mut change.tx, actor.tenant).await?)
}

/// Rename it, make it something else, switch it off or on. Switched off, its keys and open connections end at once. What it made
/// above a lower role falls, and of its own keys those whose makers are below a higher one.
pub async fn service_account_update(
    identity: &Identity,
    actor: &Actor,
    account: UserId,
    wanted: &AccountChange,
) -> Result<ServiceAccount> {
    let name = wanted.name.as_deref();
    let name = name.map(|name| Label::parse(name, &codes::SERVICE_ACCOUNT_NAME)).transpose()?;
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let now = identity.now();
    let (before, own) = account_within(&mut change, actor, account, now).await?;
    let mut after = ServiceAccount {
        name: name.as_ref().map_or_else(|| before.name.clone(), |name| name.as_str().to_owned()),
        role: wanted.role.unwrap_or(before.role),
        enabled: wanted.enabled.unwrap_or(before.enabled),
        ..before.clone()
    };
    model::role_within(own, after.role)?;
    if told(&before) == told(&after) {
        return Ok(before);
    }
    if let Some(name) = name.filter(|name| name.as_str() != before.name) {
        name_is_free(&mut change, actor, &name).await?;
    }
    store::service_account_set(&mut change.tx, actor.tenant, &after).await?;
    if after.role != before.role {
        store::member_role_set(&mut change.tx, actor.tenant, account, after.role).await?;
        if after.role > before.role {
            key_ends::end_outgrown(&mut change, actor.tenant, account, after.role).await?;
            after.keys = store::api_key_count(&mut change.tx, actor.tenant, account, now).await?;
        } else {
            // What it made was never above the role that it had, so only a lower one brings anything down.
            members::revoke_invitations(&mut change, actor, account, Some(after.role)).await?;
            key_ends::end_led(&mut change, actor.tenant, account, Some(after.role), now).await?;
        }
        change.emit(actor.tenant, MemberRoleChanged { user: account, role: after.role }).await?;
    }
    change.stale(Stale::Member(actor.tenant, account));
    let (role, enabled) = (after.role, after.enabled);
    change.emit(actor.tenant, ServiceAccountUpdated { account, role, enabled }).await?;
    let states = [told(&before), told(&after)];
    change.audit(actor.tenant, "service_account_update", subject(account), states).await?;
    change.commit().await?;
    Ok(after)
}

/// Remove it with its keys, and with the keys that these made for others, also through other keys.
pub async fn service_account_delete(identity: &Identity, actor: &Actor, account: UserId) -> Result<()> {
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let now = identity.now();
    let (before, _) = account_within(&mut change, actor, account, now).await?;
    members::revoke_invitations(&mut change, actor, account, None).await?;
    key_ends::end_led(&mut change, actor.tenant, account, None, now).await?;
    store::member_delete(&mut change.tx, actor.tenant, account).await?;
    change.stale(Stale::Member(actor.tenant, account));
    change.emit(actor.tenant, ServiceAccountDeleted { account }).await?;
    change.emit(actor.tenant, MemberRemoved { user: account }).await?;
    let states = [told(&before), Value::Null];
    change.audit(actor.tenant, "service_account_delete", subject(account), states).await?;
    change.commit().await
}

/// The account of one's own company.
pub(super) async fn account_of(
    db: &mut impl GlobalReads,
    actor: &Actor,
    account: UserId,
    now: Timestamp,
) -> Result<ServiceAccount> {
    store::service_account_get(db, actor.tenant, account, now)
        .await?
        .ok_or_else(|| codes::SERVICE_ACCOUNT_NOT_FOUND.error("no such service account in this company"))
}

/// The account, with the company's members held still until the end of the change, and the actor's role, which is not below
/// the account's: whoever holds an account's key acts with the account's role.
pub(super) async fn account_within(
    change: &mut Change,
    actor: &Actor,
    account: UserId,
    now: Timestamp,
) -> Result<(ServiceAccount, Role)> {
    store::members_lock(&mut change.tx, actor.tenant).await?;
    let account = account_of(&mut change.tx, actor, account, now).await?;
    let own = role_now(&mut change.tx, actor, &IDENTITY_WRITE).await?;
    model::role_within(own, account.role)?;
    Ok((account, own))
}

fn subject(account: UserId) -> String {
    format!("identity.service_account/{account}")
}

fn told(account: &ServiceAccount) -> Value {
    json!({"name": account.name, "role": account.role, "enabled": account.enabled})
}
