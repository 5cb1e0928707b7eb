//! Keys that end, one or as many as the limits allow, in few statements: nobody else writes meanwhile, and whoever must be sent out
//! chose how many there are. Decides nothing about who may end them.
use std::collections::BTreeSet;

use serde_json::Value;
use wh_base::{Result, Timestamp};
use wh_contract::events::ApiKeyRevoked;
use wh_contract::{ApiKeyId, Role, TenantId, UserId};

use super::api_keys::{subject, told};
use super::cache::Stale;
use super::change::Change;
use crate::model::{self, ApiKey};
use crate::store;

/// In the trail: somebody ended a key of a service account, or it fell with something else.
pub(super) const ACCOUNT_KEY_REVOKE: &str = "service_account_key_revoke";
/// Rows read at once; all that the limits allow to live, in most cases.
const ENDED_AT_ONCE: u32 = 1_000;

/// End what may have come from somebody who is gone, or is this now. Their own keys fall when they are gone. Of the living keys of
/// service accounts that they made, or let be made by a key, also through other keys, those fall that they could not make still:
/// they may have kept the text. One that has expired opens nothing and goes when its time to be shown is over.
pub(super) async fn end_led(
    change: &mut Change,
    tenant: TenantId,
    by: UserId,
    role: Option<Role>,
    now: Timestamp,
) -> Result<()> {
    let mut after = ApiKeyId(uuid::Uuid::nil());
    loop {
        // Their own and the others in one order, in which last uses are written too: nobody waits for one who waits for them.
        let some = store::api_key_hold_led(&mut change.tx, (tenant, by), now, after, ENDED_AT_ONCE).await?;
        let more = some.len() >= ENDED_AT_ONCE as usize;
        let (mut own, mut made) = (Vec::new(), Vec::new());
        for (key, owner_role) in some {
            after = key.id;
            if key.user == by {
                own.extend(role.is_none().then_some(key));
            } else if !model::made_stays(role, owner_role) {
                made.push(key);
            }
        }
        end(change, tenant, own.iter().chain(&made).map(revoked).collect()).await?;
        tell(change, tenant, &made, ACCOUNT_KEY_REVOKE).await?;
        if !more {
            return Ok(());
        }
    }
}

/// End the keys of a service account that has become more, where whoever made one could not make it now: they may have kept the
/// text, and would act above themselves.
pub(super) async fn end_outgrown(
    change: &mut Change,
    tenant: TenantId,
    account: UserId,
    role: Role,
) -> Result<()> {
    let mut after = ApiKeyId(uuid::Uuid::nil());
    loop {
        let of = (tenant, account);
        let some = store::api_key_hold_with_makers(&mut change.tx, of, after, ENDED_AT_ONCE).await?;
        let more = some.len() >= ENDED_AT_ONCE as usize;
        let mut outgrown = Vec::new();
        for (key, makers) in some {
            after = key.id;
            // What the account made for itself is as much as whoever vouches for it.
            let made = key.created_by == account || model::made_stays(makers.created_by, role);
            if !made || !model::made_stays(makers.vouched_by, role) {
                outgrown.push(key);
            }
        }
        end_held(change, tenant, &outgrown, ACCOUNT_KEY_REVOKE).await?;
        if !more {
            return Ok(());
        }
    }
}

/// End a key with a line of its own in the trail; `false` when somebody else was first, whose word it is then: whoever wants it
/// gone has what they want.
pub(super) async fn end_one(change: &mut Change, key: &ApiKey, action: &'static str) -> Result<bool> {
    let there = store::api_key_delete(&mut change.tx, key).await?;
    if there {
        change.stale(Stale::Keys(BTreeSet::from([key.id])));
        change.emit(key.tenant, revoked(key)).await?;
        tell(change, key.tenant, std::slice::from_ref(key), action).await?;
    }
    Ok(there)
}

/// End keys that are held to the end of the change, each with a line of its own in the trail.
pub(super) async fn end_held(
    change: &mut Change,
    tenant: TenantId,
    keys: &[ApiKey],
    action: &'static str,
) -> Result<()> {
    end(change, tenant, keys.iter().map(revoked).collect()).await?;
    tell(change, tenant, keys, action).await
}

fn revoked(key: &ApiKey) -> ApiKeyRevoked {
    ApiKeyRevoked { key: key.id, user: key.user }
}

async fn end(change: &mut Change, tenant: TenantId, events: Vec<ApiKeyRevoked>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let keys: BTreeSet<ApiKeyId> = events.iter().map(|event| event.key).collect();
    store::api_key_delete_held(&mut change.tx, tenant, &keys).await?;
    change.stale(Stale::Keys(keys));
    change.emit_many(tenant, &events).await
}

async fn tell(change: &mut Change, tenant: TenantId, keys: &[ApiKey], action: &'static str) -> Result<()> {
    let lines = keys.iter().map(|key| (subject(key.id), [told(key), Value::Null])).collect();
    change.audit_many(tenant, action, lines).await
}
