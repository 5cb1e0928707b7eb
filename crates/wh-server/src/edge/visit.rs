//! What the edge and the operation tell one another about one request. Shared by reference; decides nothing itself.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::Method;
use uuid::Uuid;
use wh_base::{RequestFacts, Result, Served, Traced};
use wh_contract::{ApiKeyId, TenantId, UserId};

use super::metrics::Route;
use crate::codes;
use crate::limit::Tally;

/// One request on its way through the server. Cheap to clone; in the request's extensions.
#[derive(Clone)]
pub struct Visit(Arc<Inner>);

struct Inner {
    request: Uuid,
    method: Method,
    started: Instant,
    body_announced: Option<u64>,
    body_max: AtomicU64,
    /// Milliseconds from `started`; unset where the operation has no limit of its own.
    timeout_ms: OnceLock<u64>,
    deadline_lifted: AtomicBool,
    route: OnceLock<Route>,
    member: OnceLock<(UserId, TenantId)>,
    tally: Tally,
    key: OnceLock<ApiKeyId>,
}

impl Visit {
    pub(super) fn new(request: Uuid, method: Method, body_announced: Option<u64>, body_max: u64) -> Self {
        Self(Arc::new(Inner {
            request,
            method,
            started: Instant::now(),
            body_announced,
            body_max: AtomicU64::new(body_max),
            timeout_ms: OnceLock::new(),
            deadline_lifted: AtomicBool::new(false),
            route: OnceLock::new(),
            member: OnceLock::new(),
            tally: Tally::default(),
            key: OnceLock::new(),
        }))
    }

    /// The request's id, as in the answer's `X-Request-Id` and in the log.
    pub fn request(&self) -> Uuid {
        self.0.request
    }

    /// Which route took the request: a label of its metrics and a field of its log line. The first word stands.
    pub fn at_route(&self, route: &Route) {
        let _ = self.0.route.set(route.clone());
    }

    /// Who it turned out to be. The answer is then not to be stored anywhere, unless its handler says otherwise.
    pub fn acted_by(&self, user: UserId, tenant: TenantId) {
        let _ = self.0.member.set((user, tenant));
    }

    /// By which key they act, for the log.
    pub fn acted_by_key(&self, key: ApiKeyId) {
        let _ = self.0.key.set(key);
    }

    /// The operation's own limit of body bytes, if it has one. Refuses at once what announces more; the rest is counted as it arrives.
    pub fn allow_body(&self, bytes: Option<u64>) -> Result<()> {
        let bytes = bytes.unwrap_or_else(|| self.0.body_max.load(Ordering::Relaxed));
        self.0.body_max.store(bytes, Ordering::Relaxed);
        match self.0.body_announced {
            Some(announced) if announced > bytes => {
                Err(codes::BODY_TOO_LARGE.error(format!("{announced} bytes, not at most {bytes}")))
            }
            _ => Ok(()),
        }
    }

    /// The operation's own limit of time from the request's beginning until its answer begins, in place of the server's. The
    /// first word stands.
    pub fn answer_within_ms(&self, ms: u64) {
        let _ = self.0.timeout_ms.set(ms);
    }

    /// For operations that stream: the answer may begin later than the request deadline. The body must still progress.
    pub fn no_deadline(&self) {
        self.0.deadline_lifted.store(true, Ordering::Relaxed);
    }

    /// What its work belongs to, for the lines of the log and for spans.
    pub(super) fn served(&self, traced: Option<Traced>) -> Served {
        let facts: Arc<dyn RequestFacts> = Arc::<Inner>::clone(&self.0);
        Served::request(facts, traced)
    }

    /// What it has counted for.
    pub(crate) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    pub(super) fn method(&self) -> &Method {
        &self.0.method
    }

    pub(super) fn started(&self) -> Instant {
        self.0.started
    }

    pub(super) fn route(&self) -> Option<&Route> {
        self.0.route.get()
    }

    pub(super) fn member(&self) -> Option<(UserId, TenantId)> {
        self.0.member.get().copied()
    }

    pub(super) fn key(&self) -> Option<ApiKeyId> {
        self.0.key.get().copied()
    }

    pub(super) fn body_max(&self) -> u64 {
        self.0.body_max.load(Ordering::Relaxed)
    }

    /// The operation's own limit of time, where it has one.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.0.timeout_ms.get().copied().map(Duration::from_millis)
    }

    pub(super) fn deadline_lifted(&self) -> bool {
        self.0.deadline_lifted.load(Ordering::Relaxed)
    }
}

impl RequestFacts for Inner {
    fn request(&self) -> Uuid {
        self.request
    }

    fn operation(&self) -> Option<&str> {
        self.route.get().map(Route::operation)
    }

    fn member(&self) -> Option<(UserId, TenantId)> {
        self.member.get().copied()
    }
}
