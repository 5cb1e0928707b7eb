//! What is dear to make and equal for all who ask: made once, even when many ask at once, and dropped by least use.
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;
use wh_base::Result;

/// Values by key within so many bytes.
pub struct SharedCache<K, V> {
    state: Mutex<State<K, V>>,
    bytes_max: u64,
}

struct State<K, V> {
    entries: HashMap<K, Entry<V>>,
    bytes: u64,
    tick: u64,
}

struct Entry<V> {
    cell: Arc<OnceCell<V>>,
    bytes: u64,
    used: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> SharedCache<K, V> {
    /// Keeps so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        Self { state: Mutex::new(State { entries: HashMap::new(), bytes: 0, tick: 0 }), bytes_max }
    }

    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, when it is there.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut state = self.state();
        state.tick += 1;
        let tick = state.tick;
        let entry = state.entries.get_mut(key)?;
        entry.used = tick;
        entry.cell.get().cloned()
    }

    /// Keeps a value, unless it is too large to be kept beside others.
    pub(crate) fn put(&self, key: K, value: V, bytes: u64) {
        let mut state = self.state();
        state.remove(&key);
        if bytes > self.bytes_max / 2 {
            return;
        }
        state.tick += 1;
        state.bytes += bytes;
        let entry = Entry { cell: Arc::new(OnceCell::new_with(Some(value))), bytes, used: state.tick };
        state.entries.insert(key, entry);
        state.shrink(self.bytes_max);
    }

    /// The value, made when it is not there; others who ask meanwhile wait for it.
    pub async fn get_or_make<F: Future<Output = Result<V>>>(
        &self,
        key: K,
        bytes: impl FnOnce(&V) -> u64,
        make: impl FnOnce() -> F,
    ) -> Result<V> {
        let cell = {
            let mut state = self.state();
            state.tick += 1;
            let used = state.tick;
            let fresh = || Entry { cell: Arc::default(), bytes: 0, used };
            let entry = state.entries.entry(key.clone()).or_insert_with(fresh);
            entry.used = used;
            Arc::clone(&entry.cell)
        };
        if let Some(value) = cell.get() {
            return Ok(value.clone());
        }
        // Whoever goes away in the middle, and whose work fails, leaves nothing behind.
        let _unmade = Unmade { cache: self, key: &key, cell: &cell };
        let mut made = false;
        let result = cell
            .get_or_try_init(|| {
                made = true;
                make()
            })
            .await
            .cloned();
        if let Ok(value) = &result
            && made
        {
            self.settle(&key, &cell, bytes(value));
        }
        result
    }

    /// Drops what a test says is not wanted any more.
    pub(crate) fn retain(&self, wanted: impl Fn(&K) -> bool) {
        let mut state = self.state();
        let unwanted: Vec<K> = state.entries.keys().filter(|key| !wanted(key)).cloned().collect();
        for key in &unwanted {
            state.remove(key);
        }
    }

    fn settle(&self, key: &K, cell: &Arc<OnceCell<V>>, bytes: u64) {
        let mut state = self.state();
        let current = state.entries.get_mut(key).filter(|entry| Arc::ptr_eq(&entry.cell, cell));
        if let Some(entry) = current {
            entry.bytes = bytes;
            state.bytes += bytes;
            // What was dear to make may be all there is: without it, it would be made again for each who asks.
            if bytes > self.bytes_max {
                state.remove(key);
            }
            state.shrink(self.bytes_max);
        }
    }

    /// Removes an entry without a value that nobody else waits for.
    fn forget(&self, key: &K, cell: &Arc<OnceCell<V>>) {
        let mut state = self.state();
        let unmade = |entry: &Entry<V>| {
            let shared = Arc::strong_count(&entry.cell) > HOLDERS;
            Arc::ptr_eq(&entry.cell, cell) && entry.cell.get().is_none() && !shared
        };
        if state.entries.get(key).is_some_and(unmade) {
            state.remove(key);
        }
    }

    /// How many values there are, those that are being made included.
    pub fn len(&self) -> usize {
        self.state().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Who holds the cell of an entry that only one waits for: the entry, and the one who waits.
const HOLDERS: usize = 2;

/// Sees to it that an entry goes when its value was not made.
struct Unmade<'a, K: Clone + Eq + Hash, V: Clone> {
    cache: &'a SharedCache<K, V>,
    key: &'a K,
    cell: &'a Arc<OnceCell<V>>,
}

impl<K: Clone + Eq + Hash, V: Clone> Drop for Unmade<'_, K, V> {
    fn drop(&mut self) {
        self.cache.forget(self.key, self.cell);
    }
}

impl<K: Clone + Eq + Hash, V> State<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }

    fn shrink(&mut self, bytes_max: u64) {
        while self.bytes > bytes_max {
            let ready = self.entries.iter().filter(|(_, entry)| entry.bytes > 0);
            let Some(key) = ready.min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone()) else {
                return;
            };
            self.remove(&key);
        }
    }
}
