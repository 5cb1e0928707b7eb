//! From a stream of bytes to segments on the object store and hot chunks in memory: all of it, or nothing that anybody
//! sees. The catalog entry is made later, by the commit.
mod bad_lines;
mod pipeline;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use uuid::Uuid;
use wh_base::{Error, IdSource, Result};
use wh_contract::{DatasetId, TenantId};

pub use bad_lines::{BAD_LINES_BYTES_MAX, BAD_LINES_KEPT_MAX, BadLines, bad_lines, bad_lines_csv};
pub use pipeline::IMPORT_ROWS_MAX;

use crate::codes;
use crate::engine::Hot;
use crate::model::Schema;
use crate::read::{ReadHints, ReadOptions};
use crate::segment::{Objects, SegmentMeta, Target, bad_lines_path};
use pipeline::{Job, Read};

/// Imports that run at once in one process, as a default: each has two threads and up to 200 MB.
pub const IMPORTS_AT_ONCE: usize = 2;
/// How long an import waits for its turn before it is refused.
const TURN_WAIT_MAX: Duration = Duration::from_secs(20);
/// When a refused import may be tried again.
const BUSY_RETRY_S: u32 = 5;
/// Bytes of one piece in the queue.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait for the reader.
const PIECES_WAITING_MAX: usize = 16;

/// What imports need of their surroundings.
#[derive(Clone)]
pub struct IngestHost {
    objects: Objects,
    ids: IdSource,
    hot_budget_bytes: u64,
    turns: Arc<Semaphore>,
}

impl IngestHost {
    /// Imports into this store, so many at once, hot within this budget.
    pub fn new(objects: Objects, ids: IdSource, hot_budget_bytes: u64, imports_at_once: usize) -> Self {
        Self { objects, ids, hot_budget_bytes, turns: Arc::new(Semaphore::new(imports_at_once.max(1))) }
    }

    /// The store.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Where new ids come from.
    pub fn ids(&self) -> &IdSource {
        &self.ids
    }

    /// What all hot data may take.
    pub fn hot_budget_bytes(&self) -> u64 {
        self.hot_budget_bytes
    }
}

/// How the file is read.
#[derive(Clone, Debug)]
pub enum Source {
    /// As these options say.
    Options(Box<ReadOptions>),
    /// As its begin looks like.
    Detect {
        /// Its name, if it has one.
        file_name: Option<String>,
        /// What is known already.
        hints: ReadHints,
    },
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that were read.
    pub bytes: u64,
    /// Rows that came out, told chunk by chunk.
    pub rows: u64,
    /// Lines that were set aside.
    pub bad_lines: u64,
}

#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicU64,
    rows: AtomicU64,
    bad_lines: AtomicU64,
}

impl Counters {
    fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    fn add_bad(&self) {
        self.bad_lines.fetch_add(1, Ordering::Relaxed);
    }
}

/// A watch on a running import, for whoever shows its progress.
#[derive(Clone, Debug)]
pub struct ProgressWatch(Arc<Counters>);

impl ProgressWatch {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            bytes: self.0.bytes.load(Ordering::Relaxed),
            rows: self.0.rows.load(Ordering::Relaxed),
            bad_lines: self.0.bad_lines.load(Ordering::Relaxed),
        }
    }
}

/// What the reading thread is sent.
enum Piece {
    Bytes(Bytes),
    End,
}

/// Everything an import made, durable and not yet visible. Commit it, or discard it.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is for.
    pub dataset: DatasetId,
    /// The columns.
    pub schema: Schema,
    /// How the file was read.
    pub options: ReadOptions,
    /// How many rows there are.
    pub rows: u64,
    /// Where they lie, in order.
    pub segments: Vec<SegmentMeta>,
    /// What was set aside.
    pub bad: BadLines,
    /// The rows in memory; none when they are more than the budget.
    pub hot: Option<Hot>,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// JSON keys that are in no column, the first of them.
    pub unknown_keys: Vec<String>,
}

