//! What the operator of the installation lets a company use at most, where they set it. Remembered for a few seconds, so that
//! asking costs nothing; whoever changes a limit says so, and the next one to ask sees it.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use wh_contract::TenantId;

use crate::{Clock, Result, Timestamp};

/// For so long a change that another process made may not be seen here, in seconds.
pub const LIMITS_FRESH_S: i64 = 5;
/// So many companies at most are remembered; of more, those that nobody has asked about for longest are forgotten.
pub const LIMITS_KNOWN_MAX: usize = 2 * GENERATION_MAX;
/// Companies of one generation.
const GENERATION_MAX: usize = 10_000;

/// The limits of one company. Where there is none, that of the house counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompanyLimits {
    /// Requests a minute of all its members and keys, at each process.
    pub requests_per_min: Option<u32>,
    /// Bytes on the object store.
    pub storage_bytes: Option<u64>,
    /// Panels.
    pub panels: Option<i64>,
    /// Members: people and service accounts.
    pub members: Option<i64>,
}

impl CompanyLimits {
    /// These, and where one is missing that of the others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            requests_per_min: self.requests_per_min.or(others.requests_per_min),
            storage_bytes: self.storage_bytes.or(others.storage_bytes),
            panels: self.panels.or(others.panels),
            members: self.members.or(others.members),
        }
    }
}

/// Knows the limits of a company.
#[async_trait]
pub trait LimitSource: Send + Sync {
    /// Those that count: what is set for it, and what is set for every company where nothing is.
    async fn limits(&self, tenant: TenantId) -> Result<CompanyLimits>;
}

/// The limits of all companies. Clones are the same; without a source nobody has any.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    source: OnceLock<Arc<dyn LimitSource>>,
    known: Mutex<Known>,
}

/// Two generations: who is asked about is among the young ones. When these are many they become the old ones, and who was still among the
/// old ones is forgotten. Whoever is asked about now and then stays, and never are all forgotten at once.
#[derive(Default)]
struct Known {
    /// What was read before a change is not remembered after it.
    changes: u64,
    young: HashMap<TenantId, Seen>,
    old: HashMap<TenantId, Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    limits: CompanyLimits,
    at: Timestamp,
}

impl Seen {
    /// A clock that was set back makes nothing fresh.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.at <= now && now < self.at.plus_seconds(LIMITS_FRESH_S)
    }
}

impl Known {
    fn get(&mut self, tenant: TenantId) -> Option<Seen> {
        if let Some(seen) = self.young.get(&tenant) {
            return Some(*seen);
        }
        let seen = self.old.remove(&tenant)?;
        self.put(tenant, seen);
        Some(seen)
    }

    fn put(&mut self, tenant: TenantId, seen: Seen) {
        if self.young.len() >= GENERATION_MAX && !self.young.contains_key(&tenant) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(tenant, seen);
    }

    fn remember(&mut self, tenant: TenantId, seen: Seen, changes: u64) {
        if self.changes == changes {
            self.put(tenant, seen);
        }
    }

    fn forget(&mut self, tenant: TenantId) {
        self.changes += 1;
        self.young.remove(&tenant);
        self.old.remove(&tenant);
    }
}

impl Limits {
    /// None of any company, until there is a source.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { clock, source: OnceLock::new(), known: Mutex::default() }))
    }

    /// From now on this one is asked. Only the first call counts.
    pub fn ask(&self, source: Arc<dyn LimitSource>) {
        let _first = self.0.source.set(source);
    }

    /// The limits of a company; a few seconds old where another process changed them, older while the source is away.
    pub async fn of(&self, tenant: TenantId) -> Result<CompanyLimits> {
        let Some(source) = self.0.source.get() else { return Ok(CompanyLimits::default()) };
        let now = self.0.clock.now();
        let (changes, before) = {
            let mut known = self.known();
            let changes = known.changes;
            match known.get(tenant) {
                Some(seen) if seen.is_fresh(now) => return Ok(seen.limits),
                Some(Seen { limits, .. }) => {
                    // Others go on with what is known while this one asks.
                    known.put(tenant, Seen { limits, at: now });
                    (changes, Some(limits))
                }
                None => (changes, None),
            }
        };
        match (source.limits(tenant).await, before) {
            (Ok(limits), _) => {
                self.known().remember(tenant, Seen { limits, at: now }, changes);
                Ok(limits)
            }
            (Err(_), Some(limits)) => Ok(limits),
            (Err(error), None) => Err(error),
        }
    }

    /// Those of this company are not what they were.
    pub fn changed(&self, tenant: TenantId) {
        self.known().forget(tenant);
    }

    /// How many companies are remembered.
    pub fn remembered(&self) -> usize {
        let known = self.known();
        known.young.len() + known.old.len()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
