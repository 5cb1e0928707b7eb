//! The same for many files of a place, several at a time: a bucket answers each request late, and many at once.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use wh_base::Result;

use super::Repository;

/// Requests at the same time.
const AT_ONCE_MAX: usize = 8;

impl Repository {
    /// In the order in which they are given; ends with the first failure, and when the work is told to stop.
    pub(crate) fn each<T: Sync>(&self, items: &[T], work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let take = || {
            while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.stop.check().and_then(|()| work(item)) {
                    next.store(items.len(), Ordering::Relaxed);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..items.len().min(AT_ONCE_MAX) {
                scope.spawn(take);
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}
