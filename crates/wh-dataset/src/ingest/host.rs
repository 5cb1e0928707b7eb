//! What imports need of their surroundings, and how they share it: places for those that are open, turns for those that
//! work. An import that waits for bytes holds a place of its company and no turn.
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use metrics::{Gauge, gauge};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use wh_base::{IdSource, Result, Served};
use wh_contract::TenantId;

use super::Piece;
use crate::codes;
use crate::engine::HotStore;
use crate::read::BLOCK_BYTES;
use crate::segment::Objects;

/// How long somebody waits for a place before being refused.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(20);
/// When a refused import may be tried again.
const BUSY_RETRY_S: u32 = 5;
/// Bytes of a file that are read before others who have bytes get their turn.
const TURN_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Samples and bad lines that one company has looked at at once.
const SAMPLES_PER_TENANT_MAX: usize = 1;

/// What imports may take.
#[derive(Clone, Copy, Debug)]
pub struct IngestLimits {
    /// Bytes of all datasets in memory, imports that run included.
    pub hot_budget_bytes: u64,
    /// Imports that work at once: each has two threads and up to 200 MB. The others wait for bytes or for their turn.
    pub at_once: usize,
    /// Imports that are open at once.
    pub open_max: usize,
    /// Of these, so many of one company.
    pub open_per_tenant_max: usize,
    /// How long one may take from its first byte until it is durable; well below the sweep's grace.
    pub time_max: Duration,
    /// Bytes of a file that are split and read in one go.
    pub block_bytes: usize,
}

impl Default for IngestLimits {
    fn default() -> Self {
        Self {
            hot_budget_bytes: 1 << 30,
            at_once: 2,
            open_max: 16,
            open_per_tenant_max: 2,
            time_max: Duration::from_hours(4),
            block_bytes: BLOCK_BYTES,
        }
    }
}

/// What imports need of their surroundings.
#[derive(Clone)]
pub struct IngestHost {
    objects: Objects,
    ids: IdSource,
    limits: IngestLimits,
    pub(super) hot: Arc<HotStore>,
    pub(super) turns: Arc<Semaphore>,
    places: Arc<Places>,
    samples: Arc<Places>,
}

impl IngestHost {
    /// Imports into this store within these limits.
    pub fn new(objects: Objects, ids: IdSource, limits: IngestLimits) -> Self {
        let hot = Arc::new(HotStore::new(limits.hot_budget_bytes));
        Self::sharing(hot, objects, ids, limits)
    }

    /// The same, beside the datasets that are in memory already.
    pub(crate) fn sharing(hot: Arc<HotStore>, objects: Objects, ids: IdSource, limits: IngestLimits) -> Self {
        let at_once = limits.at_once.max(1);
        Self {
            objects,
            ids,
            limits,
            hot,
            turns: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Places::new(
                "imports",
                limits.open_max.max(1),
                limits.open_per_tenant_max.max(1),
            )),
            samples: Arc::new(Places::new("import_samples", at_once, SAMPLES_PER_TENANT_MAX)),
        }
    }

    /// The store.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Where new ids come from.
    pub fn ids(&self) -> &IdSource {
        &self.ids
    }

    /// Bytes of a file that are read in one go.
    pub(super) fn block_bytes(&self) -> usize {
        self.limits.block_bytes.max(1)
    }

    /// A place for an import of this company, as soon as there is one.
    pub(super) async fn place(&self, tenant: TenantId) -> Result<Place> {
        self.places.enter(tenant).await
    }

    /// All of an import, from its first byte until it is durable, within its time.
    pub async fn in_time<T>(&self, import: impl Future<Output = Result<T>>) -> Result<T> {
        match tokio::time::timeout(self.limits.time_max, import).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let most_s = self.limits.time_max.as_secs();
                Err(codes::IMPORT_SLOW.error(format!("the import took longer than {most_s} seconds")))
            }
        }
    }

    /// Work on a sample or on bad lines, a second of a processor at most: beside the reactor, a few at once, each company
    /// in its turn.
    pub async fn beside<T: Send + 'static>(
        &self,
        tenant: TenantId,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.samples.enter(tenant).await?;
        let done = tokio::task::spawn_blocking(Served::carried(move || {
            let _place = place;
            work()
        }));
        done.await.map_err(|error| codes::IMPORT_STOPPED.caused("the work on a sample stopped", error))?
    }
}

/// Places in all, of which one company gets some.
struct Places {
    all: Arc<Semaphore>,
    per_tenant: usize,
    tenants: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
    /// How many wait for a place, and how many have one.
    waiting: Gauge,
    running: Gauge,
}

/// One more in a gauge, until it is dropped.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A place that is taken; free again when dropped.
pub(super) struct Place {
    _running: Counted,
    _of_tenant: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    fn new(queue: &'static str, all: usize, per_tenant: usize) -> Self {
        let (waiting, running) =
            (gauge!("queue_jobs_waiting", "queue" => queue), gauge!("queue_jobs_running", "queue" => queue));
        // Each is there from the start.
        waiting.increment(0.0);
        running.increment(0.0);
        Self { all: Arc::new(Semaphore::new(all)), per_tenant, tenants: Mutex::default(), waiting, running }
    }

    /// Who waits for others of the same company keeps nobody else waiting.
    async fn enter(&self, tenant: TenantId) -> Result<Place> {
        let own = self.of(tenant);
        let _waiting = Counted::new(&self.waiting);
        let entered = tokio::time::timeout(PLACE_WAIT_MAX, async {
            let of_tenant = own.acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Place { _running: Counted::new(&self.running), _of_tenant: of_tenant, _of_all: of_all })
        });
        let busy =
            || codes::IMPORTS_BUSY.error("no other import has ended in time").retry_after(BUSY_RETRY_S);
        entered.await.ok().flatten().ok_or_else(busy)
    }

    fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tenants.get(&tenant).and_then(Weak::upgrade) {
            return known;
        }
        // Whoever is in, or waits to be, holds the semaphore; all others are forgotten here.
        tenants.retain(|_, known| known.strong_count() > 0);
        let fresh = Arc::new(Semaphore::new(self.per_tenant));
        tenants.insert(tenant, Arc::downgrade(&fresh));
        fresh
    }
}

/// The turn of one import: held while it works, handed on while it waits for bytes and after so many of them.
pub(super) struct Turn {
    turns: Arc<Semaphore>,
    runtime: Handle,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Turn {
    pub(super) fn new(turns: Arc<Semaphore>, runtime: Handle) -> Self {
        Self { turns, runtime, held: None, bytes: 0 }
    }

    /// The next piece; none when the import was dropped. Blocks, without the turn while there is no piece.
    pub(super) fn next(&mut self, pieces: &mut mpsc::Receiver<Piece>) -> Option<Piece> {
        match pieces.try_recv() {
            Ok(piece) => Some(piece),
            Err(TryRecvError::Empty) => {
                self.held = None;
                pieces.blocking_recv()
            }
            Err(TryRecvError::Disconnected) => None,
        }
    }

    /// Before work on so many bytes: blocks until it is one's turn. Those who wait are served in their order.
    pub(super) fn take(&mut self, bytes: usize) -> Result<()> {
        if self.bytes >= TURN_BYTES_MAX {
            self.held = None;
        }
        if self.held.is_none() {
            let turn = self.runtime.block_on(Arc::clone(&self.turns).acquire_owned());
            let closed = |error| codes::IMPORT_STOPPED.caused("imports are closed", error);
            (self.held, self.bytes) = (Some(turn.map_err(closed)?), 0);
        }
        self.bytes += bytes;
        Ok(())
    }
}
