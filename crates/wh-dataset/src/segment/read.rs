//! Reads Parquet segments back into chunks of the same Arrow types as ingest makes. Blocks: not for the reactor.
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use wh_base::{Error, Result};

use super::SegmentMeta;
use super::store::{Content, Objects};
use crate::codes;
use crate::model::{CHUNK_ROWS, Schema};

/// Cells that are read at once: rows of many columns come in shorter chunks.
const BATCH_CELLS_MAX: usize = 4_194_304;

/// A segment that is open for reading.
pub struct SegmentReader {
    content: Content,
    rows: u64,
    path: String,
}

/// Opens a segment; the reading itself is [`SegmentReader::read`].
pub async fn open_segment(objects: &Objects, segment: &SegmentMeta) -> Result<SegmentReader> {
    let content = objects.open(&segment.path).await?;
    Ok(SegmentReader { content, rows: segment.rows, path: segment.path.clone() })
}

impl SegmentReader {
    /// Hands out the rows in chunks of the schema, its columns found by name. Blocks the thread. Fails when the segment
    /// does not hold what the catalog says.
    pub fn read(self, schema: &Schema, each: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        let reader = match self.content {
            Content::File(file) => reader(file, schema.len()),
            Content::Bytes(bytes) => reader(bytes, schema.len()),
        };
        let wanted = schema.arrow();
        let mut rows = 0;
        for batch in reader.map_err(|error| failed(&self.path, error))? {
            let batch = batch.map_err(|error| failed(&self.path, error))?;
            rows += batch.num_rows() as u64;
            let columns = wanted.fields().iter().map(|field| match batch.column_by_name(field.name()) {
                Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
                _ => Err(codes::SEGMENT.error(format!(
                    "{}: column {} is not as the catalog says",
                    self.path,
                    field.name()
                ))),
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let batch = RecordBatch::try_new(Arc::clone(&wanted), columns)
                .map_err(|error| failed(&self.path, error))?;
            each(batch)?;
        }
        if rows != self.rows {
            return Err(codes::SEGMENT.error(format!("{}: {rows} rows, not {}", self.path, self.rows)));
        }
        Ok(())
    }
}

fn reader<T: ChunkReader + 'static>(
    content: T,
    columns: usize,
) -> parquet::errors::Result<ParquetRecordBatchReader> {
    let rows = (BATCH_CELLS_MAX / columns.max(1)).clamp(1, CHUNK_ROWS);
    ParquetRecordBatchReaderBuilder::try_new(content)?.with_batch_size(rows).build()
}

fn failed(path: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    codes::SEGMENT.caused(format!("{path} cannot be read"), error)
}
