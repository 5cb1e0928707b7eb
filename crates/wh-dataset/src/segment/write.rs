//! Writes chunks as Parquet segments, on a thread that may block; uploads run beside it.
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;
use wh_base::{Error, IdSource, Result, Served};
use wh_contract::{DatasetId, TenantId};

use super::SegmentMeta;
use super::paths;
use super::store::{Objects, PART_BYTES, Part};
use crate::codes;
use crate::model::{ColumnType, Schema};

/// Rows of one segment, about: a chunk is not divided.
pub const SEGMENT_ROWS_MAX: u64 = 2_097_152;
/// Encoded bytes after which a segment is closed.
pub const SEGMENT_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Rows of one row group, about.
const ROW_GROUP_ROWS: usize = 262_144;
/// Encoded bytes in memory after which a row group is closed.
const ROW_GROUP_BYTES: usize = 12 * 1024 * 1024;

/// Rows of a segment's first chunk from which its whole numbers are worth a delta encoder, which takes a megabyte for
/// each column before the first row comes.
const DELTA_ROWS_MIN: usize = 4_096;
/// Columns up to which they may have such encoders.
const DELTA_COLUMNS_MAX: usize = 64;

/// Where objects go and how new ones are called.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) objects: Objects,
    pub(crate) ids: IdSource,
    pub(crate) tenant: TenantId,
    pub(crate) dataset: DatasetId,
    pub(crate) runtime: tokio::runtime::Handle,
    /// Bytes of all segments so far.
    pub(crate) stored: Arc<AtomicU64>,
}

/// A segment whose rows are all encoded; durable when its task says so.
struct Written {
    id: Uuid,
    path: String,
    rows: u64,
    upload: JoinHandle<Result<u64>>,
}

impl Written {
    /// Waits until it is durable.
    async fn settled(self) -> Result<SegmentMeta> {
        match self.upload.await {
            Ok(Ok(bytes)) => Ok(SegmentMeta { id: self.id, path: self.path, rows: self.rows, bytes }),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(codes::IMPORT_STOPPED.caused("an upload was interrupted", error)),
        }
    }
}

/// The segments of one import on their way to disk. Dropping it removes what is there already.
pub(crate) struct WrittenSet {
    target: Target,
    list: Vec<Written>,
}

impl WrittenSet {
    /// Waits until all are durable; if one fails, the others are removed.
    pub(crate) async fn settled(mut self) -> Result<Vec<SegmentMeta>> {
        let mut settled: Vec<SegmentMeta> = Vec::with_capacity(self.list.len());
        while !self.list.is_empty() {
            match self.list.remove(0).settled().await {
                Ok(meta) => settled.push(meta),
                Err(error) => {
                    for meta in settled {
                        self.target.objects.delete(&meta.path).await.ok();
                    }
                    return Err(error);
                }
            }
        }
        Ok(settled)
    }
}

impl Drop for WrittenSet {
    fn drop(&mut self) {
        for written in self.list.drain(..) {
            let objects = self.target.objects.clone();
            let removing = async move {
                if let Ok(meta) = written.settled().await
                    && let Err(error) = objects.delete(&meta.path).await
                {
                    tracing::warn!(path = %meta.path, %error, "a segment of a stopped import is left to the sweep");
                }
            };
            self.target.runtime.spawn(Served::current().within(removing));
        }
    }
}

/// Writes one import's segments, one after the other.
pub(crate) struct SegmentWriter {
    columns: Schema,
    schema: SchemaRef,
    open: Option<Open>,
    done: WrittenSet,
}

struct Open {
    id: Uuid,
    path: String,
    rows: u64,
    writer: ArrowWriter<Parts>,
    upload: JoinHandle<Result<u64>>,
}

/// Gathers bytes into parts and hands them to the upload.
struct Parts {
    buffer: Vec<u8>,
    sender: mpsc::Sender<Part>,
    stored: Arc<AtomicU64>,
}

