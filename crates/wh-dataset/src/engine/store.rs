//! The datasets in memory: whole ones within a budget of bytes, dropped by least recent use, loaded once for all who wait.
//! What they take and what is on its way (see `room`) is never more than the budget together.
use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use uuid::Uuid;
use wh_base::{Error, Result, Served};

use super::hot::Hot;
use super::room::{Gathered, Room};
use crate::codes;
use crate::model::Schema;

type Loading = Shared<BoxFuture<'static, Result<Hot, Arc<Error>>>>;

/// Datasets in memory by the id of their version.
#[derive(Debug)]
pub(crate) struct HotStore {
    state: Mutex<State>,
    /// Rung when something is given back, or may leave from now on.
    pub(super) bell: Condvar,
    pub(super) budget_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    entries: HashMap<Uuid, Entry>,
    /// What lies ready. All of it may leave.
    bytes: u64,
    /// What rooms hold beside that.
    reserved: u64,
    /// The most of both together so far.
    most: u64,
    /// Who waits for a room.
    pub(super) waiting: usize,
    /// Imports that may have rows to give up.
    pub(super) imports: Vec<Weak<Gathered>>,
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
    Loading(Loading, Begun),
}

/// What began a load.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Begun {
    /// Somebody who looks at the dataset.
    ByLook,
    /// A commit, ahead of any look.
    Ahead,
}

impl HotStore {
    pub(crate) fn new(budget_bytes: u64) -> Self {
        Self { state: Mutex::default(), bell: Condvar::new(), budget_bytes }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A room, nothing taken yet.
    pub(crate) fn room(self: &Arc<Self>) -> Room {
        Room::new(Arc::clone(self))
    }

    /// A place for the rows of an import.
    pub(crate) fn gather(self: &Arc<Self>, schema: &Schema) -> Arc<Gathered> {
        let gathered = Arc::new(Gathered::new(schema, self.room()));
        let mut state = self.state();
        state.imports.retain(|import| import.strong_count() > 0);
        state.imports.push(Arc::downgrade(&gathered));
        drop(state);
        gathered
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
            Slot::Loading(..) => None,
        }
    }

    /// The dataset, loaded when it is not in memory. The load goes on when nobody waits for it any more.
    pub(crate) async fn get_or_load<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        version: Uuid,
        load: impl Fn() -> F,
    ) -> Result<Hot>
    where
        F: Future<Output = Result<(Hot, Room)>> + Send + 'static,
    {
        let mut again = true;
        loop {
            if let Some(hot) = self.get(version) {
                return Ok(hot);
            }
            let (loading, begun) = match self.begin(runtime, version, Begun::ByLook, &load) {
                Ok(hot) => return Ok(hot),
                Err(joined) => joined,
            };
            match loading.await {
                Ok(hot) => return Ok(hot),
                // What a commit could not have ready, for want of room perhaps, is loaded by who looks at it.
                Err(_) if again && begun == Begun::Ahead => again = false,
                Err(error) => return Err(told(&error)),
            }
        }
    }

    /// Starts a load that nobody waits for yet.
    pub(crate) fn preload<F>(self: &Arc<Self>, runtime: &Handle, version: Uuid, load: impl FnOnce() -> F)
    where
        F: Future<Output = Result<(Hot, Room)>> + Send + 'static,
    {
        drop(self.begin(runtime, version, Begun::Ahead, load));
    }

    /// Joins the load that runs, or starts one.
    fn begin<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        version: Uuid,
        begun: Begun,
        load: impl FnOnce() -> F,
    ) -> Result<Hot, (Loading, Begun)>
    where
        F: Future<Output = Result<(Hot, Room)>> + Send + 'static,
    {
        let mut state = self.state();
        state.tick += 1;
        let used = state.tick;
        match state.entries.get(&version).map(|entry| &entry.slot) {
            Some(Slot::Ready(hot)) => return Ok(hot.clone()),
            Some(Slot::Loading(loading, begun)) => return Err((loading.clone(), *begun)),
            None => {}
        }
        let (sender, receiver) = oneshot::channel::<Result<Hot, Arc<Error>>>();
        let told = receiver.map(|told| {
            told.unwrap_or_else(|error| {
                Err(Arc::new(codes::LOAD_STOPPED.caused("the load of a dataset stopped", error)))
            })
        });
        let loading = told.boxed().shared();
        let slot = Slot::Loading(loading.clone(), begun);
        state.entries.insert(version, Entry { slot, bytes: 0, used, superseded: false });
        // What a load holds of the budget is given back under the lock, at once when there is no runtime any more.
        drop(state);
        metrics::counter!("dataset_hot_loads_total").increment(1);
        let (store, load) = (Arc::clone(self), load());
        // Others may come to wait for it; it belongs to whoever was first.
        let loading_for = Served::current();
        runtime.spawn(loading_for.within(async move {
            // Who waits must be told, and who comes later must not wait for a load that is no more.
            let stopped = |_| Err(codes::LOAD_STOPPED.error("the load of a dataset stopped"));
            let loaded = AssertUnwindSafe(load).catch_unwind().await.unwrap_or_else(stopped);
            sender.send(store.settle(version, begun, loaded)).ok(); // maybe nobody waits
        }));
        Err((loading, begun))
    }

    fn settle(&self, version: Uuid, begun: Begun, loaded: Result<(Hot, Room)>) -> Result<Hot, Arc<Error>> {
        match loaded {
            Ok((hot, room)) => {
                let mut state = self.state();
                state.give_back(&room);
                // Removed meanwhile: whoever waits still gets it.
                if let Some(superseded) = state.entries.get(&version).map(|entry| entry.superseded) {
                    state.put(version, hot.clone()).superseded = superseded;
                    state.shrink(self.budget_bytes);
                }
                drop(state);
                self.bell.notify_all();
                Ok(hot)
            }
            Err(error) => {
                if begun == Begun::Ahead && error.is(&codes::MEMORY_BUSY) {
                    tracing::debug!(%version, "there is no room for an append; it is loaded when it is looked at");
                } else {
                    tracing::error!(code = error.code().code, error = ?error, "a dataset could not be loaded");
                }
                self.remove(version);
                Err(Arc::new(error))
            }
        }
    }

    /// Puts a dataset in that is there already, in the place of its room, if it fits.
    pub(crate) fn put(&self, version: Uuid, hot: Hot, room: &Room) {
        let mut state = self.state();
        state.give_back(room);
        if hot.bytes() <= self.budget_bytes {
            state.put(version, hot);
            state.shrink(self.budget_bytes);
        }
        drop(state);
        self.bell.notify_all();
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

    /// Bytes held, those on their way included, and versions in memory.
    pub(crate) fn held(&self) -> (u64, usize) {
        let state = self.state();
        (state.bytes + state.reserved, state.entries.len())
    }

    /// The most bytes that were ever held at once.
    pub(crate) fn held_most(&self) -> u64 {
        self.state().most
    }
}

