//! Shares of the memory of datasets, held by rows that are nobody's yet: of loads, appends and imports. Who needs one for
//! a look at a dataset may wait for it; all others do without.
//!
//! What lies ready leaves for anybody who needs its place. A running import gives up its rows for a look, as they are on
//! the object store as well. An append, and an import between its last byte and its commit, keep theirs and wait for no
//! memory, so whoever waits for them waits for something that ends.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use arrow_array::RecordBatch;
use wh_base::Result;

use super::hot::Hot;
use super::hot_builder::HotBuilder;
use super::store::HotStore;
use crate::codes;
use crate::model::Schema;

/// When a look for which there was no room may be tried again.
const ROOM_RETRY_S: u32 = 5;

/// A share of the budget. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    store: Arc<HotStore>,
    /// Changed under the lock of the store only.
    bytes: AtomicU64,
}

impl Room {
    pub(super) fn new(store: Arc<HotStore>) -> Self {
        Self { store, bytes: AtomicU64::new(0) }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Only under the lock of the store.
    pub(super) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Takes as much in all, when it can be had at once: what lies ready leaves for it. Otherwise nothing changes.
    pub(crate) fn grow_to(&self, bytes: u64) -> bool {
        let mut state = self.store.state();
        let before = self.bytes();
        // Who looks at a dataset comes first.
        let taken =
            (state.waiting == 0 || bytes <= before) && state.take(self, bytes, self.store.budget_bytes);
        drop(state);
        if taken && bytes < before {
            // What is left over may be all that somebody waits for.
            self.store.bell.notify_all();
        }
        taken
    }

    /// Takes as much in all for rows that somebody looks at: what lies ready leaves for it, then what running imports
    /// hold; the rest is waited for, until then at most. Blocks the thread.
    pub(crate) fn claim(&self, bytes: u64, until: Instant) -> Result<()> {
        let budget_bytes = self.store.budget_bytes;
        if bytes > budget_bytes {
            let budget_mib = budget_bytes >> 20;
            return Err(codes::MEMORY.error(format!(
                "the dataset needs more than the {budget_mib} MiB that datasets may hold in memory"
            )));
        }
        let mut state = self.store.state();
        loop {
            if state.take(self, bytes, budget_bytes) {
                return Ok(());
            }
            let imports = std::mem::take(&mut state.imports);
            if !imports.is_empty() {
                // Without the lock, which giving up needs, and the end of an import that is held by nobody else.
                drop(state);
                imports.iter().filter_map(Weak::upgrade).for_each(|import| import.give_up());
                state = self.store.state();
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let message = format!("{} MiB are not free beside other datasets", bytes.div_ceil(1 << 20));
                return Err(codes::MEMORY_BUSY.error(message).retry_after(ROOM_RETRY_S));
            }
            state.waiting += 1;
            state = self.store.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
    }

    /// Gives all of it back.
    pub(crate) fn release(&self) {
        self.store.state().give_back(self);
        self.store.bell.notify_all();
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.release();
    }
}

/// The rows of a running import in memory, as long as there is room for them.
pub(crate) struct Gathered {
    /// Locked before the store, never after it.
    builder: Mutex<Option<HotBuilder>>,
    room: Arc<Room>,
}

impl Gathered {
    pub(super) fn new(schema: &Schema, room: Room) -> Self {
        Self { builder: Mutex::new(Some(HotBuilder::new(schema))), room: Arc::new(room) }
    }

    fn builder(&self) -> MutexGuard<'_, Option<HotBuilder>> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds rows, unless they were given up: they will be read from their segments, if ever they fit.
    pub(crate) fn push(&self, batch: &RecordBatch) -> Result<()> {
        let mut builder = self.builder();
        let Some(own) = builder.as_mut() else { return Ok(()) };
        own.push(batch)?;
        if !self.room.grow_to(own.bytes()) {
            *builder = None;
            self.room.release();
        }
        Ok(())
    }

    /// All rows with their room, if they were not given up. From here on they are kept.
    pub(crate) fn finish(&self) -> Option<(Hot, Arc<Room>)> {
        let builder = self.builder().take()?;
        let hot = builder.finish();
        if self.room.grow_to(hot.bytes()) {
            return Some((hot, Arc::clone(&self.room)));
        }
        drop(hot);
        self.room.release();
        None
    }

    /// Makes room for somebody who looks at a dataset.
    fn give_up(&self) {
        let mut builder = self.builder();
        if builder.take().is_some() {
            self.room.release();
            metrics::counter!("dataset_hot_imports_dropped_total").increment(1);
        }
    }
}
