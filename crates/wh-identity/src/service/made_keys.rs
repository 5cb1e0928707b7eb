//! What a key led to: the keys that it made, directly or through others. Seen, and ended with it where it leaked. Decides nothing
//! about keys that nobody revokes: whoever changes over lets a key make its successor, which lives.
use wh_base::{Actor, Result};
use wh_contract::{ApiKeyId, IDENTITY_WRITE, Role, UserId};

use super::api_keys::{as_used_here, first_page, no_such_key};
use super::change::Change;
use super::key_ends::{ACCOUNT_KEY_REVOKE, end_held, end_one};
use super::{Identity, role_now};
use crate::model::{self, ApiKey, MADE_KEYS_MAX, MadeKey, MadeKeys, Revocation};
use crate::store;

/// The living keys that a key of the company made, whoever's it is or was, newest first, `limit` and one more.
pub async fn made_key_list(
    identity: &Identity,
    actor: &Actor,
    maker: ApiKeyId,
    before: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<MadeKey>> {
    let mut db = identity.0.db.read().await?;
    if !store::api_key_is_known(&mut db, actor.tenant, maker).await? {
        return Err(no_such_key());
    }
    let (of, before) = ((actor.tenant, maker), before.unwrap_or_else(first_page));
    let mut keys = store::made_key_list(&mut db, of, identity.now(), before, i64::from(limit) + 1).await?;
    for one in &mut keys {
        as_used_here(identity, &mut one.key);
    }
    Ok(keys)
}

/// A key that is to end, with what becomes of those that it made.
pub(super) struct Revoke {
    /// Whose key it is.
    pub(super) owner: UserId,
    /// The key.
    pub(super) key: ApiKeyId,
    /// The keys that it made.
    pub(super) made: MadeKeys,
    /// What the trail calls it.
    pub(super) action: &'static str,
}

impl Revoke {
    /// Call with the company's members held still: no key of it makes one meanwhile.
    pub(super) async fn run(
        self,
        identity: &Identity,
        change: &mut Change,
        actor: &Actor,
    ) -> Result<Revocation> {
        let key = store::api_key_get(&mut change.tx, actor.tenant, self.owner, self.key).await?;
        if key.is_none() && !self.led_somewhere(change, actor).await? {
            return Err(no_such_key());
        }
        let (of, now) = ((actor.tenant, self.key), identity.now());
        // It is older than what it made, so it goes first: last uses are written in that order too, and the two do not wait for
        // one another.
        if let Some(key) = key
            && !end_one(change, &key, self.action).await?
            && self.made == MadeKeys::Keep
        {
            return Err(no_such_key());
        }
        let made_keys_revoked = match self.made {
            MadeKeys::Keep => 0,
            MadeKeys::Revoke => {
                let (made, roles): (Vec<ApiKey>, Vec<Role>) =
                    store::made_key_hold(&mut change.tx, of, now, MADE_KEYS_MAX).await?.into_iter().unzip();
                within(change, actor, &roles).await?;
                end_held(change, actor.tenant, &made, ACCOUNT_KEY_REVOKE).await?;
                i64::try_from(made.len()).unwrap_or(i64::MAX)
            }
        };
        let made_keys_living = store::made_key_count(&mut change.tx, of, now).await?;
        Ok(Revocation { made_keys_revoked, made_keys_living })
    }

    /// A key that was revoked before, and is found only now to have leaked: what it made can still be ended by its name.
    async fn led_somewhere(&self, change: &mut Change, actor: &Actor) -> Result<bool> {
        Ok(self.made == MadeKeys::Revoke
            && store::api_key_made_some(&mut change.tx, actor.tenant, self.owner, self.key).await?)
    }
}

/// Whoever ends keys of service accounts with another key may end each of them alone: all of them, or none.
async fn within(change: &mut Change, actor: &Actor, roles: &[Role]) -> Result<()> {
    if roles.is_empty() {
        return Ok(());
    }
    if !actor.credential.covers(&IDENTITY_WRITE) {
        let why = "the keys that it made are of service accounts: ending them needs the scope identity:write";
        return Err(wh_server::codes::BEARER_SCOPE.error(why));
    }
    let own = role_now(&mut change.tx, actor, &IDENTITY_WRITE).await?;
    roles.iter().try_for_each(|role| model::role_within(own, *role))
}
