//! Which request a task serves: what the lines of the log and the spans that it writes belong to. Knows no request by itself.
use std::future::Future;
use std::sync::Arc;

use uuid::Uuid;
use wh_contract::{TenantId, UserId};

use crate::Traced;

/// What is known of a request, from its beginning on more and more. Read only where a line is really written.
pub trait RequestFacts: Send + Sync {
    /// Its id, as in the answer's `X-Request-Id`.
    fn request(&self) -> Uuid;

    /// The operation that it asks for, once a route took it.
    fn operation(&self) -> Option<&str>;

    /// Who asks, once that is known.
    fn member(&self) -> Option<(UserId, TenantId)>;
}

/// What a task works for: a request, a trace, both or neither. Cheap to clone; work that goes on in another task or thread
/// takes it along by [`Served::within`] or [`Served::run`].
#[derive(Clone, Default)]
pub struct Served {
    request: Option<Arc<dyn RequestFacts>>,
    traced: Option<Traced>,
}

tokio::task_local! {
    static CURRENT: Served;
}

impl Served {
    /// A request, with its place in a trace where it is traced.
    pub fn request(facts: Arc<dyn RequestFacts>, traced: Option<Traced>) -> Self {
        Self { request: Some(facts), traced }
    }

    /// What this task works for.
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// The request that this task serves, if it serves one.
    pub fn facts() -> Option<Arc<dyn RequestFacts>> {
        CURRENT.try_with(|served| served.request.clone()).ok().flatten()
    }

    /// The same request within this trace.
    #[must_use]
    pub fn traced(self, traced: Traced) -> Self {
        Self { traced: Some(traced), ..self }
    }

    /// The same request, outside of its trace.
    #[must_use]
    pub fn untraced(self) -> Self {
        Self { traced: None, ..self }
    }

    /// Let what this future does belong to it.
    pub fn within<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    /// Let what is done on this thread belong to it.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// Work for another thread, which belongs there to what it belongs to here.
    pub fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
        let served = Self::current();
        move || served.run(work)
    }

    /// The trace that this task is part of.
    pub(crate) fn trace() -> Option<Traced> {
        CURRENT.try_with(|served| served.traced.clone()).ok().flatten()
    }
}
