//! Removes objects that no version names: what a crash left of an import, and what a replaced version was made of.
use std::collections::HashMap;
use std::collections::HashSet;

use futures_util::TryStreamExt;
use wh_base::{Result, Timestamp};
use wh_contract::{DatasetId, TenantId};
use wh_db::{SystemDb, replayed};

use crate::datasets::Datasets;
use crate::ownership::{Standing, owner};
use crate::segment::{ROOT, dataset_prefix};
use crate::sweep_catalog as catalog;

/// Objects looked at in one go.
const ORPHANS_MAX: usize = 100_000;
/// Rounds of one sweep; what is left waits for the next.
const ROUNDS_MAX: usize = 500;

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Segments of replaced versions.
    pub superseded: u64,
    /// Objects that nobody named.
    pub orphans: u64,
    /// Bytes of those.
    pub orphan_bytes: u64,
}

impl Datasets {
    /// Removes what is not needed any more. Safe at any time and on several nodes at once.
    pub async fn sweep(&self, system: &SystemDb) -> Result<Swept> {
        self.0.prune();
        self.store_is_own(system).await?;
        self.sweep_catalog(system).await?;
        let mut swept = Swept { superseded: self.sweep_superseded(system).await?, ..Swept::default() };
        if self.standing(system).await? == Standing::Unknown {
            // An older or emptied database of this installation would say so of all rows: better too much on the disk than too little.
            metrics::counter!("dataset_sweeps_refused_total").increment(1);
            tracing::error!(
                "the database knows not one dataset of the objects in the store: none is removed; \
                 see dataset_sweeps_refused_total in docs/operations.md"
            );
        } else {
            self.sweep_orphans(system, &mut swept).await?;
        }
        self.sweep_forgotten(system).await?;
        metrics::counter!("dataset_swept_objects_total").increment(swept.superseded + swept.orphans);
        Ok(swept)
    }

    /// How many bytes of segments the companies from `first` to `last` have on the object store, replaced ones that are not
    /// swept yet among them. At most `limit` companies.
    pub async fn stored(
        &self,
        system: &SystemDb,
        first: TenantId,
        last: TenantId,
        limit: u32,
    ) -> Result<Vec<(TenantId, u64)>> {
        catalog::stored(&mut system.read("storage by company").await?, first, last, limit).await
    }

    /// What commits and deletes left to do: their transactions do not touch each segment.
    async fn sweep_catalog(&self, system: &SystemDb) -> Result<()> {
        let replaced = catalog::replaced(&mut system.read("sweep of replaced datasets").await?).await?;
        for replaced in &replaced {
            let mark = || async {
                let mut tx = system.begin("sweep of replaced dataset segments").await?;
                let marked = catalog::replaced_mark(&mut tx, replaced).await?;
                tx.commit().await.map(|()| marked)
            };
            while replayed(mark).await? == u64::from(catalog::SWEEP_ROWS_MAX) {}
        }
        let deleted = catalog::deleted(&mut system.read("sweep of deleted datasets").await?).await?;
        for (tenant, dataset) in deleted {
            let remove = || async move {
                let mut tx = system.begin("sweep of deleted datasets").await?;
                let removed = catalog::deleted_remove(&mut tx, tenant, dataset).await?;
                tx.commit().await.map(|()| removed)
            };
            while replayed(remove).await? > 0 {}
        }
        Ok(())
    }

    /// A deleted dataset is remembered as long as it has objects: they are removed because it is known whose they were.
    async fn sweep_forgotten(&self, system: &SystemDb) -> Result<()> {
        let bare = catalog::deleted_bare(&mut system.read("sweep of deleted datasets").await?).await?;
        for (tenant, dataset) in bare {
            let mut objects = Box::pin(self.0.objects.list(&dataset_prefix(tenant, dataset)));
            if objects.try_next().await?.is_some() {
                continue;
            }
            let forget = || async move {
                let mut tx = system.begin("sweep of deleted datasets").await?;
                catalog::deleted_forget(&mut tx, tenant, dataset).await?;
                tx.commit().await
            };
            replayed(forget).await?;
        }
        Ok(())
    }

    async fn sweep_superseded(&self, system: &SystemDb) -> Result<u64> {
        let before = self.before(self.0.config.superseded_grace_s);
        let mut removed = 0;
        for _ in 0..ROUNDS_MAX {
            let mut reads = system.read("sweep of replaced dataset segments").await?;
            let found = catalog::gone(&mut reads, before).await?;
            drop(reads);
            let last = found.len() < catalog::SWEEP_ROWS_MAX as usize;
            let gone: Vec<_> = found.into_iter().filter(|gone| !self.0.versions.is_read(gone.id)).collect();
            if gone.is_empty() {
                break;
            }
            // The rows go first: an object without a row is an orphan, a row without an object is a broken version.
            let forget = || async {
                let mut tx = system.begin("sweep of replaced dataset segments").await?;
                catalog::gone_delete(&mut tx, &gone).await?;
                tx.commit().await
            };
            replayed(forget).await?;
            for gone in &gone {
                self.0.objects.delete(&gone.path).await?;
            }
            removed += gone.len() as u64;
            if last {
                break;
            }
        }
        Ok(removed)
    }

    async fn sweep_orphans(&self, system: &SystemDb, swept: &mut Swept) -> Result<()> {
        let before = self.before(self.0.config.orphan_grace_s);
        let mut old: HashMap<(TenantId, DatasetId), Vec<(String, u64)>> = HashMap::new();
        let mut count = 0;
        let mut objects = Box::pin(self.0.objects.list(ROOT));
        while let Some(object) = objects.try_next().await? {
            if object.modified < before
                && let Some(owner) = owner(&object.path)
            {
                old.entry(owner).or_default().push((object.path, object.bytes));
                count += 1;
                if count == ORPHANS_MAX {
                    self.sweep_old(system, std::mem::take(&mut old), swept).await?;
                    count = 0;
                }
            }
        }
        self.sweep_old(system, old, swept).await
    }

    async fn sweep_old(
        &self,
        system: &SystemDb,
        old: HashMap<(TenantId, DatasetId), Vec<(String, u64)>>,
        swept: &mut Swept,
    ) -> Result<()> {
        if old.is_empty() {
            return Ok(());
        }
        let mut orphans = Vec::new();
        {
            let mut reads = system.read("sweep of orphaned dataset objects").await?;
            for ((tenant, dataset), objects) in old {
                let named: HashSet<String> =
                    catalog::paths(&mut reads, tenant, dataset).await?.into_iter().collect();
                orphans.extend(objects.into_iter().filter(|(path, _)| !named.contains(path)));
            }
        }
        for (path, bytes) in orphans {
            self.0.objects.delete(&path).await?;
            swept.orphans += 1;
            swept.orphan_bytes += bytes;
        }
        Ok(())
    }

    fn before(&self, grace_s: u32) -> Timestamp {
        self.0.clock.now().plus_seconds(-i64::from(grace_s))
    }
}
