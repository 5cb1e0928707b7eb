//! What a connection's callbacks go by: whose rows, which statement, until when. Shared with the connection that owns it.
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wh_contract::TenantId;

use crate::text::Checked;

/// No limit.
const NEVER: u64 = u64::MAX;

/// Whose text is being prepared.
#[derive(Clone, Default)]
pub(super) enum Rule {
    /// Nobody's: everything is refused.
    #[default]
    Nothing,
    /// The engine's own BEGIN, SAVEPOINT, COMMIT and setup.
    Control,
    /// A checked statement.
    Statement(Arc<Checked>),
}

/// Why a statement was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It was not.
    No,
    /// Its time was up.
    TimeUp,
    /// Its caller went away.
    Abandoned,
}

/// Read and written by one thread at a time: the one that has the connection.
pub(super) struct Session {
    base: Instant,
    has_tenant: AtomicBool,
    tenant: [AtomicU64; 2],
    /// A statement that only reads is interrupted then.
    interrupt_at: AtomicU64,
    /// A row that is written after this fails, which undoes its statement and nothing else.
    guard_at: AtomicU64,
    abandoned: AtomicBool,
    stopped: AtomicU8,
    rule: Mutex<Rule>,
}

impl Session {
    pub(super) fn new() -> Self {
        Self {
            base: Instant::now(),
            has_tenant: AtomicBool::new(false),
            tenant: [AtomicU64::new(0), AtomicU64::new(0)],
            interrupt_at: AtomicU64::new(NEVER),
            guard_at: AtomicU64::new(NEVER),
            abandoned: AtomicBool::new(false),
            stopped: AtomicU8::new(0),
            rule: Mutex::new(Rule::Nothing),
        }
    }

    pub(super) fn set_tenant(&self, tenant: Option<TenantId>) {
        self.has_tenant.store(tenant.is_some(), Ordering::Relaxed);
        let (high, low) = tenant.map_or((0, 0), |tenant| tenant.uuid().as_u64_pair());
        self.tenant[0].store(high, Ordering::Relaxed);
        self.tenant[1].store(low, Ordering::Relaxed);
    }

    /// The bytes of the tenant, as they stand in the rows.
    pub(super) fn tenant(&self) -> Option<[u8; 16]> {
        if !self.has_tenant.load(Ordering::Relaxed) {
            return None;
        }
        let (high, low) = (self.tenant[0].load(Ordering::Relaxed), self.tenant[1].load(Ordering::Relaxed));
        Some(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    pub(super) fn set_rule(&self, rule: Rule) {
        *self.rule.lock().unwrap_or_else(PoisonError::into_inner) = rule;
    }

    pub(super) fn rule(&self) -> Rule {
        self.rule.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Arm the limits of the next statement.
    pub(super) fn arm(&self, interrupt_at: Option<Instant>, guard_at: Option<Instant>) {
        self.stopped.store(0, Ordering::Relaxed);
        self.abandoned.store(false, Ordering::Relaxed);
        self.interrupt_at.store(self.nanos(interrupt_at), Ordering::Relaxed);
        self.guard_at.store(self.nanos(guard_at), Ordering::Relaxed);
    }

    fn nanos(&self, at: Option<Instant>) -> u64 {
        at.map_or(NEVER, |at| {
            u64::try_from(at.saturating_duration_since(self.base).as_nanos()).unwrap_or(NEVER)
        })
    }

    fn passed(&self, limit: &AtomicU64) -> bool {
        let limit = limit.load(Ordering::Relaxed);
        limit != NEVER && self.nanos(Some(Instant::now())) >= limit
    }

    /// The caller of the running statement is gone.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Asked every few hundred steps of a statement: whether to interrupt it.
    pub(super) fn interrupts(&self) -> bool {
        if self.abandoned.load(Ordering::Relaxed) {
            self.stopped.store(2, Ordering::Relaxed);
            return true;
        }
        let up = self.passed(&self.interrupt_at);
        if up {
            self.stopped.store(1, Ordering::Relaxed);
        }
        up
    }

    /// Asked for every row that is written: whether its time is up.
    pub(super) fn row_is_late(&self) -> bool {
        let up = self.passed(&self.guard_at);
        if up {
            self.stopped.store(1, Ordering::Relaxed);
        }
        up
    }

    pub(super) fn stopped(&self) -> Stopped {
        match self.stopped.load(Ordering::Relaxed) {
            0 => Stopped::No,
            1 => Stopped::TimeUp,
            _ => Stopped::Abandoned,
        }
    }
}
