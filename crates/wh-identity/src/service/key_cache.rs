//! The API keys this node has just seen, so that not every request asks the database. Holds no key and no fresh answer for long.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wh_base::{KeyGrant, Timestamp};
use wh_contract::{ApiKeyId, Role, TenantId, UserId};

use super::cache::{ENTRY_AGE_MAX_US, Moment, Stale, USE_WRITTEN_EVERY_US, USES_WAITING_MAX};
use super::tokens::TokenHash;

/// Keys that are remembered; beyond it the cache starts anew.
const ENTRIES_MAX: usize = 20_000;

/// A key with what its owner is now.
#[derive(Clone, Debug)]
pub(crate) struct KeyStanding {
    pub(crate) grant: Arc<KeyGrant>,
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) role: Role,
    pub(crate) enabled: bool,
    pub(crate) used_at: Option<Timestamp>,
}

/// A use that waits to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUse {
    pub(crate) at: Timestamp,
    pub(crate) address: Option<IpAddr>,
}

/// What is known of a key's text.
pub(crate) enum Seen {
    /// The database said so within the last second.
    Now(KeyStanding),
    /// It was right before; ask again, whatever else its address tried.
    Before,
    /// Never, or not for long.
    Never,
}

#[derive(Default)]
pub(crate) struct KeyCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<TokenHash, (Timestamp, KeyStanding)>,
    uses: HashMap<ApiKeyId, KeyUse>,
    forgotten: u64,
}

impl KeyCache {
    /// What is known, and the moment to hand to `keep` when the database is asked.
    pub(crate) fn find(&self, text: &TokenHash, now: Timestamp) -> (Seen, Moment) {
        let inner = self.lock();
        let seen = match inner.entries.get(text) {
            None => Seen::Never,
            Some((read_at, standing)) => {
                let age_us = now.micros() - read_at.micros();
                let fresh = (0..ENTRY_AGE_MAX_US).contains(&age_us);
                if fresh { Seen::Now(standing.clone()) } else { Seen::Before }
            }
        };
        (seen, Moment(inner.forgotten))
    }

    /// Keep what the database said, unless something was forgotten while it was asked: then it may be old already.
    pub(crate) fn keep(&self, text: TokenHash, standing: KeyStanding, now: Timestamp, asked: Moment) {
        let mut inner = self.lock();
        if Moment(inner.forgotten) != asked {
            return;
        }
        if inner.entries.len() >= ENTRIES_MAX && !inner.entries.contains_key(&text) {
            inner.entries.clear();
        }
        inner.entries.insert(text, (now, standing));
    }

    /// The database does not know it any more.
    pub(crate) fn gone(&self, text: &TokenHash) {
        self.lock().entries.remove(text);
    }

    /// Call after the commit and before the answer: from then on this node asks the database again.
    pub(crate) fn forget(&self, stale: &Stale) {
        let mut inner = self.lock();
        inner.forgotten += 1;
        inner.entries.retain(|_, (_, standing)| match stale {
            Stale::Keys(keys) => !keys.contains(&standing.grant.key),
            Stale::Member(tenant, user) => (standing.tenant, standing.user) != (*tenant, *user),
            // A new password ends sessions, not keys.
            Stale::Session(_) | Stale::User(_) => true,
        });
    }

    /// The later of what is written and what waits to be: when, and from where.
    pub(crate) fn last_use(&self, key: ApiKeyId, written: Option<Timestamp>) -> Option<KeyUse> {
        let waiting = self.lock().uses.get(&key).copied();
        waiting.filter(|waiting| written.is_none_or(|written| waiting.at > written))
    }

    /// The key was used now; remembered at most once a minute.
    pub(crate) fn used(
        &self,
        text: &TokenHash,
        standing: &KeyStanding,
        now: Timestamp,
        address: Option<IpAddr>,
    ) {
        let recent = |at: Timestamp| now.micros() - at.micros() < USE_WRITTEN_EVERY_US;
        if standing.used_at.is_some_and(recent) {
            return;
        }
        let mut inner = self.lock();
        let key = standing.grant.key;
        if inner.uses.len() < USES_WAITING_MAX || inner.uses.contains_key(&key) {
            inner.uses.insert(key, KeyUse { at: now, address });
        }
        if let Some((_, kept)) = inner.entries.get_mut(text) {
            kept.used_at = Some(now);
        }
    }

    /// What waits to be written, in the order of the ids, so that two nodes lock rows in one order.
    pub(crate) fn uses(&self) -> Vec<(ApiKeyId, KeyUse)> {
        let mut uses: Vec<_> = self.lock().uses.iter().map(|(key, waiting)| (*key, *waiting)).collect();
        uses.sort_unstable_by_key(|(key, _)| *key);
        uses
    }

    /// These are written; what was used again meanwhile stays.
    pub(crate) fn written(&self, uses: &[(ApiKeyId, KeyUse)]) {
        let mut inner = self.lock();
        for (key, written) in uses {
            if inner.uses.get(key) == Some(written) {
                inner.uses.remove(key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