impl Parts {
    fn send(&mut self, part: Part) -> std::io::Result<()> {
        self.sender.blocking_send(part).map_err(|_| std::io::Error::other("the upload has ended"))
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stored.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            let part = std::mem::take(&mut self.buffer);
            self.send(Part::Bytes(Bytes::from(part)))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Text goes through a dictionary; numbers do not, as looking each one up costs more than snappy saves on disk.
fn properties(schema: &Schema, first_rows: usize) -> WriterProperties {
    let whole = if first_rows >= DELTA_ROWS_MIN && schema.len() <= DELTA_COLUMNS_MAX {
        Encoding::DELTA_BINARY_PACKED
    } else {
        Encoding::PLAIN
    };
    let mut properties = WriterProperties::builder()
        .set_created_by("wheelhouse".to_owned())
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_dictionary_enabled(false);
    for column in schema.columns() {
        let path = ColumnPath::new(vec![column.name.clone()]);
        properties = match column.kind {
            ColumnType::Text => properties.set_column_dictionary_enabled(path, true),
            ColumnType::Int | ColumnType::DateTime | ColumnType::Date => {
                properties.set_column_encoding(path, whole)
            }
            ColumnType::Double | ColumnType::Bool => properties,
        };
    }
    properties.build()
}

impl SegmentWriter {
    pub(crate) fn new(target: Target, schema: &Schema) -> Self {
        let done = WrittenSet { target, list: Vec::new() };
        Self { columns: schema.clone(), schema: schema.arrow(), open: None, done }
    }

    /// Appends a chunk. Blocks while the upload is behind.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        debug_assert!(batch.schema().fields().iter().all(|field| *field.data_type() != DataType::Null));
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(batch.num_rows())?,
        };
        open.writer.write(batch).map_err(failed)?;
        open.rows += batch.num_rows() as u64;
        if open.writer.memory_size() >= ROW_GROUP_BYTES {
            open.writer.flush().map_err(failed)?;
        }
        if open.rows >= SEGMENT_ROWS_MAX || open.writer.bytes_written() as u64 >= SEGMENT_BYTES_MAX {
            self.done.list.push(end(open)?);
        } else {
            self.open = Some(open);
        }
        Ok(())
    }

    /// Ends the last segment; all are encoded, not all are durable yet.
    pub(crate) fn finish(mut self) -> Result<WrittenSet> {
        if let Some(open) = self.open.take() {
            self.done.list.push(end(open)?);
        }
        Ok(self.done)
    }

    fn begin(&self, first_rows: usize) -> Result<Open> {
        let target = &self.done.target;
        let id: Uuid = target.ids.next();
        let path = paths::segment(target.tenant, target.dataset, id);
        let (sender, upload) = target.objects.upload(&path, &target.runtime)?;
        let parts = Parts { buffer: Vec::new(), sender, stored: Arc::clone(&target.stored) };
        let properties = properties(&self.columns, first_rows);
        let writer = ArrowWriter::try_new(parts, Arc::clone(&self.schema), Some(properties));
        Ok(Open { id, path, rows: 0, writer: writer.map_err(failed)?, upload })
    }
}

fn end(open: Open) -> Result<Written> {
    let mut parts = open.writer.into_inner().map_err(failed)?;
    let rest = std::mem::take(&mut parts.buffer);
    if !rest.is_empty() {
        parts.send(Part::Bytes(Bytes::from(rest))).map_err(|error| failed(error.into()))?;
    }
    parts.send(Part::End).map_err(|error| failed(error.into()))?;
    Ok(Written { id: open.id, path: open.path, rows: open.rows, upload: open.upload })
}

fn failed(error: parquet::errors::ParquetError) -> Error {
    // From outside of the encoder: the upload, which ends when the store takes no more.
    if matches!(error, parquet::errors::ParquetError::External(_)) {
        return codes::STORE.caused("the object store took no more of a segment", error);
    }
    codes::SEGMENT.caused("a segment cannot be written", error)
}
