//! The datasets of this process: handles, commits, views. Catalog rows change in the caller's transaction only.
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use uuid::Uuid;
use wh_base::{Clock, IdSource, Result};
use wh_contract::events::ImportMode;
use wh_contract::{DatasetId, TenantId};
use wh_db::{Reads, TenantTx};

use crate::catalog::{self, Advance, Mode, VersionMeta};
use crate::codes;
use crate::engine::{self, Engine, EngineLimits, Hot, HotStore, Room, Version, ViewQuery, Window};
use crate::ingest::{IMPORT_ROWS_MAX, IngestHost, IngestLimits, Staged};
use crate::loads::{self, LOADS_AT_ONCE, LOADS_WAITING_MAX};
use crate::model::Schema;
use crate::segment::{Objects, SegmentMeta};
use crate::versions::Versions;

/// Bytes that answers to equal queries may take.
const WINDOW_CACHE_BYTES: u64 = 8 << 20;

/// What datasets may use.
#[derive(Clone, Copy, Debug)]
pub struct DatasetsConfig {
    /// Imports, and the bytes of all datasets in memory.
    pub imports: IngestLimits,
    /// Bytes of sorted orders kept for deep pages.
    pub order_budget_bytes: u64,
    /// How long a look at a dataset waits for memory that others hold: imports, appends, and the looks that wait before it.
    pub memory_wait_max: Duration,
    /// Threads for views that take longer than a request may hold its own.
    pub view_threads: usize,
    /// How long an object that no version names yet is left alone, in seconds: much longer than an import may take.
    pub orphan_grace_s: u32,
    /// How long a segment is kept after the last version that needs it, in seconds.
    pub superseded_grace_s: u32,
}

impl Default for DatasetsConfig {
    fn default() -> Self {
        Self {
            imports: IngestLimits::default(),
            order_budget_bytes: 128 << 20,
            memory_wait_max: Duration::from_secs(20),
            view_threads: 2,
            orphan_grace_s: 24 * 3_600,
            superseded_grace_s: 3_600,
        }
    }
}

/// What a commit made.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The new version.
    pub version: u64,
    /// Rows it has in all.
    pub rows: u64,
    /// Its columns.
    pub schema: Schema,
}

/// A version of a dataset of one tenant; given out by a transaction of that tenant and by nothing else. Whoever holds
/// it reads that version, whatever is committed meanwhile.
#[derive(Clone, Debug)]
pub struct DatasetHandle {
    tenant: TenantId,
    dataset: DatasetId,
    meta: Option<Arc<VersionMeta>>,
}

impl DatasetHandle {
    /// Whose it is.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Which dataset.
    pub fn id(&self) -> DatasetId {
        self.dataset
    }

    /// How often it was committed to; 0 for never.
    pub fn version(&self) -> u64 {
        self.meta.as_ref().map_or(0, |meta| meta.version)
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.meta.as_ref().map_or(0, |meta| meta.rows)
    }

    /// Its columns; none before the first commit.
    pub fn schema(&self) -> Option<&Schema> {
        self.meta.as_ref().map(|meta| &meta.schema)
    }

    /// Its rows on the object store, in order.
    pub fn segments(&self) -> &[SegmentMeta] {
        self.meta.as_ref().map_or(&[], |meta| &meta.segments)
    }
}

/// All datasets of this process. Cheap to clone.
#[derive(Clone)]
pub struct Datasets(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) objects: Objects,
    pub(crate) ids: IdSource,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: DatasetsConfig,
    host: IngestHost,
    engine: Engine,
    pub(crate) hot: Arc<HotStore>,
    /// Turns of loads from the object store.
    pub(crate) loads: Semaphore,
    /// Which of them may wait for memory.
    pub(crate) load_waits: Semaphore,
    pub(crate) versions: Versions,
}

impl Datasets {
    /// Datasets over this store.
    pub fn open(objects: Objects, ids: IdSource, clock: Arc<dyn Clock>, config: DatasetsConfig) -> Self {
        let limits = EngineLimits {
            order_bytes_max: config.order_budget_bytes,
            window_bytes_max: WINDOW_CACHE_BYTES,
            threads: config.view_threads.max(1),
        };
        let hot = Arc::new(HotStore::new(config.imports.hot_budget_bytes));
        let host = IngestHost::sharing(Arc::clone(&hot), objects.clone(), ids.clone(), config.imports);
        Self(Arc::new(Inner {
            objects,
            ids,
            clock,
            config,
            host,
            engine: Engine::new(limits),
            hot,
            loads: Semaphore::new(LOADS_AT_ONCE),
            load_waits: Semaphore::new(LOADS_WAITING_MAX),
            versions: Versions::default(),
        }))
    }

