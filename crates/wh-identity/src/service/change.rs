//! One transaction of identity with its trail, and what the caches must forget when it ends. Decides nothing.
use std::sync::Arc;

use serde_json::Value;
use wh_base::Result;
use wh_contract::{Event, TenantId};
use wh_db::{AuditEntry, GlobalTx, Who};

use super::Identity;
use super::cache::{SessionCache, Stale};
use super::key_cache::KeyCache;
use super::password_costs::{Cost, Costs};

/// A change under way. Dropped without `commit` it has not happened.
pub(super) struct Change {
    /// For the store.
    pub(super) tx: GlobalTx,
    who: Who,
    sessions: Arc<SessionCache>,
    keys: Arc<KeyCache>,
    costs: Arc<Costs>,
}

impl Change {
    pub(super) async fn begin(identity: &Identity, who: Who) -> Result<Self> {
        let (sessions, keys) = (Arc::clone(&identity.0.sessions), Arc::clone(&identity.0.keys));
        let costs = Arc::clone(&identity.0.costs);
        Ok(Self { tx: identity.0.db.begin().await?, who, sessions, keys, costs })
    }

    pub(super) async fn emit<E: Event>(&mut self, tenant: TenantId, event: E) -> Result<()> {
        self.tx.emit(tenant, event).await
    }

    pub(super) async fn emit_many<E: Event>(&mut self, tenant: TenantId, events: &[E]) -> Result<()> {
        self.tx.emit_many(tenant, events).await
    }

    /// `before` and `after` never hold a secret; null means that there was, or is, nothing.
    pub(super) async fn audit(
        &mut self,
        tenant: TenantId,
        action: &'static str,
        subject: String,
        states: [Value; 2],
    ) -> Result<()> {
        self.tx.audit(tenant, &self.who, entry(action, subject, states)).await
    }

    /// The same action on many subjects.
    pub(super) async fn audit_many(
        &mut self,
        tenant: TenantId,
        action: &'static str,
        subjects: Vec<(String, [Value; 2])>,
    ) -> Result<()> {
        let entries = subjects.into_iter().map(|(subject, states)| entry(action, subject, states)).collect();
        self.tx.audit_many(tenant, &self.who, entries).await
    }

    /// These sessions and keys are not what they were, once this is committed.
    pub(super) fn stale(&mut self, stale: Stale) {
        let (sessions, keys) = (Arc::clone(&self.sessions), Arc::clone(&self.keys));
        self.tx.on_commit(move || {
            sessions.forget(&stale);
            keys.forget(&stale);
        });
    }

    /// A password is kept by another hash, or for the first time, once this is committed.
    pub(super) fn password_kept(&mut self, before: Option<&str>, after: &str) {
        let (costs, before, after) = (Arc::clone(&self.costs), before.and_then(Cost::of), Cost::of(after));
        self.tx.on_commit(move || costs.moved(before, after));
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }
}

fn entry(action: &'static str, subject: String, [before, after]: [Value; 2]) -> AuditEntry {
    let some = |value: Value| (!value.is_null()).then_some(value);
    AuditEntry { action, subject, before: some(before), after: some(after) }
}
