//! How work on backups is told to stop: looked at between parts, and while a program of PostgreSQL runs.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wh_base::Result;

use crate::codes;

/// Set once, by whoever waits for the work; nobody has set a new one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// The work is to end, undone.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it is to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Refuses to go on once it is set.
    pub fn check(&self) -> Result<()> {
        if self.is_set() {
            return Err(codes::STOPPED.error("the server ends"));
        }
        Ok(())
    }
}
