//! From a stream of bytes to segments on the object store and hot chunks in memory: all of it, or nothing that anybody
//! sees. The catalog entry is made later, by the commit.
mod bad_lines;
mod host;
mod pipeline;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;
use wh_base::{Error, Result, Served};
use wh_contract::{DatasetId, TenantId};

pub use bad_lines::{BAD_LINES_BYTES_MAX, BAD_LINES_KEPT_MAX, BadLines, bad_lines_csv};
pub use host::{IngestHost, IngestLimits};
pub use pipeline::IMPORT_ROWS_MAX;

use crate::codes;
use crate::engine::{Hot, Room};
use crate::model::Schema;
use crate::read::{BadLine, ReadHints, ReadOptions, complete, places};
use crate::segment::{Objects, SegmentMeta, Target, bad_lines_path};
use host::Place;
use pipeline::{Job, Read};

/// Bytes of one piece in the queue.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait for the reader.
const PIECES_WAITING_MAX: usize = 16;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that were read.
    pub bytes: u64,
    /// Rows that came out, told chunk by chunk.
    pub rows: u64,
    /// Lines that were set aside.
    pub bad_lines: u64,
    /// Bytes of rows on their way to the object store.
    pub stored: u64,
}

#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicU64,
    rows: AtomicU64,
    bad_lines: AtomicU64,
    stored: Arc<AtomicU64>,
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
    /// The first lines of it.
    pub first_bad: Vec<BadLine>,
    /// The rows in memory; none when they are more than the budget.
    pub hot: Option<Hot>,
    /// Their part of the budget, until the commit hands them on.
    pub(crate) room: Option<Arc<Room>>,
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
    _place: Place,
}

impl Ingest {
    /// Starts an import as soon as there is a place for it. Must run inside a tokio runtime.
    pub async fn start(
        host: &IngestHost,
        tenant: TenantId,
        dataset: DatasetId,
        source: Source,
    ) -> Result<Self> {
        Self::start_behind(host, tenant, dataset, source, None).await
    }

    /// The same for rows that come behind others: a file whose columns are not these, by name and type, is refused as soon as
    /// it is known how to read it.
    pub async fn start_behind(
        host: &IngestHost,
        tenant: TenantId,
        dataset: DatasetId,
        mut source: Source,
        behind: Option<Schema>,
    ) -> Result<Self> {
        if let Source::Options(options) = &mut source {
            options.check()?;
            complete(options, behind.as_ref());
            places(options, behind.as_ref())?;
        }
        let place = host.place(tenant).await?;
        let counters = Arc::new(Counters::default());
        let (pieces, receiver) = mpsc::channel(PIECES_WAITING_MAX);
        let (sender, outcome) = oneshot::channel();
        let stored = Arc::clone(&counters.stored);
        let target = Target {
            objects: host.objects().clone(),
            ids: host.ids().clone(),
            tenant,
            dataset,
            runtime: tokio::runtime::Handle::current(),
            stored,
        };
        let job = Job {
            source,
            behind,
            block_bytes: host.block_bytes(),
            target,
            hot: Arc::clone(&host.hot),
            turns: Arc::clone(&host.turns),
            counters: Arc::clone(&counters),
        };
        std::thread::Builder::new()
            .name("wh-import-read".to_owned())
            .spawn(Served::carried(move || sender.send(pipeline::run(&job, receiver)).is_ok()))
            .map_err(|error| codes::IMPORT_STOPPED.caused("no thread for the reader", error))?;
        Ok(Self { host: host.clone(), tenant, dataset, pieces, outcome, counters, _place: place })
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
        Progress {
            bytes: self.counters.bytes.load(Ordering::Relaxed),
            rows: self.counters.rows.load(Ordering::Relaxed),
            bad_lines: self.counters.bad_lines.load(Ordering::Relaxed),
            stored: self.counters.stored.load(Ordering::Relaxed),
        }
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
        let first_bad = read.bad.first();
        let segments = read.written.settled().await?;
        let mut bad = BadLines { count: read.bad.count, kept: read.bad.kept, path: None, bytes: 0 };
        if bad.kept > 0 {
            let path = bad_lines_path(self.tenant, self.dataset, self.host.ids().next::<Uuid>());
            bad.bytes = read.bad.bytes.len() as u64;
            if let Err(error) = self.host.objects().put(&path, Bytes::from(read.bad.bytes)).await {
                for segment in &segments {
                    self.host.objects().delete(&segment.path).await.ok(); // what stays is left to the sweep
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
            first_bad,
            hot: read.hot,
            room: read.room,
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