impl Staged {
    /// Removes its objects, as nobody will name them.
    pub async fn discard(self, objects: &Objects) -> Result<()> {
        for path in self.segments.iter().map(|segment| &segment.path).chain(self.bad.path.as_ref()) {
            objects.delete(path).await?;
        }
        Ok(())
    }
}

/// A running import. Dropping it stops it and leaves nothing that anybody sees.
pub struct Ingest {
    host: IngestHost,
    tenant: TenantId,
    dataset: DatasetId,
    pieces: mpsc::Sender<Piece>,
    outcome: oneshot::Receiver<Result<Read>>,
    counters: Arc<Counters>,
    _turn: OwnedSemaphorePermit,
}

impl Ingest {
    /// Starts an import as soon as its turn comes. Must run inside a tokio runtime.
    pub async fn start(
        host: &IngestHost,
        tenant: TenantId,
        dataset: DatasetId,
        source: Source,
    ) -> Result<Self> {
        if let Source::Options(options) = &source {
            options.check()?;
        }
        let turn = tokio::time::timeout(TURN_WAIT_MAX, Arc::clone(&host.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(codes::IMPORTS_BUSY.error("no import has ended in time").retry_after(BUSY_RETRY_S));
        };
        let counters = Arc::new(Counters::default());
        let (pieces, receiver) = mpsc::channel(PIECES_WAITING_MAX);
        let (sender, outcome) = oneshot::channel();
        let target = Target {
            objects: host.objects.clone(),
            ids: host.ids.clone(),
            tenant,
            dataset,
            runtime: tokio::runtime::Handle::current(),
        };
        let job =
            Job { source, target, hot_budget_bytes: host.hot_budget_bytes, counters: Arc::clone(&counters) };
        std::thread::Builder::new()
            .name("wh-import-read".to_owned())
            .spawn(move || sender.send(pipeline::run(&job, receiver)).is_ok())
            .map_err(|error| codes::IMPORT_STOPPED.caused("no thread for the reader", error))?;
        Ok(Self { host: host.clone(), tenant, dataset, pieces, outcome, counters, _turn: turn })
    }

    /// The next piece of the file, of any size. Waits while the reader is behind; fails when the import has failed.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            if self.pieces.send(Piece::Bytes(piece)).await.is_err() {
                return Err(self.failure().await);
            }
        }
        Ok(())
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.watch().progress()
    }

    /// A watch that outlives borrows of the import.
    pub fn watch(&self) -> ProgressWatch {
        ProgressWatch(Arc::clone(&self.counters))
    }

    /// The end of the file: waits until everything is read and durable.
    pub async fn finish(mut self) -> Result<Staged> {
        if self.pieces.send(Piece::End).await.is_err() {
            return Err(self.failure().await);
        }
        let read = match (&mut self.outcome).await {
            Ok(read) => read?,
            Err(_) => return Err(codes::IMPORT_STOPPED.error("the reading thread failed")),
        };
        let file_bytes = self.progress().bytes;
        let segments = read.written.settled().await?;
        let mut bad = BadLines { count: read.bad.count, kept: read.bad.kept, path: None, bytes: 0 };
        if bad.kept > 0 {
            let path = bad_lines_path(self.tenant, self.dataset, self.host.ids.next::<Uuid>());
            bad.bytes = read.bad.bytes.len() as u64;
            if let Err(error) = self.host.objects.put(&path, Bytes::from(read.bad.bytes)).await {
                for segment in &segments {
                    self.host.objects.delete(&segment.path).await.ok(); // what stays is left to the sweep
                }
                return Err(error);
            }
            bad.path = Some(path);
        }
        Ok(Staged {
            tenant: self.tenant,
            dataset: self.dataset,
            schema: read.schema,
            options: read.options,
            rows: read.rows,
            segments,
            bad,
            hot: read.hot,
            file_bytes,
            unknown_keys: read.unknown_keys,
        })
    }

    /// Why the reading thread has ended early.
    async fn failure(&mut self) -> Error {
        match (&mut self.outcome).await {
            Ok(Err(error)) => error,
            Ok(Ok(_)) | Err(_) => codes::IMPORT_STOPPED.error("the reading thread has ended"),
        }
    }
}