    /// What imports need.
    pub fn ingest_host(&self) -> &IngestHost {
        &self.0.host
    }

    /// The object store.
    pub fn objects(&self) -> &Objects {
        &self.0.objects
    }

    /// Bytes of all datasets in memory and on their way there, and how many versions these are.
    pub fn held(&self) -> (u64, usize) {
        self.0.hot.held()
    }

    /// The most bytes that they took at once so far.
    pub fn held_most(&self) -> u64 {
        self.0.hot.held_most()
    }

    /// A new dataset without rows and columns.
    pub async fn create(&self, tx: &mut TenantTx, id: DatasetId) -> Result<()> {
        catalog::dataset_insert(tx, id, self.0.clock.now()).await
    }

    /// Forgets a dataset. Its objects are removed by a later sweep.
    pub async fn delete(&self, tx: &mut TenantTx, id: DatasetId) -> Result<()> {
        if !catalog::dataset_delete(tx, id, self.0.clock.now()).await? {
            return Err(not_found(id));
        }
        let (inner, tenant) = (Arc::clone(&self.0), tx.tenant());
        tx.on_commit(move || {
            inner.retire(inner.versions.forget(tenant, id));
        });
        Ok(())
    }

    /// The newest version that the transaction sees: the only way to a handle.
    pub async fn handle(&self, reads: &mut impl Reads, id: DatasetId) -> Result<DatasetHandle> {
        let newest = catalog::newest(reads, id).await?.ok_or_else(|| not_found(id))?;
        let tenant = reads.tenant();
        let Some(version) = newest.id else { return Ok(DatasetHandle { tenant, dataset: id, meta: None }) };
        let meta = match self.0.versions.get(tenant, id, version) {
            Some(meta) => meta,
            None => {
                let meta = Arc::new(catalog::version(reads, id, newest, version).await?);
                if reads.is_committed() {
                    // Another node may have made it, or this reader may stand at a moment before the newest commit.
                    self.0.retire(self.0.versions.learn(&meta));
                }
                meta
            }
        };
        Ok(DatasetHandle { tenant, dataset: id, meta: Some(meta) })
    }

    /// Makes what an import staged the newest version. It is seen when the transaction commits, or never.
    pub async fn commit(
        &self,
        tx: &mut TenantTx,
        id: DatasetId,
        staged: Staged,
        mode: ImportMode,
    ) -> Result<Committed> {
        if staged.tenant != tx.tenant() || staged.dataset != id {
            return Err(not_found(id));
        }
        // Two imports that end at once take their turns here; the second one counts on.
        tx.lock(&format!("dataset.{id}")).await?;
        let before = self.handle(tx, id).await?;
        let Staged { schema, rows, segments: fresh, bad, hot, room, .. } = staged;
        let mode =
            if mode == ImportMode::Append && before.meta.is_some() { Mode::Append } else { Mode::Replace };
        let (mut all_rows, mut segments) = (rows, fresh.clone());
        if mode == Mode::Append {
            same_schema(before.schema(), &schema)?;
            all_rows += before.rows();
            segments = before.segments().iter().chain(&fresh).cloned().collect();
        }
        if all_rows > IMPORT_ROWS_MAX {
            return Err(codes::ROWS.error(format!("{all_rows} rows in all, not at most {IMPORT_ROWS_MAX}")));
        }
        if segments.len() > catalog::SEGMENTS_MAX as usize {
            return Err(codes::ROWS.error(format!("more than {} segments", catalog::SEGMENTS_MAX)));
        }
        let version = newest_version(tx, id).await? + 1;
        let base =
            before.meta.as_ref().filter(|_| mode == Mode::Append).map_or(version, |before| before.base);
        let meta = Arc::new(VersionMeta {
            tenant: staged.tenant,
            dataset: id,
            version,
            id: self.0.ids.next(),
            base,
            rows: all_rows,
            schema,
            segments,
        });
        let now = self.0.clock.now();
        catalog::advance(tx, Advance { meta: &meta, fresh: &fresh, bad: &bad, mode, now }).await?;
        let committed = Committed { version: meta.version, rows: meta.rows, schema: meta.schema.clone() };
        let (inner, runtime, before) = (Arc::clone(&self.0), Handle::current(), before.meta);
        tx.on_commit(move || inner.swap(&runtime, before, meta, mode, hot.zip(room)));
        Ok(committed)
    }

