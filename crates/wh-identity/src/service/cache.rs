//! The sessions this node has just seen, so that not every request asks the database. Holds no token and nothing for long.
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wh_base::Timestamp;
use wh_contract::{ApiKeyId, Role, SessionId, TenantId, UserId};

use super::tokens::TokenHash;

/// What another node revoked counts here within this time, in microseconds.
pub(super) const ENTRY_AGE_MAX_US: i64 = 1_000_000;
/// Entries live for a second, so this is sessions per second; beyond it the cache starts anew.
const ENTRIES_MAX: usize = 20_000;
/// The last use is written when it is so much later than what is written, in microseconds.
pub(super) const USE_WRITTEN_EVERY_US: i64 = 60_000_000;
/// Uses that wait to be written; beyond it a use is not remembered, which only ends a session early.
pub(super) const USES_WAITING_MAX: usize = 100_000;

/// A session with the role its member has now.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) session: SessionId,
    pub(crate) user: UserId,
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    pub(crate) used_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// Which sessions and keys are no longer what they were.
#[derive(Clone, Debug)]
pub(crate) enum Stale {
    /// One session ended.
    Session(SessionId),
    /// All of a person's.
    User(UserId),
    /// API keys ended.
    Keys(BTreeSet<ApiKeyId>),
    /// All of a member's in one company.
    Member(TenantId, UserId),
}

/// A use that waits to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) at: Timestamp,
}

/// Says whether something was forgotten since; see [`SessionCache::keep`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(super) u64);

#[derive(Default)]
pub(crate) struct SessionCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<TokenHash, (Timestamp, Standing)>,
    uses: HashMap<SessionId, Use>,
    forgotten: u64,
}

impl SessionCache {
    /// What was read within the last second, and the moment to hand to `keep` when it was not.
    pub(crate) fn find(&self, token: &TokenHash, now: Timestamp) -> (Option<Standing>, Moment) {
        let inner = self.lock();
        let found = inner.entries.get(token).and_then(|(read_at, standing)| {
            let age_us = now.micros() - read_at.micros();
            (0..ENTRY_AGE_MAX_US).contains(&age_us).then(|| standing.clone())
        });
        (found, Moment(inner.forgotten))
    }

    /// Keep what the database said, unless something was forgotten while it was asked: then it may be old already.
    pub(crate) fn keep(&self, token: TokenHash, standing: Standing, now: Timestamp, asked: Moment) {
        let mut inner = self.lock();
        if Moment(inner.forgotten) != asked {
            return;
        }
        if inner.entries.len() >= ENTRIES_MAX && !inner.entries.contains_key(&token) {
            inner.entries.clear();
        }
        inner.entries.insert(token, (now, standing));
    }

    /// Call after the commit and before the answer: from then on this node asks the database again.
    pub(crate) fn forget(&self, stale: &Stale) {
        let mut inner = self.lock();
        inner.forgotten += 1;
        inner.entries.retain(|_, (_, standing)| match stale {
            Stale::Session(session) => standing.session != *session,
            Stale::User(user) => standing.user != *user,
            Stale::Keys(_) => true,
            Stale::Member(tenant, user) => (standing.tenant, standing.user) != (*tenant, *user),
        });
    }

    /// The later of what is written and what waits to be.
    pub(crate) fn last_use(&self, session: SessionId, written: Timestamp) -> Timestamp {
        self.lock().uses.get(&session).map_or(written, |waiting| waiting.at.max(written))
    }

    /// The session was used now; remembered at most once a minute.
    pub(crate) fn used(&self, token: &TokenHash, standing: &Standing, now: Timestamp) {
        if now.micros() - standing.used_at.micros() < USE_WRITTEN_EVERY_US {
            return;
        }
        let mut inner = self.lock();
        if inner.uses.len() < USES_WAITING_MAX || inner.uses.contains_key(&standing.session) {
            let (tenant, user) = (standing.tenant, standing.user);
            inner.uses.insert(standing.session, Use { tenant, user, at: now });
        }
        if let Some((_, kept)) = inner.entries.get_mut(token) {
            kept.used_at = now;
        }
    }

    /// What waits to be written, in the order of the ids, so that two nodes lock rows in one order.
    pub(crate) fn uses(&self) -> Vec<(SessionId, Use)> {
        let mut uses: Vec<_> =
            self.lock().uses.iter().map(|(session, waiting)| (*session, *waiting)).collect();
        uses.sort_unstable_by_key(|(session, _)| *session);
        uses
    }

    /// These are written; what was used again meanwhile stays.
    pub(crate) fn written(&self, uses: &[(SessionId, Use)]) {
        let mut inner = self.lock();
        for (session, written) in uses {
            if inner.uses.get(session) == Some(written) {
                inner.uses.remove(session);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
