//! The datasets in memory: whole ones within a budget of bytes, dropped by least recent use, loaded once for all who wait.
use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::runtime::Handle;
use uuid::Uuid;
use wh_base::{Error, Result};

use super::hot::Hot;
use crate::codes;

type Loading = Shared<BoxFuture<'static, Result<Hot, Arc<Error>>>>;

/// Datasets in memory by the id of their version.
#[derive(Debug)]
pub(crate) struct HotStore {
    state: Mutex<State>,
    budget_bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Uuid, Entry>,
    bytes: u64,
    /// What imports hold beside the entries.
    reserved: u64,
    tick: u64,
}

#[derive(Debug)]
struct Entry {
    slot: Slot,
    bytes: u64,
    used: u64,
    /// A newer version exists: the first to go.
    superseded: bool,
}

#[derive(Debug)]
enum Slot {
    Ready(Hot),
    Loading(Loading),
}

impl HotStore {
    pub(crate) fn new(budget_bytes: u64) -> Self {
        Self { state: Mutex::default(), budget_bytes }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The dataset, when it is in memory.
    pub(crate) fn get(&self, version: Uuid) -> Option<Hot> {
        let mut state = self.state();
        state.tick += 1;
        let tick = state.tick;
        let entry = state.entries.get_mut(&version)?;
        entry.used = tick;
        match &entry.slot {
            Slot::Ready(hot) => Some(hot.clone()),
            Slot::Loading(_) => None,
        }
    }

    /// The dataset, loaded when it is not in memory. The load goes on when nobody waits for it any more.
    pub(crate) async fn get_or_load<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        version: Uuid,
        load: impl FnOnce() -> F,
    ) -> Result<Hot>
    where
        F: Future<Output = Result<Hot>> + Send + 'static,
    {
        if let Some(hot) = self.get(version) {
            return Ok(hot);
        }
        let loading = self.begin(runtime, version, load);
        match loading {
            Ok(hot) => Ok(hot),
            Err(loading) => loading.await.map_err(|error| error.code().error(error.message())),
        }
    }

    /// Starts a load that nobody waits for yet.
    pub(crate) fn preload<F>(self: &Arc<Self>, runtime: &Handle, version: Uuid, load: impl FnOnce() -> F)
    where
        F: Future<Output = Result<Hot>> + Send + 'static,
    {
        drop(self.begin(runtime, version, load));
    }

    /// Joins the load that runs, or starts one.
    fn begin<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        version: Uuid,
        load: impl FnOnce() -> F,
    ) -> Result<Hot, Loading>
    where
        F: Future<Output = Result<Hot>> + Send + 'static,
    {
        let mut state = self.state();
        state.tick += 1;
        let used = state.tick;
        match state.entries.get(&version).map(|entry| &entry.slot) {
            Some(Slot::Ready(hot)) => return Ok(hot.clone()),
            Some(Slot::Loading(loading)) => return Err(loading.clone()),
            None => {}
        }
        let (store, load) = (Arc::clone(self), load());
        let task = runtime.spawn(async move {
            // Who waits must be told, and who comes later must not wait for a load that is no more.
            let stopped = |_| Err(codes::LOAD_STOPPED.error("the load of a dataset stopped"));
            let result =
                AssertUnwindSafe(load).catch_unwind().await.unwrap_or_else(stopped).map_err(Arc::new);
            store.settle(version, &result);
            result
        });
        let loading = task
            .map(|joined| {
                let stopped =
                    |error| Arc::new(codes::LOAD_STOPPED.caused("the load of a dataset stopped", error));
                joined.unwrap_or_else(|error| Err(stopped(error)))
            })
            .boxed()
            .shared();
        let entry = Entry { slot: Slot::Loading(loading.clone()), bytes: 0, used, superseded: false };
        state.entries.insert(version, entry);
        metrics::counter!("dataset_hot_loads_total").increment(1);
        Err(loading)
    }

    fn settle(&self, version: Uuid, result: &Result<Hot, Arc<Error>>) {
        match result {
            Ok(hot) => {
                let mut state = self.state();
                // Removed meanwhile: whoever waits still gets it.
                if let Some(superseded) = state.entries.get(&version).map(|entry| entry.superseded) {
                    state.put(version, hot.clone()).superseded = superseded;
                    state.shrink(self.budget_bytes, version);
                }
            }
            Err(error) => {
                tracing::error!(code = error.code().code, error = ?error, "a dataset could not be loaded");
                self.remove(version);
            }
        }
    }

    /// Room for a dataset that is being loaded: others go. An error when it alone is more than the budget.
    pub(crate) fn reserve(&self, version: Uuid, bytes: u64) -> Result<()> {
        if bytes > self.budget_bytes {
            return Err(codes::MEMORY.error(format!(
                "the dataset needs more than the {} MiB that datasets may hold in memory",
                self.budget_bytes >> 20
            )));
        }
        let mut state = self.state();
        if let Some(entry) = state.entries.get_mut(&version) {
            let before = std::mem::replace(&mut entry.bytes, bytes);
            state.bytes = state.bytes - before + bytes;
            state.shrink(self.budget_bytes, version);
        }
        Ok(())
    }

    /// Room for an import, none of it taken yet.
    pub(crate) fn room(self: &Arc<Self>) -> Room {
        Room { store: Arc::clone(self), bytes: AtomicU64::new(0) }
    }

    /// Puts a dataset in that is there already, if it fits.
    pub(crate) fn put(&self, version: Uuid, hot: Hot) {
        if hot.bytes() <= self.budget_bytes {
            let mut state = self.state();
            state.put(version, hot);
            state.shrink(self.budget_bytes, version);
        }
    }

    /// A newer version exists. It stays while somebody may read it, and is the first to go.
    pub(crate) fn supersede(&self, version: Uuid) {
        if let Some(entry) = self.state().entries.get_mut(&version) {
            entry.superseded = true;
        }
    }

    /// Drops a dataset.
    pub(crate) fn remove(&self, version: Uuid) {
        let mut state = self.state();
        state.remove(version);
    }

    /// Drops superseded versions that nobody reads; answers which.
    pub(crate) fn prune(&self, read: impl Fn(Uuid) -> bool) -> Vec<Uuid> {
        let mut state = self.state();
        let unread = state.entries.iter().filter(|(version, entry)| entry.superseded && !read(**version));
        let unread: Vec<Uuid> = unread.map(|(version, _)| *version).collect();
        for version in &unread {
            state.remove(*version);
        }
        unread
    }

    /// Bytes held and versions in memory.
    pub(crate) fn held(&self) -> (u64, usize) {
        let state = self.state();
        (state.bytes, state.entries.len())
    }
}

