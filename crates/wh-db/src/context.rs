//! What a use case gets from outside: database, time, randomness, ids. Nothing else may be reached for.
use std::sync::Arc;

use uuid::Uuid;
use wh_base::{Clock, IdSource, Limits, Random};

use crate::Db;

/// The inputs of every use case. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The tenants' rows.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// New ids.
    pub ids: IdSource,
    /// What a company may use at most.
    pub limits: Limits,
}

impl Context {
    /// A context over this database.
    pub fn new(db: Db, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let ids = IdSource::new(Arc::clone(&clock), Arc::clone(&random));
        let limits = Limits::new(Arc::clone(&clock));
        Self { db, clock, random, ids, limits }
    }

    /// A new id of the wanted type.
    pub fn next_id<T: From<Uuid>>(&self) -> T {
        self.ids.next()
    }
}
