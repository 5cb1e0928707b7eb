//! Which versions this process knows: the newest of each dataset, and replaced ones as long as somebody holds them.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use uuid::Uuid;
use wh_contract::{DatasetId, TenantId};

use crate::catalog::VersionMeta;

/// Datasets whose newest version is kept.
const NEWEST_MAX: usize = 10_000;
/// Deleted datasets that are remembered. Only a reader that began before the delete may still bring one.
const DELETED_MAX: usize = 1_000;

/// The descriptions of versions, shared by all who read them.
#[derive(Default)]
pub(crate) struct Versions(Mutex<Known>);

#[derive(Default)]
struct Known {
    newest: HashMap<(TenantId, DatasetId), Arc<VersionMeta>>,
    /// Not the newest any more, and maybe still read.
    superseded: Vec<Weak<VersionMeta>>,
    /// Gone for good: an id does not come again.
    deleted: HashSet<(TenantId, DatasetId)>,
}

impl Versions {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The description of this version, when it is the newest known one of its dataset.
    pub(crate) fn get(
        &self,
        tenant: TenantId,
        dataset: DatasetId,
        version: Uuid,
    ) -> Option<Arc<VersionMeta>> {
        let known = self.known();
        known.newest.get(&(tenant, dataset)).filter(|meta| meta.id == version).cloned()
    }

    /// A version that was read from the catalog or has been committed. Answers the version that is superseded now: the one
    /// that was the newest, or this one, when its reader still sees a moment before another commit or the delete.
    pub(crate) fn learn(&self, meta: &Arc<VersionMeta>) -> Option<Uuid> {
        let mut known = self.known();
        let key = (meta.tenant, meta.dataset);
        if known.deleted.contains(&key) {
            known.superseded.push(Arc::downgrade(meta));
            return Some(meta.id);
        }
        match known.newest.get(&key) {
            Some(newest) if newest.version > meta.version => {
                known.superseded.push(Arc::downgrade(meta));
                return Some(meta.id);
            }
            Some(newest) if newest.id == meta.id => return None,
            Some(_) => {}
            None => known.make_room(),
        }
        let before = known.newest.insert(key, Arc::clone(meta))?;
        known.superseded.push(Arc::downgrade(&before));
        Some(before.id)
    }

    /// The dataset is deleted. Answers its newest version, when it was known.
    pub(crate) fn forget(&self, tenant: TenantId, dataset: DatasetId) -> Option<Uuid> {
        let mut known = self.known();
        if known.deleted.len() >= DELETED_MAX {
            known.deleted.clear();
        }
        known.deleted.insert((tenant, dataset));
        let newest = known.newest.remove(&(tenant, dataset))?;
        known.superseded.push(Arc::downgrade(&newest));
        Some(newest.id)
    }

    /// The superseded versions that somebody holds.
    pub(crate) fn read(&self) -> Vec<Uuid> {
        let mut known = self.known();
        known.superseded.retain(|meta| meta.strong_count() > 0);
        known.superseded.iter().filter_map(|meta| meta.upgrade().map(|meta| meta.id)).collect()
    }

    /// Whether a version is superseded and somebody holds it.
    pub(crate) fn is_superseded(&self, version: Uuid) -> bool {
        self.known().holds(|meta| meta.id == version)
    }

    /// Whether a superseded version that somebody holds is made of this segment.
    pub(crate) fn is_read(&self, segment: Uuid) -> bool {
        self.known().holds(|meta| meta.segments.iter().any(|own| own.id == segment))
    }
}

impl Known {
    fn holds(&self, test: impl Fn(&VersionMeta) -> bool) -> bool {
        self.superseded.iter().any(|meta| meta.upgrade().is_some_and(|meta| test(&meta)))
    }

    /// Whoever needs what goes here reads it from the catalog again.
    fn make_room(&mut self) {
        if self.newest.len() < NEWEST_MAX {
            return;
        }
        self.newest.retain(|_, meta| Arc::strong_count(meta) > 1);
        if self.newest.len() >= NEWEST_MAX {
            self.newest.clear();
        }
    }
}