/// What an import takes of the budget while its rows are nobody's yet. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    store: Arc<HotStore>,
    /// Changed under the lock of the store only.
    bytes: AtomicU64,
}

impl Room {
    /// Takes as much in all; others leave the memory for it. False, and all of it given back, when it cannot be had.
    pub(crate) fn grow_to(&self, bytes: u64) -> bool {
        let mut state = self.store.state();
        state.reserved = state.reserved - self.bytes.swap(bytes, Ordering::Relaxed) + bytes;
        if bytes <= self.store.budget_bytes {
            state.shrink(self.store.budget_bytes, Uuid::nil());
        }
        let fits = state.bytes + state.reserved <= self.store.budget_bytes;
        if !fits {
            state.reserved -= self.bytes.swap(0, Ordering::Relaxed);
        }
        fits
    }

    /// Gives all of it back.
    pub(crate) fn release(&self) {
        let mut state = self.store.state();
        state.reserved -= self.bytes.swap(0, Ordering::Relaxed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.release();
    }
}

impl State {
    fn put(&mut self, version: Uuid, hot: Hot) -> &mut Entry {
        self.remove(version);
        self.tick += 1;
        let bytes = hot.bytes();
        self.bytes += bytes;
        let entry = Entry { slot: Slot::Ready(hot), bytes, used: self.tick, superseded: false };
        tell(self.bytes, self.entries.len() + 1);
        self.entries.entry(version).insert_entry(entry).into_mut()
    }

    fn remove(&mut self, version: Uuid) {
        if let Some(entry) = self.entries.remove(&version) {
            self.bytes -= entry.bytes;
            tell(self.bytes, self.entries.len());
        }
    }

    fn shrink(&mut self, budget_bytes: u64, keep: Uuid) {
        while self.bytes + self.reserved > budget_bytes {
            // One that is being loaded has somebody waiting for it.
            let idle = self
                .entries
                .iter()
                .filter(|(version, entry)| **version != keep && matches!(entry.slot, Slot::Ready(_)));
            let oldest =
                idle.min_by_key(|(_, entry)| (!entry.superseded, entry.used)).map(|(version, _)| *version);
            let Some(oldest) = oldest else { return };
            self.remove(oldest);
            metrics::counter!("dataset_hot_evictions_total").increment(1);
        }
    }
}

fn tell(bytes: u64, datasets: usize) {
    metrics::gauge!("dataset_hot_bytes").set(bytes as f64);
    metrics::gauge!("dataset_hot_datasets").set(datasets as f64);
}