impl State {
    /// As much in all for a room; what lies ready leaves for it. False, and nothing has changed, when it cannot be had.
    pub(super) fn take(&mut self, room: &Room, bytes: u64, budget_bytes: u64) -> bool {
        let others = self.reserved - room.bytes();
        if others + bytes > budget_bytes {
            return false;
        }
        room.set_bytes(bytes);
        self.reserved = others + bytes;
        self.shrink(budget_bytes);
        true
    }

    pub(super) fn give_back(&mut self, room: &Room) {
        self.reserved -= room.bytes();
        room.set_bytes(0);
        self.tell();
    }

    fn put(&mut self, version: Uuid, hot: Hot) -> &mut Entry {
        self.remove(version);
        self.tick += 1;
        let bytes = hot.bytes();
        self.bytes += bytes;
        let entry = Entry { slot: Slot::Ready(hot), bytes, used: self.tick, superseded: false };
        self.entries.entry(version).insert_entry(entry).into_mut()
    }

    fn remove(&mut self, version: Uuid) {
        if let Some(entry) = self.entries.remove(&version) {
            self.bytes -= entry.bytes;
            self.tell();
        }
    }

    /// Drops what was not looked at for longest until all fits. One that is being loaded has somebody waiting for it.
    fn shrink(&mut self, budget_bytes: u64) {
        while self.bytes + self.reserved > budget_bytes {
            let ready = self.entries.iter().filter(|(_, entry)| matches!(entry.slot, Slot::Ready(_)));
            let oldest = ready.min_by_key(|(_, entry)| (!entry.superseded, entry.used));
            let Some(oldest) = oldest.map(|(version, _)| *version) else { break };
            self.remove(oldest);
            metrics::counter!("dataset_hot_evictions_total").increment(1);
        }
        self.most = self.most.max(self.bytes + self.reserved);
        self.tell();
    }

    fn tell(&self) {
        metrics::gauge!("dataset_hot_bytes").set((self.bytes + self.reserved) as f64);
        metrics::gauge!("dataset_hot_bytes_most").set(self.most as f64);
        metrics::gauge!("dataset_hot_datasets").set(self.entries.len() as f64);
    }
}

/// The error of a load for one of those who waited for it.
fn told(error: &Error) -> Error {
    let own = error.code().error(error.message());
    match error.retry_after_s() {
        Some(seconds) => own.retry_after(seconds),
        None => own,
    }
}