    /// How many bytes of segments, replaced ones that are not swept yet among them, and of kept bad lines the transaction's tenant
    /// has on the object store; in a change, with what it commits.
    pub async fn stored_by(&self, reads: &mut impl Reads) -> Result<u64> {
        catalog::stored_own(reads).await
    }

    /// One window of a view of a version.
    pub async fn view(&self, handle: &DatasetHandle, query: &ViewQuery) -> Result<Window> {
        let Some(meta) = &handle.meta else { return engine::empty_window(query) };
        let key = serde_json::to_string(query)
            .map_err(|error| codes::FILTER.caused("the query cannot be written", error))?;
        if let Some(window) = self.0.engine.known(meta.id, &key) {
            self.0.hot.get(meta.id);
            return Ok(window);
        }
        let hot = self.0.hot(meta).await?;
        self.0.engine.window(Version { id: meta.id, number: meta.version, hot }, query, key).await
    }
}

async fn newest_version(tx: &mut TenantTx, id: DatasetId) -> Result<u64> {
    Ok(catalog::newest(tx, id).await?.ok_or_else(|| not_found(id))?.version)
}

impl Inner {
    /// The rows of a version in memory.
    async fn hot(self: &Arc<Self>, meta: &Arc<VersionMeta>) -> Result<Hot> {
        let load = || {
            let (inner, own) = (Arc::clone(self), Arc::clone(meta));
            async move { inner.load(&own).await }
        };
        let hot = self.hot.get_or_load(&Handle::current(), meta.id, load).await?;
        // A version that was replaced before its rows were there must not stay like a newest one.
        if self.versions.is_superseded(meta.id) {
            self.hot.supersede(meta.id);
        }
        Ok(hot)
    }

    /// After the commit: the new version is in memory when the old one was or the import left it.
    fn swap(
        self: &Arc<Self>,
        runtime: &Handle,
        before: Option<Arc<VersionMeta>>,
        meta: Arc<VersionMeta>,
        mode: Mode,
        fresh: Option<(Hot, Arc<Room>)>,
    ) {
        let superseded = self.versions.learn(&meta);
        let base = before.as_ref().and_then(|before| self.hot.get(before.id));
        match (mode, base, fresh) {
            (Mode::Replace, _, Some((fresh, room))) => {
                self.hot.put(meta.id, fresh, &room);
            }
            (Mode::Append, Some(base), Some(fresh)) => {
                let room = self.hot.room();
                self.hot.preload(runtime, meta.id, || loads::append(base, fresh, room));
            }
            // It is loaded when somebody looks at it.
            (_, _, _) => {}
        }
        drop((meta, before));
        self.retire(superseded);
    }

    /// This version is not the newest any more.
    fn retire(&self, superseded: Option<Uuid>) {
        if let Some(version) = superseded {
            self.hot.supersede(version);
            self.prune();
        }
    }

    /// Drops from memory what is superseded and read by nobody.
    pub(crate) fn prune(&self) {
        let read = self.versions.read();
        let dropped = self.hot.prune(|version| read.contains(&version));
        self.engine.prune(|version| !dropped.contains(&version));
    }
}

fn same_schema(before: Option<&Schema>, fresh: &Schema) -> Result<()> {
    let before = before.map(Schema::columns).unwrap_or_default();
    let fresh = fresh.columns();
    if before == fresh {
        return Ok(());
    }
    let place = before.iter().zip(fresh).position(|(before, fresh)| before != fresh);
    let detail = match place {
        Some(place) => format!(
            "column {} is {} ({}), not {} ({})",
            place + 1,
            fresh[place].name,
            fresh[place].kind.word(),
            before[place].name,
            before[place].kind.word()
        ),
        None => format!("{} columns, not {}", fresh.len(), before.len()),
    };
    Err(codes::SCHEMA_DIFFERS.error(detail))
}

fn not_found(id: DatasetId) -> wh_base::Error {
    codes::NOT_FOUND.error(format!("there is no dataset {id}"))
}
